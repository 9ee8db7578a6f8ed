//! The answers that the proxy gives of its own, and the body of all answers.

use std::io;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, combinators::UnsyncBoxBody};

/// The body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// What is given for an origin that cannot be reached: no site gives it without a body that says more.
pub(in crate::render) const UNREACHED: StatusCode = StatusCode::BAD_GATEWAY;

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
