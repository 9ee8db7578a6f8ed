//! The text of an item's property: what a person reads in an element, with a space between words that stand in
//! different elements, a line break around what stands on its own line, and none of scripts and styles.

use std::ops::ControlFlow;

use crate::dom::NodeRef;

use super::{Allowance, tree};

/// What is around a text so far.
enum Before {
    BlankLine,
    LineBreak,
    /// Text, and how it ends.
    Text {
        ends_in_space: bool,
        ends_in_bracket: bool,
    },
}

struct Writer {
    out: String,
    before: Before,
    /// Text that has not been broken by an element.
    run: String,
}

/// The text of an element, as far as the allowance goes.
pub(crate) fn text_of(element: &NodeRef<'_>, allowance: &mut Allowance) -> String {
    let mut writer = Writer { out: String::new(), before: Before::BlankLine, run: String::new() };
    if !is_unread(element) {
        let _ = writer.element(element, 0, allowance);
    }
    let text = writer.out.trim_matches(is_space);
    if text.len() == writer.out.len() { writer.out } else { text.to_owned() }
}

impl Writer {
    fn element(&mut self, element: &NodeRef<'_>, depth: usize, left: &mut Allowance) -> ControlFlow<()> {
        let lines = element.name().map_or(0, |name| lines_around(name));
        self.end_run();
        self.break_lines(lines);
        if depth < super::DEPTH_MAX {
            for child in tree::children_of(element) {
                if !left.take(1) {
                    return ControlFlow::Break(());
                }
                if child.is_element() {
                    if !is_unread(&child) {
                        self.element(&child, depth + 1, left)?;
                    }
                } else if child.is_text() {
                    let text = child.text();
                    if !left.take(text.len()) {
                        return ControlFlow::Break(());
                    }
                    self.run.push_str(&text);
                }
            }
        }
        self.end_run();
        self.break_lines(lines);
        ControlFlow::Continue(())
    }

    fn end_run(&mut self) {
        let run = std::mem::take(&mut self.run);
        let text = run.trim_matches(is_space);
        if let Some(first) = text.chars().next() {
            let apart = match self.before {
                Before::BlankLine | Before::LineBreak => false,
                Before::Text { ends_in_space, ends_in_bracket } => {
                    ends_in_space
                        || !(ends_in_bracket
                            || matches!(first, ',' | ':' | ';' | '.' | '!' | '?' | '"' | ')'))
                }
            };
            if apart {
                self.out.push(' ');
            }
            for (at, word) in text.split(is_space).filter(|word| !word.is_empty()).enumerate() {
                if at > 0 {
                    self.out.push(' ');
                }
                self.out.push_str(word);
            }
            self.before =
                Before::Text { ends_in_space: run.ends_with(is_space), ends_in_bracket: run.ends_with('(') };
        }
        self.run = run;
        self.run.clear();
    }

    fn break_lines(&mut self, lines: usize) {
        match (lines, &self.before) {
            (0, _) | (_, Before::BlankLine) | (1, Before::LineBreak) => {}
            (1, Before::Text { .. }) => {
                self.out.push('\n');
                self.before = Before::LineBreak;
            }
            (_, before) => {
                self.out.push_str(if matches!(before, Before::LineBreak) { "\n" } else { "\n\n" });
                self.before = Before::BlankLine;
            }
        }
    }
}

/// Unicode white space and the separators of ASCII.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

fn is_unread(element: &NodeRef<'_>) -> bool {
    element.name().is_some_and(|name| matches!(&**name, "script" | "style" | "link" | "meta"))
}

/// How many line breaks stand before and after an element.
fn lines_around(name: &str) -> usize {
    match name {
        "blockquote" | "dl" | "figure" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ol" | "p" | "pre"
        | "title" | "ul" => 2,
        "article" | "aside" | "br" | "dd" | "details" | "div" | "dt" | "fieldset" | "figcaption"
        | "footer" | "form" | "header" | "hr" | "legend" | "li" | "main" | "nav" | "table" | "tr" => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use crate::dom::Document;

    use super::*;

    #[test]
    fn text_reads_as_it_looks() {
        for (html, expected) in [
            ("a<b>b</b>, c", "a b, c"),
            ("a <b>b</b>( <i>c</i> )", "a b ( c)"),
            ("a<!-- x -->b<script>1</script>c", "abc"),
            ("<p>a</p><p>b</p>c<br>d", "a\n\nb\n\nc\nd"),
            ("<div>a</div><ul><li>b<li>c</ul>", "a\n\nb\nc"),
            ("\u{a0} a \u{a0}\n b", "a b"),
        ] {
            let document = Document::from(format!("<body><div id=x>{html}</div>"));
            let node = document.select_first("#x").expect("an element");
            assert_eq!(text_of(&node, &mut Allowance::new(1_000)), expected, "{html}");
        }
    }
}
