//! The end of a connection from this side. An event stream whose key has ended says so and closes by itself; what a
//! client does not read it cannot be told, and then its connection is cut.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What a client has to take in the last words of a stream. With the two seconds in which a revocation is noticed it
/// stays under the five that the contract allows.
const LAST_WORDS: Duration = Duration::from_millis(1_500);

/// The connection that a request came over; it stands in the request's extensions.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConnectionEnd(CancellationToken);

impl ConnectionEnd {
    /// Until the connection is to be cut.
    pub(crate) async fn is_due(&self) {
        self.0.cancelled().await;
    }

    /// Cuts the connection some time after the token, unless what is given back has been dropped by then.
    ///
    /// On HTTP/2 that ends the other streams of the connection as well: they are of a client that has stopped reading.
    pub(crate) fn after(&self, cut_off: CancellationToken) -> JoinSet<()> {
        let end = self.0.clone();
        let mut watch = JoinSet::new();
        watch.spawn(async move {
            last_words(cut_off.cancelled()).await;
            end.cancel();
        });
        watch
    }
}

/// Until so long after the key's end that a client that reads has taken what it was told last.
pub(crate) async fn last_words(key_has_ended: impl Future<Output = ()>) {
    key_has_ended.await;
    tokio::time::sleep(LAST_WORDS).await;
}
