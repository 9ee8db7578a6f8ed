//! Footnotes: a raised number that leads to a note further down becomes `[^1]`, the note `[^1]: …`.
//!
//! Which notes there are is looked up in the page only when a number is met that may lead to one.

use std::collections::HashMap;

use crate::dom::{Element, NodeId, local_name};

use crate::dom::{Tag, Visitor, walk};
use crate::main_content::Content;

/// Notes of a page.
const NOTES_MAX: usize = 5_000;
/// Beginnings of the ids of notes.
const NOTE_IDS: &[&str] = &["fn", "_ftn", "note", "cite_note", "endnote", "footnote", "_edn"];
/// Beginnings of the ids of the places that refer to notes.
const REFERENCE_IDS: &[&str] =
    &["fnref", "_ftnref", "noteref", "cite_ref", "endnoteref", "footnote-ref", "ref-fn", "_ednref"];

/// The notes of a page, by the ids of their items.
#[derive(Debug, Default)]
pub(super) struct Footnotes {
    labels: Option<HashMap<String, Label>>,
    used: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Label {
    number: Option<usize>,
}

impl Footnotes {
    /// The label of the note that a link of this text leads to, if it is one.
    pub(super) fn label(&mut self, content: &Content<'_>, target: &str, text: &str) -> Option<usize> {
        let text = text.trim().trim_start_matches(['[', '(', '^']).trim_end_matches([']', ')']);
        let is_mark = !text.is_empty()
            && text.chars().count() <= 4
            && (text.chars().all(|c| c.is_ascii_alphanumeric()) || text.chars().all(|c| "*†‡§¶".contains(c)));
        if !is_mark || !is_note(target) {
            return None;
        }
        let labels = self.labels.get_or_insert_with(|| notes_of(content));
        let label = labels.get_mut(target)?;
        Some(*label.number.get_or_insert_with(|| {
            self.used += 1;
            self.used
        }))
    }

    /// The label of the note with this id, if something refers to it.
    pub(super) fn definition(&self, id: &str) -> Option<usize> {
        self.labels.as_ref()?.get(id.trim())?.number
    }

    /// Whether a link leads from a note back to where it is referred to.
    pub(super) fn is_way_back(&self, target: &str) -> bool {
        self.used > 0 && REFERENCE_IDS.iter().any(|start| target.starts_with(start))
    }
}

fn is_note(id: &str) -> bool {
    NOTE_IDS.iter().any(|start| id.starts_with(start))
        && !REFERENCE_IDS.iter().any(|start| id.starts_with(start))
}

fn notes_of(content: &Content<'_>) -> HashMap<String, Label> {
    let mut notes = Notes { content, found: HashMap::new() };
    for root in content.roots() {
        walk(root, &mut notes);
    }
    notes.found
}

struct Notes<'c, 'd> {
    content: &'c Content<'d>,
    found: HashMap<String, Label>,
}

impl Visitor for Notes<'_, '_> {
    fn text(&mut self, _: NodeId, _: &str) {}

    fn enter(&mut self, id: NodeId, tag: Tag, element: &Element<'_>) -> bool {
        if self.content.leaves_out(id, tag, element) {
            return false;
        }
        if tag == Tag::Li
            && self.found.len() < NOTES_MAX
            && let Some(id) = element.attr(local_name!("id"))
            && is_note(id.trim())
        {
            self.found.insert(id.trim().to_owned(), Label::default());
        }
        true
    }

    fn leave(&mut self, _: Tag) {}
}
