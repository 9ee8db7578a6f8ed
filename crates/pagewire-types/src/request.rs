//! The bodies of `POST /v1/scrape` and `POST /v1/stream`, read once into values that hold only what is allowed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::fields::{Faults, FieldError, Fields, brief};
use crate::problem::{Problem, ProblemCode};
use crate::scrape::{ScrapeParams, refuse_archive};
use crate::target_url::TargetUrl;

/// URLs that one stream may hold.
pub const STREAM_URLS_MAX: usize = 10_000;
/// Fetches at once that a stream may ask for.
pub const STREAM_CONCURRENCY_MAX: u32 = 100;
/// Fetches at once of a stream that names none.
pub const STREAM_CONCURRENCY_DEFAULT: u32 = 16;
/// URLs in one stored chunk of a run's input.
pub const CHUNK_URLS: usize = 500;
/// Characters of a `custom_id`.
pub(crate) const CUSTOM_ID_CHARS_MAX: usize = 256;
/// Bytes of an entry's `metadata`, as compact JSON.
pub(crate) const METADATA_BYTES_MAX: usize = 4 * 1024;

/// One URL of a request, with what the request says of it alone.
#[derive(Debug, Clone, PartialEq)]
pub struct UrlEntry {
    /// Where to fetch.
    pub url: TargetUrl,
    /// The text that the request gave, where it differs from the normalised URL: records echo it, so that callers can
    /// join on it.
    given: Option<Box<str>>,
    /// Overrides of the request's parameters.
    pub overrides: Option<Box<ScrapeParams>>,
    /// Echoed in the record.
    pub custom_id: Option<Box<str>>,
    /// Echoed in the record: compact JSON text.
    pub metadata: Option<Box<str>>,
}

impl UrlEntry {
    /// The URL in the words of the request.
    #[must_use]
    pub fn given(&self) -> &str {
        self.given.as_deref().unwrap_or_else(|| self.url.as_str())
    }

    fn of_url(url: TargetUrl, text: &str) -> Self {
        let given = (url.as_str() != text).then(|| text.into());
        Self { url, given, overrides: None, custom_id: None, metadata: None }
    }

    /// Reads an entry that stands alone: a JSON string, or an object with `url` and overrides.
    pub fn parse(item: Value) -> Result<Self, Box<Problem>> {
        let mut reading = Reading::default();
        let entry = reading.entry(item, "");
        reading.verdict()?;
        // `verdict` has refused what is no entry.
        entry.ok_or_else(|| Box::new(Problem::new(ProblemCode::Internal, "an entry without a URL passed")))
    }
}

/// The body of `POST /v1/scrape`.
#[derive(Debug, Clone, PartialEq)]
pub struct ScrapeRequest {
    /// The page to fetch.
    pub entry: UrlEntry,
    /// How to fetch and read it.
    pub params: ScrapeParams,
}

impl ScrapeRequest {
    /// Reads the body.
    pub fn parse(body: Value) -> Result<Self, Box<Problem>> {
        let map = object(body)?;
        let mut reading = Reading::default();
        let mut fields = Fields::new(map, "", &mut reading.faults);
        let params = ScrapeParams::read(&mut fields);
        refuse_archive(&mut fields, &params);
        let custom_id = read_custom_id(&mut fields);
        let metadata = read_metadata(&mut fields);
        let url = fields.take("url");
        if url.is_none() {
            fields.fault("url", "is required: the page to fetch");
        }
        fields.finish();
        let entry = url.and_then(|url| reading.url(&url, "/url"));
        reading.verdict()?;
        // `verdict` has refused a request without a URL.
        let entry = entry
            .ok_or_else(|| Box::new(Problem::new(ProblemCode::Internal, "a request without a URL passed")))?;
        Ok(Self { entry: UrlEntry { custom_id, metadata, ..entry }, params })
    }
}

/// The body of `POST /v1/stream`.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamRequest {
    /// The URLs, in the order of the request.
    pub entries: Vec<UrlEntry>,
    /// Fetches at once.
    pub concurrency: u32,
    /// What holds for every URL that says nothing else.
    pub params: ScrapeParams,
    /// `params` as JSON text, to be stored and read back by [`ScrapeParams::read_stored`].
    pub params_json: String,
    /// `entries` as JSON arrays of at most [`CHUNK_URLS`], to be stored and read back by
    /// [`StoredEntry::read_chunk`](crate::StoredEntry::read_chunk).
    pub chunks_json: Vec<String>,
}

