//! One page in a tab: set up, navigate, wait, act, picture, document.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{StatusCode, header};
use pagewire_types::{TargetUrl, render::Viewport};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    browser::Tab,
    config::RenderConfig,
    connection::{CommandError, Nothing},
    error::RenderError,
    intercept::Intercept,
    proxy::{PageProxy, UNREACHED},
    request::{RenderRequest, Rendered},
    script::{self, Evaluated},
    watch::{DIALOGS_MAX, Document, Told},
};
use crate::{
    connect::authority,
    cookies::Cookies,
    message::{Response, retry_after},
};

/// A page that is being shown.
pub(super) struct Page<'a> {
    pub(super) tab: &'a Tab,
    pub(super) proxy: &'a PageProxy,
    pub(super) request: &'a RenderRequest,
    pub(super) config: &'a RenderConfig,
    /// What keeps cookies from one page to the next.
    pub(super) cookies: Option<&'a dyn Cookies>,
    pub(super) deadline: Instant,
    doing: Mutex<String>,
}

/// Shows a page in a tab.
pub(super) async fn show(
    tab: &Tab,
    proxy: &PageProxy,
    request: &RenderRequest,
    config: &RenderConfig,
    cookies: Option<&dyn Cookies>,
    deadline: Instant,
) -> Result<Rendered, RenderError> {
    let doing = Mutex::new("load".to_owned());
    let page = Page { tab, proxy, request, config, cookies, deadline, doing };
    tokio::select! {
        biased;
        end = page.ended() => Err(end),
        shown = page.work() => shown,
        () = tokio::time::sleep_until(deadline) => Err(page.out_of_time()),
    }
}

