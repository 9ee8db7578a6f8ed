//! Ids as they stand on the wire. Each has one text form, and parsing accepts nothing but that form.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct ParseIdError {
    text: String,
    expected: &'static str,
}

fn refuse(text: &str, expected: &'static str) -> ParseIdError {
    ParseIdError { text: text.chars().take(80).collect(), expected }
}

/// A run: a batch of URLs being worked off. Ids sort by creation time (UUIDv7, RFC 9562 section 5.7).
///
/// The wire knows the same run under two names, as the stream that it is consumed by and as the job whose results it
/// leaves behind: `str_` and `job_` before the same 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(Uuid);

impl RunId {
    /// A new id; its first 48 bits are the milliseconds of the system clock.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// The name of this run as a stream: `str_…`.
    #[must_use]
    pub fn stream_id(self) -> String {
        format!("str_{}", self.0.simple())
    }

    /// The name of this run as a job: `job_…`.
    #[must_use]
    pub fn job_id(self) -> String {
        format!("job_{}", self.0.simple())
    }

    /// Reads the `str_…` form.
    pub fn parse_stream_id(text: &str) -> Result<Self, ParseIdError> {
        Self::parse_prefixed(text, "str_")
            .ok_or_else(|| refuse(text, "a stream id (`str_` and 32 hex digits)"))
    }

    /// Reads the `job_…` form.
    pub fn parse_job_id(text: &str) -> Result<Self, ParseIdError> {
        Self::parse_prefixed(text, "job_").ok_or_else(|| refuse(text, "a job id (`job_` and 32 hex digits)"))
    }

    fn parse_prefixed(text: &str, prefix: &str) -> Option<Self> {
        let hex = text.strip_prefix(prefix)?;
        let canonical = hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        canonical.then(|| Uuid::try_parse(hex).ok()).flatten().map(Self)
    }

    /// The bare 32 hexadecimal digits, for file names and rows.
    #[must_use]
    pub fn hex(self) -> String {
        self.0.simple().to_string()
    }

