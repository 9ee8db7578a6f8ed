//! What answers what.
//!
//! | path | answer |
//! |---|---|
//! | `/p/N` | product page N, 27 KB, JSON-LD with the name `Product N` and [`super::product_price`] |
//! | `/a/N` | article N |
//! | `/robots.txt` | as the test says; 404 otherwise |
//! | `/echo` | JSON of the request: `method`, `target`, `headers`, `body` |
//! | `/status/CODE` | that status with a small page |
//! | `/slow/MS` | a small page after so many milliseconds |
//! | `/drip` | a page's start, then a byte a second for ever |
//! | `/drip-head` | a head's start, then a byte a second for ever |
//! | `/hang` | nothing, for ever |
//! | `/endless` | a page that never ends, as fast as it is read |
//! | `/endless-head` | headers that never end |
//! | `/big/BYTES` | a page of so many bytes, with its Content-Length |
//! | `/bomb/gzip`, `/bomb/br`, `/bomb/zstd` | 64 MiB of spaces, packed |
//! | `/packed/gzip`, `/packed/br`, `/packed/zstd`, `/packed/deflate` | product page 1, packed |
//! | `/redirect/N` | N redirects to `/p/N` |
//! | `/loop` | a redirect to itself |
//! | `/set-cookie/NAME=VALUE` | a redirect to `/echo` that sets the cookie |
//! | `/redirect-to?url=URL` | a redirect to that URL, taken as it stands after `url=`, percent-decoded |
//! | `/short-body` | a Content-Length longer than the body, then the end |
//! | `/garbage` | what is no HTTP |
//! | `/garbage-head` | a sound status line and a header with forbidden bytes |
//! | `/closed` | the end of the connection, without a byte |
//! | `/bad-chunks` | a chunk size that is no number |
//! | `/bad-gzip` | `Content-Encoding: gzip` of what is not |
//! | `/flaky/K/ID` | 503 the first K times, then product page 1 |
//! | `/retry-after/S` | 429 with `Retry-After: S` |
//! | `/retry-after/S/ID` | the same once, then product page 1 |
//! | `/charset/NAME` | `Blåbär på ön` in that charset, said by the header |
//! | `/charset-meta/NAME` | the same, said by the page only |
//! | `/binary` | an `application/octet-stream` |

use std::io;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use async_compression::tokio::write::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{After, Request, Site, lock, pages};

const HTML: &str = "text/html; charset=utf-8";

