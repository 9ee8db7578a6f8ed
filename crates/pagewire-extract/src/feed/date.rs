//! Dates of feeds: as their standards have them (RFC 822 and its successors, RFC 3339), as they nearly are, as numbers, and
//! as people write them. What cannot be meant, such as the 31st of February, is no date.

use crate::sketch::coerce::date as prose;

/// Bytes of a text that are looked at.
const TEXT_BYTES_MAX: usize = 200;
/// The last second that is a date: of the year 9999.
const LAST_S: i64 = 253_402_300_799;

/// A date as RFC 3339, in UTC.
pub(super) fn read(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text[..text.floor_char_boundary(TEXT_BYTES_MAX)].trim();
    let seconds =
        number(text).or_else(|| rfc822(text)).or_else(|| rfc3339(text)).or_else(|| by_words(text))?;
    in_utc(seconds)
}

/// Seconds or milliseconds of Unix time.
fn number(text: &str) -> Option<i64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match text.len() {
        9 | 10 => text.parse().ok(),
        12 | 13 => text.parse::<i64>().ok().map(|millis| millis / 1_000),
        _ => None,
    }
}

/// `Tue, 03 Feb 2026 09:30:00 GMT`, with or without its day of the week, whose name is of no use; day and month in either
/// order, the month in full or not, a year of two digits, hyphens for spaces, no seconds, any zone or none.
fn rfc822(text: &str) -> Option<i64> {
    let spaced = text.replace([',', '-'], " ");
    let mut words = spaced.split_ascii_whitespace();
    let mut first = words.next()?;
    if !first.starts_with(|c: char| c.is_ascii_digit()) && month(first).is_none() {
        first = words.next()?;
    }
    let second = words.next()?;
    let (month, day) = match (month(first), month(second)) {
        (Some(month), _) => (month, second),
        (None, Some(month)) => (month, first),
        (None, None) => return None,
    };
    let day: i64 = day.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().ok()?;
    let year = year(words.next()?)?;
    let time = match words.next() {
        Some(time) => clock(time)?,
        None => 0,
    };
    // The hyphen of a zone was taken for one between words.
    let zone = text
        .rfind(':')
        .map_or("", |colon| text[colon + 1..].trim_start_matches(|c: char| c.is_ascii_digit()));
    Some(day_number(year, month, day)? * 86_400 + time - zone_s(zone))
}

fn month(word: &str) -> Option<i64> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let word = word.trim_end_matches('.').to_ascii_lowercase();
    let at = NAMES.iter().position(|name| word.len() >= 3 && name.starts_with(&word))?;
    i64::try_from(at + 1).ok()
}

fn year(word: &str) -> Option<i64> {
    let year: i64 = word.parse().ok()?;
    match word.len() {
        4 => Some(year),
        // RFC 2822, section 4.3.
        2 => Some(if year < 50 { 2_000 + year } else { 1_900 + year }),
        _ => None,
    }
}

/// Hours, minutes and seconds. Midnight as 24:00, and a leap second, are taken for what comes next.
fn clock(word: &str) -> Option<i64> {
    let mut parts = word.split(':').map(|part| part.split('.').next().unwrap_or(part));
    let mut next =
        |max: i64| parts.next().map_or(Some(0), |part| part.parse().ok().filter(|n| (0..=max).contains(n)));
    Some(next(24)? * 3_600 + next(59)? * 60 + next(60)?)
}

