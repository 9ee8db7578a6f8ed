//! The content of a page as clean HTML: what is kept of it, without scripts, styles, controls and the attributes that
//! serve only them. Addresses are absolute.

use crate::dom::{Element, NodeId, local_name};
use url::Url;

use crate::dom::{Tag, Visitor, walk};
use crate::images;
use crate::main_content::Content;

/// Attributes that say something of the content.
const ATTRIBUTES: &[&str] = &[
    "alt", "cite", "class", "colspan", "datetime", "dir", "height", "id", "lang", "reversed", "rowspan",
    "scope", "start", "title", "value", "width",
];

/// The HTML of what is kept of a page.
pub(crate) fn of_content(content: &Content<'_>, base: &Url) -> String {
    let mut writer = HtmlWriter { content, base, out: content.buffer(), open: Vec::new() };
    for root in content.roots() {
        walk(root, &mut writer);
    }
    writer.out
}

struct HtmlWriter<'c, 'd> {
    content: &'c Content<'d>,
    base: &'c Url,
    out: String,
    /// The elements that are open, each with the name to close, if it was written.
    open: Vec<Option<crate::dom::LocalName>>,
}

impl Visitor for HtmlWriter<'_, '_> {
    fn text(&mut self, _: NodeId, text: &str) {
        escape(&mut self.out, text);
    }

    fn enter(&mut self, id: NodeId, tag: Tag, element: &Element<'_>) -> bool {
        if self.content.leaves_out(id, tag, element) {
            return false;
        }
        let name = match tag {
            Tag::Body => local_name!("div"),
            _ => element.name.clone(),
        };
        let is_written = !matches!(tag, Tag::Span | Tag::Center | Tag::Form | Tag::Label)
            && name != local_name!("font")
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if is_written {
            self.start(&name, tag, element);
        }
        if is_void(&name) {
            return false;
        }
        self.open.push(is_written.then_some(name));
        true
    }

    fn leave(&mut self, _: Tag) {
        if let Some(Some(name)) = self.open.pop() {
            self.out.push_str("</");
            self.out.push_str(&name);
            self.out.push('>');
        }
    }
}

impl HtmlWriter<'_, '_> {
    fn start(&mut self, name: &str, tag: Tag, element: &Element<'_>) {
        let out = &mut self.out;
        out.push('<');
        out.push_str(name);
        let (attribute, address) = match tag {
            Tag::A => ("href", element.attr(local_name!("href")).map(str::to_owned)),
            Tag::Img => ("src", images::source_of(element)),
            _ => ("", None),
        };
        let url = address.and_then(|address| self.base.join(address.trim()).ok());
        if let Some(url) = url.filter(|url| matches!(url.scheme(), "http" | "https" | "mailto" | "tel")) {
            put(out, attribute, url.as_str());
        }
        for attribute in element.attributes() {
            if ATTRIBUTES.contains(&&**attribute.name) {
                put(out, attribute.name, attribute.value);
            }
        }
        out.push('>');
    }
}

fn is_void(name: &str) -> bool {
    matches!(name, "br" | "hr" | "img" | "wbr" | "col" | "area" | "source" | "track")
}

fn put(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    escape(out, value);
    out.push('"');
}

fn escape(out: &mut String, text: &str) {
    let mut written = 0;
    for (at, byte) in text.bytes().enumerate() {
        let reference = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => continue,
        };
        out.push_str(&text[written..at]);
        out.push_str(reference);
        written = at + 1;
    }
    out.push_str(&text[written..]);
}

#[cfg(test)]
mod tests {
    use crate::dom::Document;

    use super::*;

    #[test]
    fn content_is_kept_and_what_acts_is_not() {
        let document = Document::from(
            "<body><p onclick=x style='color:red' lang=de>a &lt; b<script>x</script> <span>c</span></p>\
             <a href='javascript:x'>d</a><a href=/e>e</a><img src=f.png onerror=x></body>",
        );
        let base = Url::parse("http://site.example/x/").expect("a url");
        assert_eq!(
            of_content(&Content::whole(&document), &base),
            "<div><p lang=\"de\">a &lt; b c</p><a>d</a><a href=\"http://site.example/e\">e</a>\
             <img src=\"http://site.example/x/f.png\"></div>"
        );
    }
}
