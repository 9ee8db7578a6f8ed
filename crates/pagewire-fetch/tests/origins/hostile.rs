//! Origins that misbehave: each ends the attempt with its own code, in bounded time.

use std::time::{Duration, Instant};

use crate::origin::{Origin, client, config, get, get_within, page, read_head, url};
use pagewire_fetch::{Client, FailureKind, FetchConfig, FetchError};
use pagewire_types::TargetErrorCode;
use tokio::io::AsyncWriteExt;

/// An origin that writes `opening` and then `again` for ever, with a pause between, or as fast as it can.
async fn endless(opening: &'static str, again: &'static str, pause: Duration) -> Origin {
    Origin::raw(move |mut tcp, _| async move {
        if read_head(&mut tcp).await.is_none() || tcp.write_all(opening.as_bytes()).await.is_err() {
            return;
        }
        let flood = again.repeat(if pause.is_zero() { 512 } else { 1 });
        while tcp.write_all(flood.as_bytes()).await.is_ok() {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
    })
    .await
}

/// An origin that writes `answer` and closes.
async fn closing(answer: &'static [u8]) -> Origin {
    Origin::raw(move |mut tcp, _| async move {
        if read_head(&mut tcp).await.is_some() {
            let _ = tcp.write_all(answer).await;
            let _ = tcp.shutdown().await;
        }
    })
    .await
}

async fn failure(origin: &Origin) -> FetchError {
    get(&client(), origin.url("/")).await.expect_err("the origin is hostile")
}

const DRIP: Duration = Duration::from_millis(5);
const FLOOD: Duration = Duration::ZERO;

#[tokio::test]
async fn what_drips_ends_at_the_timeout_of_the_whole_attempt() {
    for (opening, again) in [
        ("HTTP/1.1 200 OK\r\nx: ", "y"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", "y"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\ny\r\n"),
        ("HTTP/1.1 200 OK\r\n\r\n", "y"),
        ("", "HTTP/1.1 100 Continue\r\n\r\n"),
    ] {
        let origin = endless(opening, again, DRIP).await;
        let begun = Instant::now();
        let error = get_within(&client(), origin.url("/"), 300).await.expect_err("it never ends");
        assert_eq!(error.code(), TargetErrorCode::Timeout, "{opening:?}: {error}");
        assert_eq!(error.kind(), FailureKind::Network);
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_body_without_a_length_and_without_an_end_ends_at_the_timeout() {
    let origin = Origin::raw(|mut tcp, _| async move {
        let _ = read_head(&mut tcp).await;
        let _ = tcp.write_all(b"HTTP/1.1 200 OK\r\n\r\nall there is").await;
        std::future::pending::<()>().await;
    })
    .await;
    let error = get_within(&client(), origin.url("/"), 200).await.expect_err("it never ends");
    assert_eq!(error.code(), TargetErrorCode::Timeout);
}

#[tokio::test]
async fn an_origin_that_accepts_and_says_nothing_ends_at_the_timeout() {
    let origin = Origin::raw(|tcp, _| async move {
        std::future::pending::<()>().await;
        drop(tcp);
    })
    .await;
    let error = get_within(&client(), origin.url("/"), 200).await.expect_err("no answer");
    assert_eq!(error.code(), TargetErrorCode::Timeout);
    let tls = url(&format!("https://{}/", origin.address));
    let error = get_within(&client(), tls, 200).await.expect_err("no handshake");
    assert_eq!(error.code(), TargetErrorCode::Timeout);
}

#[tokio::test]
async fn floods_are_cut_at_their_caps() {
    const LINE: &str =
        "x-flood: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n";
    const CHUNK: &str = "10\r\nyyyyyyyyyyyyyyyy\r\n";
    for (opening, again) in [
        ("HTTP/1.1 200 OK\r\n", LINE),
        ("HTTP/1.1 200 OK\r\nx: ", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"),
        ("", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\n\r\n", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", CHUNK),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n", "y"),
    ] {
        let origin = endless(opening, again, FLOOD).await;
        let small = FetchConfig { wire_bytes_max: 256 << 10, ..config() };
        let client = Client::new(small).expect("a client");
        let error = get(&client, origin.url("/")).await.expect_err("it is too much");
        let too_large = error.code() == TargetErrorCode::BodyTooLarge;
        // More header lines than any page has are no HTTP any more.
        assert!(too_large || matches!(error, FetchError::HeaderTooLarge { .. }), "{opening:?}: {error}");
        assert_eq!(error.kind(), FailureKind::Permanent, "{error}");
    }
}

#[tokio::test]
async fn endless_chunk_extensions_are_cut() {
    let origin = endless(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;x=",
        "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
        FLOOD,
    )
    .await;
    assert_eq!(failure(&origin).await.code(), TargetErrorCode::ConnectFailed);
}

#[tokio::test]
async fn a_body_shorter_than_its_length_ended_early() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"",
    ] {
        let origin = closing(answer).await;
        let error = failure(&origin).await;
        assert!(matches!(error, FetchError::EndedEarly { .. }), "{error:?}");
        assert_eq!(error.code(), TargetErrorCode::ConnectFailed);
        assert!(error.to_string().contains("ended early"));
    }
}

#[tokio::test]
async fn what_stands_behind_a_body_is_nobodys_answer() {
    // At once with the body, and when the connection lies idle already.
    for late in [false, true] {
        let origin = Origin::raw(move |mut tcp, number| async move {
            while read_head(&mut tcp).await.is_some() {
                let mut answers = page("", format!("connection {number}").as_bytes());
                let first = answers.len();
                answers.extend(page("", b"an answer to the next request"));
                if late {
                    let _ = tcp.write_all(&answers[..first]).await;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    let _ = tcp.write_all(&answers[first..]).await;
                } else {
                    let _ = tcp.write_all(&answers).await;
                }
            }
        })
        .await;
        let client = client();
        for number in 0..3 {
            let page = get(&client, origin.url("/")).await.expect("a page");
            assert_eq!(page.body, format!("connection {number}"), "late: {late}");
            tokio::time::sleep(Duration::from_millis(if late { 80 } else { 0 })).await;
        }
    }
    let longer = closing(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhalf of it").await;
    assert_eq!(get(&client(), longer.url("/")).await.expect("a page").body, "half");
}

#[tokio::test]
async fn what_is_no_http_is_connect_failed() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nno chunk\r\n"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nx\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\n\x00\xff: \x01\r\n\r\n",
        b"HTTP/9.9 999 What\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x16\x03\x01\x00\x05hello\r\n\r\n",
    ] {
        let origin = closing(answer).await;
        let error = failure(&origin).await;
        assert_eq!(error.code(), TargetErrorCode::ConnectFailed, "{error}");
        assert_eq!(error.kind(), FailureKind::Network);
    }
}

#[tokio::test]
async fn a_plain_answer_to_a_tls_hello_is_tls_failed() {
    for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"\x16\x03\x03\xff\xff\x00\x00", b""] {
        let origin = Origin::raw(move |mut tcp, _| async move {
            let _ = tcp.write_all(answer).await;
            let _ = tcp.shutdown().await;
            let mut sink = tokio::io::sink();
            let _ = tokio::io::copy(&mut tcp, &mut sink).await;
        })
        .await;
        let target = url(&format!("https://{}/", origin.address));
        let error = get(&client(), target).await.expect_err("no TLS there");
        assert_eq!(error.code(), TargetErrorCode::TlsFailed, "{error}");
    }
}