impl Page<'_> {
    async fn work(&self) -> Result<Rendered, RenderError> {
        self.set_up().await?;
        self.arrive().await?;
        self.wait(self.request.options.wait_for.as_ref()).await?;
        let step_screenshots = self.act(&self.request.options.actions).await?;
        let screenshot = match self.request.takes_screenshot {
            true => Some(self.picture(self.request.options.screenshot).await?),
            false => None,
        };
        self.doing("give its document");
        let text = self.text().await?;
        let response = self.response(text)?;
        self.keep_cookies(&response.final_url).await?;
        Ok(Rendered {
            response,
            screenshot,
            step_screenshots,
            requests_refused: self.proxy.ledger().refused(),
        })
    }

    /// What ends a page whatever it is doing.
    async fn ended(&self) -> RenderError {
        let ledger = self.proxy.ledger();
        let broken = self.tab.watch.until(self.deadline, |told| {
            if told.has_crashed {
                let max = self.config.page_memory_bytes_max >> 20;
                let reason = format!("it crashed, or took more memory than the {max} MiB that a page may");
                return Some(RenderError::Crashed { reason });
            }
            (told.dialogs > DIALOGS_MAX).then_some(RenderError::Dialogs { max: DIALOGS_MAX })
        });
        tokio::select! {
            () = ledger.over() => RenderError::TooLarge { what: "all that the page loads", max: ledger.bytes_max() },
            () = self.tab.connection().closed() => RenderError::BrowserGone,
            broken = broken => broken.unwrap_or_else(|| self.out_of_time()),
        }
    }

    async fn set_up(&self) -> Result<(), RenderError> {
        let (tab, options, headers) = (self.tab, &self.request.options, &self.request.headers);
        tab.tell("Page.enable", Nothing {});
        tab.tell("Page.setLifecycleEventsEnabled", json!({ "enabled": true }));
        tab.tell("Inspector.enable", Nothing {});
        tab.tell("Network.enable", json!({ "maxTotalBufferSize": 0, "maxResourceBufferSize": 0 }));
        tab.tell("Network.setBypassServiceWorker", json!({ "bypass": true }));
        let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let user_agent =
            user_agent.map(str::to_owned).or_else(|| options.mobile.then(|| tab.mobile_user_agent()));
        if let Some(user_agent) = user_agent {
            tab.tell("Emulation.setUserAgentOverride", json!({ "userAgent": user_agent }));
        }
        if options.mobile || options.viewport.is_some() || tab.is_in_full_browser {
            let default = if options.mobile { Viewport::MOBILE } else { Viewport::DESKTOP };
            let Viewport { width, height } = options.viewport.unwrap_or(default);
            let scale = if options.mobile { 2 } else { 1 };
            let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": options.mobile });
            tab.tell("Emulation.setDeviceMetricsOverride", metrics);
        }
        if options.mobile {
            tab.tell("Emulation.setTouchEmulationEnabled", json!({ "enabled": true, "maxTouchPoints": 5 }));
        }
        let intercept =
            Intercept::new(tab.connection(), &tab.session, &self.request.url, headers, options.block);
        let patterns = intercept.patterns();
        if !patterns.is_empty() {
            tab.watch.intercept(intercept);
            tab.tell("Fetch.enable", json!({ "patterns": patterns }));
        }
        self.bring_cookies().await?;
        tab.tell("Runtime.runIfWaitingForDebugger", Nothing {});
        if tab.is_in_full_browser { self.go().await } else { Ok(()) }
    }

    /// Sends a tab that is blank to the page: once it has come to rest, for a blank document that is still on its way would cut
    /// the page's off.
    async fn go(&self) -> Result<(), RenderError> {
        self.until(|told| told.document.is_loaded.then(|| told.document = Document::default())).await?;
        // What becomes of it is told by events, as where a tab begins with its page.
        self.tab.tell("Page.navigate", json!({ "url": self.request.url.as_str() }));
        Ok(())
    }

    /// Until the document begins to come.
    async fn arrive(&self) -> Result<(), RenderError> {
        let arrived = self.until(|told| {
            if told.document.unreachable.is_some() || (told.failure.is_some() && told.document.url.is_empty())
            {
                return Some(Err(told.failure.take().unwrap_or_default()));
            }
            // What a tab begins with is told of as well, but is no document that it went to.
            (!told.document.url.is_empty()).then_some(Ok(()))
        });
        let Err(reason) = arrived.await? else { return Ok(()) };
        // Until now nothing but the document was asked for.
        Err(match self.proxy.ledger().any_failure() {
            Some(failure) => failure.into(),
            None => not_loaded(self.request.url.to_string(), reason),
        })
    }

    /// The document's text, as it stands.
    async fn text(&self) -> Result<String, RenderError> {
        let max = self.config.html_bytes_max;
        let script = script::document(max);
        loop {
            match self.evaluate_by(&script, self.deadline).await? {
                Evaluated::Value(Value::String(text)) if text.len() as u64 <= max => return Ok(text),
                Evaluated::Value(_) => {
                    return Err(RenderError::TooLarge { what: "the document, once it is shown,", max });
                }
                Evaluated::Threw(reason) => {
                    return Err(RenderError::Refused { method: "Runtime.evaluate", reason });
                }
                // The page has moved on: what it moved to is what is given.
                Evaluated::Gone => self.loaded().await?,
            }
        }
    }

    /// As if the document had been served so.
    fn response(&self, text: String) -> Result<Response, RenderError> {
        let (document, answer) = self.tab.watch.look(|told| (told.document.clone(), told.answer.take()));
        let ledger = self.proxy.ledger();
        if let Some(unreachable) = document.unreachable {
            let failure =
                TargetUrl::parse(&unreachable).ok().and_then(|url| ledger.failure_of(&authority(&url)));
            return Err(match failure.or_else(|| ledger.any_failure()) {
                Some(failure) => failure.into(),
                None => not_loaded(unreachable, "it could not be reached".to_owned()),
            });
        }
        let final_url = TargetUrl::parse(&document.url).map_err(|_| {
            not_loaded(self.request.url.to_string(), format!("it ended at {}", brief(&document.url)))
        })?;
        let answer = answer.filter(|answer| answer.loader == document.loader).unwrap_or_default();
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
        if status == UNREACHED
            && let Some(failure) = ledger.failure_of(&authority(&final_url))
        {
            return Err(failure.into());
        }
        let mut headers = answer.headers;
        for of_wire in [header::CONTENT_ENCODING, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
            headers.remove(of_wire);
        }
        Ok(Response {
            final_url,
            status,
            content_type: Some(content_type(&document)),
            retry_after: retry_after(&headers),
            headers,
            body: Bytes::from(text),
            wire_bytes: ledger.bytes(),
            redirects: 0,
            redirects_are_permanent: false,
        })
    }

    /// Notes what is being waited for, for who asks when the time is over.
    pub(super) fn doing(&self, what: &str) {
        what.clone_into(&mut self.doing.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn out_of_time(&self) -> RenderError {
        let what = self.doing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        RenderError::Timeout { what, after: self.request.timeout }
    }

    /// Waits until what is known of the page makes for an answer.
    pub(super) async fn until<T>(&self, look: impl FnMut(&mut Told) -> Option<T>) -> Result<T, RenderError> {
        self.tab.watch.until(self.deadline, look).await.ok_or_else(|| self.out_of_time())
    }

    /// Has the tab do something, and waits for its word.
    pub(super) async fn command<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: impl Serialize,
    ) -> Result<T, RenderError> {
        let reply = self.tab.connection().call(Some(&self.tab.session), method, params);
        reply.by(self.deadline).await.map_err(|error| self.error_of(error, method))
    }

    /// Runs a script.
    pub(super) async fn evaluate_by(
        &self,
        script: &str,
        deadline: Instant,
    ) -> Result<Evaluated, RenderError> {
        let evaluated = script::evaluate(self.tab, script, deadline).await;
        evaluated.map_err(|error| self.error_of(error, "Runtime.evaluate"))
    }

    fn error_of(&self, error: CommandError, method: &'static str) -> RenderError {
        match error {
            // The browser answers others: it is the page that does not come to it.
            CommandError::TimedOut => self.out_of_time(),
            error => error.of(method),
        }
    }
}

/// Why the browser did not load what it was told to.
fn not_loaded(url: String, reason: String) -> RenderError {
    if reason.contains("ERR_TOO_MANY_REDIRECTS") {
        RenderError::TooManyRedirects { url }
    } else if reason.contains("ERR_CERT_") || reason.contains("ERR_SSL_") {
        RenderError::Untrusted { url, reason }
    } else if reason.contains("ERR_ABORTED") {
        RenderError::Download { url }
    } else {
        RenderError::Load { url, reason }
    }
}

/// The document's type. What is text is told as such; the text itself is in UTF-8, whatever it came in.
fn content_type(document: &Document) -> String {
    let mime_type = if document.mime_type.is_empty() { "text/html" } else { document.mime_type.as_str() };
    format!("{mime_type}; charset=utf-8")
}

fn brief(url: &str) -> String {
    url.chars().take(100).collect()
}