impl StreamRequest {
    /// Reads the body. Its URLs are never held as a tree of values: ten thousand of them would weigh more than what is
    /// made of them.
    pub fn parse(body: &[u8]) -> Result<Self, Box<Problem>> {
        let mut given = top_level(body)?;
        let urls = given.remove("urls");
        let concurrency =
            given.remove("concurrency").map(value_of).transpose()?.filter(|value| !value.is_null());
        let mut map = Map::new();
        for (name, value) in given {
            map.insert(name, value_of(value)?);
        }
        let params_json = Value::Object(map.clone()).to_string();

        let mut reading = Reading::default();
        let mut fields = Fields::new(map, "", &mut reading.faults);
        let params = ScrapeParams::read(&mut fields);
        refuse_archive(&mut fields, &params);
        let concurrency =
            read_concurrency(&mut fields, concurrency, STREAM_CONCURRENCY_DEFAULT, STREAM_CONCURRENCY_MAX);
        if urls.is_none() {
            fields.fault("urls", "is required: the URLs to fetch");
        }
        fields.finish();
        let (urls, entries) = reading.urls(urls, STREAM_URLS_MAX, "a stream")?;
        reading.verdict()?;
        let chunks_json = urls.chunks(CHUNK_URLS).map(json_array).collect();
        Ok(Self { entries, concurrency, params, params_json, chunks_json })
    }
}

/// The fields of a body that must be an object, each as the text that it was sent as. Of a name that is there twice,
/// the last one counts.
pub(crate) fn top_level(body: &[u8]) -> Result<BTreeMap<String, &RawValue>, Box<Problem>> {
    let whole: &RawValue = serde_json::from_slice(body).map_err(|error| not_json(&error))?;
    if whole.get().starts_with('{') {
        return serde_json::from_str(whole.get()).map_err(|error| not_json(&error));
    }
    object(value_of(whole)?).map(|_| BTreeMap::new())
}

pub(crate) fn value_of(raw: &RawValue) -> Result<Value, Box<Problem>> {
    serde_json::from_str(raw.get()).map_err(|error| not_json(&error))
}

pub(crate) fn not_json(error: &serde_json::Error) -> Box<Problem> {
    Box::new(Problem::new(ProblemCode::InvalidJson, format!("the body is not JSON: {error}")))
}

pub(crate) fn json_array(items: &[&RawValue]) -> String {
    let mut text = String::with_capacity(items.iter().map(|item| item.get().len() + 1).sum::<usize>() + 1);
    text.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(item.get());
    }
    text.push(']');
    text
}

pub(crate) fn object(body: Value) -> Result<Map<String, Value>, Box<Problem>> {
    match body {
        Value::Object(map) => Ok(map),
        other => Err(Box::new(Problem::invalid(
            ProblemCode::ValidationFailed,
            vec![FieldError::new("", format!("the body must be a JSON object, not {}", brief(&other)))],
        ))),
    }
}

/// The faults of one request. URLs have a problem code of their own, so they are kept apart.
#[derive(Default)]
pub(crate) struct Reading {
    pub(crate) faults: Faults,
    url_faults: Faults,
}

