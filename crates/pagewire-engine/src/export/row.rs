//! From a record's JSON to the cells of its row, in one pass and without a tree of values.
//!
//! What a page's own `extract` put under a column's name in another type is no value of that column: the cell is
//! empty, and the NDJSON has it as it was.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use pagewire_journal::Record;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::ExportError;
use super::columns::{Column, ColumnType, STATUS_ERROR, STATUS_OK};
use crate::run::ERROR;

/// A value of a cell, as its column wants it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Text(Cow<'a, str>),
    Integer(i64),
    Number(f64),
    Boolean(bool),
    List(Vec<Cell<'a>>),
    /// A cell for each field of the column's type.
    Struct(Vec<Cell<'a>>),
    Json(&'a str),
}

/// A record as a row.
#[derive(Debug, PartialEq)]
pub(super) struct Row<'a> {
    pub(super) url: Cow<'a, str>,
    pub(super) status: &'static str,
    pub(super) http_status: Option<u16>,
    pub(super) error_code: Option<Cow<'a, str>>,
    pub(super) fetched_at: Option<Timestamp>,
    /// A cell for each column.
    pub(super) cells: Vec<Cell<'a>>,
}

impl<'a> Row<'a> {
    pub(super) fn read(record: &'a Record, columns: &[Column]) -> Result<Self, ExportError> {
        let mut json = serde_json::Deserializer::from_slice(&record.body);
        let body = BodySeed { columns }
            .deserialize(&mut json)
            .map_err(|source| ExportError::Damaged { position: record.position.0, source })?;
        let failed = record.kind == ERROR;
        Ok(Self {
            url: body.url.unwrap_or_default(),
            status: if failed { STATUS_ERROR } else { STATUS_OK },
            http_status: body.http_status,
            error_code: body.code.filter(|_| failed),
            fetched_at: body.fetched_at.and_then(|text| text.parse().ok()),
            cells: body.cells.unwrap_or_else(|| nulls(columns.len())),
        })
    }
}

fn nulls<'a>(count: usize) -> Vec<Cell<'a>> {
    std::iter::repeat_with(|| Cell::Null).take(count).collect()
}

#[derive(Default)]
struct Body<'a> {
    url: Option<Cow<'a, str>>,
    http_status: Option<u16>,
    code: Option<Cow<'a, str>>,
    fetched_at: Option<&'a str>,
    cells: Option<Vec<Cell<'a>>>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum BodyField {
    Url,
    HttpStatus,
    Code,
    Data,
    Meta,
    #[serde(other)]
    Other,
}

/// A string that is borrowed where it can be.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct Meta<'a> {
    // A time has no character that JSON escapes.
    #[serde(borrow, default)]
    fetched_at: Option<&'a str>,
}

struct BodySeed<'c> {
    columns: &'c [Column],
}

impl<'de> DeserializeSeed<'de> for BodySeed<'_> {
    type Value = Body<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Body<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for BodySeed<'_> {
    type Value = Body<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body<'de>, A::Error> {
        let mut body = Body::default();
        while let Some(field) = map.next_key()? {
            match field {
                BodyField::Url => body.url = map.next_value::<Option<Text<'de>>>()?.map(|text| text.0),
                BodyField::HttpStatus => body.http_status = map.next_value()?,
                BodyField::Code => body.code = map.next_value::<Option<Text<'de>>>()?.map(|text| text.0),
                BodyField::Data => {
                    body.cells = Some(map.next_value_seed(FieldsSeed { columns: self.columns })?);
                }
                BodyField::Meta => body.fetched_at = map.next_value::<Meta<'de>>()?.fetched_at,
                BodyField::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(body)
    }
}

/// The fields of an object into the cells of the columns.
struct FieldsSeed<'c> {
    columns: &'c [Column],
}

impl<'de> DeserializeSeed<'de> for FieldsSeed<'_> {
    type Value = Vec<Cell<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Cell<'de>>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FieldsSeed<'_> {
    type Value = Vec<Cell<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Cell<'de>>, A::Error> {
        let mut cells = nulls(self.columns.len());
        // Fields come in the order of the columns, so the next one is nearly always where it is looked for first.
        let mut expected = 0;
        while let Some(Text(name)) = map.next_key()? {
            let count = self.columns.len();
            let found =
                (0..count).map(|step| (expected + step) % count).find(|at| self.columns[*at].name == name);
            match found {
                Some(at) => {
                    cells[at] = map.next_value_seed(CellSeed { kind: &self.columns[at].kind })?;
                    expected = at + 1;
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(cells)
    }
}

/// One value into a cell of its type. It nests as deep as the type does, not as the value.
#[derive(Clone, Copy)]
struct CellSeed<'c> {
    kind: &'c ColumnType,
}

impl<'de> DeserializeSeed<'de> for CellSeed<'_> {
    type Value = Cell<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell<'de>, D::Error> {
        if *self.kind == ColumnType::Json {
            let raw = <&RawValue>::deserialize(deserializer)?.get();
            return Ok(if raw == "null" { Cell::Null } else { Cell::Json(raw) });
        }
        deserializer.deserialize_any(self)
    }
}

/// Within 2^53 every whole f64 is exact.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

impl<'de> Visitor<'de> for CellSeed<'_> {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Cell<'de>, E> {
        Ok(Cell::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Cell<'de>, E> {
        Ok(match self.kind {
            ColumnType::Boolean => Cell::Boolean(truth),
            ColumnType::Text => Cell::Text(truth.to_string().into()),
            _ => Cell::Null,
        })
    }

