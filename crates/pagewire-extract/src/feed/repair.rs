//! Broken XML of feeds, made such that a strict parser reads what is whole of it.
//!
//! It is read as a stream of tags with a stack of open elements:
//!
//! - What breaks off within an item leaves that item out; what is open at the end is closed.
//! - An end tag that closes nothing is left out; one that closes an outer element closes those within it.
//! - An item that begins within an item ends that one.
//! - The content of an element that holds text ([`TEXTS`]) is text, whatever stands in it: markup that was not escaped
//!   is, up to the element's end tag, or, where that is missing, the end of its item.
//! - Attributes are quoted; a `<` that begins nothing is a character.
//!
//! Every byte is looked at a bounded number of times, and what comes out nests no deeper than [`DEPTH_MAX`].

use std::ops::Range;

use memchr::{memchr, memmem};

/// Deepest nesting of what comes out.
const DEPTH_MAX: usize = 64;

/// Elements that hold text or HTML, by their local names.
const TEXTS: &[&str] = &[
    "title",
    "description",
    "encoded",
    "summary",
    "content",
    "subtitle",
    "tagline",
    "rights",
    "copyright",
    "guid",
    "pubDate",
    "date",
    "creator",
    "name",
    "id",
    "updated",
    "published",
    "category",
];

/// What was mended.
#[derive(Debug, Default)]
pub(super) struct Repaired {
    /// Well-formed XML.
    pub(super) text: String,
    /// Where its items are.
    pub(super) items: Vec<Range<usize>>,
    /// Whether it breaks off.
    pub(super) is_cut: bool,
}

/// Mends a document, which begins with its root element.
pub(super) fn repaired(text: &str) -> Repaired {
    let mut repair = Repair::new(text);
    while repair.step() {}
    repair.end()
}

/// An open element.
struct Open<'t> {
    name: &'t str,
    /// Where it begins in what comes out.
    start: usize,
}

struct Repair<'t> {
    text: &'t str,
    at: usize,
    out: Repaired,
    open: Vec<Open<'t>>,
    /// Where the item that is open began to come out, and its depth.
    item: Option<(usize, usize)>,
    /// Where the next item begins or ends, from some place behind `at` on.
    next_bound: usize,
    is_rss: bool,
    broke_off: bool,
}

