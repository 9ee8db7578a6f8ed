//! The formats of texts that are looked at. Others say something to people only, as the standard has it.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::sketch::coerce::date;

/// Bytes of `2024-03-01`.
const DATE_BYTES: usize = 10;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Date,
    DateTime,
    Time,
    Email,
    Uri,
    UriReference,
    Uuid,
    Ipv4,
    Ipv6,
    Hostname,
}

impl Format {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "date" => Self::Date,
            "date-time" => Self::DateTime,
            "time" => Self::Time,
            "email" => Self::Email,
            "uri" | "url" => Self::Uri,
            "uri-reference" => Self::UriReference,
            "uuid" => Self::Uuid,
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            "hostname" => Self::Hostname,
            _ => return None,
        })
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::DateTime => "date-time",
            Self::Time => "time",
            Self::Email => "email",
            Self::Uri => "uri",
            Self::UriReference => "uri-reference",
            Self::Uuid => "uuid",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Hostname => "hostname",
        }
    }

    /// A date that people would write, as the format has it; `None` where it is that already, or cannot be.
    pub(super) fn spelled(self, text: &str) -> Option<String> {
        if !matches!(self, Self::Date | Self::DateTime) || self.holds(text) {
            return None;
        }
        let mut date = date::read(text, None)?.start;
        if self == Self::Date {
            date.truncate(DATE_BYTES);
        }
        self.holds(&date).then_some(date)
    }

    pub(super) fn holds(self, text: &str) -> bool {
        match self {
            Self::Date => is_date(text),
            Self::DateTime => text.split_at_checked(DATE_BYTES).is_some_and(|(date, rest)| {
                is_date(date) && rest.starts_with(['T', 't']) && is_time(&rest[1..])
            }),
            Self::Time => is_time(text),
            Self::Email => text.rsplit_once('@').is_some_and(|(local, host)| {
                !local.is_empty() && !local.contains(char::is_whitespace) && is_hostname(host)
            }),
            Self::Uri => is_reference(text) && url::Url::parse(text).is_ok(),
            Self::UriReference => is_reference(text),
            Self::Uuid => is_uuid(text),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Hostname => is_hostname(text),
        }
    }
}

/// Digits that stand between marks: `2024-03-01` by `-`.
fn numbers<const N: usize>(text: &str, mark: char, widths: [usize; N]) -> Option<[u32; N]> {
    let mut read = [0; N];
    let mut parts = text.split(mark);
    for (number, width) in read.iter_mut().zip(widths) {
        let part = parts.next()?;
        if part.len() != width || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(read)
}

fn is_date(text: &str) -> bool {
    numbers(text, '-', [4, 2, 2]).is_some_and(|[year, month, day]| {
        let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            2 => 28 + u32::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        (1..=12).contains(&month) && (1..=days).contains(&day)
    })
}

/// A time with its offset (RFC 3339, section 5.6).
fn is_time(text: &str) -> bool {
    let Some(zone_at) = text.find(['Z', 'z', '+', '-']) else { return false };
    let (time, zone) = text.split_at(zone_at);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let is_clock = numbers(clock, ':', [2, 2, 2])
        .is_some_and(|[hour, minute, second]| hour <= 23 && minute <= 59 && second <= 60);
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let is_zone = matches!(zone, "Z" | "z")
        || numbers(&zone[1..], ':', [2, 2]).is_some_and(|[hour, minute]| hour <= 23 && minute <= 59);
    is_clock && is_fraction && is_zone
}

fn is_reference(text: &str) -> bool {
    !text.contains(|c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '<' | '>' | '"' | '\\' | '^' | '`' | '{' | '|' | '}')
    })
}

fn is_uuid(text: &str) -> bool {
    let widths = [8, 4, 4, 4, 12];
    text.split('-').map(str::len).eq(widths)
        && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

fn is_hostname(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_spelled_as_their_format_has_it() {
        let spelled = |format: Format, text| format.spelled(text);
        assert_eq!(spelled(Format::Date, "March 1, 2024").as_deref(), Some("2024-03-01"));
        assert_eq!(spelled(Format::Date, "2024-03-01T10:00:00Z").as_deref(), Some("2024-03-01"));
        assert_eq!(
            spelled(Format::DateTime, "2024-03-01 10:00:00Z").as_deref(),
            Some("2024-03-01T10:00:00Z")
        );
        assert_eq!(spelled(Format::DateTime, "2024-03-01"), None, "no time is made up");
        assert_eq!(spelled(Format::Date, "2024-03-01"), None);
        assert_eq!(spelled(Format::Email, "March 1, 2024"), None);
        assert_eq!(spelled(Format::Date, "soon"), None);
    }

    #[test]
    fn formats_hold_what_their_standards_say() {
        for (format, good, bad) in [
            (
                Format::Date,
                &["2024-02-29", "0001-12-31"][..],
                &["2023-02-29", "2024-2-9", "29.2.2024", "2024-13-01", ""][..],
            ),
            (
                Format::DateTime,
                &["2024-02-29T10:00:00Z", "2024-02-29t10:00:00.5+02:00"],
                &[
                    "2024-02-29",
                    "2024-02-29T10:00:00",
                    "2024-02-29T10:00Z",
                    "2024-02-29 10:00:00Z",
                    "2024-02-2é",
                ],
            ),
            (Format::Time, &["23:59:60Z"], &["24:00:00Z", "10:00:00", "10:00:00.Z"]),
            (Format::Email, &["a@b.example"], &["a", "@b", "a b@c.example", "a@-b"]),
            (Format::Uri, &["https://a.example/b?c#d", "urn:isbn:1"], &["/b", "https://a b", "a"]),
            (Format::UriReference, &["/b", "", "https://a"], &["a b", "<a>"]),
            (
                Format::Uuid,
                &["123e4567-e89b-12d3-a456-426614174000"],
                &["123e4567e89b12d3a456426614174000", "g"],
            ),
            (Format::Ipv4, &["127.0.0.1"], &["127.0.0.256", "1"]),
            (Format::Ipv6, &["::1"], &["1.1.1.1"]),
            (Format::Hostname, &["a.example"], &["a_b", "", "a..b"]),
        ] {
            for text in good {
                assert!(format.holds(text), "{} {text}", format.as_str());
            }
            for text in bad {
                assert!(!format.holds(text), "{} {text}", format.as_str());
            }
        }
    }
}
