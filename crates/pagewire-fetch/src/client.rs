//! The client: one attempt at a target, with its redirects and its body, within its time.

use std::{borrow::Cow, io, sync::Arc, time::Duration};

use http::{HeaderValue, header};
use http_body::Body;
use hyper::body::Incoming;
use pagewire_types::TargetUrl;

use crate::{
    body::{BodyCaps, BodyFault, Collector, OverCap},
    config::FetchConfig,
    connect::{Connector, Protocol, authority},
    cookies::Cookies,
    dns::Dns,
    error::{BuildError, FetchError},
    exchange::Connection,
    first_contact::{Contact, FirstContacts},
    guard::Guard,
    message::{Defaults, Request, Response, message, retry_after},
    pool::Pool,
    proxy::{Blame, Link, Opening, ProxyFault, Route, own_answer},
    recording::Recording,
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
    way: Way,
}

/// How this client's requests go, beside what they say.
#[derive(Clone, Default)]
pub(crate) struct Way {
    pub(crate) route: Route,
    pub(crate) cookies: Option<Arc<dyn Cookies>>,
    pub(crate) recording: Option<Recording>,
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
            way: Way::default(),
            shared: Arc::new(Shared {
                connector,
                pool: Pool::new(config.idle_per_host_max, config.idle_max, config.pool_idle_timeout),
                first_contacts: FirstContacts::default(),
                defaults: Defaults { user_agent: HeaderValue::try_from(config.user_agent)? },
                caps,
                redirects_max: config.redirects_max,
                header_bytes_max: config.header_bytes_max.max(1024),
                robots: Robots::new(&config.product),
            }),
        })
    }

    /// The same client, whose requests go by this route from now on.
    #[must_use]
    pub fn by(&self, route: Route) -> Self {
        Self { shared: self.shared.clone(), way: Way { route, ..self.way.clone() } }
    }

    /// Whether no proxy is between this client and its targets.
    pub(crate) fn is_direct(&self) -> bool {
        self.way.route.is_direct()
    }

    /// The same client, which keeps cookies from now on: they go with each request, at each redirect anew.
    #[must_use]
    pub fn with_cookies(&self, cookies: Arc<dyn Cookies>) -> Self {
        Self { shared: self.shared.clone(), way: Way { cookies: Some(cookies), ..self.way.clone() } }
    }

    /// The same client, of whose fetches is recorded what they send and what comes.
    #[must_use]
    pub fn recorded(&self, recording: Recording) -> Self {
        Self { shared: self.shared.clone(), way: Way { recording: Some(recording), ..self.way.clone() } }
    }

    /// The same client by the same route, for what a page in a browser loads: its cookies are the browser's, and it is not
    /// recorded.
    pub(crate) fn for_a_browser(&self) -> Self {
        Self { shared: self.shared.clone(), way: Way { route: self.way.route.clone(), ..Way::default() } }
    }

    /// What keeps its cookies.
    pub(crate) fn cookies(&self) -> Option<&dyn Cookies> {
        self.way.cookies.as_deref()
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
            way: self.way.clone(),
        };
        let Ok(answer) = tokio::time::timeout(request.timeout, self.shared.ask(&hop)).await else {
            return Err(self.way.too_late(&request.url, request.timeout));
        };
        let Answer { connection, head, body } = answer?;
        let (key, pool) = (hop.key().into(), self.shared.pool.clone());
        Ok((head, RelayBody::new(connection, body, request.url.clone(), key, pool, request.timeout)))
    }

    /// Opens a connection that carries whatever its ends agree on.
    pub(crate) async fn tunnel(&self, url: &TargetUrl) -> Result<Link, FetchError> {
        self.shared.connector.tunnel(url, &self.way.route).await
    }

    /// Opens a WebSocket. An answer that does not agree to one is given as it is; nothing is followed.
    pub async fn websocket(&self, request: &WebSocketRequest) -> Result<Opened, FetchError> {
        let Shared { connector, defaults, header_bytes_max, .. } = &*self.shared;
        let opened = open(connector, &self.way.route, request, defaults, *header_bytes_max);
        tokio::time::timeout(request.timeout, opened)
            .await
            .unwrap_or_else(|_| Err(self.way.too_late(&request.url, request.timeout)))
    }

    /// Whether the guard would let a connection to the URL through, as its name resolves now. A later one is judged anew.
    pub async fn judge(&self, url: &TargetUrl) -> Result<(), FetchError> {
        self.shared.connector.resolve(url).await.map(drop)
    }

    /// The robots.txt files of the targets.
    #[must_use]
    pub fn robots(&self) -> &Robots {
        &self.shared.robots
    }

    /// The `User-Agent` of requests that bring none.
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
        let followed = self.shared.follow(request, &self.way, caps);
        match tokio::time::timeout(request.timeout, followed).await {
            Ok(result) => result,
            Err(_) => Err(self.way.too_late(&request.url, request.timeout)),
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("guard", self.guard()).finish_non_exhaustive()
    }
}

