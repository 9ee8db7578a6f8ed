//! The chunks of an HTTP/1.1 answer (RFC 9112, section 7.1), written to its socket with nothing held in between: a
//! subscriber that waits costs no buffer, and what is shared by many is never copied for one.

use std::io::{self, Write as _};

use bytes::{Buf as _, Bytes};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// A chunk's size in hexadecimal digits, and the end of its line.
const SIZE_LINE_BYTES: usize = 2 * size_of::<usize>() + 2;
/// What a client may send that is no request of its own any more, before it is taken for a flood.
const IGNORED_BYTES_MAX: usize = 64 * 1024;

/// The body of an answer whose head has been written.
pub(super) struct Chunks {
    socket: TcpStream,
    ignored: usize,
}

impl Chunks {
    pub(super) fn new(socket: TcpStream) -> Self {
        Self { socket, ignored: 0 }
    }

    /// Writes a chunk. An empty one would be the last, and is none.
    pub(super) async fn write(&mut self, piece: Bytes) -> io::Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        let mut line = [0; SIZE_LINE_BYTES];
        let mut rest = line.as_mut_slice();
        write!(rest, "{:x}\r\n", piece.len())?;
        let unused = rest.len();
        let mut chunk = line[..SIZE_LINE_BYTES - unused].chain(piece).chain(b"\r\n".as_slice());
        self.socket.write_all_buf(&mut chunk).await
    }

    /// Writes the last chunk and closes this side.
    pub(super) async fn end(mut self) -> io::Result<()> {
        self.socket.write_all(b"0\r\n\r\n").await?;
        self.socket.shutdown().await
    }

    /// Until the client has closed, or sends more than is put up with.
    pub(super) async fn client_is_gone(&mut self) -> io::Result<()> {
        loop {
            self.socket.readable().await?;
            match self.socket.try_read(&mut [0; 1_024]) {
                Ok(0) => return Ok(()),
                Ok(read) => self.ignored += read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            if self.ignored > IGNORED_BYTES_MAX {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the client sends on while it is answered",
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    async fn connected() -> (Chunks, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let client = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("connected");
        (Chunks::new(listener.accept().await.expect("accepted").0), client)
    }

    #[tokio::test]
    async fn pieces_are_chunks_and_an_empty_one_does_not_end_them() {
        let (mut chunks, mut client) = connected().await;
        for piece in ["open", "", "an event of more than 15"] {
            chunks.write(Bytes::from_static(piece.as_bytes())).await.expect("written");
        }
        chunks.end().await.expect("written");
        let mut text = String::new();
        client.read_to_string(&mut text).await.expect("read");
        assert_eq!(text, "4\r\nopen\r\n18\r\nan event of more than 15\r\n0\r\n\r\n");
    }

    #[tokio::test]
    async fn a_client_that_closes_is_gone_and_one_that_floods_is_cut() {
        let (mut chunks, client) = connected().await;
        drop(client);
        chunks.client_is_gone().await.expect("closed");
        let (mut chunks, mut client) = connected().await;
        let flood = vec![b'x'; IGNORED_BYTES_MAX + 1];
        let (written, gone) = tokio::join!(client.write_all(&flood), chunks.client_is_gone());
        written.expect("taken");
        assert_eq!(gone.expect_err("a flood").kind(), io::ErrorKind::InvalidData);
    }
}
