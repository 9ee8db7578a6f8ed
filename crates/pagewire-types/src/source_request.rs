//! The bodies of `POST /v1/sources` and `PATCH /v1/sources/{id}`, and a source of the configuration file: read once into a
//! [`SourceSpec`] that holds only what is allowed.
//!
//! What a selector or a pattern may be is not known here; who knows stands in the [`SourceRules`]. That a URL's address may
//! be connected to is looked at each time it is.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::fields::{Faults, Fields, brief, pointer_step};
use crate::ids::SourceId;
use crate::problem::{Problem, ProblemCode};
use crate::scrape::header_field;
use crate::source::{FirehoseMap, FirehoseProtocol, SourceSpec, SourceType};
use crate::target_url::TargetUrl;

/// What stands for the value of a header, which is a secret.
pub const MASKED: &str = "***";

/// Bytes of a source's URL.
const URL_BYTES_MAX: usize = 4_096;
/// Characters of a source's name.
const NAME_CHARS_MAX: usize = 200;
/// Tags of a source.
pub const TAGS_MAX: usize = 32;
/// Characters of a tag.
const TAG_CHARS_MAX: usize = 100;
/// Items of a first poll that may be told.
const BACKFILL_MAX: u64 = 1_000;
/// Selectors, and patterns, in one list.
const LIST_MAX: usize = 32;
/// Bytes of a selector or a pattern.
const PATTERN_BYTES_MAX: usize = 1_000;
/// Headers sent along.
const HEADERS_MAX: usize = 32;
/// Bytes of a JSON pointer.
const POINTER_BYTES_MAX: usize = 500;
/// Pointers of a filter.
const FILTER_POINTERS_MAX: usize = 16;
/// Values at one pointer of a filter.
const FILTER_VALUES_MAX: usize = 64;
/// Bytes of a text in a filter.
const FILTER_TEXT_BYTES_MAX: usize = 500;
/// Characters of an id that is made from a URL.
const MADE_ID_CHARS_MAX: usize = 100;

/// Ids that would hide behind the paths of the API.
const RESERVED_IDS: [&str; 3] = ["test", "import", "export.opml"];

/// What is no rule of the wire: the operator's bounds, and the languages of selectors and patterns.
#[derive(Debug, Clone)]
pub struct SourceRules {
    /// Intervals that a source may ask for.
    pub interval_s: RangeInclusive<u32>,
    /// What is wrong with a CSS selector.
    pub selector: fn(&str) -> Result<(), String>,
    /// What is wrong with a regular expression.
    pub pattern: fn(&str) -> Result<(), String>,
}

impl SourceRules {
    /// Reads a new source. One without an `id` gets one from its URL.
    pub fn read_new(&self, body: Value) -> Result<SourceSpec, Box<Problem>> {
        self.read(object(body)?)
    }

