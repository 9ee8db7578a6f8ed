//! What the page shows of itself to people: headline, byline, the times beside it.

use crate::dom::{Document, NodeRef};

/// Words of a byline; what is longer is none.
const BYLINE_WORDS_MAX: usize = 12;
const BYLINE_CHARS_MAX: usize = 120;
/// Elements of one selector that are looked at.
const LOOKED_AT_MAX: usize = 20;

/// Where authors are named, surest first.
const AUTHORS: [&str; 5] = [
    "[itemprop~=author] [itemprop~=name], [itemprop~=author]",
    "[rel~=author]",
    ".author-name, .author__name, .byline__name, .byline-name, .article-author, .entry-author, .post-author",
    ".byline, .author, #author",
    "address[class*=author], [class*=byline]",
];
/// Where the time of publishing stands, surest first.
const PUBLISHED: [&str; 4] = [
    "[itemprop~=datePublished]",
    "time[pubdate], time.published, time.entry-date, time[class*=publish]",
    "article header time[datetime], article time[datetime], main time[datetime]",
    "time[datetime]",
];
const MODIFIED: [&str; 2] =
    ["[itemprop~=dateModified]", "time.updated, time.modified, time[class*=update], time[class*=modif]"];

/// The first heading.
pub(super) fn headline(document: &Document) -> Option<String> {
    let text = folded(&document.select_first("h1").map(NodeRef::text).unwrap_or_default());
    (!text.is_empty()).then_some(text)
}

/// The authors that the page shows, of the first place that names any. A listing shows many and has none.
pub(super) fn authors(document: &Document) -> Vec<String> {
    for selector in AUTHORS {
        let mut names: Vec<String> = Vec::new();
        for node in document.select(selector).into_iter().take(LOOKED_AT_MAX) {
            let name = node.attr("content").map_or_else(|| folded(&node.text()), folded);
            let name = without_by(&name).to_owned();
            let is_name = !name.is_empty()
                && name.chars().count() <= BYLINE_CHARS_MAX
                && name.split(' ').count() <= BYLINE_WORDS_MAX;
            // An element of authors holds the one that names them.
            if is_name && !names.iter().any(|known| known.contains(&name) || name.contains(known.as_str())) {
                names.push(name);
            }
        }
        if !names.is_empty() {
            return if names.len() <= 5 { names } else { Vec::new() };
        }
    }
    Vec::new()
}

/// The texts that may be the time of publishing, surest first.
pub(super) fn published(document: &Document) -> Vec<String> {
    PUBLISHED.iter().filter_map(|selector| time_at(document, selector)).collect()
}

/// The texts that may be the time of the last change.
pub(super) fn modified(document: &Document) -> Vec<String> {
    MODIFIED.iter().filter_map(|selector| time_at(document, selector)).collect()
}

fn time_at(document: &Document, selector: &str) -> Option<String> {
    let node = document.select_first(selector)?;
    let said = ["datetime", "content"].iter().find_map(|name| node.attr(name)).map(folded);
    Some(said.unwrap_or_else(|| folded(&node.text()))).filter(|text| !text.is_empty())
}

/// `By Ann Ek` is Ann Ek.
fn without_by(name: &str) -> &str {
    let (first, rest) = name.split_once(' ').unwrap_or((name, ""));
    let is_by = ["by", "by:", "von", "av", "par", "por", "di", "door", "author:", "written"]
        .iter()
        .any(|word| first.eq_ignore_ascii_case(word));
    let rest = rest.trim_start();
    match rest.split_once(' ') {
        Some((by, name)) if is_by && by.eq_ignore_ascii_case("by") => name,
        _ if is_by => rest,
        _ => name,
    }
}

pub(super) fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
