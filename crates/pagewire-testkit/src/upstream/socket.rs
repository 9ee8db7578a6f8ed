//! The log over a WebSocket, as Bluesky's Jetstream tells it.

use std::io;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{self, Message};

use super::messages::{first_since, post};
use super::{Asked, Break, Desk, Entry, Manner};

pub(super) async fn jetstream(
    mut socket: TcpStream,
    desk: &Desk,
    asked: &Asked,
    live_end: usize,
    manner: Manner,
) -> io::Result<()> {
    let Some(key) = asked.header("sec-websocket-key") else {
        return socket.write_all(b"HTTP/1.1 426 -\r\ncontent-length: 0\r\n\r\n").await;
    };
    let from = match asked.parameters("cursor").next().map(str::parse) {
        Some(Ok(time_us)) => first_since(time_us),
        Some(Err(_)) => return socket.write_all(b"HTTP/1.1 400 -\r\ncontent-length: 0\r\n\r\n").await,
        None => live_end,
    };
    let agreed = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    socket.write_all(agreed.as_bytes()).await?;
    let socket = WebSocketStream::from_raw_socket(socket, Role::Server, None).await;
    let wanted: Vec<&str> = asked.parameters("wantedCollections").collect();
    tell(socket, desk, from, &wanted, manner).await.map_err(io::Error::other)
}

async fn tell(
    mut socket: WebSocketStream<TcpStream>,
    desk: &Desk,
    from: usize,
    wanted: &[&str],
    manner: Manner,
) -> Result<(), tungstenite::Error> {
    let (mut place, mut said) = (from, 0);
    while manner.end_after(said).is_none() {
        let entries = tokio::select! {
            entries = desk.entries(place) => entries,
            heard = socket.next() => match heard {
                // Pings are answered by the protocol's reader.
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return Ok(()),
            },
        };
        for entry in entries {
            if manner.end_after(said).is_some() {
                break;
            }
            if let Some(text) = told(place, entry, wanted) {
                said += 1;
                say(&mut socket, text, manner.piece_bytes).await?;
                desk.count_said(1);
            }
            place += 1;
        }
        socket.flush().await?;
    }
    let (_, how) = manner.end.as_ref().expect("it ends");
    match how {
        Break::HalfMessage => {
            // A text of 100 bytes, of which ten come.
            socket.get_mut().write_all(b"\x81\x64{\"did\":\"di").await?;
            socket.get_mut().shutdown().await?;
        }
        Break::Reset => socket.get_ref().set_zero_linger()?,
        Break::Close(code, reason) => {
            let frame = CloseFrame { code: (*code).into(), reason: reason.as_str().into() };
            socket.close(Some(frame)).await?;
            while socket.next().await.is_some() {}
        }
        Break::Silence => std::future::pending().await,
    }
    Ok(())
}

/// What a reader is told of an entry: nothing of the collections that it does not want.
fn told(place: usize, entry: Entry, wanted: &[&str]) -> Option<String> {
    let post = post(place);
    let collection = post["commit"]["collection"].as_str().unwrap_or_default();
    let is_wanted = wanted.is_empty() || wanted.contains(&collection) || matches!(entry, Entry::Raw(_));
    is_wanted.then(|| entry.text(&post))
}

/// Says a text, whole or as the frames of so many bytes that the protocol has for that.
async fn say(
    socket: &mut WebSocketStream<TcpStream>,
    text: String,
    piece_bytes: usize,
) -> Result<(), tungstenite::Error> {
    use tungstenite::protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    };
    if text.len() <= piece_bytes {
        return socket.feed(Message::text(text)).await;
    }
    let pieces: Vec<&[u8]> = text.as_bytes().chunks(piece_bytes).collect();
    for (at, piece) in pieces.iter().enumerate() {
        let opcode = OpCode::Data(if at == 0 { Data::Text } else { Data::Continue });
        let frame = Frame::message(piece.to_vec(), opcode, at + 1 == pieces.len());
        socket.send(Message::Frame(frame)).await?;
    }
    Ok(())
}
