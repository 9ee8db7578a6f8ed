//! Through the tree of a page, telling the writer what comes.
//!
//! Recursion goes down to a depth that no page for people reaches; below it there is only text.

use dom_query::NodeRef;
use url::Url;

use super::table;
use super::writer::{Mark, Writer};
use crate::images;
use crate::main_content::{Content, name_of};
use crate::text::is_block;

/// Levels of the tree that are told apart.
const DEPTH_MAX: usize = 200;
/// Lists and quotations within each other; deeper ones are not indented further, or their indents would be most of
/// the output.
const NESTING_MAX: usize = 12;
/// Characters of an address.
const ADDRESS_CHARS_MAX: usize = 4_096;

pub(super) struct Walk<'c, 'd> {
    pub(super) content: &'c Content<'d>,
    base: &'c Url,
    pub(super) writer: Writer,
    depth: usize,
    nesting: usize,
    /// The numbers of the lists that are open; `None` for bullets.
    lists: Vec<Option<u64>>,
}

impl<'c, 'd> Walk<'c, 'd> {
    pub(super) fn new(content: &'c Content<'d>, base: &'c Url) -> Self {
        Self { content, base, writer: Writer::default(), depth: 0, nesting: 0, lists: Vec::new() }
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
        for child in node.children_it(false) {
            self.node(&child);
        }
        self.depth -= 1;
    }

    fn node(&mut self, node: &NodeRef<'d>) {
        if self.writer.is_full() {
            return;
        }
        if node.is_text() {
            self.writer.text(&node.text());
            return;
        }
        if self.content.leaves_out(node) {
            return;
        }
        let Some(name) = name_of(node) else { return };
        match &*name {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.heading(node, &name),
            "b" | "strong" => self.marked(node, Mark::Strong),
            "i" | "em" | "cite" | "dfn" => self.marked(node, Mark::Emphasis),
            "s" | "del" | "strike" => self.marked(node, Mark::Strike),
            "a" => self.link(node),
            "img" => self.image(node),
            "br" => self.writer.hard_break(),
            "hr" => self.rule(),
            "code" | "kbd" | "samp" | "tt" => self.code(node),
            "pre" => self.code_block(node),
            "ul" | "menu" => self.list(node, None),
            "ol" => {
                let start = node.attr("start").and_then(|start| start.trim().parse().ok());
                self.list(node, Some(start.unwrap_or(1).min(999_999_999)));
            }
            "li" => self.item(node),
            "blockquote" => self.nested(node, None, "> "),
            "dt" | "summary" => self.paragraph(node, Some(Mark::Strong)),
            "figcaption" => self.paragraph(node, Some(Mark::Emphasis)),
            "dd" => self.nested(node, Some("- "), "  "),
            "table" => table::write(self, node),
            "math" => self.math(node),
            name if is_block(name) => self.paragraph(node, None),
            "td" | "th" => {
                self.writer.space();
                self.children(node);
            }
            _ => self.children(node),
        }
    }

