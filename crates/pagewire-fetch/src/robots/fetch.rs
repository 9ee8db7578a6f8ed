//! Fetching an origin's robots.txt, and what its answer means.

use std::time::Duration;

use http::StatusCode;
use pagewire_types::{TargetErrorCode, TargetUrl};

use super::{Unreachable, file::File};
use crate::{
    body::{BodyCaps, OverCap},
    client::{Caps, Client},
    error::{FailureKind, FetchError},
    message::Request,
};

/// What is read of a file: 500 KiB (RFC 9309, section 2.5) and the byte by which the parser sees that there is more, so
/// that it leaves out the line that was cut.
const FILE_BYTES_MAX: u64 = robotxt::BYTE_LIMIT as u64 + 1;
/// Redirects followed (RFC 9309, section 2.3.1.2: at least five).
const REDIRECTS_MAX: u8 = 5;
/// What fetching a file may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(15);
/// What a rule takes beside its text: its place, and an allocation of its own.
const RULE_BYTES: usize = size_of::<robotxt::Rule>() + 16;
/// What a sitemap takes beside its text.
const SITEMAP_BYTES: usize = size_of::<url::Url>() + 16;
/// How long an answer of the origin holds (RFC 9309, section 2.4: at most a day).
const ANSWER_TTL: Duration = Duration::from_secs(86_400);
/// How long the first server error in a row holds, and any at most.
const SERVER_ERROR_TTL: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(3_600)];
/// How long the first failure in a row to reach the origin holds, and any at most: short at first, since a page's own
/// retries ask again.
const FAILURE_TTL: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(300)];

/// Fetches the file of the URL's origin; `before` is what was known until now. What a proxy's failure says nothing of is not
/// known.
pub(super) async fn fetch(
    client: &Client,
    url: &TargetUrl,
    product: &str,
    before: Option<&File>,
) -> Result<File, Unreachable> {
    let allow_all = || File::said(robotxt::Robots::allow_all(), 0, ANSWER_TTL);
    // A path joined to a URL with a host is a URL.
    let Ok(url) = url.join("/robots.txt") else { return Ok(allow_all()) };
    let caps = Caps {
        body: BodyCaps { wire: FILE_BYTES_MAX, unpacked: FILE_BYTES_MAX, over: OverCap::Cut },
        redirects: REDIRECTS_MAX,
    };
    let file = match client.fetch_capped(&Request::get(url, FETCH_TIMEOUT), caps).await {
        Ok(response) if response.status.is_success() => {
            let robots = robotxt::Robots::parse(&response.body, product);
            let bytes = held_bytes(&robots, response.body.len());
            File::said(robots, bytes, ANSWER_TTL)
        }
        Ok(response) if is_server_error(response.status) => {
            let why = Unreachable {
                code: TargetErrorCode::RobotsDisallowed,
                reason: format!("the site answered {} when asked for its robots.txt", response.status),
                kind: FailureKind::Permanent,
                proxy: None,
            };
            File::unreachable(why, before, |failures| doubled(SERVER_ERROR_TTL, failures))
        }
        Ok(_)
        | Err(
            FetchError::TooManyRedirects { .. }
            | FetchError::RedirectNowhere { .. }
            | FetchError::Encoding { .. },
        ) => allow_all(),
        Err(error) => {
            let (code, reason, kind) = (error.code(), error.to_string(), error.kind());
            let why = Unreachable { code, reason, kind, proxy: None };
            if let FetchError::Proxy { fault, blame } = error {
                return Err(Unreachable { proxy: Some((fault, blame)), ..why });
            }
            File::unreachable(why, before, |failures| doubled(FAILURE_TTL, failures))
        }
    };
    Ok(file)
}

/// What a file takes in memory, roughly: rules and sitemaps of a few bytes each take many times their text.
fn held_bytes(robots: &robotxt::Robots, text_bytes: usize) -> usize {
    text_bytes + robots.rules().len() * RULE_BYTES + robots.sitemaps().len() * SITEMAP_BYTES
}

/// A site that says "too many requests" to its robots.txt has not said that it has none.
fn is_server_error(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

fn doubled([first, most]: [Duration; 2], failures: u32) -> Duration {
    (first * 2_u32.saturating_pow(failures.saturating_sub(1).min(16))).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_many_small_rules_counts_what_it_takes_and_not_what_it_is_long() {
        let many = |line: &str| [b"User-agent: *\n", line.repeat(40_000).as_bytes()].concat();
        let held = |text: &[u8]| held_bytes(&robotxt::Robots::parse(text, "Pagewire"), text.len());
        assert!(held(b"User-agent: *\nDisallow: /private\n") < 200);
        let numbered: String = (0..40_000).map(|n| format!("allow:{n}\n")).collect();
        let rules = [b"User-agent: *\n", numbered.as_bytes()].concat();
        assert!(held(&rules) > 3 * rules.len(), "{} of {}", held(&rules), rules.len());
        let sitemaps = many("sitemap:a:b\n");
        assert!(held(&sitemaps) > 3 * sitemaps.len(), "{} of {}", held(&sitemaps), sitemaps.len());
    }

    #[test]
    fn what_fails_is_asked_again_soon_and_what_goes_on_failing_later_up_to_a_bound() {
        let [first, most] = FAILURE_TTL;
        assert_eq!([0, 1, 2, 3].map(|n| doubled(FAILURE_TTL, n)), [first, first, 2 * first, 4 * first]);
        assert_eq!(
            (doubled(FAILURE_TTL, 40), doubled(SERVER_ERROR_TTL, u32::MAX)),
            (most, SERVER_ERROR_TTL[1])
        );
    }
}
