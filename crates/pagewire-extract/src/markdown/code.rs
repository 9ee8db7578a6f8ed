//! Code: spans within a line and blocks of lines.

use crate::dom::{Element, NodeId, NodeRef, local_name};

use super::walk::attribute;
use crate::dom::{Tag, Visitor, walk};

/// Characters of a language's name.
const LANGUAGE_CHARS_MAX: usize = 30;
/// Elements above a block that may name its language.
const AROUND_MAX: usize = 3;

/// Code within a line; `None` if there is none.
pub(super) fn span(text: &str) -> Option<String> {
    let code = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if code.is_empty() {
        return None;
    }
    let fence = "`".repeat(fence_length(&code, 1));
    let pad = if code.starts_with('`') || code.ends_with('`') { " " } else { "" };
    Some(format!("{fence}{pad}{code}{pad}{fence}"))
}

/// A block of code with its fences; `None` if there is none.
pub(super) fn block(pre: &NodeRef<'_>) -> Option<String> {
    let mut lines = Lines::default();
    walk(pre, &mut lines);
    let mut text = lines.text;
    if text.contains('\r') {
        text = text.replace("\r\n", "\n").replace('\r', "\n");
    }
    let code = text.trim_matches('\n').trim_end();
    if code.trim().is_empty() {
        return None;
    }
    let fence = "`".repeat(fence_length(code, 3));
    let language = language_of(pre).unwrap_or_default();
    Some(format!("{fence}{language}\n{code}\n{fence}"))
}

/// A shortest fence that the code does not hold; longer than any run in it.
fn fence_length(code: &str, shortest: usize) -> usize {
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    (longest + 1).max(shortest)
}

/// The text of preformatted content, where `<br>` and blocks are line breaks as well.
#[derive(Default)]
struct Lines {
    text: String,
}

impl Visitor for Lines {
    fn text(&mut self, _: NodeId, text: &str) {
        self.text.push_str(text);
    }

    fn enter(&mut self, _: NodeId, tag: Tag, element: &Element<'_>) -> bool {
        // Copy buttons and numbers of lines are no code.
        let is_aside = tag.is_never_read()
            || attribute(element, local_name!("class")).is_some_and(|class| {
                class.split_ascii_whitespace().any(|class| {
                    matches!(
                        class,
                        "lineno" | "linenos" | "line-number" | "line-numbers" | "gutter" | "linenodiv"
                    )
                })
            });
        if !is_aside && tag == Tag::Br {
            self.text.push('\n');
        }
        if !is_aside && matches!(tag, Tag::Div | Tag::P | Tag::Li) {
            self.new_line();
        }
        !is_aside
    }

    fn leave(&mut self, tag: Tag) {
        if matches!(tag, Tag::Div | Tag::P | Tag::Li) {
            self.new_line();
        }
    }
}

impl Lines {
    fn new_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }
}

/// The language of code, as classes name it: on the block, the `code` in it, or what stands around it.
fn language_of(pre: &NodeRef<'_>) -> Option<String> {
    let code = pre.children().find(|child| child.has_name("code"));
    let around = pre.ancestors().take(AROUND_MAX);
    code.into_iter().chain([*pre]).chain(around).find_map(|node| {
        let element = node.element()?;
        named_language(&element)
    })
}

fn named_language(element: &Element<'_>) -> Option<String> {
    let data = element
        .attributes()
        .find(|attribute| matches!(&**attribute.name, "data-lang" | "data-language"))
        .map(|attribute| attribute.value.trim().to_owned());
    let language = data.or_else(|| {
        let classes = attribute(element, local_name!("class"))?;
        let mut classes = classes.split_ascii_whitespace().peekable();
        while let Some(class) = classes.next() {
            if class == "brush:" {
                return classes.peek().map(|language| language.trim_end_matches(';').to_owned());
            }
            let named = ["language-", "lang-", "highlight-source-", "brush:", "highlight-"]
                .iter()
                .find_map(|start| class.strip_prefix(start));
            if let Some(named) = named {
                return Some(named.trim_end_matches(';').to_owned());
            }
        }
        None
    })?;
    let is_name =
        language.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '#' | '-' | '_' | '.'));
    let says_nothing =
        matches!(&*language, "none" | "default" | "notranslate" | "wrapper" | "plaintext" | "text");
    (is_name && !says_nothing && (1..=LANGUAGE_CHARS_MAX).contains(&language.len())).then_some(language)
}
