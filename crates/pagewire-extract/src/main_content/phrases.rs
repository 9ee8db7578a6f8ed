//! Short lines that stand around the text of articles in all of the web: "Read more", "Share this", "By Jane Doe".

use std::sync::LazyLock;

/// Characters of a line that is looked at.
pub(super) const CHARACTERS_MAX: u32 = 110;

/// What a short line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phrase {
    /// An invitation, a label of a widget, a notice: not of the text, wherever it stands.
    Furniture,
    /// The heading of a list of other pages.
    Elsewhere,
    /// Who wrote it, and when: not of the text where it stands at an end of it.
    Byline,
    /// What something costs.
    Price,
}

/// Beginnings of furniture, in lower case.
const FURNITURE: &[&str] = &[
    "add to favorites",
    "add to favourites",
    "advertisement",
    "advertising",
    "all rights reserved",
    "article continues below",
    "article continues after",
    "back to top",
    "click here to subscribe",
    "click here to sign",
    "click to email",
    "click to print",
    "click to share",
    "close",
    "comments are closed",
    "continue reading below",
    "copy link",
    "copyright",
    "copyright ©",
    "download our app",
    "email this",
    "enlarge",
    "facebook",
    "follow us",
    "follow me on",
    "get our newsletter",
    "get the latest",
    "image credit",
    "image copyright",
    "image caption",
    "image source",
    "image:",
    "join our newsletter",
    "jump to",
    "leave a comment",
    "leave a reply",
    "like this:",
    "like us on",
    "listen to this article",
    "loading",
    "log in to",
    "media caption",
    "newsletter",
    "photo by",
    "photo credit",
    "photo:",
    "photograph:",
    "picture:",
    "pin it",
    "please enable javascript",
    "post a comment",
    "post reply",
    "print this",
    "rate this",
    "read more about",
    "recommended for you",
    "register now",
    "related topics",
    "report this",
    "save this",
    "scroll to continue",
    "scroll down",
    "see the comments",
    "send to a friend",
    "share on",
    "share this",
    "share via",
    "show comments",
    "sign in",
    "sign up",
    "skip to",
    "sponsored",
    "story continues below",
    "subscribe",
    "support our journalism",
    "supported by",
    "tap to",
    "thank you for signing",
    "thanks for reading",
    "this article was originally published",
    "this site uses cookies",
    "topics:",
    "tags:",
    "filed under",
    "tweet",
    "video:",
    "view comments",
    "view gallery",
    "watch now",
    "we use cookies",
    "©",
];

/// Beginnings of what leads elsewhere.
const ELSEWHERE: &[&str] = &[
    "also in",
    "also read",
    "don't miss",
    "editor's picks",
    "editors' picks",
    "explore more",
    "further reading:",
    "keep reading",
    "latest news",
    "latest stories",
    "more about",
    "more from",
    "more in",
    "more like this",
    "more news",
    "more on",
    "more stories",
    "most popular",
    "most read",
    "most viewed",
    "next article",
    "next post",
    "next story",
    "now read",
    "other stories",
    "popular now",
    "previous article",
    "previous post",
    "read also",
    "read more",
    "read next",
    "read:",
    "recent posts",
    "recommended",
    "related",
    "see also",
    "see more",
    "suggested",
    "top stories",
    "trending",
    "up next",
    "watch:",
    "what to read next",
    "you may also",
    "you might also",
    "you might like",
    "continue reading",
];

/// Beginnings of bylines.
const BYLINE: &[&str] = &[
    "by ",
    "last modified",
    "last updated",
    "posted",
    "published",
    "updated",
    "written by",
    "reporting by",
    "editing by",
    "story by",
    "text by",
    "words by",
    "reviewed by",
    "author:",
    "date:",
    "posted by",
    "edited by",
    "first published",
    "originally published",
];

/// The beginnings by their first letter: most lines begin like none of them.
static BEGINNINGS: LazyLock<[Vec<Beginning>; 128]> = LazyLock::new(|| {
    let mut table = std::array::from_fn(|_| Vec::new());
    for (starts, phrase, slack) in
        [(FURNITURE, Phrase::Furniture, 45), (ELSEWHERE, Phrase::Elsewhere, 90), (BYLINE, Phrase::Byline, 60)]
    {
        for start in starts {
            let first = start.as_bytes()[0] as usize % 128;
            table[first].push(Beginning { start, phrase, characters_max: start.len() + slack });
        }
    }
    table
});

struct Beginning {
    start: &'static str,
    phrase: Phrase,
    /// A longer line may begin so and be a sentence.
    characters_max: usize,
}

impl Beginning {
    fn begins(&self, text: &str, characters: u32) -> bool {
        characters as usize <= self.characters_max
            && text.get(..self.start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(self.start))
            && !(self.start.ends_with(char::is_alphanumeric)
                && text[self.start.len()..].starts_with(char::is_alphanumeric))
    }
}

/// What a line that begins so is; `characters` are those of the whole line, white space not counted.
pub(super) fn of_text(text: &str, characters: u32) -> Option<Phrase> {
    let text = text.trim_start();
    let first = text.bytes().next()?.to_ascii_lowercase() as usize % 128;
    let known = BEGINNINGS[first].iter().find(|known| known.begins(text, characters));
    known.map(|known| known.phrase).or_else(|| {
        if is_reading_time(text) {
            Some(Phrase::Byline)
        } else {
            (characters <= PRICE_CHARACTERS_MAX && is_price(text)).then_some(Phrase::Price)
        }
    })
}

/// Characters of a line that is a price and little else.
const PRICE_CHARACTERS_MAX: u32 = 30;

/// Whether a line has a number beside the sign or the name of a currency, or such a sign and nothing else.
fn is_price(text: &str) -> bool {
    const NAMES: &[&str] = &[
        "USD", "EUR", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "BGN", "TRY", "RUB",
        "UAH", "JPY", "CNY", "INR", "AUD", "CAD", "NZD", "BRL", "MXN", "ZAR", "THB", "kr", "zł", "Kč", "Ft",
        "лв", "руб", "lei", "Rs", "р", "р.", "Р",
    ];
    let is_sign =
        |c: char| matches!(c, '$' | '€' | '£' | '¥' | '￥' | '₽' | '₹' | '₺' | '₴' | '₩' | '฿' | '円');
    let digits = text.bytes().any(|b| b.is_ascii_digit());
    if text.contains(is_sign) {
        return digits || text.chars().filter(|c| !c.is_whitespace()).count() == 1;
    }
    let is_name = |word: &str| {
        let word = word.trim_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation());
        NAMES.iter().any(|name| word.strip_suffix('-').unwrap_or(word) == *name)
    };
    digits && text.split_whitespace().any(is_name)
}

/// "5 min read".
fn is_reading_time(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < text.len() && rest.len() < 30 && {
        let rest = rest.trim_start_matches([' ', '-']);
        ["min read", "minute read", "minutes read", "mins read", "min. read"]
            .iter()
            .any(|known| rest.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_lines_are_known_by_their_beginning() {
        let told = |text: &str| of_text(text, text.chars().filter(|c| !c.is_whitespace()).count() as u32);
        assert_eq!(told("Share this article"), Some(Phrase::Furniture));
        assert_eq!(told("Related: How tea is grown"), Some(Phrase::Elsewhere));
        assert_eq!(told("By Jane Doe"), Some(Phrase::Byline));
        assert_eq!(told("5 min read"), Some(Phrase::Byline));
        assert_eq!(told("Subscribers fell by a third last year, to fewer than two million in all."), None);
        assert_eq!(told("Relatedness is a measure."), None);
    }
}
