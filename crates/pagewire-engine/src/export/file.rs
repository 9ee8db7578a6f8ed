//! One file being made, in whichever form.

use std::io::Write as _;
use std::sync::Arc;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use pagewire_journal::Record;

use super::columns::{self, Column};
use super::csv::{self, FormulaCells};
use super::parquet::{ParquetFile, Taken};
use super::row::Row;
use super::{ExportError, ExportFormat, ExportSpec, TextCompression, ndjson};

/// What a packer may have taken and not given yet, and what it writes at the end: its window, a block, its trailer.
const PACKER_HOLDS_BYTES: u64 = 160 << 10;

/// A file being made.
pub(super) enum File {
    Text(Box<TextFile>),
    Parquet(Box<ParquetFile>, Arc<[Column]>),
}

impl File {
    pub(super) fn begin(spec: &ExportSpec) -> Result<Self, ExportError> {
        let limit = spec.part_bytes_max;
        Ok(match spec.format {
            ExportFormat::Parquet => Self::Parquet(
                Box::new(ParquetFile::begin(spec.columns.clone(), limit)?),
                spec.columns.clone(),
            ),
            ExportFormat::Ndjson(compression) => {
                Self::Text(Box::new(TextFile::begin(Lines::Ndjson, compression, limit)))
            }
            ExportFormat::Csv(compression, formulas) => {
                let lines = Lines::Csv { columns: columns::flat(&spec.columns).into(), formulas };
                Self::Text(Box::new(TextFile::begin(lines, compression, limit)))
            }
        })
    }

    pub(super) fn push(&mut self, record: &Record) -> Result<Taken, ExportError> {
        match self {
            Self::Text(file) => file.push(record),
            Self::Parquet(file, columns) => Ok(file.push(&Row::read(record, columns)?)?),
        }
    }

    /// What has been made since it was last taken.
    pub(super) fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Text(file) => file.take(),
            Self::Parquet(file, _) => file.take(),
        }
    }

    /// The rest of the file.
    pub(super) fn finish(self) -> Result<Vec<u8>, ExportError> {
        match self {
            Self::Text(file) => Ok(file.finish()),
            Self::Parquet(file, _) => Ok(file.finish()?),
        }
    }
}

/// A file of lines.
pub(super) struct TextFile {
    lines: Lines,
    packer: Packer,
    line: Vec<u8>,
    limit: u64,
    /// Bytes that were taken out already.
    taken: u64,
    has_rows: bool,
}

enum Lines {
    Ndjson,
    Csv { columns: Box<[Column]>, formulas: FormulaCells },
}

enum Packer {
    None(Vec<u8>),
    Gzip(Box<GzEncoder<Vec<u8>>>),
}

impl TextFile {
    fn begin(lines: Lines, compression: TextCompression, limit: u64) -> Self {
        let packer = match compression {
            TextCompression::None => Packer::None(Vec::new()),
            // Without a time: the same records make the same bytes.
            TextCompression::Gzip => {
                Packer::Gzip(Box::new(GzBuilder::new().mtime(0).write(Vec::new(), Compression::default())))
            }
        };
        let mut file = Self { lines, packer, line: Vec::new(), limit, taken: 0, has_rows: false };
        if let Lines::Csv { columns, formulas } = &file.lines {
            csv::write_header(columns, *formulas, &mut file.line);
            file.packer.write(&file.line);
        }
        file
    }

    fn push(&mut self, record: &Record) -> Result<Taken, ExportError> {
        self.line.clear();
        match &self.lines {
            Lines::Ndjson => ndjson::write(record, &mut self.line),
            Lines::Csv { columns, formulas } => {
                csv::write_row(&Row::read(record, columns)?, *formulas, &mut self.line);
            }
        }
        let length = self.taken + self.packer.length_with(self.line.len());
        if self.has_rows && length > self.limit {
            return Ok(Taken::Full);
        }
        self.packer.write(&self.line);
        self.has_rows = true;
        Ok(Taken::Yes)
    }

    fn take(&mut self) -> Vec<u8> {
        let bytes = match &mut self.packer {
            Packer::None(out) => std::mem::take(out),
            Packer::Gzip(packer) => std::mem::take(packer.get_mut()),
        };
        self.taken += bytes.len() as u64;
        bytes
    }

    fn finish(self) -> Vec<u8> {
        match self.packer {
            Packer::None(out) => out,
            // Into memory: it cannot fail.
            Packer::Gzip(packer) => packer.finish().unwrap_or_default(),
        }
    }
}

impl Packer {
    fn write(&mut self, line: &[u8]) {
        match self {
            Self::None(out) => out.extend_from_slice(line),
            // Into memory: it cannot fail.
            Self::Gzip(packer) => drop(packer.write_all(line)),
        }
    }

    /// How long what waits here may become with a line of that many bytes.
    fn length_with(&self, line: usize) -> u64 {
        match self {
            Self::None(out) => (out.len() + line) as u64,
            // What cannot be packed grows by five bytes a block of at least 16 KiB.
            Self::Gzip(packer) => (packer.get_ref().len() + line + line / 1_024) as u64 + PACKER_HOLDS_BYTES,
        }
    }
}
