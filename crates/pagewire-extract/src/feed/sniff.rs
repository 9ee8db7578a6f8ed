//! Whether a document is a feed, by its first element (WHATWG MIME Sniffing, section 7.3): servers call feeds XML,
//! HTML, and worse.

use serde::Deserialize;

/// Bytes within which the first element and its namespaces stand.
const HEAD_BYTES: usize = 16 * 1024;

/// Whether the first element of a document is that of RSS, RDF with RSS in it, or Atom.
pub(crate) fn is_xml_feed(text: &str) -> bool {
    let head = &text[..text.floor_char_boundary(HEAD_BYTES)];
    let Some(rest) = first_element(head) else { return false };
    let name_ends =
        rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/')).unwrap_or(rest.len());
    let tag = &rest[..rest.find('>').unwrap_or(rest.len())];
    let (prefix, name) = rest[..name_ends].split_once(':').unwrap_or(("", &rest[..name_ends]));
    match name {
        "rss" => prefix.is_empty(),
        // An entry alone is a document of Atom too.
        "feed" | "entry" => tag.contains("www.w3.org/2005/Atom") || tag.contains("purl.org/atom/ns#"),
        "RDF" => rest.contains("purl.org/rss/1.0") || rest.contains("netscape.com/rdf/simple/0.9"),
        _ => false,
    }
}

/// From the name of the first element on: past declarations, comments and the document type.
pub(super) fn first_element(text: &str) -> Option<&str> {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        rest = if let Some(comment) = rest.strip_prefix("<!--") {
            &comment[comment.find("-->")? + 3..]
        } else if let Some(instruction) = rest.strip_prefix("<?") {
            &instruction[instruction.find("?>")? + 2..]
        } else if let Some(declaration) = rest.strip_prefix("<!") {
            &declaration[end_of_declaration(declaration)?..]
        } else {
            return rest.strip_prefix('<');
        }
        .trim_start();
    }
}

/// A document type may hold declarations of its own, in brackets.
fn end_of_declaration(text: &str) -> Option<usize> {
    let end = text.find('>')?;
    match text[..end].find('[') {
        None => Some(end + 1),
        Some(_) => {
            let bracket = text.find(']')?;
            text[bracket..].find('>').map(|after| bracket + after + 1)
        }
    }
}

/// Whether a document is an HTML page by how it begins.
pub(super) fn is_page(text: &str) -> bool {
    let head = &text[..text.floor_char_boundary(HEAD_BYTES)];
    if is_html_doctype(head) {
        return true;
    }
    let Some(element) = first_element(head) else { return false };
    let name = element.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let is_one_of = |names: &[&str]| names.iter().any(|of| name.eq_ignore_ascii_case(of));
    // A program may complain in HTML, and give the feed all the same.
    let has_feed = ["<?xml", "<rss", "<feed"].iter().any(|start| head.contains(start));
    is_one_of(&["html", "head"]) || is_one_of(PAGE_ELEMENTS) && !has_feed
}

/// Other elements that pages begin with, and no feed does.
const PAGE_ELEMENTS: &[&str] = &[
    "html", "head", "title", "meta", "body", "script", "style", "div", "p", "h1", "center", "table", "a",
    "br",
];

fn is_html_doctype(head: &str) -> bool {
    let at =
        head.as_bytes().windows("<!doctype".len()).position(|part| part.eq_ignore_ascii_case(b"<!doctype"));
    at.is_some_and(|at| {
        let name = head[at + "<!doctype".len()..].trim_start();
        // One that stands within the document is content, such as a feed's example of a page.
        name.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("html"))
            && first_element(&head[..at]).is_none()
    })
}

/// Whether a JSON document says that it is a JSON Feed.
pub(crate) fn is_json_feed(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Version<'v> {
        #[serde(borrow)]
        version: std::borrow::Cow<'v, str>,
    }
    let head = &text[..text.floor_char_boundary(HEAD_BYTES)];
    head.contains("jsonfeed.org")
        && serde_json::from_str::<Version<'_>>(text)
            .is_ok_and(|feed| feed.version.contains("jsonfeed.org/version/1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_element_tells_a_feed() {
        for feed in [
            "<rss version='2.0'>",
            "\u{feff} <?xml version='1.0'?><?xml-stylesheet href='x'?>\n<!-- <html> --><rss>",
            "<!DOCTYPE rss PUBLIC '-//Netscape//DTD RSS 0.91//EN' 'x.dtd'><rss version='0.91'>",
            "<!DOCTYPE rss [<!ENTITY a \"b\">]><rss>",
            "<feed xmlns='http://www.w3.org/2005/Atom'>",
            "<a:feed xmlns:a='http://www.w3.org/2005/Atom'>",
            "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'>",
        ] {
            assert!(is_xml_feed(feed), "{feed}");
        }
        for other in [
            "",
            "<html><rss>",
            "<feed>",
            "<rssx>",
            "text <rss>",
            "<!-- <rss>",
            "<rdf:RDF xmlns='x'>",
            "<?xml",
            "<!DOCTYPE html [<rss>",
        ] {
            assert!(!is_xml_feed(other), "{other}");
        }
    }

    #[test]
    fn a_json_feed_says_so() {
        assert!(is_json_feed(r#"{"title":"x","version":"https://jsonfeed.org/version/1.1","items":[]}"#));
        assert!(!is_json_feed(r#"{"version":"2","see":"https://jsonfeed.org/version/1.1"}"#));
        assert!(!is_json_feed("[]"));
    }
}
