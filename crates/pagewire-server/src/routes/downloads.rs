//! `/d/…`: the files of jobs, for whoever has a link. No key is asked for: the link is the key, to one file, for a while.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use pagewire_engine::FileRow;
use pagewire_engine::account::Caller;
use pagewire_engine::download::{DownloadRefusal, Link, PresentedLink};
use pagewire_engine::job::view::JobWithFiles;
use pagewire_types::{JobFile, ProblemCode};
use serde::Deserialize;

use crate::edge::Edge;
use crate::problem::ApiError;

/// The links to the files of a job.
pub struct Links {
    /// The files.
    pub files: Vec<JobFile>,
    /// Until when the links are good.
    pub expires_at: String,
}

/// Makes the links to the files of a job. They are made anew whenever a job is asked for.
pub async fn links(
    edge: &Edge,
    caller: &Caller,
    headers: &HeaderMap,
    job: &JobWithFiles,
) -> Result<Links, ApiError> {
    let (links, expires_at) = edge.engine.links(caller, job).await?;
    let base = public_url(edge, headers);
    let files = job.files.iter().zip(links).map(|(file, link)| JobFile {
        name: file.name.clone(),
        url: match link {
            Link::Here(path) => format!("{base}{path}"),
            Link::Elsewhere(url) => url,
        },
        bytes: file.bytes,
        rows: file.rows,
        sha256: file.sha256.clone(),
    });
    Ok(Links { files: files.collect(), expires_at: format!("{expires_at:.3}") })
}

/// Where clients reach this server: as configured, or as this one did.
fn public_url(edge: &Edge, headers: &HeaderMap) -> String {
    if let Some(url) = &edge.settings.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    format!("http://{host}")
}

/// What makes a link good.
#[derive(Debug, Deserialize)]
pub struct Signature {
    ws: String,
    exp: String,
    kid: String,
    sig: String,
}

