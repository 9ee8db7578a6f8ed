//! CSV in pieces of any size into entries: the header names the fields, each row is an object of them.
//!
//! Cells of fields that are texts are taken as they are; any other cell is JSON if it can be read as JSON, so that
//! `2000`, `true` and `["text"]` mean what they look like. An empty cell is a field that is absent.

use csv_core::{ReadRecordResult, Reader};
use pagewire_types::check_entry;
use serde_json::Value;

use super::{COLUMNS_MAX, LINE_BYTES_MAX, UploadError};

/// Fields whose values are texts, whatever they look like.
const TEXTS: [&str; 9] =
    ["url", "custom_id", "user_agent", "body", "country", "method", "proxy_type", "robots", "session"];

/// A row of a CSV.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CsvRow<'a> {
    /// An entry as JSON text.
    Entry(&'a str),
    /// No entry: its URL, as far as there is one, and why.
    Invalid { url: &'a str, detail: String },
}

/// Reads rows.
pub(super) struct CsvRows {
    reader: Box<Reader>,
    header: Option<Vec<String>>,
    text: Vec<u8>,
    text_len: usize,
    ends: Vec<usize>,
    ends_len: usize,
    is_too_long: bool,
    /// Whether a byte of the row has been read.
    has_begun: bool,
    /// The line on which the row began.
    line: u64,
    json: String,
}

impl CsvRows {
    pub(super) fn new() -> Self {
        Self {
            reader: Box::new(Reader::new()),
            header: None,
            text: vec![0; LINE_BYTES_MAX],
            text_len: 0,
            ends: vec![0; COLUMNS_MAX + 1],
            ends_len: 0,
            is_too_long: false,
            has_begun: false,
            line: 1,
            json: String::new(),
        }
    }

    /// Calls back for each row that ends in these bytes, with the number of its first line.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(u64, CsvRow<'_>) -> Result<(), UploadError>,
    ) -> Result<(), UploadError> {
        while !bytes.is_empty() {
            let read = self.read(bytes, &mut each)?;
            bytes = &bytes[read..];
        }
        Ok(())
    }

    /// The last row, which nothing ends. A list without a header is none.
    pub(super) fn finish(
        &mut self,
        mut each: impl FnMut(u64, CsvRow<'_>) -> Result<(), UploadError>,
    ) -> Result<(), UploadError> {
        // The first empty input ends a row, the second the file.
        self.read(&[], &mut each)?;
        self.read(&[], &mut each)?;
        if self.header.is_none() { Err(UploadError::Empty) } else { Ok(()) }
    }

    fn read(
        &mut self,
        bytes: &[u8],
        each: &mut impl FnMut(u64, CsvRow<'_>) -> Result<(), UploadError>,
    ) -> Result<usize, UploadError> {
        if !self.has_begun {
            let between = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            if between > 0 {
                return Ok(self.pass_over(&bytes[..between]));
            }
            self.has_begun = true;
        }
        let (result, read, text, ends) =
            self.reader.read_record(bytes, &mut self.text[self.text_len..], &mut self.ends[self.ends_len..]);
        self.text_len += text;
        self.ends_len += ends;
        match result {
            ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                // The rest of the row is read over what was kept of it.
                self.is_too_long = true;
                (self.text_len, self.ends_len) = (0, 0);
            }
            ReadRecordResult::Record => {
                let line = std::mem::replace(&mut self.line, self.reader.line());
                let outcome = self.row(line, each);
                (self.text_len, self.ends_len, self.is_too_long) = (0, 0, false);
                self.has_begun = false;
                outcome?;
            }
        }
        Ok(read)
    }

    /// Reads what is between rows: the line feed of a row that a carriage return has ended, and blank lines. The next row
    /// begins behind it.
    fn pass_over(&mut self, bytes: &[u8]) -> usize {
        let (_, read, _, _) = self.reader.read_record(bytes, &mut self.text, &mut self.ends);
        self.line = self.reader.line();
        read
    }

    fn row(
        &mut self,
        line: u64,
        each: &mut impl FnMut(u64, CsvRow<'_>) -> Result<(), UploadError>,
    ) -> Result<(), UploadError> {
        let text = std::str::from_utf8(&self.text[..self.text_len]);
        let ends = &self.ends[..self.ends_len];
        let Some(header) = &self.header else {
            let text = text.map_err(|_| UploadError::Header("is not UTF-8".to_owned()))?;
            if self.is_too_long {
                let detail = format!("has more than {COLUMNS_MAX} columns or {LINE_BYTES_MAX} bytes");
                return Err(UploadError::Header(detail));
            }
            self.header = Some(read_header(cells(text, ends))?);
            return Ok(());
        };
        let invalid = |url, detail: String| CsvRow::Invalid { url, detail };
        let Ok(text) = text else { return each(line, invalid("", "it is not UTF-8".to_owned())) };
        if self.is_too_long {
            let detail = format!("it has more than {COLUMNS_MAX} cells or {LINE_BYTES_MAX} bytes");
            return each(line, invalid("", detail));
        }
        if ends.len() != header.len() {
            let url = header.iter().zip(cells(text, ends)).find(|(name, _)| *name == "url");
            let detail = format!("it has {} cells; the header has {}", ends.len(), header.len());
            return each(line, invalid(url.map_or("", |(_, url)| url), detail));
        }
        write_entry(header, cells(text, ends), &mut self.json);
        each(line, CsvRow::Entry(&self.json))
    }
}

/// The cells of a row. Ends lie between characters: separators and quotes are ASCII.
fn cells<'a>(text: &'a str, ends: &'a [usize]) -> impl Iterator<Item = &'a str> {
    ends.iter().scan(0, move |start, end| {
        let cell = text.get(*start..*end).unwrap_or_default();
        *start = *end;
        Some(cell)
    })
}

fn read_header<'a>(cells: impl Iterator<Item = &'a str>) -> Result<Vec<String>, UploadError> {
    let mut names: Vec<String> = Vec::new();
    for cell in cells {
        let name = cell.trim().to_owned();
        if names.contains(&name) {
            return Err(UploadError::Header(format!("has `{}` twice", brief(&name))));
        }
        // A field that is absent is judged by its name alone.
        let mut probe = serde_json::Map::new();
        probe.insert("url".to_owned(), "http://probe.example/".into());
        probe.entry(name.as_str()).or_insert(Value::Null);
        if check_entry(&Value::Object(probe).to_string()).is_err() {
            return Err(UploadError::Header(format!(
                "has `{}`, which is no field of an entry",
                brief(&name)
            )));
        }
        names.push(name);
    }
    if !names.iter().any(|name| name == "url") {
        return Err(UploadError::Header("has no `url`".to_owned()));
    }
    Ok(names)
}

fn brief(name: &str) -> String {
    name.chars().take(80).collect()
}

fn write_entry<'a>(header: &[String], cells: impl Iterator<Item = &'a str>, json: &mut String) {
    json.clear();
    json.push('{');
    for (name, cell) in header.iter().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
        if json.len() > 1 {
            json.push(',');
        }
        push_string(name, json);
        json.push(':');
        let is_json =
            !TEXTS.contains(&name.as_str()) && serde_json::from_str::<serde::de::IgnoredAny>(cell).is_ok();
        if is_json {
            json.push_str(cell);
        } else {
            push_string(cell, json);
        }
    }
    json.push('}');
}

fn push_string(text: &str, json: &mut String) {
    // Text into text: it cannot fail.
    json.push_str(&serde_json::to_string(text).unwrap_or_default());
}
