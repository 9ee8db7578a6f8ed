//! Just enough HTTP/1.1 over a bare socket to measure with: the client must cost next to nothing, since it shares the
//! machine with what it measures.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::{BenchError, Doing as _};

/// Silence for so long means that a contestant hangs.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Head of an answer at most.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Large, so that a stream of pages is read in few system calls.
const BUFFER_BYTES: usize = 256 * 1024;

/// An answer whose body is still coming in.
pub(crate) struct Answer {
    socket: TcpStream,
    /// The status of the answer.
    pub(crate) status: u16,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    framing: Framing,
}

enum Framing {
    /// Bytes left.
    Length(u64),
    /// Bytes left of the chunk.
    Chunked(usize),
    /// Inside the line that tells a chunk's size.
    ChunkSize,
    UntilClose,
    Done,
}

/// Sends a request and reads the answer's head.
pub(crate) fn send(address: SocketAddr, head: &str, body: &[u8]) -> Result<Answer, BenchError> {
    let mut socket = TcpStream::connect(address).doing("cannot connect")?;
    socket.set_nodelay(true).doing("cannot set up a socket")?;
    socket.set_read_timeout(Some(READ_TIMEOUT)).doing("cannot set up a socket")?;
    let mut request = head.as_bytes().to_vec();
    request.extend_from_slice(body);
    socket.write_all(&request).doing("cannot send a request")?;

    let mut buffer = vec![0; BUFFER_BYTES];
    let mut end = 0;
    let head_end = loop {
        let got = socket.read(&mut buffer[end..]).doing("cannot read an answer's head")?;
        end += got;
        if let Some(at) = memchr::memmem::find(&buffer[..end], b"\r\n\r\n") {
            break at + 4;
        }
        if got == 0 || end > HEAD_BYTES_MAX {
            return Err(BenchError::Contestant {
                who: "HTTP",
                detail: "an answer without a head".to_owned(),
            });
        }
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|text| text.trim().parse().ok());
    let framing = if head.contains("\r\ntransfer-encoding: chunked") {
        Framing::ChunkSize
    } else {
        length.map_or(Framing::UntilClose, Framing::Length)
    };
    Ok(Answer { socket, status, buffer, start: head_end, end, framing })
}

/// GETs `path` and reads the whole body.
pub(crate) fn get(address: SocketAddr, path: &str) -> Result<(u16, Vec<u8>), BenchError> {
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut answer = send(address, &head, b"")?;
    let mut body = Vec::new();
    while let Some(piece) = answer.next()? {
        body.extend_from_slice(piece);
    }
    Ok((answer.status, body))
}

impl Answer {
    /// The next piece of the body, whatever has come; `None` at its end.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, BenchError> {
        loop {
            if self.start == self.end && !matches!(self.framing, Framing::Done | Framing::Length(0)) {
                self.end = self.socket.read(&mut self.buffer).doing("cannot read a body")?;
                self.start = 0;
                if self.end == 0 {
                    return match self.framing {
                        Framing::UntilClose => Ok(None),
                        _ => Err(BenchError::Contestant {
                            who: "HTTP",
                            detail: "a body was cut off".to_owned(),
                        }),
                    };
                }
            }
            let here = self.start;
            let held = self.end - here;
            match &mut self.framing {
                Framing::Done | Framing::Length(0) => return Ok(None),
                Framing::UntilClose => {
                    self.start = self.end;
                    return Ok(Some(&self.buffer[here..self.end]));
                }
                Framing::Length(left) => {
                    let taken = usize::try_from(*left).map_or(held, |left| left.min(held));
                    *left -= taken as u64;
                    self.start += taken;
                    return Ok(Some(&self.buffer[here..here + taken]));
                }
                Framing::Chunked(left) => {
                    let taken = (*left).min(held);
                    *left -= taken;
                    if *left == 0 {
                        self.framing = Framing::ChunkSize;
                    }
                    self.start += taken;
                    return Ok(Some(&self.buffer[here..here + taken]));
                }
                Framing::ChunkSize => self.chunk_size()?,
            }
        }
    }

    /// Reads the line before a chunk, with the line end that closes the chunk before it.
    fn chunk_size(&mut self) -> Result<(), BenchError> {
        let mut digits = String::new();
        loop {
            if self.start == self.end {
                self.end = self.socket.read(&mut self.buffer).doing("cannot read a body")?;
                self.start = 0;
            }
            let Some(&byte) = self.buffer[..self.end].get(self.start) else {
                return Err(BenchError::Contestant { who: "HTTP", detail: "a body was cut off".to_owned() });
            };
            self.start += 1;
            match byte {
                b'\n' if digits.is_empty() => {}
                b'\n' => break,
                b'\r' => {}
                other => digits.push(char::from(other)),
            }
        }
        let size = usize::from_str_radix(&digits, 16).map_err(|_| BenchError::Contestant {
            who: "HTTP",
            detail: format!("a chunk of size {digits:?}"),
        })?;
        self.framing = if size == 0 { Framing::Done } else { Framing::Chunked(size) };
        Ok(())
    }
}
