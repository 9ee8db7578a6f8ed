//! What `scrape` and `stream` say to the server about every URL.

use std::path::Path;

use pagewire_types::Format;
use serde_json::{Map, Value};

use super::CliError;

/// Bytes of a file with an `extract`.
const EXTRACT_BYTES_MAX: u64 = 1 << 20;

/// How pages are to be fetched and given back.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    #[command(flatten)]
    reading: Reading,
    /// Milliseconds for one attempt at a page, 1000 to 120000
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1_000..=120_000))]
    timeout_ms: Option<u64>,
}

/// How pages are to be given back.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Reading {
    /// What to give of a page: markdown, text, html, raw_html, links, images, metadata, structured; repeatable,
    /// commas allowed [default: markdown, or nothing but the fields of --extract]
    #[arg(long = "format", value_name = "F", value_delimiter = ',', value_parser = format)]
    formats: Vec<Format>,
    /// Fields to extract, as JSON, or @FILE with it
    #[arg(long, value_name = "JSON|@FILE")]
    extract: Option<String>,
}

impl Args {
    /// The request's members.
    pub(super) fn members(&self) -> Result<Map<String, Value>, CliError> {
        let mut members = self.reading.members()?;
        if let Some(timeout_ms) = self.timeout_ms {
            members.insert("timeout_ms".to_owned(), timeout_ms.into());
        }
        Ok(members)
    }
}

impl Reading {
    /// The request's members.
    pub(super) fn members(&self) -> Result<Map<String, Value>, CliError> {
        let mut members = Map::new();
        let formats: &[Format] = if self.formats.is_empty() && self.extract.is_none() {
            &[Format::Markdown]
        } else {
            &self.formats
        };
        let names = formats.iter().map(|format| Value::from(format.as_str())).collect();
        members.insert("formats".to_owned(), Value::Array(names));
        if let Some(extract) = &self.extract {
            members.insert("extract".to_owned(), json_or_file(extract, "extract")?);
        }
        Ok(members)
    }
}

fn format(text: &str) -> Result<Format, String> {
    Format::ALL.into_iter().find(|format| format.as_str() == text).ok_or_else(|| {
        let names: Vec<&str> = Format::ALL.iter().map(|format| format.as_str()).collect();
        format!("the formats are {}", names.join(", "))
    })
}

/// An argument that is JSON, or `@` and the name of a file with it.
pub(super) fn json_or_file(argument: &str, name: &str) -> Result<Value, CliError> {
    let text = match argument.strip_prefix('@') {
        Some(path) => read_file(Path::new(path))?,
        None => argument.to_owned(),
    };
    serde_json::from_str(&text).map_err(|error| CliError::Usage(format!("--{name} is not JSON: {error}")))
}

fn read_file(path: &Path) -> Result<String, CliError> {
    let unreadable = || CliError::io(format!("cannot read {}", path.display()));
    if std::fs::metadata(path).map_err(unreadable())?.len() > EXTRACT_BYTES_MAX {
        return Err(CliError::Usage(format!("{} has more than 1 MiB", path.display())));
    }
    std::fs::read_to_string(path).map_err(unreadable())
}
