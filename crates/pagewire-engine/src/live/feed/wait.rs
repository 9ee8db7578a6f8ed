//! How long a feed asks not to be polled: what the host says (`Cache-Control: max-age`, RFC 9111), and what the document
//! says of itself. Both are wishes; what is made of them is the schedule's to decide.

use std::time::Duration;

use http::{HeaderMap, header};

/// The longer of both.
pub(super) fn asked(headers: &HeaderMap, ttl_s: Option<u64>) -> Option<Duration> {
    fresh_for_s(headers).max(ttl_s).filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

/// For how many seconds more the answer is fresh, if it says so.
fn fresh_for_s(headers: &HeaderMap) -> Option<u64> {
    let mut max_age = None;
    for value in headers.get_all(header::CACHE_CONTROL) {
        for directive in value.to_str().unwrap_or_default().split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                // It may be kept, and is to be asked for all the same.
                "no-cache" | "no-store" => return None,
                "max-age" => max_age = max_age.or_else(|| value.trim().trim_matches('"').parse::<u64>().ok()),
                _ => {}
            }
        }
    }
    let age =
        headers.get(header::AGE).and_then(|age| age.to_str().ok()).and_then(|age| age.trim().parse().ok());
    max_age.map(|seconds| seconds.saturating_sub(age.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn wait(headers: &[(&'static str, &'static str)], ttl_s: Option<u64>) -> Option<u64> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        asked(&map, ttl_s).map(|wait| wait.as_secs())
    }

    #[test]
    fn the_longest_wish_counts_and_an_answer_that_was_stored_is_fresh_for_less() {
        for (headers, ttl_s, expected) in [
            (&[][..], None, None),
            (&[], Some(600), Some(600)),
            (&[("cache-control", "public, Max-Age=300")], None, Some(300)),
            (&[("cache-control", "max-age=\"300\"")], Some(600), Some(600)),
            (&[("cache-control", "max-age=900"), ("age", "100")], Some(600), Some(800)),
            (&[("cache-control", "max-age=60"), ("age", "100")], None, None),
            (&[("cache-control", "max-age=900, no-cache")], None, None),
            (&[("cache-control", "no-store"), ("cache-control", "max-age=900")], None, None),
            (&[("cache-control", "max-age=-1")], None, None),
            (&[("cache-control", "max-age=99999999999999999999999")], None, None),
        ] {
            assert_eq!(wait(headers, ttl_s), expected, "{headers:?}");
        }
    }
}