impl<'t> Repair<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            out: Repaired { text: String::with_capacity(text.len() + 1_024), ..Repaired::default() },
            open: Vec::new(),
            item: None,
            next_bound: 0,
            is_rss: text.starts_with("<rss"),
            broke_off: false,
        }
    }

    /// One tag and the text before it; whether there is more.
    fn step(&mut self) -> bool {
        let bytes = self.text.as_bytes();
        let Some(open) = memchr(b'<', &bytes[self.at..]).map(|found| self.at + found) else {
            self.push_text(self.text.len());
            return false;
        };
        self.push_text(open);
        let rest = &self.text[open..];
        if rest.starts_with("<!--") {
            self.skip(open, "-->")
        } else if rest.starts_with("<![CDATA[") {
            self.data(open)
        } else if rest.starts_with("<!") {
            self.skip(open, ">")
        } else if rest.starts_with("<?") {
            self.skip(open, "?>")
        } else if rest.starts_with("</") {
            self.end_tag(open)
        } else if rest[1..].starts_with(is_name_start) {
            self.start_tag(open)
        } else {
            self.out.text.push_str("&lt;");
            self.at = open + 1;
            true
        }
    }

    /// Text outside of elements is left out: there is no place for it.
    fn push_text(&mut self, end: usize) {
        if !self.open.is_empty() {
            self.out.text.push_str(&self.text[self.at..end]);
        }
        self.at = end;
    }

    fn skip(&mut self, open: usize, end: &str) -> bool {
        match memmem::find(&self.text.as_bytes()[open..], end.as_bytes()) {
            Some(found) => {
                self.at = open + found + end.len();
                true
            }
            None => self.break_off(),
        }
    }

    fn data(&mut self, open: usize) -> bool {
        let inner = open + "<![CDATA[".len();
        let Some(found) = memmem::find(&self.text.as_bytes()[inner..], b"]]>") else {
            return self.break_off();
        };
        if !self.open.is_empty() {
            escape(&mut self.out.text, &self.text[inner..inner + found]);
        }
        self.at = inner + found + 3;
        true
    }

    /// Nothing whole comes any more.
    fn break_off(&mut self) -> bool {
        self.broke_off = true;
        false
    }

    fn end_tag(&mut self, open: usize) -> bool {
        let Some(found) = memchr(b'>', &self.text.as_bytes()[open..]) else { return self.break_off() };
        self.at = open + found + 1;
        let name = self.text[open + 2..open + found].trim();
        // Items of RSS that stand behind their channel are its own.
        if self.is_rss && name == "channel" {
            self.close_to(self.open.len().min(2));
        } else if let Some(depth) = self.open.iter().rposition(|open| open.name == name) {
            self.close_to(depth);
        }
        true
    }

    fn start_tag(&mut self, open: usize) -> bool {
        let rest = &self.text[open..];
        // A quote that is never closed ends with its tag.
        let quoted = super::source::end_of_tag(rest).filter(|length| !rest[1..*length].contains('<'));
        let Some(length) = quoted.or_else(|| memchr(b'>', rest.as_bytes())) else { return self.break_off() };
        let tag = &self.text[open + 1..open + length];
        self.at = open + length + 1;
        let is_empty = tag.ends_with('/');
        let tag = tag.trim_end_matches('/');
        let name_ends = tag.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(tag.len());
        let (name, attributes) = tag.split_at(name_ends);
        if is_item(name)
            && let Some((_, depth)) = self.item
        {
            self.close_to(depth);
        }
        if self.open.len() >= DEPTH_MAX {
            return true;
        }
        let start = self.out.text.len();
        let is_text = is_text(name);
        self.out.text.push('<');
        self.out.text.push_str(name);
        push_attributes(&mut self.out.text, attributes, is_text);
        if is_empty {
            self.out.text.push_str("/>");
            return true;
        }
        self.out.text.push('>');
        if is_item(name) {
            self.item = Some((start, self.open.len()));
        }
        self.open.push(Open { name, start });
        !is_text || self.content(name)
    }

    /// The content of an element that holds text, up to its end.
    fn content(&mut self, name: &str) -> bool {
        let bound = self.bound();
        let content = &self.text[self.at..bound];
        let (length, end, has_markup) = extent(content, name);
        let inner = &content[..length];
        self.at += end;
        if end == length && bound == self.text.len() {
            return self.break_off();
        }
        push_content(&mut self.out.text, inner, has_markup);
        self.close_to(self.open.len() - 1);
        true
    }

    /// Where the item that is being read ends or another begins, at the latest.
    fn bound(&mut self) -> usize {
        while self.next_bound < self.at {
            let from = self.at.max(self.next_bound);
            self.next_bound = next_bound(self.text, from);
        }
        self.next_bound
    }

    /// Closes what is open from that depth on.
    fn close_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            let Some(closed) = self.open.pop() else { return };
            self.out.text.push_str("</");
            self.out.text.push_str(closed.name);
            self.out.text.push('>');
            if self.item.is_some_and(|(_, depth)| depth == self.open.len()) {
                self.item = None;
                self.out.items.push(closed.start..self.out.text.len());
            }
        }
    }

    fn end(mut self) -> Repaired {
        // An item that is open at the end is not whole.
        if let Some((start, depth)) = self.item {
            self.out.is_cut = true;
            self.out.text.truncate(start);
            self.open.truncate(depth);
            self.item = None;
        } else if self.broke_off
            && let Some(cut) = self.open.last().filter(|open| is_text(open.name))
        {
            self.out.text.truncate(cut.start);
            self.open.pop();
        }
        self.out.is_cut |= self.broke_off || !self.open.is_empty();
        self.close_to(0);
        self.out
    }
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn is_item(name: &str) -> bool {
    matches!(local(name), "item" | "entry")
}

/// Media RSS has elements of the same names that hold others.
fn is_text(name: &str) -> bool {
    TEXTS.contains(&local(name)) && !name.starts_with("media:c")
}

/// The next place that begins or ends an item, outside of character data; the end of the text where there is none.
fn next_bound(text: &str, mut at: usize) -> usize {
    let bytes = text.as_bytes();
    while let Some(open) = memchr(b'<', &bytes[at..]).map(|found| at + found) {
        let rest = &text[open..];
        if rest.starts_with("<![CDATA[") {
            match memmem::find(&bytes[open..], b"]]>") {
                Some(found) => at = open + found + 3,
                None => break,
            }
            continue;
        }
        let name = rest[1..].trim_start_matches('/');
        let name =
            &name[..name.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).unwrap_or(name.len())];
        if is_item(name) {
            return open;
        }
        at = open + 1;
    }
    text.len()
}

/// Of what follows a start tag: the content's length, where to go on, and whether markup stands in it. An element whose
/// end tag is missing ends where the text does.
fn extent(text: &str, name: &str) -> (usize, usize, bool) {
    let (mut at, mut has_markup) = (0, false);
    while let Some(open) = memchr(b'<', &text.as_bytes()[at..]).map(|found| at + found) {
        let rest = &text[open..];
        if let Some(data) = rest.strip_prefix("<![CDATA[") {
            let Some(found) = data.find("]]>") else { break };
            at = open + "<![CDATA[".len() + found + 3;
            continue;
        }
        let closes = rest.strip_prefix("</").and_then(|end| end.trim_start().strip_prefix(name));
        if let Some(after) = closes
            && after.trim_start().starts_with('>')
        {
            let end = text.len() - after.len() + memchr(b'>', after.as_bytes()).map_or(0, |found| found + 1);
            return (open, end, has_markup);
        }
        has_markup |= rest[1..].starts_with(|c: char| is_name_start(c) || c == '/' || c == '!');
        at = open + 1;
    }
    (text.len(), text.len(), has_markup)
}

