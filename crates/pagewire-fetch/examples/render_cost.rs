//! What rendering a page costs: `render_cost URL PAGES TABS [SELECTOR]` shows the page so often, so many at once, and tells
//! how long that took and how much memory the browser has.

#![expect(clippy::print_stdout, reason = "a program whose purpose is what it prints")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use http::HeaderMap;
use pagewire_fetch::{Client, FetchConfig, RenderConfig, RenderRequest, Renderer};
use pagewire_types::{
    TargetUrl,
    render::{RenderOptions, WaitFor},
};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().expect("a URL");
    let pages: usize = arguments.next().map_or(20, |text| text.parse().expect("a number of pages"));
    let tabs: usize = arguments.next().map_or(4, |text| text.parse().expect("a number of tabs"));
    let wait_for = arguments.next().map(WaitFor::Selector);
    let allow = vec!["127.0.0.0/8".parse().expect("a range")];
    let client = Client::new(FetchConfig { allow, ..FetchConfig::default() }).expect("a client");
    let config = RenderConfig {
        profiles: std::env::temp_dir().join("pagewire-render-cost"),
        pages_per_browser_max: tabs,
        waiting_max: 1_000,
        recycle_after_pages: 100_000,
        sandbox: false,
        ..RenderConfig::default()
    };
    let renderer = Renderer::new(config);
    let request = Arc::new(RenderRequest {
        url: TargetUrl::parse(&url).expect("a target"),
        headers: HeaderMap::new(),
        timeout: Duration::from_secs(30),
        options: RenderOptions { wait_for, ..RenderOptions::default() },
        takes_screenshot: false,
    });
    let first = Instant::now();
    let shown = renderer.render(&client, &request).await;
    match &shown {
        Ok(shown) => println!(
            "{} {:?} {} bytes, the first after {:?}",
            shown.response.status,
            shown.response.content_type,
            shown.response.body.len(),
            first.elapsed()
        ),
        Err(error) => println!("{error} ({error:?})"),
    }
    let (started, left) = (Instant::now(), Arc::new(AtomicUsize::new(pages)));
    let mut workers = Vec::new();
    for _ in 0..tabs {
        let (renderer, client, request, left) =
            (renderer.clone(), client.clone(), request.clone(), left.clone());
        workers.push(tokio::spawn(async move {
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
            {
                if let Err(error) = renderer.render(&client, &request).await {
                    println!("{error}");
                }
            }
        }));
    }
    for worker in workers {
        worker.await.expect("it ends");
    }
    let took = started.elapsed();
    println!("{pages} pages in {took:.2?}: {:.1}/s", pages as f64 / took.as_secs_f64());
    renderer.shut_down().await;
}
