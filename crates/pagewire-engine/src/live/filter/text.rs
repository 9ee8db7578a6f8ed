//! Text as keywords see it: case folded (Unicode Standard, section 3.13), composed (NFC), white space made one space.

use std::borrow::Cow;

use caseless::Caseless as _;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

/// What stands between the title and the content, and in neither.
const BETWEEN: char = '\u{1}';

/// A title and a content, folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::live) struct Folded(String);

impl Folded {
    pub(in crate::live) fn of(title: &str, content: &str) -> Self {
        let mut text = String::with_capacity(title.len() + content.len() + 1);
        fold_into(title, &mut text);
        text.push(BETWEEN);
        fold_into(content, &mut text);
        Self(text)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether what stands there, given by its bytes, is no part of a longer word.
    pub(super) fn is_whole(&self, start: usize, end: usize) -> bool {
        let edge = |inside: Option<char>, outside: Option<char>| {
            !(inside.is_some_and(is_of_word) && outside.is_some_and(is_of_word))
        };
        edge(self.0[start..].chars().next(), self.0[..start].chars().next_back())
            && edge(self.0[..end].chars().next_back(), self.0[end..].chars().next())
    }

    /// Whether the needle, folded itself, stands there as a word or as words.
    pub(super) fn contains(&self, needle: &str) -> bool {
        self.0.match_indices(needle).any(|(start, found)| self.is_whole(start, start + found.len()))
    }
}

/// A text folded by itself.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    fold_into(text.trim(), &mut folded);
    folded
}

fn fold_into(text: &str, into: &mut String) {
    let mut in_space = false;
    let mut push = |c: char| {
        // A control character parts words, as white space does; none can pass for the mark between title and content.
        let is_space = c.is_whitespace() || c.is_control();
        if is_space && !in_space {
            into.push(' ');
        } else if !is_space {
            into.push(c);
        }
        in_space = is_space;
    };
    if text.is_ascii() {
        text.bytes().for_each(|byte| push(char::from(byte.to_ascii_lowercase())));
        return;
    }
    let composed: Cow<'_, str> = match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text.into(),
        IsNormalized::No | IsNormalized::Maybe => text.nfc().collect::<String>().into(),
    };
    composed.chars().default_case_fold().for_each(push);
}

/// Whether the character makes words with its neighbours. Scripts that put no space between words make none: there, any
/// place is the edge of a word.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() && !is_of_script_without_spaces(c)
}

fn is_of_script_without_spaces(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0eff}' // Thai, Lao
        | '\u{1000}'..='\u{109f}' // Myanmar
        | '\u{1780}'..='\u{17ff}' // Khmer
        | '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9f}' // kana
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' // ideographs
        | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_space_make_no_difference() {
        assert_eq!(fold("  Straße\u{a0}\tIN\nΜΟΣΧΑΤΟΣ "), "strasse in μοσχατοσ");
        assert_eq!(fold("Cafe\u{301}"), "café");
        assert_eq!(fold("a\u{1}b"), "a b");
    }

    #[test]
    fn words_are_found_whole() {
        let text = Folded::of("Rust 1.95 released", "Foo-bar, C++ and C; Zürich's trams. 東京都は晴れ");
        for found in ["rust", "1.95", "foo", "foo-bar", "c++", "c", "zürich", "東京", "晴れ", "and c"] {
            assert!(text.contains(&fold(found)), "{found}");
        }
        for missing in ["rus", "tram", "release", "ürich", "released foo"] {
            assert!(!text.contains(&fold(missing)), "{missing}");
        }
    }
}
