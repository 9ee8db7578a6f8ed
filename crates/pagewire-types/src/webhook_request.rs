//! The bodies of `POST /v1/webhooks` and `PATCH /v1/webhooks/{id}`, and the `webhook` of `POST /v1/jobs`, read once into
//! values that hold only what is allowed.
//!
//! That a URL's address may be connected to is not known here; it is looked at when a webhook is stored, and again at
//! each delivery.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::fields::{Faults, Fields, brief};
use crate::problem::{Problem, ProblemCode};
use crate::target_url::TargetUrl;
use crate::webhook_event::WebhookEvent;
use crate::webhook_secret::WebhookSecret;

/// Webhooks of one workspace; those of single jobs do not count.
pub const WEBHOOKS_MAX: u32 = 50;
/// Bytes of a webhook's URL.
const URL_BYTES_MAX: usize = 2_048;
/// Characters of a webhook's description.
const DESCRIPTION_CHARS_MAX: usize = 200;
/// Bytes of a job's `webhook.metadata`, as compact JSON.
const METADATA_BYTES_MAX: usize = 4 * 1024;

/// The body of `POST /v1/webhooks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewWebhook {
    /// Where to deliver.
    #[serde(serialize_with = "url_text")]
    pub url: TargetUrl,
    /// Of what; of everything where empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<WebhookEvent>,
    /// What its maker calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it is told of anything for now.
    pub enabled: bool,
    /// What to sign with; made by the server where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<WebhookSecret>,
}

/// The body of `PATCH /v1/webhooks/{id}`: what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WebhookChange {
    /// Where to deliver.
    #[serde(serialize_with = "some_url_text", skip_serializing_if = "Option::is_none")]
    pub url: Option<TargetUrl>,
    /// Of what; of everything where empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<WebhookEvent>>,
    /// What its maker calls it; nothing where empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it is told of anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether it gets a new secret, made by the server where [`secret`](Self::secret) is absent. The one before goes on
    /// signing beside it for a day.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rotate_secret: bool,
    /// The new secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<WebhookSecret>,
}

/// The `webhook` of `POST /v1/jobs`: who is told of that job alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobWebhook {
    /// Where to deliver.
    pub url: TargetUrl,
    /// What to sign with; made by the server where absent.
    pub secret: Option<WebhookSecret>,
    /// Of what; of everything where empty.
    pub events: Vec<WebhookEvent>,
    /// Sent along: the compact JSON text of an object.
    pub metadata: Option<String>,
}

impl NewWebhook {
    /// Reads the body.
    pub fn read(body: Value) -> Result<Self, Box<Problem>> {
        let mut faults = Faults::default();
        let mut fields = Fields::new(object(body)?, "", &mut faults);
        let url = read_url(&mut fields);
        if url.is_none() {
            require_url(&mut fields);
        }
        let events = read_events(&mut fields).unwrap_or_default();
        let description = read_description(&mut fields).filter(|text| !text.is_empty());
        let enabled = fields.take_with("enabled", "true or false", Value::as_bool).unwrap_or(true);
        let secret = read_secret(&mut fields);
        fields.finish();
        match url {
            Some(Ok(url)) if faults.is_empty() => Ok(Self { url, events, description, enabled, secret }),
            _ => Err(invalid(faults)),
        }
    }
}

impl WebhookChange {
    /// Reads the body.
    pub fn read(body: Value) -> Result<Self, Box<Problem>> {
        let mut faults = Faults::default();
        let mut fields = Fields::new(object(body)?, "", &mut faults);
        let change = Self {
            url: read_url(&mut fields).and_then(Result::ok),
            events: read_events(&mut fields),
            description: read_description(&mut fields),
            enabled: fields.take_with("enabled", "true or false", Value::as_bool),
            rotate_secret: fields
                .take_with("rotate_secret", "true or false", Value::as_bool)
                .unwrap_or_default(),
            secret: read_secret(&mut fields),
        };
        if change.secret.is_some() && !change.rotate_secret {
            fields.fault("secret", "goes with `\"rotate_secret\": true`, so that none is lost by accident");
        }
        fields.finish();
        if faults.is_empty() { Ok(change) } else { Err(invalid(faults)) }
    }
}

impl JobWebhook {
    /// Takes `webhook` out of a job's request.
    pub(crate) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let map = match fields.take("webhook")? {
            Value::Object(map) => map,
            url @ Value::String(_) => Map::from_iter([("url".to_owned(), url)]),
            other => {
                let detail = format!("must be a URL or an object with `url`, not {}", brief(&other));
                fields.fault("webhook", detail);
                return None;
            }
        };
        let pointer = fields.pointer_to("webhook");
        let mut inner = Fields::new(map, pointer, fields.faults());
        let url = read_url(&mut inner);
        if url.is_none() {
            require_url(&mut inner);
        }
        let secret = read_secret(&mut inner);
        let events = read_events(&mut inner).unwrap_or_default();
        if let Some(event) = events.iter().find(|event| !event.is_of_job()) {
            let detail = format!("`{}` happens to no job; make a webhook for it", event.as_str());
            inner.fault("events", detail);
        }
        let metadata = inner.take_with("metadata", "an object of at most 4 KiB", |value| {
            let text = value.is_object().then(|| value.to_string())?;
            (text.len() <= METADATA_BYTES_MAX).then_some(text)
        });
        inner.finish();
        Some(Self { url: url?.ok()?, secret, events, metadata })
    }
}

