//! What a tab tells of itself while it shows a page: what it has loaded, how far, and what became of it.
//!
//! Each event changes this state and is gone; who waits looks at the state. So much can be told without anything piling
//! up.

use std::{
    borrow::Cow,
    collections::HashSet,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};
use tokio::{sync::Notify, time::Instant};

use super::{
    connection::{Connection, Hears},
    intercept::Intercept,
};

/// Dialogs of one page that are answered.
pub(super) const DIALOGS_MAX: u32 = 100;
/// Requests of scripts under way that are known of. Of more, the page is not waited for to settle.
const ASKING_MAX: usize = 1_000;
/// Kinds of requests by which pages are built, and which end.
const BUILDING: [&str; 3] = ["Fetch", "Script", "XHR"];
/// Header fields of the document's answer that are kept.
const HEADERS_MAX: usize = 200;

/// The state of a tab, and who waits for it to change.
#[derive(Default)]
pub(super) struct Watch {
    state: Mutex<Told>,
    changed: Notify,
    /// Says what becomes of requests that the browser asks about.
    intercept: OnceLock<Intercept>,
    /// Where dialogs are answered.
    tab: OnceLock<(Connection, String)>,
}

/// What is known of the page.
#[derive(Default)]
pub(super) struct Told {
    frame: String,
    /// The loader of the document that it is going to.
    awaited: String,
    /// Why the document that it was going to did not come.
    pub(super) failure: Option<String>,
    /// The document that is shown.
    pub(super) document: Document,
    /// The document's answer, as far as it came from the network.
    pub(super) answer: Option<Answer>,
    pub(super) dialogs: u32,
    pub(super) has_crashed: bool,
    /// What scripts have asked for and not been given yet. The proxy hears of it later than the page knows of it.
    asking: HashSet<String>,
    /// When that has changed.
    asked_at: Option<Instant>,
}

/// The document that is shown, and how far it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Document {
    pub(super) loader: String,
    pub(super) url: String,
    pub(super) mime_type: String,
    /// What could not be loaded and is not shown.
    pub(super) unreachable: Option<String>,
    pub(super) is_parsed: bool,
    pub(super) is_loaded: bool,
    pub(super) is_network_idle: bool,
}

/// The head of an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) loader: String,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lifecycle {
    frame_id: String,
    loader_id: String,
    name: String,
}

