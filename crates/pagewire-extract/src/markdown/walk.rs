//! Through the tree of a page, telling the writer what comes.
//!
//! Recursion goes down to a depth that no page for people reaches; below it there is only text.

use crate::dom::{Element, LocalName, NodeData, NodeRef, local_name};
use url::Url;

use super::footnotes::Footnotes;
use super::writer::{Mark, Writer};
use super::{address, code, escape, math, signs, table};
use crate::dom::Tag;
use crate::images;
use crate::main_content::Content;

/// Levels of the tree that are told apart.
const DEPTH_MAX: usize = 200;
/// Lists and quotations within each other; deeper ones are not indented further, or their indents would be most of
/// the output.
const NESTING_MAX: usize = 12;

pub(super) struct Walk<'c, 'd> {
    pub(super) content: &'c Content<'d>,
    base: &'c Url,
    pub(super) writer: Writer,
    footnotes: Footnotes,
    depth: usize,
    nesting: usize,
    /// The numbers of the lists that are open; `None` for bullets.
    lists: Vec<Option<u64>>,
}

impl<'c, 'd> Walk<'c, 'd> {
    pub(super) fn new(content: &'c Content<'d>, base: &'c Url) -> Self {
        Self {
            content,
            base,
            writer: Writer::into_buffer(content.buffer()),
            footnotes: Footnotes::default(),
            depth: 0,
            nesting: 0,
            lists: Vec::new(),
        }
    }

    pub(super) fn root(&mut self, node: &NodeRef<'d>) {
        self.writer.block();
        self.node(node);
        self.writer.block();
    }

    pub(super) fn finish(self) -> String {
        self.writer.finish()
    }

    /// A cell's content, on one line.
    pub(super) fn cell(&mut self, cell: &NodeRef<'d>) -> String {
        let outer = std::mem::replace(&mut self.writer, Writer::of_cell());
        self.children(cell);
        std::mem::replace(&mut self.writer, outer).finish()
    }

    pub(super) fn children(&mut self, node: &NodeRef<'d>) {
        if self.depth >= DEPTH_MAX {
            self.writer.text(&node.text());
            return;
        }
        self.depth += 1;
        for child in node.children() {
            self.node(&child);
        }
        self.depth -= 1;
    }

    fn node(&mut self, node: &NodeRef<'d>) {
        if self.writer.is_full() {
            return;
        }
        match node.data() {
            NodeData::Element(element) => self.element(node, &element),
            NodeData::Text(text) => self.writer.text(text),
            NodeData::Comment(_) | NodeData::Root => {}
        }
    }

    fn element(&mut self, node: &NodeRef<'d>, element: &Element<'_>) {
        let tag = element.tag;
        if tag == Tag::Script {
            if let Some(tex) = math::of_script(node, element) {
                self.math(&tex);
            }
            return;
        }
        if self.content.leaves_out(node.id, tag, element) || math::is_rendering(tag, element) {
            return;
        }
        match tag {
            Tag::H1 | Tag::H2 | Tag::H3 | Tag::H4 | Tag::H5 | Tag::H6 => {
                self.heading(node, tag.heading_level().unwrap_or(6));
            }
            Tag::B | Tag::Strong => self.marked(node, Mark::Strong),
            Tag::I | Tag::Em | Tag::Cite | Tag::Dfn => self.marked(node, Mark::Emphasis),
            Tag::S | Tag::Del | Tag::Strike => self.marked(node, Mark::Strike),
            Tag::A => self.link(node, element),
            Tag::Img => self.image(element),
            Tag::Br => self.writer.hard_break(),
            Tag::Hr => self.rule(),
            Tag::Code | Tag::Kbd | Tag::Samp | Tag::Tt => self.code(node),
            Tag::Pre => self.code_block(node),
            Tag::Ul | Tag::Menu => self.list(node, None),
            Tag::Ol => {
                let start = element.attr(local_name!("start")).and_then(|start| start.trim().parse().ok());
                self.list(node, Some(start.unwrap_or(1).min(999_999_999)));
            }
            Tag::Li => self.item(node, element),
            Tag::Blockquote => self.nested(node, Some("> "), "> "),
            Tag::Dt | Tag::Summary => self.paragraph(node, Some(Mark::Strong)),
            Tag::Figcaption => self.paragraph(node, Some(Mark::Emphasis)),
            Tag::Dd => self.nested(node, Some("- "), "  "),
            Tag::Table => table::write(self, node),
            Tag::Math => match math::of_element(node, element) {
                Some(tex) => self.math(&tex),
                None => self.children(node),
            },
            Tag::Sup | Tag::Sub => self.raised(node, tag),
            Tag::P if is_label(element) => self.paragraph(node, Some(Mark::Strong)),
            tag if tag.is_block() => self.paragraph(node, None),
            tag if tag.is_cell() => {
                self.writer.space();
                self.children(node);
            }
            _ => self.children(node),
        }
    }

    fn heading(&mut self, node: &NodeRef<'d>, level: usize) {
        let begun = self.writer.begin_heading(level);
        self.children(node);
        if begun {
            self.writer.end_heading();
        }
    }

    pub(super) fn paragraph(&mut self, node: &NodeRef<'d>, mark: Option<Mark>) {
        self.writer.block();
        match mark {
            Some(mark) => self.marked(node, mark),
            None => self.children(node),
        }
        self.writer.block();
    }

