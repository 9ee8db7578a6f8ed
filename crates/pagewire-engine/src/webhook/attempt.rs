//! One try: a POST, and what came of it.
//!
//! Nothing is followed, and the answer's body is only looked at, so far as it comes within the time of the try: the
//! receiver has taken the delivery with its status.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use pagewire_fetch::{Client, FetchError, RelayBody, Request, retry_after};
use pagewire_store::{AttemptRow, KeyMode};
use pagewire_types::{DeliveryId, TargetUrl, WebhookSecret};
use tokio::time::{Instant as Deadline, timeout_at};

use super::sign::signature;
use crate::sandbox;

/// What is read of an answer.
const ANSWER_BYTES_MAX: usize = 20 * 1_024;
/// What is kept of it.
const ANSWER_BYTES_KEPT: usize = 1_024;

/// What is sent, and where to.
pub(super) struct Message {
    pub(super) id: DeliveryId,
    pub(super) mode: KeyMode,
    pub(super) url: TargetUrl,
    /// Those that are good, the newest first.
    pub(super) secrets: Vec<WebhookSecret>,
    pub(super) body: Bytes,
}

/// What came of a try.
#[derive(Debug)]
pub(super) struct Tried {
    /// When it began.
    pub(super) at: Timestamp,
    /// How long it was until the receiver's status.
    pub(super) elapsed: Duration,
    pub(super) status: Option<StatusCode>,
    pub(super) retry_after: Option<Duration>,
    pub(super) answer: Option<String>,
    pub(super) error: Option<String>,
}

impl Tried {
    /// A try that came to nothing before anything was sent.
    pub(super) fn failed(error: String) -> Self {
        Self {
            at: Timestamp::now(),
            elapsed: Duration::ZERO,
            status: None,
            retry_after: None,
            answer: None,
            error: Some(error),
        }
    }

    pub(super) fn is_delivered(&self) -> bool {
        self.status.is_some_and(|status| status.is_success())
    }

    /// As it is logged.
    pub(super) fn row(&self) -> AttemptRow {
        AttemptRow {
            at: self.at,
            elapsed_ms: u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX),
            http_status: self.status.map(|status| status.as_u16()),
            answer: self.answer.clone(),
            error: self.error.clone(),
        }
    }
}

/// What a receiver has said.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: AnswerBody,
}

enum AnswerBody {
    Coming(Box<RelayBody>),
    There(Bytes),
}

/// Sends messages.
pub(super) struct Courier {
    client: Client,
    timeout: Duration,
}

impl Courier {
    pub(super) fn new(client: Client, timeout: Duration) -> Self {
        Self { client, timeout }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// How long a try may take at most.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Tries once.
    pub(super) async fn send(&self, message: Message) -> Tried {
        let (at, started) = (Timestamp::now(), Instant::now());
        let mode = message.mode;
        let request = match self.request(message, at) {
            Ok(request) => request,
            Err(error) => return Tried::failed(error.to_string()),
        };
        let deadline = Deadline::now() + self.timeout;
        let answered = timeout_at(deadline, self.post(mode, &request)).await;
        let elapsed = started.elapsed();
        let failed = |error: &FetchError| Tried { at, elapsed, ..Tried::failed(sentence(error)) };
        match answered {
            Ok(Ok(answer)) => {
                let error = objection(answer.status).map(str::to_owned);
                let retry_after = retry_after(&answer.headers);
                let status = Some(answer.status);
                let answer = beginning(answer.body, deadline).await;
                Tried { at, elapsed, status, retry_after, answer, error }
            }
            Ok(Err(error)) => failed(&error),
            Err(_) => {
                failed(&FetchError::Timeout { host: request.url.host().to_owned(), after: self.timeout })
            }
        }
    }

    fn request(&self, message: Message, at: Timestamp) -> Result<Request, header::InvalidHeaderValue> {
        let timestamp_s = at.as_second();
        let mut signed =
            HeaderValue::try_from(signature(&message.secrets, &message.id, timestamp_s, &message.body))?;
        signed.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        // The answer is looked at by people alone, and not unpacked for them.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert("webhook-id", HeaderValue::from_str(message.id.as_str())?);
        headers.insert("webhook-timestamp", HeaderValue::from(timestamp_s));
        headers.insert("webhook-signature", signed);
        let (url, timeout) = (message.url, self.timeout);
        Ok(Request { url, method: Method::POST, headers, body: Some(message.body), timeout })
    }

    async fn post(&self, mode: KeyMode, request: &Request) -> Result<Answer, FetchError> {
        match mode {
            KeyMode::Live => {
                let (head, body) = self.client.relay(request).await?;
                Ok(Answer {
                    status: head.status,
                    headers: head.headers,
                    body: AnswerBody::Coming(Box::new(body)),
                })
            }
            // What is of the sandbox goes nowhere: the fixture at the URL's path answers.
            KeyMode::Test => {
                let page = sandbox::fetch(request).await?;
                let status = if page.redirects > 0 { StatusCode::FOUND } else { page.status };
                Ok(Answer { status, headers: page.headers, body: AnswerBody::There(page.body) })
            }
        }
    }
}

/// Why a status counts as a failure.
fn objection(status: StatusCode) -> Option<&'static str> {
    match status.as_u16() {
        200..=299 => None,
        300..=399 => Some("the receiver redirects, and a delivery follows no redirect"),
        410 => Some("the receiver says that it is gone"),
        _ => Some("the receiver did not answer 2xx"),
    }
}

/// Errors speak to those who fetch pages; these are read by those who receive.
fn sentence(error: &FetchError) -> String {
    match error {
        FetchError::Timeout { after, .. } => {
            format!("the receiver did not answer within {} ms", after.as_millis())
        }
        other => other.to_string(),
    }
}

/// How the answer begins; what is no text in it is replaced. What breaks off is told as far as it came.
async fn beginning(body: AnswerBody, deadline: Deadline) -> Option<String> {
    let (mut kept, mut read) = (Vec::new(), 0);
    let mut keep = |bytes: &[u8]| {
        kept.extend_from_slice(&bytes[..bytes.len().min(ANSWER_BYTES_KEPT - kept.len())]);
    };
    match body {
        AnswerBody::There(bytes) => keep(&bytes),
        AnswerBody::Coming(mut body) => {
            while read < ANSWER_BYTES_MAX {
                let Ok(Ok(Some(bytes))) = timeout_at(deadline, body.next()).await else { break };
                read += bytes.len();
                keep(&bytes);
            }
        }
    }
    let text = String::from_utf8_lossy(&kept).into_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
