//! Why a blob could not be written or read.

use std::error::Error;
use std::io;

type Cause = Box<dyn Error + Send + Sync>;

/// A failure of the blob store.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no such blob.
    #[error("there is no blob `{0}`")]
    Missing(String),
    /// There is no room. What was being written is not there; it may be written again once there is room.
    #[error("the blob store is full")]
    Full(#[source] Cause),
    /// The store does not let this server do that.
    #[error("the blob store refuses access")]
    Denied(#[source] Cause),
    /// The blob was replaced while it was read.
    #[error("the blob was changed while it was read")]
    Changed(#[source] Cause),
    /// The range asked for begins past the end.
    #[error("the blob has no such range")]
    Range(#[source] Cause),
    /// Anything else.
    #[error("the blob store failed")]
    Failed(#[source] Cause),
}

impl From<object_store::Error> for BlobError {
    fn from(error: object_store::Error) -> Self {
        use object_store::Error as E;
        match error {
            E::NotFound { path, .. } => Self::Missing(path),
            E::PermissionDenied { .. } | E::Unauthenticated { .. } => Self::Denied(error.into()),
            E::Precondition { .. } => Self::Changed(error.into()),
            other => Self::of_cause(other.into()),
        }
    }
}

impl From<io::Error> for BlobError {
    fn from(error: io::Error) -> Self {
        Self::of_cause(error.into())
    }
}

impl BlobError {
    /// Whether the same may succeed later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Full(_) | Self::Failed(_))
    }

    /// By the first cause that is a word of the operating system.
    fn of_cause(cause: Cause) -> Self {
        let mut next: Option<&(dyn Error + 'static)> = Some(cause.as_ref());
        while let Some(error) = next {
            if let Some(io) = error.downcast_ref::<io::Error>() {
                match io.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => return Self::Full(cause),
                    io::ErrorKind::PermissionDenied => return Self::Denied(cause),
                    _ => {}
                }
                // Its `source` is what is below the error that it wraps, not that error.
                if let Some(wrapped) = io.get_ref() {
                    next = Some(wrapped);
                    continue;
                }
            }
            next = error.source();
        }
        Self::Failed(cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_however_deep_it_is_wrapped() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let wrapped = object_store::Error::Generic { store: "LocalFileSystem", source: Box::new(full) };
        assert!(matches!(BlobError::from(wrapped), BlobError::Full(_)));
        let quota = io::Error::from(io::ErrorKind::QuotaExceeded);
        assert!(matches!(
            BlobError::from(io::Error::other(quota)),
            BlobError::Failed(_) | BlobError::Full(_)
        ));
        let other = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(matches!(BlobError::from(other), BlobError::Failed(_)));
    }
}
