//! What was sent and what came, hop by hop, for who archives it. Only clients that are told to record do.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header, request};
use pagewire_types::TargetUrl;

use crate::message::path;

/// One request and the head of its answer. Only the last exchange of a fetch has a body that anybody reads; those of
/// redirects are left.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Where the request went.
    pub url: TargetUrl,
    /// When it was answered.
    pub at: SystemTime,
    /// The method.
    pub method: Method,
    /// Path and query, as they were sent.
    pub target: String,
    /// The headers that were sent, but for those that were for a proxy.
    pub request_headers: HeaderMap,
    /// The body that was sent.
    pub request_body: Option<Bytes>,
    /// The status that came.
    pub status: StatusCode,
    /// The headers that came.
    pub headers: HeaderMap,
}

/// The exchanges of one fetch. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Recording(Arc<Mutex<Vec<Exchange>>>);

impl Recording {
    /// What has been recorded, which is forgotten here.
    #[must_use]
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.lock())
    }

    pub(crate) fn note(
        &self,
        url: &TargetUrl,
        request: request::Parts,
        request_body: Option<Bytes>,
        answer: &http::response::Parts,
    ) {
        let mut request_headers = request.headers;
        request_headers.remove(header::PROXY_AUTHORIZATION);
        let exchange = Exchange {
            url: url.clone(),
            at: SystemTime::now(),
            method: request.method,
            target: path(url).map_or_else(|_| "/".to_owned(), |path| path.to_string()),
            request_headers,
            request_body,
            status: answer.status,
            headers: answer.headers.clone(),
        };
        self.lock().push(exchange);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
