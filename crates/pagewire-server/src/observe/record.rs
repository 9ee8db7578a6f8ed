//! A run's records on the wire: what they are called, and their ids.

use pagewire_engine::run::ERROR;
use pagewire_journal::Record;

use super::encoding::FrameWriter;

/// Whether the record is of a URL that failed.
#[must_use]
pub fn is_error(record: &Record) -> bool {
    record.kind == ERROR
}

/// The name of its event.
#[must_use]
pub fn event_name(record: &Record) -> &'static str {
    if is_error(record) { "error" } else { "page" }
}

/// Its id: decimal, at least four digits.
#[must_use]
pub fn id_text(position: u64) -> String {
    format!("{position:04}")
}

/// Reads an id.
#[must_use]
pub fn parse_id(text: &str) -> Option<u64> {
    let digits = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Its frame.
pub fn write(record: &Record, frames: &mut FrameWriter) {
    frames.event(event_name(record), &record.body, Some(&id_text(record.position.0)));
}
