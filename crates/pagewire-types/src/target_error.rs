//! What can go wrong with a target: the codes of `error` records, and of `/v1/scrape`'s 502 and 504.

use serde::{Deserialize, Serialize};

/// A failure of the target, not of this server. The text form is the stable code of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetErrorCode {
    /// The name has no address.
    DnsFailed,
    /// No connection could be made, or it broke before the answer was whole.
    ConnectFailed,
    /// The TLS handshake or the certificate failed.
    TlsFailed,
    /// The attempt did not end within its `timeout_ms`.
    Timeout,
    /// More redirects than allowed, or a redirect that leads nowhere.
    TooManyRedirects,
    /// The body, or the record made from it, is over its cap.
    BodyTooLarge,
    /// The body unpacks to more than its cap.
    DecompressionBomb,
    /// The content's type cannot be read as a page.
    UnsupportedContent,
    /// The target answered with a 4xx or 5xx status.
    HttpError,
    /// The target wants no program: it answered with a captcha, a challenge or a refusal made for robots.
    BlockedByTarget,
    /// The target guard refuses the address.
    BlockedTarget,
    /// The site's robots.txt disallows the URL.
    RobotsDisallowed,
    /// The browser could not render the page.
    RenderFailed,
    /// The proxy failed.
    ProxyFailed,
    /// No proxy of the asked type and country is configured.
    NoProxyAvailable,
    /// The result does not satisfy a strict schema.
    ExtractionInvalid,
    /// The run ended before this URL was fetched.
    Cancelled,
    /// A line of an upload that was kept though it is no URL.
    InvalidUrl,
}

impl TargetErrorCode {
    /// Every code, in the contract's order.
    pub const ALL: [Self; 18] = [
        Self::DnsFailed,
        Self::ConnectFailed,
        Self::TlsFailed,
        Self::Timeout,
        Self::TooManyRedirects,
        Self::BodyTooLarge,
        Self::DecompressionBomb,
        Self::UnsupportedContent,
        Self::HttpError,
        Self::BlockedByTarget,
        Self::BlockedTarget,
        Self::RobotsDisallowed,
        Self::RenderFailed,
        Self::ProxyFailed,
        Self::NoProxyAvailable,
        Self::ExtractionInvalid,
        Self::Cancelled,
        Self::InvalidUrl,
    ];

    /// The code on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DnsFailed => "dns_failed",
            Self::ConnectFailed => "connect_failed",
            Self::TlsFailed => "tls_failed",
            Self::Timeout => "timeout",
            Self::TooManyRedirects => "too_many_redirects",
            Self::BodyTooLarge => "body_too_large",
            Self::DecompressionBomb => "decompression_bomb",
            Self::UnsupportedContent => "unsupported_content",
            Self::HttpError => "http_error",
            Self::BlockedByTarget => "blocked_by_target",
            Self::BlockedTarget => "blocked_target",
            Self::RobotsDisallowed => "robots_disallowed",
            Self::RenderFailed => "render_failed",
            Self::ProxyFailed => "proxy_failed",
            Self::NoProxyAvailable => "no_proxy_available",
            Self::ExtractionInvalid => "extraction_invalid",
            Self::Cancelled => "cancelled",
            Self::InvalidUrl => "invalid_url",
        }
    }

    /// One short phrase for people: a problem's `title`.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::DnsFailed => "The target's name has no address",
            Self::ConnectFailed => "The target could not be reached",
            Self::TlsFailed => "The target's TLS handshake failed",
            Self::Timeout => "The target did not answer in time",
            Self::TooManyRedirects => "The target redirects too often",
            Self::BodyTooLarge => "The target's page is too large",
            Self::DecompressionBomb => "The target's page unpacks to too much",
            Self::UnsupportedContent => "The target's content is not a page",
            Self::HttpError => "The target answered with an error status",
            Self::BlockedByTarget => "The target refuses programs",
            Self::BlockedTarget => "The target's address is not allowed",
            Self::RobotsDisallowed => "The site's robots.txt disallows this URL",
            Self::RenderFailed => "The page could not be rendered",
            Self::ProxyFailed => "The proxy failed",
            Self::NoProxyAvailable => "No such proxy is configured",
            Self::ExtractionInvalid => "The extracted data does not satisfy the schema",
            Self::Cancelled => "The run ended before this URL was fetched",
            Self::InvalidUrl => "A line of the upload is no URL",
        }
    }

    /// The status that `/v1/scrape` answers with: 504 for what took too long, 422 where the page came and its data is not
    /// what the request's schema demands, or where the request wants a proxy that is not there, 502 for the rest.
    #[must_use]
    pub fn scrape_status(self) -> u16 {
        match self {
            Self::Timeout => 504,
            Self::ExtractionInvalid | Self::NoProxyAvailable => 422,
            Self::DnsFailed
            | Self::ConnectFailed
            | Self::TlsFailed
            | Self::TooManyRedirects
            | Self::BodyTooLarge
            | Self::DecompressionBomb
            | Self::UnsupportedContent
            | Self::HttpError
            | Self::BlockedByTarget
            | Self::BlockedTarget
            | Self::RobotsDisallowed
            | Self::RenderFailed
            | Self::ProxyFailed
            | Self::Cancelled
            | Self::InvalidUrl => 502,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_is_the_serialised_form_of_each_code() {
        for code in TargetErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).expect("serialises"), code.as_str());
        }
    }
}
