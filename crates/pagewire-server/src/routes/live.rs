//! `GET /v1/stream`: what is new at the sources of a workspace, as one endless stream; and what a filter would have told.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use pagewire_engine::live::{Filter, FilterValues, OpenError};
use pagewire_types::{Problem, ProblemCode};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::auth::{Authorized, MayReadLive};
use crate::edge::Edge;
use crate::observe::encoding::{Encoding, FrameWriter};
use crate::observe::{live, response, resume};
use crate::problem::{self, ApiError};
use crate::trace::RequestTrace;

/// After how long a client that was told its problem in band may come back, in milliseconds.
const INBAND_RETRY_MS: u64 = 15_000;

/// The parameters.
#[derive(Debug, Default)]
struct LiveQuery {
    filter: FilterValues,
    since: Option<String>,
    inband: bool,
    /// The filter as it came, for a URL that has it too.
    same_filter: String,
}

impl LiveQuery {
    fn read(query: Option<&str>) -> Result<Self, Box<Problem>> {
        let mut read = Self::default();
        let mut same = url::form_urlencoded::Serializer::new(String::new());
        let query = query.unwrap_or_default();
        if !is_percent_encoded(query) {
            let detail = "a `%` in the query is not followed by two hexadecimal digits; the sign itself is written `%25`";
            return Err(fault(ProblemCode::InvalidFilter, detail));
        }
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let values = match name.as_ref() {
                "source" => &mut read.filter.sources,
                "source_type" => &mut read.filter.source_types,
                "tag" => &mut read.filter.tags,
                "keyword" => &mut read.filter.keywords,
                "since" => {
                    let other = read.since.replace(value.clone().into_owned());
                    if other.is_some_and(|other| other != value) {
                        return Err(fault(ProblemCode::ConflictParams, "`since` names two events; name one"));
                    }
                    continue;
                }
                "on_error" if value == "inband" => {
                    read.inband = true;
                    same.append_pair(&name, &value);
                    continue;
                }
                "on_error" => {
                    return Err(fault(ProblemCode::InvalidFilter, "`on_error` can only be `inband`"));
                }
                // Looked at where keys are.
                "api_key" => continue,
                other => {
                    let other: String = other.chars().take(80).collect();
                    let detail = format!(
                        "there is no parameter `{other}`; there are source, source_type, tag, keyword, since, on_error, api_key"
                    );
                    return Err(fault(ProblemCode::InvalidFilter, &detail));
                }
            };
            same.append_pair(&name, &value);
            values.push(value.into_owned());
        }
        read.same_filter = same.finish();
        Ok(read)
    }

    /// The URL by which a client goes on after that id, with the filter that it has.
    fn resync_url(&self, id: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(self.same_filter.clone());
        format!("/v1/stream?{}", query.append_pair("since", id).finish())
    }
}

/// Whether each `%` begins the two digits of a byte. One that does not would be taken as it stands, and match nothing.
fn is_percent_encoded(query: &str) -> bool {
    let digits =
        |rest: &str| rest.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    query.split('%').skip(1).all(digits)
}

fn fault(code: ProblemCode, detail: &str) -> Box<Problem> {
    Box::new(Problem::new(code, detail))
}

