//! What an operator can set of rendering.

use std::{path::PathBuf, time::Duration};

/// The settings of a [`Renderer`](crate::render::Renderer).
#[derive(Debug, Clone)]
pub struct RenderConfig {
    /// The browser's program. None for the first that is found where they usually are.
    pub browser: Option<PathBuf>,
    /// Where the browsers' temporary profiles are made. What lies there from before is removed.
    pub profiles: PathBuf,
    /// Browsers at once.
    pub browsers_max: usize,
    /// Pages at once in each of them.
    pub pages_per_browser_max: usize,
    /// Pages that may wait for their turn.
    pub waiting_max: usize,
    /// After so many pages a browser is replaced.
    pub recycle_after_pages: u64,
    /// Bytes of memory of all processes of a browser past which it is replaced.
    pub browser_memory_bytes_max: u64,
    /// Bytes of memory that one page may take.
    pub page_memory_bytes_max: u64,
    /// Bytes that one page may bring over the network, all that it loads included.
    pub page_bytes_max: u64,
    /// Bytes of a page's HTML once it is shown.
    pub html_bytes_max: u64,
    /// Requests that one page may make; what goes beyond is refused.
    pub requests_max: u64,
    /// How long a browser may be without a page before it is shut down.
    pub idle_timeout: Duration,
    /// Whether the browser's own sandbox holds its pages. Chromium has none when it runs as root.
    pub sandbox: bool,
    /// What stands at the end of the browser's own `User-Agent`.
    pub user_agent: String,
}

impl Default for RenderConfig {
    fn default() -> Self {
        Self {
            browser: None,
            profiles: std::env::temp_dir().join("pagewire-browsers"),
            browsers_max: 1,
            pages_per_browser_max: 4,
            waiting_max: 16,
            recycle_after_pages: 500,
            browser_memory_bytes_max: 2 << 30,
            page_memory_bytes_max: 512 << 20,
            page_bytes_max: 50 << 20,
            html_bytes_max: 20 << 20,
            requests_max: 1_000,
            idle_timeout: Duration::from_secs(60),
            sandbox: true,
            user_agent: "Pagewire/0.1".to_owned(),
        }
    }
}

impl RenderConfig {
    /// Pages at once in all.
    pub(super) fn pages_max(&self) -> usize {
        self.browsers_max.max(1) * self.pages_per_browser_max.max(1)
    }
}
