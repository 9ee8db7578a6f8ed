//! A firehose for the tests: a server on a free port of 127.0.0.1 whose log of messages is told in three ways, each with the
//! resume that its kind has, and each as unwell as it is asked to be.
//!
//! | path | speaks as | goes on at |
//! |---|---|---|
//! | `/v2/stream/recentchange` | Wikimedia's EventStreams: Server-Sent Events whose id is a JSON array of topics, partitions and offsets | `Last-Event-ID`, after it |
//! | `/subscribe` | Bluesky's Jetstream: WebSocket, `time_us` in each message, `wantedCollections` | `?cursor=`, a `time_us`, with it |
//! | `/lines` | a JSON text a line | `?cursor=`, a number, after it |
//!
//! Without a place to go on at, a connection begins with what is said after it, as these do. All see the same log: what
//! cannot be read stands in it for every connection that passes there.

mod messages;
mod socket;
mod streams;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::origin::{Request, read_request};

pub use messages::{COLLECTION, post, recent_change};

/// What a connection does wrong. Each is for one connection, in their order; those after it are well.
#[derive(Debug, Clone)]
pub enum Misdeed {
    /// It is answered with this status, header lines and body.
    Answer(u16, String, String),
    /// After so many messages it ends like this.
    After(usize, Break),
    /// It says everything in pieces of so many bytes.
    Dribble(usize),
}

/// How a connection ends.
#[derive(Debug, Clone)]
pub enum Break {
    /// In the middle of a message.
    HalfMessage,
    /// With a reset.
    Reset,
    /// As its protocol has it; a WebSocket with this code and reason.
    Close(u16, String),
    /// Not at all: nothing is said any more, and nothing heard.
    Silence,
}

/// What stands in the log.
#[derive(Debug, Clone)]
enum Entry {
    /// The message of its place.
    Usual,
    /// The same, with a name more, whose value has so many bytes.
    Padded(usize),
    /// This, whatever it is.
    Raw(Arc<str>),
}

impl Entry {
    /// What is said of it, where the message of its place is this.
    fn text(self, usual: &Value) -> String {
        let mut text = usual.to_string();
        match self {
            Self::Usual => {}
            Self::Padded(bytes) => {
                text.pop();
                text.push_str(&format!(",\"padding\":\"{}\"}}", "x".repeat(bytes)));
            }
            Self::Raw(raw) => text = raw.to_string(),
        }
        text
    }
}

/// A connection as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Path and query.
    pub target: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Asked {
    /// A header, if it was sent.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    /// The values of a query parameter, percent-decoding left to who needs it.
    fn parameters<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        query
            .split('&')
            .filter_map(move |pair| pair.split_once('=').filter(|(have, _)| *have == name))
            .map(|it| it.1)
    }
}

/// What connections share.
#[derive(Debug)]
struct Desk {
    log: Mutex<Vec<Entry>>,
    length: watch::Sender<usize>,
    misdeeds: Mutex<VecDeque<Misdeed>>,
    asked: Mutex<Vec<Asked>>,
    retry_ms: Mutex<Option<u64>>,
    said: AtomicUsize,
}

/// The server. It closes with the value.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    desk: Arc<Desk>,
    _tasks: JoinSet<()>,
}

