//! What classes, ids and roles say of an element: the words that themes and frameworks have used for years.
//!
//! A name is a hint and never a verdict: who reads the hints looks at what an element holds as well.

use std::ops::{BitOr, BitOrAssign};
use std::sync::LazyLock;

/// Hints on an element, as a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Hints(u16);

impl Hints {
    pub(super) const NONE: Self = Self(0);
    /// Navigation, banners, advertising and the like: never of the content.
    pub(super) const NOISE: Self = Self(1);
    /// Teasers of other pages.
    pub(super) const RELATED: Self = Self(1 << 1);
    /// Answers of readers, and posts of a forum.
    pub(super) const COMMENT: Self = Self(1 << 2);
    /// Who wrote it, and when.
    pub(super) const BYLINE: Self = Self(1 << 3);
    /// Who the author is, at length.
    pub(super) const AUTHOR: Self = Self(1 << 4);
    /// Captions and credits of pictures.
    pub(super) const CAPTION: Self = Self(1 << 5);
    /// The text of an article.
    pub(super) const CONTENT: Self = Self(1 << 6);
    /// For screen readers only, or shown by a script only.
    pub(super) const UNSEEN: Self = Self(1 << 7);
    /// Made of sidebars and widgets; frameworks use the words for layout as well.
    pub(super) const SIDE: Self = Self(1 << 8);
    /// Keywords and categories.
    pub(super) const TAGS: Self = Self(1 << 9);
    /// A post, an answer, a message: one of many where there are many.
    pub(super) const POST: Self = Self(1 << 10);
    /// What something costs.
    pub(super) const PRICE: Self = Self(1 << 11);
    /// Advertising, unless it is what people advertise on the page.
    pub(super) const AD: Self = Self(1 << 12);

