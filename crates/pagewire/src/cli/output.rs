//! Stdout: the one place that writes to it; and what is said beside it on stderr.

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use serde::Serialize;
use serde_json::value::RawValue;

use super::CliError;

/// Writes and flushes. A reader that has gone away is [`CliError::OutputClosed`].
pub(super) fn write(bytes: &[u8]) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => CliError::OutputClosed,
        _ => CliError::Io { what: "stdout cannot be written to".to_owned(), source: error },
    })
}

/// Writes a line.
pub(super) fn line(text: impl Into<Vec<u8>>) -> Result<(), CliError> {
    let mut bytes = text.into();
    bytes.push(b'\n');
    write(&bytes)
}

/// Writes a line of JSON.
pub(super) fn json<T: Serialize>(value: &T) -> Result<(), CliError> {
    line(serde_json::to_vec(value).map_err(unwritable)?)
}

/// A line as `Accept: application/x-ndjson` gives it.
#[derive(Serialize)]
struct Record<'a> {
    event: &'a str,
    id: &'a str,
    data: &'a RawValue,
}

/// Writes a record. A reader that has stopped holds this up, and with it the stream, up to the server; but no other task.
pub(super) fn record(event: &str, id: &str, data: &RawValue) -> Result<(), CliError> {
    tokio::task::block_in_place(|| json(&Record { event, id, data }))
}

fn unwritable(error: serde_json::Error) -> CliError {
    CliError::Io { what: "a line cannot be written".to_owned(), source: error.into() }
}

/// Says something on stderr. Nobody is left to be told when that is closed.
pub(super) fn note(text: &str) {
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Whether somebody sees stderr.
pub(super) fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Whether a bar on stderr is seen and stands in nobody's way: with stdout on one terminal both would write over each other.
pub(super) fn is_seen() -> bool {
    is_terminal() && !io::stdout().is_terminal()
}
