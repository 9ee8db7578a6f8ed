//! robots.txt: what an origin answers, and what may be fetched of it then.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pagewire_fetch::{Client, FailureKind, FetchConfig, RobotsVerdict, Unreachable};
use pagewire_types::TargetErrorCode;
use tokio::io::AsyncWriteExt as _;

use crate::origin::{Origin, client, config, page, read_head, url};

const ALLOWED: RobotsVerdict = RobotsVerdict::Allowed { crawl_delay: None };

/// What is said of a path of an origin.
async fn verdict(origin: &Origin, path: &str) -> RobotsVerdict {
    let client = client();
    client.robots().allowed(&client, &origin.url(path)).await
}

fn is_disallowed(verdict: &RobotsVerdict) -> bool {
    matches!(verdict, RobotsVerdict::Disallowed { .. })
}

#[tokio::test]
async fn robots_are_fetched_once_and_decide_by_line() {
    let origin = Origin::http(|head| {
        assert!(head.starts_with("GET /robots.txt "), "{head}");
        page("", b"User-agent: Pagewire\nCrawl-delay: 2\nDisallow: /private\nAllow: /private/door\n")
    })
    .await;
    let client = client();
    let ask = async |path: &str| client.robots().allowed(&client, &origin.url(path)).await;
    let allowed = RobotsVerdict::Allowed { crawl_delay: Some(Duration::from_secs(2)) };
    assert_eq!(ask("/").await, allowed);
    assert_eq!(ask("/private/door").await, allowed);
    assert_eq!(ask("/private/x").await, RobotsVerdict::Disallowed { line: "Disallow: /private".to_owned() });
    assert_eq!(ask("/robots.txt").await, allowed);
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn the_group_of_the_product_counts_whatever_the_user_agent_looks_like() {
    let origin = Origin::http(|head| {
        assert!(head.contains("user-agent: Mozilla/5.0 (compatible; Shopbot/2; +https://shop.example)\r\n"), "{head}");
        page("", b"User-agent: Mozilla\nDisallow: /a\n\nUser-agent: shopbot\nDisallow: /b\n\nUser-agent: *\nDisallow: /c\n")
    })
    .await;
    let client = Client::new(FetchConfig {
        user_agent: "Mozilla/5.0 (compatible; Shopbot/2; +https://shop.example)".to_owned(),
        product: "Shopbot".to_owned(),
        ..config()
    })
    .expect("a client");
    for (path, disallowed) in [("/a", false), ("/b", true), ("/c", false)] {
        let verdict = client.robots().allowed(&client, &origin.url(path)).await;
        assert_eq!(is_disallowed(&verdict), disallowed, "{path}: {verdict:?}");
    }
}

#[tokio::test]
async fn robots_are_fetched_once_for_all_that_wait_and_through_redirects() {
    let origin = Origin::http(|head| {
        if head.starts_with("GET /robots.txt ") {
            return b"HTTP/1.1 301 Moved\r\nlocation: /elsewhere.txt\r\ncontent-length: 0\r\n\r\n".to_vec();
        }
        assert!(head.starts_with("GET /elsewhere.txt "), "{head}");
        page("", b"User-agent: *\nDisallow: /\n")
    })
    .await;
    let client = client();
    let mut questions = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (client, target) = (client.clone(), origin.url("/page"));
        questions.spawn(async move { client.robots().allowed(&client, &target).await });
    }
    for verdict in questions.join_all().await {
        assert_eq!(verdict, RobotsVerdict::Disallowed { line: "Disallow: /".to_owned() });
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn who_fetches_the_file_may_go_away_and_the_next_takes_over() {
    let origin = Origin::raw(|mut tcp, number| async move {
        while read_head(&mut tcp).await.is_some() {
            if number == 0 {
                std::future::pending::<()>().await;
            }
            tcp.write_all(&page("", b"User-agent: *\nDisallow: /private\n")).await.expect("written");
        }
    })
    .await;
    let client = client();
    let (first, second) = (origin.url("/private/1"), origin.url("/private/2"));
    let impatient =
        tokio::time::timeout(Duration::from_millis(200), client.robots().allowed(&client, &first));
    let (gone, told) = tokio::join!(impatient, client.robots().allowed(&client, &second));
    assert!(gone.is_err());
    assert!(is_disallowed(&told), "{told:?}");
}

#[tokio::test]
async fn statuses_decide_as_the_standard_says() {
    for (answer, allowed) in [
        (&b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n"[..], true),
        (b"HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n", true),
        (b"HTTP/1.1 429 Slow\r\ncontent-length: 0\r\n\r\n", false),
        (b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", false),
        (b"HTTP/1.1 302 Go\r\nlocation: /robots.txt\r\ncontent-length: 0\r\n\r\n", true),
        (b"HTTP/1.1 302 Go\r\nlocation: gopher://a.example/\r\ncontent-length: 0\r\n\r\n", true),
    ] {
        let origin = Origin::http(|_| answer.to_vec()).await;
        let verdict = verdict(&origin, "/page").await;
        let is_allowed = verdict == ALLOWED;
        let told = String::from_utf8_lossy(answer);
        assert_eq!(is_allowed, allowed, "{told}: {verdict:?}");
        if let RobotsVerdict::Unreachable(why) = verdict {
            assert_eq!(
                (why.code, why.kind),
                (TargetErrorCode::RobotsDisallowed, FailureKind::Permanent),
                "{told}"
            );
        }
    }
}

#[tokio::test]
async fn a_redirect_for_ever_is_followed_five_times() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let origin = Origin::http(move |_| {
        let hop = count.fetch_add(1, Ordering::SeqCst);
        format!("HTTP/1.1 302 Go\r\nlocation: /robots-{hop}.txt\r\ncontent-length: 0\r\n\r\n").into_bytes()
    })
    .await;
    assert_eq!(verdict(&origin, "/page").await, ALLOWED);
    assert_eq!(asked.load(Ordering::SeqCst), 6, "the file and five redirects");
}

#[tokio::test]
async fn a_robots_file_that_leads_to_a_refused_address_is_not_followed_and_opens_nothing() {
    let origin = Origin::http(|_| {
        b"HTTP/1.1 302 Go\r\nlocation: http://169.254.169.254/latest\r\ncontent-length: 0\r\n\r\n".to_vec()
    })
    .await;
    let RobotsVerdict::Unreachable(why) = verdict(&origin, "/page").await else { panic!("it is not known") };
    assert_eq!((why.code, why.kind), (TargetErrorCode::BlockedTarget, FailureKind::Permanent), "{why:?}");
}

#[tokio::test]
async fn an_origin_that_cannot_be_asked_is_told_of_by_its_own_failure() {
    let nobody =
        tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("address");
    let garbage = Origin::raw(|mut tcp, _| async move {
        let _ = tcp.write_all(b"\x16\x03\x01 this is no HTTP\r\n\r\n").await;
    })
    .await;
    let silent = Origin::raw(|mut tcp, _| async move { drop(read_head(&mut tcp).await) }).await;
    let client = client();
    for (target, code, kind) in [
        (url(&format!("http://{nobody}/")), TargetErrorCode::ConnectFailed, FailureKind::Network),
        (garbage.url("/"), TargetErrorCode::ConnectFailed, FailureKind::Network),
        (silent.url("/"), TargetErrorCode::ConnectFailed, FailureKind::Network),
        (url("http://10.1.2.3/"), TargetErrorCode::BlockedTarget, FailureKind::Permanent),
    ] {
        match client.robots().allowed(&client, &target).await {
            RobotsVerdict::Unreachable(Unreachable { code: told, kind: of, .. }) => {
                assert_eq!((told, of), (code, kind), "{target}");
            }
            other => panic!("{target}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_origin_that_was_down_for_a_moment_is_asked_again_soon() {
    let origin = Origin::raw(|mut tcp, number| async move {
        while read_head(&mut tcp).await.is_some() && number > 0 {
            tcp.write_all(&page("", b"User-agent: *\nDisallow: /private\n")).await.expect("written");
        }
    })
    .await;
    let client = client();
    let ask = async || client.robots().allowed(&client, &origin.url("/private")).await;
    assert!(matches!(ask().await, RobotsVerdict::Unreachable(_)));
    let since = Instant::now();
    while !is_disallowed(&ask().await) {
        assert!(since.elapsed() < Duration::from_secs(20), "it is asked again after a second");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_robots_file_that_is_too_long_is_read_up_to_its_cap_and_not_on() {
    let (line, cut) = ("Disallow: /early\n", "Disallow: /private-area\n");
    let mut text = format!("User-agent: *\n{line}").into_bytes();
    let fill = (500 << 10) - text.len() - "Disallow: /p".len();
    text.extend(std::iter::repeat_n(b'#', fill - 1));
    text.push(b'\n');
    text.extend_from_slice(cut.as_bytes());
    text.extend_from_slice(b"Disallow: /late\n");
    text.resize(10 << 20, b'\n');
    let body = Arc::new(text);
    let origin = Origin::http(move |_| page("", &body)).await;
    for (path, disallowed) in
        [("/early", true), ("/late", false), ("/private-area", false), ("/pages", false)]
    {
        assert_eq!(is_disallowed(&verdict(&origin, path).await), disallowed, "{path}");
    }
}

#[tokio::test]
async fn an_endless_robots_file_is_cut_at_its_cap() {
    let origin = Origin::raw(|mut tcp, _| async move {
        read_head(&mut tcp).await;
        let head = b"HTTP/1.1 200 OK\r\n\r\nUser-agent: *\nDisallow: /private\n";
        let _ = tcp.write_all(head).await;
        while tcp.write_all(&[b'\n'; 16 << 10]).await.is_ok() {}
    })
    .await;
    assert!(is_disallowed(&verdict(&origin, "/private").await));
}

#[tokio::test]
async fn what_is_no_text_says_nothing() {
    let noise: Vec<u8> = (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for (headers, body) in [
        ("content-type: application/octet-stream\r\n", noise.clone()),
        ("content-type: text/html\r\n", b"<!doctype html><title>Disallow: /</title><p>Disallow: /".to_vec()),
        ("content-encoding: gzip\r\n", b"not packed at all".to_vec()),
        ("content-encoding: unheard-of\r\n", b"Disallow: /".to_vec()),
        ("", vec![0; 600 << 10]),
    ] {
        let origin = Origin::http(move |_| page(headers, &body)).await;
        assert_eq!(verdict(&origin, "/page").await, ALLOWED, "{headers}");
    }
}

#[tokio::test]
async fn rules_without_number_are_compared_with_the_longest_path() {
    let mut text = b"User-agent: *\n".to_vec();
    for n in 0..40_000 {
        text.extend_from_slice(format!("Disallow: /*{n}$\n").as_bytes());
    }
    let origin = Origin::http(move |_| page("", &text)).await;
    let path = format!("/{}", "a/".repeat(4_000));
    assert_eq!(verdict(&origin, &path).await, ALLOWED);
    assert!(is_disallowed(&verdict(&origin, &format!("{path}7")).await));
}
