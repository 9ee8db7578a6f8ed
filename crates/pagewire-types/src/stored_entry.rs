//! The entries of a run's input as they are stored: as the request gave them, and lines of uploads that are no URL but
//! were to be kept.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::problem::{Problem, ProblemCode};
use crate::request::UrlEntry;

/// An entry of a run's input.
#[derive(Debug, Clone, PartialEq)]
pub enum StoredEntry {
    /// A URL to fetch.
    Url(UrlEntry),
    /// A line that becomes an error record as it is.
    Invalid(InvalidLine),
}

/// A line of an upload that is no URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvalidLine {
    /// Which line it is, from 1.
    pub line: u64,
    /// What stands there in the place of a URL.
    pub url: String,
    /// What is wrong with it.
    pub detail: String,
}

/// How such a line is stored. No parameter of a URL is called `invalid`, so that it tells the two apart.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Marked {
    invalid: InvalidLine,
}

impl InvalidLine {
    /// The line as it is stored.
    #[must_use]
    pub fn into_stored(self) -> String {
        // Plain data into text: it cannot fail.
        serde_json::to_string(&Marked { invalid: self }).unwrap_or_default()
    }
}

impl StoredEntry {
    /// Reads the entries of a stored chunk, which were accepted when they were stored.
    pub fn read_chunk(items: Value) -> Result<Vec<Self>, Box<Problem>> {
        match items {
            Value::Array(items) => items.into_iter().map(Self::read).collect(),
            _ => Err(Box::new(Problem::new(ProblemCode::Internal, "a stored chunk is not an array"))),
        }
    }

    /// Reads one entry.
    pub fn read(item: Value) -> Result<Self, Box<Problem>> {
        if item.get("invalid").is_some() {
            let marked = serde_json::from_value::<Marked>(item);
            return marked.map(|marked| Self::Invalid(marked.invalid)).map_err(|error| {
                Box::new(Problem::new(
                    ProblemCode::Internal,
                    format!("a stored line cannot be read: {error}"),
                ))
            });
        }
        UrlEntry::parse(item).map(Self::Url)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_that_is_no_url_is_told_from_one_that_is() {
        let line = InvalidLine { detail: "has no host".to_owned(), url: "http:".to_owned(), line: 3 };
        let marked: Value = serde_json::from_str(&line.clone().into_stored()).expect("JSON");
        let stored = json!(["http://a.example/", {"url": "http://b.example/", "custom_id": "7"}, marked]);
        let read = StoredEntry::read_chunk(stored).expect("stored");
        assert!(matches!(&read[..2], [StoredEntry::Url(_), StoredEntry::Url(_)]));
        assert_eq!(read[2], StoredEntry::Invalid(line));
        assert!(StoredEntry::read_chunk(json!(["ftp://a.example/"])).is_err());
        assert!(StoredEntry::read_chunk(json!({})).is_err());
    }
}
