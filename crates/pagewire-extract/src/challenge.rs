//! Answers that are made for robots: captchas, checks of the browser, refusals of those who sell them.
//!
//! Recognised so that they can be told as what they are; nothing here gets past one. Many pages have the means of a
//! captcha in a form of theirs, and firewalls put scripts into pages that they let through. So what counts alone is what
//! only a challenge says: a header made for that, or a script that no other page has, under a status that refuses. All
//! else must be a page with nearly no text, and say that it is a challenge.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use memchr::memmem;

use crate::dom;
use crate::signs::Signs;

/// What challenges are made with: scripts and forms of those who sell them.
const MARKS: &[&str] = &[
    "cf-challenge",
    "challenge-platform",
    "cf_chl_",
    "cf-turnstile",
    "g-recaptcha",
    "h-captcha",
    "px-captcha",
    "_Incapsula_Resource",
    "captcha-delivery.com",
    "awsWafCookieDomainList",
    "ddos-guard",
    "aws-waf-token",
];

/// What a challenge is called, in lower case.
pub(crate) const PHRASES: &[&str] = &[
    "just a moment",
    "attention required",
    "checking your browser",
    "verify you are human",
    "verifying you are human",
    "are you a robot",
    "are you human",
    "not a robot",
    "captcha",
    "unusual traffic",
    "access denied",
    "access to this page has been denied",
    "security check",
    "ddos protection",
    "pardon our interruption",
    "human verification",
    "bot verification",
    "enable javascript and cookies",
    "request blocked",
    "you have been blocked",
    "request unsuccessful",
];

/// Those of them that a page says for other reasons too, such as a missing login.
const AMBIGUOUS: &[&str] = &["access denied", "security check", "request blocked", "request unsuccessful"];

/// Headers by which a firewall says that its answer is a challenge.
const HEADERS: &[(&str, &[&str], Wall)] = &[
    ("cf-mitigated", &["challenge"], Wall::Cloudflare),
    ("x-amzn-waf-action", &["captcha", "challenge"], Wall::AwsWaf),
];

/// What only a refusal or a challenge holds, beside a status that refuses.
const SURE: &[(&str, Wall)] = &[
    ("_cf_chl_opt", Wall::Cloudflare),
    ("cf-error-details", Wall::Cloudflare),
    ("captcha-delivery.com", Wall::DataDome),
    ("px-captcha", Wall::PerimeterX),
    ("_Incapsula_Resource", Wall::Imperva),
    ("awsWafCookieDomainList", Wall::AwsWaf),
    ("errors.edgesuite.net", Wall::Akamai),
    ("Sucuri WebSite Firewall", Wall::Sucuri),
    ("/.well-known/ddos-guard/", Wall::DdosGuard),
];

/// The means of a captcha, which honest forms have too.
const WIDGETS: &[(&str, Wall)] = &[
    ("h-captcha", Wall::HCaptcha),
    ("hcaptcha.com", Wall::HCaptcha),
    ("g-recaptcha", Wall::ReCaptcha),
    ("recaptcha/api", Wall::ReCaptcha),
    ("cf-turnstile", Wall::Cloudflare),
];

/// Bytes of a page that are looked at: no challenge is longer.
const BYTES_MAX: usize = 256 << 10;
/// Characters of a page that is nothing but a challenge.
const BARE_CHARACTERS_MAX: usize = 600;

/// Whose challenge or refusal an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wall {
    /// Akamai's.
    Akamai,
    /// AWS WAF's.
    AwsWaf,
    /// Cloudflare's.
    Cloudflare,
    /// DataDome's.
    DataDome,
    /// DDoS-Guard's.
    DdosGuard,
    /// hCaptcha's.
    HCaptcha,
    /// Imperva's.
    Imperva,
    /// HUMAN's, once PerimeterX.
    PerimeterX,
    /// Google's reCAPTCHA.
    ReCaptcha,
    /// Sucuri's.
    Sucuri,
    /// The site's own, or that of somebody unknown.
    Own,
}

impl Wall {
    /// What it is called, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Akamai => "Akamai",
            Self::AwsWaf => "AWS WAF",
            Self::Cloudflare => "Cloudflare",
            Self::DataDome => "DataDome",
            Self::DdosGuard => "DDoS-Guard",
            Self::HCaptcha => "hCaptcha",
            Self::Imperva => "Imperva",
            Self::PerimeterX => "PerimeterX",
            Self::ReCaptcha => "reCAPTCHA",
            Self::Sucuri => "Sucuri",
            Self::Own => "the site's own",
        }
    }
}

