//! What a proxy can do wrong, in words that do not tell which proxy it was.

/// What went wrong with a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ProxyFault {
    /// Its name has no address.
    #[error("its name could not be resolved")]
    Name,
    /// It took no connection.
    #[error("it took no connection")]
    Unreachable,
    /// It took too long, or said nothing at all.
    #[error("it did not answer in time")]
    Silent,
    /// Its own TLS handshake failed.
    #[error("its TLS handshake failed")]
    Tls,
    /// It closed the connection too early.
    #[error("it closed the connection")]
    Closed,
    /// It does not take its credentials.
    #[error("it does not take its credentials")]
    Credentials,
    /// It will not reach the target.
    #[error("it refuses to reach the target ({0})")]
    Refused(u16),
    /// It could not reach the target.
    #[error("it could not reach the target ({0})")]
    TargetUnreached(u16),
    /// It does not speak a proxy's protocol.
    #[error("what it answered is not what a proxy answers")]
    Protocol,
    /// Its answer has more headers than it may have.
    #[error("its answer has too many headers")]
    HeadTooLarge,
}

/// Whose failure it is that something fails through a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The proxy's.
    Proxy,
    /// The proxy's or the target's.
    Either,
}

impl ProxyFault {
    /// Whose failure it is while a proxy is being asked to reach the target.
    pub(crate) fn blame(self) -> Blame {
        match self {
            Self::Name
            | Self::Unreachable
            | Self::Tls
            | Self::Closed
            | Self::Credentials
            | Self::Protocol
            | Self::HeadTooLarge => Blame::Proxy,
            // A target that is silent makes its proxy silent, and some targets a proxy's owner may not want.
            Self::Silent | Self::Refused(_) | Self::TargetUnreached(_) => Blame::Either,
        }
    }
}
