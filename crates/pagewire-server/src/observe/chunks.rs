//! The chunks of an HTTP/1.1 answer (RFC 9112, section 7.1), written to its socket with nothing held in between: a
//! subscriber that waits costs no buffer, and what is shared by many is never copied for one.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

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

    /// Writes pieces as one chunk. One without a byte would be the last, and is none.
    pub(super) async fn write(&mut self, pieces: VecDeque<Bytes>) -> io::Result<()> {
        let mut chunk = Queue(pieces);
        let length = chunk.remaining();
        if length == 0 {
            return Ok(());
        }
        chunk.0.push_front(format!("{length:x}\r\n").into());
        chunk.0.push_back(Bytes::from_static(b"\r\n"));
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

/// Bytes that follow each other, to be written with as few calls as there can be.
struct Queue(VecDeque<Bytes>);

impl Buf for Queue {
    fn remaining(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.0.iter().find(|piece| !piece.is_empty()).map_or(&[], |piece| piece)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let pieces = self.0.iter().filter(|piece| !piece.is_empty());
        slices.iter_mut().zip(pieces).map(|(slice, piece)| *slice = IoSlice::new(piece)).count()
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(piece) = self.0.front_mut() {
            if count < piece.len() {
                return piece.advance(count);
            }
            count -= piece.len();
            self.0.pop_front();
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
        for pieces in [["open", ""].as_slice(), &[], &[""], &["an event", " of more ", "than 15"]] {
            let pieces = pieces.iter().map(|piece| Bytes::from_static(piece.as_bytes()));
            chunks.write(pieces.collect()).await.expect("written");
        }
        chunks.end().await.expect("written");
        let mut text = String::new();
        client.read_to_string(&mut text).await.expect("read");
        assert_eq!(text, "4\r\nopen\r\n18\r\nan event of more than 15\r\n0\r\n\r\n");
    }

    #[test]
    fn a_queue_is_taken_from_its_front_at_any_length() {
        let whole = "one, two and three";
        for taken in 0..=whole.len() {
            let mut queue = Queue(["one", "", ", two", " and three"].map(Bytes::from).into());
            queue.advance(taken);
            assert_eq!(queue.copy_to_bytes(queue.remaining()), whole[taken..]);
        }
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
