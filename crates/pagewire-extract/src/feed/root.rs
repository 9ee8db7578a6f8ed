//! A feed's root element, such as the parser knows it: without what stands before it, of a version and with namespaces
//! that are known. RSS of all versions is the same but for additions, and what an element's prefix stands for nobody has
//! ever doubted but parsers.

use super::sniff;

const ATOM: &str = "http://www.w3.org/2005/Atom";
const RSS_1: &str = "http://purl.org/rss/1.0/";
/// Versions of RSS that the parser knows.
const VERSIONS: [&str; 3] = ["2.0", "0.91", "0.92"];

/// Prefixes that are used without being declared.
const PREFIXES: &[(&str, &str)] = &[
    ("xmlns:rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    ("xmlns:dc", "http://purl.org/dc/elements/1.1/"),
    ("xmlns:content", "http://purl.org/rss/1.0/modules/content/"),
    ("xmlns:sy", "http://purl.org/rss/1.0/modules/syndication/"),
    ("xmlns:atom", ATOM),
    ("xmlns:media", "http://search.yahoo.com/mrss/"),
    ("xmlns:itunes", "http://www.itunes.com/dtds/podcast-1.0.dtd"),
];

/// Bytes before which a root element begins: what stands before it are declarations, or a program's complaints.
const HEAD_BYTES: usize = 16 * 1024;

/// The document from its root element on; `None` where it has none of a feed.
pub(super) fn prepared(text: &str) -> Option<String> {
    let text = from_root(text)?;
    let length = super::source::end_of_tag(text).unwrap_or(text.len());
    let (tag, rest) = text.split_at(length);
    let (name, _) =
        tag[1..].split_at(tag[1..].find(|c: char| c.is_whitespace() || c == '/').unwrap_or(length - 1));
    let mut tag = tag.to_owned();
    match name {
        "rss" => {
            if !attribute(&tag, "version").is_some_and(|version| VERSIONS.contains(&version)) {
                set(&mut tag, "version", "2.0");
            }
            if attribute(&tag, "xmlns").is_some() {
                set(&mut tag, "xmlns", RSS_1);
            }
        }
        "feed" | "entry" => set(&mut tag, "xmlns", ATOM),
        "rdf:RDF" | "RDF" => set(&mut tag, "xmlns", RSS_1),
        _ => {}
    }
    for (prefix, namespace) in PREFIXES {
        if attribute(&tag, prefix).is_none() {
            set(&mut tag, prefix, namespace);
        }
    }
    let is_old_atom = text[..length].contains("purl.org/atom/ns#");
    let rest = if is_old_atom { with_new_names(rest) } else { rest.to_owned() };
    // A channel that stands for itself.
    Some(if name == "channel" { format!("<rss version=\"2.0\">{tag}{rest}") } else { tag + &rest })
}

fn from_root(text: &str) -> Option<&str> {
    if let Some(element) = sniff::first_element(text)
        && is_root(element)
    {
        return Some(&text[text.len() - element.len() - 1..]);
    }
    let head = &text[..text.floor_char_boundary(HEAD_BYTES)];
    let begins = head.match_indices('<').find(|(at, _)| is_root(&text[at + 1..]))?;
    Some(&text[begins.0..])
}

/// Whether a tag's name and what follows is that of a feed's root.
fn is_root(element: &str) -> bool {
    let ends = element.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).unwrap_or(element.len());
    let (_, local) = element[..ends].rsplit_once(':').unwrap_or(("", &element[..ends]));
    matches!(local, "rss" | "feed" | "RDF" | "channel") || &element[..ends] == "entry"
}

/// Atom 0.3 has the same elements by other names.
fn with_new_names(text: &str) -> String {
    let mut text = text.to_owned();
    for (old, new) in [("issued>", "published>"), ("modified>", "updated>"), ("tagline", "subtitle")] {
        text = text
            .replace(&format!("<{old}"), &format!("<{new}"))
            .replace(&format!("</{old}"), &format!("</{new}"));
    }
    text
}

