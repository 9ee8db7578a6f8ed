//! Dates of PDF (ISO 32000, section 7.9.4), `D:20260203093000+01'00'`, of which all but the year may be missing.

use std::ops::RangeInclusive;

/// The date as RFC 3339. A time without an offset is taken for UTC, a date without a time stays a date.
pub(super) fn to_rfc3339(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix("D:").unwrap_or(text);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (date, offset) = text.split_at(digits);
    let part = |at: std::ops::Range<usize>, allowed: RangeInclusive<u32>| {
        let value: u32 = date.get(at)?.parse().ok()?;
        allowed.contains(&value).then_some(value)
    };
    let year = part(0..4, 1..=9_999)?;
    let month = part(4..6, 1..=12).unwrap_or(1);
    let day = part(6..8, 1..=31).unwrap_or(1);
    let day = format!("{year:04}-{month:02}-{day:02}");
    let (Some(hour), Some(minute)) = (part(8..10, 0..=23), part(10..12, 0..=59)) else { return Some(day) };
    let second = part(12..14, 0..=59).unwrap_or(0);
    Some(format!("{day}T{hour:02}:{minute:02}:{second:02}{}", offset_of(offset)))
}

fn offset_of(text: &str) -> String {
    let sign = text.chars().next().filter(|sign| matches!(sign, '+' | '-'));
    let digits: String = text.chars().filter(char::is_ascii_digit).take(4).collect();
    match (sign, digits.get(..2), digits.get(2..4).unwrap_or("00")) {
        (Some(sign), Some(hours), minutes) if hours <= "23" && minutes <= "59" && digits != "0000" => {
            format!("{sign}{hours}:{minutes}")
        }
        _ => "Z".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_far_as_they_go() {
        for (text, expected) in [
            ("D:20260203093000+01'00'", Some("2026-02-03T09:30:00+01:00")),
            ("D:20260203093000Z", Some("2026-02-03T09:30:00Z")),
            ("D:20260203093000-05'30", Some("2026-02-03T09:30:00-05:30")),
            ("20260203093000+00'00'", Some("2026-02-03T09:30:00Z")),
            ("D:202602030930", Some("2026-02-03T09:30:00Z")),
            ("D:20260203", Some("2026-02-03")),
            ("D:2026", Some("2026-01-01")),
            ("yesterday", None),
            ("D:é0260203", None),
        ] {
            assert_eq!(to_rfc3339(text).as_deref(), expected, "{text}");
        }
    }
}
