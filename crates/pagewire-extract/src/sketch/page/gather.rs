//! The walk that gathers a page: elements that are seen, their text and their names.

use crate::dom::{Element as Node, NodeId, NodeRef, local_name};

use super::{At, ELEMENTS_MAX, Element, Page, TEXT_BYTES_MAX, flag};
use crate::dom::{Tag, Visitor, walk};
use crate::sketch::shape::tokens_of;

/// Names of one element, and bytes of one.
const NAMES_MAX: usize = 16;
const NAME_BYTES_MAX: usize = 60;
/// Attributes, beside classes and ids, whose values name what an element holds.
const NAMING: [&str; 13] = [
    "itemprop",
    "property",
    "data-testid",
    "data-test",
    "data-test-id",
    "data-qa",
    "data-hook",
    "data-field",
    "data-cy",
    "data-automation-id",
    "data-automation",
    "data-role",
    "rel",
];

struct Gathering {
    elements: Vec<Element>,
    text: String,
    names: String,
    open: Vec<At>,
    /// An element ended, and nothing has been written since.
    at_seam: bool,
}

pub(super) fn gather(root: NodeRef<'_>) -> Page<'_> {
    let mut gathering = Gathering {
        elements: Vec::with_capacity(root.document.elements().min(ELEMENTS_MAX)),
        text: String::with_capacity(root.document.text_bytes().min(TEXT_BYTES_MAX)),
        names: String::new(),
        open: Vec::new(),
        at_seam: false,
    };
    walk(&root, &mut gathering);
    while let Some(at) = gathering.open.pop() {
        gathering.close(at);
    }
    Page {
        document: root.document,
        elements: gathering.elements,
        text: gathering.text,
        names: gathering.names,
        hits: Vec::new(),
        pairs: Vec::new(),
    }
}

/// The value of an attribute, if it says anything.
pub(in crate::sketch) fn attribute_of(node: &NodeRef<'_>, name: &str) -> Option<String> {
    node.attr(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

impl Gathering {
    fn close(&mut self, at: At) {
        let end = position(self.elements.len());
        let element = &mut self.elements[at as usize];
        element.end = end;
        element.text.1 = position(self.text.len());
    }

    fn line_break(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.at_seam = false;
    }

    /// Cents that stand small beside the whole: `12<sup>99</sup>`.
    fn is_cents(&self, text: &str, tag: Tag, names: &str) -> bool {
        let text = text.trim();
        let small = tag == Tag::Sup
            || ["cents", "fraction", "decimal", "decimals", "centimes"]
                .iter()
                .any(|name| names.split([' ', '\n']).any(|word| word == *name));
        small
            && text.len() == 2
            && text.bytes().all(|b| b.is_ascii_digit())
            && self.text.ends_with(|c: char| c.is_ascii_digit())
            && {
                let start = self.text.floor_char_boundary(self.text.len().saturating_sub(16));
                !self.text[start..]
                    .rsplit(char::is_whitespace)
                    .next()
                    .unwrap_or_default()
                    .contains(['.', ','])
            }
    }
}

impl Visitor for Gathering {
    fn text(&mut self, _: NodeId, text: &str) {
        if self.text.len() >= TEXT_BYTES_MAX {
            return;
        }
        let mut chars = text.chars();
        let Some(first) = chars.next() else { return };
        if let Some(at) = self.open.last() {
            let element = self.elements[*at as usize];
            let names = &self.names[element.names.0 as usize..element.names.1 as usize];
            if self.is_cents(text, element.tag, names) {
                self.text.push('.');
                self.text.push_str(text.trim());
                return;
            }
        }
        // Words of two elements are two words.
        let joins = self.at_seam
            && self.text.ends_with(|c: char| c.is_alphanumeric() || matches!(c, ')' | ':' | '.' | '%'))
            && !first.is_whitespace()
            && (first.is_alphanumeric() || !first.is_ascii() || matches!(first, '$' | '('));
        if joins {
            self.text.push(' ');
        }
        let mut folded_space = self.text.is_empty() || self.text.ends_with(char::is_whitespace);
        let before = self.text.len();
        for c in text.chars() {
            if c.is_whitespace() && c != '\u{a0}' && c != '\u{202f}' {
                if !folded_space {
                    self.text.push(' ');
                }
                folded_space = true;
            } else if !matches!(c, '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}' | '\0') {
                self.text.push(c);
                folded_space = false;
            }
        }
        if self.text.len() > before {
            self.at_seam = false;
        }
    }

    fn enter(&mut self, id: NodeId, tag: Tag, node: &Node<'_>) -> bool {
        // A drawing is known by its name alone.
        if self.elements.len() >= ELEMENTS_MAX || is_never_seen(tag, node) && tag != Tag::Svg {
            return false;
        }
        if stands_apart(tag) || tag == Tag::Br {
            self.line_break();
        }
        let start = position(self.names.len());
        let mut flags = 0;
        for attribute in node.attributes() {
            let is_class = *attribute.name == local_name!("class");
            if is_class || *attribute.name == local_name!("id") || NAMING.contains(&&**attribute.name) {
                for name in attribute.value.split_ascii_whitespace().take(NAMES_MAX) {
                    // Categories are tags to this attribute.
                    if &**attribute.name == "rel" && name == "tag" {
                        continue;
                    }
                    self.name(name);
                }
            }
        }
        if matches!(tag, Tag::Del | Tag::S | Tag::Strike) {
            flags |= flag::STRUCK;
        }
        let at = position(self.elements.len());
        let parent = self.open.last().copied().unwrap_or(0);
        self.elements.push(Element {
            id,
            tag,
            flags,
            parent,
            end: at + 1,
            text: (position(self.text.len()), position(self.text.len())),
            names: (start, position(self.names.len())),
        });
        if tag == Tag::Svg {
            return false;
        }
        self.open.push(at);
        self.at_seam = self.at_seam || !self.text.ends_with(char::is_whitespace);
        true
    }

    fn leave(&mut self, tag: Tag) {
        if let Some(at) = self.open.pop() {
            self.close(at);
        }
        if stands_apart(tag) {
            self.line_break();
        }
        self.at_seam = true;
    }
}

impl Gathering {
    /// A name as its words, on a line.
    fn name(&mut self, name: &str) {
        let name = &name[..name.floor_char_boundary(NAME_BYTES_MAX)];
        let words = tokens_of(name);
        if words.is_empty() || self.names.len() >= TEXT_BYTES_MAX {
            return;
        }
        for (at, word) in words.iter().enumerate() {
            if at > 0 {
                self.names.push(' ');
            }
            self.names.push_str(word);
        }
        self.names.push('\n');
    }
}

fn position(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Whether an element's text stands on a line of its own.
fn stands_apart(tag: Tag) -> bool {
    tag.is_block()
        || tag.is_cell()
        || matches!(
            tag,
            Tag::Button
                | Tag::Figcaption
                | Tag::Figure
                | Tag::Summary
                | Tag::Thead
                | Tag::Tbody
                | Tag::Tfoot
                | Tag::Caption
        )
}

/// What a reader never sees. Buttons are seen: they say whether something can be bought.
fn is_never_seen(tag: Tag, node: &Node<'_>) -> bool {
    if matches!(tag, Tag::Button) {
        return false;
    }
    tag.is_never_read()
        || node.attributes().any(|attribute| match *attribute.name {
            local_name!("hidden") => true,
            local_name!("style") => {
                let style: String =
                    attribute.value.chars().filter(|c| !c.is_whitespace()).take(400).collect();
                let style = style.to_ascii_lowercase();
                style.contains("display:none") || style.contains("visibility:hidden")
            }
            _ => false,
        })
}
