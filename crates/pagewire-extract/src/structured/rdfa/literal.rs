//! Texts that statements hold, with their language or type. Of the types of XML Schema that pages use, a text is put in
//! the usual form of its value: `05` of an integer is 5, a date with time has its zone as `+00:00`.

use std::rc::Rc;

use serde_json::{Map, Number, Value};

const XSD: &str = "http://www.w3.org/2001/XMLSchema#";

/// A text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Literal {
    pub(super) text: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kind {
    Plain,
    Language(Rc<str>),
    Typed(Rc<str>),
}

impl Literal {
    pub(super) fn plain(text: String, language: Option<Rc<str>>) -> Self {
        Self { text, kind: language.map_or(Kind::Plain, Kind::Language) }
    }

    pub(super) fn typed(text: String, datatype: Rc<str>) -> Self {
        let usual = datatype.strip_prefix(XSD).and_then(|name| usual_form(&text, name));
        Self { text: usual.unwrap_or(text), kind: Kind::Typed(datatype) }
    }

    pub(super) fn to_json(&self) -> Value {
        let mut value = Map::new();
        match &self.kind {
            Kind::Plain => drop(value.insert("@value".to_owned(), self.text.clone().into())),
            Kind::Language(language) => {
                value.insert("@language".to_owned(), (&**language).into());
                value.insert("@value".to_owned(), self.text.clone().into());
            }
            Kind::Typed(datatype) => {
                value.insert("@type".to_owned(), (&**datatype).into());
                let native = datatype.strip_prefix(XSD).and_then(|name| native(&self.text, name));
                value.insert("@value".to_owned(), native.unwrap_or_else(|| self.text.clone().into()));
            }
        }
        Value::Object(value)
    }
}

/// The types that JSON has itself.
fn native(text: &str, name: &str) -> Option<Value> {
    match name {
        "boolean" => Some((text == "true").into()),
        "integer" => text.parse::<i64>().ok().map(Value::from),
        "double" => text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number),
        _ => None,
    }
}

/// `None` where the text is no value of the type: it stays as it is.
fn usual_form(text: &str, name: &str) -> Option<String> {
    match name {
        "integer" | "int" | "long" | "short" | "byte" | "nonNegativeInteger" | "nonPositiveInteger"
        | "negativeInteger" | "positiveInteger" | "unsignedInt" | "unsignedLong" | "unsignedShort"
        | "unsignedByte" => text.trim().parse::<i128>().ok().map(|integer| integer.to_string()),
        "decimal" => decimal(text.trim()),
        "float" | "double" => text.trim().parse::<f64>().ok().filter(|float| float.is_finite()).map(float),
        "boolean" => Some(
            matches!(text.to_lowercase().as_str(), "true" | "1")
                .then_some("true")
                .unwrap_or("false")
                .to_owned(),
        ),
        "date" => date_without_zone(text),
        "dateTime" => date_time(text),
        "time" => time_and_zone(text),
        "duration" | "dayTimeDuration" => duration(text),
        "normalizedString" => Some(text.replace(['\t', '\n', '\r'], " ")),
        "token" => Some(text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")),
        _ => None,
    }
}

/// A decimal keeps its places after the point and nothing else.
fn decimal(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, places) =
        digits.split_once('.').map_or((digits, None), |(whole, places)| (whole, Some(places)));
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && places.is_none_or(str::is_empty))
        || !all_digits(whole)
        || !places.is_none_or(all_digits)
    {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    match places.filter(|places| !places.is_empty()) {
        Some(places) => Some(format!("{sign}{whole}.{places}")),
        None => Some(format!("{sign}{whole}")),
    }
}

/// The shortest decimal that reads back as the number, with an exponent where it is very great or small.
fn float(value: f64) -> String {
    let exponential = format!("{value:e}");
    let (mantissa, exponent) = exponential.split_once('e').unwrap_or((&exponential, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent @ (..-4 | 16..)) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        _ => format!("{value:?}"),
    }
}

fn date_without_zone(text: &str) -> Option<String> {
    let date = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let date = match date.split_once('T') {
        Some((date, _)) => date,
        None => match date.rfind('+') {
            Some(zone) => &date[..zone],
            None => match date.rsplit_once('-') {
                Some((before, zone)) if zone.contains(':') => before,
                _ => date,
            },
        },
    };
    is_date(date).then(|| date.to_owned())
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    let number = |from: usize, to: usize| -> Option<u32> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    };
    match (number(0, 4), number(5, 7), number(8, 10)) {
        (Some(year @ 1..), Some(month @ 1..=12), Some(day @ 1..)) => day <= days_of(year, month),
        _ => false,
    }
}

fn days_of(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn date_time(text: &str) -> Option<String> {
    let (date, rest) = match text.get(..10).filter(|date| is_date(date)) {
        Some(date) => (date.to_owned(), &text[10..]),
        None => {
            let digits = text.get(..8).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
            let date = format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..]);
            (is_date(&date).then_some(date)?, &text[8..])
        }
    };
    if rest.is_empty() {
        return Some(format!("{date}T00:00:00"));
    }
    let mut rest = rest.chars();
    rest.next();
    Some(format!("{date}T{}", time_and_zone(rest.as_str())?))
}

