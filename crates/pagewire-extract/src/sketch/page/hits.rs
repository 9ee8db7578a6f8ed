//! What the names of elements mean: phrases of a class or an id, the longest first, so that `old-price` is the old price
//! and not the price.

use super::{Hit, Page, Term};
use crate::dom::Tag;
use crate::sketch::lexicon::Lexicon;
use crate::sketch::vocabulary::OWNERS;

/// Words of a phrase, of a name that is looked at, and hits of one element.
const PHRASE_WORDS_MAX: usize = 4;
const NAME_WORDS_MAX: usize = 10;
const HITS_OF_ELEMENT_MAX: usize = 24;
const HITS_MAX: usize = 50_000;
/// Words that add nothing to what a name says.
const GENERIC: &[&str] = &[
    "text",
    "value",
    "val",
    "wrapper",
    "wrap",
    "container",
    "block",
    "box",
    "info",
    "data",
    "detail",
    "details",
    "field",
    "row",
    "col",
    "column",
    "cell",
    "inner",
    "current",
    "now",
    "js",
    "u",
    "c",
    "o",
    "l",
    "p",
    "dt",
    "e",
    "single",
    "content",
    "card",
    "section",
    "header",
    "meta",
    "component",
    "module",
    "widget",
    "view",
    "line",
    "area",
    "group",
    "display",
    "el",
    "element",
    "id",
    "class",
    "css",
    "style",
    "styles",
    "module",
    "root",
    "base",
    "md",
    "lg",
    "sm",
    "xs",
    "xl",
    "large",
    "small",
    "big",
    "bold",
    "primary",
    "main",
    "page",
    "body",
    "desktop",
    "mobile",
    "first",
    "last",
    "left",
    "right",
    "top",
    "bottom",
    "span",
    "div",
    "div",
    "item",
    "items",
    "attribute",
    "property",
    "prop",
    "spec",
    "test",
    "qa",
    "wp",
    "wc",
    "ld",
    "entry",
    "product",
    "summary",
    "link",
    "list",
    "name",
    "title",
    "amount",
    "number",
    "woocommerce",
    "tribe",
    "events",
    "wprm",
    "tasty",
    "mv",
    "elementor",
    "et",
    "pb",
    "job",
    "jobs",
    "event",
    "recipe",
    "book",
    "posting",
    "topcard",
    "flavor",
    "html",
    "raw",
    "fw",
    "fs",
    "text",
    "color",
    "muted",
    "paragraph",
    "copy",
    "block",
];
/// Words of a name that is of something beside the value.
const OF_LABELS: &[&str] = &[
    "label",
    "icon",
    "icons",
    "btn",
    "button",
    "form",
    "input",
    "filter",
    "filters",
    "sort",
    "search",
    "toggle",
    "tab",
    "tabs",
    "placeholder",
    "tooltip",
    "caption",
    "heading",
    "headings",
    "th",
    "key",
    "term",
    "select",
    "option",
    "options",
    "checkbox",
    "dropdown",
    "popup",
    "modal",
    "logo",
    "navbar",
    "nav",
    "menu",
    "hidden",
    "spacer",
    "divider",
    "svg",
    "arrow",
    "legend",
    "slider",
    "calculator",
    "alert",
    "widget",
];

pub(super) fn find(page: &Page<'_>, lexicon: &Lexicon) -> Vec<Hit> {
    let mut hits: Vec<Hit> = Vec::new();
    for at in page.all() {
        if hits.len() >= HITS_MAX {
            break;
        }
        if page.element(at).tag == Tag::Svg {
            continue;
        }
        let mut found: Vec<(Term, f32)> = Vec::new();
        for name in page.names(at).lines() {
            of_name(name, lexicon, &mut found);
        }
        found.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        found.dedup_by_key(|(term, _)| *term);
        hits.extend(found.into_iter().map(|(term, share)| Hit { at, term, share }));
    }
    hits
}

fn of_name(name: &str, lexicon: &Lexicon, found: &mut Vec<(Term, f32)>) {
    let words: Vec<&str> = name.split(' ').take(NAME_WORDS_MAX).collect();
    if words.iter().any(|word| OF_LABELS.contains(word)) {
        return;
    }
    let mut taken = vec![false; words.len()];
    let mut meant: Vec<(Term, usize)> = Vec::new();
    for length in (1..=PHRASE_WORDS_MAX.min(words.len())).rev() {
        for start in 0..=words.len() - length {
            let range = start..start + length;
            if taken[range.clone()].iter().any(|taken| *taken) {
                continue;
            }
            let phrase = words[range.clone()].join(" ");
            let mut terms = lexicon.marked(&phrase).peekable();
            if terms.peek().is_none() {
                continue;
            }
            // A word that also says nothing counts only where it is all that there is.
            if length == 1
                && words.len() > 1
                && GENERIC.contains(&words[start])
                && is_less_than_the_rest(&words, start)
            {
                continue;
            }
            taken[range].fill(true);
            meant.extend(terms.map(|term| (term, length)));
        }
    }
    let rest = words
        .iter()
        .zip(&taken)
        .filter(|(word, taken)| {
            !**taken && !GENERIC.contains(*word) && !OWNERS.contains(*word) && !is_made_up(word)
        })
        .count();
    for (term, length) in meant.into_iter().take(HITS_OF_ELEMENT_MAX) {
        let others = taken.iter().filter(|taken| **taken).count().saturating_sub(length);
        let share = length as f32 / (length + rest) as f32;
        // Another meaning in the same name takes from this one, but not all: `event-date-location`.
        found.push((term, share / (1.0 + 0.5 * others as f32)));
    }
}

/// `name` in `author-name` means nothing by itself.
fn is_less_than_the_rest(words: &[&str], at: usize) -> bool {
    words.iter().enumerate().any(|(other, word)| {
        other != at && !is_made_up(word) && !OWNERS.contains(word) && !GENERIC.contains(word)
    })
}

/// Numbers and hashes.
fn is_made_up(word: &str) -> bool {
    word.chars().any(|c| c.is_ascii_digit()) || word.len() < 3
}
