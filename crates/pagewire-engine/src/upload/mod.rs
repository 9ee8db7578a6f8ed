//! Uploads: a list of up to a million URLs, judged line by line while it streams in, and kept as chunks that a run can
//! load one at a time.
//!
//! ```text
//! bytes ─ Unpacker ─> lines (NDJSON) | rows (CSV) ─ check_entry ─> stored: a JSON array a chunk ─> blob
//! ```
//!
//! Neither the list nor more than a line of it is ever held. What is no entry is counted, and the first hundred are told
//! with line and reason; whether the list is refused for them, or they are kept as errors, is the caller's wish.

mod accept;
mod csv_rows;
mod lines;
mod parser;
mod store;
mod stored;

use std::ops::Range;

use pagewire_store::BlobError;
use pagewire_types::RefusedLine;

pub use accept::{NotUploaded, Uploaded};
pub use parser::UploadParser;
pub use store::{UploadFailure, store};
pub(crate) use stored::ChunkWriter;

/// Bytes of a line or row.
pub const LINE_BYTES_MAX: usize = 64 * 1024;
/// Bytes that may come over the wire.
pub const WIRE_BYTES_MAX: u64 = 1_000_000_000;
/// Bytes that may come out of a packed list.
pub const UNPACKED_BYTES_MAX: u64 = 4_000_000_000;
/// Columns of a CSV.
pub const COLUMNS_MAX: usize = 64;
/// Lines that are told with their reasons; the rest are only counted.
pub const INVALID_TOLD_MAX: usize = 100;

/// The form of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadForm {
    /// A URL in quotes, or an object, a line.
    Ndjson,
    /// A header with `url`, and overrides in the other columns.
    Csv,
}

/// How a list is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadCoding {
    /// Not at all.
    Identity,
    /// RFC 1952.
    Gzip,
}

/// What becomes of lines that are no entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnInvalid {
    /// The list is refused for them. It is read to its end all the same, so that all can be told.
    Refuse,
    /// They are kept, to become `error` records.
    Record,
}

/// How a list is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadSpec {
    /// Its form.
    pub form: UploadForm,
    /// How it is packed.
    pub coding: UploadCoding,
    /// What becomes of lines that are no entries.
    pub on_invalid: OnInvalid,
    /// Entries that it may have.
    pub urls_max: u64,
    /// Bytes that may come out of it where it is packed; [`UNPACKED_BYTES_MAX`] is what a server takes.
    pub unpacked_bytes_max: u64,
}

/// What a list turned out to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UploadSummary {
    /// Entries that are kept.
    pub urls: u64,
    /// Bytes that came over the wire.
    pub bytes: u64,
    /// Where each chunk stands in the blob.
    pub chunks: Vec<Range<u64>>,
    /// Lines that are no entries.
    pub invalid: u64,
    /// The first of them.
    pub invalid_told: Vec<RefusedLine>,
}

/// Why a list as a whole cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// More came than may come.
    #[error("the upload has more than {max} bytes")]
    TooLarge {
        /// The cap.
        max: u64,
    },
    /// More comes out of it than may.
    #[error("the upload unpacks to more than {max} bytes")]
    Bomb {
        /// The cap.
        max: u64,
    },
    /// It has too many entries.
    #[error("the upload has more than {max} URLs")]
    TooManyUrls {
        /// The cap.
        max: u64,
    },
    /// It is not what it was said to be packed as.
    #[error("the upload is not whole gzip: {0}")]
    Gzip(std::io::Error),
    /// It is in no encoding that is taken.
    #[error("the upload is in UTF-16; send UTF-8")]
    Utf16,
    /// The header of the CSV does not do.
    #[error("the header of the CSV {0}")]
    Header(String),
    /// It has no entry.
    #[error("the upload has no URL")]
    Empty,
    /// It could not be stored.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// An earlier failure ended it.
    #[error("the upload was ended by an earlier failure")]
    Ended,
}

#[cfg(test)]
mod tests;