/// An answer of a target, as far as it may be a wall.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// Its status.
    pub status: u16,
    /// The value of a header, by its name in lower case.
    pub header: &'a dyn Fn(&str) -> Option<&'a str>,
    /// Its body.
    pub body: &'a [u8],
}

/// Whose wall an answer is, if it is one.
#[must_use]
pub fn recognise(seen: &Seen<'_>) -> Option<Wall> {
    let says = |(name, values, _): &&(&str, &[&str], Wall)| {
        let value = (seen.header)(name).unwrap_or_default();
        values.iter().any(|known| value.trim().eq_ignore_ascii_case(known))
    };
    if let Some((.., wall)) = HEADERS.iter().find(says) {
        return Some(*wall);
    }
    let refuses = matches!(seen.status, 401 | 403 | 405 | 406 | 429 | 503);
    let is_page = (200..300).contains(&seen.status) && seen.body.len() <= BYTES_MAX;
    if !(refuses || is_page) {
        return None;
    }
    let body = &seen.body[..seen.body.len().min(BYTES_MAX)];
    let (sure, widget) = means_of(body);
    if refuses && let Some(wall) = sure.or_else(|| by_server(seen, body)) {
        return Some(wall);
    }
    if is_page && sure.is_none() && widget.is_none() {
        return None;
    }
    let signs = signs_of(body)?;
    let says_so = is_called_challenge(&signs);
    match (sure, widget) {
        _ if signs.characters > BARE_CHARACTERS_MAX => None,
        (Some(wall), _) => Some(wall),
        (None, Some(wall)) => says_so.then_some(wall),
        (None, None) => (refuses && says_so).then_some(Wall::Own),
    }
}

/// Refusals that are known by who sends them.
fn by_server(seen: &Seen<'_>, body: &[u8]) -> Option<Wall> {
    let server = (seen.header)("server").unwrap_or_default();
    let has = |mark: &str| memmem::find(body, mark.as_bytes()).is_some();
    match seen.status {
        403 if server.eq_ignore_ascii_case("AkamaiGHost") && has("Access Denied") => Some(Wall::Akamai),
        403 | 405 if (seen.header)("x-datadome").is_some() => Some(Wall::DataDome),
        403 | 503 if server.eq_ignore_ascii_case("ddos-guard") => Some(Wall::DdosGuard),
        _ => None,
    }
}

/// What of [`SURE`] and of [`WIDGETS`] a page holds, in one pass.
fn means_of(body: &[u8]) -> (Option<Wall>, Option<Wall>) {
    // Leftmost matches can be looked for by a vectorised search of rare beginnings, others only byte by byte: every page that
    // is fetched goes through this.
    static MEANS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        let marks = SURE.iter().chain(WIDGETS).map(|(mark, _)| mark);
        AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(marks).ok()
    });
    let (mut sure, mut widget) = (None, None);
    for found in MEANS.iter().flat_map(|means| means.find_iter(body)) {
        match found.pattern().as_usize() {
            at if at < SURE.len() => sure = sure.or(Some(SURE[at].1)),
            at => widget = widget.or(Some(WIDGETS[at - SURE.len()].1)),
        }
        if sure.is_some() && widget.is_some() {
            break;
        }
    }
    (sure, widget)
}

/// What a page looks like; none for what is no page.
fn signs_of(body: &[u8]) -> Option<Signs> {
    let text = String::from_utf8_lossy(body);
    let begins = text.trim_start().get(..1)?;
    (begins == "<").then(|| Signs::of_page(&text, &dom::parse(&text)))
}

/// Whether a page says that it wants to know who is there.
fn is_called_challenge(signs: &Signs) -> bool {
    let texts = [signs.title.to_lowercase(), signs.heading.to_lowercase(), signs.lead.clone()];
    let phrases = PHRASES.iter().filter(|phrase| !AMBIGUOUS.contains(phrase));
    phrases.into_iter().any(|phrase| texts.iter().any(|text| has_words(text, phrase)))
}

