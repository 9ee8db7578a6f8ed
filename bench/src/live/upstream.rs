//! An upstream for Pagewire: a server of NDJSON that sends what the bench publishes.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::fan;
use crate::error::{BenchError, Doing as _};

/// The server is to connect within this time.
const CONNECT_MAX: Duration = Duration::from_secs(20);
/// Lines that are written at once where none is waited for.
const BATCH_BYTES: usize = 64 * 1024;

/// A server that waits for its one reader.
pub(crate) struct Upstream {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
}

/// The connection to its reader.
pub(crate) struct Feed {
    socket: TcpStream,
    sent: u64,
}

impl Upstream {
    pub(crate) fn start() -> Result<Self, BenchError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing("cannot listen")?;
        let address = listener.local_addr().doing("cannot listen")?;
        Ok(Self { listener, address })
    }

    /// Waits for the reader, and answers it.
    pub(crate) fn accept(&self) -> Result<Feed, BenchError> {
        self.listener.set_nonblocking(true).doing("cannot set up a listener")?;
        let deadline = Instant::now() + CONNECT_MAX;
        let mut socket = loop {
            match self.listener.accept() {
                Ok((socket, _)) => break socket,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock && Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(5));
                }
                Err(error) => return Err(error).doing("nobody connects to the upstream"),
            }
        };
        socket.set_nonblocking(false).doing("cannot set up a socket")?;
        socket.set_nodelay(true).doing("cannot set up a socket")?;
        let (mut head, mut byte) = (Vec::new(), [0; 1]);
        while !head.ends_with(b"\r\n\r\n") {
            socket.read_exact(&mut byte).doing("cannot read a request")?;
            head.push(byte[0]);
        }
        socket
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n")
            .doing("cannot answer")?;
        Ok(Feed { socket, sent: 0 })
    }
}

impl Feed {
    /// Sends so many events: as fast as they are taken, or `pause` one after the other. `tag` gives an event its tag.
    pub(crate) fn publish(
        &mut self,
        events: usize,
        bytes: usize,
        pause: Option<Duration>,
        tag: impl Fn(u64) -> String,
    ) -> Result<(), BenchError> {
        let mut due = Instant::now();
        let mut lines = Vec::new();
        for _ in 0..events {
            if let Some(pause) = pause {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                due += pause;
            }
            self.sent += 1;
            let (number, tag, text) = (self.sent, tag(self.sent), fan::payload(bytes));
            let line = format!(
                "{{\"id\":\"{number}\",\"url\":\"http://127.0.0.1/{number}\",\"title\":\"{text}\",\"tags\":[\"{tag}\"]}}\n"
            );
            lines.extend_from_slice(line.as_bytes());
            if pause.is_some() || lines.len() >= BATCH_BYTES {
                self.socket.write_all(&lines).doing("cannot send events")?;
                lines.clear();
            }
        }
        self.socket.write_all(&lines).doing("cannot send events")
    }
}
