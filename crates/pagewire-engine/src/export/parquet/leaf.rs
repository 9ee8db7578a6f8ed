//! The values of one row group, shredded into leaves: every scalar column, at whatever depth it stands, with a
//! definition and a repetition level for each of its places, as the Dremel paper has it (Nested Encoding, parquet-format).
//!
//! A level is one for each optional or repeated ancestor that is there. A place without a value says by its definition
//! level how much of the way to it was there.

use std::ops::Range;

use bytes::Bytes;
use parquet::basic::Type as Physical;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedColumnWriter;
use parquet::schema::types::ColumnDescriptor;

use crate::export::columns::{Column, ColumnType, FIXED};
use crate::export::row::{Cell, Row};

/// Places that are handed to the encoder at once.
const BATCH_PLACES: usize = 4_096;
/// What a place counts for beside its value: two levels, here and as indices of a dictionary.
const LEVEL_BYTES: usize = 4;
/// A number, or where a text ends.
const SCALAR_BYTES: usize = 8;

/// A leaf's values and the levels of its places.
pub(super) struct Leaf {
    max_definition: i16,
    max_repetition: i16,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    values: Values,
}

enum Values {
    /// All texts behind each other, and where each ends.
    Texts {
        bytes: Vec<u8>,
        ends: Vec<usize>,
    },
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Doubles(Vec<f64>),
    Booleans(Vec<bool>),
}

/// Where in the nesting a value stands.
#[derive(Clone, Copy)]
struct Place {
    definition: i16,
    repetition: i16,
    /// Lists around it.
    lists: i16,
}

/// What a row takes in the leaves; encoded, it is no more.
pub(super) fn bytes_of(columns: &[Column], row: &Row<'_>) -> usize {
    let texts = [row.url.len(), row.status.len(), row.error_code.as_ref().map_or(0, |code| code.len())];
    let fixed = texts.iter().sum::<usize>() + FIXED.len() * (LEVEL_BYTES + SCALAR_BYTES);
    columns.iter().zip(&row.cells).map(|(column, cell)| bytes_of_cell(&column.kind, cell)).sum::<usize>()
        + fixed
}

fn bytes_of_cell(kind: &ColumnType, cell: &Cell<'_>) -> usize {
    match (kind, cell) {
        (ColumnType::List(of), Cell::List(cells)) if !cells.is_empty() => {
            cells.iter().map(|cell| bytes_of_cell(of, cell)).sum()
        }
        (ColumnType::Struct(columns), Cell::Struct(cells)) => {
            columns.iter().zip(cells).map(|(column, cell)| bytes_of_cell(&column.kind, cell)).sum()
        }
        (_, Cell::Text(text)) => text.len() + SCALAR_BYTES + LEVEL_BYTES,
        (_, Cell::Json(text)) => text.len() + SCALAR_BYTES + LEVEL_BYTES,
        (_, Cell::Integer(_) | Cell::Number(_) | Cell::Boolean(_)) => SCALAR_BYTES + LEVEL_BYTES,
        (kind, Cell::Null | Cell::List(_) | Cell::Struct(_)) => LEVEL_BYTES * leaf_count(kind),
    }
}

/// Adds a row to the leaves.
pub(super) fn shred(leaves: &mut [Leaf], columns: &[Column], row: &Row<'_>) {
    let top = Place { definition: 0, repetition: 0, lists: 0 };
    let there = Place { definition: 1, ..top };
    let (fixed, mut rest) = leaves.split_at_mut(FIXED.len());
    if let [url, status, http_status, error_code, fetched_at] = fixed {
        url.text(top, row.url.as_bytes());
        status.text(top, row.status.as_bytes());
        match row.http_status {
            Some(status) => http_status.int32(there, status.into()),
            None => http_status.level(top),
        }
        match &row.error_code {
            Some(code) => error_code.text(there, code.as_bytes()),
            None => error_code.level(top),
        }
        match row.fetched_at {
            Some(at) => fetched_at.int64(there, at.as_millisecond()),
            None => fetched_at.level(top),
        }
    }
    for (column, cell) in columns.iter().zip(&row.cells) {
        let own = rest.split_off_mut(..leaf_count(&column.kind)).unwrap_or_default();
        shred_cell(own, &column.kind, cell, top);
    }
}

fn leaf_count(kind: &ColumnType) -> usize {
    match kind {
        ColumnType::List(of) => leaf_count(of),
        ColumnType::Struct(columns) => columns.iter().map(|column| leaf_count(&column.kind)).sum(),
        ColumnType::Text
        | ColumnType::Integer
        | ColumnType::Number
        | ColumnType::Boolean
        | ColumnType::Json => 1,
    }
}

/// Adds a cell to the leaves of its column. It goes as deep as the column's type.
fn shred_cell(leaves: &mut [Leaf], kind: &ColumnType, cell: &Cell<'_>, at: Place) {
    let there = Place { definition: at.definition + 1, ..at };
    match (kind, cell) {
        (ColumnType::Struct(columns), Cell::Struct(cells)) => {
            let mut rest = leaves;
            for (column, cell) in columns.iter().zip(cells) {
                let own = rest.split_off_mut(..leaf_count(&column.kind)).unwrap_or_default();
                shred_cell(own, &column.kind, cell, there);
            }
        }
        (ColumnType::List(_), Cell::List(cells)) if cells.is_empty() => absent(leaves, there),
        (ColumnType::List(of), Cell::List(cells)) => {
            for (position, cell) in cells.iter().enumerate() {
                let repetition = if position == 0 { at.repetition } else { at.lists + 1 };
                let element = Place { definition: at.definition + 2, repetition, lists: at.lists + 1 };
                shred_cell(leaves, of, cell, element);
            }
        }
        (_, cell) => match leaves {
            [leaf] => leaf.scalar(cell, at, there),
            leaves => absent(leaves, at),
        },
    }
}

