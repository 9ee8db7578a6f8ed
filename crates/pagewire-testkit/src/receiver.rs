//! A receiver of webhooks for the tests: a server on a free port of 127.0.0.1 that answers what it was told to, and
//! remembers what it was sent, headers and all.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::DEADLINE;
use crate::origin::{Request, read_request};
use crate::wait::eventually;

/// What a delivery is answered.
#[derive(Debug, Clone)]
pub enum Answer {
    /// This status, with a body that says so.
    Status(u16),
    /// This status, with a header and a body.
    With(u16, String, String),
    /// Nothing, as long as it is waited for.
    Silence,
}

/// A delivery as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The path that it was sent to.
    pub path: String,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The very bytes of its body.
    pub body: Vec<u8>,
}

impl Received {
    /// A header that must be there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(have, _)| have == name);
        found.map_or_else(|| panic!("no `{name}` among {:?}", self.headers), |(_, value)| value)
    }

    /// Its name, which stays the same however often it is sent.
    #[must_use]
    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    /// What it says.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }
}

#[derive(Debug, Default)]
struct Desk {
    answers: Mutex<VecDeque<Answer>>,
    received: Mutex<Vec<Received>>,
}

/// The server. It closes with the value.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    desk: Arc<Desk>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    /// Opens the server. It takes everything until it is told otherwise.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let desk = Arc::new(Desk::default());
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

    /// A URL of it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Lets it answer these in order; the last one is repeated.
    pub fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        *lock(&self.desk.answers) = answers.into_iter().collect();
    }

    /// What it was sent so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        lock(&self.desk.received).clone()
    }

    /// What it was sent once that is so many. Panics when it does not come to that.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let what = format!("{count} deliveries");
        eventually(&what, DEADLINE, || lock(&self.desk.received).len() >= count).await;
        self.received()
    }
}

async fn connection(mut socket: TcpStream, desk: Arc<Desk>) {
    let mut held = Vec::new();
    while let Some(request) = read_request(&mut socket, &mut held).await {
        let (status, header, body) = match answer_to(request, &desk) {
            Answer::Status(status) => (status, String::new(), format!("status {status}")),
            Answer::With(status, header, body) => (status, format!("{header}\r\n"), body),
            Answer::Silence => std::future::pending().await,
        };
        let head = format!("HTTP/1.1 {status} -\r\n{header}content-length: {}\r\n\r\n", body.len());
        if socket.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await.is_err() {
            break;
        }
    }
}

fn answer_to(request: Request, desk: &Desk) -> Answer {
    if request.method != "POST" {
        return Answer::Status(405);
    }
    let Request { target, headers, body, .. } = request;
    lock(&desk.received).push(Received { path: target, headers, body });
    let mut answers = lock(&desk.answers);
    let next = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
    next.unwrap_or(Answer::Status(204))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