    /// Reads a change of a source: what is absent stays, what is `null` goes, and a header whose value is masked keeps it.
    pub fn read_change(&self, current: &SourceSpec, body: Value) -> Result<SourceSpec, Box<Problem>> {
        let mut change = object(body)?;
        let mut faults = Faults::default();
        let fixed = [("id", current.id.as_str()), ("source_type", current.source_type.as_str())];
        for (name, value) in fixed {
            if change.remove(name).is_some_and(|given| given.as_str() != Some(value)) {
                faults.add(pointer_step("", name), "cannot be changed; delete the source and make another");
            }
        }
        let mut merged = match serde_json::to_value(current) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        };
        if let Some(Value::Object(headers)) = change.get_mut("headers") {
            keep_masked(headers, &current.headers);
        }
        merged.extend(change);
        let read = self.read_into(merged, &mut faults);
        read.filter(|_| faults.is_empty()).ok_or_else(|| invalid(faults))
    }

    fn read(&self, map: Map<String, Value>) -> Result<SourceSpec, Box<Problem>> {
        let mut faults = Faults::default();
        let read = self.read_into(map, &mut faults);
        read.filter(|_| faults.is_empty()).ok_or_else(|| invalid(faults))
    }

    fn read_into(&self, map: Map<String, Value>, faults: &mut Faults) -> Option<SourceSpec> {
        let mut fields = Fields::new(map, "", faults);
        let given_id = read_id(&mut fields);
        let source_type = read_type(&mut fields);
        let protocol = fields.take_with("protocol", "`websocket`, `sse` or `ndjson`", |value| {
            FirehoseProtocol::parse(value.as_str()?)
        });
        let url = read_url(&mut fields, protocol);
        let name = read_name(&mut fields);
        let tags = read_tags(&mut fields).unwrap_or_default();
        let interval_s = self.read_interval(&mut fields);
        let backfill = fields.take_with("backfill", "a whole number from 0 to 1000", |value| {
            value.as_u64().filter(|items| *items <= BACKFILL_MAX).and_then(|items| u32::try_from(items).ok())
        });
        let enabled = fields.take_with("enabled", "true or false", Value::as_bool).unwrap_or(true);
        let include_selectors = read_list(&mut fields, "include_selectors", self.selector);
        let exclude_selectors = read_list(&mut fields, "exclude_selectors", self.selector);
        let ignore = read_list(&mut fields, "ignore", self.pattern);
        let headers = read_headers(&mut fields);
        let map = read_map(&mut fields);
        let filter = read_filter(&mut fields);
        let spec = match (url, source_type) {
            (Some(url), Some(source_type)) => {
                let id = given_id.unwrap_or_else(|| made_id(&url));
                let spec = SourceSpec {
                    id,
                    source_type,
                    url,
                    name,
                    tags,
                    interval_s,
                    backfill: backfill.unwrap_or_default(),
                    enabled,
                    include_selectors,
                    exclude_selectors,
                    ignore,
                    protocol,
                    headers,
                    map,
                    filter,
                };
                refuse_what_does_nothing(&spec, &mut fields);
                Some(spec)
            }
            _ => None,
        };
        fields.finish();
        spec
    }

    fn read_interval(&self, fields: &mut Fields<'_>) -> Option<u32> {
        let (min, max) = (self.interval_s.start(), self.interval_s.end());
        let expected = format!("a whole number of seconds from {min} to {max}");
        fields.take_with("interval_s", &expected, |value| {
            u32::try_from(value.as_u64()?).ok().filter(|seconds| self.interval_s.contains(seconds))
        })
    }
}

/// The values that are masked in what somebody sends back after having read it are those that are there already.
fn keep_masked(headers: &mut Map<String, Value>, current: &BTreeMap<String, String>) {
    for (name, value) in headers.iter_mut().filter(|(_, value)| *value == MASKED) {
        if let Some(kept) = current.get(&name.to_ascii_lowercase()) {
            *value = kept.clone().into();
        }
    }
}

fn read_id(fields: &mut Fields<'_>) -> Option<SourceId> {
    let value = fields.take("id")?;
    let fault = match value.as_str().map(str::parse::<SourceId>) {
        Some(Ok(id)) if RESERVED_IDS.contains(&id.as_str()) => format!("`{id}` is a path of the API"),
        Some(Ok(id)) => return Some(id),
        Some(Err(error)) => error.to_string(),
        None => format!("must be a string, not {}", brief(&value)),
    };
    fields.fault("id", fault);
    None
}

fn read_type(fields: &mut Fields<'_>) -> Option<SourceType> {
    let Some(value) = fields.take("source_type") else {
        fields.fault("source_type", "is required: `rss`, `atom`, `json_feed`, `html` or `firehose`");
        return None;
    };
    let source_type = value.as_str().and_then(SourceType::parse);
    if source_type.is_none() {
        let detail =
            format!("must be `rss`, `atom`, `json_feed`, `html` or `firehose`, not {}", brief(&value));
        fields.fault("source_type", detail);
    }
    source_type
}

/// The URL as text, normalised. A WebSocket's may begin with `ws` or `wss`, which is the same as `http` and `https`.
fn read_url(fields: &mut Fields<'_>, protocol: Option<FirehoseProtocol>) -> Option<String> {
    let Some(value) = fields.take("url") else {
        fields.fault("url", "is required: where the source is");
        return None;
    };
    let fault = match value.as_str().map(|text| (text.len(), url_text(text, protocol))) {
        Some((bytes, _)) if bytes > URL_BYTES_MAX => format!("is longer than {URL_BYTES_MAX} bytes"),
        Some((_, Ok(url))) => return Some(url),
        Some((_, Err(fault))) => fault,
        None => format!("must be a URL, not {}", brief(&value)),
    };
    fields.fault("url", fault);
    None
}

