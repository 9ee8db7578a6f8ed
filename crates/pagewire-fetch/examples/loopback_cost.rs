//! What one page costs this crate: CPU time (user and system) of the client's thread for keep-alive GETs of 27 KB over
//! loopback. The origin runs on a thread of its own and is not counted. Linux only: it reads `/proc`.
//!
//! `cargo run --release -p pagewire-fetch --example loopback_cost [PAGES] [CONCURRENCY]`

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use pagewire_fetch::{Client, FetchConfig, Request};
use pagewire_types::TargetUrl;
use tokio::task::JoinSet;

const PAGE_BYTES: usize = 27 << 10;

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let pages = arguments.next().unwrap_or(100_000);
    let concurrency = arguments.next().unwrap_or(16).max(1);
    let address = origin();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut config = FetchConfig::default();
        config.allow.push("127.0.0.0/8".parse().expect("a network"));
        let client = Client::new(config).expect("a client");
        let url = TargetUrl::parse(&format!("http://{address}/page")).expect("a URL");
        let request = Arc::new(Request::get(url, Duration::from_secs(30)));
        run(&client, &request, 2_000, concurrency).await;
        let (cpu, wall) = (thread_cpu(), Instant::now());
        run(&client, &request, pages, concurrency).await;
        let (cpu, wall) = (thread_cpu() - cpu, wall.elapsed());
        let per_page = cpu.as_secs_f64() * 1e6 / pages as f64;
        let rate = pages as f64 / wall.as_secs_f64();
        report(&format!(
            "{pages} pages, {concurrency} at a time: {per_page:.1} µs CPU a page, {rate:.0} pages/s"
        ));
    });
}

#[expect(clippy::print_stdout, reason = "the result of the measurement")]
fn report(line: &str) {
    println!("{line}");
}

async fn run(client: &Client, request: &Arc<Request>, pages: usize, concurrency: usize) {
    let each = pages.div_ceil(concurrency);
    let mut tasks = JoinSet::new();
    for _ in 0..concurrency {
        let (client, request) = (client.clone(), Arc::clone(request));
        tasks.spawn(async move {
            for _ in 0..each {
                let response = client.fetch(&request).await.expect("a response");
                assert_eq!(response.body.len(), PAGE_BYTES);
            }
        });
    }
    tasks.join_all().await;
}

/// CPU time of this thread, in user and system mode together.
fn thread_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("schedstat");
    let nanos = text.split(' ').next().and_then(|field| field.parse().ok()).expect("nanoseconds");
    Duration::from_nanos(nanos)
}

/// A tiny origin on its own thread.
fn origin() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("non-blocking");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let page = Bytes::from(vec![b'x'; PAGE_BYTES]);
            while let Ok((tcp, _)) = listener.accept().await {
                tcp.set_nodelay(true).expect("nodelay");
                let page = page.clone();
                let service = service_fn(move |_| {
                    let page = page.clone();
                    async move {
                        let response = http::Response::builder()
                            .header(http::header::CONTENT_TYPE, "text/html; charset=utf-8")
                            .body(Full::new(page));
                        Ok::<_, Infallible>(response.expect("a response"))
                    }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
            }
        });
    });
    address
}