    fn marked(&mut self, node: &NodeRef<'d>, mark: Mark) {
        let opened = self.writer.open(mark);
        self.children(node);
        if opened {
            self.writer.close();
        }
    }

    fn link(&mut self, node: &NodeRef<'d>, element: &Element<'_>) {
        let href = element.attr(local_name!("href")).map(str::trim).unwrap_or_default();
        if let Some(target) = href.strip_prefix('#') {
            if self.footnotes.is_way_back(target) {
                return;
            }
            let text = node.text();
            // The marks that show up beside headings lead to the heading itself.
            if matches!(text.trim(), "#" | "¶" | "§" | "🔗" | "↩" | "↩︎" | "↑" | "^" | "") {
                return;
            }
            if let Some(label) = self.footnotes.label(self.content, target, &text) {
                self.writer.verbatim(&format!("[^{label}]"));
                return;
            }
        }
        match address::of_link(self.base, href) {
            Some(address) => self.marked(node, Mark::Link(address)),
            None => self.children(node),
        }
    }

    fn image(&mut self, element: &Element<'_>) {
        let alt = element.attr(local_name!("alt")).unwrap_or_default();
        if let Some(tex) = math::of_image(element, alt) {
            self.math(tex);
            return;
        }
        let Some(source) = images::source_of(element) else { return };
        let Some(address) = address::of_image(self.base, &source) else { return };
        let mut image = String::with_capacity(alt.len() + address.len() + 5);
        image.push_str("![");
        for (index, word) in alt.split_whitespace().enumerate() {
            if index > 0 {
                image.push(' ');
            }
            escape::inline(&mut image, word, false);
        }
        image.push_str("](");
        image.push_str(&address);
        image.push(')');
        self.writer.piece(&image);
    }

    /// Raised and lowered figures, for which there are signs; other text stands as it is.
    fn raised(&mut self, node: &NodeRef<'d>, tag: Tag) {
        let text = node.children().all(|child| !child.is_element()).then(|| node.text());
        match text.and_then(|text| signs::of(&text, tag)) {
            Some(signs) => self.writer.text(&signs),
            None => self.children(node),
        }
    }

    fn math(&mut self, tex: &str) {
        self.writer.verbatim(&format!("${tex}$"));
    }

    fn rule(&mut self) {
        if !self.writer.is_one_line() {
            self.writer.lines("---");
        }
    }

    fn code(&mut self, node: &NodeRef<'d>) {
        let text = node.text();
        let Some(code) = code::span(&text) else { return };
        if self.writer.is_in_link() && code.contains("]:") {
            // At the start of a paragraph the link would be a definition, which goes before code.
            self.writer.text(&text);
            return;
        }
        if text.starts_with(char::is_whitespace) {
            self.writer.space();
        }
        self.writer.piece(&code);
        if text.ends_with(char::is_whitespace) {
            self.writer.space();
        }
    }

    fn code_block(&mut self, node: &NodeRef<'d>) {
        if self.writer.is_one_line() {
            self.code(node);
        } else if let Some(block) = code::block(node) {
            self.writer.lines(&block);
        }
    }

    fn list(&mut self, node: &NodeRef<'d>, number: Option<u64>) {
        // A list within an item follows on the next line; only one that begins with 1 may do so right after text.
        if self.lists.is_empty() || number.is_some_and(|number| number != 1) {
            self.writer.block();
        } else {
            self.writer.line();
        }
        self.lists.push(number);
        self.children(node);
        self.lists.pop();
        self.writer.block();
    }

    fn item(&mut self, node: &NodeRef<'d>, element: &Element<'_>) {
        if let Some(label) = element.attr(local_name!("id")).and_then(|id| self.footnotes.definition(id)) {
            let marker = format!("[^{label}]: ");
            self.nested(node, Some(&marker), "    ");
            return;
        }
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number = (*number + 1).min(999_999_999);
                marker
            }
            Some(None) | None => "- ".to_owned(),
        };
        self.writer.line();
        let start = self.writer.length();
        self.within(node, Some(&marker), &"              "[..marker.len()]);
        self.writer.end_item(start);
    }

    fn nested(&mut self, node: &NodeRef<'d>, first: Option<&str>, rest: &str) {
        self.writer.block();
        // What is nested in here is no part of the list outside.
        let lists = std::mem::take(&mut self.lists);
        self.within(node, first, rest);
        self.lists = lists;
        self.writer.block();
    }

    fn within(&mut self, node: &NodeRef<'d>, first: Option<&str>, rest: &str) {
        if self.nesting >= NESTING_MAX || self.writer.is_one_line() {
            self.children(node);
            return;
        }
        self.nesting += 1;
        self.writer.push_prefix(first, rest);
        self.children(node);
        self.writer.pop_prefix();
        self.nesting -= 1;
    }
}

/// Whether a paragraph is the label of a note: "Warning".
fn is_label(element: &Element<'_>) -> bool {
    attribute(element, local_name!("class")).is_some_and(|class| class.contains("admonition-title"))
}

/// An attribute's value.
pub(super) fn attribute<'d>(element: &Element<'d>, name: LocalName) -> Option<&'d str> {
    element.attr(name).map(str::trim).filter(|value| !value.is_empty())
}
