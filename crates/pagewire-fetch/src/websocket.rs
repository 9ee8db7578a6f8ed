//! A WebSocket to a target (RFC 6455): a connection that the guard has judged, its opening exchange, and what is heard.
//!
//! Text and binary messages are the same here: bytes. No extension is offered, so none is spoken. Pings keep the
//! connection, and tell a peer that is silent from one that is gone. A message over the cap ends the connection, since the
//! protocol's reader does not step over it; how large that may be, and what is done with large ones, is the caller's.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use http::{HeaderMap, Uri, header, response};
use pagewire_types::TargetUrl;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest as _,
        error::{CapacityError, ProtocolError},
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::{
    connect::{Connector, authority},
    error::FetchError,
    message::{Defaults, OF_CONNECTION, host, path},
    proxy::Route,
    wire::Wire,
};

/// What is read at once. It is allocated for each socket, and a message that is larger gets a buffer of its own.
const READ_BUFFER: usize = 16 << 10;

/// Nothing but pings, pongs and a close is ever written.
const WRITE_BUFFER_MAX: usize = 16 << 10;

/// How long a close may take to be sent.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A WebSocket to open.
#[derive(Debug, Clone)]
pub struct WebSocketRequest {
    /// Where to: `http` for `ws`, `https` for `wss`.
    pub url: TargetUrl,
    /// Headers to send along. Those that belong to the connection are left out.
    pub headers: HeaderMap,
    /// What the opening may take, names and connection included.
    pub timeout: Duration,
    /// The largest message that is read.
    pub message_bytes_max: usize,
    /// After so long without a sign of life the peer is asked for one.
    pub ping_after: Duration,
    /// After so long without a sign of life it is taken for gone.
    pub idle_timeout: Duration,
}

/// How a target answered who wanted a WebSocket.
#[derive(Debug)]
pub enum Opened {
    /// It agreed.
    Agreed(Box<WebSocket>),
    /// It answered something else.
    Answered(Box<response::Parts>),
}

/// What is heard of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A message, text or binary.
    Message(Bytes),
    /// A sign of life that says nothing.
    Life,
    /// It closes.
    Closed {
        /// Why, as a number (RFC 6455, section 7.4); 1005 where it gives none.
        code: u16,
        /// Why, for people.
        reason: String,
    },
}

/// An open WebSocket. Dropping it closes the connection.
pub struct WebSocket {
    stream: WebSocketStream<Wire>,
    url: TargetUrl,
    message_bytes_max: usize,
    ping_after: Duration,
    idle_timeout: Duration,
}

/// Opens a WebSocket.
pub(crate) async fn open(
    connector: &Connector,
    route: &Route,
    request: &WebSocketRequest,
    defaults: &Defaults,
    header_bytes_max: usize,
) -> Result<Opened, FetchError> {
    let WebSocketRequest { url, message_bytes_max, ping_after, idle_timeout, .. } = request;
    let handshake = handshake(request, defaults)?;
    let wire = connector.connect_http1(url, route).await?;
    let meter = wire.meter();
    meter.start((header_bytes_max + READ_BUFFER) as u64);
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_MAX)
        .max_message_size(Some(*message_bytes_max))
        .max_frame_size(Some(*message_bytes_max));
    match client_async_with_config(handshake, wire, Some(config)).await {
        Ok((stream, _)) => {
            meter.set_limit(u64::MAX);
            Ok(Opened::Agreed(Box::new(WebSocket {
                stream,
                url: url.clone(),
                message_bytes_max: *message_bytes_max,
                ping_after: *ping_after,
                idle_timeout: *idle_timeout,
            })))
        }
        Err(tungstenite::Error::Http(answer)) => {
            Ok(Opened::Answered(Box::new(answer.map(drop).into_parts().0)))
        }
        Err(
            tungstenite::Error::AttackAttempt | tungstenite::Error::Capacity(CapacityError::TooManyHeaders),
        ) => Err(FetchError::HeaderTooLarge { authority: authority(url), max: header_bytes_max }),
        Err(_) if meter.is_exceeded() => {
            Err(FetchError::HeaderTooLarge { authority: authority(url), max: header_bytes_max })
        }
        Err(error) => Err(fault(url, *message_bytes_max, &error)),
    }
}

