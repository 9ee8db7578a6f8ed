//! The tree of a page, within bounds. The parser's time grows with the square of the nesting depth, so a document is
//! cut where it nests deeper than any real page does.

mod sink;
mod tag;
mod walk;

use dom_query::Document;

pub(crate) use tag::Tag;
pub(crate) use walk::{Visitor, walk};

use crate::tags::{Met, Tags};

/// Deepest nesting that is read; the deepest of 181 real pages was 51.
const DEPTH_MAX: usize = 400;
/// Elements that are read.
const ELEMENTS_MAX: usize = 400_000;

/// Parses a page.
pub(crate) fn parse(text: &str) -> Document {
    sink::parse(&text[..bounded_length(text)])
}

/// Up to where the document keeps within the bounds. Elements that close themselves when their like begins do not count.
fn bounded_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut elements = 0;
    for met in Tags::of(text) {
        match met {
            Met::Start(tag) if nests(tag.name) => {
                depth += 1;
                elements += 1;
                if depth > DEPTH_MAX || elements > ELEMENTS_MAX {
                    return tag.start;
                }
            }
            Met::Start(tag) => {
                elements += 1;
                if elements > ELEMENTS_MAX {
                    return tag.start;
                }
            }
            Met::End(name) if nests(name) => depth = depth.saturating_sub(1),
            Met::End(_) => {}
        }
    }
    text.len()
}

fn nests(name: &str) -> bool {
    const FLAT: [&str; 35] = [
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
        "track", "wbr", "p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option",
        "optgroup", "html", "head", "body", "script", "style", "title", "textarea", "iframe", "path",
    ];
    !FLAT.iter().any(|flat| name.eq_ignore_ascii_case(flat))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cpu_clock::CpuClock;

    #[test]
    fn a_hundred_thousand_nested_tags_are_cut_and_quick() {
        let started = CpuClock::start();
        for tag in ["<div>", "<b>", "<a><div>", "<p><table><tr><td>", "<ul><li>"] {
            let text = format!("<title>t</title>{}", tag.repeat(100_000));
            assert_eq!(parse(&text).select_single("title").text().as_ref(), "t");
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    }

    #[test]
    fn a_flat_list_of_unclosed_items_is_whole() {
        let text = format!("<ul>{}</ul>", "<li>x".repeat(5_000));
        assert_eq!(parse(&text).select("li").length(), 5_000);
    }
}
