//! The client: one attempt at a target, with its redirects and its body, within its time.

use std::{borrow::Cow, io, sync::Arc};

use http::{HeaderValue, header};
use http_body::Body;
use hyper::body::Incoming;

use crate::{
    body::{BodyCaps, BodyFault, Collector, OverCap},
    config::FetchConfig,
    connect::{Connector, Protocol, authority},
    dns::Dns,
    error::{BuildError, FetchError},
    exchange::Connection,
    first_contact::{Contact, FirstContacts},
    guard::Guard,
    message::{Defaults, Request, Response, message, origin, retry_after},
    pool::Pool,
    redirect::{self, Hop},
    relay::RelayBody,
    robots::Robots,
    tls,
    websocket::{Opened, WebSocketRequest, open},
};

/// Fetches targets. Cheap to clone; clones share connections, the cache of names and the robots.txt files.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    connector: Connector,
    pool: Arc<Pool>,
    first_contacts: FirstContacts,
    defaults: Defaults,
    caps: BodyCaps,
    redirects_max: u8,
    header_bytes_max: usize,
    robots: Robots,
}

/// The caps of one attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caps {
    pub(crate) body: BodyCaps,
    pub(crate) redirects: u8,
}

impl Client {
    /// A client with these settings.
    pub fn new(config: FetchConfig) -> Result<Self, BuildError> {
        let connector = Connector {
            guard: Guard::new(&config.allow),
            dns: Dns::new(&config)?,
            tls: tls::connectors(&config)?,
            connect_timeout: config.connect_timeout,
        };
        let caps = BodyCaps {
            wire: config.wire_bytes_max,
            unpacked: config.unpacked_bytes_max,
            over: OverCap::Fail,
        };
        Ok(Self {
            shared: Arc::new(Shared {
                connector,
                pool: Pool::new(config.idle_per_host_max, config.idle_max, config.pool_idle_timeout),
                first_contacts: FirstContacts::default(),
                defaults: Defaults { user_agent: HeaderValue::try_from(config.user_agent)? },
                caps,
                redirects_max: config.redirects_max,
                header_bytes_max: config.header_bytes_max.max(1024),
                robots: Robots::new(),
            }),
        })
    }

    /// One attempt: name, connection, redirects and body, all within the request's timeout.
    ///
    /// Dropping the future ends the attempt and closes its connection.
    pub async fn fetch(&self, request: &Request) -> Result<Response, FetchError> {
        let caps = Caps { body: self.shared.caps, redirects: self.shared.redirects_max };
        self.fetch_capped(request, caps).await
    }

    /// One exchange without redirects, whose body is read as it comes. The timeout is that of the answer's headers, and
    /// then of each wait for more of its body.
    pub async fn relay(&self, request: &Request) -> Result<(http::response::Parts, RelayBody), FetchError> {
        let hop = Hop {
            url: Cow::Borrowed(&request.url),
            method: request.method.clone(),
            headers: Cow::Borrowed(&request.headers),
            body: request.body.clone(),
        };
        let Ok(answer) = tokio::time::timeout(request.timeout, self.shared.ask(&hop)).await else {
            return Err(FetchError::Timeout { host: request.url.host().to_owned(), after: request.timeout });
        };
        let Answer { connection, head, body } = answer?;
        let (url, pool) = (request.url.clone(), self.shared.pool.clone());
        Ok((head, RelayBody::new(connection, body, url, pool, request.timeout)))
    }

    /// Opens a WebSocket. An answer that does not agree to one is given as it is; nothing is followed.
    pub async fn websocket(&self, request: &WebSocketRequest) -> Result<Opened, FetchError> {
        let Shared { connector, defaults, header_bytes_max, .. } = &*self.shared;
        let opened = open(connector, request, defaults, *header_bytes_max);
        tokio::time::timeout(request.timeout, opened).await.unwrap_or_else(|_| {
            Err(FetchError::Timeout { host: request.url.host().to_owned(), after: request.timeout })
        })
    }

    /// Whether the guard would let a connection to the URL through, as its name resolves now. A later one is judged anew.
    pub async fn judge(&self, url: &pagewire_types::TargetUrl) -> Result<(), FetchError> {
        self.shared.connector.resolve(url).await.map(drop)
    }

    /// The robots.txt files of the targets.
    #[must_use]
    pub fn robots(&self) -> &Robots {
        &self.shared.robots
    }

    /// The `User-Agent` of requests that bring none; also who this client is to a robots.txt.
    #[must_use]
    pub fn user_agent(&self) -> &str {
        self.shared.defaults.user_agent.to_str().unwrap_or_default()
    }