/// Content as text: character data is taken as it stands, and so is all else once there is markup in it.
fn push_content(out: &mut String, content: &str, has_markup: bool) {
    let mut rest = content;
    while let Some(open) = memmem::find(rest.as_bytes(), b"<![CDATA[") {
        push_plain(out, &rest[..open], has_markup);
        let inner = &rest[open + "<![CDATA[".len()..];
        let end = memmem::find(inner.as_bytes(), b"]]>").unwrap_or(inner.len());
        escape(out, &inner[..end]);
        rest = inner.get(end + 3..).unwrap_or_default();
    }
    push_plain(out, rest, has_markup);
}

fn push_plain(out: &mut String, text: &str, has_markup: bool) {
    if has_markup {
        escape(out, text);
    } else {
        out.push_str(&text.replace('<', "&lt;"));
    }
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            c => out.push(c),
        }
    }
}

/// The attributes, quoted, each once. What held markup as elements holds it as text now.
fn push_attributes(out: &mut String, attributes: &str, is_text: bool) {
    const NAMES_MAX: usize = 64;
    let mut names: Vec<&str> = Vec::new();
    let mut rest = attributes;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        let end = rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() && !after.starts_with('=') {
            return;
        }
        let value;
        (value, rest) = match after.trim_start().strip_prefix('=') {
            Some(after) => value_of(after.trim_start()),
            None => ("", after),
        };
        let is_name = name.starts_with(is_name_start)
            && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '-' | '.'));
        if !is_name || names.contains(&name) || names.len() == NAMES_MAX {
            continue;
        }
        names.push(name);
        let value = match (is_text && name == "type", value) {
            (true, "text") | (false, _) => value,
            (true, _) => "html",
        };
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        out.push_str(&value.replace('<', "&lt;").replace('"', "&quot;"));
        out.push('"');
    }
}

fn value_of(text: &str) -> (&str, &str) {
    match text.as_bytes().first() {
        Some(quote @ (b'"' | b'\'')) => {
            let inner = &text[1..];
            let end = memchr(*quote, inner.as_bytes()).unwrap_or(inner.len());
            (&inner[..end], inner.get(end + 1..).unwrap_or_default())
        }
        _ => text.split_at(text.find(char::is_whitespace).unwrap_or(text.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(text: &str) -> String {
        repaired(text).text
    }

    #[test]
    fn what_is_well_formed_stays_so() {
        let text = "<rss version=\"2.0\"><channel><item><link>a</link><x:y z=\"1\"/></item></channel></rss>";
        assert_eq!(mended(text), text);
    }

    #[test]
    fn what_breaks_off_leaves_the_whole_items_before_it() {
        let (one, two) = (
            "<item><link>1</link></item>",
            "<item><title>Two & <![CDATA[x]]></title><link a='b'>2</link></item>",
        );
        let text = format!("<rss><channel>{one}{two}");
        for end in text.char_indices().map(|(at, _)| at).skip("<rss><channel>".len()) {
            let cut = repaired(&text[..end]);
            let whole = usize::from(end >= "<rss><channel>".len() + one.len());
            assert_eq!(cut.items.len(), whole, "{}", &text[..end]);
            assert!(cut.text.ends_with("</channel></rss>"), "{}", cut.text);
        }
        assert_eq!(repaired(&text).items.len(), 2);
    }

    #[test]
    fn tags_are_balanced() {
        for (text, expected) in [
            ("<rss><a><b></a></b></rss>", "<rss><a><b></b></a></rss>"),
            ("<rss><item><a></item><item><b>", "<rss><item><a></a></item></rss>"),
            ("<rss><item><a/><item><b/></item></rss>", "<rss><item><a/></item><item><b/></item></rss>"),
            ("<rss><channel></channel><item></item></rss>", "<rss><channel><item></item></channel></rss>"),
            ("junk</x><rss>1 < 2</rss>junk", "<rss>1 &lt; 2</rss>"),
            ("<rss><a b=1 c='<\"' d b=2 =x></rss>", "<rss><a b=\"1\" c=\"&lt;&quot;\" d=\"\"></a></rss>"),
        ] {
            assert_eq!(mended(text), expected, "{text}");
        }
    }

    #[test]
    fn markup_in_text_becomes_text() {
        for (text, expected) in [
            (
                "<description><p>a<br>b &amp; c</description>",
                "<description>&lt;p>a&lt;br>b &amp;amp; c</description>",
            ),
            ("<description>1 &amp; 2</description >", "<description>1 &amp; 2</description>"),
            ("<title><![CDATA[<b>&]]> x</title>", "<title>&lt;b>&amp; x</title>"),
            (
                "<content type='xhtml'><div>a</div></content>",
                "<content type=\"html\">&lt;div>a&lt;/div></content>",
            ),
            ("<description>no end", "<description>no end</description>"),
        ] {
            let wrapped = format!("<rss><item>{text}</item></rss>");
            assert_eq!(mended(&wrapped), format!("<rss><item>{expected}</item></rss>"), "{text}");
        }
    }
}
