//! Why a fetch failed: one variant for each thing that can happen to a target, its code, and whether trying again
//! can help.
//!
//! A status such as 404 or 503 is no error here: the target answered. The text of an error is for people and says what
//! happened, where, and what to do about it; it never tells what stands behind an address that the guard refuses.

use std::{io, time::Duration};

use pagewire_types::{TargetErrorCode, target_url::TargetUrlError};

use crate::guard::Blocked;
use crate::proxy::{Blame, ProxyFault};

/// Why a [`Client`](crate::Client) could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The TLS provider refuses its own protocol versions.
    #[error("the TLS client could not be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// An extra root certificate cannot be read.
    #[error("the root certificates in {path} could not be read: {source}")]
    Roots {
        /// The PEM file.
        path: std::path::PathBuf,
        /// What the PEM reader said.
        source: rustls::pki_types::pem::Error,
    },
    /// The resolver's configuration cannot be read.
    #[error("the DNS resolver could not be set up; choose the `system` resolver if there is no resolv.conf")]
    Dns(#[source] io::Error),
    /// The user agent is not a header value.
    #[error("the user agent is not a valid header value")]
    UserAgent(#[from] http::header::InvalidHeaderValue),
}

/// Whether another attempt can end otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The network, or the target for now: another attempt may succeed.
    Network,
    /// The target or the request is so: another attempt ends the same.
    Permanent,
}

/// Why a name has no usable address.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DnsError {
    /// The resolver's answer is that there is none.
    #[error("the name does not exist or has no address")]
    NoAddress,
    /// The resolver did not answer in time.
    #[error("no answer from the resolver in time")]
    Timeout,
    /// The resolver failed.
    #[error("{0}")]
    Resolver(std::sync::Arc<str>),
}

/// Why a fetch gave no response.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The guard refuses the target's address or name.
    #[error(
        "{host} is not an allowed target: its address is private, reserved or otherwise not public; \
         an operator can allow a range in the server's configuration"
    )]
    Blocked {
        /// The target's host.
        host: String,
        /// What the guard said.
        source: Blocked,
    },
    /// The name has no address.
    #[error("the name {host} could not be resolved: {source}; check the spelling of the host")]
    Dns {
        /// The target's host.
        host: String,
        /// What the resolver said.
        source: DnsError,
    },
    /// No address of the host took a connection.
    #[error("no connection to {authority} could be made: {source}; the host may be down or filter this port")]
    Connect {
        /// Host and port.
        authority: String,
        /// What the last address tried said.
        source: io::Error,
    },
    /// The handshake failed, or the certificate is not valid for the host.
    #[error("the TLS handshake with {authority} failed: {source}; check the site's certificate and port")]
    Tls {
        /// Host and port.
        authority: String,
        /// What the handshake ended with.
        source: io::Error,
    },
    /// The proxy that the target was to be reached through failed, or said that it could not.
    #[error("the proxy failed: {fault}; try again later")]
    Proxy {
        /// What it did.
        fault: ProxyFault,
        /// Whose failure that is.
        blame: Blame,
    },
    /// The connection broke, or the answer is not HTTP.
    #[error("{authority} did not give a whole HTTP answer: {}; try again later", text(source))]
    Exchange {
        /// Host and port.
        authority: String,
        /// What the connection ended with.
        source: hyper::Error,
    },
    /// The connection ended before the body did.
    #[error("the answer of {authority} ended early; try again later")]
    EndedEarly {
        /// Host and port.
        authority: String,
    },
    /// What came over a WebSocket is none, or breaks its rules.
    #[error("{authority} did not speak WebSocket: {reason}")]
    WebSocket {
        /// Host and port.
        authority: String,
        /// What is wrong.
        reason: String,
    },
    /// A message over its cap came over a WebSocket, which cannot be read on.
    #[error("{authority} sent a message of more than {max} bytes")]
    MessageTooLarge {
        /// Host and port.
        authority: String,
        /// The cap, in bytes.
        max: usize,
    },
    /// The headers are over their cap.
    #[error("the headers of the answer of {authority} are more than {max} bytes or 100 lines")]
    HeaderTooLarge {
        /// Host and port.
        authority: String,
        /// The cap, in bytes.
        max: usize,
    },
    /// The attempt took too long.
    #[error("{host} did not give its whole answer within {} ms; raise `timeout_ms` or try again later", after.as_millis())]
    Timeout {
        /// The target's host.
        host: String,
        /// The time it had.
        after: Duration,
    },
    /// More redirects than the cap.
    #[error("{url} redirects more than {max} times; check for a redirect loop")]
    TooManyRedirects {
        /// The URL that was asked for.
        url: String,
        /// The cap.
        max: u8,
    },
    /// A redirect to what is not a target.
    #[error("{url} redirects to what cannot be fetched: {source}")]
    RedirectNowhere {
        /// The URL that redirects.
        url: String,
        /// Why its `Location` is no target.
        source: TargetUrlError,
    },
    /// The body is over its cap on the wire.
    #[error("the body of {url} is larger than {max} bytes")]
    BodyTooLarge {
        /// The URL.
        url: String,
        /// The cap, in bytes.
        max: u64,
    },
    /// The body unpacks to more than its cap.
    #[error("the body of {url} unpacks to more than {max} bytes")]
    DecompressionBomb {
        /// The URL.
        url: String,
        /// The cap, in bytes.
        max: u64,
    },
    /// The body's encoding is unknown, stacked too high, or broken.
    #[error("the body of {url} cannot be unpacked: {reason}")]
    Encoding {
        /// The URL.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The request itself cannot be sent.
    #[error("the request for {url} cannot be sent: {source}")]
    Request {
        /// The URL.
        url: String,
        /// What is wrong.
        source: http::Error,
    },
}

