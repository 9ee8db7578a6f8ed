//! Why state could not be read or written.

/// A failure of the state.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed; the cause has the engine's own words.
    #[error("the database failed: {0}")]
    Database(Box<dyn std::error::Error + Send + Sync>),
    /// There is no room; what was to be written was not.
    #[error("the disk is full: {0}")]
    Full(Box<dyn std::error::Error + Send + Sync>),
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

    /// Whether the same may succeed later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Database(_) | Self::Full(_))
    }
}

/// `SQLITE_FULL`, and `SQLITE_IOERR_SHMSIZE`, which is the same for the index of the log.
const FULL: [&str; 2] = ["13", "4874"];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        if code.is_some_and(|code| FULL.contains(&code.as_ref())) {
            return Self::Full(Box::new(error));
        }
        Self::Database(Box::new(error))
    }
}
