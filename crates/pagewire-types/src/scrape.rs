//! The scrape parameters: the same object in the body of a scrape, at the top of a stream, and as overrides of one URL.
//!
//! [`ScrapeParams`] is what a request says (each field may be absent), checked; [`ScrapeOptions`] is what holds for one
//! URL once overrides, request and defaults have been laid over each other.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::Value;

use crate::fields::{Faults, Fields, brief};
use crate::format::{Format, Formats, WARC};
use crate::render::{RenderOptions, RenderParams};

/// Whole-attempt timeouts that a request may ask for, in milliseconds.
pub const TIMEOUT_MS_RANGE: std::ops::RangeInclusive<u64> = 1_000..=120_000;
/// The whole-attempt timeout where a request names none.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
/// Retries after the first attempt that a request may ask for.
pub const RETRIES_MAX: u64 = 5;
/// Header fields a request may add.
const HEADERS_MAX: usize = 64;
/// Bytes of one header value.
const HEADER_VALUE_BYTES_MAX: usize = 8 * 1024;
/// Bytes of a body sent to a target.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of a session's name.
const SESSION_BYTES_MAX: usize = 64;
/// Selectors in one list.
const SELECTORS_MAX: usize = 100;

/// The kind of proxy to fetch through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProxyType {
    /// No proxy.
    None,
    /// A data-centre address.
    Datacenter,
    /// A residential address.
    Residential,
    /// A mobile address.
    Mobile,
}

impl ProxyType {
    /// All kinds, from what costs least.
    pub const ALL: [Self; 4] = [Self::None, Self::Datacenter, Self::Residential, Self::Mobile];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Datacenter => "datacenter",
            Self::Residential => "residential",
            Self::Mobile => "mobile",
        }
    }
}

/// What robots.txt means for a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RobotsRule {
    /// Disallowed URLs are not fetched.
    Respect,
    /// robots.txt is not looked at.
    Ignore,
}

/// The failures that are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryOn {
    /// No whole answer: DNS, connection, TLS, timeout.
    pub network: bool,
    /// Answers with a 5xx status.
    pub server_error: bool,
    /// Answers with status 429.
    pub too_many_requests: bool,
}

/// How often, and after what, an attempt is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts after the first, 0 to 5.
    pub max: u32,
    /// The failures that are tried again.
    pub on: RetryOn,
    /// Whether the next attempt may use stronger means.
    pub escalate: bool,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max: 2,
            on: RetryOn { network: true, server_error: true, too_many_requests: true },
            escalate: false,
        }
    }
}

/// Who fills the fields of `extract`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ExtractEngine {
    /// The built-in extraction alone.
    #[default]
    Embedded,
    /// The language model that the operator has configured.
    Llm,
    /// The model where the built-in extraction is not sure enough of a required field.
    Auto,
}

/// Scrape parameters as a request gives them: checked, each possibly absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScrapeParams {
    /// `formats`
    pub formats: Option<Formats>,
    /// `only_main_content`
    pub only_main_content: Option<bool>,
    /// `include_selectors`
    pub include_selectors: Option<Vec<String>>,
    /// `exclude_selectors`
    pub exclude_selectors: Option<Vec<String>>,
    /// `extract`, in the words of the request; the extraction's own parser reads it.
    pub extract: Option<Value>,
    /// `extract_engine`
    pub extract_engine: Option<ExtractEngine>,
    /// `proxy_type`
    pub proxy_type: Option<ProxyType>,
    /// `country`, ISO 3166-1 alpha-2 in lower case.
    pub country: Option<String>,
    /// `session`, which keeps cookies and the proxy.
    pub session: Option<String>,
    /// `headers` and `cookies` and `user_agent`, as the header fields to send.
    pub headers: Option<HeaderMap>,
    /// `method`
    pub method: Option<Method>,
    /// `body`
    pub body: Option<String>,
    /// `timeout_ms`
    pub timeout: Option<Duration>,
    /// `retry`
    pub retry: Option<Retry>,
    /// `max_age_s`
    pub max_age: Option<Duration>,
    /// `robots`
    pub robots: Option<RobotsRule>,
    /// `render` and what goes with it.
    pub render: RenderParams,
}

