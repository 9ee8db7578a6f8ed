//! The visible text of a page: blocks on lines of their own, white space folded.

use dom_query::NodeRef;

use crate::main_content::{Content, name_of};

/// The text of what is kept of a page.
pub(crate) fn of_content(content: &Content<'_>) -> String {
    let mut writer = TextWriter::default();
    for root in content.roots() {
        writer.break_due = true;
        writer.node(root, content);
    }
    writer.out
}

#[derive(Default)]
struct TextWriter {
    out: String,
    break_due: bool,
    space_due: bool,
}

impl TextWriter {
    /// Walks the subtree without recursion: pages nest as deep as they like.
    fn node(&mut self, root: &NodeRef<'_>, content: &Content<'_>) {
        let mut stack: Vec<(NodeRef<'_>, bool)> = vec![(*root, false)];
        while let Some((node, leaving)) = stack.pop() {
            if node.is_text() {
                self.words(&node.text());
                continue;
            }
            if !leaving && content.leaves_out(&node) {
                continue;
            }
            let name = name_of(&node);
            let name = name.as_deref().unwrap_or_default();
            if is_block(name) {
                self.break_due = true;
            } else if matches!(name, "td" | "th") {
                self.space_due = true;
            }
            if !leaving {
                stack.push((node, true));
                stack.extend(node.children_it(true).map(|child| (child, false)));
            }
        }
    }

    fn words(&mut self, text: &str) {
        if text.starts_with(|c: char| c.is_whitespace()) {
            self.space_due = true;
        }
        for word in text.split_whitespace() {
            if !self.out.is_empty() {
                if self.break_due {
                    self.out.push('\n');
                } else if self.space_due {
                    self.out.push(' ');
                }
            }
            self.break_due = false;
            self.out.push_str(word);
            self.space_due = true;
        }
        self.space_due = text.ends_with(|c: char| c.is_whitespace());
    }
}

/// Whether an element stands on lines of its own.
pub(crate) fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "br"
            | "caption"
            | "dd"
            | "details"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hr"
            | "li"
            | "main"
            | "nav"
            | "ol"
            | "p"
            | "pre"
            | "section"
            | "summary"
            | "table"
            | "tr"
            | "ul"
            | "body"
    )
}

#[cfg(test)]
mod tests {
    use dom_query::Document;

    use super::*;

    #[test]
    fn blocks_stand_on_lines_of_their_own_and_hidden_parts_are_left_out() {
        let document = Document::from(
            "<body><h1>A  <b>b</b>c</h1><script>x</script><p>one<br>two</p><table><tr><td>1<td>2</table>",
        );
        assert_eq!(of_content(&Content::whole(&document)), "A bc\none\ntwo\n1 2");
    }
}
