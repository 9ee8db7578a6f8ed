//! What can go wrong between a caller and the server.

use std::time::Duration;

use pagewire_types::Problem;

/// The server's refusal, as it put it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the server answered {status}: {}{}", problem.detail, named_faults(problem))]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// The problem document; made up from the status where the answer had none, with the code `unreadable`.
    pub problem: Box<Problem>,
    /// How long the server asked to wait.
    pub retry_after: Option<Duration>,
}

impl ApiError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.problem.code
    }
}

fn named_faults(problem: &Problem) -> String {
    match problem.errors.len() {
        0 | 1 => String::new(),
        _ => problem.errors.iter().map(|fault| format!("\n  {fault}")).collect(),
    }
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server's address cannot be used.
    #[error("`{0}` is not the address of a server: http:// or https:// and a host are needed")]
    BaseUrl(String),
    /// The key cannot stand in a header.
    #[error("the API key has characters that no key has")]
    Key,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// No id has these characters.
    #[error("`{0}` is no id")]
    Id(String),
    /// A link that leads nowhere.
    #[error("the link to a file cannot be used: {0}")]
    Link(String),
    /// The body cannot be written as JSON.
    #[error("the request cannot be written as JSON")]
    Body(#[source] serde_json::Error),
    /// The server refused.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// No connection, or one that broke.
    #[error("the server at {server} cannot be reached")]
    Unreachable {
        /// Its address.
        server: String,
        /// Why.
        source: hyper_util::client::legacy::Error,
    },
    /// The connection broke while the answer was read.
    #[error("the connection broke")]
    Broken(#[source] hyper::Error),
    /// Nothing came for too long.
    #[error("the server sent nothing for {} s", .0.as_secs())]
    Timeout(Duration),
    /// An answer over its cap.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// An answer that is not what the contract says.
    #[error("the server's answer cannot be understood: {what}")]
    Unreadable {
        /// What of it.
        what: String,
        /// Why.
        source: Option<serde_json::Error>,
    },
    /// What broke off could not be taken up again.
    #[error("{what} could not be taken up again after {attempts} attempts")]
    Lost {
        /// What broke off.
        what: String,
        /// Attempts in a row.
        attempts: u32,
        /// Why the last one failed.
        source: Option<Box<ClientError>>,
    },
}

impl ClientError {
    /// Whether a later attempt may succeed although this one failed.
    pub(crate) fn passes(&self) -> bool {
        match self {
            Self::Api(error) => matches!(error.status, 408 | 425 | 429) || error.status >= 500,
            Self::Unreachable { .. } | Self::Broken(_) | Self::Timeout(_) => true,
            Self::BaseUrl(_)
            | Self::Key
            | Self::Tls(_)
            | Self::Id(_)
            | Self::Link(_)
            | Self::Body(_)
            | Self::TooLarge(_)
            | Self::Unreadable { .. }
            | Self::Lost { .. } => false,
        }
    }

    /// Whether the server surely did nothing of what it was asked.
    pub(crate) fn surely_undone(&self) -> bool {
        match self {
            // Not 500, which may come late, nor 502 and 504, with which a scrape tells of its target.
            Self::Api(error) => matches!(error.status, 429 | 503),
            Self::Unreachable { source, .. } => source.is_connect(),
            _ => false,
        }
    }

    /// How long the server asked to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api(error) => error.retry_after,
            _ => None,
        }
    }
}
