use std::time::Instant;

use pagewire_types::TargetErrorCode;

use super::*;

fn request(path: &str) -> Request {
    let url = TargetUrl::parse(&format!("https://shop.example{path}")).expect(path);
    Request::get(url, Duration::from_millis(300))
}

async fn page(path: &str) -> Response {
    fetch(&request(path)).await.expect(path)
}

#[tokio::test]
async fn every_fixture_is_filled_and_says_where_it_stands() {
    for path in ["/", "/products", "/products/7", "/articles/7", "/status/404", "/anything/at/all"] {
        let page = page(path).await;
        let text = String::from_utf8(page.body.to_vec()).expect("UTF-8");
        assert!(!text.contains("{{") && text.contains("</html>"), "{path}: {text}");
        assert_eq!(page.final_url.as_str(), request(path).url.as_str());
        assert_eq!(page.content_type.as_deref(), Some("text/html; charset=utf-8"));
    }
}

#[tokio::test]
async fn a_status_is_the_one_in_the_path_and_some_ask_for_rest() {
    assert_eq!(page("/status/404").await.retry_after, None);
    for path in ["/status/429", "/status/503"] {
        let page = page(path).await;
        assert_eq!(
            (page.retry_after, &page.headers["retry-after"]),
            (Some(RETRY_AFTER), &HeaderValue::from(1))
        );
    }
}

#[tokio::test]
async fn ten_redirects_are_followed_and_no_more() {
    let page = page("/redirect/10").await;
    assert_eq!((page.redirects, page.final_url.as_str()), (10, "https://shop.example/articles/1"));
    for path in ["/redirect/11", "/redirect/4000000000"] {
        let error = fetch(&request(path)).await.expect_err("too many");
        assert_eq!(error.code(), TargetErrorCode::TooManyRedirects);
    }
}

#[tokio::test]
async fn each_failure_has_its_code() {
    for code in TargetErrorCode::ALL {
        let path = format!("/errors/{}", code.as_str());
        match (code, fetch(&request(&path)).await) {
            (TargetErrorCode::HttpError, answer) => assert_eq!(answer.expect("an answer").status, 500),
            (TargetErrorCode::UnsupportedContent, answer) => {
                let answer = answer.expect("what cannot be read");
                assert_eq!(answer.content_type.as_deref(), Some("application/octet-stream"));
            }
            (TargetErrorCode::RobotsDisallowed, answer) => {
                assert_eq!(answer.expect("whoever ignores it gets a page").status, 200);
                let verdict = robots(&request(&path).url);
                assert_eq!(verdict, RobotsVerdict::Disallowed { line: format!("Disallow: {path}") });
            }
            (_, Ok(answer)) => assert_eq!(answer.status, 404, "{code:?} comes of no fetch"),
            (_, Err(error)) => assert_eq!(error.code(), code),
        }
    }
}

#[tokio::test]
async fn what_is_slow_takes_its_time_and_ends_at_the_timeout() {
    let begun = Instant::now();
    assert_eq!(page("/slow/120").await.status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(120));
    for path in ["/slow/60000", "/errors/timeout"] {
        let request = Request { timeout: Duration::from_millis(50), ..request(path) };
        let error = fetch(&request).await.expect_err("it has no time");
        assert_eq!(error.code(), TargetErrorCode::Timeout, "{path}");
    }
}
