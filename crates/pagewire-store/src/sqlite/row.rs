//! Between the words of the domain and what a column holds.

use std::str::FromStr;

use jiff::Timestamp;

use crate::error::StoreError;
use crate::state::keys::KeyMode;

pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

pub(super) fn timestamp(micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(|_| StoreError::damaged("a time out of range"))
}

pub(super) fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::damaged("a negative count"))
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn parsed<T: FromStr>(text: &str, what: &'static str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::damaged(what))
}

/// The day of a time, UTC, as `2026-01-31`.
pub(super) fn day(at: Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

pub(super) fn mode_text(mode: KeyMode) -> &'static str {
    match mode {
        KeyMode::Live => "live",
        KeyMode::Test => "test",
    }
}

pub(super) fn mode(text: &str) -> Result<KeyMode, StoreError> {
    [KeyMode::Live, KeyMode::Test]
        .into_iter()
        .find(|mode| mode_text(*mode) == text)
        .ok_or(StoreError::damaged("a mode"))
}
