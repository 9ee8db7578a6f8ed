//! What can go wrong in a bench run.

use std::io;

/// Why a measurement could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// A file, socket or process said no.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// A contestant ran, but not as it must for the figure to mean something.
    #[error("{who}: {detail}")]
    Contestant {
        /// The program.
        who: &'static str,
        /// What it did.
        detail: String,
    },
    /// The command line does not say what to do.
    #[error("{0}")]
    Usage(String),
}

/// Names what was being done when the system said no.
pub(crate) trait Doing<T> {
    /// `what` is a phrase such as "cannot start nginx".
    fn doing(self, what: &str) -> Result<T, BenchError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: &str) -> Result<T, BenchError> {
        self.map_err(|source| BenchError::Io { what: what.to_owned(), source })
    }
}
