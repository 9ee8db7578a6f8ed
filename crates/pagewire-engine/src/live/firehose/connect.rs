//! Opens the connection to an upstream: the request that its protocol has, and the answers that are no stream.
//!
//! Each connection passes the guard. A redirect is followed, and judged anew, but the source's own headers go to the origin
//! alone that they were given for; a WebSocket follows none.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, response};
use pagewire_fetch::{Client, Opened, RelayBody, Request, WebSocketRequest};
use pagewire_types::{FirehoseProtocol, SourceSpec, TargetUrl};

use super::Limits;
use super::fault::Fault;
use super::place::Place;
use super::upstream::Upstream;

const REDIRECTS_MAX: usize = 5;

/// What a WebSocket reads of a message at most. One that is larger than messages may be is stepped over after it has been
/// read; only one that is larger than this ends the connection.
const WEBSOCKET_MESSAGE_MAX: usize = 16 << 20;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What of a source its connections are made with.
#[derive(Debug)]
pub(super) struct Connector {
    protocol: FirehoseProtocol,
    /// Secrets, which are marked so.
    headers: HeaderMap,
}

impl Connector {
    /// The connections of a source. The error is for people.
    pub(super) fn of(spec: &SourceSpec) -> Result<Self, String> {
        let protocol = spec.protocol.ok_or("the source has no protocol")?;
        let mut headers = HeaderMap::new();
        for (name, value) in &spec.headers {
            // What is wrong with a value may be a secret.
            let refused = |_| format!("the header `{name}` cannot be sent");
            let name = HeaderName::try_from(name).map_err(|_| refused(()))?;
            let mut value = HeaderValue::try_from(value).map_err(|_| refused(()))?;
            value.set_sensitive(true);
            headers.append(name, value);
        }
        Ok(Self { protocol, headers })
    }

    /// A connection that goes on at a place, and the status that it was answered with.
    pub(super) async fn open(
        &self,
        client: &Client,
        place: &Place,
        limits: &Limits,
    ) -> Result<(Upstream, StatusCode), Fault> {
        let url = target(&place.url(), self.protocol).map_err(Fault::of_source)?;
        match self.protocol {
            FirehoseProtocol::Websocket => self.open_websocket(client, url, limits).await,
            FirehoseProtocol::Sse => {
                let mut own = HeaderMap::new();
                own.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
                own.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                let id = place.last_event_id().and_then(|id| HeaderValue::try_from(id).ok());
                let (head, body) = self.open_body(client, url, own, id, limits.open_timeout).await?;
                expect_type(&head, |essence| essence == "text/event-stream")?;
                Ok((Upstream::sse(body, limits.message_bytes_max), head.status))
            }
            FirehoseProtocol::Ndjson => {
                let accepted = "application/x-ndjson, application/jsonl, application/json;q=0.9, */*;q=0.5";
                let own = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accepted))]);
                let (head, body) = self.open_body(client, url, own, None, limits.open_timeout).await?;
                // An error page, or a login, in place of the stream.
                expect_type(&head, |essence| essence != "text/html")?;
                Ok((Upstream::ndjson(body, limits.message_bytes_max), head.status))
            }
        }
    }

    async fn open_websocket(
        &self,
        client: &Client,
        url: TargetUrl,
        limits: &Limits,
    ) -> Result<(Upstream, StatusCode), Fault> {
        let request = WebSocketRequest {
            url,
            headers: self.headers.clone(),
            timeout: limits.open_timeout,
            message_bytes_max: WEBSOCKET_MESSAGE_MAX.max(limits.message_bytes_max),
            ping_after: limits.ping_after,
            // Silence is told and ended by who reads; this is the end for who no longer does.
            idle_timeout: 2 * limits.silence_max,
        };
        match client.websocket(&request).await.map_err(|error| Fault::of_fetch(&error))? {
            Opened::Agreed(socket) => {
                let upstream = Upstream::websocket(socket, limits.message_bytes_max);
                Ok((upstream, StatusCode::SWITCHING_PROTOCOLS))
            }
            Opened::Answered(head) if head.status.is_redirection() => {
                Err(Fault::of_redirect("the upstream redirects, and a WebSocket follows no redirect"))
            }
            Opened::Answered(head) => Err(Fault::of_status(head.status, &head.headers)),
        }
    }

    /// The answer to a GET whose body goes on, after redirects.
    async fn open_body(
        &self,
        client: &Client,
        mut url: TargetUrl,
        own: HeaderMap,
        last_event_id: Option<HeaderValue>,
        timeout: Duration,
    ) -> Result<(response::Parts, RelayBody), Fault> {
        let mut headers = own.clone();
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        // A body is read as it comes, and an unpacker holds back what it has not seen the end of.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(id) = &last_event_id {
            headers.insert(LAST_EVENT_ID, id.clone());
        }
        for _ in 0..=REDIRECTS_MAX {
            let request = Request {
                url: url.clone(),
                method: Method::GET,
                headers: headers.clone(),
                body: None,
                timeout,
            };
            let (head, body) = client.relay(&request).await.map_err(|error| Fault::of_fetch(&error))?;
            let Some(location) = redirect(&head) else {
                if head.status != StatusCode::OK {
                    return Err(Fault::of_status(head.status, &head.headers));
                }
                return Ok((head, body));
            };
            let next = url
                .join(&location)
                .map_err(|error| Fault::of_redirect(format!("the upstream redirects nowhere: {error}")))?;
            if next.as_url().origin() != url.as_url().origin() {
                for name in self.headers.keys() {
                    headers.remove(name);
                    if let Some(value) = own.get(name) {
                        headers.insert(name, value.clone());
                    }
                }
            }
            url = next;
        }
        Err(Fault::of_redirect(format!("the upstream redirects more than {REDIRECTS_MAX} times")))
    }
}

/// Where an answer redirects to.
fn redirect(head: &response::Parts) -> Option<String> {
    if !matches!(head.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = head.headers.get(header::LOCATION)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

/// What a URL of this protocol connects to. The error is for people.
fn target(url: &str, protocol: FirehoseProtocol) -> Result<TargetUrl, String> {
    let is_websocket = protocol == FirehoseProtocol::Websocket;
    let http = match url.split_once(':') {
        Some((scheme, rest)) if is_websocket && scheme.eq_ignore_ascii_case("ws") => format!("http:{rest}"),
        Some((scheme, rest)) if is_websocket && scheme.eq_ignore_ascii_case("wss") => format!("https:{rest}"),
        _ => url.to_owned(),
    };
    TargetUrl::parse(&http).map_err(|error| error.to_string())
}

/// Refuses an answer whose media type, where it says one, or whose coding is none of a stream.
fn expect_type(head: &response::Parts, is_taken: impl Fn(&str) -> bool) -> Result<(), Fault> {
    let value =
        |name| head.headers.get(name).map(|value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()));
    let content_type = value(header::CONTENT_TYPE).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !is_taken(&essence) {
        let shown: String = essence.chars().take(80).collect();
        return Err(Fault::of_content(format!(
            "the upstream answers with `{shown}`, which is no such stream"
        )));
    }
    match value(header::CONTENT_ENCODING) {
        Some(coding) if !coding.eq_ignore_ascii_case("identity") => {
            let shown: String = coding.chars().take(40).collect();
            Err(Fault::of_content(format!(
                "the upstream packs its stream (`{shown}`), though it was asked not to"
            )))
        }
        Some(_) | None => Ok(()),
    }
}
