//! WebSockets: how they are opened, and what may answer in their place.

use std::{future::pending, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use http::HeaderMap;
use pagewire_fetch::{Client, FetchConfig, FetchError, Heard, Opened, WebSocketRequest};
use pagewire_types::TargetErrorCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::{accept_async, tungstenite::Message};

use crate::{
    origin::{Origin, client, url},
    tls::{SOCKET, Secure},
};

const MESSAGE_BYTES_MAX: usize = 1_000;

pub(crate) fn request(target: &str) -> WebSocketRequest {
    WebSocketRequest {
        url: url(target),
        headers: HeaderMap::new(),
        timeout: Duration::from_secs(10),
        message_bytes_max: MESSAGE_BYTES_MAX,
        ping_after: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(20),
    }
}

pub(crate) async fn agreed(client: &Client, request: &WebSocketRequest) -> Box<pagewire_fetch::WebSocket> {
    match client.websocket(request).await.expect("an answer") {
        Opened::Agreed(socket) => socket,
        Opened::Answered(head) => panic!("{head:?}"),
    }
}

#[tokio::test]
async fn a_secure_one_is_opened_over_http1_also_where_http2_is_offered() {
    let origin = Secure::start(&[b"h2", b"http/1.1"]).await;
    let target = format!("https://{SOCKET}:{}/", origin.address.port());
    let mut socket = agreed(&origin.client(), &request(&target)).await;
    assert_eq!(socket.next().await.expect("a message"), Heard::Message("http/1.1".into()));
    let stranger = client().websocket(&request(&target)).await.expect_err("an unknown certificate");
    assert_eq!(stranger.code(), TargetErrorCode::TlsFailed);
}

#[tokio::test]
async fn messages_pongs_and_a_close_are_heard_and_a_message_over_the_cap_is_the_end() {
    let origin = Origin::raw(|tcp, number| async move {
        let mut socket = accept_async(tcp).await.expect("a handshake");
        socket.send(Message::text("hello")).await.expect("sent");
        socket.send(Message::Pong("".into())).await.expect("sent");
        if number == 0 {
            socket.send(Message::text("x".repeat(MESSAGE_BYTES_MAX + 1))).await.expect("sent");
        } else {
            socket.close(None).await.expect("sent");
        }
        while socket.next().await.is_some_and(|heard| heard.is_ok()) {}
    })
    .await;
    let target = format!("http://{}/", origin.address);
    for number in 0..2 {
        let mut socket = agreed(&client(), &request(&target)).await;
        assert_eq!(socket.next().await.expect("a message"), Heard::Message("hello".into()));
        assert_eq!(socket.next().await.expect("a pong"), Heard::Life);
        let end = socket.next().await;
        if number == 0 {
            assert!(
                matches!(end, Err(FetchError::MessageTooLarge { max: MESSAGE_BYTES_MAX, .. })),
                "{end:?}"
            );
        } else {
            assert_eq!(end.expect("a close"), Heard::Closed { code: 1005, reason: String::new() });
        }
    }
}

#[tokio::test]
async fn who_answers_no_ping_is_gone() {
    let origin = Origin::raw(|tcp, _| async move {
        let _socket = accept_async(tcp).await.expect("a handshake");
        pending::<()>().await;
    })
    .await;
    let mut request = request(&format!("http://{}/", origin.address));
    (request.ping_after, request.idle_timeout) = (Duration::from_millis(50), Duration::from_millis(200));
    let mut socket = agreed(&client(), &request).await;
    let end = socket.next().await.expect_err("nothing is heard");
    assert_eq!(end.code(), TargetErrorCode::Timeout);
}

#[tokio::test]
async fn what_answers_otherwise_is_told_and_bounded() {
    let answers: [(&[u8], TargetErrorCode); 4] = [
        (b"\xff\xfe\xfd\xfc\r\n\r\n", TargetErrorCode::ConnectFailed),
        (
            b"HTTP/1.1 101 -\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: x\r\n\r\n",
            TargetErrorCode::ConnectFailed,
        ),
        (b"HTTP/1.1 101 -\r\nx: flood", TargetErrorCode::BodyTooLarge),
        (b"", TargetErrorCode::ConnectFailed),
    ];
    for (answer, code) in answers {
        let origin = Origin::raw(move |mut tcp, _| async move {
            let _ = tcp.read(&mut [0; 4096]).await;
            let _ = tcp.write_all(answer).await;
            while answer.ends_with(b"flood") && tcp.write_all(&[b'x'; 4096]).await.is_ok() {}
        })
        .await;
        let request = request(&format!("http://{}/", origin.address));
        let fault = client().websocket(&request).await.expect_err("no WebSocket");
        assert_eq!(fault.code(), code, "{fault}");
    }
    let silent = Origin::raw(|tcp, _| async move {
        let _open = tcp;
        pending::<()>().await;
    })
    .await;
    let mut request = request(&format!("http://{}/", silent.address));
    request.timeout = Duration::from_millis(100);
    let fault = client().websocket(&request).await.expect_err("no answer");
    assert_eq!(fault.code(), TargetErrorCode::Timeout);
}

#[tokio::test]
async fn none_is_opened_to_where_the_guard_lets_nobody() {
    let origin = Origin::raw(|_tcp, _| pending()).await;
    let guarded = Client::new(FetchConfig::default()).expect("a client");
    for target in [
        format!("http://{}/", origin.address),
        "http://169.254.169.254/".to_owned(),
        "http://[::1]/".to_owned(),
    ] {
        let fault = guarded.websocket(&request(&target)).await.expect_err("refused");
        assert_eq!(fault.code(), TargetErrorCode::BlockedTarget, "{target}");
    }
    assert_eq!(origin.connections(), 0);
}
