//! From a URL to what the sandbox does with it.

use std::time::Duration;

use http::StatusCode;
use pagewire_types::TargetUrl;

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// The list of products, a page of it.
    Products { page: u64 },
    /// One product.
    Product { number: u64 },
    /// A text; also what stands at every path that means nothing else.
    Article { number: u64 },
    /// A page with that status.
    Status(StatusCode),
    /// A page that takes its time.
    Slow(Duration),
    /// So many redirects, then an article.
    Redirect { count: u32 },
    /// A failure.
    Fault(Fault),
}

/// A target that fails, by the error code that comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Dns,
    Connect,
    Tls,
    TooManyRedirects,
    BodyTooLarge,
    DecompressionBomb,
    UnsupportedContent,
    Blocked,
    RobotsDisallowed,
}

impl Route {
    pub(super) fn of(url: &TargetUrl) -> Self {
        let segments: Vec<&str> =
            url.as_url().path().split('/').filter(|segment| !segment.is_empty()).collect();
        match segments.as_slice() {
            ["products"] => Self::Products { page: page_of(url) },
            ["products", name, ..] => Self::Product { number: number_in(name) },
            ["articles", name, ..] => Self::Article { number: number_in(name) },
            ["status", code, ..] => Self::Status(status(code).unwrap_or(StatusCode::NOT_FOUND)),
            ["slow", millis, ..] => {
                millis.parse().map_or(Self::ELSEWHERE, |millis| Self::Slow(Duration::from_millis(millis)))
            }
            ["redirect", count, ..] => {
                count.parse().map_or(Self::ELSEWHERE, |count| Self::Redirect { count })
            }
            ["errors", code, ..] => failure(code),
            _ => Self::ELSEWHERE,
        }
    }

    const ELSEWHERE: Self = Self::Article { number: 1 };
}

/// The last run of digits of a segment, so that `/products/blue-kettle-42` is product 42; 1 where there is none.
fn number_in(segment: &str) -> u64 {
    let digits = segment.rsplit(|letter: char| !letter.is_ascii_digit()).find(|digits| !digits.is_empty());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(1)
}

fn page_of(url: &TargetUrl) -> u64 {
    let page = url.as_url().query_pairs().find(|(name, _)| name == "page");
    page.and_then(|(_, value)| value.parse().ok()).filter(|page| *page > 0).unwrap_or(1)
}

/// A final status. An interim one is no answer.
fn status(code: &str) -> Option<StatusCode> {
    code.parse::<u16>()
        .ok()
        .filter(|code| (200..600).contains(code))
        .and_then(|code| StatusCode::from_u16(code).ok())
}

fn failure(code: &str) -> Route {
    Route::Fault(match code {
        "dns_failed" => Fault::Dns,
        "connect_failed" => Fault::Connect,
        "tls_failed" => Fault::Tls,
        "timeout" => return Route::Slow(Duration::MAX),
        "too_many_redirects" => Fault::TooManyRedirects,
        "body_too_large" => Fault::BodyTooLarge,
        "decompression_bomb" => Fault::DecompressionBomb,
        "unsupported_content" => Fault::UnsupportedContent,
        "blocked_target" => Fault::Blocked,
        "robots_disallowed" => Fault::RobotsDisallowed,
        "http_error" => return Route::Status(StatusCode::INTERNAL_SERVER_ERROR),
        _ => return Route::Status(StatusCode::NOT_FOUND),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str) -> Route {
        Route::of(&TargetUrl::parse(&format!("https://shop.example{path}")).expect(path))
    }

    #[test]
    fn the_path_alone_decides() {
        assert_eq!(route("/products"), Route::Products { page: 1 });
        assert_eq!(route("/products/?page=3"), Route::Products { page: 3 });
        assert_eq!(route("/products/blue-kettle-42"), Route::Product { number: 42 });
        assert_eq!(route("/products/x"), Route::Product { number: 1 });
        assert_eq!(route("/articles/7.html"), Route::Article { number: 7 });
        assert_eq!(route("/status/503"), Route::Status(StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(route("/slow/250"), Route::Slow(Duration::from_millis(250)));
        assert_eq!(route("/redirect/3"), Route::Redirect { count: 3 });
        assert_eq!(route("/errors/tls_failed"), Route::Fault(Fault::Tls));
    }

    #[test]
    fn what_means_nothing_else_is_an_article() {
        for path in
            ["/", "", "/about", "/a/b/c?d=e", "/slow/soon", "/redirect/-1", "/products.html", "/%ff", "/slow"]
        {
            assert_eq!(route(path), Route::ELSEWHERE, "{path}");
        }
    }

    #[test]
    fn what_is_no_status_and_no_code_is_not_found() {
        for path in ["/status/99", "/status/100", "/status/600", "/status/x", "/errors/nothing"] {
            assert_eq!(route(path), Route::Status(StatusCode::NOT_FOUND), "{path}");
        }
    }

    #[test]
    fn numbers_that_are_too_large_are_none() {
        assert_eq!(route("/products/99999999999999999999999"), Route::Product { number: 1 });
        assert_eq!(route("/slow/99999999999999999999999"), Route::ELSEWHERE);
    }
}
