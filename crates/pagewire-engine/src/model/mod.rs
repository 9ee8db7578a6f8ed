//! The language model that an operator may have configured, for requests that ask for it (`extract_engine`): who is
//! asked, what, and when. Any endpoint that speaks OpenAI's chat completions will do.
//!
//! An endpoint that is slow, broken or lies costs a request nothing but time: its fields are then those of the embedded
//! extraction, with a warning. What it answers is held against the shape of the request by the extraction
//! ([`Plan::settle`](pagewire_extract::Plan::settle)); what a page tells it to do shows nowhere else.

mod protocol;
mod wish;

use std::time::Duration;

use http::header::{self, HeaderValue};
use http::{HeaderMap, Method};
use pagewire_fetch::{Client, FetchError, Request};
use pagewire_types::TargetUrl;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

pub(crate) use wish::{ModelWish, refuse_without_model};

/// How the model is reached, and what it may cost.
#[derive(Debug, Clone)]
pub struct ModelSettings {
    /// Where chat completions are.
    pub completions: TargetUrl,
    /// The model's name there.
    pub model: String,
    /// What `Authorization` says, marked as sensitive.
    pub authorization: Option<HeaderValue>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Bytes of a page that it is shown.
    pub input_bytes_max: usize,
    /// Tokens of an answer.
    pub tokens_max: u32,
    /// How sure a required field must be for the model not to be asked in `auto`.
    pub confidence_min: f64,
    /// Questions at once.
    pub at_once: usize,
    /// What an answer costs.
    pub credits: u32,
}

/// A model.
pub struct Model {
    client: Client,
    settings: ModelSettings,
    places: Semaphore,
}

/// Why there is no answer. Its sentences are read by callers: none tells where the model is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ModelFault {
    #[error("this server has no model configured")]
    NotConfigured,
    #[error("test keys get no model")]
    Sandbox,
    #[error("the model is asked by too many at once")]
    Busy,
    #[error("the model did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("the model could not be reached")]
    Unreachable,
    #[error("the model's endpoint answered {0}")]
    Status(u16),
    #[error("the model's answer cannot be used: {0}")]
    Unusable(&'static str),
}

impl Model {
    /// A model behind a client.
    ///
    /// The client is one of its own, whose guard lets every address pass: the endpoint is the operator's word, as his
    /// database is, and is most often a neighbour in a private range. No request can change where it points, and it
    /// follows no redirect, so nothing else is reached with it and the key goes nowhere else.
    #[must_use]
    pub fn new(client: Client, settings: ModelSettings) -> Self {
        let places = Semaphore::new(settings.at_once);
        Self { client, settings, places }
    }

    pub(crate) fn settings(&self) -> &ModelSettings {
        &self.settings
    }

    /// What the model finds in a text, by the fields of a schema. Unchecked but for being an object.
    pub(crate) async fn ask(&self, schema: &Value, text: &str) -> Result<Map<String, Value>, ModelFault> {
        let timeout = self.settings.timeout;
        let answered = tokio::time::timeout(timeout, self.ask_in_turn(schema, text));
        let answer = match answered.await {
            Ok(answer) => answer,
            Err(_) if self.places.available_permits() == 0 => Err(ModelFault::Busy),
            Err(_) => Err(ModelFault::TimedOut(timeout)),
        };
        if let Err(fault) = &answer {
            tracing::warn!(%fault, "the model gave no answer");
        }
        answer
    }

    async fn ask_in_turn(&self, schema: &Value, text: &str) -> Result<Map<String, Value>, ModelFault> {
        let _place = self.places.acquire().await.map_err(|_| ModelFault::Busy)?;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &self.settings.authorization {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        let request = Request {
            url: self.settings.completions.clone(),
            method: Method::POST,
            headers,
            body: Some(protocol::question(&self.settings, schema, text)),
            timeout: self.settings.timeout,
        };
        let response = self.client.fetch(&request).await.map_err(|error| self.fault(&error))?;
        if !response.status.is_success() {
            return Err(ModelFault::Status(response.status.as_u16()));
        }
        protocol::answer(&response.body)
    }

    /// The error's own words name the endpoint, which is not the caller's to know: they go to the log.
    fn fault(&self, error: &FetchError) -> ModelFault {
        tracing::debug!(%error, "the model's endpoint was not reached");
        match error {
            FetchError::Timeout { .. } => ModelFault::TimedOut(self.settings.timeout),
            _ => ModelFault::Unreachable,
        }
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("settings", &self.settings).finish_non_exhaustive()
    }
}
