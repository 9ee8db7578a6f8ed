//! Origins in the same process: raw sockets that say what a test has them say, and TLS ones with certificates of their
//! own. They end with the test's runtime.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use pagewire_fetch::{Client, FetchConfig, FetchError, Request, Response};
use pagewire_types::TargetUrl;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// An origin, and how many connections it has taken.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Origin {
    /// An origin that handles each connection, numbered from 0, by `handle`.
    pub(crate) async fn raw<F, Fut>(handle: F) -> Self
    where
        F: Fn(TcpStream, usize) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let number = counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(handle(tcp, number));
            }
        });
        Self { address, connections }
    }

    /// An origin that answers each request on each connection by `answer`, given the request's head.
    pub(crate) async fn http<F>(answer: F) -> Self
    where
        F: Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    {
        let answer = Arc::new(answer);
        Self::raw(move |mut tcp, _| {
            let answer = Arc::clone(&answer);
            async move {
                while let Some(head) = read_head(&mut tcp).await {
                    if tcp.write_all(&answer(&head)).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await
    }

    pub(crate) fn url(&self, path: &str) -> TargetUrl {
        url(&format!("http://{}{path}", self.address))
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads a request's head; none at the end of the connection.
pub(crate) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

pub(crate) fn url(text: &str) -> TargetUrl {
    TargetUrl::parse(text).expect(text)
}

/// A 200 with a length.
pub(crate) fn page(headers: &str, body: &[u8]) -> Vec<u8> {
    let mut page = format!("HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\n\r\n", body.len()).into_bytes();
    page.extend_from_slice(body);
    page
}

/// Settings under which loopback is a target.
pub(crate) fn config() -> FetchConfig {
    FetchConfig { allow: vec!["127.0.0.0/8".parse().expect("a network")], ..FetchConfig::default() }
}

pub(crate) fn client() -> Client {
    Client::new(config()).expect("a client")
}

/// A GET with time enough.
pub(crate) async fn get(client: &Client, url: TargetUrl) -> Result<Response, FetchError> {
    client.fetch(&Request::get(url, Duration::from_secs(20))).await
}

/// A GET that has little time.
pub(crate) async fn get_within(client: &Client, url: TargetUrl, millis: u64) -> Result<Response, FetchError> {
    client.fetch(&Request::get(url, Duration::from_millis(millis))).await
}
