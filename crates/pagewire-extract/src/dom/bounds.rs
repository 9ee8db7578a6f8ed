//! How much of a page becomes a tree. The parser's time grows with the square of the nesting depth, and its tree takes
//! many times the room of a page that is nothing but tags; neither is so of any page that is meant to be read.

use memchr::memchr;

use crate::tags::{Met, Tags};

/// Deepest nesting that is read; the deepest of 181 real pages was 51.
const DEPTH_MAX: usize = 400;
/// Elements that are read.
const ELEMENTS_MAX: usize = 400_000;
/// Bytes of the tree and a table of its elements to a byte of page. An element and its text cost 124, and of real pages
/// less than one in 13 bytes begins an element; what is beside the tree, the text foremost, is held to two bytes more.
const COST_FACTOR: usize = 10;
/// Bytes of them that any page may have.
const COST_MIN: usize = 160 * 1024;
/// Bytes that are handed to the parser at once.
const STEP_MIN: usize = 16;
const STEP_MAX: usize = 4 * 1024;
/// What a byte of page can come to: four are a tag of one element, which opens all marks again that were left open, or
/// closes one in a way that copies some.
const COST_OF_BYTE: usize = 24;
const COPIES_MAX: usize = 26;
/// Elements of one tag, with those that it implies.
const IMPLIED_MAX: usize = 4;

/// What a page may take while one thing is read of it: its bound is twelve times its size, or a quarter of a megabyte.
pub(super) fn memory_for(page_bytes: usize) -> usize {
    (11 * page_bytes).max(220 * 1024)
}

/// How far a page is read into the tree.
pub(super) struct Bounds {
    length: usize,
    cost_max: usize,
    /// What a byte of page can come to.
    growth: usize,
}

impl Bounds {
    pub(super) fn of(text: &str) -> Self {
        let mut depth = 0_usize;
        let mut elements = 0;
        let mut open = [0_usize; MARKS.len()];
        let mut open_max = 0;
        let mut length = text.len();
        for met in Tags::of(text) {
            match met {
                Met::Start(tag) => {
                    elements += 1;
                    depth += usize::from(nests(tag.name));
                    if depth > DEPTH_MAX || elements > ELEMENTS_MAX {
                        length = tag.start;
                        break;
                    }
                    if let Some(mark) = mark(tag.name) {
                        open[mark] += 1;
                        open_max = open_max.max(open.iter().sum());
                    }
                }
                Met::End(name) => {
                    depth = depth.saturating_sub(usize::from(nests(name)));
                    if let Some(mark) = mark(name) {
                        open[mark] = open[mark].saturating_sub(1);
                    }
                }
            }
        }
        let cost_max = COST_MIN.max(COST_FACTOR * text.len());
        Self {
            length,
            cost_max,
            growth: COST_OF_BYTE * (IMPLIED_MAX + open_max + COPIES_MAX.min(4 * open_max)),
        }
    }

    /// How many bytes from there on are handed to the parser, when its tree has that cost.
    pub(super) fn step(&self, at: usize, cost: usize) -> Option<usize> {
        let left = self.cost_max.checked_sub(cost).filter(|left| *left > 0)?;
        let step = (left / self.growth).clamp(STEP_MIN, STEP_MAX);
        Some(step.min(self.length - at)).filter(|step| *step > 0)
    }
}

/// Where the first tag from there on begins.
pub(super) fn next_tag(text: &str, from: usize) -> usize {
    let mut tags = Tags::of(text);
    loop {
        // A tag ends where the walk goes on.
        let begins = tags.place();
        let begins = begins + memchr(b'<', &text.as_bytes()[begins..]).unwrap_or(text.len() - begins);
        if begins >= from || tags.next().is_none() {
            return begins.max(from);
        }
    }
}

/// Tells the words of what follows a place, without its tags. They are told many at a time: where the parser waits for
/// what follows a text, it keeps each piece that it was handed.
pub(super) fn words_after(text: &str, from: usize, mut tell: impl FnMut(&str)) {
    let mut tags = Tags::of(&text[from..]);
    let mut told = String::new();
    loop {
        let rest = &text[from + tags.place()..];
        let words = &rest[..memchr(b'<', rest.as_bytes()).unwrap_or(rest.len())];
        told.push_str(words);
        if told.len() > STEP_MAX {
            tell(&told);
            told.clear();
        }
        let name = match tags.next() {
            Some(Met::Start(tag)) => tag.name,
            Some(Met::End(name)) => name,
            None => break,
        };
        if mark(name).is_none() && !name.eq_ignore_ascii_case("span") {
            told.push('\n');
        }
    }
    tell(&told);
}

fn nests(name: &str) -> bool {
    const FLAT: [&str; 35] = [
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
        "track", "wbr", "p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option",
        "optgroup", "html", "head", "body", "script", "style", "title", "textarea", "iframe", "path",
    ];
    !FLAT.iter().any(|flat| name.eq_ignore_ascii_case(flat))
}

/// The formatting elements of the standard (HTML, section 13.2.4.3): the parser opens them again in each block, until
/// they are closed.
const MARKS: [&str; 14] =
    ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];

/// Which of the marks an element is.
pub(super) fn mark(name: &str) -> Option<usize> {
    (name.len() <= 6).then(|| MARKS.iter().position(|mark| name.eq_ignore_ascii_case(mark))).flatten()
}
