//! What a hub asks back (section 5.2 and 5.3): whether a request that bears our callback was ours.

use url::form_urlencoded;

/// Characters of a challenge that is given back.
const CHALLENGE_BYTES_MAX: usize = 4_096;

/// What is asked was not wanted; the answer is 404.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such subscription")]
pub struct NotVerified;

/// What a hub means to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Subscribe,
    Unsubscribe,
    Denied,
}

/// What a hub asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Intent {
    pub(super) mode: Mode,
    pub(super) topic: String,
    pub(super) challenge: String,
    pub(super) lease_s: Option<u32>,
}

impl Intent {
    /// Reads a query.
    pub(super) fn read(query: &str) -> Option<Self> {
        let (mut mode, mut topic, mut challenge, mut lease_s) = (None, None, String::new(), None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "hub.mode" => {
                    mode = match value.as_ref() {
                        "subscribe" => Some(Mode::Subscribe),
                        "unsubscribe" => Some(Mode::Unsubscribe),
                        "denied" => Some(Mode::Denied),
                        _ => return None,
                    }
                }
                "hub.topic" => topic = Some(value.into_owned()),
                "hub.challenge" => challenge = value.into_owned(),
                "hub.lease_seconds" => lease_s = value.parse().ok(),
                _ => {}
            }
        }
        let mode = mode?;
        let is_answerable = mode == Mode::Denied || (1..=CHALLENGE_BYTES_MAX).contains(&challenge.len());
        is_answerable.then_some(Self { mode, topic: topic?, challenge, lease_s })
    }
}
