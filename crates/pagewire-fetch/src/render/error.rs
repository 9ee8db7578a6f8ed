//! Why a page was not rendered: its code, and whether trying again can help.

use std::time::Duration;

use pagewire_types::TargetErrorCode;

use crate::error::{FailureKind, FetchError};

/// Why rendering gave no page.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// There is no browser where one is looked for.
    #[error(
        "no browser was found to render with; install one (on Debian and Ubuntu: `apt-get install chromium-headless-shell`, or \
         `chromium`), or name one as `browser` in the section [render] of the configuration"
    )]
    NoBrowser,
    /// The browser does not start.
    #[error("the browser {program} does not start: {reason}")]
    Launch {
        /// The program.
        program: String,
        /// What is known of why.
        reason: String,
    },
    /// So many pages wait that this one may not.
    #[error("more pages wait for a browser than may; try again later")]
    Busy,
    /// No browser had room in time.
    #[error("no browser had room for the page within {} ms; raise `timeout_ms` or try again later", after.as_millis())]
    NoRoom {
        /// How long it waited.
        after: Duration,
    },
    /// The page's document could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The document could not be loaded, for a reason of the browser's.
    #[error("the browser did not load {url}: {reason}")]
    Load {
        /// What was to be loaded.
        url: String,
        /// In the browser's word.
        reason: String,
    },
    /// The TLS of the document's origin is not trusted.
    #[error("the browser does not trust {url}: {reason}; check the site's certificate")]
    Untrusted {
        /// What was to be loaded.
        url: String,
        /// In the browser's word.
        reason: String,
    },
    /// A redirect loop.
    #[error("{url} redirects more often than a browser follows; check for a redirect loop")]
    TooManyRedirects {
        /// The URL that was asked for.
        url: String,
    },
    /// What the URL leads to is no page, but a file to be kept.
    #[error("{url} is a download and not a page; send `render: false`")]
    Download {
        /// The URL.
        url: String,
    },
    /// The page took too long.
    #[error("the page did not {what} within {} ms; raise `timeout_ms`, or wait for less", after.as_millis())]
    Timeout {
        /// What it did not do.
        what: String,
        /// The time it had.
        after: Duration,
    },
    /// The page takes more than it may.
    #[error("{what} is larger than {max} bytes")]
    TooLarge {
        /// What.
        what: &'static str,
        /// The cap, in bytes.
        max: u64,
    },
    /// The page's process ended: by its own fault, or because it took too much memory.
    #[error("the page's process ended: {reason}")]
    Crashed {
        /// Why.
        reason: String,
    },
    /// The browser ended or was ended, whatever page it was for.
    #[error("the browser ended while it showed the page; try again")]
    BrowserGone,
    /// The page opens dialogs without an end.
    #[error("the page opened more than {max} dialogs")]
    Dialogs {
        /// The cap.
        max: u32,
    },
    /// A step of `actions` cannot be done.
    #[error("step {at} of `actions` ({name}) failed: {reason}")]
    Action {
        /// Which, from 0.
        at: usize,
        /// What it is.
        name: &'static str,
        /// Why.
        reason: String,
    },
    /// The browser does not take a selector.
    #[error("the browser does not know {selector:?} as a selector")]
    Selector {
        /// The selector.
        selector: String,
    },
    /// The browser does not do what it is told.
    #[error("the browser refused `{method}`: {reason}")]
    Refused {
        /// What it was told.
        method: &'static str,
        /// What it said.
        reason: String,
    },
}

impl RenderError {
    /// The stable code of the contract.
    #[must_use]
    pub fn code(&self) -> TargetErrorCode {
        match self {
            Self::Fetch(error) => error.code(),
            Self::Untrusted { .. } => TargetErrorCode::TlsFailed,
            Self::TooManyRedirects { .. } => TargetErrorCode::TooManyRedirects,
            Self::Download { .. } => TargetErrorCode::UnsupportedContent,
            Self::Timeout { .. } | Self::NoRoom { .. } => TargetErrorCode::Timeout,
            Self::TooLarge { .. } => TargetErrorCode::BodyTooLarge,
            Self::NoBrowser
            | Self::Launch { .. }
            | Self::Busy
            | Self::Load { .. }
            | Self::Crashed { .. }
            | Self::BrowserGone
            | Self::Dialogs { .. }
            | Self::Action { .. }
            | Self::Selector { .. }
            | Self::Refused { .. } => TargetErrorCode::RenderFailed,
        }
    }

    /// Whether another attempt can end otherwise.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Fetch(error) => error.kind(),
            Self::Launch { .. }
            | Self::Busy
            | Self::NoRoom { .. }
            | Self::Load { .. }
            | Self::Timeout { .. }
            | Self::Crashed { .. }
            | Self::BrowserGone
            | Self::Refused { .. } => FailureKind::Network,
            Self::NoBrowser
            | Self::Untrusted { .. }
            | Self::TooManyRedirects { .. }
            | Self::Download { .. }
            | Self::TooLarge { .. }
            | Self::Dialogs { .. }
            | Self::Action { .. }
            | Self::Selector { .. } => FailureKind::Permanent,
        }
    }
}