/// Scrape parameters that hold for one URL: nothing is absent any more.
#[derive(Debug, Clone, PartialEq)]
pub struct ScrapeOptions {
    /// The formats to make.
    pub formats: Formats,
    /// Whether navigation and boilerplate are dropped.
    pub only_main_content: bool,
    /// Only what matches one of these is read.
    pub include_selectors: Vec<String>,
    /// What matches one of these is dropped.
    pub exclude_selectors: Vec<String>,
    /// The fields to extract, unparsed.
    pub extract: Option<Value>,
    /// Who fills them.
    pub extract_engine: ExtractEngine,
    /// The kind of proxy; where only a country is named, any kind will do.
    pub proxy_type: Option<ProxyType>,
    /// The country to appear from.
    pub country: Option<String>,
    /// What keeps cookies and the proxy, by its name.
    pub session: Option<String>,
    /// Header fields to add.
    pub headers: HeaderMap,
    /// The method to fetch with.
    pub method: Method,
    /// The body to send.
    pub body: Option<String>,
    /// Bound of one attempt as a whole.
    pub timeout: Duration,
    /// Repeats.
    pub retry: Retry,
    /// The oldest cached page that will do.
    pub max_age: Duration,
    /// What robots.txt means.
    pub robots: RobotsRule,
    /// How a browser shows the page.
    pub render: RenderOptions,
}

impl ScrapeParams {
    /// Takes the scrape parameters out of an object that may have other fields as well.
    pub fn read(fields: &mut Fields<'_>) -> Self {
        let headers = read_headers(fields);
        Self {
            render: RenderParams::read(fields),
            proxy_type: fields.take_with(
                "proxy_type",
                "one of none, datacenter, residential, mobile",
                |value| ProxyType::ALL.into_iter().find(|kind| value == kind.as_str()),
            ),
            country: read_country(fields),
            session: fields.take_with("session", "1 to 64 letters, digits, `.`, `_` or `-`", session_id),
            headers,
            method: fields.take_with("method", "one of GET, POST, PUT, PATCH, DELETE, HEAD", |value| {
                [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD]
                    .into_iter()
                    .find(|method| value == method.as_str())
            }),
            body: fields.take_with("body", "a string of at most 1 MiB", |value| {
                value.as_str().filter(|text| text.len() <= BODY_BYTES_MAX).map(str::to_owned)
            }),
            timeout: read_timeout(fields),
            retry: read_retry(fields),
            max_age: read_max_age(fields),
            robots: fields.take_with("robots", "`respect` or `ignore`", |value| match value.as_str()? {
                "respect" => Some(RobotsRule::Respect),
                "ignore" => Some(RobotsRule::Ignore),
                _ => None,
            }),
            ..Self::read_of_content(fields)
        }
    }

    /// Takes the parameters that say what is read from a page, however it was come by.
    pub fn read_of_content(fields: &mut Fields<'_>) -> Self {
        Self {
            formats: read_formats(fields),
            only_main_content: fields.take_with("only_main_content", "true or false", Value::as_bool),
            include_selectors: read_selectors(fields, &["include_selectors", "include_tags", "css_selector"]),
            exclude_selectors: read_selectors(fields, &["exclude_selectors", "exclude_tags"]),
            extract: fields
                .take_with("extract", "an object", |value| value.is_object().then(|| value.clone())),
            extract_engine: fields.take_with("extract_engine", "one of embedded, llm, auto", |value| {
                match value.as_str()? {
                    "embedded" => Some(ExtractEngine::Embedded),
                    "llm" => Some(ExtractEngine::Llm),
                    "auto" => Some(ExtractEngine::Auto),
                    _ => None,
                }
            }),
            ..Self::default()
        }
    }

    /// Reads scrape parameters that were accepted before and stored.
    #[must_use]
    pub fn read_stored(map: serde_json::Map<String, Value>) -> Self {
        let mut faults = Faults::default();
        Self::read(&mut Fields::new(map, "", &mut faults))
    }

    /// These parameters laid over others: what is absent here is taken from `below`.
    #[must_use]
    pub fn over(self, below: &Self) -> Self {
        let replaces_content = self.extract.is_some() || self.formats.is_some();
        Self {
            formats: self.formats.or(if replaces_content { None } else { below.formats }),
            only_main_content: self.only_main_content.or(below.only_main_content),
            include_selectors: self.include_selectors.or_else(|| below.include_selectors.clone()),
            exclude_selectors: self.exclude_selectors.or_else(|| below.exclude_selectors.clone()),
            extract: self.extract.or_else(|| below.extract.clone()),
            extract_engine: self.extract_engine.or(below.extract_engine),
            proxy_type: self.proxy_type.or(below.proxy_type),
            country: self.country.or_else(|| below.country.clone()),
            session: self.session.or_else(|| below.session.clone()),
            headers: self.headers.or_else(|| below.headers.clone()),
            method: self.method.or_else(|| below.method.clone()),
            body: self.body.or_else(|| below.body.clone()),
            timeout: self.timeout.or(below.timeout),
            retry: self.retry.or(below.retry),
            max_age: self.max_age.or(below.max_age),
            robots: self.robots.or(below.robots),
            render: self.render.over(&below.render),
        }
    }