    /// Reads [`RunId::hex`] back.
    pub fn parse_hex(text: &str) -> Result<Self, ParseIdError> {
        Self::parse_prefixed(text, "").ok_or_else(|| refuse(text, "a run id (32 hex digits)"))
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $accepts:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The id as it stands on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let accepts: fn(&str) -> bool = $accepts;
                if accepts(text) { Ok(Self(text.into())) } else { Err(refuse(text, $expected)) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseIdError;
            fn try_from(text: String) -> Result<Self, ParseIdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// A workspace: the tenant. `[a-z0-9][a-z0-9_-]*`, at most 64 characters; the embedded default has one, `default`.
    WorkspaceId, "a workspace id (`[a-z0-9][a-z0-9_-]*`, at most 64 characters)", |text| {
        text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
    }
}

text_id! {
    /// A source of the live stream. `[a-z0-9][a-z0-9._-]*`, at most 128 characters; dots make families of sources.
    SourceId, "a source id (`[a-z0-9][a-z0-9._-]*`, at most 128 characters)", |text| {
        text.len() <= 128
            && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
    }
}

text_id! {
    /// One life of a source: `src_` and 32 hexadecimal digits. A source that is deleted and made again, or that is to
    /// watch something else, has another.
    SourceLife, "a life of a source (`src_` and 32 hex digits)", |text| {
        text.strip_prefix("src_").is_some_and(|hex| {
            hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
    }
}

text_id! {
    /// The public name of an API key (never the secret): `key_` and 32 hexadecimal digits.
    KeyId, "a key id (`key_` and 32 hex digits)", |text| {
        text.strip_prefix("key_").is_some_and(|hex| {
            hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
    }
}

text_id! {
    /// An upload: a list of URLs for jobs. `upl_` and 32 hexadecimal digits.
    UploadId, "an upload id (`upl_` and 32 hex digits)", |text| {
        text.strip_prefix("upl_").is_some_and(|hex| {
            hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
    }
}

text_id! {
    /// A webhook: a URL that is told of events. `wh_` and 32 hexadecimal digits.
    WebhookId, "a webhook id (`wh_` and 32 hex digits)", |text| {
        text.strip_prefix("wh_").is_some_and(|hex| {
            hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
    }
}

text_id! {
    /// A delivery of an event to a webhook, and its `webhook-id` on the wire. `dlv_` and 32 hexadecimal digits.
    DeliveryId, "a delivery id (`dlv_` and 32 hex digits)", |text| {
        text.strip_prefix("dlv_").is_some_and(|hex| {
            hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
    }
}

impl WebhookId {
    /// A new id; ids sort by creation time.
    #[must_use]
    pub fn generate() -> Self {
        Self(format!("wh_{}", Uuid::now_v7().simple()).into())
    }
}

impl DeliveryId {
    /// The id of the one delivery that there is of an event to a webhook: the same whenever it is asked for. Of one webhook,
    /// ids sort as their events happened.
    #[must_use]
    pub fn of(position: u64, webhook: &WebhookId) -> Self {
        // The last 16 digits are the random part of the webhook's id.
        let digits = &webhook.as_str()[webhook.as_str().len() - 16..];
        Self(format!("dlv_{position:016x}{digits}").into())
    }

    /// A new id for a delivery of no event, such as a test. It sorts behind the deliveries of the events before that
    /// position and ahead of those after it.
    #[must_use]
    pub fn at(position: u64) -> Self {
        // The second half is random, or counted, but for two bits: that one of an event has it too is not to be expected.
        let random = Uuid::now_v7().simple().to_string();
        Self(format!("dlv_{position:016x}{}", &random[16..]).into())
    }
}

impl SourceLife {
    /// A new one; they sort by creation time.
    #[must_use]
    pub fn generate() -> Self {
        Self(format!("src_{}", Uuid::now_v7().simple()).into())
    }
}

impl UploadId {
    /// A new id; ids sort by creation time.
    #[must_use]
    pub fn generate() -> Self {
        Self(format!("upl_{}", Uuid::now_v7().simple()).into())
    }
}

impl KeyId {
    /// A new id; ids sort by creation time.
    #[must_use]
    pub fn generate() -> Self {
        Self(format!("key_{}", Uuid::now_v7().simple()).into())
    }
}

impl WorkspaceId {
    /// The workspace that the embedded default creates.
    #[must_use]
    pub fn default_workspace() -> Self {
        Self("default".into())
    }
}

/// Names one request in its response, its logs and its problems: 32 lower-case hexadecimal digits, the form of a
/// trace-id of W3C Trace Context, so that an id that comes in with `traceparent` can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

impl TraceId {
    /// A new id, random but for its time part.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7().as_u128())
    }

    /// Reads 32 lower-case hexadecimal digits that are not all zero.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let canonical = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !canonical {
            return None;
        }
        u128::from_str_radix(text, 16).ok().filter(|id| *id != 0).map(Self)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_run_is_read_back_from_each_of_its_names_and_no_other() {
        let run = RunId::generate();
        assert_eq!(RunId::parse_stream_id(&run.stream_id()), Ok(run));
        assert_eq!(RunId::parse_job_id(&run.job_id()), Ok(run));
        assert_eq!(RunId::parse_hex(&run.hex()), Ok(run));
        assert!(RunId::parse_stream_id(&run.job_id()).is_err());
        assert!(RunId::parse_stream_id(&run.stream_id().to_uppercase()).is_err());
    }

    #[test]
    fn a_delivery_has_one_id_for_its_event_and_its_webhook_and_no_dot_in_it() {
        let (one, other) = (WebhookId::generate(), WebhookId::generate());
        let id = DeliveryId::of(255, &one);
        assert_eq!(id, DeliveryId::of(255, &one));
        assert!(id != DeliveryId::of(255, &other) && id < DeliveryId::of(256, &one));
        let test = DeliveryId::at(255);
        assert!(DeliveryId::of(254, &one) < test && test < DeliveryId::of(256, &one));
        assert!(test != DeliveryId::at(255) && test.as_str().parse() == Ok(test));
        assert!(!id.as_str().contains('.') && id.as_str().parse() == Ok(id));
    }

    proptest! {
        #[test]
        fn no_text_makes_an_id_that_prints_differently(text in "\\PC{0,40}") {
            if let Ok(run) = RunId::parse_stream_id(&text) {
                prop_assert_eq!(run.stream_id(), text.clone());
            }
            if let Ok(workspace) = text.parse::<WorkspaceId>() {
                prop_assert_eq!(workspace.to_string(), text.clone());
            }
            if let Some(trace) = TraceId::parse(&text) {
                prop_assert_eq!(trace.to_string(), text);
            }
        }
    }
}
