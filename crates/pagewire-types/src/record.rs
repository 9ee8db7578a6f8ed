//! The events of a run as its consumers read them, but for the page envelope, which is opaque JSON on its way out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fields::FieldError;
use crate::target_error::TargetErrorCode;

/// The data of an `error` event: a URL whose retries are exhausted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorRecord {
    /// The URL as the request gave it.
    pub url: String,
    /// Stable code.
    pub code: TargetErrorCode,
    /// The target's status, where it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The sentence for people.
    pub error: String,
    /// Whether another run might succeed.
    pub retryable: bool,
    /// Attempts made.
    pub attempts: u32,
    /// The URL's position in the request.
    pub index: u32,
    /// What the last attempt went through, as in a page's `meta`. Absent where nothing was tried, as are the next two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_type: Option<String>,
    /// Where that proxy stands, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_country: Option<String>,
    /// Whether a browser was to show the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendered: Option<bool>,
    /// Echo of the request's `custom_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_id: Option<String>,
    /// Echo of the request's `metadata`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    /// With `extraction_invalid`: what the data does wrong, by pointers into this record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// With `extraction_invalid`: what was extracted all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

/// The data of a `progress` event. `done` counts all URLs that are finished, `errored` those of them that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The stream.
    pub stream_id: String,
    /// The job that keeps the stream's results.
    pub job_id: String,
    /// URLs finished.
    pub done: u64,
    /// URLs finished that failed.
    pub errored: u64,
    /// URLs not yet finished.
    pub queued: u64,
    /// URLs of the request.
    pub total: u64,
    /// Credits of the finished records.
    pub credits_used: u64,
}

/// The data of the `end` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The stream.
    pub stream_id: String,
    /// The job that keeps the stream's results.
    pub job_id: String,
    /// URLs that became a page.
    pub done: u64,
    /// URLs that failed. `done` and `errored` add up to `total`.
    pub errored: u64,
    /// URLs of the request.
    pub total: u64,
    /// Credits of the records.
    pub credits_used: u64,
    /// Milliseconds since the request was accepted.
    pub elapsed_ms: u64,
    /// The trace of the request that reads the end.
    pub trace_id: String,
}

/// The data of a `warning` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Warning {
    /// Few credits are left.
    LowCredits {
        /// Credits left.
        balance: u64,
    },
    /// No credits are left: the URLs not yet fetched end as errors.
    CreditsExhausted,
    /// A host's politeness allows less than the concurrency asked for.
    ConcurrencyTrimmed {
        /// The host.
        host: String,
        /// Requests at once that the host gets.
        concurrency: u32,
    },
    /// As many of the run's requests were retries as may be: what fails from now on is not tried again.
    RetryBudgetExhausted {
        /// Retries so far.
        retries: u64,
        /// Requests so far, those among them.
        requests: u64,
    },
    /// The run reached its longest time: the URLs not yet fetched end as errors.
    MaxWallTime,
}
