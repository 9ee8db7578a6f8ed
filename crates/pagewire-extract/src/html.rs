//! The content of a page as clean HTML: what is kept of it, without scripts, styles, controls and the attributes that
//! serve only them. Addresses are absolute.

use dom_query::NodeRef;
use url::Url;

use crate::images;
use crate::main_content::{Content, name_of};

/// Attributes that say something of the content.
const ATTRIBUTES: &[&str] = &[
    "alt", "cite", "class", "colspan", "datetime", "dir", "height", "id", "lang", "reversed", "rowspan",
    "scope", "start", "title", "value", "width",
];

/// The HTML of what is kept of a page.
pub(crate) fn of_content(content: &Content<'_>, base: &Url) -> String {
    let mut out = String::new();
    for root in content.roots() {
        write(&mut out, root, content, base);
    }
    out
}

/// Without recursion: pages nest as deep as they like.
fn write(out: &mut String, root: &NodeRef<'_>, content: &Content<'_>, base: &Url) {
    let mut waiting = vec![(*root, false)];
    while let Some((node, leaving)) = waiting.pop() {
        if node.is_text() {
            escape(out, &node.text());
            continue;
        }
        if !leaving && content.leaves_out(&node) {
            continue;
        }
        let Some(name) = name_of(&node) else { continue };
        let name = if &*name == "body" { "div" } else { &*name };
        let transparent = matches!(name, "span" | "font" | "center" | "form" | "label")
            || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if leaving {
            if !transparent {
                out.push_str("</");
                out.push_str(name);
                out.push('>');
            }
            continue;
        }
        if !transparent {
            open(out, &node, name, base);
        }
        if !matches!(name, "br" | "hr" | "img" | "wbr" | "col" | "area" | "source" | "track") {
            waiting.push((node, true));
            waiting.extend(node.children_it(true).map(|child| (child, false)));
        }
    }
}

fn open(out: &mut String, node: &NodeRef<'_>, name: &str, base: &Url) {
    out.push('<');
    out.push_str(name);
    if name == "a" || name == "img" {
        let (attribute, address) = if name == "a" {
            ("href", node.attr("href").map(|href| href.trim().to_owned()))
        } else {
            ("src", images::source_of(node))
        };
        let url = address.and_then(|address| base.join(&address).ok());
        if let Some(url) = url.filter(|url| matches!(url.scheme(), "http" | "https" | "mailto" | "tel")) {
            put(out, attribute, url.as_str());
        }
    }
    for attribute in ATTRIBUTES {
        if let Some(value) = node.attr(attribute) {
            put(out, attribute, &value);
        }
    }
    out.push('>');
}

fn put(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    escape(out, value);
    out.push('"');
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use dom_query::Document;

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
