//! The list's bytes in, the stored form out: all of an upload's work on the CPU, without a runtime.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use pagewire_extract::{Plan, PlanOptions};
use pagewire_types::{FieldError, InvalidLine, RefusedLine, ScrapeParams, check_entry};
use serde::Deserialize;

use super::csv_rows::{CsvRow, CsvRows};
use super::lines::{Line, Lines};
use super::stored::ChunkWriter;
use super::{
    INVALID_TOLD_MAX, LINE_BYTES_MAX, OnInvalid, UploadCoding, UploadError, UploadForm, UploadSpec,
    UploadSummary, WIRE_BYTES_MAX,
};

/// Characters of a line that is no entry that stand in for its URL.
const SHOWN_CHARS: usize = 200;

/// Reads a list.
pub struct UploadParser {
    unpacker: Unpacker,
}

enum Unpacker {
    Identity(Box<List>),
    Gzip(Box<MultiGzDecoder<List>>),
}

impl UploadParser {
    /// A reader of one list.
    #[must_use]
    pub fn new(spec: UploadSpec) -> Self {
        let list = List::new(spec);
        let unpacker = match spec.coding {
            UploadCoding::Identity => Unpacker::Identity(Box::new(list)),
            UploadCoding::Gzip => Unpacker::Gzip(Box::new(MultiGzDecoder::new(list))),
        };
        Self { unpacker }
    }

    /// Takes the next bytes. After an error the reader is of no more use.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), UploadError> {
        let list = self.list();
        list.summary.bytes += bytes.len() as u64;
        if list.summary.bytes > WIRE_BYTES_MAX {
            return Err(UploadError::TooLarge { max: WIRE_BYTES_MAX });
        }
        match &mut self.unpacker {
            Unpacker::Identity(list) => list.push(bytes),
            Unpacker::Gzip(decoder) => {
                decoder.write_all(bytes).map_err(|error| refusal(decoder.get_mut(), error))
            }
        }
    }

    /// What is to be stored since it was last taken.
    pub fn take(&mut self) -> Vec<u8> {
        self.list().stored.take()
    }

    /// Ends the list: the rest of what is to be stored, and what the list turned out to be.
    pub fn finish(self) -> Result<(Vec<u8>, UploadSummary), UploadError> {
        let list = match self.unpacker {
            Unpacker::Identity(list) => *list,
            Unpacker::Gzip(mut decoder) => {
                decoder.try_finish().map_err(|error| refusal(decoder.get_mut(), error))?;
                decoder.finish().map_err(UploadError::Gzip)?
            }
        };
        list.finish()
    }

    fn list(&mut self) -> &mut List {
        match &mut self.unpacker {
            Unpacker::Identity(list) => list,
            Unpacker::Gzip(decoder) => decoder.get_mut(),
        }
    }
}

/// The decoder passes on what its list said, but only as an error of the system.
fn refusal(list: &mut List, error: io::Error) -> UploadError {
    list.refused.take().unwrap_or(UploadError::Gzip(error))
}

/// The list as it is unpacked.
struct List {
    spec: UploadSpec,
    rows: Rows,
    /// The first bytes, until there are enough to see a mark in them.
    head: Option<Vec<u8>>,
    unpacked: u64,
    stored: ChunkWriter,
    summary: UploadSummary,
    refused: Option<UploadError>,
}

enum Rows {
    Ndjson(Lines),
    Csv(Box<CsvRows>),
}

