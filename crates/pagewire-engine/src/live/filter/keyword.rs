//! A keyword: words that must all be there, in any order, and phrases in quotes, whose words must follow each other.

use super::text::{Folded, fold};

/// One value of `keyword`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::live) struct Keyword {
    /// Folded, sorted, each once; at least one.
    needles: Vec<String>,
}

impl Keyword {
    /// Reads a value such as `rust "async runtime"`. `None` where there is no word in it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut needles = Vec::new();
        // What stands between quotes has an odd number; a quote that is not closed reaches to the end.
        for (number, part) in text.split('"').enumerate() {
            if number % 2 == 1 {
                needles.push(fold(part));
            } else {
                needles.extend(part.split_whitespace().map(fold));
            }
        }
        needles.retain(|needle| !needle.is_empty());
        needles.sort_unstable();
        needles.dedup();
        (!needles.is_empty()).then_some(Self { needles })
    }

    pub(super) fn needles(&self) -> &[String] {
        &self.needles
    }

    pub(super) fn is_in(&self, text: &Folded) -> bool {
        self.needles.iter().all(|needle| text.contains(needle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needles(text: &str) -> Vec<String> {
        Keyword::parse(text).map_or_else(Vec::new, |keyword| keyword.needles)
    }

    #[test]
    fn words_stand_alone_and_phrases_together() {
        assert_eq!(needles("Rust  runtime"), ["runtime", "rust"]);
        assert_eq!(needles("rust \"Async  Runtime\" rust"), ["async runtime", "rust"]);
        assert_eq!(needles("\"not closed"), ["not closed"]);
        assert!(needles("  \"\" ").is_empty());
    }

    #[test]
    fn a_keyword_is_there_when_all_of_it_is() {
        let text = Folded::of("An async runtime", "for Rust");
        for (keyword, found) in [
            ("rust async", true),
            ("\"async runtime\" rust", true),
            ("\"runtime async\"", false),
            ("rust go", false),
            ("\"runtime for\"", false),
        ] {
            assert_eq!(Keyword::parse(keyword).expect("a keyword").is_in(&text), found, "{keyword}");
        }
    }
}