    pub(super) fn any_of(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Those of these hints.
    pub(super) fn only(self, these: Self) -> Self {
        Self(self.0 & these.0)
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for Hints {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Hints {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// Words by themselves, in order.
const WORDS: &[(&str, Hints)] = &[
    ("ad", Hints::AD),
    ("addthis", Hints::NOISE),
    ("addtoany", Hints::NOISE),
    ("ads", Hints::AD),
    ("adsbygoogle", Hints::NOISE),
    ("adsense", Hints::NOISE),
    ("advert", Hints::AD),
    ("advertisement", Hints::NOISE),
    ("advertising", Hints::NOISE),
    ("adverts", Hints::NOISE),
    ("alsolike", Hints::RELATED),
    ("answer", Hints::POST),
    ("articlebody", Hints::CONTENT),
    ("articletext", Hints::CONTENT),
    ("attribution", Hints::CAPTION),
    ("authorbio", Hints::AUTHOR),
    ("authorbox", Hints::AUTHOR),
    ("backtotop", Hints::NOISE),
    ("bio", Hints::AUTHOR),
    ("breadcrumb", Hints::NOISE),
    ("breadcrumbs", Hints::NOISE),
    ("byline", Hints::BYLINE),
    ("bylines", Hints::BYLINE),
    ("caption", Hints::CAPTION),
    ("catlinks", Hints::TAGS),
    ("cena", Hints::PRICE),
    ("comment", Hints::COMMENT),
    ("commentlist", Hints::COMMENT),
    ("comments", Hints::COMMENT),
    ("complementary", Hints::SIDE),
    ("consent", Hints::NOISE),
    ("contentinfo", Hints::NOISE),
    ("cookie", Hints::NOISE),
    ("cookiebar", Hints::NOISE),
    ("cookies", Hints::NOISE),
    ("copyright", Hints::NOISE),
    ("credit", Hints::CAPTION),
    ("credits", Hints::CAPTION),
    ("crumb", Hints::NOISE),
    ("crumbs", Hints::NOISE),
    ("dateline", Hints::BYLINE),
    ("disqus", Hints::COMMENT),
    ("donate", Hints::NOISE),
    ("donation", Hints::NOISE),
    ("dropdown", Hints::NOISE),
    ("editsection", Hints::NOISE),
    ("entrycontent", Hints::CONTENT),
    ("flyout", Hints::NOISE),
    ("footer", Hints::NOISE),
    ("gdpr", Hints::NOISE),
    ("hatnote", Hints::NOISE),
    ("hcaptcha", Hints::NOISE),
    ("instapaper", Hints::NOISE),
    ("keywords", Hints::TAGS),
    ("lightbox", Hints::NOISE),
    ("livefyre", Hints::COMMENT),
    ("login", Hints::NOISE),
    ("masthead", Hints::NOISE),
    ("megamenu", Hints::NOISE),
    ("menu", Hints::NOISE),
    ("message", Hints::POST),
    ("metadata", Hints::BYLINE),
    ("mobilemenu", Hints::NOISE),
    ("modal", Hints::NOISE),
    ("mostpopular", Hints::RELATED),
    ("mostread", Hints::RELATED),
    ("nav", Hints::NOISE),
    ("navbar", Hints::NOISE),
    ("navbox", Hints::NOISE),
    ("navi", Hints::NOISE),
    ("navigation", Hints::NOISE),
    ("newsletter", Hints::NOISE),
    ("newsletters", Hints::NOISE),
    ("noprint", Hints::NOISE),
    ("offcanvas", Hints::NOISE),
    ("onetrust", Hints::NOISE),
    ("outbrain", Hints::RELATED),
    ("overlay", Hints::NOISE),
    ("pager", Hints::NOISE),
    ("pagination", Hints::NOISE),
    ("paywall", Hints::NOISE),
    ("popular", Hints::RELATED),
    ("popup", Hints::NOISE),
    ("post", Hints::POST),
    ("postbody", Hints::CONTENT),
    ("postcontent", Hints::CONTENT),
    ("postprofile", Hints::BYLINE),
    ("precio", Hints::PRICE),
    ("preco", Hints::PRICE),
    ("preis", Hints::PRICE),
    ("prezzo", Hints::PRICE),
    ("price", Hints::PRICE),
    ("prices", Hints::PRICE),
    ("prix", Hints::PRICE),
    ("pubdate", Hints::BYLINE),
    ("published", Hints::BYLINE),
    ("readmore", Hints::RELATED),
    ("recirc", Hints::RELATED),
    ("recirculation", Hints::RELATED),
    ("recommendation", Hints::RELATED),
    ("recommendations", Hints::RELATED),
    ("recommended", Hints::RELATED),
    ("registration", Hints::NOISE),
    ("related", Hints::RELATED),
    ("relatedcontent", Hints::RELATED),
    ("relatedposts", Hints::RELATED),
    ("replies", Hints::COMMENT),
    ("reply", Hints::COMMENT),
    ("respond", Hints::COMMENT),
    ("screenreader", Hints::UNSEEN),
    ("share", Hints::NOISE),
    ("shareaholic", Hints::NOISE),
    ("sharebar", Hints::NOISE),
    ("sharedaddy", Hints::NOISE),
    ("sharethis", Hints::NOISE),
    ("sharing", Hints::NOISE),
    ("shoutbox", Hints::COMMENT),
    ("sidebar", Hints::SIDE),
    ("sidebars", Hints::SIDE),
    ("sidenav", Hints::NOISE),
    ("signin", Hints::NOISE),
    ("signup", Hints::NOISE),
    ("skiplink", Hints::NOISE),
    ("social", Hints::NOISE),
    ("socials", Hints::NOISE),
    ("sponsor", Hints::NOISE),
    ("sponsored", Hints::NOISE),
    ("sponsors", Hints::NOISE),
    ("storybody", Hints::CONTENT),
    ("subnav", Hints::NOISE),
    ("subscribe", Hints::NOISE),
    ("subscription", Hints::NOISE),
    ("syndication", Hints::NOISE),
    ("taboola", Hints::RELATED),
    ("tagcloud", Hints::TAGS),
    ("taglist", Hints::TAGS),
    ("tags", Hints::TAGS),
    ("teaser", Hints::RELATED),
    ("teasers", Hints::RELATED),
    ("timestamp", Hints::BYLINE),
    ("toc", Hints::NOISE),
    ("toolbar", Hints::NOISE),
    ("toolbox", Hints::NOISE),
    ("tooltip", Hints::NOISE),
    ("topbar", Hints::NOISE),
    ("trending", Hints::RELATED),
    ("utility", Hints::NOISE),
    ("viafoura", Hints::COMMENT),
    ("widget", Hints::SIDE),
    ("widgets", Hints::SIDE),
];

/// Words that say something only beside each other: any of the first, then any of the second.
const PAIRS: &[(&[&str], &[&str], Hints)] = &[
    (
        &["article", "blog", "entry", "news", "post", "single", "story", "text", "topic", "body", "rich"],
        &["article", "body", "content", "copy", "entry", "text", "story", "paragraphs"],
        Hints::CONTENT,
    ),
    (&["content", "page"], &["article", "body", "text", "copy"], Hints::CONTENT),
    (&["markdown"], &["body"], Hints::CONTENT),
    (
        &["about", "author", "authors", "writer"],
        &["author", "bio", "box", "card", "info", "profile", "about", "description"],
        Hints::AUTHOR,
    ),
    (
        &["article", "entry", "post", "story", "byline", "publish"],
        &["author", "byline", "date", "meta", "time", "info", "details", "data"],
        Hints::BYLINE,
    ),
    (&["author"], &["name", "date", "meta", "line", "link", "wrapper"], Hints::BYLINE),
    (
        &["article", "entry", "post", "story"],
        &["tags", "keywords", "topics", "categories", "tag"],
        Hints::TAGS,
    ),
    (&["tag"], &["list", "links", "cloud"], Hints::TAGS),
    (&["article", "entry", "post", "story"], &["footer", "actions", "tools", "utilities"], Hints::NOISE),
    (&["back", "scroll"], &["top"], Hints::NOISE),
    (&["call", "sign", "log"], &["action", "in", "up"], Hints::NOISE),
    (&["email", "mailing"], &["signup", "form", "list", "capture"], Hints::NOISE),
    (
        &["from", "more", "other", "latest", "next", "recent", "top", "also"],
        &["articles", "from", "news", "post", "posts", "read", "stories", "story", "the", "like"],
        Hints::RELATED,
    ),
    (&["read", "see"], &["also", "more", "next"], Hints::RELATED),
    (&["most"], &["commented", "popular", "read", "viewed"], Hints::RELATED),
    (&["screen"], &["reader"], Hints::UNSEEN),
    (&["sr", "visually", "visual"], &["only", "hidden"], Hints::UNSEEN),
    (&["skip"], &["content", "link", "links", "nav", "to"], Hints::UNSEEN),
    (&["site", "global", "page", "main"], &["footer", "header", "navigation"], Hints::NOISE),
    (&["table"], &["contents"], Hints::NOISE),
    (
        &["image", "photo", "picture", "img", "figure"],
        &["caption", "credit", "source", "text", "description"],
        Hints::CAPTION,
    ),
    (&["print"], &["only", "button", "link"], Hints::NOISE),
    (&["promo"], &["box", "banner", "block", "unit"], Hints::NOISE),
];

/// Longest word that is known.
const WORD_BYTES_MAX: usize = 16;
/// Bytes of a class or id that are read; utility frameworks and hashes make longer ones, which say nothing.
const NAME_BYTES_MAX: usize = 300;

/// What a class, an id or a role hints at.
pub(super) fn of_name(name: &str) -> Hints {
    let name = &name.as_bytes()[..name.len().min(NAME_BYTES_MAX)];
    let mut hints = Hints::NONE;
    let mut may_begin = 0;
    for (word, joined) in words(name) {
        let known = VOCABULARY.entry(word);
        // `post-title` is no post.
        if joined {
            hints = hints.without(Hints::POST);
        }
        hints |= known.alone;
        let mut pairs = if joined { may_begin & known.second } else { 0 };
        while pairs != 0 {
            hints |= PAIRS[pairs.trailing_zeros() as usize].2;
            pairs &= pairs - 1;
        }
        may_begin = known.first;
    }
    // A page builder's widgets hold the text itself.
    if hints.any_of(Hints::SIDE) && memchr::memmem::find(name, b"elementor").is_some() {
        hints = hints.without(Hints::SIDE);
    }
    hints
}

/// Whether an id is made of the words of a heading: `sharing-with-one-developer`.
pub(super) fn is_sentence(id: &str) -> bool {
    id.bytes().filter(|b| matches!(b, b'-' | b'_')).count() >= 2
}

/// What a word means: by itself, and as the first or the second of which pairs.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    alone: Hints,
    first: u32,
    second: u32,
}

/// All words, found by one step in most cases: a page has thousands.
struct Vocabulary {
    slots: Vec<(u128, Entry)>,
}

/// Slots for the words; a power of two, some four times their number.
const SLOTS: usize = 1024;

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(Vocabulary::new);

impl Vocabulary {
    fn new() -> Self {
        let mut vocabulary = Self { slots: vec![(0, Entry::default()); SLOTS] };
        for (word, hints) in WORDS {
            vocabulary.slot(key(word.as_bytes())).alone |= *hints;
        }
        for (bit, (first, second, _)) in PAIRS.iter().enumerate() {
            for word in *first {
                vocabulary.slot(key(word.as_bytes())).first |= 1 << bit;
            }
            for word in *second {
                vocabulary.slot(key(word.as_bytes())).second |= 1 << bit;
            }
        }
        vocabulary
    }

    fn slot(&mut self, key: u128) -> &mut Entry {
        let mut at = place(key);
        while self.slots[at].0 != key && self.slots[at].0 != 0 {
            at = (at + 1) % SLOTS;
        }
        self.slots[at].0 = key;
        &mut self.slots[at].1
    }

    fn entry(&self, word: &[u8]) -> Entry {
        if word.len() < 2 || word.len() > WORD_BYTES_MAX {
            return Entry::default();
        }
        let key = key(word);
        let mut at = place(key);
        loop {
            let (found, entry) = self.slots[at];
            if found == key || found == 0 {
                return entry;
            }
            at = (at + 1) % SLOTS;
        }
    }
}

/// A word in lower case as a number; zero is none.
fn key(word: &[u8]) -> u128 {
    word.iter().fold(0, |key, byte| key << 8 | u128::from(byte.to_ascii_lowercase()))
}

fn place(key: u128) -> usize {
    let folded = (key as u64) ^ ((key >> 64) as u64).rotate_left(23);
    (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as usize
}

/// The words of a name, each with whether it follows the one before within one class: `post-content`, `postContent`
/// and `post_content` are two joined words, `post content` are two classes.
fn words(name: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let mut at = 0;
    let mut spaced = true;
    std::iter::from_fn(move || {
        while at < name.len() && !name[at].is_ascii_alphabetic() {
            spaced |= name[at].is_ascii_whitespace();
            at += 1;
        }
        if at == name.len() {
            return None;
        }
        let start = at;
        at += 1;
        while at < name.len()
            && name[at].is_ascii_alphabetic()
            && !(name[at].is_ascii_uppercase() && name[at - 1].is_ascii_lowercase())
        {
            at += 1;
        }
        let joined = !std::mem::replace(&mut spaced, false);
        Some((&name[start..at], joined))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_in_order_and_short_enough() {
        assert!(WORDS.is_sorted_by(|(a, _), (b, _)| a < b));
        assert!(WORDS.iter().all(|(word, _)| (2..=WORD_BYTES_MAX).contains(&word.len())));
        assert!(PAIRS.len() <= 32, "a pair is a bit");
        assert!(VOCABULARY.slots.iter().filter(|(key, _)| *key != 0).count() < SLOTS / 2);
    }

    #[test]
    fn names_are_read_by_their_words() {
        for (name, hints) in [
            ("main-Nav", Hints::NOISE),
            ("navy shadow", Hints::NONE),
            ("entry-content", Hints::CONTENT),
            ("entryContent", Hints::CONTENT),
            ("entry content", Hints::NONE),
            ("td-post-content tagdiv-type", Hints::CONTENT),
            ("articleBody", Hints::CONTENT),
            ("post-meta", Hints::BYLINE),
            ("forum-post odd", Hints::POST),
            ("sr-only", Hints::UNSEEN),
            ("elementor-widget elementor-element", Hints::NONE),
            ("download-gradient", Hints::NONE),
        ] {
            assert_eq!(of_name(name), hints, "{name}");
        }
    }
}
