//! Sources of the live stream: made, listed, tried, deleted, and whole lists of them in and out.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use http_body_util::{BodyExt as _, Full};
use pagewire_types::{Source, SourceImport, SourceList, SourceTest};
use serde::Serialize;

use crate::client::{Body, Client, no_body, read, understood};
use crate::error::ClientError;
use crate::jobs::path_of;

/// Bytes of an answer about a list.
const LIST_BYTES_MAX: usize = 64 << 20;

/// Which sources to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceListQuery {
    /// Only those of this status.
    pub status: Option<String>,
    /// Only those with this tag.
    pub tag: Option<String>,
    /// How many at most.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Client {
    /// Makes a source. The body is what `POST /v1/sources` takes.
    pub async fn create_source<B: Serialize + ?Sized>(&self, body: &B) -> Result<Source, ClientError> {
        self.ask("/v1/sources", Body::json(body)?, None, "the source").await
    }

    /// The sources of the workspace, a page of them.
    pub async fn sources(&self, query: &SourceListQuery) -> Result<SourceList, ClientError> {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        let limit = query.limit.map(|limit| limit.to_string());
        let given =
            [("status", &query.status), ("tag", &query.tag), ("limit", &limit), ("cursor", &query.cursor)];
        for (name, value) in given {
            if let Some(value) = value {
                pairs.append_pair(name, value);
            }
        }
        let path = format!("/v1/sources?{}", pairs.finish());
        self.tell(Method::GET, &path, "the list of sources").await
    }

    /// A source.
    pub async fn source(&self, id: &str) -> Result<Source, ClientError> {
        self.tell(Method::GET, &path_of("/v1/sources", id)?, "the source").await
    }

    /// Tries a source. The body is what `POST /v1/sources` takes; nothing is kept.
    pub async fn test_source<B: Serialize + ?Sized>(&self, body: &B) -> Result<SourceTest, ClientError> {
        self.ask("/v1/sources/test", Body::json(body)?, None, "the outcome of the test").await
    }

    /// Has a source polled as soon as may be.
    pub async fn poll_source(&self, id: &str) -> Result<Source, ClientError> {
        let path = format!("{}/poll", path_of("/v1/sources", id)?);
        self.ask(&path, Body::default(), None, "the source").await
    }

    /// Deletes a source; its events stay.
    pub async fn delete_source(&self, id: &str) -> Result<(), ClientError> {
        let path = path_of("/v1/sources", id)?;
        let request = self.request_with(Method::DELETE, &path, "application/json", no_body())?;
        self.bounded(async { self.send(request).await.map(drop) }).await
    }

    /// Makes sources of a subscription list (OPML), each with these tags beside those of its folders.
    pub async fn import_sources(&self, list: Bytes, tags: &[String]) -> Result<SourceImport, ClientError> {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        for tag in tags {
            pairs.append_pair("tag", tag);
        }
        let path = format!("/v1/sources/import?{}", pairs.finish());
        let body = Full::new(list).map_err(|never| match never {}).boxed_unsync();
        let mut request = self.request_with(Method::POST, &path, "application/json", body)?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/x-opml"));
        let reply = self.bounded(async { read(self.send(request).await?, LIST_BYTES_MAX).await }).await?;
        understood(&reply, "what came of the import")
    }

    /// The feeds of the workspace as a subscription list (OPML).
    pub async fn export_sources(&self) -> Result<Bytes, ClientError> {
        let request = self.request_with(Method::GET, "/v1/sources/export.opml", "text/x-opml", no_body())?;
        self.bounded(async { read(self.send(request).await?, LIST_BYTES_MAX).await }).await
    }

    async fn bounded<T>(
        &self,
        whole: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        let timeout = self.options().upload_timeout;
        tokio::time::timeout(timeout, whole).await.map_err(|_| ClientError::Timeout(timeout))?
    }
}