fn absent(leaves: &mut [Leaf], at: Place) {
    for leaf in leaves {
        leaf.level(at);
    }
}

impl Leaf {
    pub(super) fn of(column: &ColumnDescriptor) -> Self {
        let values = match column.physical_type() {
            Physical::INT32 => Values::Int32(Vec::new()),
            Physical::INT64 | Physical::INT96 => Values::Int64(Vec::new()),
            Physical::DOUBLE | Physical::FLOAT => Values::Doubles(Vec::new()),
            Physical::BOOLEAN => Values::Booleans(Vec::new()),
            Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY => {
                Values::Texts { bytes: Vec::new(), ends: Vec::new() }
            }
        };
        Self {
            max_definition: column.max_def_level(),
            max_repetition: column.max_rep_level(),
            definitions: Vec::new(),
            repetitions: Vec::new(),
            values,
        }
    }

    fn scalar(&mut self, cell: &Cell<'_>, at: Place, there: Place) {
        match cell {
            Cell::Text(text) => self.text(there, text.as_bytes()),
            Cell::Json(text) => self.text(there, text.as_bytes()),
            Cell::Integer(number) => self.int64(there, *number),
            Cell::Number(number) => self.double(there, *number),
            Cell::Boolean(truth) => self.boolean(there, *truth),
            Cell::Null | Cell::List(_) | Cell::Struct(_) => self.level(at),
        }
    }

    fn level(&mut self, at: Place) {
        if self.max_definition > 0 {
            self.definitions.push(at.definition);
        }
        if self.max_repetition > 0 {
            self.repetitions.push(at.repetition);
        }
    }

    // A cell has the type of its column, which the leaf was made from.

    fn text(&mut self, at: Place, text: &[u8]) {
        if let Values::Texts { bytes, ends } = &mut self.values {
            bytes.extend_from_slice(text);
            ends.push(bytes.len());
            self.level(at);
        }
    }

    fn int32(&mut self, at: Place, number: i32) {
        if let Values::Int32(values) = &mut self.values {
            values.push(number);
            self.level(at);
        }
    }

    fn int64(&mut self, at: Place, number: i64) {
        if let Values::Int64(values) = &mut self.values {
            values.push(number);
            self.level(at);
        }
    }

    fn double(&mut self, at: Place, number: f64) {
        if let Values::Doubles(values) = &mut self.values {
            values.push(number);
            self.level(at);
        }
    }

    fn boolean(&mut self, at: Place, truth: bool) {
        if let Values::Booleans(values) = &mut self.values {
            values.push(truth);
            self.level(at);
        }
    }

    /// Hands everything to the encoder; the leaf is empty afterwards.
    pub(super) fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = Levels {
            definitions: std::mem::take(&mut self.definitions),
            repetitions: std::mem::take(&mut self.repetitions),
            max_definition: self.max_definition,
            max_repetition: self.max_repetition,
        };
        match &mut self.values {
            Values::Texts { bytes, ends } => {
                let texts = Bytes::from(std::mem::take(bytes));
                let ends = std::mem::take(ends);
                let start_of = |at: usize| if at == 0 { 0 } else { ends[at - 1] };
                levels.write::<ByteArrayType, _>(column, ends.len(), |range| {
                    range.map(|at| ByteArray::from(texts.slice(start_of(at)..ends[at]))).collect::<Vec<_>>()
                })
            }
            Values::Int32(values) => levels.write_slice::<Int32Type>(column, values),
            Values::Int64(values) => levels.write_slice::<Int64Type>(column, values),
            Values::Doubles(values) => levels.write_slice::<DoubleType>(column, values),
            Values::Booleans(values) => levels.write_slice::<BoolType>(column, values),
        }
    }
}

struct Levels {
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    max_definition: i16,
    max_repetition: i16,
}

impl Levels {
    fn write_slice<T: DataType>(
        &self,
        column: &mut SerializedColumnWriter<'_>,
        values: &mut Vec<T::T>,
    ) -> Result<(), ParquetError> {
        let values = std::mem::take(values);
        let values = values.as_slice();
        self.write::<T, _>(column, values.len(), |range| &values[range])
    }

    fn write<T: DataType, V: AsRef<[T::T]>>(
        &self,
        column: &mut SerializedColumnWriter<'_>,
        count: usize,
        values: impl Fn(Range<usize>) -> V,
    ) -> Result<(), ParquetError> {
        let column = column.typed::<T>();
        let places = if self.max_definition > 0 { self.definitions.len() } else { count };
        let (mut place, mut value) = (0, 0);
        while place < places {
            let end = self.end_of_batch(place, places);
            let definitions = (self.max_definition > 0).then(|| &self.definitions[place..end]);
            let repetitions = (self.max_repetition > 0).then(|| &self.repetitions[place..end]);
            let present = definitions.map_or(end - place, |levels| {
                levels.iter().filter(|level| **level == self.max_definition).count()
            });
            column.write_batch(values(value..value + present).as_ref(), definitions, repetitions)?;
            place = end;
            value += present;
        }
        Ok(())
    }

    /// A batch ends where a row ends.
    fn end_of_batch(&self, from: usize, places: usize) -> usize {
        let end = (from + BATCH_PLACES).min(places);
        if self.max_repetition == 0 {
            return end;
        }
        self.repetitions[end..].iter().position(|level| *level == 0).map_or(places, |more| end + more)
    }
}
