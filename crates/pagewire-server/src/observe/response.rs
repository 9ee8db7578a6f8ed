//! The answer that an event stream is.

use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use pagewire_engine::account::ConnectionPermit;

use super::body::{Events, Untaken, Writing};
use super::encoding::Encoding;
use crate::auth::Authorized;
use crate::edge::Edge;

/// Answers with events, in the form that the client accepts, for as long as its key may be used.
pub fn answer<S>(
    edge: &Edge,
    authorized: &Authorized<S>,
    headers: &HeaderMap,
    held: ConnectionPermit,
    source: impl Events,
) -> Response {
    let encoding = Encoding::negotiate(headers);
    let writing = Writing {
        encoding,
        ping: edge.settings.ping,
        cut_off: authorized.caller.cut_off.clone(),
        connection: authorized.connection().clone(),
        // The caller too: whoever is remembered by nobody is not watched for revocation.
        held: Box::new((held, authorized.caller.clone())),
    };
    let untaken = Untaken::new(source, writing);
    let mut response = Response::new(untaken.clone().body());
    response.extensions_mut().insert(untaken);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(encoding.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
