//! Lengths of time as people write them, in minutes: `1 hr 20 min`, `PT1H20M`, `90 Minuten`, `1½ hours`.

use super::amount;

/// Bytes of a text that are looked at.
const TEXT_BYTES_MAX: usize = 200;
/// Beginnings of the words for a unit, and its minutes. `m` alone is a minute; of several the first that fits counts.
const UNITS: &[(&str, f64)] = &[
    ("sec", 1.0 / 60.0),
    ("sek", 1.0 / 60.0),
    ("min", 1.0),
    ("мин", 1.0),
    ("分", 1.0),
    ("분", 1.0),
    ("dakika", 1.0),
    ("dk", 1.0),
    ("perc", 1.0),
    ("хв", 1.0),
    ("hour", 60.0),
    ("hr", 60.0),
    ("std", 60.0),
    ("stunde", 60.0),
    ("heure", 60.0),
    ("hora", 60.0),
    ("uur", 60.0),
    ("uren", 60.0),
    ("tim", 60.0),
    ("time", 60.0),
    ("tunti", 60.0),
    ("tuntia", 60.0),
    ("ora", 60.0),
    ("ore", 60.0),
    ("godz", 60.0),
    ("hod", 60.0),
    ("час", 60.0),
    ("ч", 60.0),
    ("saat", 60.0),
    ("時間", 60.0),
    ("시간", 60.0),
    ("小时", 60.0),
    ("小時", 60.0),
    ("óra", 60.0),
    ("day", 1_440.0),
    ("tag", 1_440.0),
    ("jour", 1_440.0),
    ("día", 1_440.0),
    ("dag", 1_440.0),
    ("h", 60.0),
    ("m", 1.0),
    ("d", 1_440.0),
    ("s", 1.0 / 60.0),
];

/// The minutes of a text that tells a length of time.
pub(crate) fn minutes(text: &str) -> Option<f64> {
    let text = text[..text.floor_char_boundary(TEXT_BYTES_MAX)].to_lowercase();
    let spans = amount::spans_of(&text);
    let mut total = None;
    for (at, span) in spans.iter().enumerate() {
        let end = spans.get(at + 1).map_or(text.len(), |next| next.start);
        let after = text[span.end..end].trim_start();
        let (half, after) = match after.strip_prefix('½') {
            Some(rest) => (0.5, rest.trim_start()),
            None => (0.0, after),
        };
        let value: f64 = span.digits.parse().ok()?;
        let unit = unit_of(after);
        // `1 h 30`: what follows hours without a unit is minutes.
        let unit = unit.or_else(|| (total.is_some() && after.trim().is_empty()).then_some(1.0));
        let Some(unit) = unit else { if total.is_some() { break } else { continue } };
        *total.get_or_insert(0.0) += (value + half) * unit;
        // `10–15 minutes` is the first of both: what has no unit has been passed over.
    }
    total.map(|minutes: f64| (minutes * 100.0).round() / 100.0)
}

fn unit_of(after: &str) -> Option<f64> {
    let word: &str = after.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let fits = |unit: &str| {
        if unit.chars().count() == 1 && unit.is_ascii() { word == unit } else { word.starts_with(unit) }
    };
    UNITS.iter().find(|(unit, _)| fits(unit)).map(|(_, minutes)| *minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_in_the_usual_spellings() {
        for (text, expected) in [
            ("15 minutes", Some(15.0)),
            ("15 min", Some(15.0)),
            ("1 hr 20 min", Some(80.0)),
            ("1 hour and 20 minutes", Some(80.0)),
            ("PT1H20M", Some(80.0)),
            ("PT45M", Some(45.0)),
            ("1h30", Some(90.0)),
            ("1 h 30", Some(90.0)),
            ("1½ hours", Some(90.0)),
            ("2 Std. 15 Min.", Some(135.0)),
            ("40分", Some(40.0)),
            ("2 days", Some(2_880.0)),
            ("1,5 Stunden", Some(90.0)),
            ("soon", None),
            ("45", None),
        ] {
            assert_eq!(minutes(text), expected, "{text}");
        }
    }
}