    /// Fills what is absent with the contract's defaults. Without `formats`, a page becomes Markdown, unless the
    /// request wants nothing but extracted fields.
    #[must_use]
    pub fn resolve(self, robots: RobotsRule) -> ScrapeOptions {
        let formats = self.formats.unwrap_or_else(|| {
            if self.extract.is_some() { Formats::NONE } else { [Format::Markdown].into_iter().collect() }
        });
        ScrapeOptions {
            formats,
            only_main_content: self.only_main_content.unwrap_or(true),
            include_selectors: self.include_selectors.unwrap_or_default(),
            exclude_selectors: self.exclude_selectors.unwrap_or_default(),
            extract: self.extract,
            extract_engine: self.extract_engine.unwrap_or_default(),
            proxy_type: self.proxy_type,
            country: self.country,
            session: self.session,
            headers: self.headers.unwrap_or_default(),
            method: self.method.unwrap_or(Method::GET),
            body: self.body,
            timeout: self.timeout.unwrap_or(TIMEOUT_DEFAULT),
            retry: self.retry.unwrap_or_default(),
            max_age: self.max_age.unwrap_or_default(),
            robots: self.robots.unwrap_or(robots),
            render: self.render.resolve(),
        }
    }
}

fn read_formats(fields: &mut Fields<'_>) -> Option<Formats> {
    let value = fields.take("formats")?;
    let Some(items) = value.as_array() else {
        fields.fault("formats", format!("must be an array of format names, not {}", brief(&value)));
        return None;
    };
    let mut formats = Vec::with_capacity(items.len().min(Format::ALL.len()));
    let mut archived = false;
    for (index, item) in items.iter().enumerate().take(64) {
        if item == WARC {
            archived = true;
            continue;
        }
        match item.as_str().and_then(|name| name.parse::<Format>().ok()) {
            Some(format) => formats.push(format),
            None => {
                let known: Vec<&str> = Format::ALL.iter().map(|format| format.as_str()).collect();
                let pointer = format!("{}/{index}", fields.pointer_to("formats"));
                fields.faults().add(
                    pointer,
                    format!("{} is not a format; the formats are {}", brief(item), known.join(", ")),
                );
            }
        }
    }
    let formats: Formats = formats.into_iter().collect();
    Some(if archived { formats.archived() } else { formats })
}

/// Refuses the archive where there are no files that it could be.
pub(crate) fn refuse_archive(fields: &mut Fields<'_>, params: &ScrapeParams) {
    if params.formats.is_some_and(Formats::are_archived) {
        fields.fault("formats", "`warc` is made by jobs: name it in `defaults.formats` of POST /v1/jobs");
    }
}

fn read_selectors(fields: &mut Fields<'_>, names: &[&'static str]) -> Option<Vec<String>> {
    let (name, value) = fields.take_any(names)?;
    let items: Option<Vec<String>> = match &value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    };
    match items {
        Some(items) if items.len() <= SELECTORS_MAX => Some(items),
        _ => {
            fields.fault(name, format!("must be an array of at most {SELECTORS_MAX} CSS selectors"));
            None
        }
    }
}

fn session_id(value: &Value) -> Option<String> {
    let is_taken = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let id = value.as_str()?;
    ((1..=SESSION_BYTES_MAX).contains(&id.len()) && id.bytes().all(is_taken)).then(|| id.to_owned())
}

fn read_country(fields: &mut Fields<'_>) -> Option<String> {
    let lower_alpha2 = |value: &Value| {
        let text = value.as_str()?;
        (text.len() == 2 && text.bytes().all(|b| b.is_ascii_lowercase())).then(|| text.to_owned())
    };
    let expected = "an ISO 3166-1 alpha-2 code in lower case";
    let plain = fields.take_with("country", expected, lower_alpha2);
    let nested = fields.take_with("location", "an object with `country`", |value| {
        let map = value.as_object()?;
        (map.len() == 1).then(|| map.get("country").and_then(lower_alpha2)).flatten()
    });
    plain.or(nested)
}

/// Header fields that belong to the connection or to the client itself (RFC 9110 section 7.6.1), and `Host`.
fn is_reserved(name: &HeaderName) -> bool {
    [
        header::CONNECTION,
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::HOST,
        header::CONTENT_LENGTH,
        header::ACCEPT_ENCODING,
    ]
    .contains(name)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings")
}

