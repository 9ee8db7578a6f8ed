//! Bytes in pieces of any size into whole lines. A line past its bound is told as such and never held.

use super::LINE_BYTES_MAX;

/// A line, without what ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Whole(&'a [u8]),
    TooLong,
}

/// Cuts lines at LF; a CR before it belongs to the end.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The beginning of a line whose end has not come.
    held: Vec<u8>,
    is_too_long: bool,
    /// Lines that have ended.
    count: u64,
}

impl Lines {
    /// Calls back for each line that ends in these bytes, with its number.
    pub(super) fn push<E>(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(u64, Line<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = rest;
            self.count += 1;
            if self.held.is_empty() && !self.is_too_long {
                each(self.count, whole(line))?;
            } else {
                self.hold(line);
                self.give(&mut each)?;
            }
        }
        self.hold(bytes);
        Ok(())
    }

    /// The last line, which nothing ends.
    pub(super) fn finish<E>(
        &mut self,
        mut each: impl FnMut(u64, Line<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.held.is_empty() && !self.is_too_long {
            return Ok(());
        }
        self.count += 1;
        self.give(&mut each)
    }

    fn hold(&mut self, bytes: &[u8]) {
        if self.is_too_long || self.held.len() + bytes.len() > LINE_BYTES_MAX {
            self.is_too_long = true;
            self.held.clear();
        } else {
            self.held.extend_from_slice(bytes);
        }
    }

    fn give<E>(&mut self, each: &mut impl FnMut(u64, Line<'_>) -> Result<(), E>) -> Result<(), E> {
        let line = if self.is_too_long { Line::TooLong } else { whole(&self.held) };
        let outcome = each(self.count, line);
        self.held.clear();
        self.is_too_long = false;
        outcome
    }
}

fn whole(line: &[u8]) -> Line<'_> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > LINE_BYTES_MAX { Line::TooLong } else { Line::Whole(line) }
}
