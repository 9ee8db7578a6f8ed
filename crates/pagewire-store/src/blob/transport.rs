//! How requests to a store in the cloud leave this process: by whoever is handed in, since this crate opens no socket.

use std::error::Error;
use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService,
};

/// Sends a request and gives its answer, whatever the status. Redirects are not followed and nothing is unpacked.
pub trait BlobTransport: Debug + Send + Sync + 'static {
    /// One exchange. The body comes as it is asked for.
    fn exchange(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<TransportBody>, TransportError>>;
}

/// The body of an answer.
pub type TransportBody = BoxStream<'static, Result<Bytes, TransportError>>;

/// Why an exchange failed.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Nothing was sent: it may be tried again whatever it was.
    #[error("the store cannot be reached")]
    Connect(#[source] Box<dyn Error + Send + Sync>),
    /// It broke off, or took too long: it may be tried again where that does no harm.
    #[error("the exchange with the store broke off")]
    Interrupted(#[source] Box<dyn Error + Send + Sync>),
    /// It will not go any better again.
    #[error("the request to the store is refused")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
}

impl From<TransportError> for HttpError {
    fn from(error: TransportError) -> Self {
        let kind = match &error {
            TransportError::Connect(_) => HttpErrorKind::Connect,
            TransportError::Interrupted(_) => HttpErrorKind::Interrupted,
            TransportError::Refused(_) => HttpErrorKind::Unknown,
        };
        Self::new(kind, error)
    }
}

/// The transport in the words of the library.
#[derive(Debug, Clone)]
pub(super) struct Connector(pub(super) Arc<dyn BlobTransport>);

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait::async_trait]
impl HttpService for Connector {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (head, body) = request.into_parts();
        // A part of an upload, which is in memory already.
        let body = body.collect().await?.to_bytes();
        let answer = self.0.exchange(http::Request::from_parts(head, body)).await?;
        Ok(answer.map(|chunks| HttpResponseBody::new(Chunks(std::sync::Mutex::new(chunks)))))
    }
}

/// The library wants a body that threads may share; a stream is polled by one of them at a time.
struct Chunks(std::sync::Mutex<TransportBody>);

impl Body for Chunks {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let chunks = self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        chunks
            .poll_next_unpin(cx)
            .map(|next| next.map(|chunk| chunk.map(Frame::data).map_err(HttpError::from)))
    }
}