/// Whether a text has a phrase, as whole words.
pub(crate) fn has_words(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        !text[..at].ends_with(char::is_alphanumeric)
            && !text[at + phrase.len()..].starts_with(char::is_alphanumeric)
    })
}

/// Whether a page holds the means of a challenge.
pub(crate) fn holds_mark(page: &[u8]) -> bool {
    MARKS.iter().any(|mark| memmem::find(page, mark.as_bytes()).is_some())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wall(status: u16, headers: &[(&str, &str)], body: &str) -> Option<Wall> {
        let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        recognise(&Seen { status, header: &header, body: body.as_bytes() })
    }

    const WORDS: &str = "<p>The harbour was quiet that morning, and the boats lay still on the water. ";

    #[test]
    fn challenges_and_refusals_are_known_by_who_makes_them() {
        let challenge = "<html><head><title>Just a moment...</title></head><body><script>window._cf_chl_opt={a:1}</script></body></html>";
        let data_dome = "<html><head><title>shop.example</title></head><body><script>var dd={'host':'geo.captcha-delivery.com'}</script></body></html>";
        let akamai = "<HTML><HEAD><TITLE>Access Denied</TITLE></HEAD><BODY><H1>Access Denied</H1>You don't have permission. Reference&#32;&#35;18.1</BODY></HTML>";
        let imperva = "<html><head><META NAME=robots></head><body><iframe src=\"/_Incapsula_Resource?SWUDNSAI=31\"></iframe></body></html>";
        let human = "<html><body><div id=px-captcha></div></body></html>";
        let captcha = "<html><title>Are you a robot?</title><body><div class=h-captcha></div></body></html>";
        let recaptcha = "<html><title>Unusual traffic</title><body><form><div class=g-recaptcha></div></form></body></html>";
        for (status, headers, body, expected) in [
            (403, &[("cf-mitigated", "challenge")][..], "", Wall::Cloudflare),
            (200, &[("cf-mitigated", "challenge")], challenge, Wall::Cloudflare),
            (503, &[], challenge, Wall::Cloudflare),
            (405, &[("x-amzn-waf-action", "captcha")], "", Wall::AwsWaf),
            (403, &[], data_dome, Wall::DataDome),
            (403, &[("x-datadome", "protected")], "{}", Wall::DataDome),
            (403, &[("server", "AkamaiGHost")], akamai, Wall::Akamai),
            (200, &[], imperva, Wall::Imperva),
            (403, &[], human, Wall::PerimeterX),
            (429, &[], captcha, Wall::HCaptcha),
            (200, &[], recaptcha, Wall::ReCaptcha),
            (403, &[], "<html><title>x</title><h1>Sorry, you have been blocked</h1>", Wall::Own),
        ] {
            assert_eq!(wall(status, headers, body), Some(expected), "{status} {headers:?} {body}");
        }
    }

    #[test]
    fn pages_that_have_such_things_in_them_are_pages() {
        let long = WORDS.repeat(20);
        for (status, body) in [
            (200, format!("<title>Contact us</title>{long}<form><div class=g-recaptcha></div></form>")),
            (
                200,
                "<title>Contact us</title><p>Write to us.<form><div class=g-recaptcha></div></form>"
                    .to_owned(),
            ),
            (200, format!("<title>What is a captcha?</title>{long}<div class=h-captcha></div>")),
            (200, format!("<title>News</title>{long}<script src=/_Incapsula_Resource?x></script>")),
            (
                200,
                format!(
                    "<title>News</title>{long}<script src=/cdn-cgi/challenge-platform/scripts/jsd/main.js></script>"
                ),
            ),
            (200, "<title>Are you a robot?</title><p>A poem.".to_owned()),
            (403, "<title>Access denied</title><p>Please log in first.".to_owned()),
            (403, "Forbidden".to_owned()),
            (429, "<title>Too many requests</title>".to_owned()),
            (503, format!("<title>Maintenance</title>{long}<div class=g-recaptcha></div>")),
            (404, "<title>Just a moment</title>".to_owned()),
            (500, "<script>window._cf_chl_opt={}</script>".to_owned()),
            (200, String::new()),
        ] {
            assert_eq!(wall(status, &[], &body), None, "{status} {body}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_judged_without_a_panic(status in 100..600_u16, body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let header = |_: &str| Some("x");
            let _ = recognise(&Seen { status, header: &header, body: &body });
        }
    }
}
