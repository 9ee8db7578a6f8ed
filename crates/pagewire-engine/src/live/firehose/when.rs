//! The many ways in which messages say when: as RFC 3339 in UTC.

use jiff::{Timestamp, civil::DateTime, fmt::rfc2822, tz::TimeZone};

/// Unix times from here on are not seconds (year 5138), …
const MILLIS_FROM: f64 = 1e11;
/// … not milliseconds, …
const MICROS_FROM: f64 = 1e14;
/// … not microseconds.
const NANOS_FROM: f64 = 1e17;

/// Reads a time: RFC 3339, a date and time without a zone (taken as UTC), RFC 2822, or a Unix time in seconds,
/// milliseconds, microseconds or nanoseconds, which its size tells. None for what is no time.
pub(super) fn when(text: &str) -> Option<String> {
    let text = text.trim();
    let time = match text.as_bytes().first()? {
        b'0'..=b'9' | b'-' | b'+' if text.parse::<f64>().is_ok() => unix(text),
        _ => text
            .parse()
            .ok()
            .or_else(|| civil(text))
            .or_else(|| rfc2822::parse(text).ok().map(|it| it.timestamp())),
    };
    time.map(|time: Timestamp| time.to_string())
}

fn unix(text: &str) -> Option<Timestamp> {
    let per_second = |size: f64| match size.abs() {
        size if size < MILLIS_FROM => 1,
        size if size < MICROS_FROM => 1_000,
        size if size < NANOS_FROM => 1_000_000,
        _ => 1_000_000_000,
    };
    if let Ok(whole) = text.parse::<i64>() {
        return match per_second(whole as f64) {
            1 => Timestamp::from_second(whole),
            1_000 => Timestamp::from_millisecond(whole),
            1_000_000 => Timestamp::from_microsecond(whole),
            _ => Timestamp::from_nanosecond(whole.into()),
        }
        .ok();
    }
    // Fractions of a second are kept to the microsecond, which is what a double holds of today.
    let size: f64 = text.parse().ok().filter(|size: &f64| size.is_finite())?;
    let micros = size / f64::from(per_second(size)) * 1e6;
    Timestamp::from_microsecond(micros.round() as i64).ok()
}

fn civil(text: &str) -> Option<Timestamp> {
    Some(text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_all_kinds_become_rfc_3339_in_utc() {
        for (said, meant) in [
            ("2026-11-21T14:00:00Z", "2026-11-21T14:00:00Z"),
            ("2026-11-21T15:00:00.5+01:00", "2026-11-21T14:00:00.5Z"),
            ("2026-11-21T14:00:00", "2026-11-21T14:00:00Z"),
            ("2026-11-21 14:00:00", "2026-11-21T14:00:00Z"),
            ("2026-11-21", "2026-11-21T00:00:00Z"),
            ("Sat, 21 Nov 2026 15:00:00 +0100", "2026-11-21T14:00:00Z"),
            ("1795269600", "2026-11-21T14:00:00Z"),
            (" 1795269600 ", "2026-11-21T14:00:00Z"),
            ("1795269600.25", "2026-11-21T14:00:00.25Z"),
            ("1795269600250", "2026-11-21T14:00:00.25Z"),
            ("1795269600250000", "2026-11-21T14:00:00.25Z"),
            ("1795269600250000000", "2026-11-21T14:00:00.25Z"),
            ("0", "1970-01-01T00:00:00Z"),
            ("-1", "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(when(said).as_deref(), Some(meant), "{said}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for said in
            ["", "soon", "{}", "1e999", "nan", "inf", "99999999999999999999999999", "2026-13-01", "-", "true"]
        {
            assert_eq!(when(said), None, "{said}");
        }
    }
}