pub(super) async fn answer(
    socket: &mut TcpStream,
    address: SocketAddr,
    site: &Site,
    request: &Request,
) -> io::Result<After> {
    let path = request.target.split('?').next().unwrap_or_default();
    let fixed = lock(&site.fixed).get(path).cloned();
    if let Some(fixed) = fixed {
        tokio::time::sleep(fixed.delay).await;
        let mut headers = vec![("content-type", fixed.content_type.as_str())];
        headers.extend(fixed.etag.as_deref().map(|etag| ("etag", etag)));
        headers.extend(fixed.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let has_it = fixed.etag.is_some() && request.header("if-none-match") == fixed.etag.as_deref();
        let (status, body) = if has_it { (304, &[][..]) } else { (fixed.status, &fixed.body[..]) };
        return page(socket, request, status, &headers, body).await;
    }
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match parts.as_slice() {
        ["p", number] => html(socket, request, 200, &pages::product(number.parse().unwrap_or(0))).await,
        ["a", number] => html(socket, request, 200, &pages::article(number.parse().unwrap_or(0))).await,
        ["robots.txt"] => {
            let robots = lock(&site.robots).clone();
            let (status, text) = robots.unwrap_or((404, String::new()));
            page(socket, request, status, &[("content-type", "text/plain")], text.as_bytes()).await
        }
        ["echo"] => {
            let seen = serde_json::json!({
                "method": request.method, "target": request.target, "headers": request.headers,
                "body": String::from_utf8_lossy(&request.body),
            });
            page(socket, request, 200, &[("content-type", "application/json")], seen.to_string().as_bytes())
                .await
        }
        ["status", code] => {
            let status = code.parse().unwrap_or(500);
            html(socket, request, status, &format!("<title>Status {status}</title><p>Status {status}</p>"))
                .await
        }
        ["slow", millis] => {
            tokio::time::sleep(Duration::from_millis(millis.parse().unwrap_or(0))).await;
            html(socket, request, 200, "<title>Slow</title><p>At last.</p>").await
        }
        ["drip"] => {
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<p>").await?;
            drip(socket).await
        }
        ["drip-head"] => {
            socket.write_all(b"HTTP/1.1 200 OK\r\nx-slow: ").await?;
            drip(socket).await
        }
        ["hang"] => std::future::pending().await,
        ["endless"] => {
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n").await?;
            repeat(socket, b"<p>and so on</p>\n".repeat(1_000)).await
        }
        ["endless-head"] => {
            socket.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            repeat(socket, b"x-more: and so on\r\n".repeat(1_000)).await
        }
        ["big", bytes] => big(socket, bytes.parse().unwrap_or(0)).await,
        ["bomb", coding] => {
            let body = bomb(coding).await;
            page(socket, request, 200, &[("content-type", HTML), ("content-encoding", coding)], body).await
        }
        ["packed", coding] => {
            let body = pack(coding, pages::product(1).as_bytes(), 1).await;
            page(socket, request, 200, &[("content-type", HTML), ("content-encoding", coding)], &body).await
        }
        ["redirect", count] => {
            let left: u32 = count.parse().unwrap_or(0);
            let next = if left <= 1 { "/p/1".to_owned() } else { format!("/redirect/{}", left - 1) };
            redirect(socket, request, &next).await
        }
        ["set-cookie", cookie] => {
            let cookie = format!("{cookie}; Path=/");
            let headers = [("location", "/echo"), ("set-cookie", cookie.as_str())];
            page(socket, request, 302, &headers, b"").await
        }
        ["loop"] => redirect(socket, request, &format!("http://{address}/loop")).await,
        ["redirect-to"] => {
            let url = request.target.split_once("url=").map_or("/", |(_, url)| url);
            redirect(socket, request, &percent_decoded(url)).await
        }
        ["short-body"] => {
            socket
                .write_all(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 1000\r\n\r\n<p>Half",
                )
                .await?;
            Ok(After::Close)
        }
        ["garbage"] => {
            socket.write_all(b"\x16\x03\x01 this is no HTTP \xff\xfe\r\n\r\n").await?;
            Ok(After::Close)
        }
        ["garbage-head"] => {
            socket.write_all(b"HTTP/1.1 200 OK\r\nbad header\x01name: x\r\n: y\r\n\r\n").await?;
            Ok(After::Close)
        }
        ["closed"] => Ok(After::Close),
        ["bad-chunks"] => {
            socket.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n").await?;
            Ok(After::Close)
        }
        ["bad-gzip"] => {
            page(
                socket,
                request,
                200,
                &[("content-type", HTML), ("content-encoding", "gzip")],
                b"not packed at all",
            )
            .await
        }
        ["flaky", times, id] => {
            if asked_before(site, &format!("flaky {id}")) < times.parse().unwrap_or(0) {
                html(socket, request, 503, "<p>Not yet.</p>").await
            } else {
                html(socket, request, 200, &pages::product(1)).await
            }
        }
        ["retry-after", seconds] => rest(socket, request, seconds).await,
        ["retry-after", seconds, id] => {
            if asked_before(site, &format!("retry-after {id}")) == 0 {
                rest(socket, request, seconds).await
            } else {
                html(socket, request, 200, &pages::product(1)).await
            }
        }
        ["charset", name] => {
            let content_type = format!("text/html; charset={name}");
            page(socket, request, 200, &[("content-type", &content_type)], &blueberries(name, false)).await
        }
        ["charset-meta", name] => {
            page(socket, request, 200, &[("content-type", "text/html")], &blueberries(name, true)).await
        }
        ["binary"] => {
            page(socket, request, 200, &[("content-type", "application/octet-stream")], &[0, 159, 146, 150])
                .await
        }
        _ => html(socket, request, 404, "<title>Not found</title>").await,
    }
}

async fn html(socket: &mut TcpStream, request: &Request, status: u16, text: &str) -> io::Result<After> {
    page(socket, request, status, &[("content-type", HTML)], text.as_bytes()).await
}

async fn page(
    socket: &mut TcpStream,
    request: &Request,
    status: u16,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<After> {
    let mut head = format!("HTTP/1.1 {status} Status\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    // One write: a head and a body apart would be two packets.
    let mut bytes = head.into_bytes();
    if request.method != "HEAD" {
        bytes.extend_from_slice(body);
    }
    socket.write_all(&bytes).await?;
    let closes = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(if closes { After::Close } else { After::Keep })
}

async fn redirect(socket: &mut TcpStream, request: &Request, to: &str) -> io::Result<After> {
    page(socket, request, 302, &[("location", to)], b"").await
}

async fn rest(socket: &mut TcpStream, request: &Request, seconds: &str) -> io::Result<After> {
    page(socket, request, 429, &[("content-type", HTML), ("retry-after", seconds)], b"<p>Later.</p>").await
}

async fn drip(socket: &mut TcpStream) -> io::Result<After> {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        socket.write_all(b".").await?;
    }
}

async fn repeat(socket: &mut TcpStream, bytes: Vec<u8>) -> io::Result<After> {
    loop {
        socket.write_all(&bytes).await?;
    }
}

async fn big(socket: &mut TcpStream, bytes: usize) -> io::Result<After> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {HTML}\r\ncontent-length: {bytes}\r\n\r\n");
    socket.write_all(head.as_bytes()).await?;
    let block = b"<p>word word word word word</p>\n".repeat(2_048);
    let mut left = bytes;
    while left > 0 {
        let count = left.min(block.len());
        socket.write_all(&block[..count]).await?;
        left -= count;
    }
    Ok(After::Keep)
}

/// How often this was asked before; counts this time.
fn asked_before(site: &Site, what: &str) -> u32 {
    let mut flaky = lock(&site.flaky);
    let count = flaky.entry(what.to_owned()).or_default();
    *count += 1;
    *count - 1
}

/// 64 MiB packed, made once a process.
async fn bomb(coding: &str) -> &'static [u8] {
    static GZIP: OnceLock<Vec<u8>> = OnceLock::new();
    static BROTLI: OnceLock<Vec<u8>> = OnceLock::new();
    static ZSTD: OnceLock<Vec<u8>> = OnceLock::new();
    let cell = match coding {
        "gzip" => &GZIP,
        "br" => &BROTLI,
        _ => &ZSTD,
    };
    if let Some(body) = cell.get() {
        return body;
    }
    let body = pack(coding, &vec![b' '; 1 << 20], 64).await;
    cell.get_or_init(|| body)
}