impl Write for List {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes).map_err(|error| {
            self.refused = Some(error);
            io::Error::other("the list was refused")
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl List {
    fn new(spec: UploadSpec) -> Self {
        let rows = match spec.form {
            UploadForm::Ndjson => Rows::Ndjson(Lines::default()),
            UploadForm::Csv => Rows::Csv(Box::new(CsvRows::new())),
        };
        Self {
            spec,
            rows,
            head: Some(Vec::new()),
            unpacked: 0,
            stored: ChunkWriter::default(),
            summary: UploadSummary::default(),
            refused: None,
        }
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), UploadError> {
        self.unpacked += bytes.len() as u64;
        if self.unpacked > self.spec.unpacked_bytes_max {
            return Err(UploadError::Bomb { max: self.spec.unpacked_bytes_max });
        }
        let Some(head) = &mut self.head else { return self.read(bytes) };
        head.extend_from_slice(bytes);
        if head.len() < UTF8_MARK.len() { Ok(()) } else { self.read_head() }
    }

    /// A mark of UTF-8 is left out; one of UTF-16 tells what this is.
    fn read_head(&mut self) -> Result<(), UploadError> {
        let head = self.head.take().unwrap_or_default();
        if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
            return Err(UploadError::Utf16);
        }
        self.read(head.strip_prefix(UTF8_MARK).unwrap_or(&head))
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), UploadError> {
        let Self { spec, rows, stored, summary, .. } = self;
        let mut taker = Taker { spec, stored, summary };
        match rows {
            Rows::Ndjson(lines) => lines.push(bytes, |line, text| taker.line(line, text)),
            Rows::Csv(rows) => rows.push(bytes, |line, row| taker.row(line, row)),
        }
    }

    fn finish(mut self) -> Result<(Vec<u8>, UploadSummary), UploadError> {
        if self.head.is_some() {
            self.read_head()?;
        }
        let Self { spec, mut rows, mut stored, mut summary, .. } = self;
        let mut taker = Taker { spec: &spec, stored: &mut stored, summary: &mut summary };
        match &mut rows {
            Rows::Ndjson(lines) => lines.finish(|line, text| taker.line(line, text))?,
            Rows::Csv(rows) => rows.finish(|line, row| taker.row(line, row))?,
        }
        if summary.urls == 0 && summary.invalid == 0 {
            return Err(UploadError::Empty);
        }
        let (rest, chunks) = stored.finish();
        summary.chunks = chunks;
        Ok((rest, summary))
    }
}

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Judges rows, and puts them where they belong.
struct Taker<'l> {
    spec: &'l UploadSpec,
    stored: &'l mut ChunkWriter,
    summary: &'l mut UploadSummary,
}

impl Taker<'_> {
    fn line(&mut self, line: u64, text: Line<'_>) -> Result<(), UploadError> {
        let bytes = match text {
            Line::Whole(bytes) => bytes.trim_ascii(),
            Line::TooLong => {
                return self.invalid(line, "", format!("it has more than {LINE_BYTES_MAX} bytes"));
            }
        };
        if bytes.is_empty() {
            return Ok(());
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => self.entry(line, text),
            Err(_) => self.invalid(line, &String::from_utf8_lossy(bytes), "it is not UTF-8".to_owned()),
        }
    }

    fn row(&mut self, line: u64, row: CsvRow<'_>) -> Result<(), UploadError> {
        match row {
            CsvRow::Entry(text) => self.entry(line, text),
            CsvRow::Invalid { url, detail } => self.invalid(line, url, detail),
        }
    }

    fn entry(&mut self, line: u64, text: &str) -> Result<(), UploadError> {
        let judged =
            check_entry(text).and_then(|overrides| overrides.as_deref().map_or(Ok(()), judge_reading));
        match judged {
            Ok(()) => {
                self.count()?;
                self.stored.push(text);
                Ok(())
            }
            Err(faults) => {
                let details: Vec<String> = faults.iter().map(FieldError::to_string).collect();
                self.invalid(line, &url_of(text), details.join("; "))
            }
        }
    }

    fn invalid(&mut self, line: u64, url: &str, detail: String) -> Result<(), UploadError> {
        self.summary.invalid += 1;
        if self.spec.on_invalid == OnInvalid::Record {
            self.count()?;
            let shown: String = url.chars().take(SHOWN_CHARS).collect();
            self.stored.push_invalid(InvalidLine { line, url: shown, detail: detail.clone() });
        }
        if self.summary.invalid_told.len() < INVALID_TOLD_MAX {
            self.summary.invalid_told.push(RefusedLine { line, detail });
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), UploadError> {
        self.summary.urls += 1;
        if self.summary.urls > self.spec.urls_max {
            return Err(UploadError::TooManyUrls { max: self.spec.urls_max });
        }
        Ok(())
    }
}

/// Whether pages can be read as an entry's own overrides want it.
fn judge_reading(overrides: &ScrapeParams) -> Result<(), Vec<FieldError>> {
    let reads_otherwise = overrides.extract.is_some()
        || overrides.include_selectors.is_some()
        || overrides.exclude_selectors.is_some()
        || overrides.formats.is_some();
    if !reads_otherwise {
        return Ok(());
    }
    let options = PlanOptions {
        formats: overrides.formats.unwrap_or_default(),
        extract: overrides.extract.clone(),
        only_main_content: true,
        include_selectors: overrides.include_selectors.clone().unwrap_or_default(),
        exclude_selectors: overrides.exclude_selectors.clone().unwrap_or_default(),
    };
    Plan::compile(&options).map(drop)
}

/// The URL of a line that is no entry, or the line itself.
fn url_of(text: &str) -> String {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Text(String),
        Object { url: String },
    }
    match serde_json::from_str(text) {
        Ok(Given::Text(url) | Given::Object { url }) => url,
        Err(_) => text.to_owned(),
    }
}
