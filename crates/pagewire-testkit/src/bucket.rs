//! An object store for the tests, on a free port of 127.0.0.1: what S3 and Google Cloud Storage answer to whoever reads
//! objects by path: HEAD, GET, one range, `If-Match`. It lists nothing, and who may read is the test's to say, by what
//! stands in `Authorization`; roles and signatures of S3 are tried on a real server of it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::origin::{Request, read_request};

/// An object, and what happens to it.
#[derive(Debug, Clone)]
struct Object {
    bytes: Arc<Vec<u8>>,
    /// What it is replaced by once its first part was given.
    then: Option<Arc<Vec<u8>>>,
}

/// Says whether one who asks so may read.
type Doorkeeper = Box<dyn Fn(Option<&str>) -> bool + Send + Sync>;

#[derive(Default)]
struct Shelf {
    /// By `/bucket/key`; `None` is there, and nobody may read it.
    objects: Mutex<HashMap<String, Option<Object>>>,
    requests: Mutex<Vec<String>>,
    asked: Notify,
    /// Parts that are given before the next one has to wait; `None` for all.
    parts_left: Mutex<Option<usize>>,
    let_go: Notify,
    /// Without one, anybody may read.
    doorkeeper: Mutex<Option<Doorkeeper>>,
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shelf").field("requests", &self.requests).finish_non_exhaustive()
    }
}

/// The running server; dropping it closes it.
#[derive(Debug)]
pub struct BucketServer {
    address: SocketAddr,
    shelf: Arc<Shelf>,
    _serving: JoinSet<()>,
}

impl BucketServer {
    /// Starts it, empty.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let shelf = Arc::new(Shelf::default());
        let mut serving = JoinSet::new();
        let serve = shelf.clone();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                connections.spawn(answer(socket, serve.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, shelf, _serving: serving }
    }

    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts an object there.
    pub fn put(&self, bucket: &str, key: &str, bytes: impl Into<Vec<u8>>) {
        let object = Object { bytes: Arc::new(bytes.into()), then: None };
        lock(&self.shelf.objects).insert(format!("/{bucket}/{key}"), Some(object));
    }

    /// Puts one there that becomes another once its first part was given.
    pub fn put_changing(&self, bucket: &str, key: &str, first: impl Into<Vec<u8>>, then: impl Into<Vec<u8>>) {
        let object = Object { bytes: Arc::new(first.into()), then: Some(Arc::new(then.into())) };
        lock(&self.shelf.objects).insert(format!("/{bucket}/{key}"), Some(object));
    }

    /// Puts one there that nobody may read.
    pub fn deny(&self, bucket: &str, key: &str) {
        lock(&self.shelf.objects).insert(format!("/{bucket}/{key}"), None);
    }

    /// Answers only those whose `Authorization` the test lets in; others are told 401.
    pub fn let_in(&self, may_read: impl Fn(Option<&str>) -> bool + Send + Sync + 'static) {
        *lock(&self.shelf.doorkeeper) = Some(Box::new(may_read));
    }

    /// Gives so many parts, and then keeps whoever asks for another waiting until [`Self::release`].
    pub fn hold_after(&self, parts: usize) {
        *lock(&self.shelf.parts_left) = Some(parts);
    }

    /// Gives all that is asked for again.
    pub fn release(&self) {
        *lock(&self.shelf.parts_left) = None;
        self.shelf.let_go.notify_waiters();
    }

    /// What was asked for so far: `GET /bucket/key`.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        lock(&self.shelf.requests).clone()
    }

    /// Until so many parts were asked for.
    pub async fn wait_for_parts(&self, parts: usize) {
        let enough = async {
            loop {
                let asked = self.shelf.asked.notified();
                if self.requests().iter().filter(|request| request.starts_with("GET ")).count() >= parts {
                    return;
                }
                asked.await;
            }
        };
        let in_time = tokio::time::timeout(crate::DEADLINE, enough).await.is_ok();
        assert!(in_time, "{parts} parts were not asked for: {:?}", self.requests());
    }
}

async fn answer(mut socket: TcpStream, shelf: Arc<Shelf>) {
    let Some(request) = read_request(&mut socket, &mut Vec::new()).await else { return };
    let path = decoded(request.target.split('?').next().unwrap_or_default());
    lock(&shelf.requests).push(format!("{} {path}", request.method));
    shelf.asked.notify_waiters();
    let is_let_in =
        lock(&shelf.doorkeeper).as_ref().is_none_or(|may_read| may_read(request.header("authorization")));
    let found = lock(&shelf.objects).get(&path).cloned();
    let (head, body) = match found {
        _ if !is_let_in => (refusal("401 Unauthorized", "AuthenticationRequired"), Vec::new()),
        None => (refusal("404 Not Found", "NoSuchKey"), Vec::new()),
        Some(None) => (refusal("403 Forbidden", "AccessDenied"), Vec::new()),
        Some(Some(object)) => give(&request, &path, &object, &shelf).await,
    };
    let _ = socket.write_all(head.as_bytes()).await;
    let _ = socket.write_all(&body).await;
    let _ = socket.shutdown().await;
}

async fn give(request: &Request, path: &str, object: &Object, shelf: &Shelf) -> (String, Vec<u8>) {
    let (length, etag) = (object.bytes.len(), etag_of(&object.bytes));
    let about =
        format!("etag: {etag}\r\nlast-modified: Sat, 03 Jan 2026 10:00:00 GMT\r\nconnection: close\r\n");
    if request.method == "HEAD" {
        return (format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n{about}\r\n"), Vec::new());
    }
    wait_for_a_part(shelf).await;
    if request.header("if-match").is_some_and(|wanted| wanted != etag) {
        return (refusal("412 Precondition Failed", "PreconditionFailed"), Vec::new());
    }
    if let Some(then) = &object.then {
        let now = Object { bytes: then.clone(), then: None };
        lock(&shelf.objects).insert(path.to_owned(), Some(now));
    }
    match request.header("range").and_then(range_of) {
        Some((first, last)) if first < length => {
            let end = length.min(last + 1);
            let head = format!(
                "HTTP/1.1 206 Partial Content\r\ncontent-length: {}\r\ncontent-range: bytes {first}-{}/{length}\r\n{about}\r\n",
                end - first,
                end - 1
            );
            (head, object.bytes[first..end].to_vec())
        }
        _ => (format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n{about}\r\n"), object.bytes.to_vec()),
    }
}

async fn wait_for_a_part(shelf: &Shelf) {
    loop {
        let let_go = shelf.let_go.notified();
        match &mut *lock(&shelf.parts_left) {
            None => return,
            Some(0) => {}
            Some(left) => {
                *left -= 1;
                return;
            }
        }
        let_go.await;
    }
}

fn refusal(status: &str, code: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nx-code: {code}\r\nconnection: close\r\n\r\n")
}

/// `bytes=5-9`
fn range_of(text: &str) -> Option<(usize, usize)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// A name of the content, different for a different one.
fn etag_of(bytes: &[u8]) -> String {
    use std::hash::{Hash as _, Hasher as _};
    let mut hasher = std::hash::DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

fn decoded(path: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digits: Vec<u8> = bytes.by_ref().take(2).collect();
        let text = std::str::from_utf8(&digits).expect("two digits");
        out.push(u8::from_str_radix(text, 16).expect("two digits"));
    }
    String::from_utf8(out).expect("UTF-8")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
