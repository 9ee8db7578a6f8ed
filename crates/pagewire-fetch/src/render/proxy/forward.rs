//! A request in the clear: it is sent on as it is, but for what belongs to the connection.

use std::{io, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, Limited, StreamBody};
use hyper::body::Incoming;
use pagewire_types::TargetUrl;

use super::{
    Network,
    answer::{self, Body},
    ledger::{InFlight, Ledger},
};
use crate::{connect::authority, message, relay::RelayBody, render::block};

/// Bytes that a page may send with one request.
const SENT_BYTES_MAX: usize = 16 << 20;
/// How long an answer may be silent. The page's own time is over before most are.
const SILENCE_MAX: Duration = Duration::from_secs(120);

/// Header fields that are of one connection (RFC 9110, section 7.6.1).
const OF_CONNECTION: [HeaderName; 8] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

impl Network {
    /// The answer to one request of the browser.
    pub(super) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        if request.method() == Method::CONNECT {
            return self.connect(request).await;
        }
        // What is no request to a proxy is not of a browser that was told of one.
        if request.uri().scheme_str() != Some("http") {
            return answer::empty(StatusCode::BAD_REQUEST);
        }
        let Ok(url) = TargetUrl::parse(&request.uri().to_string()) else {
            return answer::empty(StatusCode::BAD_REQUEST);
        };
        if self.is_blocked(url.host()) {
            return answer::empty(StatusCode::FORBIDDEN);
        }
        let Some(in_flight) = self.ledger.begin() else {
            return answer::empty(StatusCode::TOO_MANY_REQUESTS);
        };
        self.forward(url, request, in_flight).await
    }

    /// Whether the page is to be shown without what that host serves.
    pub(super) fn is_blocked(&self, host: &str) -> bool {
        self.blocked.ads && block::is_of_ads(host)
    }

    async fn forward(
        &self,
        url: TargetUrl,
        request: Request<Incoming>,
        in_flight: InFlight,
    ) -> Response<Body> {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, SENT_BYTES_MAX).collect().await else {
            return answer::empty(StatusCode::PAYLOAD_TOO_LARGE);
        };
        let body = body.to_bytes();
        let mut headers = head.headers;
        drop_of_connection(&mut headers);
        let request = message::Request {
            url,
            method: head.method,
            headers,
            body: (!body.is_empty()).then_some(body),
            timeout: SILENCE_MAX,
        };
        match self.client.relay(&request).await {
            Ok((mut head, body)) => {
                drop_of_connection(&mut head.headers);
                let mut response = Response::new(metered(body, self.ledger.clone(), in_flight));
                *response.status_mut() = head.status;
                *response.headers_mut() = head.headers;
                response
            }
            Err(error) => {
                self.ledger.fail(authority(&request.url), error);
                answer::empty(answer::UNREACHED)
            }
        }
    }
}

/// The body as it comes, counted; it breaks off where the page has had as much as it may.
fn metered(body: RelayBody, ledger: Arc<Ledger>, in_flight: InFlight) -> Body {
    let frames = futures_util::stream::unfold(Some((body, ledger, in_flight)), |state| async {
        let (mut body, ledger, in_flight) = state?;
        let next = match body.next().await {
            Ok(None) => return None,
            Ok(Some(bytes)) if ledger.take(bytes.len()) => Ok(bytes),
            Ok(Some(_)) => Err(io::Error::other("the page has had as much as it may")),
            Err(error) => Err(io::Error::other(error)),
        };
        let rest = next.is_ok().then_some((body, ledger, in_flight));
        Some((next.map(Frame::data), rest))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// Drops what is of the connection that it came over, and what that connection says is.
fn drop_of_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .collect();
    for name in named.iter().chain(&OF_CONNECTION) {
        headers.remove(name);
    }
    headers.remove("proxy-connection");
}