fn url_text(text: &str, protocol: Option<FirehoseProtocol>) -> Result<String, String> {
    let over = text.get(..2).filter(|scheme| scheme.eq_ignore_ascii_case("ws")).map(|_| &text[2..]);
    let told = over.filter(|rest| rest.starts_with("://") || rest.to_ascii_lowercase().starts_with("s://"));
    let Some(rest) = told else {
        return TargetUrl::parse(text).map(|url| url.as_str().to_owned()).map_err(|error| error.to_string());
    };
    if protocol != Some(FirehoseProtocol::Websocket) {
        return Err("begins with `ws`, which needs `\"protocol\": \"websocket\"`".to_owned());
    }
    let url = TargetUrl::parse(&format!("http{rest}")).map_err(|error| error.to_string())?;
    Ok(format!("ws{}", &url.as_str()["http".len()..]))
}

fn read_name(fields: &mut Fields<'_>) -> Option<String> {
    let expected = "a string of at most 200 characters without control characters";
    let name = fields.take_with("name", expected, |value| {
        let text = value.as_str()?;
        let fits = text.chars().count() <= NAME_CHARS_MAX && !text.contains(char::is_control);
        fits.then(|| text.trim().to_owned())
    });
    name.filter(|text| !text.is_empty())
}

fn read_tags(fields: &mut Fields<'_>) -> Option<Vec<String>> {
    let expected = "an array of at most 32 strings of 1 to 100 characters without control characters";
    fields.take_with("tags", expected, |value| {
        let given = value.as_array().filter(|tags| tags.len() <= TAGS_MAX)?;
        let mut tags: Vec<String> = Vec::with_capacity(given.len());
        for tag in given {
            let tag = tag.as_str()?.trim();
            if !is_tag(tag) {
                return None;
            }
            if !tags.iter().any(|seen| seen == tag) {
                tags.push(tag.to_owned());
            }
        }
        Some(tags)
    })
}

fn is_tag(tag: &str) -> bool {
    (1..=TAG_CHARS_MAX).contains(&tag.chars().count()) && !tag.contains(char::is_control)
}

