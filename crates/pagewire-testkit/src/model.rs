//! A language model for the tests: a server of chat completions on a free port of 127.0.0.1 that answers what it was told
//! to, and remembers what it was asked. It holds its questions to the protocol as a real one does.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::origin::{Request, read_request};

/// What the next question is answered with.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A completion whose content is this.
    Content(String),
    /// This status and body, whatever they are.
    Raw(u16, String),
    /// A redirect to there.
    Redirect(String),
    /// Nothing, as long as it is waited for.
    Silence,
    /// The end of the connection.
    HangUp,
}

impl Reply {
    /// A completion whose content is this object.
    #[must_use]
    pub fn object(fields: &Value) -> Self {
        Self::Content(fields.to_string())
    }
}

/// A question as it came.
#[derive(Debug, Clone)]
pub struct Question {
    /// `Authorization`, if it was sent.
    pub authorization: Option<String>,
    /// The body.
    pub body: Value,
}

impl Question {
    /// What the user's message says.
    #[must_use]
    pub fn text(&self) -> &str {
        self.body["messages"][1]["content"].as_str().unwrap_or_default()
    }
}

#[derive(Debug, Default)]
struct Seat {
    replies: Mutex<VecDeque<Reply>>,
    questions: Mutex<Vec<Question>>,
}

/// The server. It closes with the value.
#[derive(Debug)]
pub struct ModelServer {
    address: SocketAddr,
    seat: Arc<Seat>,
    _tasks: JoinSet<()>,
}

impl ModelServer {
    /// Opens the server.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let seat = Arc::new(Seat::default());
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&seat);
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
        Self { address, seat, _tasks: tasks }
    }

    /// The base URL of its API.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Adds to what it answers, in order; the last answer is repeated.
    pub fn reply(&self, reply: Reply) {
        lock(&self.seat.replies).push_back(reply);
    }

    /// Lets it answer this from now on.
    pub fn reply_only(&self, reply: Reply) {
        *lock(&self.seat.replies) = VecDeque::from([reply]);
    }

    /// What it was asked so far.
    #[must_use]
    pub fn questions(&self) -> Vec<Question> {
        lock(&self.seat.questions).clone()
    }
}

async fn connection(mut socket: TcpStream, seat: Arc<Seat>) {
    let mut held = Vec::new();
    while let Some(request) = read_request(&mut socket, &mut held).await {
        let (status, body, location) = match reply_to(&request, &seat) {
            Reply::Content(content) => (200, completion(&content), None),
            Reply::Raw(status, body) => (status, body, None),
            Reply::Redirect(location) => (307, String::new(), Some(location)),
            Reply::Silence => std::future::pending().await,
            Reply::HangUp => break,
        };
        let location = location.map_or_else(String::new, |to| format!("location: {to}\r\n"));
        let head = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\n{location}content-length: {}\r\n\r\n",
            body.len()
        );
        if socket.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await.is_err() {
            break;
        }
    }
}

fn reply_to(request: &Request, seat: &Seat) -> Reply {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let is_question = request.method == "POST"
        && request.target == "/v1/chat/completions"
        && request.header("content-type") == Some("application/json")
        && body["model"].is_string()
        && body["max_tokens"].is_u64()
        && body["messages"][0]["role"] == "system"
        && body["messages"][1]["role"] == "user";
    if !is_question {
        return Reply::Raw(400, json!({"error": {"message": "this is no question"}}).to_string());
    }
    lock(&seat.questions)
        .push(Question { authorization: request.header("authorization").map(str::to_owned), body });
    let mut replies = lock(&seat.replies);
    let next = if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() };
    next.unwrap_or_else(|| Reply::Raw(503, "{}".to_owned()))
}

fn completion(content: &str) -> String {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "test",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    })
    .to_string()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
