//! Which HTTP a connection speaks, told by its first bytes, and a deadline for them.
//!
//! HTTP/2 without TLS begins with a preface of 24 bytes (RFC 9113, section 3.4) whose first three are those of no method
//! in use. Without the deadline a client that connects and says nothing would hold its place for ever.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;

/// How HTTP/2 begins.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A preface that comes in pieces is looked at so often.
const PIECES_PAUSE: Duration = Duration::from_millis(5);

/// What a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoken {
    Http1,
    Http2,
}

/// Looks at the first bytes, which stay to be read.
pub(crate) async fn read(socket: &TcpStream, within: Duration) -> io::Result<Spoken> {
    tokio::time::timeout(within, look(socket)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn look(socket: &TcpStream) -> io::Result<Spoken> {
    let mut first = [0; HTTP2.len()];
    loop {
        let seen = socket.peek(&mut first).await?;
        match first.get(..seen) {
            Some([]) | None => return Err(io::ErrorKind::UnexpectedEof.into()),
            Some(HTTP2) => return Ok(Spoken::Http2),
            Some(begun) if !HTTP2.starts_with(begun) => return Ok(Spoken::Http1),
            // Bytes that are there are seen again at once: waiting for more of them is waiting for time.
            Some(_) => tokio::time::sleep(PIECES_PAUSE).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    async fn connected() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let client = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("connected");
        (client, listener.accept().await.expect("accepted").0)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn the_first_bytes_tell_and_stay() {
        for (sent, spoken) in [
            ("GET / HTTP/1.1\r\n", Spoken::Http1),
            ("G", Spoken::Http1),
            ("PROPFIND / HTTP/1.1\r\n", Spoken::Http1),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n and more", Spoken::Http2),
        ] {
            let (mut client, server) = connected().await;
            client.write_all(sent.as_bytes()).await.expect("written");
            assert_eq!(read(&server, LONG).await.expect(sent), spoken, "{sent}");
            let mut first = [0; 1];
            assert_eq!(server.peek(&mut first).await.expect("there"), 1);
            assert_eq!(&first, &sent.as_bytes()[..1]);
        }
    }

    #[tokio::test]
    async fn a_preface_may_come_in_pieces_and_who_says_too_little_or_nothing_is_given_up() {
        let (mut client, server) = connected().await;
        client.write_all(&HTTP2[..9]).await.expect("written");
        let rest = async {
            tokio::task::yield_now().await;
            client.write_all(&HTTP2[9..]).await
        };
        let (spoken, rest) = tokio::join!(read(&server, LONG), rest);
        rest.expect("written");
        assert_eq!(spoken.expect("told"), Spoken::Http2);

        for said in ["", "PRI"] {
            let (mut client, server) = connected().await;
            client.write_all(said.as_bytes()).await.expect("written");
            let error = read(&server, Duration::from_millis(30)).await.expect_err("too late");
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
        let (client, server) = connected().await;
        drop(client);
        let error = read(&server, LONG).await.expect_err("closed");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
