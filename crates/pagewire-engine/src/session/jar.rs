//! The cookies of a session (RFC 6265): whose they are and how long they live is `cookie_store`'s affair, how many there
//! may be is decided here.
//!
//! A cookie for a public suffix, such as all of `co.uk`, is nobody's and not kept (section 5.3, step 5).

use std::sync::{Mutex, MutexGuard, PoisonError};

use cookie_store::{CookieStore, RawCookie};
use http::{HeaderMap, HeaderValue, header};
use pagewire_fetch::Cookies;
use pagewire_types::TargetUrl;

/// Cookies of a session; one more is not kept.
const COOKIES_MAX: usize = 200;
/// Bytes of all of them, with their attributes.
const BYTES_MAX: usize = 64 << 10;
/// Bytes of one (section 6.1: at least 4096).
const COOKIE_BYTES_MAX: usize = 4_096;
/// Of one answer, so many are looked at.
const OF_ANSWER_MAX: usize = 64;
/// Bytes of what is sent.
const HEADER_BYTES_MAX: usize = 8 << 10;

/// The cookies that a session keeps.
#[derive(Default)]
pub(crate) struct Jar {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    store: CookieStore,
    /// Bytes that were ever taken in; counted anew when they seem too many.
    bytes: usize,
}

impl Jar {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cookies for Jar {
    fn header(&self, url: &TargetUrl) -> Option<HeaderValue> {
        let kept = self.lock();
        let mut text = String::new();
        for (name, value) in kept.store.get_request_values(url.as_url()) {
            if text.len() + name.len() + value.len() + 3 > HEADER_BYTES_MAX {
                break;
            }
            if !text.is_empty() {
                text.push_str("; ");
            }
            text.push_str(name);
            text.push('=');
            text.push_str(value);
        }
        let mut value = HeaderValue::try_from(text).ok().filter(|value| !value.is_empty())?;
        value.set_sensitive(true);
        Some(value)
    }

    fn keep(&self, url: &TargetUrl, headers: &HeaderMap) {
        let given = headers.get_all(header::SET_COOKIE).into_iter().take(OF_ANSWER_MAX);
        let texts =
            given.filter_map(|value| value.to_str().ok()).filter(|text| text.len() <= COOKIE_BYTES_MAX);
        for text in texts {
            if let Ok(cookie) = RawCookie::parse(text.to_owned())
                && !is_for_public_suffix(&cookie)
            {
                self.lock().take(&cookie.into_owned(), url, text.len());
            }
        }
    }
}

impl Kept {
    fn take(&mut self, cookie: &RawCookie<'static>, url: &TargetUrl, bytes: usize) {
        if self.bytes + bytes > BYTES_MAX {
            self.bytes = self.store.iter_any().map(|kept| kept.name().len() + kept.value().len() + 64).sum();
        }
        let is_there = self.store.iter_unexpired().any(|kept| kept.name() == cookie.name());
        let fits = self.bytes + bytes <= BYTES_MAX && self.store.iter_any().count() < COOKIES_MAX;
        if fits || is_there && bytes <= 512 {
            // A cookie that the standard has ignored is ignored.
            let _ = self.store.insert_raw(cookie, url.as_url());
            self.bytes += bytes;
        }
    }
}

/// Whether a cookie is for a public suffix. One that its very host sets for itself is left out too: nobody's site is there.
fn is_for_public_suffix(cookie: &RawCookie<'_>) -> bool {
    let Some(domain) = cookie.domain() else { return false };
    let domain = domain.trim_start_matches('.').to_ascii_lowercase();
    psl::suffix_str(&domain).is_some_and(|suffix| suffix == domain)
}

impl std::fmt::Debug for Jar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Jar(********)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> TargetUrl {
        TargetUrl::parse(text).expect(text)
    }

    fn answer(cookies: &[&str]) -> HeaderMap {
        let value = |text: &&str| (header::SET_COOKIE, HeaderValue::from_str(text).expect("a value"));
        cookies.iter().map(value).collect()
    }

    fn sent(jar: &Jar, to: &str) -> String {
        let value = jar.header(&url(to));
        let mut names: Vec<String> = value
            .iter()
            .flat_map(|value| value.to_str().expect("text").split("; ").map(str::to_owned))
            .collect();
        names.sort_unstable();
        names.join(" ")
    }

    #[test]
    fn cookies_go_where_they_belong_and_nowhere_else() {
        let jar = Jar::default();
        jar.keep(
            &url("https://shop.example.co.uk/a/b"),
            &answer(&[
                "host=1",
                "dom=2; Domain=example.co.uk; Path=/",
                "path=3; Path=/a",
                "sec=4; Secure",
                "gone=5; Max-Age=0",
            ]),
        );
        for (to, expected) in [
            ("https://shop.example.co.uk/a/c", "dom=2 host=1 path=3 sec=4"),
            ("http://shop.example.co.uk/a/c", "dom=2 host=1 path=3"),
            ("https://www.example.co.uk/", "dom=2"),
            ("https://other.co.uk/", ""),
        ] {
            assert_eq!(sent(&jar, to), expected, "{to}");
        }
    }

    #[test]
    fn a_cookie_for_a_public_suffix_or_another_site_is_not_kept() {
        let jar = Jar::default();
        let foreign =
            ["a=1; Domain=co.uk", "b=2; Domain=.uk", "c=3; Domain=bank.example.com", "d=4; Domain=com"];
        jar.keep(&url("https://evil.co.uk/"), &answer(&foreign));
        for to in ["https://bank.co.uk/", "https://evil.co.uk/", "https://bank.example.com/"] {
            assert_eq!(sent(&jar, to), "", "{to}");
        }
    }

    #[test]
    fn a_site_that_sets_cookies_without_end_fills_no_memory_and_sends_no_endless_header() {
        let jar = Jar::default();
        let site = url("https://a.example/");
        for number in 0..5_000 {
            jar.keep(&site, &answer(&[&format!("n{number}={}", "x".repeat(900))]));
        }
        jar.keep(&site, &answer(&[&format!("long={}", "x".repeat(5_000))]));
        let kept = jar.lock();
        assert!(kept.store.iter_any().count() <= COOKIES_MAX);
        assert!(kept.store.iter_any().map(|cookie| cookie.value().len()).sum::<usize>() <= BYTES_MAX);
        drop(kept);
        assert!(jar.header(&site).expect("cookies").len() <= HEADER_BYTES_MAX);
        jar.keep(&site, &answer(&["n0=new"]));
        let changed = jar.lock().store.iter_any().any(|cookie| cookie.value() == "new");
        assert!(changed, "those that are there can change");
    }

    #[test]
    fn what_is_kept_is_never_printed() {
        let jar = Jar::default();
        jar.keep(&url("https://a.example/"), &answer(&["id=hunter2"]));
        assert!(!format!("{jar:?}{:?}", jar.header(&url("https://a.example/"))).contains("hunter2"));
    }
}
