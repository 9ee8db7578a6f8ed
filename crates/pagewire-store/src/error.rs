//! Why state could not be read or written.

/// A failure of the state.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed; the cause has the engine's own words.
    #[error("the database failed")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row holds what this version cannot read.
    #[error("the database holds something that cannot be read: {0}")]
    Damaged(&'static str),
    /// Somebody with a newer lease has the run now.
    #[error("the lease is stale: another worker has the run")]
    StaleFence,
    /// What was to be changed is not there.
    #[error("there is no such {0}")]
    Missing(&'static str),
}

impl StoreError {
    /// Something stored that cannot be read back.
    #[must_use]
    pub fn damaged(what: &'static str) -> Self {
        Self::Damaged(what)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Box::new(error))
    }
}