    fn heading(&mut self, node: &NodeRef<'d>, name: &str) {
        let level = name[1..].parse().unwrap_or(6);
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

    fn link(&mut self, node: &NodeRef<'d>) {
        let href = node.attr("href");
        let href = href.as_deref().map(str::trim).unwrap_or_default();
        // The marks that show up beside headings lead to the heading itself.
        if href.starts_with('#') && matches!(node.text().trim(), "#" | "¶" | "§" | "🔗" | "") {
            return;
        }
        match address(self.base, href) {
            Some(address) => self.marked(node, Mark::Link(address)),
            None => self.children(node),
        }
    }

    fn image(&mut self, node: &NodeRef<'d>) {
        let Some(source) = images::source_of(node) else { return };
        let Some(address) = address(self.base, &source) else { return };
        let alt = node.attr("alt").map(|alt| alt.split_whitespace().collect::<Vec<_>>().join(" "));
        let alt = alt.unwrap_or_default().replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
        self.writer.verbatim(&format!("![{alt}]({address})"));
    }

    fn rule(&mut self) {
        if !self.writer.is_one_line() {
            self.writer.lines("---");
        }
    }

    fn code(&mut self, node: &NodeRef<'d>) {
        let text = node.text();
        let code = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if code.is_empty() {
            return;
        }
        if text.starts_with(char::is_whitespace) {
            self.writer.space();
        }
        let fence = "`".repeat(longest_run_of_backticks(&code) + 1);
        let pad = if code.starts_with('`') || code.ends_with('`') { " " } else { "" };
        self.writer.verbatim(&format!("{fence}{pad}{code}{pad}{fence}"));
        if text.ends_with(char::is_whitespace) {
            self.writer.space();
        }
    }

    fn code_block(&mut self, node: &NodeRef<'d>) {
        if self.writer.is_one_line() {
            self.code(node);
            return;
        }
        let text = text_with_breaks(node);
        let code = text.trim_matches('\n').trim_end();
        if code.trim().is_empty() {
            return;
        }
        let fence = "`".repeat((longest_run_of_backticks(code) + 1).max(3));
        let language = language_of(node).unwrap_or_default();
        self.writer.lines(&format!("{fence}{language}\n{code}\n{fence}"));
    }

    fn list(&mut self, node: &NodeRef<'d>, number: Option<u64>) {
        self.between_blocks();
        self.lists.push(number);
        self.children(node);
        self.lists.pop();
        self.between_blocks();
    }

    /// Lists within lists follow without a blank line.
    fn between_blocks(&mut self) {
        if self.lists.is_empty() { self.writer.block() } else { self.writer.line() }
    }

    fn item(&mut self, node: &NodeRef<'d>) {
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number = (*number + 1).min(999_999_999);
                marker
            }
            Some(None) | None => "- ".to_owned(),
        };
        self.writer.line();
        self.within(node, Some(&marker), &" ".repeat(marker.len()));
        self.writer.end_item();
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

    fn math(&mut self, node: &NodeRef<'d>) {
        let tex = node.attr("alttext").map(|tex| tex.split_whitespace().collect::<Vec<_>>().join(" "));
        match tex.filter(|tex| !tex.is_empty()) {
            Some(tex) => self.writer.verbatim(&format!("${tex}$")),
            None => self.children(node),
        }
    }
}

/// An absolute address that Markdown takes as it is; `None` for what leads nowhere (`javascript:`, `data:`).
fn address(base: &Url, href: &str) -> Option<String> {
    if href.is_empty() {
        return None;
    }
    let url = base.join(href).ok()?;
    if !matches!(url.scheme(), "http" | "https" | "mailto" | "tel" | "ftp")
        || url.as_str().len() > ADDRESS_CHARS_MAX
    {
        return None;
    }
    let mut address = String::with_capacity(url.as_str().len());
    for c in url.as_str().chars() {
        match c {
            '(' => address.push_str("%28"),
            ')' => address.push_str("%29"),
            '<' => address.push_str("%3C"),
            '>' => address.push_str("%3E"),
            '|' => address.push_str("%7C"),
            '\\' => address.push_str("%5C"),
            c if c.is_whitespace() || c.is_control() => address.push_str("%20"),
            c => address.push(c),
        }
    }
    Some(address)
}

fn longest_run_of_backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// The text of preformatted content, where `<br>` is a line break as well.
fn text_with_breaks(node: &NodeRef<'_>) -> String {
    let mut out = String::new();
    let mut waiting = vec![*node];
    while let Some(node) = waiting.pop() {
        if node.is_text() {
            out.push_str(&node.text());
        } else if node.has_name("br") {
            out.push('\n');
        } else {
            waiting.extend(node.children_it(true));
        }
    }
    out.replace("\r\n", "\n").replace('\r', "\n")
}

/// The language of code, as classes name it: on the block, the `code` in it, or what stands around it.
fn language_of(pre: &NodeRef<'_>) -> Option<String> {
    let code = pre.children_it(false).find(|child| child.has_name("code"));
    let around = pre.parent();
    [code, Some(*pre), around].into_iter().flatten().find_map(|node| {
        let from_data =
            node.attr("data-lang").or_else(|| node.attr("data-language")).map(|lang| lang.to_string());
        let language = from_data.or_else(|| {
            let classes = node.attr("class")?;
            classes.split_whitespace().find_map(|class| {
                ["language-", "lang-", "highlight-source-", "brush:"]
                    .iter()
                    .find_map(|start| class.strip_prefix(start))
                    .map(str::to_owned)
            })
        })?;
        let plain =
            language.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '#' | '-' | '_' | '.'));
        (plain && (1..=30).contains(&language.len())).then_some(language)
    })
}
