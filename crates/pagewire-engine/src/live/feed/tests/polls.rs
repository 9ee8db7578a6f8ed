//! Polls over HTTP, against an origin in the same process.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pagewire_fetch::{Client, FetchConfig};
use pagewire_types::TargetErrorCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::live::watch::{Poll, Verdict};
use crate::source::Source;

/// An origin that answers the head of each request; it ends with the test's runtime. The heads are kept.
async fn origin(answer: impl Fn(&str) -> String + Send + 'static) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = heads.clone();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = tcp.read_u8().await else { break };
                head.push(byte);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let _ = tcp.write_all(answer(&head).as_bytes()).await;
            kept.lock().expect("heads").push(head);
        }
    });
    (format!("http://{address}"), heads)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

fn web() -> Source {
    let allow = vec!["127.0.0.0/8".parse().expect("a network")];
    Source::Web(Client::new(FetchConfig { allow, ..FetchConfig::default() }).expect("a client"))
}

async fn polled(source: &Source, address: &str, state: Option<&str>) -> Polled {
    let (spec, url) = (spec(), url(address));
    let poll = Poll { spec: &spec, url: &url, state, now: now(), timeout: Duration::from_secs(20) };
    super::super::poll(source, poll).await
}

#[tokio::test]
async fn a_poll_asks_for_what_is_new_since_the_last() {
    let document = rss(&[item("1", "https://site.example/1", "One", "", 1)]);
    let (base, heads) = origin(move |head| {
        if head.contains("if-none-match: W/\"v1\"")
            && head.contains("if-modified-since: Tue, 03 Feb 2026 09:30:00 GMT")
        {
            answer("304 Not Modified", "", "")
        } else {
            answer("200 OK", "etag: W/\"v1\"\r\nlast-modified: Tue, 03 Feb 2026 09:30:00 GMT\r\n", &document)
        }
    })
    .await;
    let source = web();
    let first = polled(&source, &base, None).await;
    assert_eq!((first.verdict, first.source_type), (Verdict::Changed, Some(SourceType::Rss)));
    let second = polled(&source, &base, first.state.as_deref()).await;
    assert_eq!((second.verdict, second.http_status, second.state), (Verdict::Unchanged, Some(304), None));
    let heads = heads.lock().expect("heads");
    assert!(
        !heads[0].contains("if-none-match") && heads[0].contains("accept: application/atom+xml"),
        "{}",
        heads[0]
    );
    assert!(heads.iter().all(|head| head.contains("x-token: secret")));
}

#[tokio::test]
async fn a_permanent_redirect_is_followed_and_told() {
    let document = rss(&[]);
    let (base, _) = origin(move |head| {
        if head.starts_with("GET /old ") {
            answer("301 Moved Permanently", "location: /new\r\n", "")
        } else {
            answer("200 OK", "", &document)
        }
    })
    .await;
    let moved = polled(&web(), &format!("{base}/old"), None).await;
    assert_eq!(moved.moved_to, Some(url(&format!("{base}/new"))));
}

#[tokio::test]
async fn a_target_that_cannot_be_reached_or_may_not_be_fails_with_its_code() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let closed = format!("http://{}/", listener.local_addr().expect("an address"));
    drop(listener);
    for (address, code) in [
        (closed.as_str(), TargetErrorCode::ConnectFailed),
        ("http://10.0.0.1/feed", TargetErrorCode::BlockedTarget),
    ] {
        let Verdict::Failed { code: found, .. } = polled(&web(), address, None).await.verdict else {
            panic!("{address}")
        };
        assert_eq!(found, code);
    }
}

#[tokio::test]
async fn a_body_over_the_cap_fails() {
    let (base, _) = origin(|_| answer("200 OK", "", &"x".repeat(200_000))).await;
    let config = FetchConfig {
        allow: vec!["127.0.0.0/8".parse().expect("a network")],
        wire_bytes_max: 100_000,
        ..FetchConfig::default()
    };
    let source = Source::Web(Client::new(config).expect("a client"));
    let verdict = polled(&source, &base, None).await.verdict;
    assert!(matches!(verdict, Verdict::Failed { code: TargetErrorCode::BodyTooLarge, .. }), "{verdict:?}");
}

#[tokio::test]
async fn a_feed_that_leads_into_the_private_network_fails_and_is_not_followed_there() {
    for inside in [
        "http://10.0.0.1/feed",
        "http://169.254.169.254/latest",
        "http://[::ffff:10.0.0.1]/",
        "http://0x0a000001/",
    ] {
        for status in ["301 Moved Permanently", "302 Found"] {
            let (base, _) =
                origin(move |_| answer(status, &format!("location: {inside}\r\n"), "<rss/>")).await;
            let polled = polled(&web(), &base, None).await;
            let Verdict::Failed { code, .. } = polled.verdict else { panic!("{:?}", polled.verdict) };
            assert_eq!((code, polled.moved_to), (TargetErrorCode::BlockedTarget, None), "{inside}");
        }
    }
}

#[tokio::test]
async fn fifty_megabytes_are_not_read_to_their_end_whether_the_server_says_so_or_not() {
    let long = format!("<rss version='2.0'><channel><title>T</title>{}", "<item/>".repeat(7 << 20));
    for head in [format!("content-length: {}\r\n", long.len()), String::new()] {
        let body = long.clone();
        let (base, _) =
            origin(move |_| format!("HTTP/1.1 200 OK\r\n{head}connection: close\r\n\r\n{body}")).await;
        let verdict = polled(&web(), &base, None).await.verdict;
        let Verdict::Failed { code: TargetErrorCode::BodyTooLarge, detail } = verdict else {
            panic!("{verdict:?}")
        };
        assert!(detail.contains("20971520") || detail.contains("20 MiB"), "{detail}");
    }
}
