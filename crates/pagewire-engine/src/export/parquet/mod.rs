//! Parquet: typed columns, zstd, in row groups that are bounded by what they hold in memory.
//!
//! The rows of a group wait as plain values, column by column, until the group is full; then its columns are encoded one
//! after another and leave. So memory is a group's values and one column's pages, however long the file is.

mod leaf;
mod schema;

use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

use super::columns::Column;
use super::row::Row;
use leaf::Leaf;

/// Bytes of values that one row group holds. DuckDB's own groups have 122,880 rows: rows of 130 bytes make as many.
const GROUP_BYTES: u64 = 8 << 20;
/// What a file has beside its groups, and for each column of each group, at most.
const FOOTER_BYTES: u64 = 4 << 10;
const FOOTER_BYTES_OF_COLUMN: u64 = 600;

/// A Parquet file being made.
pub(super) struct ParquetFile {
    writer: SerializedFileWriter<Vec<u8>>,
    columns: Arc<[Column]>,
    leaves: Vec<Leaf>,
    limit: u64,
    /// Bytes of values that the file can still take.
    room: u64,
    group_bytes: u64,
    group_rows: u64,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is in the file.
    Yes,
    /// The file has no more room; the row goes into the next one.
    Full,
}

impl ParquetFile {
    /// A file that is to be no longer than the limit, unless its first row alone is.
    pub(super) fn begin(columns: Arc<[Column]>, limit: u64) -> Result<Self, ParquetError> {
        let schema = Arc::new(schema::of(&columns)?);
        let writer = SerializedFileWriter::new(Vec::new(), schema, properties())?;
        let leaves = writer.schema_descr().columns().iter().map(|column| Leaf::of(column)).collect();
        let mut file = Self { writer, columns, leaves, limit, room: 0, group_bytes: 0, group_rows: 0 };
        file.room = file.room_left();
        Ok(file)
    }

    pub(super) fn push(&mut self, row: &Row<'_>) -> Result<Taken, ParquetError> {
        let bytes = leaf::bytes_of(&self.columns, row) as u64;
        if self.group_bytes + bytes > self.room.min(GROUP_BYTES) {
            self.end_group()?;
            let has_rows = !self.writer.flushed_row_groups().is_empty();
            if has_rows && bytes > self.room {
                return Ok(Taken::Full);
            }
        }
        leaf::shred(&mut self.leaves, &self.columns, row);
        self.group_bytes += bytes;
        self.group_rows += 1;
        Ok(Taken::Yes)
    }

    /// What has been made since it was last taken.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.writer.inner_mut())
    }

    pub(super) fn finish(mut self) -> Result<Vec<u8>, ParquetError> {
        self.end_group()?;
        self.writer.into_inner()
    }

    fn end_group(&mut self) -> Result<(), ParquetError> {
        if self.group_rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        let mut leaves = self.leaves.iter_mut();
        while let Some(mut column) = group.next_column()? {
            if let Some(leaf) = leaves.next() {
                leaf.write(&mut column)?;
            }
            column.close()?;
        }
        group.close()?;
        self.writer.flush()?;
        self.group_bytes = 0;
        self.group_rows = 0;
        self.room = self.room_left();
        Ok(())
    }

    /// How many bytes of values may still come without the file growing past its limit: encoded, they are no more.
    /// Little room is none, so that a file does not end in ever smaller groups.
    fn room_left(&self) -> u64 {
        let groups = self.writer.flushed_row_groups().len() as u64 + 1;
        let footer = FOOTER_BYTES + groups * self.leaves.len() as u64 * FOOTER_BYTES_OF_COLUMN;
        let room = self.limit.saturating_sub(self.writer.bytes_written() as u64 + footer);
        if room < self.limit / 16 { 0 } else { room }
    }
}

fn properties() -> WriterPropertiesPtr {
    let properties = WriterProperties::builder()
        .set_created_by("pagewire".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        // Of whole groups: what readers skip by.
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        // No URL comes twice.
        .set_column_dictionary_enabled(ColumnPath::from("url"), false)
        .build();
    Arc::new(properties)
}

#[cfg(test)]
pub(in crate::export) mod tests;
