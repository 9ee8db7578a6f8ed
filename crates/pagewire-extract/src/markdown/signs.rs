//! Raised and lowered figures as signs of their own: m², H₂O. CommonMark has no marks for them.

use crate::dom::Tag;

/// Characters of an exponent or an index.
const CHARS_MAX: usize = 6;

const PLAIN: &str = "0123456789+-−=()ni";
const RAISED: [char; 18] =
    ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹', '⁺', '⁻', '⁻', '⁼', '⁽', '⁾', 'ⁿ', 'ⁱ'];
/// There is no lowered `n` in most fonts.
const LOWERED: [char; 16] = ['₀', '₁', '₂', '₃', '₄', '₅', '₆', '₇', '₈', '₉', '₊', '₋', '₋', '₌', '₍', '₎'];

/// The text in signs; `None` if there is none for a part of it, as for the letters of `1st`.
pub(super) fn of(text: &str, tag: Tag) -> Option<String> {
    let signs: &[char] = if tag == Tag::Sup { &RAISED } else { &LOWERED };
    let text = text.trim();
    if text.is_empty() || text.chars().nth(CHARS_MAX).is_some() {
        return None;
    }
    text.chars().map(|c| signs.get(PLAIN.chars().position(|plain| plain == c)?).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_signs_and_letters_have_none() {
        for (text, tag, signs) in [
            ("2", Tag::Sup, Some("²")),
            (" -12 ", Tag::Sup, Some("⁻¹²")),
            ("2", Tag::Sub, Some("₂")),
            ("n", Tag::Sub, None),
            ("st", Tag::Sup, None),
            ("", Tag::Sup, None),
            ("1234567", Tag::Sup, None),
        ] {
            assert_eq!(of(text, tag).as_deref(), signs, "{text}");
        }
    }
}
