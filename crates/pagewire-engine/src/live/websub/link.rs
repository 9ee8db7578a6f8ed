//! The hub of a feed (section 4): what the answer's `Link` header says (RFC 8288), or else the document.

use http::{HeaderMap, header};
use pagewire_types::TargetUrl;

use super::HubLink;

/// Links of one answer that are looked at.
const LINKS_MAX: usize = 50;

/// The hub, and the address that the feed is known by there: its own word for it, or where it was found.
pub(crate) fn hub_of(
    headers: &HeaderMap,
    hubs: &[String],
    own_url: Option<&str>,
    found_at: &TargetUrl,
) -> Option<HubLink> {
    let of_header = |rel: &str| {
        links(headers).find(|(_, rels)| has(rels, rel)).and_then(|(url, _)| found_at.join(url).ok())
    };
    let of_document = || hubs.iter().find_map(|hub| TargetUrl::parse(hub).ok());
    let hub = of_header("hub").or_else(of_document)?;
    let own = of_header("self").or_else(|| own_url.and_then(|url| TargetUrl::parse(url).ok()));
    Some(HubLink { hub, topic: own.unwrap_or_else(|| found_at.clone()) })
}

/// The links of the header: address and parameters. One that has a comma in its address is not read; hubs have none.
fn links(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let values = headers.get_all(header::LINK).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).take(LINKS_MAX).filter_map(|link| {
        let (url, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        Some((url.trim(), parameters))
    })
}

fn has(parameters: &str, rel: &str) -> bool {
    parameters.split(';').any(|parameter| {
        let Some((name, value)) = parameter.split_once('=') else { return false };
        let mut rels = value.trim().trim_matches('"').split_ascii_whitespace();
        name.trim().eq_ignore_ascii_case("rel") && rels.any(|found| found.eq_ignore_ascii_case(rel))
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn found(headers: &[&'static str], hubs: &[&str], own: Option<&str>) -> Option<(String, String)> {
        let mut map = HeaderMap::new();
        for value in headers {
            map.append(header::LINK, HeaderValue::from_static(value));
        }
        let hubs: Vec<String> = hubs.iter().map(|hub| (*hub).to_owned()).collect();
        let at = TargetUrl::parse("https://s.example/feed").expect("a url");
        hub_of(&map, &hubs, own, &at).map(|link| (link.hub.to_string(), link.topic.to_string()))
    }

    #[test]
    fn the_header_goes_before_the_document_and_the_feeds_own_word_before_where_it_was_found() {
        let pair = |hub: &str, topic: &str| Some((hub.to_owned(), topic.to_owned()));
        assert_eq!(found(&[], &[], None), None);
        assert_eq!(
            found(&[], &["https://h.example/"], None),
            pair("https://h.example/", "https://s.example/feed")
        );
        assert_eq!(
            found(
                &["<https://a.example/>; rel=\"hub\", </own>; rel=\"alternate self\"", "<x>; title=hub"],
                &["https://h.example/"],
                None
            ),
            pair("https://a.example/", "https://s.example/own")
        );
        assert_eq!(
            found(&["<https://a.example/>; REL=Hub", "broken", "<"], &[], Some("https://s.example/own")),
            pair("https://a.example/", "https://s.example/own")
        );
        assert_eq!(found(&["<ftp://a.example/>; rel=hub"], &["javascript:x"], None), None);
    }
}
