//! What numbers and codes look like: times of day, dates, counts, identifiers.

use std::ops::Range;

use super::words;

/// Hexadecimal digits from which on a code is an identifier.
const HEX_MIN: usize = 8;
/// Letters and digits, of both cases, from which on a code is one.
const NONCE_MIN: usize = 20;

/// Hours and minutes, with seconds or without.
pub(super) fn is_clock(text: &str) -> bool {
    let mut parts = text.split(':');
    let is_part = |part: Option<&str>, below: u32, digits: Range<usize>| {
        part.is_some_and(|part| {
            digits.contains(&part.len()) && part.parse::<u32>().is_ok_and(|number| number < below)
        })
    };
    if !is_part(parts.next(), 25, 1..3) || !is_part(parts.next(), 60, 2..3) {
        return false;
    }
    match parts.next() {
        None => true,
        Some(seconds) => {
            let seconds = seconds.split(['.', ',']).next();
            is_part(seconds, 61, 2..3) && parts.next().is_none()
        }
    }
}

/// Seconds or milliseconds since 1970, of these decades.
pub(super) fn is_epoch(text: &str) -> bool {
    matches!(text.len(), 10 | 13)
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && matches!(text.as_bytes()[..2], [b'1', b'5'..=b'9'] | [b'2', b'0'..=b'1'])
}

/// A number of things: digits, and what parts their groups.
pub(super) fn is_count(text: &str) -> bool {
    !text.contains([':', '/', '-'])
}

pub(super) fn is_amount_of_time(text: &str) -> bool {
    let letters = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    letters > 0 && words::is_unit(&text[letters..])
}

/// The days that a date in digits may be: its order is not known.
pub(super) fn numeric_date(text: &str) -> Option<Vec<(Option<i32>, u32, u32)>> {
    let separator = text.chars().find(|c| !c.is_ascii_digit()).filter(|c| matches!(c, '-' | '/' | '.'))?;
    let mut numbers = [0_u32; 3];
    let mut lengths = [0; 3];
    let mut parts = text.split(separator);
    for (number, length) in numbers.iter_mut().zip(&mut lengths) {
        let part = parts.next().filter(|part| part.len() <= 4)?;
        *number = part.parse().ok()?;
        *length = part.len();
    }
    if parts.next().is_some() {
        return None;
    }
    let is_day = |month: u32, day: u32| (1..=12).contains(&month) && (1..=31).contains(&day);
    let (year, orders) = match (lengths, numbers) {
        ([4, 1..=2, 1..=2], [year, month, day]) => (year, vec![(month, day)]),
        ([1..=2, 1..=2, 4], [first, second, year]) => (year, vec![(first, second), (second, first)]),
        // Versions have three parts as well, but rarely two digits in the last.
        ([1..=2, 1..=2, 2], [first, second, year]) if separator != '-' => {
            (2000 + year, vec![(first, second), (second, first)])
        }
        _ => return None,
    };
    let year = i32::try_from(year).ok().filter(|year| (1900..2200).contains(year))?;
    let readings: Vec<_> = orders
        .into_iter()
        .filter(|(month, day)| is_day(*month, *day))
        .map(|(month, day)| (Some(year), month, day))
        .collect();
    (!readings.is_empty()).then_some(readings)
}

pub(super) fn day_of(text: &str) -> Option<u32> {
    text.parse().ok().filter(|day| text.len() <= 2 && (1..=31).contains(day))
}

pub(super) fn year_of(text: &str) -> Option<i32> {
    text.parse().ok().filter(|year| text.len() == 4 && (1900..2200).contains(year))
}

/// An identifier that is made for one visit or one build: a UUID, a digest, a token.
pub(super) fn is_identifier(text: &str) -> bool {
    let bytes = text.as_bytes();
    let has = |is: fn(&u8) -> bool| bytes.iter().any(is);
    let is_hex = bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
        || bytes.len() >= 2 * HEX_MIN && bytes.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    let is_mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    is_hex && bytes.len() >= HEX_MIN || is_mixed && bytes.len() >= NONCE_MIN
}
