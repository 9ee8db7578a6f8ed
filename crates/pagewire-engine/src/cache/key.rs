//! What changes the answer of a fetch, as one name.

use aws_lc_rs::digest::{Context, SHA256};
use http::{HeaderName, Method, header};
use pagewire_store::BlobKey;
use pagewire_types::render::RenderMode;
use pagewire_types::{ProxyType, ScrapeOptions, UrlEntry, WorkspaceId};

/// Below this the pages of the cache are, among the blobs.
pub(super) const PREFIX: &str = "cache";
/// A change of what is hashed changes this, so that nothing of before is found.
const VERSION: &[u8] = b"page 2";

/// Names a page: SHA-256 over all that the answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PageKey([u8; 32]);

/// Headers by which a caller asks for something else than the page as it is: such a request has nothing to do with the
/// cache.
const OF_CONDITIONS: [HeaderName; 8] = [
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
    header::RANGE,
    header::CACHE_CONTROL,
    header::PRAGMA,
];

impl PageKey {
    /// The name of the page that an attempt wants, which goes through a proxy of that kind; none where it wants none that is
    /// kept.
    pub(crate) fn of(
        workspace: &WorkspaceId,
        entry: &UrlEntry,
        options: &ScrapeOptions,
        kind: ProxyType,
        user_agent: &str,
    ) -> Option<Self> {
        let may_be_kept = !options.max_age.is_zero()
            && options.method == Method::GET
            && options.body.is_none()
            // What a session is shown is that session's.
            && options.session.is_none()
            && !OF_CONDITIONS.iter().any(|name| options.headers.contains_key(name));
        if !may_be_kept {
            return None;
        }
        let mut hash = Context::new(&SHA256);
        let mut part = |bytes: &[u8]| {
            // Each with its length, so that no two lists of parts are the same bytes.
            hash.update(&(bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        part(VERSION);
        part(workspace.as_str().as_bytes());
        part(entry.url.as_str().as_bytes());
        part(&[options.robots as u8]);
        part(kind.as_str().as_bytes());
        part(options.country.as_deref().unwrap_or_default().as_bytes());
        part(user_agent.as_bytes());
        if options.render.mode != RenderMode::Never {
            // Whatever is asked of the browser may change what it shows.
            part(format!("{:?}", options.render).as_bytes());
        }
        let mut names: Vec<&HeaderName> = options.headers.keys().collect();
        names.sort_unstable_by_key(|name| name.as_str());
        for name in names {
            for value in options.headers.get_all(name) {
                part(name.as_str().as_bytes());
                part(value.as_bytes());
            }
        }
        let mut key = [0; 32];
        key.copy_from_slice(hash.finish().as_ref());
        Some(Self(key))
    }

    /// Where the page is among the blobs.
    pub(super) fn blob(&self) -> BlobKey {
        let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        let key = format!("{PREFIX}/{}/{hex}", &hex[..2]);
        key.parse().expect("hexadecimal digits are a name that a blob may have")
    }

    /// The page that a blob is.
    pub(super) fn of_blob(blob: &BlobKey) -> Option<Self> {
        let hex = blob.as_str().rsplit('/').next().filter(|hex| hex.len() == 64)?;
        let mut key = [0; 32];
        for (byte, at) in key.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?;
        }
        Some(Self(key))
    }
}

#[cfg(test)]
mod tests {
    use pagewire_types::{RobotsRule, ScrapeParams};
    use serde_json::{Map, Value, json};

    use super::*;

    fn key_in(workspace: &str, url: &str, params: &Value) -> Option<PageKey> {
        let map: Map<String, Value> = params.as_object().expect("an object").clone();
        let options = ScrapeParams::read_stored(map).resolve(RobotsRule::Respect);
        let entry = UrlEntry::parse(Value::from(url)).expect("an entry");
        let kind = options.proxy_type.unwrap_or(ProxyType::None);
        PageKey::of(&workspace.parse().expect("a workspace"), &entry, &options, kind, "Pagewire/0")
    }

    fn key(params: &Value) -> Option<PageKey> {
        key_in("w", "http://a.example/", params)
    }

    #[test]
    fn what_changes_the_answer_changes_the_key_and_nothing_else_does() {
        let plain = key(&json!({"max_age_s": 60})).expect("a key");
        for same in [
            json!({"max_age_s": 5}),
            json!({"max_age_s": 60, "formats": ["links"], "timeout_ms": 5_000, "extract": {"a": "string"}}),
            json!({"max_age_s": 60, "headers": {}}),
        ] {
            assert_eq!(key(&same), Some(plain), "{same}");
        }
        let others = [
            json!({"max_age_s": 60, "headers": {"accept-language": "sv"}}),
            json!({"max_age_s": 60, "headers": {"accept-language": "s", "v": ""}}),
            json!({"max_age_s": 60, "cookies": {"a": "1"}}),
            json!({"max_age_s": 60, "user_agent": "Own/1"}),
            json!({"max_age_s": 60, "proxy_type": "mobile"}),
            json!({"max_age_s": 60, "country": "se"}),
            json!({"max_age_s": 60, "robots": "ignore"}),
            json!({"max_age_s": 60, "render": "auto"}),
            json!({"max_age_s": 60, "render": true}),
            json!({"max_age_s": 60, "render": true, "wait_for": "td"}),
            json!({"max_age_s": 60, "render": true, "mobile": true}),
            json!({"max_age_s": 60, "render": true, "viewport": {"width": 800, "height": 600}}),
        ];
        let mut keys: Vec<PageKey> = others.iter().map(|other| key(other).expect("a key")).collect();
        keys.push(plain);
        keys.push(key_in("x", "http://a.example/", &json!({"max_age_s": 60})).expect("a key"));
        keys.push(key_in("w", "http://a.example/?", &json!({"max_age_s": 60})).expect("a key"));
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }

    #[test]
    fn who_wants_a_fetch_of_his_own_gets_one() {
        for own in [
            json!({}),
            json!({"max_age_s": 0}),
            json!({"max_age_s": 60, "method": "POST"}),
            json!({"max_age_s": 60, "method": "HEAD"}),
            json!({"max_age_s": 60, "body": "x"}),
            json!({"max_age_s": 60, "session": "a"}),
            json!({"max_age_s": 60, "headers": {"If-None-Match": "\"x\""}}),
            json!({"max_age_s": 60, "headers": {"Cache-Control": "no-cache"}}),
            json!({"max_age_s": 60, "headers": {"Range": "bytes=0-1"}}),
        ] {
            assert_eq!(key(&own), None, "{own}");
        }
    }

    #[test]
    fn a_blob_tells_the_key_that_it_was_named_by() {
        let key = key(&json!({"max_age_s": 60})).expect("a key");
        assert_eq!(PageKey::of_blob(&key.blob()), Some(key));
        for other in ["cache/ab/cd", "cache/lock"] {
            assert_eq!(PageKey::of_blob(&other.parse().expect("a key")), None);
        }
    }
}
