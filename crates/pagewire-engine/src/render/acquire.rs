//! Where a page comes from: as it is served, or as a browser shows it.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use pagewire_extract::{Input, shell};
use pagewire_fetch::render::{RenderRequest, Rendered, Screenshot};
use pagewire_fetch::{Client, FailureKind, FetchError, RenderError, Request, Response};
use pagewire_types::render::RenderMode;
use pagewire_types::{Format, ScrapeOptions, TargetErrorCode};

use super::{Rendering, is_rendered_always};
use crate::source::Source;

/// A page, and how it was come by.
#[derive(Debug)]
pub(crate) struct Acquired {
    pub(crate) response: Response,
    pub(crate) shown: Shown,
    pub(crate) pictures: Pictures,
}

/// What a browser had to do with a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Whether it showed it.
    pub(crate) is_rendered: bool,
    /// Why it did or did not, where that was left to this server.
    pub(crate) reason: Option<Cow<'static, str>>,
    /// Of what the page asked for.
    pub(crate) requests_refused: u64,
}

/// The pictures that were taken of a page.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    pub(crate) screenshot: Option<Screenshot>,
    pub(crate) step_screenshots: Vec<Screenshot>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAcquired {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Render(#[from] RenderError),
}

impl NotAcquired {
    pub(crate) fn code(&self) -> TargetErrorCode {
        match self {
            Self::Fetch(error) => error.code(),
            Self::Render(error) => error.code(),
        }
    }

    pub(crate) fn kind(&self) -> FailureKind {
        match self {
            Self::Fetch(error) => error.kind(),
            Self::Render(error) => error.kind(),
        }
    }

    /// Whether there was only no browser that could take the page right now.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self, Self::Render(RenderError::Busy))
    }
}

/// What `meta` says where a request asked for what only a browser can give.
const ASKED_FOR: &str = "asked_for";
/// What it says where the attempt before did not get the page as it is served.
const ESCALATED: &str = "escalated";
/// What it says where there is no browser and none had to be.
const NO_BROWSER: &str = "no_browser";

impl Rendering {
    /// One attempt at a page.
    pub(crate) async fn acquire(
        &self,
        source: &Source,
        request: &Request,
        options: &ScrapeOptions,
        attempts_before: u32,
    ) -> Result<Acquired, NotAcquired> {
        let Source::Web(client) = source else { return self.served(source, request).await };
        let is_auto = options.render.mode == RenderMode::Auto;
        if is_rendered_always(options) {
            return self.shown(client, request, options, is_auto.then_some(ASKED_FOR)).await;
        }
        let may_escalate =
            options.retry.escalate && request.method == http::Method::GET && self.has_browser();
        if may_escalate && attempts_before > 0 {
            return self.shown(client, request, options, Some(ESCALATED)).await;
        }
        let started = Instant::now();
        let mut served = self.served(source, request).await?;
        if !is_auto {
            return Ok(served);
        }
        let response = &served.response;
        let reason = shell::judge(&Input {
            body: &response.body,
            content_type: response.content_type.as_deref(),
            url: response.final_url.as_url(),
        });
        served.shown.reason = Some(reason.as_str().into());
        if !reason.is_of_a_shell() || response.status.as_u16() >= 400 {
            return Ok(served);
        }
        if !self.has_browser() {
            served.shown.reason = Some(NO_BROWSER.into());
            return Ok(served);
        }
        let timeout = request.timeout.saturating_sub(started.elapsed());
        // Not by what the page as it was served before is named by: it is the shell's.
        let headers = options.headers.clone();
        let request = Request { timeout, headers, ..request.clone() };
        self.shown(client, &request, options, Some(reason.as_str())).await
    }

    async fn served(&self, source: &Source, request: &Request) -> Result<Acquired, NotAcquired> {
        let response = source.fetch(request).await?;
        Ok(Acquired { response, shown: Shown::default(), pictures: Pictures::default() })
    }

    async fn shown(
        &self,
        client: &Client,
        request: &Request,
        options: &ScrapeOptions,
        reason: Option<&'static str>,
    ) -> Result<Acquired, NotAcquired> {
        let renderer = self.renderer.as_ref().ok_or(RenderError::NoBrowser)?;
        let request = RenderRequest {
            url: request.url.clone(),
            headers: request.headers.clone(),
            timeout: request.timeout.max(Duration::from_millis(1)),
            options: options.render.clone(),
            takes_screenshot: options.formats.contains(Format::Screenshot),
        };
        let Rendered { response, screenshot, step_screenshots, requests_refused } =
            renderer.render(client, &request).await?;
        let shown = Shown { is_rendered: true, reason: reason.map(Cow::Borrowed), requests_refused };
        Ok(Acquired { response, shown, pictures: Pictures { screenshot, step_screenshots } })
    }
}
