//! Export: a run's journal as files. A pure function of the records and the spec: made again, it is the same bytes.
//!
//! ```text
//! records ─ push ─> Encoder (sync) ── row ── ndjson | csv | parquet ── file: gzip, parts, SHA-256 ─> Chunk
//!   Export (async): encodes on a thread that may block, writes chunks as blobs, ends with a Manifest
//! ```
//!
//! Memory does not grow with the number of records: text is held a chunk at a time, Parquet a row group at a time. What
//! a crash leaves half made is no blob; the export is made anew from the journal, under the same names or others.
//!
//! - NDJSON: a page is its envelope, an error its record with `"status":"error"` first.
//! - CSV and Parquet: `url, status, http_status, error_code, fetched_at`, then a column for each field of `extract`.

mod columns;
mod csv;
mod encoder;
mod file;
mod manifest;
mod ndjson;
mod parquet;
mod row;
mod sink;

pub use columns::{Column, ColumnType};
pub use csv::FormulaCells;
pub use encoder::{Chunk, Encoder, Sums};
pub use manifest::{FileEntry, Manifest};
pub use sink::Export;

use std::sync::Arc;

use pagewire_store::BlobError;

/// The least that a part may be bounded to: below it, files are mostly headers.
pub const PART_BYTES_MIN: u64 = 1 << 20;

/// The form of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// A record a line.
    Ndjson(TextCompression),
    /// A row a line.
    Csv(TextCompression, FormulaCells),
    /// Typed columns; compressed by itself.
    Parquet,
}

/// How text is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextCompression {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
}

impl ExportFormat {
    /// What file names end in.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Ndjson(TextCompression::None) => "ndjson",
            Self::Ndjson(TextCompression::Gzip) => "ndjson.gz",
            Self::Csv(TextCompression::None, _) => "csv",
            Self::Csv(TextCompression::Gzip, _) => "csv.gz",
            Self::Parquet => "parquet",
        }
    }

    /// The media type of a file.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson(TextCompression::None) => "application/x-ndjson",
            Self::Csv(TextCompression::None, _) => "text/csv; charset=utf-8; header=present",
            Self::Ndjson(TextCompression::Gzip) | Self::Csv(TextCompression::Gzip, _) => "application/gzip",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// Whether the files have columns, and so need to know the fields.
    #[must_use]
    pub fn is_table(self) -> bool {
        match self {
            Self::Ndjson(_) => false,
            Self::Csv(..) | Self::Parquet => true,
        }
    }
}

/// What is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportSpec {
    /// The form.
    pub format: ExportFormat,
    /// Files are split so that none is larger, unless a single record is. At least [`PART_BYTES_MIN`].
    pub part_bytes_max: u64,
    /// The columns of a table; NDJSON has none.
    pub columns: Arc<[Column]>,
}

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A record is not what a run writes.
    #[error("record {position} cannot be read")]
    Damaged {
        /// The record.
        position: u64,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The file could not be made.
    #[error("the rows could not be encoded")]
    Encode(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It could not be stored; [`BlobError::Full`] may pass.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// An earlier failure ended it, or encoding panicked.
    #[error("the export was ended by an earlier failure")]
    Ended,
}

impl From<::parquet::errors::ParquetError> for ExportError {
    fn from(error: ::parquet::errors::ParquetError) -> Self {
        Self::Encode(error.into())
    }
}

#[cfg(test)]
mod tests;
