//! Uploads: lists of URLs for jobs, sent as they are read.

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use pagewire_types::UploadReply;

use crate::client::{Client, read, understood};
use crate::error::ClientError;

/// Bytes of the answer, which tells of a hundred lines at most.
const REPLY_BYTES_MAX: usize = 1 << 20;

/// The form of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListForm {
    /// A URL in quotes, or an object, a line.
    Ndjson,
    /// A header with `url`, and overrides in the other columns.
    Csv,
}

/// How a list is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListCoding {
    /// Not at all.
    Plain,
    /// RFC 1952.
    Gzip,
}

/// What becomes of lines that are no URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidLines {
    /// The list is refused for them.
    Refuse,
    /// They become `error` records.
    Record,
}

/// A list that is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upload {
    /// Its form.
    pub form: ListForm,
    /// How it is packed.
    pub coding: ListCoding,
    /// What becomes of lines that are no URL.
    pub invalid: InvalidLines,
    /// Its length, where it is known.
    pub bytes: Option<u64>,
}

impl Client {
    /// Sends a list of URLs. The body is sent once: it cannot be had again.
    pub async fn upload<E>(
        &self,
        upload: Upload,
        body: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    ) -> Result<UploadReply, ClientError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        let path = match upload.invalid {
            InvalidLines::Refuse => "/v1/uploads",
            InvalidLines::Record => "/v1/uploads?on_invalid=record",
        };
        let frames = body.map_ok(Frame::data).map_err(Into::into);
        let mut request = self.request_with(
            Method::POST,
            path,
            "application/json",
            StreamBody::new(frames).boxed_unsync(),
        )?;
        let headers = request.headers_mut();
        let media_type = match upload.form {
            ListForm::Ndjson => "application/x-ndjson",
            ListForm::Csv => "text/csv",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        if upload.coding == ListCoding::Gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if let Some(bytes) = upload.bytes {
            headers.insert(CONTENT_LENGTH, bytes.into());
        }
        let timeout = self.options().upload_timeout;
        let whole = async { read(self.send(request).await?, REPLY_BYTES_MAX).await };
        let reply =
            tokio::time::timeout(timeout, whole).await.map_err(|_| ClientError::Timeout(timeout))??;
        understood(&reply, "the answer to the upload")
    }
}