fn read_headers(fields: &mut Fields<'_>) -> Option<HeaderMap> {
    let given = fields.take("headers");
    let cookies = fields.take("cookies");
    let user_agent = fields.take("user_agent");
    if given.is_none() && cookies.is_none() && user_agent.is_none() {
        return None;
    }
    let mut headers = HeaderMap::new();
    match given {
        None => {}
        Some(Value::Object(map)) if map.len() <= HEADERS_MAX => {
            for (name, value) in map {
                match header_field(&name, &value) {
                    Ok((name, value)) => drop(headers.insert(name, value)),
                    Err(detail) => fields.fault(
                        "headers",
                        format!("`{}` {detail}", name.chars().take(80).collect::<String>()),
                    ),
                }
            }
        }
        Some(_) => fields.fault("headers", format!("must be an object of at most {HEADERS_MAX} strings")),
    }
    match cookies {
        None => {}
        Some(value) => match cookie_header(&value) {
            Some(value) => drop(headers.insert(header::COOKIE, value)),
            None => fields.fault(
                "cookies",
                "must be an object of names to values, in characters that a cookie may hold",
            ),
        },
    }
    match user_agent {
        None => {}
        Some(value) => match value.as_str().and_then(header_value) {
            Some(value) => drop(headers.insert(header::USER_AGENT, value)),
            None => fields.fault("user_agent", "must be a string that a header field may hold"),
        },
    }
    Some(headers)
}

fn header_value(text: &str) -> Option<HeaderValue> {
    (text.len() <= HEADER_VALUE_BYTES_MAX).then(|| HeaderValue::from_str(text).ok()).flatten()
}

/// A field that a request may add.
pub(crate) fn header_field(name: &str, value: &Value) -> Result<(HeaderName, HeaderValue), &'static str> {
    let name = HeaderName::try_from(name).map_err(|_| "is not a header field name")?;
    if is_reserved(&name) {
        return Err("is set by the connection and cannot be given");
    }
    let value =
        value.as_str().and_then(header_value).ok_or("must be a string that a header field may hold")?;
    Ok((name, value))
}

fn cookie_header(value: &Value) -> Option<HeaderValue> {
    let pairs: Option<Vec<String>> = value
        .as_object()?
        .iter()
        .map(|(name, value)| {
            let value = value.as_str()?;
            let clean = |text: &str| !text.contains([';', ',', '\r', '\n', ' ']);
            (!name.is_empty() && !name.contains('=') && clean(name) && clean(value))
                .then(|| format!("{name}={value}"))
        })
        .collect();
    header_value(&pairs?.join("; "))
}

fn read_timeout(fields: &mut Fields<'_>) -> Option<Duration> {
    let (name, value) = fields.take_any(&["timeout_ms", "timeout"])?;
    let timeout = value.as_u64().filter(|ms| TIMEOUT_MS_RANGE.contains(ms)).map(Duration::from_millis);
    if timeout.is_none() {
        fields.fault(name, format!("must be milliseconds from 1000 to 120000, not {}", brief(&value)));
    }
    timeout
}

fn read_max_age(fields: &mut Fields<'_>) -> Option<Duration> {
    let (name, value) = fields.take_any(&["max_age_s", "max_age"])?;
    let Some(amount) = value.as_u64() else {
        fields.fault(name, format!("must be a whole number of 0 or more, not {}", brief(&value)));
        return None;
    };
    Some(if name == "max_age" { Duration::from_millis(amount) } else { Duration::from_secs(amount) })
}

fn read_retry(fields: &mut Fields<'_>) -> Option<Retry> {
    let value = fields.take("retry")?;
    let Value::Object(map) = value else {
        fields.fault("retry", format!("must be an object, not {}", brief(&value)));
        return None;
    };
    let pointer = fields.pointer_to("retry");
    let mut inner = Fields::new(map, pointer, fields.faults());
    let mut retry = Retry::default();
    if let Some(max) = inner.take_with("max", "a whole number from 0 to 5", |value| {
        value.as_u64().filter(|max| *max <= RETRIES_MAX).and_then(|max| u32::try_from(max).ok())
    }) {
        retry.max = max;
    }
    if let Some(on) = inner.take_with("on", "an array of \"network\", \"5xx\", \"429\"", |value| {
        let mut on = RetryOn { network: false, server_error: false, too_many_requests: false };
        for item in value.as_array()? {
            match item.as_str()? {
                "network" => on.network = true,
                "5xx" => on.server_error = true,
                "429" => on.too_many_requests = true,
                _ => return None,
            }
        }
        Some(on)
    }) {
        retry.on = on;
    }
    if let Some(escalate) = inner.take_with("escalate", "true or false", Value::as_bool) {
        retry.escalate = escalate;
    }
    inner.finish();
    Some(retry)
}
