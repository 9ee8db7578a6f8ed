//! A client's side of HTTP/1.1 on one plain socket: a request out, a head in, body bytes as they come.
//!
//! Written by hand, since the tests need what a client library hides: reading that stops at a given byte, a receive buffer
//! of a given size, and the end of the body told from the end of the connection.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::DEADLINE;

/// What is asked of the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

/// A connection whose answer's head has been read.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    socket: TcpStream,
    /// Bytes read and not yet given on.
    held: Vec<u8>,
    framing: Framing,
}

#[derive(Debug)]
enum Framing {
    /// So many bytes are still to come.
    Length(u64),
    /// Bytes left of the chunk that is being read; `None` before a chunk's size line.
    Chunked(Option<u64>),
    ToClose,
    Ended,
}

impl Exchange {
    /// Connects, sends the request, and reads the answer's head.
    pub(crate) async fn open(address: SocketAddr, request: Request<'_>, receive_buffer: Option<u32>) -> Self {
        tokio::time::timeout(DEADLINE, Self::open_unbounded(address, request, receive_buffer))
            .await
            .unwrap_or_else(|_| panic!("{} {}: no answer within {DEADLINE:?}", request.method, request.path))
    }

    async fn open_unbounded(address: SocketAddr, request: Request<'_>, receive_buffer: Option<u32>) -> Self {
        let socket =
            if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.expect("a socket");
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes).expect("a receive buffer of that size");
        }
        let mut socket = socket.connect(address).await.expect("the server accepts");
        socket.set_nodelay(true).expect("no delay");

        let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
        let named = |name: &str| request.headers.iter().any(|(have, _)| have.eq_ignore_ascii_case(name));
        if !named("host") {
            head.push_str(&format!("host: {address}\r\n"));
        }
        if !named("content-length") && !named("transfer-encoding") && !request.body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", request.body.len()));
        }
        for (name, value) in request.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        socket.write_all(head.as_bytes()).await.expect("the server reads the head");
        // A server may answer and close before it has read a body that it refuses: the answer is what counts.
        let refused_early = socket.write_all(request.body).await.is_err();

        let mut held = Vec::new();
        let end = loop {
            if let Some(end) = find(&held, b"\r\n\r\n") {
                break end;
            }
            let read = socket.read_buf(&mut held).await.unwrap_or(0);
            assert!(
                read > 0,
                "{} {}: connection closed before an answer (body refused early: {refused_early})",
                request.method,
                request.path
            );
        };
        let text = std::str::from_utf8(&held[..end]).expect("a head in ASCII").to_owned();
        held.drain(..end + 4);
        let mut lines = text.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .and_then(|code| code.parse().ok())
            .unwrap_or_else(|| panic!("not a status line: {text}"));
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let framing = framing(request.method, status, &headers);
        Self { status, headers, socket, held, framing }
    }

    /// The next bytes of the body, at most `max`; empty at its end. Panics when the connection ends before the body does.
    pub(crate) async fn read(&mut self, max: usize) -> Vec<u8> {
        loop {
            match &mut self.framing {
                Framing::Ended => return Vec::new(),
                Framing::ToClose => {
                    if self.held.is_empty() && self.fill().await == 0 {
                        self.framing = Framing::Ended;
                        continue;
                    }
                    return self.take(max);
                }
                Framing::Length(0) => self.framing = Framing::Ended,
                Framing::Length(left) => {
                    let most = max.min(usize::try_from(*left).unwrap_or(max));
                    self.fill_or_panic().await;
                    let bytes = self.take(most);
                    if let Framing::Length(left) = &mut self.framing {
                        *left -= bytes.len() as u64;
                    }
                    return bytes;
                }
                Framing::Chunked(None) => {
                    if !self.chunk_head() {
                        assert!(self.fill().await > 0, "the connection ended inside a chunked body");
                    }
                }
                Framing::Chunked(Some(left)) => {
                    let most = max.min(usize::try_from(*left).unwrap_or(max));
                    self.fill_or_panic().await;
                    let bytes = self.take(most);
                    if let Framing::Chunked(Some(left)) = &mut self.framing {
                        *left -= bytes.len() as u64;
                        if *left == 0 {
                            self.framing = Framing::Chunked(None);
                        }
                    }
                    return bytes;
                }
            }
        }
    }

    /// As [`Exchange::read`], with a connection that breaks off told as the end: `None` then, and at the body's end.
    pub(crate) async fn read_until_cut(&mut self, max: usize) -> Option<Vec<u8>> {
        loop {
            // A whole chunk's head must be held before `read` is asked, since it panics at a cut inside one.
            let held_enough = match &self.framing {
                Framing::Ended => return None,
                Framing::Chunked(None) => {
                    find(self.held.strip_prefix(b"\r\n").unwrap_or(&self.held), b"\r\n").is_some()
                }
                Framing::Length(_) | Framing::ToClose | Framing::Chunked(Some(_)) => !self.held.is_empty(),
            };
            if held_enough {
                let bytes = self.read_held(max).await;
                if !bytes.is_empty() {
                    return Some(bytes);
                }
            } else if self.fill().await == 0 {
                return None;
            }
        }
    }

    /// One step of [`Exchange::read`] on what is held; empty after a step that only moved the framing on.
    async fn read_held(&mut self, max: usize) -> Vec<u8> {
        if let Framing::Chunked(None) = self.framing {
            self.chunk_head();
            return Vec::new();
        }
        self.read(max).await
    }

    /// Takes a chunk's size line off what is held, if all of it is there.
    fn chunk_head(&mut self) -> bool {
        if self.held.starts_with(b"\r\n") {
            self.held.drain(..2); // the line break after a chunk
        }
        let Some(end) = find(&self.held, b"\r\n") else { return false };
        let line = String::from_utf8_lossy(&self.held[..end]).into_owned();
        self.held.drain(..end + 2);
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).unwrap_or_else(|_| panic!("not a chunk size: {line:?}"));
        self.framing = if size == 0 { Framing::Ended } else { Framing::Chunked(Some(size)) };
        true
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether the server has closed its side, waiting at most until the deadline for that.
    pub(crate) async fn is_closed(&mut self) -> bool {
        matches!(tokio::time::timeout(DEADLINE, self.fill()).await, Ok(0))
    }

    async fn fill(&mut self) -> usize {
        self.socket.read_buf(&mut self.held).await.unwrap_or(0)
    }

    async fn fill_or_panic(&mut self) {
        if self.held.is_empty() {
            assert!(self.fill().await > 0, "the connection ended inside the body");
        }
    }

    fn take(&mut self, max: usize) -> Vec<u8> {
        let count = max.min(self.held.len());
        self.held.drain(..count).collect()
    }
}

fn framing(method: &str, status: u16, headers: &[(String, String)]) -> Framing {
    let value = |name: &str| headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str());
    if method == "HEAD" || status == 204 || status == 304 {
        return Framing::Ended;
    }
    if value("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
        return Framing::Chunked(None);
    }
    value("content-length").and_then(|value| value.parse().ok()).map_or(Framing::ToClose, Framing::Length)
}

/// Where `needle` starts in `haystack`.
pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
