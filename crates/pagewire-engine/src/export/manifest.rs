//! What an export consists of: written last, and so only there when all the files are.

use serde::{Deserialize, Serialize};

use super::encoder::Sums;

/// The name of the manifest beside the files.
pub(super) const NAME: &str = "manifest.json";

/// The files of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Records of all files.
    pub rows: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// The files, in the order of the records.
    pub files: Vec<FileEntry>,
    /// The files of the archived pages, in the same order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub archive: Vec<FileEntry>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its name below the export's prefix.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its records; a header is none.
    pub rows: u64,
    /// SHA-256 of its bytes, in lower-case hexadecimal digits.
    pub sha256: String,
}

impl FileEntry {
    pub(crate) fn new(name: String, sums: &Sums) -> Self {
        let sha256 = sums.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { name, bytes: sums.bytes, rows: sums.rows, sha256 }
    }
}

impl Manifest {
    pub(super) fn of(files: Vec<FileEntry>, archive: Vec<FileEntry>) -> Self {
        let rows = files.iter().map(|file| file.rows).sum();
        let bytes = files.iter().map(|file| file.bytes).sum();
        Self { rows, bytes, files, archive }
    }
}
