//! The visible text of a page: blocks on lines of their own, white space folded.

use crate::dom::{Element, NodeId};

use crate::dom::{Tag, Visitor, walk};
use crate::main_content::Content;

/// The text of what is kept of a page.
pub(crate) fn of_content(content: &Content<'_>) -> String {
    let mut writer = TextWriter {
        content,
        out: content.buffer(),
        break_due: false,
        space_due: false,
        code: 0,
        spaces: String::new(),
    };
    for root in content.roots() {
        writer.break_due = true;
        walk(root, &mut writer);
    }
    writer.out
}

struct TextWriter<'c, 'd> {
    content: &'c Content<'d>,
    out: String,
    break_due: bool,
    space_due: bool,
    /// How many elements are open whose lines are kept.
    code: usize,
    /// Spaces of code that are written if something comes after them.
    spaces: String,
}

impl Visitor for TextWriter<'_, '_> {
    fn text(&mut self, _: NodeId, text: &str) {
        if self.code > 0 { self.lines(text) } else { self.words(text) }
    }

    fn enter(&mut self, id: NodeId, tag: Tag, element: &Element<'_>) -> bool {
        if self.content.leaves_out(id, tag, element) || self.content.stands_beside_the_text(id, tag) {
            return false;
        }
        self.at_edge(tag);
        self.code += usize::from(tag == Tag::Pre);
        true
    }

    fn leave(&mut self, tag: Tag) {
        self.at_edge(tag);
        self.code -= usize::from(tag == Tag::Pre);
    }
}

impl TextWriter<'_, '_> {
    fn at_edge(&mut self, tag: Tag) {
        if tag.is_block() {
            self.break_due = true;
            self.spaces.clear();
        } else if tag.is_cell() {
            self.space_due = true;
        }
    }

    /// Code: its lines stay lines, with their indents.
    fn lines(&mut self, text: &str) {
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.break_due = true;
                self.spaces.clear();
            }
            let code = line.trim_start();
            let spaces = &line[..line.len() - code.len()];
            if code.is_empty() {
                self.spaces.push_str(spaces);
                continue;
            }
            if self.break_due && !self.out.is_empty() {
                self.out.push('\n');
            }
            self.break_due = false;
            self.out.push_str(&self.spaces);
            self.spaces.clear();
            self.out.push_str(spaces);
            let end = code.trim_end();
            self.out.push_str(end);
            self.spaces.push_str(&code[end.len()..]);
        }
        self.space_due = false;
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

#[cfg(test)]
mod tests {
    use crate::dom::Document;

    use super::*;

    #[test]
    fn blocks_stand_on_lines_of_their_own_and_hidden_parts_are_left_out() {
        let document = Document::from(
            "<body><h1>A  <b>b</b>c</h1><script>x</script><p>one<br>two</p><table><tr><td>1<td>2</table>",
        );
        assert_eq!(of_content(&Content::whole(&document)), "A bc\none\ntwo\n1 2");
    }

    #[test]
    fn code_keeps_its_spaces_between_marks() {
        let document =
            Document::from("<body><pre><span>SELECT</span> <b>avg</b>(n)  \n\n    <i>FROM</i> t\n</pre><p>x");
        assert_eq!(of_content(&Content::whole(&document)), "SELECT avg(n)\n    FROM t\nx");
    }
}