/// Reads what is new at the sources, as it comes. It never ends by itself.
///
/// Values of one name are alternatives, different names must all hold.
#[utoipa::path(
    get, path = "/v1/stream", tag = "live",
    security(("bearer" = ["stream:read"])),
    params(
        ("source" = Option<Vec<String>>, Query, description = "A source's id, or the beginning of some with `.*` behind it"),
        ("source_type" = Option<Vec<String>>, Query, description = "`rss`, `atom`, `json_feed`, `html`, `firehose`"),
        ("tag" = Option<Vec<String>>, Query, description = "A tag"),
        ("keyword" = Option<Vec<String>>, Query, description = "Words that all stand in the title or the content; a phrase in quotes"),
        ("since" = Option<String>, Query, description = "The last event that the client has; from now on where absent"),
        ("on_error" = Option<String>, Query, description = "`inband`: 401, 410 and 429 come as an event, for clients that give up at any status but 200"),
        ("Last-Event-ID" = Option<String>, Header, description = "The same as `since`, and wins over it"),
    ),
    responses(
        (status = 200, description = "Server-Sent Events, or NDJSON by `Accept`", content_type = "text/event-stream", body = String),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn subscribe(
    State(edge): State<Arc<Edge>>,
    authorized: Result<Authorized<MayReadLive>, ApiError>,
    trace: RequestTrace,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let query = LiveQuery::read(query.as_deref());
    let inband = query.as_ref().is_ok_and(|query| query.inband);
    let outcome = match (authorized, query) {
        (Ok(authorized), Ok(query)) => open(&edge, &authorized, &query, &headers).await,
        (Err(error), _) => Err(error),
        (_, Err(problem)) => Err(problem.into()),
    };
    match outcome {
        Err(error) if inband && is_told_inband(error.problem().status) => {
            Ok(tell_inband(&error, &trace, Encoding::negotiate(&headers)))
        }
        outcome => outcome,
    }
}

async fn open(
    edge: &Edge,
    authorized: &Authorized<MayReadLive>,
    query: &LiveQuery,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let filter = Filter::read(&query.filter, edge.engine.filter_caps())?;
    let header = resume::last_event_id_text(headers).map_err(|resume::NotOneText| {
        ApiError::new(ProblemCode::InvalidCursor, "`Last-Event-ID` must be the id of an event of this stream")
    })?;
    let after = header.or(query.since.as_deref());
    let held = authorized.connect()?;
    let subscription = match edge.engine.subscribe(&authorized.caller, filter, after).await {
        Ok(subscription) => subscription,
        Err(OpenError::Expired(expired)) => {
            let resync = query.resync_url(expired.resync.as_str());
            let error = ApiError::from(OpenError::Expired(expired));
            return Err(error.problem().clone().with("resync_url", resync).into());
        }
        Err(error) => return Err(error.into()),
    };
    Ok(response::answer(edge, authorized, headers, held, subscription))
}

/// What a native EventSource could not be told otherwise, since it gives up at any status but 200.
fn is_told_inband(status: u16) -> bool {
    matches!(status, 401 | 410 | 429)
}

fn tell_inband(error: &ApiError, trace: &RequestTrace, encoding: Encoding) -> Response {
    let mut frames = FrameWriter::new(encoding);
    let retry_ms = error.problem().retry_after_s.map_or(INBAND_RETRY_MS, |seconds| seconds * 1_000);
    frames.retry_hint(retry_ms);
    let document = problem::document(error, "/v1/stream", &trace.id.to_string());
    frames.event("problem", &document.into(), None);
    let mut response = (StatusCode::OK, frames.take().concat()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(encoding.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// What a filter would have told of the events that are held.
#[derive(Debug, Serialize)]
struct PreviewReply {
    /// So many events match.
    matched: u64,
    /// Of so many that were looked at.
    scanned: u64,
    /// The oldest that was looked at.
    from: Option<String>,
    /// The newest.
    to: Option<String>,
    /// Whether all that is held was looked at; time is bounded, and the newest come first.
    complete: bool,
    /// The newest that match, oldest first, at most 20.
    sample: Vec<Box<RawValue>>,
}

/// Tells how many of the events that are held a filter would have told, and shows the newest of them.
#[utoipa::path(
    get, path = "/v1/stream/preview", tag = "live",
    security(("bearer" = ["stream:read"])),
    params(
        ("source" = Option<Vec<String>>, Query, description = "As of the stream"),
        ("source_type" = Option<Vec<String>>, Query, description = "As of the stream"),
        ("tag" = Option<Vec<String>>, Query, description = "As of the stream"),
        ("keyword" = Option<Vec<String>>, Query, description = "As of the stream"),
    ),
    responses(
        (status = 200, description = "`matched`, `scanned`, `from`, `to`, `complete`, `sample`", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn preview(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayReadLive>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = LiveQuery::read(query.as_deref())?;
    let filter = Filter::read(&query.filter, edge.engine.filter_caps())?;
    let preview = edge.engine.preview(&authorized.caller, &filter).await?;
    let sample = preview.sample.iter().map(|event| RawValue::from_string(live::event_json(event)));
    let reply = PreviewReply {
        matched: preview.matched,
        scanned: preview.scanned,
        from: preview.from.map(|id| id.to_string()),
        to: preview.to.map(|id| id.to_string()),
        complete: preview.complete,
        sample: sample.collect::<Result<_, _>>().map_err(|error| ApiError::internal(&error))?,
    };
    Ok(Json(reply).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(query: &str) -> String {
        LiveQuery::read(Some(query)).expect_err(query).code
    }

    #[test]
    fn parameters_repeat_and_unknown_ones_are_named() {
        let query =
            LiveQuery::read(Some("tag=a&tag=b%20c&source=x.*&since=i&api_key=secret&on_error=inband"))
                .expect("valid");
        assert_eq!((query.filter.tags.len(), query.inband), (2, true));
        assert_eq!(query.resync_url("j"), "/v1/stream?tag=a&tag=b+c&source=x.*&on_error=inband&since=j");
        assert_eq!(code("tags=a"), "invalid_filter");
        assert_eq!(code("on_error=status"), "invalid_filter");
        assert_eq!(code("since=a&since=b"), "conflict_params");
        for broken in ["tag=100%", "tag=%", "tag=%2", "tag=%zz", "%g0=a", "tag=%é"] {
            assert_eq!(code(broken), "invalid_filter");
        }
        assert_eq!(LiveQuery::read(Some("tag=100%25")).expect("valid").filter.tags, ["100%"]);
        assert!(LiveQuery::read(None).expect("valid").filter == FilterValues::default());
    }
}
