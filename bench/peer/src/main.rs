//! A bare reqwest + scraper loop over the bench's pages: `pagewire-bench-peer FILE [CONCURRENCY]`.
//!
//! FILE holds a URL a line. Each page is fetched, parsed to a tree, and its JSON-LD product read for name and price, as
//! the Scrapy spider does it. One JSON line on stdout says what came of it; the harness times the process from outside.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use futures_util::StreamExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("usage: pagewire-bench-peer FILE [CONCURRENCY]")?;
    let concurrency = arguments.next().map_or(Ok(100), |text| text.parse())?;
    let urls: Vec<String> = std::fs::read_to_string(file)?.lines().map(str::to_owned).collect();
    let total = urls.len();

    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(concurrency).build()?;
    let found = AtomicU64::new(0);
    let started = Instant::now();
    futures_util::stream::iter(urls)
        .map(|url| {
            let client = client.clone();
            // A task a page, so that parsing uses every core.
            tokio::spawn(async move {
                let body = client.get(url).send().await.ok()?.text().await.ok()?;
                product(&body)
            })
        })
        .buffer_unordered(concurrency)
        .for_each(|item| {
            if matches!(item, Ok(Some(_))) {
                found.fetch_add(1, Ordering::Relaxed);
            }
            std::future::ready(())
        })
        .await;
    let elapsed_s = started.elapsed().as_secs_f64();
    println!("{}", serde_json::json!({"pages": total, "items": found.into_inner(), "elapsed_s": elapsed_s}));
    Ok(())
}

/// Name and price of the first JSON-LD product in the page.
fn product(body: &str) -> Option<(String, f64)> {
    let document = scraper::Html::parse_document(body);
    let selector = scraper::Selector::parse(r#"script[type="application/ld+json"]"#).ok()?;
    document.select(&selector).find_map(|script| {
        let value: serde_json::Value = serde_json::from_str(&script.text().collect::<String>()).ok()?;
        let name = value.get("name")?.as_str()?.to_owned();
        let price = value.get("offers")?.get("price")?.as_f64()?;
        Some((name, price))
    })
}
