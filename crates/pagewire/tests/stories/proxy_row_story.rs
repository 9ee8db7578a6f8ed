//! A hundred proxies of which thirty fail, each in its own way, in front of a real site behind TLS: what comes of five
//! thousand pages, and how much of the traffic the failing ones still get.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use pagewire_testkit::proxy::{Conduct, ProxyServer};
use serde_json::{Value, json};

use crate::daemons::{Nginx, free_port};
use crate::world::World;

/// Thirty that fail: six of each kind, of which the first kind is not there at all.
async fn failing() -> (Vec<SocketAddr>, Vec<ProxyServer>) {
    let mut failing = Vec::new();
    for conduct in [Conduct::Hangs, Conduct::Demands, Conduct::Resets, Conduct::Html] {
        for _ in 0..6 {
            failing.push(ProxyServer::start(conduct).await);
        }
    }
    ((0..6).map(|_| free_port()).collect(), failing)
}

/// What came of a run, and of the traffic after its first minute.
#[derive(Debug, Default)]
struct Outcome {
    pages: usize,
    errors: usize,
    late_pages: usize,
    late_failing: u64,
    /// The first errors.
    sample: Vec<Value>,
    took: Duration,
}

/// Fetches so many pages through a hundred proxies, so many a second at most.
async fn run(pages: usize, delay_ms: u64, late_after: Duration) -> Outcome {
    let page =
        "location / { return 200 '<title>Page</title><p>The quay was empty, and the sea was still.'; }";
    let nginx = Nginx::over_tls(page).await;
    let (refusing, failing) = failing().await;
    let mut working = Vec::new();
    for _ in 0..70 {
        working.push(ProxyServer::start(Conduct::Works).await);
    }
    // Those that are not there come first, so that the log tells which they are.
    let mut urls: Vec<String> = refusing.iter().map(|address| format!("http://{address}")).collect();
    urls.extend(failing.iter().chain(&working).map(ProxyServer::url));
    let config = format!(
        "[fetch]\nconnect_timeout_ms = 2000\nextra_roots_pem = {:?}\n[politeness]\ndelay_ms = {delay_ms}\n\
         [[proxies]]\nname = \"pool\"\ntype = \"datacenter\"\nurls = {urls:?}\n",
        nginx.certificate()
    );
    let world = World::with_config(&config).await;
    let urls: Vec<String> = (0..pages).map(|n| format!("https://{}/{n}", nginx.address())).collect();
    let body = json!({
        "urls": urls, "proxy_type": "datacenter", "concurrency": 64, "formats": ["metadata"], "robots": "ignore",
        "timeout_ms": 10_000, "retry": {"max": 2},
    });
    let mut reader = world.stream(&body).open().await;
    let begun = Instant::now();
    let touched = || {
        let connections: u64 = failing.iter().map(ProxyServer::connections).sum();
        let log = world.server.log();
        let refused = (1..=refusing.len()).map(|n| log.matches(&format!("pool#{n} ")).count() as u64);
        connections + refused.sum::<u64>()
    };
    let mut outcome = Outcome::default();
    let mut early = None;
    let mut sample = Vec::<Value>::new();
    while let Some(frame) = reader.next().await {
        let is_late = begun.elapsed() >= late_after;
        if is_late && early.is_none() {
            early = Some(touched());
        }
        match frame.event.as_str() {
            "page" => {
                outcome.pages += 1;
                outcome.late_pages += usize::from(is_late);
            }
            "error" => {
                outcome.errors += 1;
                sample.push(frame.json());
            }
            "end" => break,
            _ => {}
        }
    }
    outcome.late_failing = touched() - early.unwrap_or_default();
    outcome.sample = sample.into_iter().take(3).collect();
    outcome.took = begun.elapsed();
    outcome
}

#[tokio::test]
async fn pages_come_through_a_hundred_proxies_of_which_thirty_fail() {
    let outcome = run(600, 0, Duration::MAX).await;
    assert!(outcome.pages * 100 >= 600 * 98, "{outcome:?}");
}

#[tokio::test]
async fn slow_five_thousand_pages_come_and_failing_proxies_get_next_to_nothing_after_a_minute() {
    // At most fifty a second, so that most of them come after the first minute.
    let outcome = run(5_000, 20, Duration::from_secs(60)).await;
    println!("{outcome:?}");
    assert_eq!(outcome.pages + outcome.errors, 5_000);
    assert!(outcome.pages >= 4_950, "{outcome:?}");
    assert!(outcome.late_pages >= 1_000, "{outcome:?}");
    let late = outcome.late_pages as u64 + outcome.late_failing;
    assert!(outcome.late_failing * 50 < late, "{outcome:?}");
}