/// A list of texts that each pass the check.
fn read_list(fields: &mut Fields<'_>, name: &str, check: fn(&str) -> Result<(), String>) -> Vec<String> {
    let expected = format!("an array of at most {LIST_MAX} strings of 1 to {PATTERN_BYTES_MAX} bytes");
    let list = fields.take_with(name, &expected, |value| {
        let given = value.as_array().filter(|list| list.len() <= LIST_MAX)?;
        let bounded = |text: &&str| (1..=PATTERN_BYTES_MAX).contains(&text.len());
        given.iter().map(|text| text.as_str().filter(bounded).map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    let list = list.unwrap_or_default();
    let pointer = fields.pointer_to(name);
    for (place, text) in list.iter().enumerate() {
        if let Err(detail) = check(text) {
            fields.faults().add(format!("{pointer}/{place}"), detail);
        }
    }
    list
}

/// Header names in lower case, and their values. What is wrong with a value is told without it.
fn read_headers(fields: &mut Fields<'_>) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::new();
    match fields.take("headers") {
        None => {}
        Some(Value::Object(given)) if given.len() <= HEADERS_MAX => {
            let pointer = fields.pointer_to("headers");
            for (name, value) in given {
                let fault = match header_field(&name, &value) {
                    Ok((_, value)) if value == MASKED => {
                        "is masked, and there is no value that it stands for"
                    }
                    Ok((name, value)) => {
                        let value = value.to_str().unwrap_or_default().to_owned();
                        headers.insert(name.as_str().to_owned(), value);
                        continue;
                    }
                    Err(fault) => fault,
                };
                let name: String = name.chars().take(80).collect();
                fields.faults().add(pointer_step(&pointer, &name), fault);
            }
        }
        Some(_) => fields.fault("headers", format!("must be an object of at most {HEADERS_MAX} strings")),
    }
    headers
}

fn read_map(fields: &mut Fields<'_>) -> Option<FirehoseMap> {
    let map = match fields.take("map")? {
        Value::Object(map) => map,
        other => {
            let detail = format!("must be an object of JSON pointers, not {}", brief(&other));
            fields.fault("map", detail);
            return None;
        }
    };
    let pointer = fields.pointer_to("map");
    let mut inner = Fields::new(map, pointer, fields.faults());
    let mut pointer = |name| {
        let expected = "a JSON pointer such as `/commit/record/text`";
        inner.take_with(name, expected, |value| {
            value.as_str().filter(|text| is_pointer(text)).map(str::to_owned)
        })
    };
    let map = FirehoseMap {
        id: pointer("id"),
        url: pointer("url"),
        title: pointer("title"),
        content: pointer("content"),
        author: pointer("author"),
        published_at: pointer("published_at"),
        tags: pointer("tags"),
        cursor: pointer("cursor"),
    };
    inner.finish();
    Some(map)
}

/// Whether the text is a JSON pointer (RFC 6901, section 3).
fn is_pointer(text: &str) -> bool {
    let escapes_are_whole = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    text.len() <= POINTER_BYTES_MAX && (text.is_empty() || text.starts_with('/')) && escapes_are_whole
}

fn read_filter(fields: &mut Fields<'_>) -> BTreeMap<String, Vec<Value>> {
    let mut filter = BTreeMap::new();
    match fields.take("filter") {
        None => {}
        Some(Value::Object(given)) if given.len() <= FILTER_POINTERS_MAX => {
            let at = fields.pointer_to("filter");
            for (pointer, values) in given {
                let fault = match (is_pointer(&pointer), filter_values(values)) {
                    (true, Some(values)) => {
                        filter.insert(pointer, values);
                        continue;
                    }
                    (false, _) => "is no JSON pointer such as `/kind`",
                    (true, None) => {
                        "must be a value, or an array of 1 to 64: texts, numbers, true, false or null"
                    }
                };
                let pointer: String = pointer.chars().take(80).collect();
                fields.faults().add(pointer_step(&at, &pointer), fault);
            }
        }
        Some(_) => {
            let detail =
                format!("must be an object of at most {FILTER_POINTERS_MAX} JSON pointers to values");
            fields.fault("filter", detail);
        }
    }
    filter
}

fn filter_values(values: Value) -> Option<Vec<Value>> {
    let values = match values {
        Value::Array(values) => values,
        one => vec![one],
    };
    let plain = |value: &Value| match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => text.len() <= FILTER_TEXT_BYTES_MAX,
        Value::Array(_) | Value::Object(_) => false,
    };
    ((1..=FILTER_VALUES_MAX).contains(&values.len()) && values.iter().all(plain)).then_some(values)
}

/// A setting that a source of its type has no use for would pass in silence.
fn refuse_what_does_nothing(spec: &SourceSpec, fields: &mut Fields<'_>) {
    let page = spec.source_type == SourceType::Html;
    let firehose = spec.source_type == SourceType::Firehose;
    let given = [
        ("include_selectors", !spec.include_selectors.is_empty(), page, "pages (`html`)"),
        ("exclude_selectors", !spec.exclude_selectors.is_empty(), page, "pages (`html`)"),
        ("ignore", !spec.ignore.is_empty(), page, "pages (`html`)"),
        ("protocol", spec.protocol.is_some(), firehose, "firehoses"),
        ("map", spec.map.is_some(), firehose, "firehoses"),
        ("filter", !spec.filter.is_empty(), firehose, "firehoses"),
        ("interval_s", spec.interval_s.is_some(), !firehose, "what is polled"),
        ("backfill", spec.backfill > 0, !firehose, "what is polled"),
    ];
    for (name, is_given, is_of_use, whom) in given {
        if is_given && !is_of_use {
            let detail =
                format!("is for {whom}, and this is a source of type `{}`", spec.source_type.as_str());
            fields.fault(name, detail);
        }
    }
    if firehose && spec.protocol.is_none() {
        fields.fault("protocol", "is required of a firehose: `websocket`, `sse` or `ndjson`");
    }
}

/// An id for a source that was given none: its host and its path, in what an id may hold.
#[must_use]
pub fn made_id(url: &str) -> SourceId {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.strip_prefix("www.").unwrap_or(rest);
    let mut id = String::with_capacity(MADE_ID_CHARS_MAX);
    for letter in rest.chars().map(|letter| letter.to_ascii_lowercase()) {
        if id.len() == MADE_ID_CHARS_MAX {
            break;
        }
        match letter {
            'a'..='z' | '0'..='9' => id.push(letter),
            '.' | '_' | '-' if !id.is_empty() => id.push(letter),
            _ if id.ends_with('-') || id.is_empty() => {}
            _ => id.push('-'),
        }
    }
    let id = id.trim_end_matches(['-', '.', '_']);
    id.parse().unwrap_or_else(|_| "source".parse().expect("a constant that is an id"))
}

fn object(body: Value) -> Result<Map<String, Value>, Box<Problem>> {
    match body {
        Value::Object(map) => Ok(map),
        _ => Err(Box::new(Problem::new(ProblemCode::ValidationFailed, "the body must be a JSON object"))),
    }
}

fn invalid(faults: Faults) -> Box<Problem> {
    Box::new(Problem::invalid(ProblemCode::ValidationFailed, faults.into_vec()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn rules() -> SourceRules {
        let no_bang = |text: &str| if text.contains('!') { Err("is no pattern".to_owned()) } else { Ok(()) };
        SourceRules { interval_s: 60..=86_400, selector: no_bang, pattern: no_bang }
    }

    fn read(body: Value) -> Result<SourceSpec, Vec<String>> {
        rules().read_new(body).map_err(pointers)
    }

    fn pointers(problem: Box<Problem>) -> Vec<String> {
        problem.errors.into_iter().map(|error| error.pointer).collect()
    }

    fn feed() -> Value {
        json!({"id": "a.b", "source_type": "rss", "url": "https://a.example/feed"})
    }

    fn with(mut body: Value, name: &str, value: Value) -> Value {
        body.as_object_mut().expect("an object").insert(name.to_owned(), value);
        body
    }

    #[test]
    fn what_is_written_is_read_back() {
        for body in [
            json!({
                "id": "kommun.falun-news", "source_type": "rss", "url": "https://a.example/feed", "name": "n",
                "tags": ["a", "b"], "interval_s": 300, "backfill": 5, "enabled": false,
                "headers": {"authorization": "Bearer x"},
            }),
            json!({
                "id": "p", "source_type": "html", "url": "https://a.example/", "tags": [], "backfill": 0,
                "enabled": true, "include_selectors": ["main"], "exclude_selectors": [".ad"], "ignore": ["[0-9]+"],
            }),
            json!({
                "id": "f", "source_type": "firehose", "url": "wss://a.example/s?x=1", "tags": [], "backfill": 0,
                "enabled": true, "protocol": "websocket", "map": {"title": "/a~1b", "cursor": ""},
                "filter": {"/kind": ["commit", 1, null]},
            }),
        ] {
            let spec = read(body.clone()).expect("valid");
            let written = serde_json::to_value(&spec).expect("plain data");
            assert_eq!(written, body);
            assert_eq!(read(written).expect("valid"), spec);
        }
    }

    #[test]
    fn a_source_without_an_id_gets_one_from_its_url() {
        for (url, id) in [
            ("https://www.falun.se/Nyheter/rss.xml?x=1", "falun.se-nyheter-rss.xml-x-1"),
            ("http://127.0.0.1:8080/", "127.0.0.1-8080"),
            ("http://[::1]/f", "1-f"),
            ("https://bücher.example/", "xn--bcher-kva.example"),
        ] {
            let body = json!({"source_type": "rss", "url": url});
            assert_eq!(read(body).expect("valid").id.as_str(), id, "{url}");
        }
    }

    #[test]
    fn every_fault_is_named() {
        let body = json!({
            "id": "A", "source_type": "gopher", "url": "ftp://a/", "name": "a\u{1}", "tags": ["", "b"],
            "interval_s": 5, "backfill": -1, "enabled": 1, "include_selectors": ["a!"], "exclude_selectors": [1],
            "ignore": ["ok", "b!"], "protocol": "tcp", "headers": {"host": "x", "a b": "x", "ok": "\n"},
            "map": {"title": "x", "id": "/~2", "colour": "/a"}, "filter": {"x": [1], "/y": []}, "colour": 1,
        });
        let mut found = read(body).expect_err("refused");
        found.sort();
        let expected = [
            "/backfill",
            "/colour",
            "/enabled",
            "/exclude_selectors",
            "/filter/x",
            "/filter/~1y",
            "/headers/a b",
            "/headers/host",
            "/headers/ok",
            "/id",
            "/ignore/1",
            "/include_selectors/0",
            "/interval_s",
            "/map/colour",
            "/map/id",
            "/map/title",
            "/name",
            "/protocol",
            "/source_type",
            "/tags",
            "/url",
        ];
        assert_eq!(found, expected);
        assert_eq!(read(json!({})).expect_err("refused"), ["/source_type", "/url"]);
        assert!(rules().read_new(json!([])).is_err());
    }

    #[test]
    fn an_interval_is_a_whole_number_within_the_operators_bounds() {
        for good in [60, 61, 86_400] {
            assert_eq!(
                read(with(feed(), "interval_s", json!(good))).map(|spec| spec.interval_s),
                Ok(Some(good))
            );
        }
        let long = u64::from(u32::MAX) + 61;
        for bad in [
            json!(0),
            json!(59),
            json!(86_401),
            json!(-60),
            json!(60.5),
            json!("60"),
            json!(true),
            json!(long),
        ] {
            assert_eq!(read(with(feed(), "interval_s", bad)).expect_err("refused"), ["/interval_s"]);
        }
    }

    #[test]
    fn a_setting_that_would_do_nothing_is_refused() {
        for (name, value) in [
            ("include_selectors", json!(["a"])),
            ("ignore", json!(["a"])),
            ("protocol", json!("sse")),
            ("map", json!({})),
            ("filter", json!({"/a": 1})),
        ] {
            assert_eq!(read(with(feed(), name, value)).expect_err(name), [format!("/{name}")]);
        }
        let hose = json!({"source_type": "firehose", "url": "https://a.example/s", "interval_s": 60});
        assert_eq!(read(hose).expect_err("refused"), ["/interval_s", "/protocol"]);
    }

    #[test]
    fn only_a_websocket_may_say_ws_and_paths_of_the_api_are_no_ids() {
        let hose = |protocol: &str, url: &str| {
            read(json!({"source_type": "firehose", "url": url, "protocol": protocol})).map(|spec| spec.url)
        };
        assert_eq!(hose("websocket", "WS://a.example:80/x"), Ok("ws://a.example/x".to_owned()));
        assert_eq!(hose("websocket", "https://a.example/x"), Ok("https://a.example/x".to_owned()));
        assert_eq!(hose("sse", "wss://a.example/x"), Err(vec!["/url".to_owned()]));
        assert_eq!(hose("websocket", "wss://u:p@a.example/x"), Err(vec!["/url".to_owned()]));
        assert_eq!(hose("websocket", "wsé"), Err(vec!["/url".to_owned()]));
        for id in RESERVED_IDS {
            assert_eq!(read(with(feed(), "id", json!(id))).expect_err("reserved"), ["/id"]);
        }
    }

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let body = json!({
            "id": "a", "source_type": "rss", "url": "https://a.example/", "name": "n", "tags": ["t"],
            "interval_s": 60, "headers": {"authorization": "secret", "x-a": "1"},
        });
        let current = read(body).expect("valid");
        let change = |body| rules().read_change(&current, body).map_err(pointers);
        assert_eq!(change(json!({})), Ok(current.clone()));
        let changed = change(json!({"interval_s": null, "tags": ["u"], "id": "a", "source_type": "rss"}));
        let expected = SourceSpec { interval_s: None, tags: vec!["u".to_owned()], ..current.clone() };
        assert_eq!(changed, Ok(expected));
        let kept = change(json!({"headers": {"Authorization": MASKED, "x-b": "2"}})).expect("valid").headers;
        assert_eq!(kept.get("authorization").map(String::as_str), Some("secret"));
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["authorization", "x-b"]);
        assert_eq!(change(json!({"headers": {"x-c": MASKED}})), Err(vec!["/headers/x-c".to_owned()]));
        assert_eq!(
            change(json!({"id": "b", "source_type": "html"})),
            Err(vec!["/id".into(), "/source_type".into()])
        );
        assert_eq!(change(json!({"url": null})), Err(vec!["/url".to_owned()]));
    }

    #[test]
    fn no_fault_repeats_the_value_of_a_header() {
        let problem = rules()
            .read_new(with(feed(), "headers", json!({"authorization": "hunter2\n", "x": ["hunter2"]})))
            .expect_err("refused");
        assert!(!format!("{problem:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn an_id_is_made_of_any_url(text in "\\PC{0,200}") {
            let id = made_id(&text);
            prop_assert!(id.as_str().parse::<SourceId>().is_ok());
        }
    }
}
