//! What a webhook can be told of, by the names that stand on the wire.

use serde::{Deserialize, Serialize};

macro_rules! webhook_events {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a webhook can be told of.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum WebhookEvent { $($(#[$doc])* #[serde(rename = $name)] $variant,)* }

        impl WebhookEvent {
            /// Every event.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

webhook_events! {
    /// A job is being worked off.
    JobStarted = "job.started",
    /// A job has ended, its files are there.
    JobCompleted = "job.completed",
    /// A job was given up because of a fault.
    JobFailed = "job.failed",
    /// A job was cancelled.
    JobCancelled = "job.cancelled",
    /// A stream has ended.
    StreamCompleted = "stream.completed",
    /// Few credits are left.
    CreditsLow = "credits.low",
    /// No credits are left.
    CreditsExhausted = "credits.exhausted",
    /// A key was made.
    KeyCreated = "key.created",
    /// A key was revoked.
    KeyRevoked = "key.revoked",
}

/// What a delivery is of: an event, or a test, which is none and cannot be subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DeliveryKind {
    /// Something that happened.
    Event(WebhookEvent),
    /// Nothing has.
    Test(TestName),
}

/// The name of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TestName {
    /// `webhook.test`
    #[serde(rename = "webhook.test")]
    WebhookTest,
}

impl DeliveryKind {
    /// A test.
    pub const TEST: Self = Self::Test(TestName::WebhookTest);

    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event(event) => event.as_str(),
            Self::Test(TestName::WebhookTest) => "webhook.test",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if name == Self::TEST.as_str() {
            Some(Self::TEST)
        } else {
            WebhookEvent::parse(name).map(Self::Event)
        }
    }
}

impl WebhookEvent {
    /// Whether it happens to a job, so that the webhook of a single job can be told of it.
    #[must_use]
    pub fn is_of_job(self) -> bool {
        match self {
            Self::JobStarted | Self::JobCompleted | Self::JobFailed | Self::JobCancelled => true,
            Self::StreamCompleted
            | Self::CreditsLow
            | Self::CreditsExhausted
            | Self::KeyCreated
            | Self::KeyRevoked => false,
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|event| event.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_has_a_name_that_nobody_can_subscribe_to() {
        assert_eq!(WebhookEvent::parse(DeliveryKind::TEST.as_str()), None);
        let kinds = WebhookEvent::ALL.iter().copied().map(DeliveryKind::Event).chain([DeliveryKind::TEST]);
        for kind in kinds {
            assert_eq!(DeliveryKind::parse(kind.as_str()), Some(kind));
            let json = serde_json::to_string(&kind).expect("JSON");
            assert_eq!(json, format!("\"{}\"", kind.as_str()));
            assert_eq!(serde_json::from_str::<DeliveryKind>(&json).expect("read"), kind);
        }
    }
}