    /// The guard that this client connects under.
    #[must_use]
    pub fn guard(&self) -> &Guard {
        &self.shared.connector.guard
    }

    pub(crate) async fn fetch_capped(&self, request: &Request, caps: Caps) -> Result<Response, FetchError> {
        match tokio::time::timeout(request.timeout, self.shared.follow(request, caps)).await {
            Ok(result) => result,
            Err(_) => {
                Err(FetchError::Timeout { host: request.url.host().to_owned(), after: request.timeout })
            }
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("guard", self.guard()).finish_non_exhaustive()
    }
}

/// A connection to an origin.
enum Reached {
    /// Another has made it, and used it perhaps.
    There(Connection),
    /// It is new.
    Made(Connection),
}

impl Reached {
    fn connection(self) -> Connection {
        match self {
            Self::There(connection) | Self::Made(connection) => connection,
        }
    }
}

/// An answer whose body has not been read, and the connection it comes over.
struct Answer {
    connection: Connection,
    head: http::response::Parts,
    body: Incoming,
}

impl Shared {
    async fn follow(&self, request: &Request, caps: Caps) -> Result<Response, FetchError> {
        let mut hop = Hop {
            url: Cow::Borrowed(&request.url),
            method: request.method.clone(),
            headers: Cow::Borrowed(&request.headers),
            body: request.body.clone(),
        };
        let (mut redirects, mut are_permanent) = (0, true);
        loop {
            let answer = self.ask(&hop).await?;
            let status = answer.head.status;
            let Some(location) = redirect::location(status, &answer.head.headers) else {
                let mut response = self.take(hop.url, answer, caps.body).await?;
                response.redirects = redirects;
                response.redirects_are_permanent = are_permanent;
                return Ok(response);
            };
            if redirects == caps.redirects {
                return Err(FetchError::TooManyRedirects {
                    url: request.url.to_string(),
                    max: caps.redirects,
                });
            }
            redirects += 1;
            are_permanent &= redirect::is_permanent(status);
            let location = location.into_owned();
            self.discard(&hop, answer).await;
            hop.redirect(status, &location)
                .map_err(|source| FetchError::RedirectNowhere { url: hop.url.to_string(), source })?;
        }
    }

    /// Sends one request. A connection that was there and turns out to be dead is replaced once, where that is safe.
    async fn ask(&self, hop: &Hop<'_>) -> Result<Answer, FetchError> {
        let reached = match self.kept(&hop.url).await {
            Some(connection) => Reached::There(connection),
            None => self.reach(&hop.url).await?,
        };
        let mut connection = match reached {
            Reached::There(mut connection) => match self.send(hop, &mut connection).await {
                Ok(response) => return Ok(Answer::new(connection, response)),
                Err(error) => {
                    let stale = hop.method.is_idempotent() && !connection.has_answered();
                    self.forget(&hop.url, &connection);
                    if !stale {
                        return Err(error);
                    }
                    self.reach(&hop.url).await?.connection()
                }
            },
            Reached::Made(connection) => connection,
        };
        match self.send(hop, &mut connection).await {
            Ok(response) => Ok(Answer::new(connection, response)),
            Err(error) => {
                self.forget(&hop.url, &connection);
                Err(error)
            }
        }
    }

    /// A new connection, or the one that another makes at this moment, where it can be shared.
    async fn reach(&self, url: &pagewire_types::TargetUrl) -> Result<Reached, FetchError> {
        let contact = match url.as_url().scheme() {
            "https" => self.first_contacts.enter(origin(url)),
            _ => Contact::Alone,
        };
        match contact {
            Contact::Alone => self.connect(url).await.map(Reached::Made),
            Contact::Lead(lead) => {
                // The contact before may have ended between the look into the pool and this.
                if let Some(connection) = self.pool.shared(origin(url)) {
                    return Ok(Reached::There(connection));
                }
                let connection = self.connect(url).await?;
                drop(lead);
                Ok(Reached::Made(connection))
            }
            Contact::Follow(follow) => {
                follow.wait().await;
                match self.pool.shared(origin(url)) {
                    Some(connection) => Ok(Reached::There(connection)),
                    None => self.connect(url).await.map(Reached::Made),
                }
            }
        }
    }

    /// A new connection. One that can be shared is there for others from now on.
    async fn connect(&self, url: &pagewire_types::TargetUrl) -> Result<Connection, FetchError> {
        let (wire, protocol) = self.connector.connect(url).await?;
        if protocol == Protocol::Http1 && url.as_url().scheme() == "https" {
            self.first_contacts.speaks_http1(origin(url));
        }
        let connection = Connection::open(wire, protocol, self.header_bytes_max)
            .await
            .map_err(|source| FetchError::Exchange { authority: authority(url), source })?;
        self.keep(url, &connection);
        Ok(connection)
    }

