//! A server that asks its sources every second, a key that may do all with them, and feeds that a test changes.

use std::fmt::Write as _;
use std::time::Duration;

use pagewire_testkit::binary::Options;
use pagewire_testkit::http::{self, Response};
use pagewire_testkit::sse::StreamRequest;
use pagewire_testkit::{DEADLINE, StreamReader};
use serde_json::{Value, json};

use crate::world::{EXE, World};

/// Sources that may be asked each second.
pub(crate) const EAGER: &str = "[live]\ninterval_min_s = 1\n";

const LOOK_EVERY: Duration = Duration::from_millis(20);

pub(crate) struct Sources {
    pub(crate) world: World,
}

impl Sources {
    pub(crate) async fn start() -> Self {
        Self::with_config("").await
    }

    /// With more in the configuration file.
    pub(crate) async fn with_config(more: &str) -> Self {
        let mut world = World::with(Options::new(EXE).config(&format!("{EAGER}{more}"))).await;
        world.key = world.server.create_key(&["sources:read", "sources:write", "stream:read"]);
        Self { world }
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &Value) -> Response {
        http::send_json(self.world.server.address(), method, path, &self.world.key, body).await
    }

    /// Makes a source.
    pub(crate) async fn add(&self, body: &Value) -> Value {
        let made = self.world.post("/v1/sources", body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()
    }

    pub(crate) async fn get(&self, id: &str) -> Value {
        let answer = self.world.get(&format!("/v1/sources/{id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// The source once this holds of it.
    pub(crate) async fn once(&self, id: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            let source = self.get(id).await;
            if holds(&source["health"]) {
                return source;
            }
            assert!(tokio::time::Instant::now() < deadline, "never {what}: {source}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The source once it was asked and its answer could be read.
    pub(crate) async fn once_read(&self, id: &str) -> Value {
        self.once(id, "read", |health| health["status"] == "ok").await
    }

    /// The live stream, from an event on or from now.
    pub(crate) async fn listen(&self, after: Option<&str>) -> StreamReader {
        let request = StreamRequest::get(self.world.server.address(), "/v1/stream", &self.world.key);
        match after {
            Some(id) => request.header("last-event-id", id),
            None => request,
        }
        .open()
        .await
    }

    /// Lets the site's feed hold these items.
    pub(crate) fn publish(&self, path: &str, items: &[(&str, &str)]) {
        self.world.origin.set_document(path, "application/rss+xml", rss(items));
    }
}

/// A feed of a path of the site.
pub(crate) fn feed(world: &World, id: &str, path: &str) -> Value {
    json!({"id": id, "source_type": "rss", "url": world.origin.url(path), "interval_s": 1, "tags": ["t"]})
}

/// An RSS 2.0 document with items of these guids and titles.
pub(crate) fn rss(items: &[(&str, &str)]) -> String {
    let mut document =
        String::from("<rss version=\"2.0\"><channel><title>Feed</title><link>https://a.example/</link>");
    for (guid, title) in items {
        let _ = write!(
            document,
            "<item><guid isPermaLink=\"false\">{guid}</guid><title>{title}</title>\
             <link>https://a.example/{guid}</link><description>About {title}.</description></item>"
        );
    }
    document.push_str("</channel></rss>");
    document
}
