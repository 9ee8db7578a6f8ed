//! Addresses as names of things: without what is made for one visit or one campaign.

use url::Url;

/// Parameters that say who comes and from where.
const OF_VISIT: &[&str] = &[
    "fbclid",
    "gclid",
    "msclkid",
    "mc_cid",
    "mc_eid",
    "sid",
    "session",
    "sessionid",
    "session_id",
    "phpsessid",
    "jsessionid",
    "token",
    "csrf",
    "nonce",
    "_",
    "ts",
    "ref",
    "ref_src",
    "source",
    "igshid",
];

/// The address without them, and without its fragment.
pub(super) fn without_session(url: &Url) -> String {
    let mut bare = url.clone();
    bare.set_fragment(None);
    if let Some(query) = url.query() {
        let kept: Vec<&str> = query.split('&').filter(|pair| !is_of_visit(pair)).collect();
        bare.set_query((!kept.is_empty()).then(|| kept.join("&")).as_deref());
    }
    if let Some((path, _)) = url.path().split_once(";jsessionid=") {
        bare.set_path(path);
    }
    bare.into()
}

fn is_of_visit(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default();
    let starts_with_utm = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("utm_"));
    starts_with_utm || OF_VISIT.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_for_a_visit_is_no_part_of_an_address() {
        for (url, bare) in [
            ("http://a.example/p?id=3&utm_source=x&fbclid=y#top", "http://a.example/p?id=3"),
            ("http://a.example/p?sid=99", "http://a.example/p"),
            ("http://a.example/p;jsessionid=AB12?id=3", "http://a.example/p?id=3"),
            ("http://a.example/p", "http://a.example/p"),
        ] {
            assert_eq!(without_session(&Url::parse(url).expect("a URL")), bare);
        }
    }
}
