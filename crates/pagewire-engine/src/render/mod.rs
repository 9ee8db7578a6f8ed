//! Pages that a browser shows: which are, what is asked before, and what comes of it. What drives the browser is
//! [`pagewire_fetch::render`].
//!
//! `acquire` is where a page comes from once robots.txt allows it: as it is served, or as a browser shows it, or, in
//! `auto`, the one and then the other where what is served is a shell.

mod acquire;
mod check;
mod pictures;

use http::Method;
use pagewire_fetch::Renderer;
use pagewire_types::render::RenderMode;
use pagewire_types::{Format, ScrapeOptions};

pub(crate) use acquire::{Acquired, NotAcquired, Pictures, Shown};
pub(crate) use check::{is_rendered_always, refuse_faults, refuse_without_browser};
pub(crate) use pictures::append_pictures;

/// What renders, where there is something.
#[derive(Clone)]
pub(crate) struct Rendering {
    renderer: Option<Renderer>,
    credits: u32,
}

impl Rendering {
    /// By a renderer, at this price on top of a page's.
    pub(crate) fn new(renderer: Renderer, credits: u32) -> Self {
        Self { renderer: Some(renderer), credits }
    }

    /// Where nothing leaves the server: pages are as they are served, whatever is asked.
    pub(crate) fn none() -> Self {
        Self { renderer: None, credits: 0 }
    }

    /// Whether pages that ask for a browser can have one.
    pub(crate) fn has_browser(&self) -> bool {
        self.renderer.as_ref().is_some_and(Renderer::has_browser)
    }

    /// What a page costs on top of what it costs as it is served.
    pub(crate) fn credits_of(&self, shown: &Shown) -> u32 {
        if shown.is_rendered { self.credits } else { 0 }
    }

    /// Whether what comes of an attempt is what comes of another in the same words: there is a browser where one may have to
    /// do with it, and neither are steps done nor pictures taken.
    pub(crate) fn may_be_kept(&self, options: &ScrapeOptions, attempts_before: u32) -> bool {
        let is_as_shown = options.render.mode == RenderMode::Never
            || (self.has_browser()
                && options.render.actions.is_empty()
                && !options.formats.contains(Format::Screenshot));
        is_as_shown && !self.escalates(options, attempts_before)
    }

    /// Whether a page that is to be had as it is served is rendered, since the attempt before did not get it.
    fn escalates(&self, options: &ScrapeOptions, attempts_before: u32) -> bool {
        attempts_before > 0 && options.retry.escalate && options.method == Method::GET && self.has_browser()
    }

    /// Ends the browsers.
    pub(crate) async fn shut_down(&self) {
        if let Some(renderer) = &self.renderer {
            renderer.shut_down().await;
        }
    }
}