impl FetchError {
    /// The stable code of the contract.
    #[must_use]
    pub fn code(&self) -> TargetErrorCode {
        match self {
            Self::Blocked { .. } => TargetErrorCode::BlockedTarget,
            Self::Dns { .. } => TargetErrorCode::DnsFailed,
            Self::Connect { .. }
            | Self::Exchange { .. }
            | Self::EndedEarly { .. }
            | Self::WebSocket { .. }
            | Self::Request { .. } => TargetErrorCode::ConnectFailed,
            Self::Tls { .. } => TargetErrorCode::TlsFailed,
            Self::Proxy { .. } => TargetErrorCode::ProxyFailed,
            Self::Timeout { .. } => TargetErrorCode::Timeout,
            Self::TooManyRedirects { .. } | Self::RedirectNowhere { .. } => TargetErrorCode::TooManyRedirects,
            Self::HeaderTooLarge { .. } | Self::BodyTooLarge { .. } | Self::MessageTooLarge { .. } => {
                TargetErrorCode::BodyTooLarge
            }
            Self::DecompressionBomb { .. } => TargetErrorCode::DecompressionBomb,
            Self::Encoding { .. } => TargetErrorCode::UnsupportedContent,
        }
    }

    /// Whether another attempt can end otherwise.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Tls { source, .. } if is_bad_certificate(source) => FailureKind::Permanent,
            Self::Dns { .. }
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Proxy { .. }
            | Self::Exchange { .. }
            | Self::EndedEarly { .. }
            | Self::WebSocket { .. }
            | Self::MessageTooLarge { .. }
            | Self::Timeout { .. } => FailureKind::Network,
            Self::Blocked { .. }
            | Self::HeaderTooLarge { .. }
            | Self::TooManyRedirects { .. }
            | Self::RedirectNowhere { .. }
            | Self::BodyTooLarge { .. }
            | Self::DecompressionBomb { .. }
            | Self::Encoding { .. }
            | Self::Request { .. } => FailureKind::Permanent,
        }
    }
}

/// A certificate stays bad; a handshake that broke may succeed another time.
fn is_bad_certificate(error: &io::Error) -> bool {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(tls, Some(rustls::Error::InvalidCertificate(_)))
}

/// hyper keeps the telling part of an error in its source.
fn text(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