impl Reading {
    /// The `urls` of a body: as the texts that they were sent as, and read.
    pub(crate) fn urls<'b>(
        &mut self,
        urls: Option<&'b RawValue>,
        max: usize,
        whose: &str,
    ) -> Result<(Vec<&'b RawValue>, Vec<UrlEntry>), Box<Problem>> {
        let Some(urls) = urls else { return Ok((Vec::new(), Vec::new())) };
        if !urls.get().starts_with('[') {
            let found = value_of(urls)?;
            self.faults.add("/urls", format!("must be an array of URLs, not {}", brief(&found)));
            return Ok((Vec::new(), Vec::new()));
        }
        let items: Vec<&RawValue> = serde_json::from_str(urls.get()).map_err(|error| not_json(&error))?;
        if items.len() > max {
            let detail = format!("`urls` has {} entries; {whose} takes at most {max}", items.len());
            return Err(Box::new(Problem::new(ProblemCode::TooManyUrls, detail)));
        }
        if items.is_empty() && self.faults.is_empty() {
            self.faults.add("/urls", "must hold at least one URL");
        }
        let mut entries = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            entries.extend(self.raw_entry(item, index)?);
        }
        Ok((items, entries))
    }

    /// One of the URLs of a body. Most are plain strings, which are read where they stand.
    fn raw_entry(&mut self, item: &RawValue, index: usize) -> Result<Option<UrlEntry>, Box<Problem>> {
        #[derive(Deserialize)]
        struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
        if item.get().starts_with('"') {
            let Text(text) = serde_json::from_str(item.get()).map_err(|error| not_json(&error))?;
            if let Ok(url) = TargetUrl::parse(&text) {
                return Ok(Some(UrlEntry::of_url(url, &text)));
            }
        }
        Ok(self.entry(value_of(item)?, &format!("/urls/{index}")))
    }

    pub(crate) fn entry(&mut self, item: Value, pointer: &str) -> Option<UrlEntry> {
        match item {
            Value::Object(map) => self.entry_with_overrides(map, pointer),
            other => self.url(&other, pointer),
        }
    }

    fn entry_with_overrides(&mut self, map: Map<String, Value>, pointer: &str) -> Option<UrlEntry> {
        let mut fields = Fields::new(map, pointer, &mut self.faults);
        let overrides = ScrapeParams::read(&mut fields);
        refuse_archive(&mut fields, &overrides);
        let custom_id = read_custom_id(&mut fields);
        let metadata = read_metadata(&mut fields);
        let url_pointer = fields.pointer_to("url");
        let url = fields.take("url");
        if url.is_none() {
            fields.fault("url", "is required: the page to fetch");
        }
        fields.finish();
        let entry = self.url(&url?, &url_pointer)?;
        let overrides = (overrides != ScrapeParams::default()).then(|| Box::new(overrides));
        Some(UrlEntry { overrides, custom_id, metadata, ..entry })
    }

    pub(crate) fn url(&mut self, value: &Value, pointer: &str) -> Option<UrlEntry> {
        let Some(text) = value.as_str() else {
            self.faults.add(pointer, format!("must be a URL or an object with `url`, not {}", brief(value)));
            return None;
        };
        match TargetUrl::parse(text) {
            Ok(url) => Some(UrlEntry::of_url(url, text)),
            Err(error) => {
                self.url_faults.add(pointer, format!("{}: {error}", brief(value)));
                None
            }
        }
    }

    pub(crate) fn verdict(self) -> Result<(), Box<Problem>> {
        if !self.faults.is_empty() {
            let mut errors = self.faults.into_vec();
            errors.extend(self.url_faults.into_vec());
            return Err(Box::new(Problem::invalid(ProblemCode::ValidationFailed, errors)));
        }
        if !self.url_faults.is_empty() {
            return Err(Box::new(Problem::invalid(ProblemCode::InvalidUrl, self.url_faults.into_vec())));
        }
        Ok(())
    }
}

/// Fetches at once, as asked for and within the door's bound.
pub(crate) fn read_concurrency(fields: &mut Fields<'_>, asked: Option<Value>, default: u32, max: u32) -> u32 {
    let Some(value) = asked else { return default };
    let read = value.as_u64().and_then(|asked| u32::try_from(asked).ok());
    read.filter(|asked| (1..=max).contains(asked)).unwrap_or_else(|| {
        let detail = format!("must be a whole number from 1 to {max}, not {}", brief(&value));
        fields.fault("concurrency", detail);
        default
    })
}

pub(crate) fn read_custom_id(fields: &mut Fields<'_>) -> Option<Box<str>> {
    fields.take_with("custom_id", "a string of at most 256 characters", |value| {
        value.as_str().filter(|text| text.chars().count() <= CUSTOM_ID_CHARS_MAX).map(Into::into)
    })
}