    /// A kept connection that the peer has not closed.
    async fn kept(&self, url: &pagewire_types::TargetUrl) -> Option<Connection> {
        while let Some(mut connection) = self.pool.take(origin(url)) {
            if connection.is_idle().await {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection that can be shared; another goes back to the pool when its answer has been read.
    fn keep(&self, url: &pagewire_types::TargetUrl, connection: &Connection) {
        if let Connection::Http2(shared) = connection {
            self.pool.put(origin(url), Connection::Http2(shared.clone()));
        }
    }

    fn forget(&self, url: &pagewire_types::TargetUrl, connection: &Connection) {
        if let Connection::Http2(shared) = connection {
            self.pool.forget(origin(url), shared);
        }
    }

    async fn send(
        &self,
        hop: &Hop<'_>,
        connection: &mut Connection,
    ) -> Result<http::Response<Incoming>, FetchError> {
        let message = message(hop, &self.defaults, connection)
            .map_err(|source| FetchError::Request { url: hop.url.to_string(), source })?;
        connection.send(message, self.header_bytes_max).await.map_err(|source| {
            if source.is_parse_too_large() || connection.is_over_limit() {
                FetchError::HeaderTooLarge { authority: authority(&hop.url), max: self.header_bytes_max }
            } else {
                broken(&hop.url, source)
            }
        })
    }

    /// Lets go of a redirect's body; the connection is kept if the body is there already.
    async fn discard(&self, hop: &Hop<'_>, mut answer: Answer) {
        if answer.connection.discard(answer.body).await && answer.connection.is_idle().await {
            self.pool.put(origin(&hop.url), answer.connection);
        }
    }

    /// Reads the body and makes the response.
    async fn take(
        &self,
        url: Cow<'_, pagewire_types::TargetUrl>,
        answer: Answer,
        caps: BodyCaps,
    ) -> Result<Response, FetchError> {
        let Answer { mut connection, head, mut body } = answer;
        let fault = |fault| refused(&url, fault, caps);
        let mut collector = Collector::new(&head.headers, caps, body.size_hint().exact()).map_err(fault)?;
        connection.limit_body(caps.wire);
        let mut whole = true;
        while let Some(frame) = connection.frame(&mut body).await {
            let frame = frame.map_err(|source| {
                if connection.is_over_limit() {
                    FetchError::BodyTooLarge { url: url.to_string(), max: caps.wire }
                } else {
                    broken(&url, source)
                }
            })?;
            if let Ok(data) = frame.into_data()
                && collector.push(data).map_err(fault)?
            {
                whole = false;
                break;
            }
        }
        if whole && connection.is_idle().await {
            self.pool.put(origin(&url), connection);
        }
        let wire_bytes = collector.wire();
        let body = collector.finish().map_err(fault)?;
        Ok(Response {
            status: head.status,
            content_type: head
                .headers
                .get(header::CONTENT_TYPE)
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            retry_after: retry_after(&head.headers),
            headers: head.headers,
            body,
            wire_bytes,
            redirects: 0,
            redirects_are_permanent: true,
            final_url: url.into_owned(),
        })
    }
}

impl Answer {
    fn new(connection: Connection, response: http::Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        Self { connection, head, body }
    }
}

fn refused(url: &pagewire_types::TargetUrl, fault: BodyFault, caps: BodyCaps) -> FetchError {
    let url = url.to_string();
    match fault {
        BodyFault::TooLarge => FetchError::BodyTooLarge { url, max: caps.wire },
        BodyFault::Bomb => FetchError::DecompressionBomb { url, max: caps.unpacked },
        BodyFault::Encoding(reason) => FetchError::Encoding { url, reason },
    }
}

/// An exchange that broke: an end that came too early is told apart from what is no HTTP.
pub(crate) fn broken(url: &pagewire_types::TargetUrl, source: hyper::Error) -> FetchError {
    let authority = authority(url);
    if source.is_incomplete_message() || ended_early(&source) {
        FetchError::EndedEarly { authority }
    } else {
        FetchError::Exchange { authority, source }
    }
}

fn ended_early(error: &hyper::Error) -> bool {
    std::iter::successors(std::error::Error::source(error), |source| source.source())
        .filter_map(|source| source.downcast_ref::<io::Error>())
        .any(|source| source.kind() == io::ErrorKind::UnexpectedEof)
}