#[tokio::test]
async fn a_closed_port_is_connect_failed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let error = get(&client(), url(&format!("http://{address}/"))).await.expect_err("nobody listens");
    assert_eq!(error.code(), TargetErrorCode::ConnectFailed);
    assert_eq!(error.kind(), FailureKind::Network);
}

#[tokio::test]
async fn a_refused_address_is_blocked_alike_whether_its_port_is_open_or_not() {
    let origin = Origin::http(|_| page("", b"secret")).await;
    let guarded = Client::new(FetchConfig::default()).expect("a client");
    let open = get(&guarded, origin.url("/")).await.expect_err("blocked");
    let closed = get(&guarded, url("http://127.0.0.1:1/")).await.expect_err("blocked");
    assert_eq!(open.code(), TargetErrorCode::BlockedTarget);
    assert_eq!(open.to_string(), closed.to_string());
    assert_eq!(open.kind(), FailureKind::Permanent);
    for spelling in ["localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "[::1]", "a.localhost."] {
        let target = url(&format!("http://{spelling}:{}/", origin.address.port()));
        let error = get(&guarded, target).await.expect_err("blocked");
        assert_eq!(error.code(), TargetErrorCode::BlockedTarget, "{spelling}");
    }
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn a_redirect_to_a_refused_address_is_blocked_before_it_is_connected_to() {
    let origin = Origin::http(|_| {
        b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data/\r\ncontent-length: 0\r\n\r\n"
            .to_vec()
    })
    .await;
    assert_eq!(failure(&origin).await.code(), TargetErrorCode::BlockedTarget);
}

#[tokio::test]
async fn a_redirect_loop_ends_at_the_cap() {
    let origin = Origin::http(|head| {
        let path = head.split(' ').nth(1).expect("a path");
        format!("HTTP/1.1 302 Found\r\nlocation: {path}x\r\ncontent-length: 0\r\n\r\n").into_bytes()
    })
    .await;
    let error = failure(&origin).await;
    assert_eq!(error.code(), TargetErrorCode::TooManyRedirects);
    assert_eq!(origin.connections(), 1, "a redirect's connection is used again");
}

#[tokio::test]
async fn a_redirect_with_a_dripping_body_does_not_hold_the_next_hop() {
    let origin = Origin::raw(|mut tcp, number| async move {
        let _ = read_head(&mut tcp).await;
        if number > 0 {
            let _ = tcp.write_all(&page("", b"there")).await;
            return;
        }
        let _ = tcp.write_all(b"HTTP/1.1 302 Found\r\nlocation: /next\r\ncontent-length: 99\r\n\r\n").await;
        std::future::pending::<()>().await;
    })
    .await;
    let response = get(&client(), origin.url("/")).await.expect("the next hop answers");
    assert_eq!(response.body, "there");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn no_answer_panics_or_outlives_its_time(
        head in proptest::sample::select(vec![
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n",
            "HTTP/1.1 302 Found\r\nlocation: ",
        ]),
        rest in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let answer = [head.as_bytes(), &rest].concat();
            let origin = Origin::raw(move |mut tcp, _| {
                let answer = answer.clone();
                async move {
                    let _ = read_head(&mut tcp).await;
                    let _ = tcp.write_all(&answer).await;
                }
            })
            .await;
            let client = client();
            let fetch = get_within(&client, origin.url("/"), 5_000);
            let outcome = tokio::time::timeout(Duration::from_secs(10), fetch).await;
            assert!(outcome.is_ok(), "the attempt ends in its time");
        });
    }
}
