//! Records in, chunks of files out: all of an export's work on the CPU, without a runtime.

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use pagewire_journal::Record;

use super::file::File;
use super::parquet::Taken;
use super::{ExportError, ExportSpec, columns};

/// Bytes of a file that leave at once.
const CHUNK_BYTES: usize = 1 << 20;

/// What comes out of an [`Encoder`], in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// The next bytes of the file.
    Bytes(Bytes),
    /// The file is whole; what follows is of the next one.
    EndOfFile(Sums),
}

/// What is known of a file once it is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// Its length.
    pub bytes: u64,
    /// Its records; a header is none.
    pub rows: u64,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
}

/// Encodes records into files. An export without records is one file without rows.
pub struct Encoder {
    spec: ExportSpec,
    file: File,
    held: usize,
    rows: u64,
    bytes: u64,
    hash: Context,
}

impl Encoder {
    /// Begins the first file.
    pub fn new(mut spec: ExportSpec) -> Result<Self, ExportError> {
        spec.columns = columns::sound(&spec.columns).into();
        let file = File::begin(&spec)?;
        Ok(Self { spec, file, held: 0, rows: 0, bytes: 0, hash: Context::new(&SHA256) })
    }

    /// Takes the next record. After an error the encoder is of no more use.
    pub fn push(&mut self, record: &Record, out: &mut Vec<Chunk>) -> Result<(), ExportError> {
        if self.file.push(record)? == Taken::Full {
            let next = File::begin(&self.spec)?;
            self.end(next, out)?;
            // An empty file takes any record.
            self.file.push(record)?;
        }
        self.rows += 1;
        self.held += record.body.len();
        // Looked at now and then: what a record became is not told.
        if self.held >= CHUNK_BYTES {
            self.held = 0;
            let bytes = self.file.take();
            self.give(bytes, out);
        }
        Ok(())
    }

    /// Ends the last file.
    pub fn finish(mut self, out: &mut Vec<Chunk>) -> Result<(), ExportError> {
        let rest = File::begin(&self.spec)?;
        self.end(rest, out)
    }

    fn end(&mut self, next: File, out: &mut Vec<Chunk>) -> Result<(), ExportError> {
        let rest = std::mem::replace(&mut self.file, next).finish()?;
        self.give(rest, out);
        let hash = std::mem::replace(&mut self.hash, Context::new(&SHA256)).finish();
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(hash.as_ref());
        out.push(Chunk::EndOfFile(Sums { bytes: self.bytes, rows: self.rows, sha256 }));
        (self.bytes, self.rows, self.held) = (0, 0, 0);
        Ok(())
    }

    fn give(&mut self, bytes: Vec<u8>, out: &mut Vec<Chunk>) {
        if !bytes.is_empty() {
            self.hash.update(&bytes);
            self.bytes += bytes.len() as u64;
            out.push(Chunk::Bytes(bytes.into()));
        }
    }
}
