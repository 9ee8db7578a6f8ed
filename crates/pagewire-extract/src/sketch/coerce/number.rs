//! Numbers in texts that say more than the number.

use serde_json::Number;

use super::amount::{self, Span};
use super::price::{number_of, scaled};

/// The first number of a text.
pub(crate) fn first(text: &str) -> Option<Number> {
    let spans = amount::spans_of(text);
    of(text, spans.first()?)
}

/// The number of a text that has one, or several that are a range.
pub(crate) fn only(text: &str) -> Option<Number> {
    let spans = amount::spans_of(text);
    (spans.len() <= 2).then(|| of(text, spans.first()?)).flatten()
}

/// How many: the number before a word for what is counted, in brackets, or the first whole one.
pub(crate) fn counted(text: &str, is_label: &dyn Fn(&str) -> bool) -> Option<Number> {
    let text = &text[..text.floor_char_boundary(300)];
    let spans = amount::spans_of(text);
    let before_word = spans.iter().find(|span| {
        let after = text[span.end..].trim_start_matches(['k', 'K', '+']).to_lowercase();
        let words: Vec<&str> = after
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .take(3)
            .take_while(|word| !word.starts_with(char::is_numeric))
            .collect();
        (1..=words.len()).any(|length| is_label(&words[..length].join(" ")) || is_label(words[length - 1]))
    });
    let in_brackets = || {
        spans.iter().find(|span| text[..span.start].trim_end().ends_with('(') && !span.digits.contains('.'))
    };
    let whole = || spans.iter().find(|span| !span.digits.contains('.'));
    of(text, before_word.or_else(in_brackets).or_else(whole)?)
}

fn of(text: &str, span: &Span) -> Option<Number> {
    let is_negative = text[..span.start].ends_with(['-', '−']) && {
        let before = text[..span.start].trim_end_matches(['-', '−']);
        before.is_empty() || before.ends_with(char::is_whitespace)
    };
    let digits = if is_negative { format!("-{}", span.digits) } else { span.digits.clone() };
    Some(scaled(number_of(&digits)?, &text[span.end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told_from_what_stands_beside_it() {
        let is_label = |word: &str| matches!(word, "reviews" | "customer reviews" | "pages");
        for (text, expected) in [
            ("4.5 (128 reviews)", Some(128)),
            ("4,5 (1.280)", Some(1280)),
            ("Based on 37 customer reviews", Some(37)),
            ("320 pages, 12 cm", Some(320)),
            ("1.2k reviews", Some(1200)),
            ("none", None),
        ] {
            assert_eq!(counted(text, &is_label).and_then(|number| number.as_i64()), expected, "{text}");
        }
    }
}
