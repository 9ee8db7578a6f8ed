//! Ratings: `4.5 out of 5`, `4,5/5`, `★★★★☆`, `8.7`.

use super::amount;

/// Highest value of a scale.
const SCALE_MAX: f64 = 100.0;
const OUT_OF: &[&str] =
    &["out of", "von", "sur", "de", "su", "av", "af", "van", "z", "ze", "из", "/", "／", "of", "over"];

/// The value of a rating.
pub(crate) fn read(text: &str) -> Option<f64> {
    let text = &text[..text.floor_char_boundary(200)];
    if let Some(value) = on_a_scale(text) {
        return Some(value);
    }
    let filled = text.chars().filter(|c| matches!(c, '★' | '⭐' | '🌟')).count();
    let all = filled + text.chars().filter(|c| *c == '☆').count();
    let spans = amount::spans_of(text);
    if spans.is_empty() && (1..=10).contains(&filled) && all <= 10 {
        let half = if text.contains(['½', '⯨', '⯪']) { 0.5 } else { 0.0 };
        return Some(filled as f64 + half);
    }
    let value: f64 = spans.first()?.digits.parse().ok()?;
    // A number by itself is a rating where it may be one.
    (0.0..=10.0).contains(&value).then_some(value)
}

/// Whether a text says out of how many.
pub(crate) fn is_sure(text: &str) -> bool {
    on_a_scale(&text[..text.floor_char_boundary(200)]).is_some()
}

fn on_a_scale(text: &str) -> Option<f64> {
    let spans = amount::spans_of(text);
    spans.windows(2).find_map(|pair| {
        let between = text[pair[0].end..pair[1].start].trim().to_lowercase();
        let between = between.trim_start_matches(['★', '*', ' ']).trim_end_matches("stars").trim();
        let words =
            ["stars", "star", "sterne", "sternen", "étoiles", "estrellas", "stelle", "stjärnor", "punkte"];
        let between = words.iter().find_map(|word| between.strip_prefix(word)).unwrap_or(between).trim();
        let value: f64 = pair[0].digits.parse().ok()?;
        let scale: f64 = pair[1].digits.parse().ok()?;
        (OUT_OF.contains(&between) && value <= scale && (3.0..=SCALE_MAX).contains(&scale)).then_some(value)
    })
}

/// Stars out of five that are drawn as a bar of some width.
pub(crate) fn of_width(style: &str) -> Option<f64> {
    let width = style.split(';').find_map(|part| {
        part.trim().strip_prefix("width")?.trim_start().strip_prefix(':')?.trim().strip_suffix('%')
    })?;
    let share: f64 = width.trim().parse().ok()?;
    (share > 0.0 && share <= 100.0).then(|| (share / 2.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratings_are_read_in_the_usual_spellings() {
        for (text, expected) in [
            ("4.5 out of 5", Some(4.5)),
            ("Rated 4.50 out of 5", Some(4.5)),
            ("4,5/5", Some(4.5)),
            ("4,5 von 5 Sternen", Some(4.5)),
            ("4.5 stars out of 5", Some(4.5)),
            ("★★★★☆", Some(4.0)),
            ("★ 4.7 (120)", Some(4.7)),
            ("8.7/10", Some(8.7)),
            ("Note : 4 sur 5", Some(4.0)),
            ("128 reviews", None),
            ("no rating", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        assert_eq!(of_width("color:red; width: 90%"), Some(4.5));
    }
}
