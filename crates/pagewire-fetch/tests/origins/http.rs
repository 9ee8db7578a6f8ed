//! Plain HTTP: what a well-behaved origin gets and gives.

use std::time::Duration;

use crate::origin::{Origin, client, config, get, page, read_head, url};
use ::http::{HeaderMap, HeaderValue, Method, header};
use bytes::Bytes;
use pagewire_fetch::{Client, FetchConfig, Request};
use pagewire_types::TargetErrorCode;
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn a_page_comes_with_its_url_type_and_body_over_one_kept_connection() {
    let origin = Origin::http(|head| {
        assert!(head.starts_with("GET /a%20b?q=1 HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("user-agent: Pagewire/0.1"), "{head}");
        assert!(head.contains("accept-encoding: gzip"), "{head}");
        page("content-type: text/html; charset=utf-8\r\nretry-after: 7\r\n", b"<p>hello</p>")
    })
    .await;
    let client = client();
    for _ in 0..3 {
        let response = get(&client, origin.url("/a b?q=1#fragment")).await.expect("a page");
        assert_eq!(response.status, 200);
        assert_eq!(response.body, "<p>hello</p>");
        assert_eq!(response.content_type.as_deref(), Some("text/html; charset=utf-8"));
        assert_eq!(response.wire_bytes, 12);
        assert_eq!(response.retry_after, Some(Duration::from_secs(7)));
        assert_eq!(response.final_url, origin.url("/a%20b?q=1"));
        assert_eq!(response.redirects, 0);
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn an_error_status_is_a_response() {
    let origin = Origin::http(|_| b"HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\nno".to_vec()).await;
    let response = get(&client(), origin.url("/")).await.expect("an answer");
    assert_eq!(response.status, 503);
    assert_eq!(response.body, "no");
}

#[tokio::test]
async fn bodies_arrive_whole_by_length_by_chunks_and_by_close() {
    let body = "0123456789abcdef".repeat(40_000);
    let sent = body.clone();
    let origin = Origin::raw(move |mut tcp, _| {
        let sent = sent.clone();
        async move {
            while let Some(head) = read_head(&mut tcp).await {
                if head.starts_with("GET /length") {
                    tcp.write_all(&page("", sent.as_bytes())).await.expect("written");
                } else if head.starts_with("GET /chunks") {
                    let mut answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
                    for chunk in sent.as_bytes().chunks(10_000) {
                        answer.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                        answer.extend_from_slice(chunk);
                        answer.extend_from_slice(b"\r\n");
                    }
                    answer.extend_from_slice(b"0\r\n\r\n");
                    tcp.write_all(&answer).await.expect("written");
                } else {
                    tcp.write_all(b"HTTP/1.0 200 OK\r\n\r\n").await.expect("written");
                    tcp.write_all(sent.as_bytes()).await.expect("written");
                    return;
                }
            }
        }
    })
    .await;
    let client = client();
    for path in ["/length", "/chunks", "/length", "/close", "/length"] {
        let response = get(&client, origin.url(path)).await.expect(path);
        assert!(response.body == body.as_bytes(), "{path}");
    }
    assert_eq!(origin.connections(), 2, "only the closed connection is replaced");
}

#[tokio::test]
async fn answers_without_a_body_have_none() {
    let origin = Origin::http(|head| {
        if head.starts_with("HEAD") {
            b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".to_vec()
        } else {
            b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()
        }
    })
    .await;
    let client = client();
    for method in [Method::HEAD, Method::GET] {
        let request = Request { method, ..Request::get(origin.url("/"), Duration::from_secs(20)) };
        assert!(client.fetch(&request).await.expect("an answer").body.is_empty());
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_request_carries_its_own_headers_and_body_but_not_the_connections() {
    let origin = Origin::raw(|mut tcp, _| async move {
        let head = read_head(&mut tcp).await.expect("a request");
        assert!(head.starts_with("POST /submit HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("user-agent: mine\r\n") && !head.contains("Pagewire"), "{head}");
        assert!(head.contains("x-own: 1\r\n") && head.contains("x-own: 2\r\n"), "{head}");
        assert!(head.contains("content-length: 7\r\n"), "{head}");
        assert!(!head.contains("evil") && !head.contains("transfer-encoding"), "{head}");
        let mut body = [0; 7];
        tokio::io::AsyncReadExt::read_exact(&mut tcp, &mut body).await.expect("a body");
        tcp.write_all(&page("", &body)).await.expect("written");
    })
    .await;
    let mut headers = HeaderMap::new();
    headers.append("x-own", HeaderValue::from_static("1"));
    headers.append("x-own", HeaderValue::from_static("2"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("mine"));
    headers.insert(header::HOST, HeaderValue::from_static("evil"));
    headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    let request = Request {
        method: Method::POST,
        headers,
        body: Some(Bytes::from_static(b"payload")),
        ..Request::get(origin.url("/submit"), Duration::from_secs(20))
    };
    assert_eq!(client().fetch(&request).await.expect("an answer").body, "payload");
}

#[tokio::test]
async fn a_redirect_is_followed_and_leaves_credentials_behind_at_another_origin() {
    let other = Origin::http(|head| {
        assert!(!head.contains("authorization") && !head.contains("cookie"), "{head}");
        assert!(head.contains("x-own: 1"), "{head}");
        page("", b"arrived")
    })
    .await;
    let there = other.url("/there");
    let origin = Origin::http(move |head| {
        assert!(head.contains("authorization: secret"), "{head}");
        let location = if head.starts_with("GET /first") { "second".to_owned() } else { there.to_string() };
        format!("HTTP/1.1 307 Go\r\nlocation: {location}\r\ncontent-length: 3\r\n\r\nbye").into_bytes()
    })
    .await;
    let mut request = Request::get(origin.url("/first"), Duration::from_secs(20));
    request.headers.insert(header::AUTHORIZATION, HeaderValue::from_static("secret"));
    request.headers.insert(header::COOKIE, HeaderValue::from_static("secret"));
    request.headers.insert("x-own", HeaderValue::from_static("1"));
    let response = client().fetch(&request).await.expect("the end of the chain");
    assert_eq!(response.body, "arrived");
    assert_eq!(response.redirects, 2);
    assert_eq!(response.final_url, other.url("/there"));
}

/// Answers one request a connection, then closes when the next one comes.
async fn forgetful() -> Origin {
    Origin::raw(|mut tcp, _| async move {
        let _ = read_head(&mut tcp).await;
        let _ = tcp.write_all(&page("", b"once")).await;
        let _ = read_head(&mut tcp).await;
    })
    .await
}

#[tokio::test]
async fn a_kept_connection_that_the_peer_drops_is_replaced_unseen() {
    let origin = forgetful().await;
    let client = client();
    for _ in 0..3 {
        assert_eq!(get(&client, origin.url("/")).await.expect("a page").body, "once");
    }
    assert_eq!(origin.connections(), 3);
}

#[tokio::test]
async fn a_post_is_never_sent_twice() {
    let origin = forgetful().await;
    let client = client();
    get(&client, origin.url("/")).await.expect("a page");
    let request = Request { method: Method::POST, ..Request::get(origin.url("/"), Duration::from_secs(20)) };
    let error = client.fetch(&request).await.expect_err("the peer dropped it");
    assert_eq!(error.code(), TargetErrorCode::ConnectFailed);
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_dropped_fetch_leaves_no_half_read_connection_behind() {
    let origin = Origin::http(|head| {
        if head.starts_with("GET /half") {
            b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec()
        } else {
            page("", b"whole")
        }
    })
    .await;
    let client = client();
    let error =
        crate::origin::get_within(&client, origin.url("/half"), 100).await.expect_err("it never ends");
    assert_eq!(error.code(), TargetErrorCode::Timeout);
    assert_eq!(get(&client, origin.url("/")).await.expect("a page").body, "whole");
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn localhost_is_loopback_where_the_operator_has_lifted_it() {
    let origin = Origin::http(|head| page("", head.as_bytes())).await;
    let target = url(&format!("http://a.localhost:{}/", origin.address.port()));
    let response = get(&client(), target).await.expect("a page");
    let host = format!("host: a.localhost:{}\r\n", origin.address.port());
    assert!(String::from_utf8_lossy(&response.body).contains(&host));
}

#[tokio::test]
async fn what_moved_for_good_all_the_way_is_told_with_its_new_place() {
    let origin = Origin::http(|head| {
        let path = head.split(' ').nth(1).expect("a path");
        let (status, location) = match path {
            "/good" => (301, "/better"),
            "/better" => (308, "/end"),
            "/mixed" => (301, "/for-now"),
            "/for-now" => (302, "/end"),
            _ => return page("", b"here"),
        };
        format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n").into_bytes()
    })
    .await;
    let client = client();
    for (path, told) in
        [("/good", true), ("/better", true), ("/mixed", false), ("/for-now", false), ("/end", false)]
    {
        let response = get(&client, origin.url(path)).await.expect("a page");
        assert_eq!(response.final_url, origin.url("/end"));
        assert_eq!(response.moved_permanently_to(), told.then_some(&origin.url("/end")), "{path}");
    }
}

/// An origin that tells when a connection of its is closed by the client.
async fn watched() -> (Origin, tokio::sync::mpsc::Receiver<()>) {
    let (closed, is_closed) = tokio::sync::mpsc::channel(16);
    let origin = Origin::raw(move |mut tcp, _| {
        let closed = closed.clone();
        async move {
            while let Some(head) = read_head(&mut tcp).await {
                if head.starts_with("GET /stalls") {
                    tcp.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n").await.expect("written");
                } else {
                    tcp.write_all(&page("", b"kept")).await.expect("written");
                }
            }
            let _ = closed.send(()).await;
        }
    })
    .await;
    (origin, is_closed)
}

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn an_idle_connection_is_closed_when_its_time_is_over() {
    let (origin, mut is_closed) = watched().await;
    let config = FetchConfig { pool_idle_timeout: Duration::from_millis(50), ..config() };
    let client = Client::new(config).expect("a client");
    get(&client, origin.url("/")).await.expect("a page");
    tokio::time::timeout(PATIENCE, is_closed.recv()).await.expect("closed in time");
}

#[tokio::test]
async fn connections_are_closed_with_the_client() {
    let (origin, mut is_closed) = watched().await;
    let client = client();
    get(&client, origin.url("/")).await.expect("a page");
    drop(client);
    tokio::time::timeout(PATIENCE, is_closed.recv()).await.expect("closed in time");
}

#[tokio::test]
async fn dropping_a_fetch_closes_its_connection() {
    let (origin, mut is_closed) = watched().await;
    let (client, target) = (client(), origin.url("/stalls"));
    let fetch = tokio::spawn(async move { get(&client, target).await.map(|_| client) });
    while origin.connections() == 0 {
        tokio::task::yield_now().await;
    }
    fetch.abort();
    tokio::time::timeout(PATIENCE, is_closed.recv()).await.expect("closed in time");
}

#[tokio::test]
async fn no_more_idle_connections_are_kept_than_allowed() {
    let (origin, mut is_closed) = watched().await;
    let client = Client::new(FetchConfig { idle_per_host_max: 1, ..config() }).expect("a client");
    let (one, two) = tokio::join!(get(&client, origin.url("/")), get(&client, origin.url("/")));
    assert_eq!((one.expect("a page").body, two.expect("a page").body), ("kept".into(), "kept".into()));
    assert_eq!(origin.connections(), 2);
    tokio::time::timeout(PATIENCE, is_closed.recv()).await.expect("one of them is closed");
    get(&client, origin.url("/")).await.expect("a page");
    assert_eq!(origin.connections(), 2, "the other one is used again");
}
