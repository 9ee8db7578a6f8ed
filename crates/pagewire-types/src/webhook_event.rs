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