/// `block`, `times` over, in one packed stream.
async fn pack(coding: &str, block: &[u8], times: usize) -> Vec<u8> {
    let fastest = async_compression::Level::Fastest;
    macro_rules! packed_by {
        ($encoder:expr) => {{
            let mut encoder = $encoder;
            for _ in 0..times {
                encoder.write_all(block).await.expect("memory takes it");
            }
            encoder.shutdown().await.expect("memory takes it");
            encoder.into_inner()
        }};
    }
    match coding {
        "gzip" => packed_by!(GzipEncoder::with_quality(Vec::new(), fastest)),
        "br" => packed_by!(BrotliEncoder::with_quality(Vec::new(), fastest)),
        "deflate" => packed_by!(ZlibEncoder::with_quality(Vec::new(), fastest)),
        _ => packed_by!(ZstdEncoder::with_quality(Vec::new(), fastest)),
    }
}

/// A Swedish sentence in that charset.
fn blueberries(charset: &str, in_page: bool) -> Vec<u8> {
    let meta = if in_page { format!("<meta charset=\"{charset}\">") } else { String::new() };
    let text = format!(
        "<!doctype html><html><head>{meta}<title>Blåbär på ön</title></head><body><p>Blåbär på ön</p></body></html>"
    );
    match charset.to_ascii_lowercase().as_str() {
        "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        "iso-8859-1" | "windows-1252" | "latin1" => {
            text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?')).collect()
        }
        _ => text.into_bytes(),
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = (*first == b'%').then(|| tail.get(..2)).flatten();
        let decoded = escape
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match decoded {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