impl Way {
    /// The time is over: the proxy's, where it was being dialled.
    fn too_late(&self, url: &TargetUrl, after: Duration) -> FetchError {
        if self.route.is_dialling() {
            return FetchError::Proxy { fault: ProxyFault::Silent, blame: Blame::Either };
        }
        FetchError::Timeout { host: url.host().to_owned(), after }
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
    async fn follow(&self, request: &Request, way: &Way, caps: Caps) -> Result<Response, FetchError> {
        let mut hop = Hop {
            url: Cow::Borrowed(&request.url),
            method: request.method.clone(),
            headers: Cow::Borrowed(&request.headers),
            body: request.body.clone(),
            way: way.clone(),
        };
        let (mut redirects, mut are_permanent) = (0, true);
        loop {
            let answer = self.ask(&hop).await?;
            let status = answer.head.status;
            if let Some(recording) = &hop.way.recording
                && let Ok(sent) = message(&hop, &self.defaults, &answer.connection)
            {
                recording.note(&hop.url, sent.into_parts().0, hop.body.clone(), &answer.head);
            }
            let Some(location) = redirect::location(status, &answer.head.headers) else {
                let mut response = self.take(hop, answer, caps.body).await?;
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
        let reached = match self.kept(&hop.key()).await {
            Some(connection) => Reached::There(connection),
            None => self.reach(hop).await?,
        };
        let mut connection = match reached {
            Reached::There(mut connection) => match self.send(hop, &mut connection).await {
                Ok(response) => return Ok(Answer::new(connection, response)),
                Err(error) => {
                    let stale = hop.method.is_idempotent() && !connection.has_answered();
                    self.forget(hop, &connection);
                    if !stale {
                        return Err(error);
                    }
                    self.reach(hop).await?.connection()
                }
            },
            Reached::Made(connection) => connection,
        };
        match self.send(hop, &mut connection).await {
            Ok(response) => Ok(Answer::new(connection, response)),
            Err(error) => {
                self.forget(hop, &connection);
                Err(error)
            }
        }
    }

    /// A new connection, or the one that another makes at this moment, where it can be shared.
    async fn reach(&self, hop: &Hop<'_>) -> Result<Reached, FetchError> {
        let key = hop.key();
        let contact = match hop.url.as_url().scheme() {
            "https" => self.first_contacts.enter(&key),
            _ => Contact::Alone,
        };
        match contact {
            Contact::Alone => self.connect(hop).await.map(Reached::Made),
            Contact::Lead(lead) => {
                // The contact before may have ended between the look into the pool and this.
                if let Some(connection) = self.pool.shared(&key) {
                    return Ok(Reached::There(connection));
                }
                let connection = self.connect(hop).await?;
                drop(lead);
                Ok(Reached::Made(connection))
            }
            Contact::Follow(follow) => {
                follow.wait().await;
                match self.pool.shared(&key) {
                    Some(connection) => Ok(Reached::There(connection)),
                    None => self.connect(hop).await.map(Reached::Made),
                }
            }
        }
    }

    /// A new connection. One that can be shared is there for others from now on.
    async fn connect(&self, hop: &Hop<'_>) -> Result<Connection, FetchError> {
        let Opening { wire, protocol, form } = self.connector.connect(&hop.url, &hop.way.route).await?;
        if protocol == Protocol::Http1 && hop.url.as_url().scheme() == "https" {
            self.first_contacts.speaks_http1(&hop.key());
        }
        let connection = Connection::open(wire, protocol, form, self.header_bytes_max)
            .await
            .map_err(|source| FetchError::Exchange { authority: authority(&hop.url), source })?;
        if let Connection::Http2(shared) = &connection {
            self.pool.put(&hop.key(), Connection::Http2(shared.clone()));
        }
        Ok(connection)
    }

    /// A kept connection that the peer has not closed.
    async fn kept(&self, key: &str) -> Option<Connection> {
        while let Some(mut connection) = self.pool.take(key) {
            if connection.is_idle().await {
                return Some(connection);
            }
        }
        None
    }

    fn forget(&self, hop: &Hop<'_>, connection: &Connection) {
        if let Connection::Http2(shared) = connection {
            self.pool.forget(&hop.key(), shared);
        }
    }

    async fn send(
        &self,
        hop: &Hop<'_>,
        connection: &mut Connection,
    ) -> Result<http::Response<Incoming>, FetchError> {
        let message = message(hop, &self.defaults, connection)
            .map_err(|source| FetchError::Request { url: hop.url.to_string(), source })?;
        let answer = connection.send(message, self.header_bytes_max).await.map_err(|source| {
            let over = source.is_parse_too_large() || connection.is_over_limit();
            if connection.is_to_proxy() {
                return FetchError::Proxy { fault: unlike_http(&source, over), blame: Blame::Either };
            }
            if over {
                FetchError::HeaderTooLarge { authority: authority(&hop.url), max: self.header_bytes_max }
            } else {
                broken(&hop.url, source)
            }
        })?;
        if connection.is_to_proxy()
            && let Some(fault) = own_answer(answer.status(), answer.headers())
        {
            // An origin can say so too, to make the proxies rest that others need.
            return Err(FetchError::Proxy { fault, blame: Blame::Either });
        }
        if let Some(cookies) = &hop.way.cookies {
            cookies.keep(&hop.url, answer.headers());
        }
        Ok(answer)
    }

    /// Lets go of a redirect's body; the connection is kept if the body is there already.
    async fn discard(&self, hop: &Hop<'_>, mut answer: Answer) {
        if answer.connection.discard(answer.body).await && answer.connection.is_idle().await {
            self.pool.put(&hop.key(), answer.connection);
        }
    }

    /// Reads the body and makes the response.
    async fn take(&self, hop: Hop<'_>, answer: Answer, caps: BodyCaps) -> Result<Response, FetchError> {
        let Answer { mut connection, head, mut body } = answer;
        let url = &hop.url;
        let fault = |fault| refused(url, fault, caps);
        let mut collector = Collector::new(&head.headers, caps, body.size_hint().exact()).map_err(fault)?;
        connection.limit_body(caps.wire);
        let mut whole = true;
        while let Some(frame) = connection.frame(&mut body).await {
            let frame = frame.map_err(|source| {
                if connection.is_over_limit() {
                    FetchError::BodyTooLarge { url: url.to_string(), max: caps.wire }
                } else {
                    broken(url, source)
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
            self.pool.put(&hop.key(), connection);
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
            final_url: hop.url.into_owned(),
        })
    }
}

impl Answer {
    fn new(connection: Connection, response: http::Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        Self { connection, head, body }
    }
}

fn refused(url: &TargetUrl, fault: BodyFault, caps: BodyCaps) -> FetchError {
    let url = url.to_string();
    match fault {
        BodyFault::TooLarge => FetchError::BodyTooLarge { url, max: caps.wire },
        BodyFault::Bomb => FetchError::DecompressionBomb { url, max: caps.unpacked },
        BodyFault::Encoding(reason) => FetchError::Encoding { url, reason },
    }
}

/// An exchange that broke: an end that came too early is told apart from what is no HTTP.
pub(crate) fn broken(url: &TargetUrl, source: hyper::Error) -> FetchError {
    let authority = authority(url);
    if source.is_incomplete_message() || ended_early(&source) {
        FetchError::EndedEarly { authority }
    } else {
        FetchError::Exchange { authority, source }
    }
}

/// What a proxy did that did not answer a request as HTTP has it.
fn unlike_http(source: &hyper::Error, over: bool) -> ProxyFault {
    match () {
        () if over => ProxyFault::HeadTooLarge,
        () if source.is_parse() => ProxyFault::Protocol,
        () => ProxyFault::Closed,
    }
}

fn ended_early(error: &hyper::Error) -> bool {
    std::iter::successors(std::error::Error::source(error), |source| source.source())
        .filter_map(|source| source.downcast_ref::<io::Error>())
        .any(|source| source.kind() == io::ErrorKind::UnexpectedEof)
}