/// ISO 8601 with what feeds do to it: a space for the `T`, no seconds, no zone, no colon in the zone.
fn rfc3339(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.split(['-', '/']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if year.len() != 4 || parts.next().is_some() {
        return None;
    }
    let days = day_number(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?;
    let rest = rest.trim_start_matches(['T', 't', ' ']);
    let time_ends =
        rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.' | ',')).unwrap_or(rest.len());
    let (time, zone) = rest.split_at(time_ends);
    let time = if time.is_empty() { 0 } else { clock(time)? };
    Some(days * 86_400 + time - zone_s(zone))
}

/// What people write, whose language is not known.
fn by_words(text: &str) -> Option<i64> {
    let start = prose::read(text, None)?.start;
    let zone = text.rsplit(|c: char| c.is_ascii_whitespace()).next().filter(|word| is_zone(word));
    rfc3339(&start).map(|seconds| seconds - zone.map_or(0, zone_s))
}

fn is_zone(word: &str) -> bool {
    offset(word).is_some() || ZONES.iter().any(|(name, _)| word.eq_ignore_ascii_case(name))
}

/// Hours east of Greenwich, for the names that feeds use. Those with two meanings have the one that is written more.
const ZONES: &[(&str, f64)] = &[
    ("Z", 0.0),
    ("UT", 0.0),
    ("UTC", 0.0),
    ("GMT", 0.0),
    ("WET", 0.0),
    ("WEST", 1.0),
    ("BST", 1.0),
    ("CET", 1.0),
    ("MEZ", 1.0),
    ("CEST", 2.0),
    ("MESZ", 2.0),
    ("EET", 2.0),
    ("EEST", 3.0),
    ("MSK", 3.0),
    ("IST", 5.5),
    ("ICT", 7.0),
    ("SGT", 8.0),
    ("HKT", 8.0),
    ("AWST", 8.0),
    ("JST", 9.0),
    ("KST", 9.0),
    ("ACST", 9.5),
    ("AEST", 10.0),
    ("AEDT", 11.0),
    ("NZST", 12.0),
    ("NZDT", 13.0),
    ("BRT", -3.0),
    ("ART", -3.0),
    ("AST", -4.0),
    ("ADT", -3.0),
    ("EST", -5.0),
    ("EDT", -4.0),
    ("CST", -6.0),
    ("CDT", -5.0),
    ("MST", -7.0),
    ("MDT", -6.0),
    ("PST", -8.0),
    ("PDT", -7.0),
    ("AKST", -9.0),
    ("AKDT", -8.0),
    ("HST", -10.0),
];

/// Seconds east of Greenwich; none for what nobody knows.
fn zone_s(zone: &str) -> i64 {
    let zone = zone.trim().trim_matches(['(', ')']);
    let word = zone.split_ascii_whitespace().next().unwrap_or_default();
    if let Some(seconds) = offset(word) {
        return seconds;
    }
    let named = ZONES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
    // `GMT+1` is east of Greenwich, as people write it.
    let after = word.get(3..).filter(|_| word.starts_with("GMT") || word.starts_with("UTC"));
    named.map(|(_, hours)| (hours * 3_600.0) as i64).or_else(|| offset(after?)).unwrap_or(0)
}

/// `+0100`, `-01:30`, `+1`.
fn offset(word: &str) -> Option<i64> {
    let (sign, digits) = match word.as_bytes().first()? {
        b'+' => (1, &word[1..]),
        b'-' => (-1, &word[1..]),
        _ => return None,
    };
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = digits.split_at(if digits.len() > 2 { digits.len() - 2 } else { digits.len() });
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().unwrap_or(0));
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Days since the first of January of 1970 (Howard Hinnant, "chrono-compatible low-level date algorithms"); none for a
/// day that its month does not have.
fn day_number(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) || !(1..=9_999).contains(&year) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(year.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// The inverse, as text.
fn in_utc(seconds: i64) -> Option<String> {
    if seconds > LAST_S {
        return None;
    }
    let (days, time) = (seconds.div_euclid(86_400) + 719_468, seconds.rem_euclid(86_400));
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let turned = (5 * of_year + 2) / 153;
    let (day, month) =
        (of_year - (153 * turned + 2) / 5 + 1, if turned < 10 { turned + 3 } else { turned - 9 });
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
    (year >= 1).then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_read_as_feeds_write_them() {
        for (text, expected) in [
            ("Tue, 03 Feb 2026 09:30:05 GMT", "2026-02-03T09:30:05Z"),
            ("Tue, 03 Feb 2026 09:30:05 +0100", "2026-02-03T08:30:05Z"),
            ("Tue, 03 Feb 2026 09:30:05 -0730", "2026-02-03T17:00:05Z"),
            ("Mon, 03 Feb 2026 09:30 EST", "2026-02-03T14:30:00Z"),
            ("mardi, 3 Feb 26 9:30:00 CEST", "2026-02-03T07:30:00Z"),
            ("Thurs, 3 February 2026 09:30:00 Z", "2026-02-03T09:30:00Z"),
            ("Feb 3, 2026 09:30:00 PDT", "2026-02-03T16:30:00Z"),
            ("Tuesday, 03-Feb-26 09:30:00 GMT", "2026-02-03T09:30:00Z"),
            ("03 Feb 2026", "2026-02-03T00:00:00Z"),
            ("3 Feb 2026 24:00:00 GMT", "2026-02-04T00:00:00Z"),
            ("3 Feb 1999 23:59:60 GMT", "1999-02-04T00:00:00Z"),
            ("Tue, 03 Feb 2026 09:30:05 GMT+2", "2026-02-03T07:30:05Z"),
            ("Tue, 03 Feb 2026 09:30:05 Nowhere/Land", "2026-02-03T09:30:05Z"),
            ("2026-02-03T09:30:05Z", "2026-02-03T09:30:05Z"),
            ("2026-02-03T09:30:05.123456+01:00", "2026-02-03T08:30:05Z"),
            ("2026-02-03T09:30:05+0530", "2026-02-03T04:00:05Z"),
            ("2026-02-03t09:30z", "2026-02-03T09:30:00Z"),
            ("2026-02-03 09:30:05", "2026-02-03T09:30:05Z"),
            ("2026-02-03 09:30:05 +0100", "2026-02-03T08:30:05Z"),
            ("2026-02-03", "2026-02-03T00:00:00Z"),
            ("2026/02/03 09:30", "2026-02-03T09:30:00Z"),
            ("1770111005", "2026-02-03T09:30:05Z"),
            ("1770111005123", "2026-02-03T09:30:05Z"),
            ("3. Februar 2026, 09:30 Uhr", "2026-02-03T09:30:00Z"),
            ("den 3 februari 2026 kl. 09.30", "2026-02-03T09:30:00Z"),
            ("3 février 2026", "2026-02-03T00:00:00Z"),
            ("03.02.2026 09:30 CET", "2026-02-03T08:30:00Z"),
            ("Tuesday, February 3rd, 2026 at 9:30 PM", "2026-02-03T21:30:00Z"),
            ("  \n Tue, 03 Feb 2026 09:30:05 GMT \n", "2026-02-03T09:30:05Z"),
            ("29 Feb 2024 00:00:00 GMT", "2024-02-29T00:00:00Z"),
            ("Tue, 03 Feb 2026 25:61:61 GMT", "2026-02-03T00:00:00Z"),
            ("0001-01-01T00:00:00", "0001-01-01T00:00:00Z"),
            ("Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "now",
            "31 Feb 2026 10:00:00 GMT",
            "2026-02-30",
            "2026-13-01T00:00:00Z",
            "0000-00-00 00:00:00",
            "99999-01-01",
            "Mon, 99 Foo 2026",
            "12345678901234567890",
            "Sommer 2026",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_day_is_read_back(seconds in -60_000_000_000_i64..LAST_S) {
            let text = in_utc(seconds).expect("a date");
            prop_assert_eq!(read(&text), Some(text));
        }

        #[test]
        fn no_text_panics(text in "[0-9A-Za-zäé:,.+/ -]{0,40}") {
            let _ = read(&text);
        }
    }
}
