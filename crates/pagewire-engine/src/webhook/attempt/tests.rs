use std::net::SocketAddr;

use pagewire_fetch::FetchConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(30);

/// A courier that may reach this machine.
fn courier(timeout: Duration) -> Courier {
    let allow = vec!["127.0.0.0/8".parse().expect("a range")];
    let config = FetchConfig { allow, idle_per_host_max: 0, ..FetchConfig::default() };
    Courier::new(Client::new(config).expect("a client"), timeout)
}

fn message(address: SocketAddr) -> Message {
    Message {
        id: DeliveryId::at(1),
        mode: KeyMode::Live,
        url: TargetUrl::parse(&format!("http://{address}/hook")).expect("a URL"),
        secrets: vec![WebhookSecret::of_key(&[7; 32]).expect("a secret")],
        body: Bytes::from_static(b"{}"),
    }
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Reads a request's head and answers with these bytes, then with `more` for as long as they are taken.
fn answer(listener: TcpListener, head: &'static str, more: &'static [u8]) -> JoinHandle<usize> {
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        read_head(&mut socket).await;
        socket.write_all(head.as_bytes()).await.expect("taken");
        let mut sent = 0;
        while !more.is_empty() && socket.write_all(more).await.is_ok() {
            sent += more.len();
        }
        sent
    })
}

async fn read_head(socket: &mut TcpStream) {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n{}") {
        assert!(socket.read_buf(&mut read).await.expect("a request") > 0);
    }
}

#[tokio::test]
async fn a_private_address_is_refused_at_each_try() {
    let (listener, address) = listen().await;
    let client = Client::new(FetchConfig::default()).expect("a client");
    let tried = Courier::new(client, LONG).send(message(address)).await;
    assert!(!tried.is_delivered() && tried.status.is_none());
    assert!(tried.error.is_some_and(|error| error.contains("not an allowed target")));
    let asked = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(asked.is_err(), "no connection was opened");
}

#[tokio::test]
async fn an_answer_without_an_end_is_cut_and_its_status_counts() {
    let (listener, address) = listen().await;
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let receiver = answer(listener, head, b"10\r\n0123456789abcdef\r\n");
    let tried = courier(LONG).send(message(address)).await;
    assert!(tried.is_delivered() && tried.error.is_none());
    assert_eq!(tried.answer.as_deref().map(str::len), Some(ANSWER_BYTES_KEPT));
    receiver.await.expect("the connection was closed");
}

#[tokio::test]
async fn a_status_is_enough_where_the_rest_does_not_come() {
    let (listener, address) = listen().await;
    let receiver = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        read_head(&mut socket).await;
        let head = b"HTTP/1.1 202 -\r\ncontent-length: 100\r\n\r\nbegun";
        socket.write_all(head).await.expect("taken");
        // Until the other side closes.
        let _ = socket.read(&mut [0; 1]).await;
    });
    let tried = courier(SHORT).send(message(address)).await;
    assert!(tried.is_delivered());
    assert_eq!((tried.status, tried.answer.as_deref()), (Some(StatusCode::ACCEPTED), Some("begun")));
    receiver.await.expect("the connection was closed");
}

#[tokio::test]
async fn a_receiver_that_takes_too_long_has_failed_and_so_has_one_that_is_not_there() {
    let (listener, address) = listen().await;
    let receiver = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        read_head(&mut socket).await;
        socket.write_all(b"HTTP/1.1 200 OK\r\nx-drip: ").await.expect("taken");
        // Until the other side closes.
        let _ = socket.read(&mut [0; 1]).await;
    });
    let tried = courier(SHORT).send(message(address)).await;
    assert!(!tried.is_delivered());
    assert!(tried.error.is_some_and(|error| error.contains("within 300 ms")));
    receiver.await.expect("the connection was closed");
    let (listener, address) = listen().await;
    drop(listener);
    let tried = courier(LONG).send(message(address)).await;
    assert!(!tried.is_delivered());
    assert!(tried.error.is_some_and(|error| error.contains("no connection")));
}

#[tokio::test]
async fn a_rest_that_is_asked_for_is_told_with_the_failure() {
    let (listener, address) = listen().await;
    let head = "HTTP/1.1 503 -\r\nretry-after: 120\r\ncontent-length: 4\r\n\r\nbusy";
    let receiver = answer(listener, head, b"");
    let tried = courier(LONG).send(message(address)).await;
    assert!(!tried.is_delivered());
    assert_eq!((tried.retry_after, tried.answer.as_deref()), (Some(Duration::from_secs(120)), Some("busy")));
    receiver.await.expect("answered");
}
