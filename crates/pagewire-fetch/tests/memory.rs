//! Memory of one fetch, measured: the process's peak while a bomb or a large body comes in. Alone in its binary, so that
//! no other test's memory is counted.
#![cfg(target_os = "linux")]

use std::{io::Write, time::Duration};

use pagewire_fetch::{Client, FetchConfig, Request};
use pagewire_types::{TargetErrorCode, TargetUrl};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const GROWTH_MAX: u64 = 64 << 20;

/// 41 MiB of zeros, packed: more than the cap on what comes out.
fn packed(mut encoder: impl Write) {
    let zeros = vec![0; 64 << 10];
    for _ in 0..656 {
        encoder.write_all(&zeros).expect("packed");
    }
    encoder.flush().expect("packed");
}

fn field(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let line = status.lines().find(|line| line.starts_with(name)).expect("the field");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("KiB") << 10
}

#[tokio::test]
async fn one_fetch_takes_less_than_64_mib_whatever_comes_in() {
    // Of the encodings taken, brotli has the largest window.
    let mut brotli = Vec::new();
    packed(brotli::CompressorWriter::new(&mut brotli, 4096, 1, 24));
    let (bomb, large) = (Some(TargetErrorCode::DecompressionBomb), Some(TargetErrorCode::BodyTooLarge));
    for (headers, body, times, ends_as) in [
        ("content-encoding: br\r\n", brotli, 1, bomb),
        ("", vec![b'x'; 1 << 20], 19, None),
        ("", vec![b'x'; 1 << 20], 25, large),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.expect("a connection");
            let mut request = [0; 4096];
            let _ = tcp.read(&mut request).await;
            let _ = tcp.write_all(format!("HTTP/1.1 200 OK\r\n{headers}\r\n").as_bytes()).await;
            for _ in 0..times {
                let _ = tcp.write_all(&body).await;
            }
        });
        let allow = vec!["127.0.0.0/8".parse().expect("a network")];
        let client = Client::new(FetchConfig { allow, ..FetchConfig::default() }).expect("a client");
        let url = TargetUrl::parse(&format!("http://{address}/")).expect("a URL");
        // Sets the peak back to what is held now (proc(5), clear_refs).
        std::fs::write("/proc/self/clear_refs", "5").expect("the peak is set back");
        let before = field("VmRSS");
        let result = client.fetch(&Request::get(url, Duration::from_secs(60))).await;
        let growth = field("VmHWM").saturating_sub(before);
        assert_eq!(result.map(|page| page.body.len()).err().map(|error| error.code()), ends_as);
        assert!(growth < GROWTH_MAX, "{headers:?}, {times} MiB: {} MiB", growth >> 20);
    }
}
