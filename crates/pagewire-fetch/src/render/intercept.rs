//! The requests that the browser asks about before it makes them: those that are left out, and those that get the
//! headers of the request. It asks about no others.
//!
//! The headers go to the page's own origin alone: what is said to a site is not said to all whose images it shows.

use http::{HeaderMap, HeaderName, header};
use pagewire_types::{TargetUrl, render::Blocked};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::{block, connection::Connection};
use crate::message::{OF_CONNECTION, origin};

/// Headers that the browser sets in another way, or sets itself.
const SET_OTHERWISE: [HeaderName; 3] = [header::USER_AGENT, header::COOKIE, header::ACCEPT_ENCODING];

/// Says what becomes of the requests that the browser asks about.
pub(super) struct Intercept {
    connection: Connection,
    session: String,
    origin: String,
    headers: Vec<(String, String)>,
    kinds: Vec<&'static str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Paused<'a> {
    request_id: String,
    resource_type: String,
    #[serde(borrow)]
    request: &'a RawValue,
}

#[derive(Deserialize)]
struct PausedRequest {
    url: String,
    #[serde(default)]
    headers: Map<String, Value>,
}

impl Intercept {
    pub(super) fn new(
        connection: &Connection,
        session: &str,
        url: &TargetUrl,
        headers: &HeaderMap,
        blocked: Blocked,
    ) -> Self {
        let added = headers
            .iter()
            .filter(|(name, _)| !OF_CONNECTION.contains(name) && !SET_OTHERWISE.contains(name))
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
        Self {
            connection: connection.clone(),
            session: session.to_owned(),
            origin: origin(url).to_owned(),
            headers: added.collect(),
            kinds: block::kinds(blocked).collect(),
        }
    }

    /// What the browser is to ask about. Nothing, most often.
    pub(super) fn patterns(&self) -> Vec<Value> {
        let mut patterns: Vec<Value> = Vec::new();
        if !self.headers.is_empty() {
            patterns.push(json!({ "urlPattern": format!("{}/*", wildcards_escaped(&self.origin)) }));
        }
        patterns.extend(self.kinds.iter().map(|kind| json!({ "urlPattern": "*", "resourceType": kind })));
        patterns
    }

    /// Answers a question of the browser.
    pub(super) fn answer(&self, params: &RawValue) {
        let Ok(paused) = serde_json::from_str::<Paused<'_>>(params.get()) else { return };
        if self.kinds.contains(&paused.resource_type.as_str()) {
            let fail = json!({ "requestId": paused.request_id, "errorReason": "BlockedByClient" });
            self.connection.tell(Some(&self.session), "Fetch.failRequest", fail);
            return;
        }
        let mut go_on = json!({ "requestId": paused.request_id });
        if let Ok(request) = serde_json::from_str::<PausedRequest>(paused.request.get())
            && self.is_own(&request.url)
        {
            go_on["headers"] = self.with_added(&request.headers);
        }
        self.connection.tell(Some(&self.session), "Fetch.continueRequest", go_on);
    }

    fn is_own(&self, url: &str) -> bool {
        url.strip_prefix(&self.origin).is_some_and(|rest| rest.starts_with('/'))
    }

    fn with_added(&self, own: &Map<String, Value>) -> Value {
        let is_replaced = |name: &str| self.headers.iter().any(|(added, _)| added.eq_ignore_ascii_case(name));
        let kept = own.iter().filter(|(name, _)| !is_replaced(name));
        let kept = kept.map(|(name, value)| json!({ "name": name, "value": value }));
        let added = self.headers.iter().map(|(name, value)| json!({ "name": name, "value": value }));
        Value::Array(kept.chain(added).collect())
    }
}

/// In a pattern `*` and `?` stand for others, unless a backslash comes before.
fn wildcards_escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('*', "\\*").replace('?', "\\?")
}
