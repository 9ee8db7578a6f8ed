//! The body of an answer as it comes, for callers who speak a protocol of their own over HTTP, as to an object store.
//!
//! Under the same guard as everything else; but nothing is followed, unpacked or collected, and how much is too much is
//! for the caller to say, who may stop at any time.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::body::Incoming;
use pagewire_types::TargetUrl;

use crate::{client::broken, error::FetchError, exchange::Connection, pool::Pool};

/// A body that is read as it is asked for. Dropping it before its end closes the connection.
pub struct RelayBody {
    connection: Option<Connection>,
    body: Incoming,
    url: Box<TargetUrl>,
    key: Box<str>,
    pool: Arc<Pool>,
    idle_timeout: Duration,
}

impl RelayBody {
    pub(crate) fn new(
        connection: Connection,
        body: Incoming,
        url: TargetUrl,
        key: Box<str>,
        pool: Arc<Pool>,
        idle_timeout: Duration,
    ) -> Self {
        connection.limit_body(u64::MAX);
        Self { connection: Some(connection), body, url: Box::new(url), key, pool, idle_timeout }
    }

    /// Lets each wait for more take so long from now on: what streams may be silent for longer than an answer may take.
    #[must_use]
    pub fn with_idle_timeout(mut self, idle_timeout: Duration) -> Self {
        self.idle_timeout = idle_timeout;
        self
    }

    /// The next bytes; `None` at the end. A wait that is dropped loses nothing.
    pub async fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        while let Some(connection) = &mut self.connection {
            let frame = tokio::time::timeout(self.idle_timeout, connection.frame(&mut self.body)).await;
            let frame = frame.map_err(|_| FetchError::Timeout {
                host: self.url.host().to_owned(),
                after: self.idle_timeout,
            })?;
            match frame {
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
                Some(Err(source)) => {
                    self.connection = None;
                    return Err(broken(&self.url, source));
                }
                None => self.keep().await,
            }
        }
        Ok(None)
    }

    async fn keep(&mut self) {
        if let Some(mut connection) = self.connection.take()
            && connection.is_idle().await
        {
            self.pool.put(&self.key, connection);
        }
    }
}

impl std::fmt::Debug for RelayBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RelayBody").field("url", &self.url).finish_non_exhaustive()
    }
}
