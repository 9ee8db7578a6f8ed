//! What is asked of a renderer, and what it gives.

use std::time::Duration;

use http::HeaderMap;
use pagewire_types::{TargetUrl, render::ImageType, render::RenderOptions};

use crate::message::Response;

/// A page to be shown.
#[derive(Debug, Clone)]
pub struct RenderRequest {
    /// Where it is.
    pub url: TargetUrl,
    /// Headers that go to the page's own origin beside the browser's, which they replace.
    pub headers: HeaderMap,
    /// What the whole attempt may take, the wait for a browser included.
    pub timeout: Duration,
    /// How it is shown.
    pub options: RenderOptions,
    /// Whether a picture of the page is taken once it is there.
    pub takes_screenshot: bool,
}

/// A page that was shown.
#[derive(Debug)]
pub struct Rendered {
    /// The page as if it had been served so: its body is the document as it stood at the end, in UTF-8.
    pub response: Response,
    /// The picture, if one was asked for.
    pub screenshot: Option<Screenshot>,
    /// The pictures that steps took, in their order.
    pub step_screenshots: Vec<Screenshot>,
    /// Requests that were not let through, because there were too many or the guard refused their targets.
    pub requests_refused: u64,
}

/// A picture of a page.
#[derive(Debug, Clone)]
pub struct Screenshot {
    /// How it is encoded.
    pub image: ImageType,
    /// The image in base64, as the browser gives it.
    pub base64: String,
}
