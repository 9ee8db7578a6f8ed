//! Stdout: the one place that writes to it.

use std::io::{self, ErrorKind, Write as _};

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
