//! The visible text of a page: blocks on lines of their own, white space folded.

use dom_query::{Document, NodeRef};

/// The text of the document's body.
pub(crate) fn of_document(document: &Document) -> String {
    let body = document.select_single("body");
    let mut writer = TextWriter::default();
    if let Some(node) = body.nodes().first() {
        writer.node(node);
    }
    writer.finish()
}

#[derive(Default)]
struct TextWriter {
    out: String,
    break_due: bool,
    space_due: bool,
}

impl TextWriter {
    /// Walks the subtree without recursion: pages nest as deep as they like.
    fn node(&mut self, root: &NodeRef<'_>) {
        let mut stack: Vec<(NodeRef<'_>, bool)> = vec![(*root, false)];
        while let Some((node, leaving)) = stack.pop() {
            if node.is_text() {
                self.words(&node.text());
                continue;
            }
            let name = node.node_name();
            let name = name.as_deref().unwrap_or_default();
            if is_hidden(name) {
                continue;
            }
            if is_block(name) {
                self.break_due = true;
            } else if matches!(name, "td" | "th") {
                self.space_due = true;
            }
            if !leaving {
                stack.push((node, true));
                let mut children = node.children();
                children.reverse();
                stack.extend(children.into_iter().map(|child| (child, false)));
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

    fn finish(self) -> String {
        self.out
    }
}

fn is_hidden(name: &str) -> bool {
    matches!(name, "script" | "style" | "noscript" | "template" | "head" | "svg" | "iframe" | "object")
}

fn is_block(name: &str) -> bool {
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
    use super::*;

    #[test]
    fn blocks_stand_on_lines_of_their_own_and_hidden_parts_are_left_out() {
        let document = Document::from(
            "<body><h1>A  <b>b</b>c</h1><script>x</script><p>one<br>two</p><table><tr><td>1<td>2</table>",
        );
        assert_eq!(of_document(&document), "A bc\none\ntwo\n1 2");
    }
}