impl Upstream {
    /// Opens the server, with an empty log.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let desk = Arc::new(Desk {
            log: Mutex::default(),
            length: watch::Sender::new(0),
            misdeeds: Mutex::default(),
            asked: Mutex::default(),
            retry_ms: Mutex::default(),
            said: AtomicUsize::new(0),
        });
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&desk);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let Ok((socket, _)) = accepted else { continue };
                        connections.spawn(connection(socket, Arc::clone(&shared)));
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Self { address, desk, _tasks: tasks }
    }

    /// The URL of a path, whose scheme is `http` or `ws`.
    #[must_use]
    pub fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{path}", self.address)
    }

    /// Says so many messages more. The message at a place is told apart by the place's number.
    pub fn publish(&self, count: usize) {
        self.extend(std::iter::repeat_n(Entry::Usual, count));
    }

    /// The same, each with so many bytes more.
    pub fn publish_large(&self, count: usize, bytes: usize) {
        self.extend(std::iter::repeat_n(Entry::Padded(bytes), count));
    }

    /// Says this, which may be anything.
    pub fn publish_raw(&self, text: &str) {
        self.extend([Entry::Raw(text.into())]);
    }

    /// Lets the connections from now on do these, one each.
    pub fn misbehave(&self, misdeeds: impl IntoIterator<Item = Misdeed>) {
        lock(&self.desk.misdeeds).extend(misdeeds);
    }

    /// Lets event streams begin with this `retry:`.
    pub fn set_retry_ms(&self, retry_ms: u64) {
        *lock(&self.desk.retry_ms) = Some(retry_ms);
    }

    /// The connections so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.desk.asked).clone()
    }

    /// Messages said so far, on all connections.
    #[must_use]
    pub fn said(&self) -> usize {
        self.desk.said.load(Ordering::Relaxed)
    }

    fn extend(&self, entries: impl IntoIterator<Item = Entry>) {
        let mut log = lock(&self.desk.log);
        log.extend(entries);
        self.desk.length.send_replace(log.len());
    }
}

async fn connection(mut socket: TcpStream, desk: Arc<Desk>) {
    let _ = socket.set_nodelay(true);
    let mut held = Vec::new();
    let Some(Request { target, headers, .. }) = read_request(&mut socket, &mut held).await else { return };
    let asked = Asked { target, headers };
    let misdeed = lock(&desk.misdeeds).pop_front();
    // The live end is where the log ends once the connection is known of.
    let live_end = *desk.length.borrow();
    lock(&desk.asked).push(asked.clone());
    let misdeed = match misdeed {
        Some(Misdeed::Answer(status, header, body)) => {
            let length = body.len();
            let answer = format!("HTTP/1.1 {status} -\r\n{header}content-length: {length}\r\n\r\n{body}");
            let _ = socket.write_all(answer.as_bytes()).await;
            let _ = socket.shutdown().await;
            return;
        }
        other => other,
    };
    let manner = Manner::of(misdeed);
    // A peer that has gone is no fault of the server.
    let _ = match asked.target.split('?').next() {
        Some("/v2/stream/recentchange") => streams::sse(socket, &desk, &asked, live_end, manner).await,
        Some("/lines") => streams::lines(socket, &desk, &asked, live_end, manner).await,
        Some("/subscribe") => socket::jetstream(socket, &desk, &asked, live_end, manner).await,
        _ => socket.write_all(b"HTTP/1.1 404 -\r\ncontent-length: 0\r\n\r\n").await,
    };
}

/// How one connection goes about it.
#[derive(Debug, Clone)]
struct Manner {
    /// Messages until its end, and how that is.
    end: Option<(usize, Break)>,
    piece_bytes: usize,
}

impl Manner {
    fn of(misdeed: Option<Misdeed>) -> Self {
        match misdeed {
            Some(Misdeed::After(count, how)) => Self { end: Some((count, how)), piece_bytes: usize::MAX },
            Some(Misdeed::Dribble(bytes)) => Self { end: None, piece_bytes: bytes },
            Some(Misdeed::Answer(..)) | None => Self { end: None, piece_bytes: usize::MAX },
        }
    }

    /// How the connection ends, once it has said so many messages.
    fn end_after(&self, said: usize) -> Option<&Break> {
        self.end.as_ref().filter(|(count, _)| said >= *count).map(|(_, how)| how)
    }
}

/// Entries from a place on that are said in one go: at most so many.
const RUN: usize = 256;

impl Desk {
    fn count_said(&self, count: usize) {
        self.said.fetch_add(count, Ordering::Relaxed);
    }

    /// The entries at a place and after, once there are some.
    async fn entries(&self, from: usize) -> Vec<Entry> {
        let mut length = self.length.subscribe();
        if length.wait_for(|length| *length > from).await.is_err() {
            return std::future::pending().await;
        }
        lock(&self.log)[from..].iter().take(RUN).cloned().collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