/// The URL is there, but is none.
struct BadUrl;

fn read_url(fields: &mut Fields<'_>) -> Option<Result<TargetUrl, BadUrl>> {
    let value = fields.take("url")?;
    let fault = match value.as_str().map(|text| (text.len(), TargetUrl::parse(text))) {
        Some((bytes, _)) if bytes > URL_BYTES_MAX => format!("is longer than {URL_BYTES_MAX} bytes"),
        Some((_, Ok(url))) => return Some(Ok(url)),
        Some((_, Err(error))) => error.to_string(),
        None => format!("must be a URL, not {}", brief(&value)),
    };
    fields.fault("url", fault);
    Some(Err(BadUrl))
}

fn require_url(fields: &mut Fields<'_>) {
    fields.fault("url", "is required: where to deliver");
}

fn read_events(fields: &mut Fields<'_>) -> Option<Vec<WebhookEvent>> {
    fields.take_with("events", "an array of names of events such as `job.completed`", |value| {
        let events: Option<Vec<_>> =
            value.as_array()?.iter().map(|name| WebhookEvent::parse(name.as_str()?)).collect();
        let mut events = events?;
        events.sort_unstable();
        events.dedup();
        Some(events)
    })
}

fn read_description(fields: &mut Fields<'_>) -> Option<String> {
    let expected = "a string of at most 200 characters without control characters";
    fields.take_with("description", expected, |value| {
        let text = value.as_str()?;
        let fits = text.chars().count() <= DESCRIPTION_CHARS_MAX && !text.contains(char::is_control);
        fits.then(|| text.to_owned())
    })
}

/// What is no secret is not repeated in the answer: it may nearly be one.
fn read_secret(fields: &mut Fields<'_>) -> Option<WebhookSecret> {
    let value = fields.take("secret")?;
    let secret = value.as_str().and_then(|text| WebhookSecret::parse(text).ok());
    if secret.is_none() {
        fields.fault("secret", "must be `whsec_` and the padded base64 of 24 to 64 bytes");
    }
    secret
}

fn object(body: Value) -> Result<Map<String, Value>, Box<Problem>> {
    match body {
        Value::Object(map) => Ok(map),
        _ => Err(Box::new(Problem::new(ProblemCode::ValidationFailed, "the body must be a JSON object"))),
    }
}

fn invalid(faults: Faults) -> Box<Problem> {
    Box::new(Problem::invalid(ProblemCode::ValidationFailed, faults.into_vec()))
}

fn url_text<S: serde::Serializer>(url: &TargetUrl, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(url.as_str())
}

#[expect(clippy::ref_option, reason = "the signature that serde calls")]
fn some_url_text<S: serde::Serializer>(url: &Option<TargetUrl>, serializer: S) -> Result<S::Ok, S::Error> {
    url.as_ref().map(TargetUrl::as_str).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn pointers(problem: Box<Problem>) -> Vec<String> {
        problem.errors.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn a_webhook_that_says_only_where_hears_of_everything() {
        let webhook = NewWebhook::read(json!({"url": "https://a.example/hook"})).expect("valid");
        assert_eq!((webhook.events.len(), webhook.enabled, webhook.secret.is_none()), (0, true, true));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let body = json!({
            "url": "https://a.example/hook", "events": ["job.completed", "job.failed"], "description": "d",
            "enabled": false, "secret": SECRET,
        });
        let webhook = NewWebhook::read(body.clone()).expect("valid");
        assert_eq!(serde_json::to_value(&webhook).expect("plain data"), body);
        let body = json!({"url": "https://b.example/", "events": [], "enabled": true, "rotate_secret": true, "secret": SECRET});
        let change = WebhookChange::read(body.clone()).expect("valid");
        assert_eq!(serde_json::to_value(&change).expect("plain data"), body);
        let nothing = serde_json::to_value(WebhookChange::default()).expect("plain data");
        assert_eq!(nothing, json!({}));
    }

    #[test]
    fn every_fault_is_named_and_no_secret_is_repeated() {
        let nearly = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS";
        let body =
            json!({"url": "ftp://a/", "events": ["job.done"], "enabled": 1, "secret": nearly, "colour": 1});
        let problem = NewWebhook::read(body.clone()).expect_err("refused");
        assert!(!format!("{problem:?}").contains("MfKQ9r8G"));
        assert_eq!(pointers(problem), ["/url", "/events", "/enabled", "/secret", "/colour"]);
        assert_eq!(pointers(NewWebhook::read(json!({})).expect_err("refused")), ["/url"]);
        assert_eq!(
            pointers(WebhookChange::read(json!({"secret": SECRET})).expect_err("refused")),
            ["/secret"]
        );
        let long = format!("https://a.example/{}", "x".repeat(URL_BYTES_MAX));
        assert_eq!(pointers(NewWebhook::read(json!({"url": long})).expect_err("refused")), ["/url"]);
        assert!(NewWebhook::read(json!([])).is_err());
    }
}
