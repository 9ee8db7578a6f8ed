//! A proxy in the same process: one that works, for plain requests and for tunnels, and every way of not working that
//! whoever goes through proxies must survive.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What a proxy does with those that ask it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conduct {
    /// What they ask for.
    Works,
    /// Nothing, for ever.
    Hangs,
    /// Demands credentials that nobody has.
    Demands,
    /// Resets the connection.
    Resets,
    /// Answers 200, and then a page of its own.
    Html,
    /// Answers what is no HTTP.
    Rubbish,
    /// Answers headers without an end.
    EndlessHead,
    /// Says that the target cannot be reached.
    Unreachable,
}

/// The proxy. It closes with the value.
#[derive(Debug)]
pub struct ProxyServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    conduct: Mutex<Conduct>,
    heads: Mutex<Vec<String>>,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    connections: u64,
    under_way: u64,
    under_way_max: u64,
}

/// Heads that are remembered.
const HEADS_MAX: usize = 10_000;
/// Bytes of a head.
const HEAD_BYTES_MAX: usize = 64 << 10;

impl ProxyServer {
    /// Opens a proxy on a free port of 127.0.0.1.
    pub async fn start(conduct: Conduct) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            conduct: Mutex::new(conduct),
            heads: Mutex::default(),
            counts: Mutex::default(),
        });
        let (mut tasks, mine) = (JoinSet::new(), shared.clone());
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let Ok((socket, _)) = accepted else { continue };
                        let shared = mine.clone();
                        connections.spawn(async move { shared.serve(socket).await });
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Self { address, shared, _tasks: tasks }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Behaves otherwise from the next connection on.
    pub fn behave(&self, conduct: Conduct) {
        *lock(&self.shared.conduct) = conduct;
    }

    /// Connections that it took.
    #[must_use]
    pub fn connections(&self) -> u64 {
        lock(&self.shared.counts).connections
    }

    /// The most that were open at once.
    #[must_use]
    pub fn connections_at_once(&self) -> u64 {
        lock(&self.shared.counts).under_way_max
    }

    /// The heads of the requests that it read.
    #[must_use]
    pub fn heads(&self) -> Vec<String> {
        lock(&self.shared.heads).clone()
    }
}

impl Shared {
    async fn serve(&self, mut socket: TcpStream) {
        {
            let mut counts = lock(&self.counts);
            counts.connections += 1;
            counts.under_way += 1;
            counts.under_way_max = counts.under_way_max.max(counts.under_way);
        }
        let conduct = *lock(&self.conduct);
        self.answer(conduct, &mut socket).await;
        lock(&self.counts).under_way -= 1;
    }

    async fn answer(&self, conduct: Conduct, socket: &mut TcpStream) {
        if conduct == Conduct::Resets {
            // Closed with bytes unread, or at once where lingering is off, a socket is reset.
            let _ = socket.set_zero_linger();
            return;
        }
        let Some(head) = read_head(socket).await else { return };
        {
            let mut heads = lock(&self.heads);
            if heads.len() < HEADS_MAX {
                heads.push(head.clone());
            }
        }
        let page = "<!DOCTYPE html><title>Welcome</title><p>Please accept the terms.";
        let text = match conduct {
            Conduct::Works => return pass_on(socket, &head).await,
            Conduct::Resets => return,
            Conduct::Hangs => return std::future::pending().await,
            Conduct::Demands => "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n".to_owned(),
            Conduct::Html => format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{page}", page.len()),
            Conduct::Rubbish => "\u{1}\u{2}\u{3} SSH-2.0-OpenSSH_9.9\r\n\r\n".to_owned(),
            Conduct::Unreachable => "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n".to_owned(),
            Conduct::EndlessHead => return endless_head(socket).await,
        };
        let _ = socket.write_all(text.as_bytes()).await;
        // What the client still says is read, so that it gets the answer rather than a reset.
        let mut rest = [0; 1_024];
        while socket.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    }
}

async fn endless_head(socket: &mut TcpStream) {
    let line = format!("X-More: {}\r\n", "x".repeat(500));
    if socket.write_all(b"HTTP/1.1 200 OK\r\n").await.is_err() {
        return;
    }
    while socket.write_all(line.as_bytes()).await.is_ok() {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
}

/// Does what a proxy is asked for.
async fn pass_on(socket: &mut TcpStream, head: &str) {
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if method == "CONNECT" {
        let Ok(mut upstream) = TcpStream::connect(target).await else {
            let _ = socket.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await;
            return;
        };
        if socket.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.is_ok() {
            let _ = copy_bidirectional(socket, &mut upstream).await;
        }
        return;
    }
    let Some(rest) = target.strip_prefix("http://") else {
        let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        return;
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let authority = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
    let Ok(mut upstream) = TcpStream::connect(&authority).await else {
        let _ = socket.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").await;
        return;
    };
    let head = head.replacen(target, &format!("/{path}"), 1);
    // What is for the proxy ends here.
    let is_for_proxy = |line: &&str| line.to_ascii_lowercase().starts_with("proxy-");
    let lines: Vec<&str> = head.split("\r\n").filter(|line| !is_for_proxy(line)).collect();
    let head = lines.join("\r\n").replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1);
    if upstream.write_all(head.as_bytes()).await.is_ok() {
        let _ = tokio::io::copy(&mut upstream, socket).await;
        let _ = socket.shutdown().await;
    }
}

/// Reads a request's head, byte by byte so that nothing behind it is taken.
async fn read_head(socket: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > HEAD_BYTES_MAX {
            return None;
        }
        head.push(socket.read_u8().await.ok()?);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
