//! The site and the client that the other tests stand on.

use pagewire_testkit::{Origin, http};

#[tokio::test]
async fn a_product_page_holds_its_name_and_is_counted() {
    let origin = Origin::start().await;
    let page = http::get(origin.address(), "/p/7", None).await;
    assert_eq!(page.status, 200);
    assert!(page.body.len() >= 27_000 && page.body.len() < 28_000, "{}", page.body.len());
    assert!(page.text().contains("\"name\":\"Product 7\""));
    assert_eq!((origin.hits(), origin.hits_of("/p/7"), origin.in_flight_max()), (1, 1, 1));
}

#[tokio::test]
async fn a_flaky_page_fails_as_often_as_it_says() {
    let origin = Origin::start().await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(http::get(origin.address(), "/flaky/2/x", None).await.status);
    }
    assert_eq!(statuses, [503, 503, 200, 200]);
}

#[tokio::test]
async fn a_redirect_goes_where_the_query_says() {
    let origin = Origin::start().await;
    let answer = http::get(origin.address(), "/redirect-to?url=http%3A%2F%2F10.0.0.1%2Fx", None).await;
    assert_eq!((answer.status, answer.header("location")), (302, Some("http://10.0.0.1/x")));
}

#[tokio::test]
async fn a_bomb_is_small_on_the_wire() {
    let origin = Origin::start().await;
    for coding in ["gzip", "br", "zstd"] {
        let answer = http::get(origin.address(), &format!("/bomb/{coding}"), None).await;
        assert!(answer.body.len() < 1 << 20, "{coding}: {} bytes", answer.body.len());
    }
}

#[tokio::test]
async fn a_short_body_ends_too_early() {
    let origin = Origin::start().await;
    let answer = tokio::spawn(async move { http::get(origin.address(), "/short-body", None).await }).await;
    assert!(answer.is_err(), "the client notices");
}