    fn visit_i64<E>(self, number: i64) -> Result<Cell<'de>, E> {
        Ok(match self.kind {
            ColumnType::Integer => Cell::Integer(number),
            ColumnType::Number => Cell::Number(number as f64),
            ColumnType::Text => Cell::Text(number.to_string().into()),
            _ => Cell::Null,
        })
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Cell<'de>, E> {
        match i64::try_from(number) {
            Ok(number) => self.visit_i64(number),
            Err(_) => Ok(match self.kind {
                ColumnType::Number => Cell::Number(number as f64),
                ColumnType::Text => Cell::Text(number.to_string().into()),
                _ => Cell::Null,
            }),
        }
    }

    fn visit_f64<E>(self, number: f64) -> Result<Cell<'de>, E> {
        Ok(match self.kind {
            ColumnType::Integer if number.fract() == 0.0 && number.abs() <= EXACT_MAX => {
                Cell::Integer(number as i64)
            }
            ColumnType::Number => Cell::Number(number),
            ColumnType::Text => Cell::Text(number.to_string().into()),
            _ => Cell::Null,
        })
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cell<'de>, E> {
        Ok(if *self.kind == ColumnType::Text { Cell::Text(Cow::Borrowed(text)) } else { Cell::Null })
    }

    fn visit_str<E>(self, text: &str) -> Result<Cell<'de>, E> {
        Ok(if *self.kind == ColumnType::Text { Cell::Text(Cow::Owned(text.to_owned())) } else { Cell::Null })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Cell<'de>, A::Error> {
        let ColumnType::List(of) = self.kind else {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Cell::Null);
        };
        let mut cells = Vec::new();
        while let Some(cell) = seq.next_element_seed(CellSeed { kind: of })? {
            cells.push(cell);
        }
        Ok(Cell::List(cells))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cell<'de>, A::Error> {
        let ColumnType::Struct(columns) = self.kind else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Cell::Null);
        };
        FieldsSeed { columns }.visit_map(map).map(Cell::Struct)
    }
}

#[cfg(test)]
mod tests {
    use pagewire_journal::{Kind, Position};
    use serde_json::{Value, json};

    use super::*;
    use crate::run::PAGE;

    fn record(kind: Kind, body: &Value) -> Record {
        let body = body.to_string().into();
        Record { position: Position(1), kind, weight: 1, body, committed_us: 0, committed_at: None }
    }

    fn column(name: &str, kind: ColumnType) -> Column {
        Column { name: name.into(), kind }
    }

    #[test]
    fn a_page_is_read_into_its_columns_whatever_their_order() {
        let columns = [
            column("name", ColumnType::Text),
            column("price", ColumnType::Number),
            column("tags", ColumnType::List(Box::new(ColumnType::Text))),
            column("offer", ColumnType::Struct(vec![column("stock", ColumnType::Integer)])),
            column("rest", ColumnType::Json),
        ];
        let page = record(
            PAGE,
            &json!({"url": "http://a/", "http_status": 200, "code": "mine", "data": {
                "rest": {"a": [1]}, "price": 219, "more": [[]], "name": "Al\"pha", "offer": {"x": 1, "stock": 3.0},
                "tags": ["a", null, 7]}, "meta": {"fetched_at": "2026-01-02T03:04:05.678Z"}}),
        );
        let row = Row::read(&page, &columns).expect("a row");
        assert_eq!((row.status, row.http_status, row.error_code), ("ok", Some(200), None));
        assert_eq!(row.fetched_at.map(Timestamp::as_millisecond), Some(1_767_323_045_678));
        assert_eq!(
            row.cells,
            [
                Cell::Text("Al\"pha".into()),
                Cell::Number(219.0),
                Cell::List(vec![Cell::Text("a".into()), Cell::Null, Cell::Text("7".into())]),
                Cell::Struct(vec![Cell::Integer(3)]),
                Cell::Json(r#"{"a":[1]}"#),
            ]
        );
    }

    #[test]
    fn an_error_has_its_code_and_no_cells() {
        let error = record(ERROR, &json!({"url": "http://a/", "code": "timeout", "error": "…", "index": 3}));
        let row = Row::read(&error, &[column("name", ColumnType::Text)]).expect("a row");
        assert_eq!((row.status, row.http_status), ("error", None));
        assert_eq!(row.error_code.as_deref(), Some("timeout"));
        assert_eq!(row.cells, [Cell::Null]);
    }

    #[test]
    fn a_value_of_another_type_leaves_its_cell_empty() {
        for kind in [
            ColumnType::Integer,
            ColumnType::Number,
            ColumnType::Boolean,
            ColumnType::List(Box::new(ColumnType::Integer)),
            ColumnType::Struct(vec![column("a", ColumnType::Text)]),
        ] {
            let page = record(PAGE, &json!({"url": "http://a/", "data": {"a": "text", "b": 1.5}}));
            let columns = [column("a", kind)];
            assert_eq!(Row::read(&page, &columns).expect("a row").cells, [Cell::Null], "{columns:?}");
        }
        let page = record(PAGE, &json!({"data": {"a": u64::MAX, "b": {"deep": [1]}}}));
        let columns = [column("a", ColumnType::Integer), column("b", ColumnType::Text)];
        assert_eq!(Row::read(&page, &columns).expect("a row").cells, [Cell::Null, Cell::Null]);
    }

    #[test]
    fn what_is_no_record_is_told_with_its_place() {
        let broken = Record { body: "{\"url\":".into(), ..record(PAGE, &json!({})) };
        assert!(matches!(Row::read(&broken, &[]), Err(ExportError::Damaged { position: 1, .. })));
    }
}
