//! Cookies of a page: those that the request brings and that its session has kept go to the browser before it begins, and
//! what the browser has at the end is kept by the session.

use http::{HeaderMap, HeaderValue, header};
use pagewire_types::TargetUrl;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{browser::Done, error::RenderError, page::Page};
use crate::cookies::Cookies;

/// Cookies of one page that are kept.
const KEPT_MAX: usize = 200;

#[derive(Deserialize)]
struct Held {
    cookies: Vec<HeldCookie>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeldCookie {
    name: String,
    value: String,
    #[serde(default)]
    domain: String,
    #[serde(default)]
    path: String,
    /// Seconds of the epoch; below zero for as long as the browser lives.
    #[serde(default)]
    expires: f64,
    #[serde(default)]
    http_only: bool,
    #[serde(default)]
    secure: bool,
}

impl Page<'_> {
    /// Gives the browser the cookies to begin with.
    pub(super) async fn bring_cookies(&self) -> Result<(), RenderError> {
        let url = &self.request.url;
        let kept = self.cookies.and_then(|cookies| cookies.header(url));
        let own = self.request.headers.get(header::COOKIE);
        // A cookie that is set twice is as it was set last: as the request says.
        let cookies: Vec<Value> = kept.iter().chain(own).flat_map(|header| pairs(header, url)).collect();
        if cookies.is_empty() {
            return Ok(());
        }
        self.command::<Done>("Network.setCookies", json!({ "cookies": cookies })).await.map(drop)
    }

    /// Keeps the cookies that the browser has for where the page began and where it ended.
    pub(super) async fn keep_cookies(&self, ended_at: &TargetUrl) -> Result<(), RenderError> {
        let Some(cookies) = self.cookies else { return Ok(()) };
        let urls = json!({ "urls": [self.request.url.as_str(), ended_at.as_str()] });
        let held: Held = self.command("Network.getCookies", urls).await?;
        for cookie in held.cookies.iter().take(KEPT_MAX) {
            keep(cookies, cookie, ended_at);
        }
        Ok(())
    }
}

/// The pairs of a `Cookie` header, for a URL.
fn pairs(header: &HeaderValue, url: &TargetUrl) -> Vec<Value> {
    let pairs = header.to_str().unwrap_or_default().split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.map(|(name, value)| json!({ "name": name, "value": value, "url": url.as_str() })).collect()
}

/// As if the host that it is of had just set it.
fn keep(cookies: &dyn Cookies, cookie: &HeldCookie, ended_at: &TargetUrl) {
    let host = cookie.domain.trim_start_matches('.');
    let scheme = if cookie.secure { "https" } else { ended_at.as_url().scheme() };
    let Ok(url) = TargetUrl::parse(&format!("{scheme}://{host}/")) else { return };
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::try_from(set_cookie(cookie)) {
        headers.insert(header::SET_COOKIE, value);
        cookies.keep(&url, &headers);
    }
}

/// What `Set-Cookie` says of it.
fn set_cookie(cookie: &HeldCookie) -> String {
    let HeldCookie { name, value, domain, path, .. } = cookie;
    let mut text = format!("{name}={value}");
    if domain.starts_with('.') {
        text.push_str("; Domain=");
        text.push_str(domain);
    }
    if !path.is_empty() {
        text.push_str("; Path=");
        text.push_str(path);
    }
    if cookie.expires > 0.0 {
        let at =
            std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_secs_f64(cookie.expires.min(1e11)));
        if let Some(at) = at {
            text.push_str("; Expires=");
            text.push_str(&httpdate::fmt_http_date(at));
        }
    }
    if cookie.secure {
        text.push_str("; Secure");
    }
    if cookie.http_only {
        text.push_str("; HttpOnly");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_of_the_browser_is_said_as_its_host_said_it() {
        let cookie = HeldCookie {
            name: "a".to_owned(),
            value: "b".to_owned(),
            domain: ".example.com".to_owned(),
            path: "/x".to_owned(),
            expires: 784_111_777.0,
            http_only: true,
            secure: true,
        };
        assert_eq!(
            set_cookie(&cookie),
            "a=b; Domain=.example.com; Path=/x; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Secure; HttpOnly"
        );
        let of_session = HeldCookie {
            domain: "example.com".to_owned(),
            expires: -1.0,
            secure: false,
            http_only: false,
            ..cookie
        };
        assert_eq!(set_cookie(&of_session), "a=b; Path=/x");
    }
}
