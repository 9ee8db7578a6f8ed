//! `[render]`: the browser that pages are rendered with, and what it and its pages may take.

use std::path::PathBuf;
use std::time::Duration;

use super::byte_size::ByteSize;
use super::judge::Judge;
use super::raw;

/// `[render]`
#[derive(Debug, Clone)]
pub(crate) struct Render {
    /// The browser's program, where one is named.
    pub(crate) browser: Option<PathBuf>,
    /// Whether the browser's own sandbox holds its pages.
    pub(crate) sandbox: bool,
    /// Browsers at once.
    pub(crate) browsers_max: usize,
    /// Pages at once in each.
    pub(crate) pages_per_browser_max: usize,
    /// Pages that may wait for their turn.
    pub(crate) waiting_max: usize,
    /// After so many pages a browser is replaced.
    pub(crate) recycle_after_pages: u64,
    /// Past this it is replaced too.
    pub(crate) browser_memory_bytes_max: ByteSize,
    /// Memory that one page may take.
    pub(crate) page_memory_bytes_max: ByteSize,
    /// Bytes that one page may load.
    pub(crate) page_bytes_max: ByteSize,
    /// Bytes of its HTML.
    pub(crate) html_bytes_max: ByteSize,
    /// Requests that it may make.
    pub(crate) requests_max: u64,
    /// How long a browser stays that shows no page.
    pub(crate) idle_timeout: Duration,
}

impl Judge {
    pub(super) fn render(&mut self, raw: &raw::Render) -> Render {
        let browser = raw.browser.as_deref().unwrap_or_default();
        Render {
            browser: (!browser.is_empty()).then(|| PathBuf::from(browser)),
            sandbox: raw.sandbox.unwrap_or(true),
            browsers_max: self.whole("render.browsers_max", raw.browsers_max, 1, 64),
            pages_per_browser_max: self.whole(
                "render.pages_per_browser_max",
                raw.pages_per_browser_max,
                1,
                64,
            ),
            waiting_max: self.whole("render.waiting_max", raw.waiting_max, 0, 10_000),
            recycle_after_pages: self.whole(
                "render.recycle_after_pages",
                raw.recycle_after_pages,
                1,
                1_000_000,
            ),
            browser_memory_bytes_max: self.bytes(
                "render.browser_memory_bytes_max",
                raw.browser_memory_bytes_max,
                256 << 20,
                1 << 40,
            ),
            page_memory_bytes_max: self.bytes(
                "render.page_memory_bytes_max",
                raw.page_memory_bytes_max,
                64 << 20,
                64 << 30,
            ),
            page_bytes_max: self.bytes("render.page_bytes_max", raw.page_bytes_max, 64 << 10, 1 << 30),
            html_bytes_max: self.bytes("render.html_bytes_max", raw.html_bytes_max, 1 << 10, 32 << 20),
            requests_max: self.whole("render.requests_max", raw.requests_max, 1, 1_000_000),
            idle_timeout: self.seconds("render.idle_s", raw.idle_s, 1, 86_400),
        }
    }
}