/// The attributes of a start tag that has no end: where their names begin, and where their values are.
fn attributes(tag: &str) -> impl Iterator<Item = (&str, std::ops::Range<usize>)> {
    let mut at = tag.find(char::is_whitespace).unwrap_or(tag.len());
    std::iter::from_fn(move || {
        at += tag[at..].len() - tag[at..].trim_start_matches(|c: char| c.is_whitespace() || c == '/').len();
        let name_ends = at + tag[at..].find(|c: char| c.is_whitespace() || c == '=')?;
        let name = &tag[at..name_ends];
        let equals = name_ends + tag[name_ends..].find('=')?;
        let value = &tag[equals + 1..];
        let start = equals + 1 + (value.len() - value.trim_start().len());
        let quote = tag[start..].chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let end = start + 1 + tag[start + 1..].find(quote)?;
        at = end + 1;
        Some((name, start + 1..end))
    })
}

fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    attributes(tag).find(|(found, _)| *found == name).map(|(_, value)| &tag[value])
}

fn set(tag: &mut String, name: &str, value: &str) {
    let found = attributes(tag).find(|(found, _)| *found == name).map(|(_, value)| value);
    match found {
        Some(range) => tag.replace_range(range, value),
        None => {
            let name_ends = tag.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(tag.len());
            tag.insert_str(name_ends, &format!(" {name}=\"{value}\""));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(text: &str) -> String {
        let text = prepared(text).expect("a root");
        let mut tag = text.split('>').next().expect("a tag").to_owned();
        for (prefix, namespace) in PREFIXES {
            tag = tag.replace(&format!(" {prefix}=\"{namespace}\""), "");
        }
        tag
    }

    #[test]
    fn versions_and_namespaces_that_nobody_knows_are_read_as_those_that_are() {
        for (text, expected) in [
            ("<rss>", "<rss version=\"2.0\""),
            ("<rss xmlns:a='b' version=\"2.01\" >", "<rss xmlns:a='b' version=\"2.0\" "),
            ("<rss version='0.91'>", "<rss version='0.91'"),
            (
                "<rss version='2.0' xmlns='http://backend.userland.com/rss2'>",
                "<rss version='2.0' xmlns='http://purl.org/rss/1.0/'",
            ),
            ("<feed>", "<feed xmlns=\"http://www.w3.org/2005/Atom\""),
            (
                "<feed xmlns='http://purl.org/atom/ns#' version='0.3'>",
                "<feed xmlns='http://www.w3.org/2005/Atom' version='0.3'",
            ),
            (
                "<a:feed xmlns:a='http://www.w3.org/2005/Atom'>",
                "<a:feed xmlns:a='http://www.w3.org/2005/Atom'",
            ),
            (
                "<rdf:RDF xmlns='http://my.netscape.com/rdf/simple/0.9/'>",
                "<rdf:RDF xmlns='http://purl.org/rss/1.0/'",
            ),
        ] {
            assert_eq!(root(text), expected, "{text}");
        }
    }

    #[test]
    fn what_stands_before_the_root_is_left_out() {
        for before in [
            "<?xml version='1.0'?><!DOCTYPE rss [<!ENTITY a 'b'>]><!-- <feed> -->",
            "Warning: foo() in /var/www on line 3\n<?xml version='1.0'?>",
            "<br />\n<b>Notice</b>: x<br />",
        ] {
            assert_eq!(root(&format!("{before}<rss version='2.0'>")), "<rss version='2.0'", "{before}");
        }
        for none in ["", "text", "<html><body>", "<rssx>", "<urlset>"] {
            assert_eq!(prepared(none), None, "{none}");
        }
        assert!(prepared("<channel><title>T").expect("a root").starts_with("<rss version=\"2.0\"><channel "));
    }

    #[test]
    fn prefixes_are_declared_where_they_are_not() {
        let text = prepared("<rss xmlns:dc='own'>").expect("a root");
        assert!(text.contains("xmlns:dc='own'") && !text.contains("purl.org/dc"), "{text}");
        assert!(text.contains("xmlns:media=\"http://search.yahoo.com/mrss/\""), "{text}");
    }
}
