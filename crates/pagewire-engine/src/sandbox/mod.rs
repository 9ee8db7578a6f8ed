//! The sandbox: a site of fixtures that stands in for every target of a test key. Which page comes is decided by the
//! URL's path alone, so that any URL of any host has one; `docs/sandbox.md` is the list.
//!
//! Nothing here looks up a name, opens a socket or remembers a request: the same URL always answers the same.

mod pages;
mod route;

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use pagewire_fetch::guard::Blocked;
use pagewire_fetch::{DnsError, FetchConfig, FetchError, Request, Response, RobotsVerdict};
use pagewire_types::TargetUrl;

use route::{Fault, Route};

/// What a page that asks to be left alone asks for.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// One attempt at a fixture, within the request's timeout.
pub(crate) async fn fetch(request: &Request) -> Result<Response, FetchError> {
    let answered = async {
        let route = Route::of(&request.url);
        if let Route::Slow(delay) = route {
            tokio::time::sleep(delay).await;
        }
        answer(&request.url, route)
    };
    match tokio::time::timeout(request.timeout, answered).await {
        Ok(answer) => answer,
        Err(_) => Err(FetchError::Timeout { host: request.url.host().to_owned(), after: request.timeout }),
    }
}

/// The sandbox's robots.txt: one path is disallowed.
pub(crate) fn robots(url: &TargetUrl) -> RobotsVerdict {
    match Route::of(url) {
        Route::Fault(Fault::RobotsDisallowed) => {
            RobotsVerdict::Disallowed { line: format!("Disallow: {}", url.as_url().path()) }
        }
        _ => RobotsVerdict::Allowed { crawl_delay: None },
    }
}

fn answer(url: &TargetUrl, route: Route) -> Result<Response, FetchError> {
    match route {
        Route::Products { page } => Ok(html(url, StatusCode::OK, pages::listing(page))),
        Route::Product { number } => Ok(html(url, StatusCode::OK, pages::product(number))),
        Route::Article { number } => Ok(html(url, StatusCode::OK, pages::article(number))),
        Route::Slow(_) => Ok(html(url, StatusCode::OK, pages::article(1))),
        Route::Status(status) => Ok(html(url, status, pages::status(status))),
        Route::Redirect { count } => redirected(url, count),
        Route::Fault(fault) => fail(url, fault),
    }
}

fn html(url: &TargetUrl, status: StatusCode, text: String) -> Response {
    let rests = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    response(url, status, "text/html; charset=utf-8", Bytes::from(text), rests.then_some(RETRY_AFTER))
}

fn response(
    url: &TargetUrl,
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
    retry_after: Option<Duration>,
) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(rest) = retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(rest.as_secs()));
    }
    Response {
        final_url: url.clone(),
        status,
        content_type: Some(content_type.to_owned()),
        headers,
        wire_bytes: body.len() as u64,
        body,
        redirects: 0,
        redirects_are_permanent: false,
        retry_after,
    }
}

fn redirected(url: &TargetUrl, count: u32) -> Result<Response, FetchError> {
    let max = FetchConfig::default().redirects_max;
    let redirects = u8::try_from(count).ok().filter(|count| *count <= max);
    let Some(redirects) = redirects else { return Err(too_many_redirects(url)) };
    let target = if redirects == 0 { Ok(url.clone()) } else { url.join("/articles/1") };
    // A path joined to a URL with a host is a URL; were it none, the redirect would lead nowhere.
    let target = target.map_err(|source| FetchError::RedirectNowhere { url: url.to_string(), source })?;
    Ok(Response { redirects, ..html(&target, StatusCode::OK, pages::article(1)) })
}

fn too_many_redirects(url: &TargetUrl) -> FetchError {
    FetchError::TooManyRedirects { url: url.to_string(), max: FetchConfig::default().redirects_max }
}

fn fail(url: &TargetUrl, fault: Fault) -> Result<Response, FetchError> {
    let authority = || format!("{}:{}", url.host(), url.as_url().port_or_known_default().unwrap_or(0));
    let host = || url.host().to_owned();
    let caps = FetchConfig::default();
    Err(match fault {
        Fault::Dns => FetchError::Dns { host: host(), source: DnsError::NoAddress },
        Fault::Connect => FetchError::Connect {
            authority: authority(),
            source: io::Error::from(io::ErrorKind::ConnectionRefused),
        },
        Fault::Tls => FetchError::Tls {
            authority: authority(),
            source: io::Error::new(io::ErrorKind::InvalidData, "the certificate has expired"),
        },
        Fault::TooManyRedirects => too_many_redirects(url),
        Fault::BodyTooLarge => FetchError::BodyTooLarge { url: url.to_string(), max: caps.wire_bytes_max },
        Fault::DecompressionBomb => {
            FetchError::DecompressionBomb { url: url.to_string(), max: caps.unpacked_bytes_max }
        }
        Fault::Blocked => FetchError::Blocked { host: host(), source: Blocked::Address },
        Fault::UnsupportedContent => {
            let body = Bytes::from_static(&[0x00, 0x9f, 0x92, 0x96]);
            return Ok(response(url, StatusCode::OK, "application/octet-stream", body, None));
        }
        // Whoever ignores robots.txt gets the page.
        Fault::RobotsDisallowed => return Ok(html(url, StatusCode::OK, pages::article(1))),
    })
}

#[cfg(test)]
mod tests;
