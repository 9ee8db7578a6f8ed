//! What is kept of a page between polls: what it said, and what its server calls that version.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use pagewire_types::TargetUrl;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Bytes of a validator.
const VALIDATOR_BYTES_MAX: usize = 500;

/// What is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    /// What the page said.
    page: Box<RawValue>,
    /// Of what was fetched last, where that is what is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<Version>,
}

/// What a server calls a version of a page (RFC 9110, section 8.8), and of which address.
#[derive(Debug, Serialize, Deserialize)]
struct Version {
    url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
}

impl Kept {
    pub(super) fn read(state: &str) -> Option<Self> {
        serde_json::from_str(state).ok()
    }

    /// What the page said, with the version if it is that of an answer.
    pub(super) fn new(page: String, version: Option<(&TargetUrl, &HeaderMap)>) -> Option<Self> {
        let version = version.and_then(|(url, headers)| Version::of(url, headers));
        Some(Self { page: RawValue::from_string(page).ok()?, version })
    }

    pub(super) fn write(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    pub(super) fn page(&self) -> &str {
        self.page.get()
    }

    /// The headers that ask for the page only where it is another.
    pub(super) fn conditions(&self, url: &TargetUrl) -> Vec<(HeaderName, HeaderValue)> {
        let Some(version) = self.version.as_ref().filter(|version| version.url == url.as_str()) else {
            return Vec::new();
        };
        [(header::IF_NONE_MATCH, &version.etag), (header::IF_MODIFIED_SINCE, &version.last_modified)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, HeaderValue::from_str(value.as_deref()?).ok()?)))
            .collect()
    }
}

impl Version {
    fn of(url: &TargetUrl, headers: &HeaderMap) -> Option<Self> {
        let text = |name: HeaderName| {
            let value = headers.get(name)?.to_str().ok()?;
            (value.len() <= VALIDATOR_BYTES_MAX).then(|| value.to_owned())
        };
        let (etag, last_modified) = (text(header::ETAG), text(header::LAST_MODIFIED));
        (etag.is_some() || last_modified.is_some()).then(|| Self {
            url: url.as_str().to_owned(),
            etag,
            last_modified,
        })
    }
}
