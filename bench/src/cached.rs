//! The page cache: how many answers a second come of pages that are kept, on connections that stay open, with the load's
//! own cost on the same machine; and that pages which are asked about again come without their bodies.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{BenchError, Doing as _};
use crate::pagewire::Server;
use crate::report::Check;
use crate::stream;

/// Pages that are asked for in turn: more than one, so that nothing is won by asking for the same, and few enough for the
/// memory that the server has by default.
const PAGES: usize = 500;
/// Connections that ask at once.
const CONNECTIONS: usize = 16;
/// How long they ask.
const SPAN: Duration = Duration::from_secs(4);
/// How long an answer may take before the bench gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is asked of each page. Streams of the bench ignore robots.txt, and what they have kept is theirs who do.
const PARAMETERS: &str = r#""formats":["markdown"],"max_age_s":86400,"robots":"ignore","#;
/// The same in a stream.
const IN_A_STREAM: &str = r#""concurrency":100,"formats":["markdown"],"max_age_s":86400,"#;
/// What is promised, in answers a second.
const PROMISED: f64 = 10_000.0;

/// Measures hits by calls, which is what is promised, and by a stream.
pub(crate) fn checks(binary: &Path, work: &Path, products: &[String]) -> Result<Vec<Check>, BenchError> {
    let urls = &products[..PAGES.min(products.len())];
    let server = Server::start(binary, work)?;
    // Once to have them kept, and once to have what is read from them remembered.
    for _ in 0..2 {
        stream::count(server.address, &server.key, urls, IN_A_STREAM)?;
    }
    let requests: Vec<Vec<u8>> = urls.iter().map(|url| request(&server, url)).collect();
    let before = server.cpu_s()?;
    let started = Instant::now();
    let answers = ask(server.address, &requests)?;
    let elapsed = started.elapsed().as_secs_f64();
    let cpu_us = (server.cpu_s()? - before) * 1e6 / answers as f64;
    let rate = answers as f64 / elapsed;
    let many: Vec<String> = urls.iter().cycle().take(10_000).cloned().collect();
    let streamed = stream::count(server.address, &server.key, &many, IN_A_STREAM)?;
    let in_stream = streamed.pages as f64 / streamed.elapsed.as_secs_f64();
    Ok(vec![
        Check {
            promise: "kept pages: at least 10,000 answers/s to `POST /v1/scrape`, 16 connections",
            measured: format!("{rate:.0}/s, {cpu_us:.0} µs of the server's CPU each"),
            kept: Some(rate >= PROMISED),
        },
        Check {
            promise: "kept pages in a stream of 10,000 (told beside)",
            measured: format!("{in_stream:.0}/s"),
            kept: None,
        },
    ])
}

fn request(server: &Server, url: &str) -> Vec<u8> {
    let body = format!("{{{PARAMETERS}\"url\":\"{url}\"}}");
    format!(
        "POST /v1/scrape HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        server.address,
        server.key,
        body.len()
    )
    .into_bytes()
}

/// Asks on all connections for the span; how many answers came.
fn ask(server: SocketAddr, requests: &[Vec<u8>]) -> Result<u64, BenchError> {
    thread::scope(|scope| {
        let askers: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                scope.spawn(move || ask_on_one(server, requests, number * requests.len() / CONNECTIONS))
            })
            .collect();
        let mut answers = 0;
        for asker in askers {
            answers += asker.join().unwrap_or_else(|_| Err(unlike("an asker panicked")))?;
        }
        Ok(answers)
    })
}

fn ask_on_one(server: SocketAddr, requests: &[Vec<u8>], first: usize) -> Result<u64, BenchError> {
    let mut socket = TcpStream::connect(server).doing("cannot connect")?;
    socket.set_nodelay(true).doing("cannot set up a socket")?;
    socket.set_read_timeout(Some(PATIENCE)).doing("cannot set up a socket")?;
    let mut buffer = vec![0; 256 * 1024];
    let deadline = Instant::now() + SPAN;
    let mut answers = 0;
    for request in requests.iter().cycle().skip(first) {
        if Instant::now() >= deadline {
            break;
        }
        socket.write_all(request).doing("cannot send a request")?;
        read_answer(&mut socket, &mut buffer)?;
        answers += 1;
    }
    Ok(answers)
}

/// Reads one answer, which has to be a kept page.
fn read_answer(socket: &mut TcpStream, buffer: &mut [u8]) -> Result<(), BenchError> {
    let mut end = 0;
    let mut whole = usize::MAX;
    while end < whole {
        let got = socket.read(&mut buffer[end..]).doing("cannot read an answer")?;
        if got == 0 {
            return Err(unlike("an answer that is cut off, or longer than 256 KiB"));
        }
        end += got;
        if whole == usize::MAX
            && let Some(head) = memchr::memmem::find(&buffer[..end], b"\r\n\r\n")
        {
            whole = head
                + 4
                + content_length(&buffer[..head]).ok_or_else(|| unlike("an answer without a length"))?;
        }
    }
    let is_kept = buffer.starts_with(b"HTTP/1.1 200 ")
        && memchr::memmem::rfind(&buffer[..end], b"\"cached\":true").is_some();
    if is_kept { Ok(()) } else { Err(unlike("an answer that is no kept page")) }
}

fn content_length(head: &[u8]) -> Option<usize> {
    let head = std::str::from_utf8(head).ok()?;
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-length:"))?;
    line.split_once(':')?.1.trim().parse().ok()
}

fn unlike(detail: &str) -> BenchError {
    BenchError::Contestant { who: "pagewire", detail: detail.to_owned() }
}
