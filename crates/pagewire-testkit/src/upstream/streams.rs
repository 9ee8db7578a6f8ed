//! The log over HTTP: as Server-Sent Events, and as lines. The body's end is the connection's.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::messages::{line, offset_id, offset_of, recent_change};
use super::{Asked, Break, Desk, Entry, Manner, lock};

pub(super) async fn sse(
    mut socket: TcpStream,
    desk: &Desk,
    asked: &Asked,
    live_end: usize,
    manner: Manner,
) -> io::Result<()> {
    let from = match asked.header("last-event-id") {
        Some(id) => match offset_of(id) {
            Some(place) => place + 1,
            None => return refuse(socket, "Last-Event-ID is none of this stream").await,
        },
        None => live_end,
    };
    let mut head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nconnection: close\r\n\r\n:ok\n\n".to_owned();
    if let Some(retry_ms) = *lock(&desk.retry_ms) {
        head.push_str(&format!("retry: {retry_ms}\n\n"));
    }
    socket.write_all(head.as_bytes()).await?;
    tell(socket, desk, from, manner, |place, entry| {
        let data = entry.text(&recent_change(place)).replace('\n', "\ndata: ");
        format!("event: message\nid: {}\ndata: {data}\n\n", offset_id(place))
    })
    .await
}

pub(super) async fn lines(
    mut socket: TcpStream,
    desk: &Desk,
    asked: &Asked,
    live_end: usize,
    manner: Manner,
) -> io::Result<()> {
    let from = match asked.parameters("cursor").next() {
        Some(cursor) => match cursor.parse::<usize>() {
            Ok(place) => place + 1,
            Err(_) => return refuse(socket, "the cursor is no number").await,
        },
        None => live_end,
    };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n";
    socket.write_all(head.as_bytes()).await?;
    tell(socket, desk, from, manner, |place, entry| entry.text(&line(place)) + "\n").await
}

async fn refuse(mut socket: TcpStream, why: &str) -> io::Result<()> {
    let answer = format!("HTTP/1.1 400 -\r\ncontent-length: {}\r\n\r\n{why}", why.len());
    socket.write_all(answer.as_bytes()).await?;
    socket.shutdown().await
}

/// Tells the log from a place on, until the manner of it ends it.
async fn tell(
    mut socket: TcpStream,
    desk: &Desk,
    from: usize,
    manner: Manner,
    framed: impl Fn(usize, Entry) -> String,
) -> io::Result<()> {
    let mut place = from;
    loop {
        if manner.end_after(place - from).is_some() {
            break;
        }
        let entries = tokio::select! {
            entries = desk.entries(place) => entries,
            // Nothing is expected of the reader but its end.
            read = socket.read_u8() => return read.map(drop),
        };
        let left = manner.end.as_ref().map_or(usize::MAX, |(count, _)| count - (place - from));
        let (mut text, begun) = (String::new(), place);
        for entry in entries.into_iter().take(left) {
            text.push_str(&framed(place, entry));
            place += 1;
        }
        for piece in text.as_bytes().chunks(manner.piece_bytes) {
            socket.write_all(piece).await?;
            if manner.piece_bytes < text.len() {
                tokio::task::yield_now().await;
            }
        }
        desk.count_said(place - begun);
    }
    let (_, how) = manner.end.as_ref().expect("it ends");
    match how {
        Break::HalfMessage => {
            let entry = desk.entries(place).await.swap_remove(0);
            let text = framed(place, entry);
            socket.write_all(&text.as_bytes()[..text.len() / 2]).await?;
            socket.shutdown().await
        }
        Break::Reset => socket.set_zero_linger(),
        Break::Close(..) => socket.shutdown().await,
        Break::Silence => std::future::pending().await,
    }
}