#[derive(Deserialize)]
struct FrameNavigated {
    frame: Frame,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Frame {
    id: String,
    loader_id: String,
    url: String,
    #[serde(default)]
    mime_type: String,
    unreachable_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartedNavigating {
    frame_id: String,
    loader_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoadingFailed {
    request_id: String,
    error_text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestWillBeSent<'a> {
    #[serde(borrow)]
    request_id: Cow<'a, str>,
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoadingFinished<'a> {
    #[serde(borrow)]
    request_id: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WithinDocument {
    frame_id: String,
    url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponseReceived<'a> {
    #[serde(default)]
    frame_id: String,
    loader_id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    response: &'a RawValue,
}

#[derive(Deserialize)]
struct NetworkResponse {
    status: u16,
    #[serde(default)]
    headers: Map<String, Value>,
}

impl Watch {
    /// The tab whose frame this is.
    pub(super) fn begin(&self, connection: &Connection, session: &str, target: &str) {
        target.clone_into(&mut self.lock().frame);
        // It begins once.
        let _ = self.tab.set((connection.clone(), session.to_owned()));
    }

    /// Has the questions of the browser answered so.
    pub(super) fn intercept(&self, intercept: Intercept) {
        // It is set up once.
        let _ = self.intercept.set(intercept);
    }

    /// Dismisses a dialog. Of a page that opens too many, the last stays open, so that it does nothing more.
    fn dismiss(&self) {
        if let Some((connection, session)) = self.tab.get()
            && self.lock().dialogs <= DIALOGS_MAX
        {
            connection.tell(Some(session), "Page.handleJavaScriptDialog", json!({ "accept": false }));
        }
    }

    /// Looks at what is known.
    pub(super) fn look<T>(&self, look: impl FnOnce(&mut Told) -> T) -> T {
        look(&mut self.lock())
    }

    /// Waits until what is known makes for an answer; `None` when the time is over.
    pub(super) async fn until<T>(
        &self,
        deadline: Instant,
        mut look: impl FnMut(&mut Told) -> Option<T>,
    ) -> Option<T> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = look(&mut self.lock()) {
                return Some(found);
            }
            if tokio::time::timeout_at(deadline, changed).await.is_err() {
                return None;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hears for Watch {
    fn hear(&self, method: &str, params: &RawValue) {
        if method == "Fetch.requestPaused" {
            if let Some(intercept) = self.intercept.get() {
                intercept.answer(params);
            }
            return;
        }
        let has_changed = self.lock().take_in(method, params.get()).unwrap_or(false);
        if method == "Page.javascriptDialogOpening" {
            self.dismiss();
        }
        if has_changed {
            self.changed.notify_waiters();
        }
    }
}

impl Told {
    /// For how long scripts have asked for nothing and been given all; `None` while they wait for something.
    pub(super) fn quiet_for(&self) -> Option<Duration> {
        self.asking.is_empty().then(|| self.asked_at.map_or(Duration::MAX, |at| at.elapsed()))
    }

    /// A request of a script has ended; whether there was one.
    fn answered(&mut self, request: &str) -> bool {
        let was_awaited = self.asking.remove(request);
        if was_awaited {
            self.asked_at = Some(Instant::now());
        }
        was_awaited
    }

    /// Takes an event in; whether it changed anything.
    fn take_in(&mut self, method: &str, params: &str) -> Option<bool> {
        match method {
            "Page.lifecycleEvent" => {
                let event: Lifecycle = serde_json::from_str(params).ok()?;
                if event.frame_id != self.frame {
                    return None;
                }
                if event.loader_id != self.document.loader {
                    self.document = Document { loader: event.loader_id, ..Document::default() };
                }
                match event.name.as_str() {
                    "DOMContentLoaded" => self.document.is_parsed = true,
                    "load" => self.document.is_loaded = true,
                    "networkIdle" => self.document.is_network_idle = true,
                    _ => return None,
                }
            }
            "Page.frameNavigated" => {
                let FrameNavigated { frame } = serde_json::from_str(params).ok()?;
                if frame.id != self.frame {
                    return None;
                }
                if frame.loader_id != self.document.loader {
                    self.document = Document { loader: frame.loader_id, ..Document::default() };
                }
                // What the document before has asked for nobody waits for any more.
                self.asking.clear();
                self.document.url = frame.url;
                self.document.mime_type = frame.mime_type;
                self.document.unreachable = frame.unreachable_url;
            }
            "Page.frameStartedNavigating" => {
                let started: StartedNavigating = serde_json::from_str(params).ok()?;
                if started.frame_id != self.frame {
                    return None;
                }
                self.awaited = started.loader_id;
            }
            "Network.loadingFailed" => {
                let failed: LoadingFailed = serde_json::from_str(params).ok()?;
                if failed.request_id != self.awaited {
                    return self.answered(&failed.request_id).then_some(true);
                }
                self.failure = Some(failed.error_text);
            }
            "Page.navigatedWithinDocument" => {
                let moved: WithinDocument = serde_json::from_str(params).ok()?;
                if moved.frame_id != self.frame {
                    return None;
                }
                self.document.url = moved.url;
            }
            "Network.requestWillBeSent" => {
                let request: RequestWillBeSent<'_> = serde_json::from_str(params).ok()?;
                if !BUILDING.contains(&&*request.kind) || self.asking.len() >= ASKING_MAX {
                    return None;
                }
                self.asking.insert(request.request_id.into_owned());
                self.asked_at = Some(Instant::now());
            }
            "Network.loadingFinished" => {
                let finished: LoadingFinished<'_> = serde_json::from_str(params).ok()?;
                return self.answered(&finished.request_id).then_some(true);
            }
            "Page.javascriptDialogOpening" => self.dialogs += 1,
            "Inspector.targetCrashed" => self.has_crashed = true,
            "Network.responseReceived" => {
                let event: ResponseReceived<'_> = serde_json::from_str(params).ok()?;
                if event.kind != "Document" || event.frame_id != self.frame {
                    return None;
                }
                let response: NetworkResponse = serde_json::from_str(event.response.get()).ok()?;
                let headers = headers_of(&response.headers);
                self.answer = Some(Answer { loader: event.loader_id, status: response.status, headers });
            }
            _ => return None,
        }
        Some(true)
    }
}

/// As HTTP has them; values of one name come joined by line feeds.
fn headers_of(told: &Map<String, Value>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, values) in told.iter().take(HEADERS_MAX) {
        let Ok(name) = HeaderName::try_from(name.as_str()) else { continue };
        for value in values.as_str().unwrap_or_default().split('\n') {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.append(name.clone(), value);
            }
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(events: &[(&str, &str)]) -> Told {
        let mut told = Told { frame: "F".to_owned(), ..Told::default() };
        for (method, params) in events {
            told.take_in(method, params);
        }
        told
    }

    #[test]
    fn what_is_told_of_frames_within_the_page_is_not_told_of_it() {
        let told = told(&[
            (
                "Page.frameNavigated",
                r#"{"frame":{"id":"F","loaderId":"1","url":"http://a/","mimeType":"text/html"}}"#,
            ),
            (
                "Page.frameNavigated",
                r#"{"frame":{"id":"G","loaderId":"2","url":"http://b/","mimeType":"text/html"}}"#,
            ),
            ("Page.lifecycleEvent", r#"{"frameId":"G","loaderId":"2","name":"load","timestamp":1}"#),
            (
                "Page.lifecycleEvent",
                r#"{"frameId":"F","loaderId":"1","name":"DOMContentLoaded","timestamp":1}"#,
            ),
        ]);
        assert_eq!(told.document.url, "http://a/");
        assert!(told.document.is_parsed && !told.document.is_loaded);
    }

    #[test]
    fn a_new_document_begins_anew() {
        let told = told(&[
            ("Page.lifecycleEvent", r#"{"frameId":"F","loaderId":"1","name":"load","timestamp":1}"#),
            (
                "Page.frameNavigated",
                r#"{"frame":{"id":"F","loaderId":"2","url":"http://b/","mimeType":"text/html"}}"#,
            ),
        ]);
        assert!(!told.document.is_loaded);
        assert_eq!(told.document.loader, "2");
    }

    #[test]
    fn a_page_is_quiet_once_its_scripts_have_been_given_all_that_they_asked_for() {
        let sent = |id: &str, kind: &str| format!(r#"{{"requestId":"{id}","type":"{kind}","request":{{}}}}"#);
        let mut told = told(&[]);
        assert!(told.quiet_for().is_some());
        told.take_in("Network.requestWillBeSent", &sent("1", "Fetch"));
        told.take_in("Network.requestWillBeSent", &sent("2", "XHR"));
        told.take_in("Network.requestWillBeSent", &sent("3", "EventSource"));
        assert_eq!(told.quiet_for(), None);
        told.take_in("Network.loadingFinished", r#"{"requestId":"1","timestamp":1}"#);
        assert_eq!(told.quiet_for(), None);
        told.take_in("Network.loadingFailed", r#"{"requestId":"2","errorText":"net::ERR_FAILED"}"#);
        assert!(told.quiet_for().is_some(), "a stream of events has no end to wait for");
    }

    #[test]
    fn events_that_nobody_knows_change_nothing() {
        let mut told = told(&[]);
        assert_eq!(told.take_in("Page.somethingNew", "{}"), None);
        assert_eq!(told.take_in("Page.lifecycleEvent", "[]"), None);
    }
}
