//! A subscription from the first sight of its hub to a delivery, with a hub over HTTP.

use pagewire_fetch::{Client, FetchConfig};
use pagewire_testkit::origin::Origin;

use super::*;
use crate::source::Source;

const LIFE: &str = "a-life";

fn websub() -> Websub {
    Websub::new(Some("https://pagewire.example/"), b"a key of the server").expect("a public url")
}

fn url(text: &str) -> TargetUrl {
    TargetUrl::parse(text).expect("a url")
}

fn link() -> HubLink {
    HubLink { hub: url("https://hub.example/"), topic: url("https://s.example/feed?a=1&b=2") }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_770_000_000 + seconds).expect("a time")
}

fn token(ask: &Ask) -> &str {
    ask.callback.strip_prefix("https://pagewire.example/v1/websub/").expect("our callback")
}

fn query(mode: &str, topic: &str, lease: u32) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair("hub.mode", mode)
        .append_pair("hub.topic", topic)
        .append_pair("hub.challenge", "abc")
        .append_pair("hub.lease_seconds", &lease.to_string())
        .finish()
}

fn signed(ask: &Ask, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, ask.secret.as_bytes());
    let tag = hmac::sign(&key, body);
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

#[test]
fn without_a_public_url_there_are_no_subscriptions() {
    assert!(Websub::new(None, b"key").is_none());
}

#[test]
fn a_hub_is_asked_once_again_after_hours_of_silence_and_when_half_of_the_lease_is_over() {
    let websub = websub();
    let ask = websub.due(LIFE, &link(), at(0)).expect("asked");
    assert_eq!(websub.due(LIFE, &link(), at(60)), None);
    assert!(websub.due(LIFE, &link(), at(6 * 3_600)).is_some(), "it has not asked back");
    let topic = link().topic.to_string();
    assert_eq!(
        websub.verify(token(&ask), &query("subscribe", &topic, 10_000), at(6 * 3_600)),
        Ok("abc".to_owned())
    );
    assert_eq!(websub.due(LIFE, &link(), at(6 * 3_600 + 4_999)), None);
    assert_eq!(websub.due(LIFE, &link(), at(6 * 3_600 + 5_000)), Some(ask));
    let moved = HubLink { hub: url("https://other.example/"), ..link() };
    assert!(websub.due(LIFE, &moved, at(6 * 3_600 + 5_001)).is_some(), "another hub");
}

#[test]
fn only_what_was_asked_for_is_confirmed() {
    let websub = websub();
    let ask = websub.due(LIFE, &link(), at(0)).expect("asked");
    let topic = link().topic.to_string();
    let verify = |token: &str, query: &str| websub.verify(token, query, at(1));
    for (token, query) in [
        ("", query("subscribe", &topic, 1)),
        ("YQ.YWJj", query("subscribe", &topic, 1)),
        (token(&ask), query("subscribe", "https://other.example/", 1)),
        (token(&ask), query("unsubscribe", &topic, 1)),
        (token(&ask), query("publish", &topic, 1)),
        (token(&ask), String::new()),
        (token(&ask), format!("hub.mode=subscribe&hub.topic={topic}")),
    ] {
        assert_eq!(verify(token, &query), Err(NotVerified), "{token} {query}");
    }
    assert!(verify(token(&ask), &query("unsubscribe", "https://other.example/", 1)).is_ok());
    assert!(verify(token(&ask), &query("denied", &topic, 1)).is_ok());
}

#[test]
fn a_delivery_that_is_signed_waits_for_its_source_and_another_does_not() {
    let websub = websub();
    let ask = websub.due(LIFE, &link(), at(0)).expect("asked");
    let body = Bytes::from_static(b"<rss/>");
    let receive = |token: &str, signature: Option<&str>| {
        websub.receive(token, signature, Some("application/rss+xml".to_owned()), body.clone())
    };
    let good = signed(&ask, &body);
    for (token, signature) in
        [(token(&ask), None), (token(&ask), Some("sha256=00")), ("YQ.YWJj", Some(good.as_str()))]
    {
        assert_eq!(receive(token, signature), None);
    }
    assert_eq!(websub.take(LIFE), None);
    assert_eq!(receive(token(&ask), Some(&good)).as_deref(), Some(LIFE));
    assert_eq!(websub.take(LIFE).map(|delivered| delivered.body), Some(body.clone()));
    assert_eq!(websub.take(LIFE), None);
    for _ in 0..2 {
        assert_eq!(receive(token(&ask), Some(&good)).as_deref(), Some(LIFE));
    }
    assert_eq!(websub.take(LIFE), None, "two that wait are one fetch");
    websub.forget(LIFE);
    assert_eq!(receive(token(&ask), Some(&good)).as_deref(), Some(LIFE), "after a restart it is polled");
}

#[tokio::test]
async fn a_hub_is_asked_as_the_standard_has_it_and_its_refusal_is_told() {
    let hub = Origin::start().await;
    hub.set_page("/hub", 202, "text/plain", "");
    let allow = vec!["127.0.0.0/8".parse().expect("a network")];
    let web = Source::Web(Client::new(FetchConfig { allow, ..FetchConfig::default() }).expect("a client"));
    let link = |path: &str| HubLink { hub: url(&hub.url(path)), ..link() };
    let ask = websub().due(LIFE, &link("/hub"), at(0)).expect("asked");
    assert_eq!(subscribe(&web, &ask, Duration::from_secs(20)).await, Ok(()));
    let request = hub.last_request("/hub").expect("a request");
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    let sent: Vec<(String, String)> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    let expected = [
        ("hub.callback", ask.callback.as_str()),
        ("hub.mode", "subscribe"),
        ("hub.topic", "https://s.example/feed?a=1&b=2"),
        ("hub.lease_seconds", "864000"),
        ("hub.secret", ask.secret.as_str()),
    ];
    assert_eq!(sent, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let ask = websub().due(LIFE, &link("/nothing"), at(0)).expect("asked");
    let refused = subscribe(&web, &ask, Duration::from_secs(20)).await.expect_err("refused");
    assert!(refused.contains("404"), "{refused}");
}
