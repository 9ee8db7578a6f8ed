//! What an event of a workspace's journal says, by what it is of. [`WebhookEvent`](crate::WebhookEvent) has the kinds.
//!
//! An event is encoded once, when it is written; webhooks send that text as it is, and `GET /v1/events` reads it.

use serde::{Deserialize, Serialize};

/// What an event of a job or a stream says: where the run stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEventData {
    /// `job_…`
    pub job_id: String,
    /// `str_…`, of a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_id: Option<String>,
    /// Where it is in its life, in the words of the job object.
    pub status: String,
    /// URLs in all.
    pub urls_total: u64,
    /// URLs that are finished.
    pub urls_done: u64,
    /// Those of them that failed.
    pub urls_errored: u64,
    /// Credits of its records.
    pub credits_used: u64,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What an event of credits says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditsEventData {
    /// Credits left.
    pub balance: u64,
    /// Credits of the plan.
    pub allowance: u64,
}

/// What an event of a key says. Never the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEventData {
    /// `key_…`
    pub key_id: String,
    /// What its maker called it.
    pub name: String,
}

/// An event's data as JSON text.
#[must_use]
pub fn to_json(data: &impl Serialize) -> String {
    // Plain structs with string keys always serialise.
    serde_json::to_string(data).unwrap_or_else(|_| "{}".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_not_told() {
        let data = RunEventData {
            job_id: "job_1".to_owned(),
            stream_id: None,
            status: "completed".to_owned(),
            urls_total: 3,
            urls_done: 3,
            urls_errored: 1,
            credits_used: 2,
            error: None,
        };
        let text = to_json(&data);
        assert!(!text.contains("stream_id") && !text.contains("error\""), "{text}");
        assert_eq!(serde_json::from_str::<RunEventData>(&text).expect("JSON"), data);
    }
}
