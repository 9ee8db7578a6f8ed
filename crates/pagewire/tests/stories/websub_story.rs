//! A feed that names a hub: the hub is asked, asks back, and delivers.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use pagewire_testkit::http::{self, Response};
use serde_json::json;

use crate::source_world::{Sources, rss};

const HUB: &str = "/hub";

/// A server that hubs can reach, with a feed that names a hub of the same site.
struct Hub {
    sources: Sources,
    /// The path of the callback that the hub was given, and its secret.
    callback: String,
    secret: String,
}

impl Hub {
    async fn subscribed() -> Self {
        let sources = Sources::with_config("[server]\npublic_url = \"https://pagewire.example\"\n").await;
        let origin = &sources.world.origin;
        origin.set_page(HUB, 202, "text/plain", "");
        let link = format!("<title>Feed</title><atom:link rel=\"hub\" href=\"{}\"/>", origin.url(HUB));
        let document = rss(&[("1", "Old")]).replace("<title>Feed</title>", &link);
        origin.set_document("/feed", "application/rss+xml", document);
        let source =
            json!({"id": "a", "source_type": "rss", "url": origin.url("/feed"), "interval_s": 3_600});
        sources.add(&source).await;
        sources.once_read("a").await;
        let asked = loop {
            if let Some(asked) = origin.last_request(HUB) {
                break asked;
            }
            assert!(origin.wait_for_hits(|hits| hits >= 2).await, "the hub is asked");
            tokio::task::yield_now().await;
        };
        let form: Vec<(String, String)> = form(&String::from_utf8(asked.body).expect("text"));
        let field = |name: &str| {
            let found = form.iter().find(|(have, _)| have == name);
            found.unwrap_or_else(|| panic!("no {name}: {form:?}")).1.clone()
        };
        assert_eq!((field("hub.mode"), field("hub.topic")), ("subscribe".to_owned(), origin.url("/feed")));
        let callback =
            field("hub.callback").strip_prefix("https://pagewire.example").expect("ours").to_owned();
        Self { callback, secret: field("hub.secret"), sources }
    }

    async fn verify(&self, topic: &str) -> Response {
        let query =
            format!("hub.mode=subscribe&hub.topic={topic}&hub.challenge=c%3Cb%3E&hub.lease_seconds=3600");
        let path = format!("{}?{query}", self.callback);
        http::get(self.sources.world.server.address(), &path, None).await
    }

    async fn deliver(&self, path: &str, document: &str, signature: &str) -> u16 {
        let headers = [("content-type", "application/rss+xml"), ("x-hub-signature", signature)];
        let address = self.sources.world.server.address();
        http::request(address, "POST", path, &headers, document.as_bytes()).await.status
    }

    fn signature(&self, document: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let tag = hmac::sign(&key, document.as_bytes());
        tag.as_ref().iter().fold("sha256=".to_owned(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

fn form(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

#[tokio::test]
async fn what_a_hub_delivers_is_told_without_a_poll_and_only_once() {
    let hub = Hub::subscribed().await;
    let topic = hub.sources.world.origin.url("/feed");
    let verified = hub.verify(&topic).await;
    assert_eq!((verified.status, verified.text().as_str()), (200, "c<b>"));
    assert!(verified.header("content-type").is_some_and(|of| of.starts_with("text/plain")));
    assert_eq!(hub.verify("https://other.example/").await.status, 404);

    let mut stream = hub.sources.listen(None).await;
    let polls = hub.sources.world.origin.hits_of("/feed");
    let new = rss(&[("2", "New")]);
    assert_eq!(hub.deliver(&hub.callback, &rss(&[("3", "Forged")]), "sha256=00").await, 202, "passed over");
    assert_eq!(hub.deliver("/v1/websub/x.y", &new, &hub.signature(&new)).await, 404);
    assert_eq!(hub.deliver(&hub.callback, &new, &hub.signature(&new)).await, 202);
    let told = stream.next_of(&["rss"]).await.expect("an event").json();
    assert_eq!((&told["title"], &told["source_id"]), (&json!("New"), &json!("a")), "{told}");

    let more = rss(&[("4", "Newer"), ("2", "New"), ("1", "Old")]);
    assert_eq!(hub.deliver(&hub.callback, &more, &hub.signature(&more)).await, 202);
    let told = stream.next_of(&["rss"]).await.expect("an event").json();
    assert_eq!(told["title"], "Newer", "{told}");
    assert_eq!(hub.sources.world.origin.hits_of("/feed"), polls, "nothing was fetched for it");

    assert_eq!(hub.sources.send("DELETE", "/v1/sources/a", &json!({})).await.status, 204);
    assert_eq!(hub.deliver(&hub.callback, &more, &hub.signature(&more)).await, 404);
}
