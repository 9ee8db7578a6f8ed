//! What a receiver is sent: `{type, timestamp, data}`, as Standard Webhooks has it, and thin: whom it concerns, how it
//! stands, and where the rest is had.

use jiff::Timestamp;
use pagewire_store::EventRow;
use pagewire_types::{DeliveryKind, WebhookId};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// Characters of a text in `data`; a longer one is cut, so that a body stays under 20 kB.
const TEXT_CHARS_MAX: usize = 1_000;

/// The body for an event, written once: what is signed is what is sent. `metadata` is what was given to be sent along.
pub(super) fn of_event(event: &EventRow, public_url: Option<&str>, metadata: Option<&str>) -> String {
    let mut data: Map<String, Value> = serde_json::from_str(&event.data).unwrap_or_default();
    for value in data.values_mut() {
        if let Value::String(text) = value
            && let Some((end, _)) = text.char_indices().nth(TEXT_CHARS_MAX)
        {
            text.truncate(end);
        }
    }
    if let Some(job) = data.get("job_id").and_then(Value::as_str).map(str::to_owned) {
        let base = public_url.unwrap_or_default().trim_end_matches('/');
        data.insert("job_url".to_owned(), json!(format!("{base}/v1/jobs/{job}")));
        data.insert("results_url".to_owned(), json!(format!("{base}/v1/jobs/{job}/results")));
    }
    body(event.kind.as_str(), event.at, data, metadata)
}

/// The body of a test.
pub(super) fn of_test(webhook: &WebhookId, at: Timestamp, metadata: Option<&str>) -> String {
    let data = Map::from_iter([
        ("webhook_id".to_owned(), json!(webhook)),
        ("message".to_owned(), json!("This is a test. Nothing has happened.")),
    ]);
    body(DeliveryKind::TEST.as_str(), at, data, metadata)
}

fn body(kind: &str, at: Timestamp, data: Map<String, Value>, metadata: Option<&str>) -> String {
    let metadata = metadata.and_then(|text| RawValue::from_string(text.to_owned()).ok());
    let message = Message { kind, timestamp: format!("{at:.3}"), data: Data { fields: data, metadata } };
    // Plain data with string keys always serialises.
    serde_json::to_string(&message).unwrap_or_default()
}

#[derive(serde::Serialize)]
struct Message<'m> {
    #[serde(rename = "type")]
    kind: &'m str,
    timestamp: String,
    data: Data,
}

#[derive(serde::Serialize)]
struct Data {
    #[serde(flatten)]
    fields: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Box<RawValue>>,
}

#[cfg(test)]
mod tests {
    use pagewire_store::KeyMode;
    use pagewire_types::{RunEventData, WebhookEvent, WorkspaceId, event};

    use super::*;

    fn completed(error: Option<String>) -> EventRow {
        let data = RunEventData {
            job_id: "job_1".to_owned(),
            stream_id: None,
            status: "completed".to_owned(),
            urls_total: 3,
            urls_done: 3,
            urls_errored: 1,
            credits_used: 2,
            error,
        };
        EventRow {
            position: 7,
            workspace: WorkspaceId::default_workspace(),
            mode: KeyMode::Live,
            kind: WebhookEvent::JobCompleted,
            subject: "job_1".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            data: event::to_json(&data),
        }
    }

    #[test]
    fn a_body_says_what_happened_to_whom_and_where_the_rest_is() {
        let text = of_event(&completed(None), Some("https://pw.example/"), Some("{\"order\":7}"));
        let said: Value = serde_json::from_str(&text).expect("JSON");
        let expected = json!({
            "type": "job.completed",
            "timestamp": "1970-01-01T00:00:00.000Z",
            "data": {
                "job_id": "job_1", "status": "completed", "urls_total": 3, "urls_done": 3, "urls_errored": 1,
                "credits_used": 2, "job_url": "https://pw.example/v1/jobs/job_1",
                "results_url": "https://pw.example/v1/jobs/job_1/results", "metadata": {"order": 7},
            },
        });
        assert_eq!(said, expected);
        let said: Value = serde_json::from_str(&of_event(&completed(None), None, None)).expect("JSON");
        assert_eq!(said["data"]["job_url"], "/v1/jobs/job_1");
        assert!(said["data"].get("metadata").is_none());
    }

    #[test]
    fn the_largest_body_is_under_20_kb() {
        // Control characters take six bytes each in JSON.
        let metadata = format!("{{\"a\":\"{}\"}}", "x".repeat(4_000));
        let body = of_event(&completed(Some("\u{1}".repeat(100_000))), None, Some(&metadata));
        assert!(body.len() <= 20_000, "{}", body.len());
        assert!(serde_json::from_str::<Value>(&body).is_ok());
    }
}
