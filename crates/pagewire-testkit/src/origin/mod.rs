//! A web site for the tests, in the same process, on a free port of 127.0.0.1: pages that are well, and every way of being
//! unwell that a fetcher must survive.
//!
//! It speaks HTTP/1.1 by hand, since a server library refuses to send what many of its routes send. Every request is
//! counted. See [`routes`] for what answers what.

mod counts;
mod pages;
mod routes;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use counts::Counts;
pub use counts::SeenRequest;
pub use pages::{PRODUCT_BYTES, article, product, product_price};

/// The site. It closes with the value.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    site: Arc<Site>,
    /// Owns the accept loop, which owns the connections: dropped, they are all aborted.
    _tasks: JoinSet<()>,
}

/// What the connections share.
#[derive(Debug, Default)]
struct Site {
    counts: Counts,
    /// What `/robots.txt` answers; 404 when there is none.
    robots: Mutex<Option<(u16, String)>>,
    /// Paths with an answer made up by the test.
    fixed: Mutex<BTreeMap<String, FixedPage>>,
    /// How often each `/flaky/…/ID` has been asked for.
    flaky: Mutex<BTreeMap<String, u32>>,
}

impl Origin {
    /// Opens the site.
    pub async fn start() -> Self {
        Self::start_on("127.0.0.1").await
    }

    /// Opens the site on another address of 127.0.0.0/8, which to Pagewire is another host.
    pub async fn start_on(host: &str) -> Self {
        let listener = TcpListener::bind((host, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let site = Arc::new(Site::default());
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&site);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let Ok((socket, _)) = accepted else { continue };
                        connections.spawn(connection(socket, address, Arc::clone(&shared)));
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Self { address, site, _tasks: tasks }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The URLs of product pages 0 up to `count`.
    #[must_use]
    pub fn product_urls(&self, count: usize) -> Vec<String> {
        (0..count).map(|number| self.url(&format!("/p/{number}"))).collect()
    }

    /// Requests so far, `/robots.txt` not counted.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.site.counts.total()
    }

    /// Requests of one path (with its query) so far.
    #[must_use]
    pub fn hits_of(&self, path: &str) -> u64 {
        self.site.counts.of(path)
    }

    /// Requests being answered now.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.site.counts.in_flight()
    }

    /// The most requests that were ever answered at the same time.
    #[must_use]
    pub fn in_flight_max(&self) -> u64 {
        self.site.counts.in_flight_max()
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.site.counts.connections()
    }

    /// The newest request of a path.
    #[must_use]
    pub fn last_request(&self, path: &str) -> Option<SeenRequest> {
        self.site.counts.last(path)
    }

    /// Lets `/robots.txt` answer 200 with this text.
    pub fn set_robots(&self, text: &str) {
        self.set_robots_answer(200, text);
    }

    /// Lets `/robots.txt` answer with this status and text.
    pub fn set_robots_answer(&self, status: u16, text: &str) {
        *lock(&self.site.robots) = Some((status, text.to_owned()));
    }

    /// Lets a path answer with this status, content type and body.
    pub fn set_page(&self, path: &str, status: u16, content_type: &str, body: impl Into<Vec<u8>>) {
        let page = FixedPage {
            status,
            content_type: content_type.to_owned(),
            body: body.into(),
            etag: None,
            headers: Vec::new(),
            delay: Duration::ZERO,
        };
        lock(&self.site.fixed).insert(path.to_owned(), page);
    }

    /// Lets a path answer with this document, which bears an `ETag` of what it says and is not sent again to whoever has it.
    pub fn set_document(&self, path: &str, content_type: &str, body: impl Into<Vec<u8>>) {
        let body = body.into();
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let page = FixedPage {
            status: 200,
            content_type: content_type.to_owned(),
            body,
            etag: Some(format!("\"{:016x}\"", hasher.finish())),
            headers: Vec::new(),
            delay: Duration::ZERO,
        };
        lock(&self.site.fixed).insert(path.to_owned(), page);
    }

    /// Lets a path that was set answer with this header too.
    pub fn add_header(&self, path: &str, name: &str, value: &str) {
        if let Some(page) = lock(&self.site.fixed).get_mut(path) {
            page.headers.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Lets a path that was set answer after so long.
    pub fn delay(&self, path: &str, delay: Duration) {
        if let Some(page) = lock(&self.site.fixed).get_mut(path) {
            page.delay = delay;
        }
    }

    /// Waits until `wanted` holds of the number of requests so far; false when the deadline comes first.
    pub async fn wait_for_hits(&self, wanted: impl Fn(u64) -> bool) -> bool {
        let wait = async {
            while !wanted(self.hits()) {
                self.site.counts.changed().await;
            }
        };
        tokio::time::timeout(crate::DEADLINE, wait).await.is_ok()
    }
}

/// An answer made up by the test.
#[derive(Debug, Clone)]
struct FixedPage {
    status: u16,
    content_type: String,
    body: Vec<u8>,
    etag: Option<String>,
    headers: Vec<(String, String)>,
    delay: Duration,
}

/// A request as it was read.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }
}

/// What becomes of the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Keep,
    Close,
}

async fn connection(mut socket: TcpStream, address: SocketAddr, site: Arc<Site>) {
    site.counts.connection();
    let _ = socket.set_nodelay(true);
    let mut held = Vec::new();
    while let Some(request) = read_request(&mut socket, &mut held).await {
        let _in_flight = site.counts.request(&request);
        match routes::answer(&mut socket, address, &site, &request).await {
            Ok(After::Keep) => {}
            Ok(After::Close) | Err(_) => break,
        }
    }
    let _ = socket.shutdown().await;
}

/// Reads a request with its body; `None` when the client is gone or talks nonsense.
pub(crate) async fn read_request(socket: &mut TcpStream, held: &mut Vec<u8>) -> Option<Request> {
    let end = loop {
        if let Some(end) = crate::wire::find(held, b"\r\n\r\n") {
            break end;
        }
        if socket.read_buf(held).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&held[..end]).into_owned();
    held.drain(..end + 4);
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(Some(0), |(_, value)| value.parse().ok())?;
    while held.len() < length {
        if socket.read_buf(held).await.ok()? == 0 {
            return None;
        }
    }
    let body = held.drain(..length).collect();
    Some(Request { method, target, headers, body })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
