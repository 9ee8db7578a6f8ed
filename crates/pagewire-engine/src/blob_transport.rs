//! Requests to object stores leave by the guarded client, like every other request of this server.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};
use http::{HeaderValue, header};
use pagewire_fetch::{Client, FailureKind, FetchError, RelayBody, Request};
use pagewire_store::blob::{BlobTransport, TransportBody, TransportError};
use pagewire_types::TargetUrl;

/// How long a store may take to answer, and then for each piece of its answer.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Sends a store's requests through the guarded client.
#[derive(Debug, Clone)]
pub struct GuardedTransport {
    client: Client,
}

impl GuardedTransport {
    /// A transport that connects where the client's guard lets it.
    #[must_use]
    pub fn new(client: Client) -> Arc<Self> {
        Arc::new(Self { client })
    }
}

impl BlobTransport for GuardedTransport {
    fn exchange(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<TransportBody>, TransportError>> {
        let client = self.client.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let url = TargetUrl::parse(&head.uri.to_string())
                .map_err(|error| TransportError::Refused(error.into()))?;
            let mut headers = head.headers;
            // An object comes as it was stored.
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            let request = Request { url, method: head.method, headers, body: Some(body), timeout: WAIT_MAX };
            let (head, body) = client.relay(&request).await.map_err(classified)?;
            Ok(http::Response::from_parts(head, chunks(body)))
        })
    }
}

fn chunks(body: RelayBody) -> TransportBody {
    stream::try_unfold(body, |mut body| async move {
        let next = body.next().await.map_err(classified)?;
        Ok(next.map(|bytes| (bytes, body)))
    })
    .boxed()
}

fn classified(error: FetchError) -> TransportError {
    match &error {
        FetchError::Dns { .. } | FetchError::Connect { .. } | FetchError::Tls { .. } => {
            TransportError::Connect(error.into())
        }
        other if other.kind() == FailureKind::Network => TransportError::Interrupted(error.into()),
        _ => TransportError::Refused(error.into()),
    }
}