pub(crate) fn read_metadata(fields: &mut Fields<'_>) -> Option<Box<str>> {
    fields.take_with("metadata", "an object of at most 4 KiB", |value| {
        let text = value.is_object().then(|| value.to_string())?;
        (text.len() <= METADATA_BYTES_MAX).then(|| text.into())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<StreamRequest, Box<Problem>> {
        StreamRequest::parse(body.to_string().as_bytes())
    }

    fn refusal(body: &Value) -> (String, Vec<String>) {
        let problem = parse(body).expect_err("refused");
        (problem.code, problem.errors.into_iter().map(|error| error.pointer).collect())
    }

    #[test]
    fn a_stream_of_strings_and_objects_is_read() {
        let request = parse(&json!({
            "urls": ["http://a.example", {"url": "http://b.example/", "custom_id": "7", "timeout": 2000}],
            "formats": ["raw_html"],
        }))
        .expect("valid");
        assert_eq!(request.concurrency, 16);
        assert_eq!(request.entries[0].given(), "http://a.example");
        assert_eq!(request.entries[0].url.as_str(), "http://a.example/");
        assert_eq!(request.entries[1].custom_id.as_deref(), Some("7"));
        assert!(request.entries[1].overrides.as_ref().is_some_and(|o| o.timeout.is_some()));
    }

    #[test]
    fn what_is_no_json_is_told_from_what_is_no_request() {
        let deep = format!(r#"{{"urls": ["http://a/"], "extract": {}{}}}"#, "[".repeat(200), "]".repeat(200));
        for body in ["", "{", r#"{"urls": [}"#, r#"{"urls": ["\ud800"]}"#, "{} {}", &deep] {
            assert_eq!(StreamRequest::parse(body.as_bytes()).expect_err(body).code, "invalid_json", "{body}");
        }
        assert_eq!(StreamRequest::parse(b"{\"urls\": [\"\xff\"]}").expect_err("bytes").code, "invalid_json");
    }

    #[test]
    fn what_was_stored_is_read_back_the_same() {
        let request = parse(&json!({
            "urls": ["http://a.example", {"url": "http://b.example/", "metadata": {"row": 3}, "formats": []}],
            "extract": {"name": "string"}, "retry": {"max": 1},
        }))
        .expect("valid");
        let items = serde_json::from_str(&request.chunks_json[0]).expect("json");
        let entries: Vec<_> = request.entries.into_iter().map(crate::StoredEntry::Url).collect();
        assert_eq!(crate::StoredEntry::read_chunk(items).expect("stored"), entries);
        let params = serde_json::from_str(&request.params_json).expect("json");
        assert_eq!(ScrapeParams::read_stored(params), request.params);
    }

    #[test]
    fn every_fault_is_named_by_its_pointer() {
        let (code, pointers) = refusal(
            &json!({"urls": ["http://a/", {"url": "http://b/", "colour": 1}], "concurrency": 0, "x": 1}),
        );
        assert_eq!(code, "validation_failed");
        assert_eq!(pointers, ["/concurrency", "/x", "/urls/1/colour"]);
        assert_eq!(
            refusal(&json!({"urls": ["http://a/", "ftp://b/", "http://u:p@c/"]})),
            ("invalid_url".into(), vec!["/urls/1".into(), "/urls/2".into()])
        );
        assert_eq!(refusal(&json!({"urls": []})).1, ["/urls"]);
        assert_eq!(refusal(&json!({"urls": "http://a/"})).1, ["/urls"]);
        assert_eq!(refusal(&json!({"urls": [7]})).1, ["/urls/0"]);
        assert_eq!(refusal(&json!(["http://a/"])), ("validation_failed".into(), vec![String::new()]));
        assert_eq!(refusal(&json!({"urls": vec!["http://a/"; 10_001]})).0, "too_many_urls");
        assert_eq!(refusal(&json!({"urls": ["http://a/"], "concurrency": 101})).1, ["/concurrency"]);
        assert_eq!(refusal(&json!({"urls": ["http://a/"], "formats": ["pdf"]})).1, ["/formats/0"]);
        assert_eq!(refusal(&json!({"urls": ["http://a/"], "headers": {"Host": "b"}})).1, ["/headers"]);
    }
}