/// The request that asks for a WebSocket.
fn handshake(request: &WebSocketRequest, defaults: &Defaults) -> Result<http::Request<()>, FetchError> {
    let url = &request.url;
    let refused = |source| FetchError::Request { url: url.to_string(), source };
    let scheme = if url.as_url().scheme() == "https" { "wss" } else { "ws" };
    let path = path(url).map_err(|error| refused(error.into()))?;
    let uri = Uri::builder().scheme(scheme).authority(host(url)).path_and_query(path).build();
    let mut handshake = uri
        .map_err(refused)?
        .into_client_request()
        .map_err(|error| fault(url, request.message_bytes_max, &error))?;
    let headers = handshake.headers_mut();
    headers.insert(header::USER_AGENT, defaults.user_agent.clone());
    for name in request.headers.keys() {
        let is_handshakes =
            name.as_str().starts_with("sec-websocket-") && name != header::SEC_WEBSOCKET_PROTOCOL;
        if is_handshakes || OF_CONNECTION.contains(name) {
            continue;
        }
        headers.remove(name);
        for value in request.headers.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    Ok(handshake)
}

impl WebSocket {
    /// What is heard next. A wait that is dropped loses nothing; the next one begins its time anew.
    pub async fn next(&mut self) -> Result<Heard, FetchError> {
        let begun = Instant::now();
        let mut pinged = false;
        loop {
            let after = if pinged { self.idle_timeout } else { self.ping_after.min(self.idle_timeout) };
            match timeout_at(begun + after, self.stream.next()).await {
                Ok(polled) => return self.heard(polled),
                Err(_) if pinged || self.ping_after >= self.idle_timeout => {
                    let (host, after) = (self.url.host().to_owned(), self.idle_timeout);
                    return Err(FetchError::Timeout { host, after });
                }
                Err(_) => {
                    pinged = true;
                    // A peer that reads nothing either is found gone when the time is over.
                    let ping = self.stream.send(Message::Ping(Bytes::new()));
                    if let Ok(Err(error)) = timeout_at(begun + self.idle_timeout, ping).await {
                        return Err(fault(&self.url, self.message_bytes_max, &error));
                    }
                }
            }
        }
    }

    /// What has been heard already, without a wait.
    pub fn ready(&mut self) -> Option<Result<Heard, FetchError>> {
        let polled = self.stream.next().now_or_never()?;
        Some(self.heard(polled))
    }

    /// Says goodbye, within a second.
    pub async fn close(mut self) {
        let frame = CloseFrame { code: CloseCode::Away, reason: "".into() };
        // Whoever does not take it finds the connection closed all the same.
        let _ = timeout(CLOSE_TIMEOUT, self.stream.close(Some(frame))).await;
    }

    fn heard(&self, polled: Option<Result<Message, tungstenite::Error>>) -> Result<Heard, FetchError> {
        match polled {
            Some(Ok(Message::Text(text))) => Ok(Heard::Message(text.into())),
            Some(Ok(Message::Binary(bytes))) => Ok(Heard::Message(bytes)),
            Some(Ok(Message::Close(frame))) => Ok(closed(frame)),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Heard::Life),
            Some(Err(error)) => Err(fault(&self.url, self.message_bytes_max, &error)),
            None => Err(FetchError::EndedEarly { authority: authority(&self.url) }),
        }
    }
}

impl std::fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebSocket").field("url", &self.url).finish_non_exhaustive()
    }
}

fn closed(frame: Option<CloseFrame>) -> Heard {
    match frame {
        Some(CloseFrame { code, reason }) => {
            Heard::Closed { code: code.into(), reason: reason.as_str().to_owned() }
        }
        None => Heard::Closed { code: CloseCode::Status.into(), reason: String::new() },
    }
}

fn fault(url: &TargetUrl, message_bytes_max: usize, error: &tungstenite::Error) -> FetchError {
    let authority = authority(url);
    match error {
        tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            FetchError::MessageTooLarge { authority, max: message_bytes_max }
        }
        tungstenite::Error::Io(_)
        | tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::Protocol(
            ProtocolError::ResetWithoutClosingHandshake | ProtocolError::HandshakeIncomplete,
        ) => FetchError::EndedEarly { authority },
        other => FetchError::WebSocket { authority, reason: other.to_string() },
    }
}