/// `10:00Z` is `10:00:00+00:00`.
fn time_and_zone(text: &str) -> Option<String> {
    let zone_at = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    let (time, zone) = text.split_at(zone_at);
    let time = time.strip_prefix('T').unwrap_or(time);
    let (clock, fraction) = match time.split_once(['.', ',']) {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (time, None),
    };
    let mut out = clock_of(clock, 3)?;
    if let Some(fraction) = fraction {
        if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let micros = &format!("{fraction:0<6}")[..6];
        if micros.bytes().any(|b| b != b'0') {
            out.push('.');
            out.push_str(micros);
        }
    }
    match zone.chars().next() {
        None => {}
        Some('Z' | 'z') if zone.len() == 1 => out.push_str("+00:00"),
        Some(sign @ ('+' | '-')) => {
            let clock = clock_of(&zone[1..], 2)?;
            out.push(if clock == "00:00" { '+' } else { sign });
            out.push_str(&clock);
        }
        Some(_) => return None,
    }
    Some(out)
}

/// Hours, minutes and seconds, with or without colons; what is missing is zero.
fn clock_of(text: &str, parts: usize) -> Option<String> {
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    let colons = text.len() - digits.len();
    let fits = digits.bytes().all(|b| b.is_ascii_digit())
        && matches!(digits.len(), 2 | 4 | 6)
        && (colons == 0 || colons == digits.len() / 2 - 1)
        && digits.len() / 2 <= parts
        && text.split(':').all(|part| colons == 0 || part.len() == 2);
    if !fits {
        return None;
    }
    let digits = format!("{digits:0<6}");
    let number = |at: usize| digits[at..at + 2].parse::<u32>().ok();
    if number(0)? > 23 || number(2)? > 59 || number(4)? > 59 {
        return None;
    }
    let whole = format!("{}:{}:{}", &digits[..2], &digits[2..4], &digits[4..]);
    Some(whole[..parts * 3 - 1].to_owned())
}

/// Durations of days and less, each unit as far as it goes: `PT90M` is `PT1H30M`. Months and years stay as they are.
fn duration(text: &str) -> Option<String> {
    let rest = text.strip_prefix('P')?;
    let (days, time) = rest.split_once('T').unwrap_or((rest, ""));
    let mut seconds: u64 = 0;
    for (part, units) in
        [(days, &[('W', 604_800), ('D', 86_400)][..]), (time, &[('H', 3_600), ('M', 60), ('S', 1)])]
    {
        let mut part = part;
        for (unit, length) in units {
            if let Some((amount, after)) = part.split_once(*unit) {
                seconds = seconds.checked_add(amount.parse::<u64>().ok()?.checked_mul(*length)?)?;
                part = after;
            }
        }
        if !part.is_empty() {
            return None;
        }
    }
    let mut out = "P".to_owned();
    if seconds >= 86_400 {
        out.push_str(&format!("{}D", seconds / 86_400));
    }
    if !seconds.is_multiple_of(86_400) {
        out.push('T');
        for (unit, length, below) in [('H', 3_600, 24), ('M', 60, 60), ('S', 1, 60)] {
            let amount = seconds / length % below;
            if amount > 0 {
                out.push_str(&format!("{amount}{unit}"));
            }
        }
    }
    Some(if out.len() == 1 { "P0D".to_owned() } else { out })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_texts_are_in_the_usual_form() {
        for (name, text, expected) in [
            ("integer", " 05", "5"),
            ("int", "+7", "7"),
            ("integer", "x", "x"),
            ("decimal", "01.10", "1.10"),
            ("decimal", "+3", "3"),
            ("float", "1.50", "1.5"),
            ("float", "12", "12.0"),
            ("float", "1e20", "1e+20"),
            ("boolean", "True", "true"),
            ("date", "2020-02-30", "2020-02-30"),
            ("date", "2020-01-01Z", "2020-01-01"),
            ("date", "2020-01-01-05:00", "2020-01-01"),
            ("dateTime", "2020-01-01", "2020-01-01T00:00:00"),
            ("dateTime", "2020-01-01T10:00Z", "2020-01-01T10:00:00+00:00"),
            ("dateTime", "20200101T100000Z", "2020-01-01T10:00:00+00:00"),
            ("dateTime", "2020-01-01 10:00:01.5-0500", "2020-01-01T10:00:01.500000-05:00"),
            ("dateTime", "1 May 2020", "1 May 2020"),
            ("dateTime", "2020-01-0é", "2020-01-0é"),
            ("time", "10:00", "10:00:00"),
            ("time", "25:00", "25:00"),
            ("duration", "PT90M", "PT1H30M"),
            ("duration", "P1Y", "P1Y"),
            ("duration", "P14D", "P14D"),
            ("duration", "PT0S", "P0D"),
            ("token", " a  b ", "a b"),
            ("anyURI", " a ", " a "),
        ] {
            let literal = Literal::typed(text.to_owned(), format!("{XSD}{name}").into());
            assert_eq!(literal.text, expected, "{name} {text}");
        }
    }
}