/// A file, or a part of it.
#[utoipa::path(
    get, path = "/d/{object}/{filename}", tag = "jobs",
    security(()),
    params(
        ("object" = String, Path, description = "As the link has it"),
        ("filename" = String, Path, description = "As the link has it"),
        ("ws" = String, Query, description = "As the link has it"),
        ("exp" = String, Query, description = "As the link has it"),
        ("kid" = String, Query, description = "As the link has it"),
        ("sig" = String, Query, description = "As the link has it"),
        ("Range" = Option<String>, Header, description = "One range of bytes"),
    ),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream", body = String),
        (status = 206, description = "The part of it", content_type = "application/octet-stream", body = String),
        (status = 416, description = "There is no such part", body = String),
        (status = "4XX", description = "The link is not good", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn download(
    State(edge): State<Arc<Edge>>,
    method: Method,
    path: Result<Path<(String, String)>, PathRejection>,
    query: Result<Query<Signature>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (Ok(Path((object, filename))), Ok(Query(query))) = (path, query) else {
        return Err(DownloadRefusal::NotFound.into());
    };
    let Signature { ws, exp, kid, sig } = query;
    let link = PresentedLink { object, filename, workspace: ws, expires: exp, key_id: kid, signature: sig };
    let found = edge.engine.download(link).await?;
    let file = &found.file;
    let etag = format!("\"{}\"", file.sha256);
    let mut response = Response::new(Body::empty());
    describe(response.headers_mut(), file, &etag);
    let range = match asked_range(&headers, &etag, file.bytes) {
        Asked::Whole => None,
        Asked::Part(range) => Some(range),
        Asked::None => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            insert(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{}", file.bytes));
            return Ok(response);
        }
    };
    let length = range.as_ref().map_or(file.bytes, |range| range.end - range.start);
    insert(response.headers_mut(), header::CONTENT_LENGTH, &length.to_string());
    if let Some(range) = &range {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let text = format!("bytes {}-{}/{}", range.start, range.end - 1, file.bytes);
        insert(response.headers_mut(), header::CONTENT_RANGE, &text);
    }
    if method != Method::HEAD && length > 0 {
        *response.body_mut() = Body::from_stream(edge.engine.read_file(&found, range).await?);
    }
    Ok(response)
}

fn describe(headers: &mut HeaderMap, file: &FileRow, etag: &str) {
    insert(headers, header::ETAG, etag);
    insert(headers, header::ACCEPT_RANGES, "bytes");
    insert(headers, header::CONTENT_TYPE, media_type(&file.name));
    // The names of files are this server's own, in plain ASCII.
    insert(headers, header::CONTENT_DISPOSITION, &format!("attachment; filename=\"{}\"", file.name));
    insert(headers, header::CACHE_CONTROL, "private, no-store");
    insert(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
}

fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn media_type(name: &str) -> &'static str {
    if name.ends_with(".warc.gz") {
        // As it is: each record is a member of its own, which whoever reads the file unpacks.
        return "application/warc";
    }
    match name.rsplit('.').next() {
        Some("ndjson") => "application/x-ndjson",
        Some("csv") => "text/csv; charset=utf-8; header=present",
        Some("gz") => "application/gzip",
        Some("parquet") => "application/vnd.apache.parquet",
        _ => "application/octet-stream",
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part(Range<u64>),
    None,
}

/// What `Range` asks for (RFC 9110, section 14.2). Several ranges at once, or a header that is no range, ask for the
/// whole; so does a range of another version of the file.
fn asked_range(headers: &HeaderMap, etag: &str, bytes: u64) -> Asked {
    let Some(text) = headers.get(header::RANGE).and_then(|value| value.to_str().ok()) else {
        return Asked::Whole;
    };
    if headers.get(header::IF_RANGE).is_some_and(|wanted| wanted.as_bytes() != etag.as_bytes()) {
        return Asked::Whole;
    }
    let Ok(ranges) = http_range_header::parse_range_header(text) else { return Asked::Whole };
    if ranges.ranges.len() != 1 {
        return Asked::Whole;
    }
    match ranges.validate(bytes).ok().and_then(|ranges| ranges.into_iter().next()) {
        Some(range) => Asked::Part(*range.start()..range.end() + 1),
        None => Asked::None,
    }
}

impl From<DownloadRefusal> for ApiError {
    fn from(refusal: DownloadRefusal) -> Self {
        let sentence = refusal.to_string();
        match refusal {
            DownloadRefusal::NotFound => Self::new(ProblemCode::NotFound, sentence),
            DownloadRefusal::Expired => Self::new(ProblemCode::DownloadExpired, sentence),
            DownloadRefusal::Refused(refusal) => refusal.into(),
            DownloadRefusal::Blob(cause) => Self::internal(&cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: &str) -> Asked {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(range).expect("a value"));
        asked_range(&headers, "\"a\"", 1_000)
    }

    #[test]
    fn one_range_that_there_is_is_given() {
        assert_eq!(asked("bytes=0-0"), Asked::Part(0..1));
        assert_eq!(asked("bytes=990-"), Asked::Part(990..1_000));
        assert_eq!(asked("bytes=-10"), Asked::Part(990..1_000));
        assert_eq!(asked("bytes=990-5000"), Asked::Part(990..1_000));
        assert_eq!(asked("bytes=1000-"), Asked::None);
        assert_eq!(asked("bytes=0-1,5-6"), Asked::Whole);
        assert_eq!(asked("rows=0-1"), Asked::Whole);
        assert_eq!(asked("bytes=x"), Asked::Whole);
    }

    #[test]
    fn a_range_of_another_version_is_not_given() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-1"));
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"b\""));
        assert_eq!(asked_range(&headers, "\"a\"", 1_000), Asked::Whole);
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"a\""));
        assert_eq!(asked_range(&headers, "\"a\"", 1_000), Asked::Part(0..2));
    }
}
