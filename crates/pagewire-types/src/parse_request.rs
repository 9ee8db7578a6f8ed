//! The body of `POST /v1/parse`: a page that the caller has already, and what is wanted of it.
//!
//! Nothing is fetched, so the parameters of a fetch are unknown here and refused by name.

use serde_json::Value;

use crate::fields::{FieldError, Fields, brief};
use crate::problem::{Problem, ProblemCode};
use crate::request::{Reading, object, read_custom_id, read_metadata};
use crate::scrape::{ScrapeParams, refuse_archive};
use crate::target_url::TargetUrl;

/// Characters of a `content_type`.
const CONTENT_TYPE_CHARS_MAX: usize = 256;

/// The body of `POST /v1/parse`.
#[derive(Debug, Clone, PartialEq)]
pub struct ParseRequest {
    /// The page.
    pub content: String,
    /// What it is: the request's `content_type`, or what the name of its field says.
    pub content_type: String,
    /// Where it comes from: relative links stand on it.
    pub url: Option<TargetUrl>,
    /// `url` in the words of the request.
    pub given_url: Option<String>,
    /// What is read from it.
    pub params: ScrapeParams,
    /// Echoed in the answer.
    pub custom_id: Option<Box<str>>,
    /// Echoed in the answer: compact JSON text.
    pub metadata: Option<Box<str>>,
}

impl ParseRequest {
    /// Reads the body.
    pub fn parse(body: Value) -> Result<Self, Box<Problem>> {
        let map = object(body)?;
        let mut reading = Reading::default();
        let mut fields = Fields::new(map, "", &mut reading.faults);
        let content = read_content(&mut fields);
        let content_type = fields.take_with("content_type", "a media type such as `text/html`", |value| {
            let text = value.as_str()?;
            let fits = text.chars().count() <= CONTENT_TYPE_CHARS_MAX && text.contains('/');
            fits.then(|| text.to_owned())
        });
        let params = ScrapeParams::read_of_content(&mut fields);
        refuse_archive(&mut fields, &params);
        let custom_id = read_custom_id(&mut fields);
        let metadata = read_metadata(&mut fields);
        let url = fields.take("url");
        fields.finish();
        let entry = url.and_then(|url| reading.url(&url, "/url"));
        reading.verdict()?;
        // `verdict` has refused a request without content.
        let (field, content) = content.ok_or_else(|| {
            Box::new(Problem::new(ProblemCode::Internal, "a request without content passed"))
        })?;
        Ok(Self {
            content,
            content_type: content_type.unwrap_or_else(|| field.content_type().to_owned()),
            given_url: entry.as_ref().map(|entry| entry.given().to_owned()),
            url: entry.map(|entry| entry.url),
            params,
            custom_id,
            metadata,
        })
    }
}

/// The field that the content came in.
#[derive(Debug, Clone, Copy)]
enum ContentField {
    Html,
    Text,
}

impl ContentField {
    fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html",
            Self::Text => "text/plain",
        }
    }
}

fn read_content(fields: &mut Fields<'_>) -> Option<(ContentField, String)> {
    let (html, text) = (fields.take("html"), fields.take("text"));
    let (name, field, value) = match (html, text) {
        (Some(value), None) => ("html", ContentField::Html, value),
        (None, Some(value)) => ("text", ContentField::Text, value),
        (Some(_), Some(_)) => {
            fields.fault("text", "exactly one of `html` and `text` is wanted, not both");
            return None;
        }
        (None, None) => {
            let fault = FieldError::new("", "`html` or `text` is required: the page to read");
            fields.faults().add(fault.pointer, fault.detail);
            return None;
        }
    };
    match value {
        Value::String(content) => Some((field, content)),
        other => {
            fields.fault(name, format!("must be a string, not {}", brief(&other)));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(body: Value) -> (String, Vec<String>) {
        let problem = ParseRequest::parse(body).expect_err("refused");
        (problem.code, problem.errors.into_iter().map(|error| error.pointer).collect())
    }

    #[test]
    fn the_field_says_what_the_content_is_unless_the_request_does() {
        let read = |body| ParseRequest::parse(body).expect("valid");
        assert_eq!(read(json!({"html": "<p>a"})).content_type, "text/html");
        assert_eq!(read(json!({"text": "a"})).content_type, "text/plain");
        let feed =
            read(json!({"text": "<rss/>", "content_type": "application/rss+xml", "url": "http://a.example"}));
        assert_eq!(feed.content_type, "application/rss+xml");
        assert_eq!(feed.given_url.as_deref(), Some("http://a.example"));
        assert_eq!(feed.url.map(|url| url.as_str().to_owned()).as_deref(), Some("http://a.example/"));
    }

    #[test]
    fn exactly_one_content_is_wanted_and_nothing_of_a_fetch() {
        let invalid = |pointers: &[&str]| {
            ("validation_failed".to_owned(), pointers.iter().map(|pointer| (*pointer).to_owned()).collect())
        };
        assert_eq!(refusal(json!({})), invalid(&[""]));
        assert_eq!(refusal(json!({"html": "a", "text": "b"})), invalid(&["/text"]));
        assert_eq!(refusal(json!({"html": 1})), invalid(&["/html"]));
        assert_eq!(
            refusal(json!({"html": "a", "timeout_ms": 5_000, "headers": {}})),
            invalid(&["/headers", "/timeout_ms"])
        );
        assert_eq!(
            refusal(json!({"html": "a", "url": "ftp://a/"})),
            ("invalid_url".to_owned(), vec!["/url".to_owned()])
        );
        assert_eq!(refusal(json!({"text": "a", "content_type": "html"})), invalid(&["/content_type"]));
    }
}
