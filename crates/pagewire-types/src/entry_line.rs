//! One entry of a list of URLs that comes as a line of its own, of which there may be a million.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::fields::FieldError;
use crate::request::{CUSTOM_ID_CHARS_MAX, METADATA_BYTES_MAX, Reading};
use crate::scrape::ScrapeParams;
use crate::target_url::TargetUrl;

/// Judges an entry in its text: a URL in quotes, or an object with `url` and overrides. Gives the overrides, if there
/// are any, for what else there is to judge of them.
pub fn check_entry(text: &str) -> Result<Option<Box<ScrapeParams>>, Vec<FieldError>> {
    if is_plain(text) {
        return Ok(None);
    }
    let item = serde_json::from_str(text)
        .map_err(|error| vec![FieldError::new("", format!("it is not JSON: {error}"))])?;
    let mut reading = Reading::default();
    let entry = reading.entry(item, "");
    reading.verdict().map_err(|problem| problem.errors)?;
    Ok(entry.and_then(|entry| entry.overrides))
}

/// Whether it is beyond doubt an entry without overrides, which most are: this looks at it without making anything of
/// it. What is not plain may still be right.
fn is_plain(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Plain<'a> {
        #[serde(borrow)]
        url: Text<'a>,
        #[serde(borrow, default)]
        custom_id: Option<Text<'a>>,
        #[serde(borrow, default)]
        metadata: Option<&'a RawValue>,
    }

    if text.starts_with('"') {
        return serde_json::from_str(text).is_ok_and(|Text(url)| TargetUrl::parse(&url).is_ok());
    }
    let Ok(Plain { url, custom_id, metadata }) = serde_json::from_str(text) else { return false };
    // No text has more characters than bytes, and none is shorter than when it is compact.
    custom_id.is_none_or(|Text(id)| id.len() <= CUSTOM_ID_CHARS_MAX)
        && metadata
            .is_none_or(|object| object.get().starts_with('{') && object.get().len() <= METADATA_BYTES_MAX)
        && TargetUrl::parse(&url.0).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn faults(entry: &Value) -> Vec<String> {
        let found = check_entry(&entry.to_string()).expect_err("refused");
        found.into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn entries_are_told_from_what_is_none() {
        for good in
            [json!("http://a/"), json!({"url": "http://a/", "custom_id": "7", "metadata": {"a": [1]}})]
        {
            assert_eq!(check_entry(&good.to_string()), Ok(None), "{good}");
        }
        let overrides =
            check_entry(r#"{"url":"http://a/","timeout_ms":2000}"#).expect("good").expect("overrides");
        assert!(overrides.timeout.is_some());
        assert_eq!(faults(&json!({"url": "http://a/", "colour": 1})), ["/colour"]);
        assert_eq!(faults(&json!({"url": "ftp://a/"})), ["/url"]);
        assert_eq!(faults(&json!({"custom_id": "a"})), ["/url"]);
        assert_eq!(faults(&json!(7)), [""]);
        assert!(check_entry("http://a/").expect_err("no JSON")[0].detail.starts_with("it is not JSON"));
        assert!(check_entry(&format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000))).is_err());
    }

    proptest! {
        #[test]
        fn what_is_plain_is_right_by_the_whole_reading_too(
            url in "(http://[a-z]{1,4}/|\\PC{0,6})", id in "\\PC{0,300}",
            metadata in prop::sample::select(vec!["{}", "[]", "{\"a\": \"b\"}", "null", "1"]),
        ) {
            for text in [
                json!(url).to_string(),
                format!("{{\"url\":{},\"custom_id\":{},\"metadata\":{metadata}}}", json!(url), json!(id)),
            ] {
                if is_plain(&text) {
                    let mut reading = Reading::default();
                    let _ = reading.entry(serde_json::from_str(&text).expect("JSON"), "");
                    prop_assert!(reading.verdict().is_ok(), "{text}");
                }
            }
        }
    }
}
