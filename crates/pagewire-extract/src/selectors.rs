//! Fields by CSS selector: `{"css": ".price", "type": "number"}`.

use dom_query::{Document, Matcher, NodeRef, Selection};
use pagewire_types::FieldError;
use pagewire_types::fields::{brief, pointer_step};
use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use crate::sketch::coerce;

/// Matches of one selector.
const MATCHES_MAX: usize = 1_000;
/// Characters of a selector.
const SELECTOR_CHARS_MAX: usize = 1_000;
const DEPTH_MAX: usize = 8;
/// Characters of a pattern, and bytes of what it compiles to. Matching is linear in the text whatever the pattern.
const PATTERN_CHARS_MAX: usize = 1_000;
const PATTERN_COMPILED_BYTES_MAX: usize = 256 * 1024;

/// The scalar that a match is turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scalar {
    Text,
    Integer,
    Number,
    Boolean,
}

/// A field that a selector fills.
#[derive(Clone)]
pub(crate) struct SelectorField {
    css: String,
    matcher: Matcher,
    attribute: Option<String>,
    /// What is taken of the text: the first group, or all that matches.
    pattern: Option<Regex>,
    all: bool,
    scalar: Scalar,
    fields: Vec<(String, SelectorField)>,
}

impl std::fmt::Debug for SelectorField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SelectorField").field("css", &self.css).finish_non_exhaustive()
    }
}

impl SelectorField {
    /// Whether an object of a sketch is a selector rather than nested fields: it has `css`, and that is a selector's
    /// text and not the name of a type.
    pub(crate) fn is_one(map: &Map<String, Value>) -> bool {
        map.get("css")
            .is_some_and(|css| !matches!(css.as_str(), Some("string" | "integer" | "number" | "boolean")))
    }

    pub(crate) fn parse(map: &Map<String, Value>, pointer: &str) -> Result<Self, Vec<FieldError>> {
        let mut faults = Vec::new();
        let field = read(map, pointer, 0, &mut faults);
        field.filter(|_| faults.is_empty()).ok_or(faults)
    }

    /// The selector's text, for the report.
    pub(crate) fn css(&self) -> &str {
        &self.css
    }

    /// What the field is on a page: `None` where nothing matches.
    pub(crate) fn fill(&self, document: &Document) -> Option<Value> {
        self.take(&document.select_matcher(&self.matcher))
    }

    fn take(&self, matches: &Selection<'_>) -> Option<Value> {
        if !self.all && self.fields.is_empty() {
            return matches.nodes().first().and_then(|node| self.value_of(node));
        }
        let values: Vec<Value> =
            matches.nodes().iter().take(MATCHES_MAX).filter_map(|node| self.value_of(node)).collect();
        (!values.is_empty()).then_some(Value::Array(values))
    }

    fn value_of(&self, node: &NodeRef<'_>) -> Option<Value> {
        if !self.fields.is_empty() {
            let within = Selection::from(*node);
            let fields: Map<String, Value> = self
                .fields
                .iter()
                .map(|(name, field)| {
                    let found = field.take(&within.select_matcher(&field.matcher));
                    (name.clone(), found.unwrap_or_default())
                })
                .collect();
            return Some(Value::Object(fields));
        }
        let text = match &self.attribute {
            Some(name) => node.attr(name)?.to_string(),
            None => node.text().to_string(),
        };
        let text = match &self.pattern {
            None => text,
            Some(pattern) => {
                let found = pattern.captures(&text)?;
                found.get(1).or_else(|| found.get(0))?.as_str().to_owned()
            }
        };
        let text = Value::String(text);
        match self.scalar {
            Scalar::Text => coerce::text(&text).map(Value::String),
            Scalar::Integer => coerce::integer(&text).map(Value::Number),
            Scalar::Number => coerce::number(&text).map(Value::Number),
            Scalar::Boolean => coerce::boolean(&text).map(Value::Bool),
        }
    }
}

fn read(
    map: &Map<String, Value>,
    pointer: &str,
    depth: usize,
    faults: &mut Vec<FieldError>,
) -> Option<SelectorField> {
    let mut fault =
        |name: &str, detail: String| faults.push(FieldError::new(pointer_step(pointer, name), detail));
    let css = map.get("css").and_then(Value::as_str).filter(|css| css.chars().count() <= SELECTOR_CHARS_MAX);
    let matcher = css.and_then(|css| Matcher::new(css).ok());
    if matcher.is_none() {
        fault("css", format!("must be a CSS selector of at most {SELECTOR_CHARS_MAX} characters"));
    }
    let scalar = match map.get("type") {
        None => Scalar::Text,
        Some(value) => match value.as_str() {
            Some("string") => Scalar::Text,
            Some("integer") => Scalar::Integer,
            Some("number") => Scalar::Number,
            Some("boolean") => Scalar::Boolean,
            _ => {
                fault("type", format!("must be string, integer, number or boolean, not {}", brief(value)));
                Scalar::Text
            }
        },
    };
    let attribute = map.get("attr").map(|value| value.as_str().map(str::to_owned));
    if attribute == Some(None) {
        fault("attr", "must be the name of an attribute".to_owned());
    }
    let all = map.get("all").map_or(Some(false), Value::as_bool);
    if all.is_none() {
        fault("all", "must be true or false".to_owned());
    }
    let pattern = map.get("regex").map(|value| value.as_str().and_then(compiled));
    if matches!(pattern, Some(None)) {
        fault("regex", format!("must be a regular expression of at most {PATTERN_CHARS_MAX} characters"));
    }
    for name in map
        .keys()
        .filter(|name| !matches!(name.as_str(), "css" | "type" | "attr" | "regex" | "all" | "fields"))
    {
        fault(
            name,
            format!(
                "unknown field `{}`; a selector has css, attr, regex, all, type, fields",
                name.chars().take(80).collect::<String>()
            ),
        );
    }
    let fields = match map.get("fields") {
        None => Vec::new(),
        Some(Value::Object(inner)) if depth < DEPTH_MAX => {
            let at = pointer_step(pointer, "fields");
            inner
                .iter()
                .filter_map(|(name, value)| {
                    let at = pointer_step(&at, name);
                    let Value::Object(inner) = value else {
                        faults.push(FieldError::new(at, "must be a selector: an object with `css`"));
                        return None;
                    };
                    Some((name.clone(), read(inner, &at, depth + 1, faults)?))
                })
                .collect()
        }
        Some(_) => {
            fault("fields", format!("must be an object of selectors, nested at most {DEPTH_MAX} deep"));
            Vec::new()
        }
    };
    Some(SelectorField {
        css: css?.to_owned(),
        matcher: matcher?,
        attribute: attribute.flatten(),
        pattern: pattern.flatten(),
        all: all.unwrap_or(false),
        scalar,
        fields,
    })
}

fn compiled(pattern: &str) -> Option<Regex> {
    let fits = pattern.chars().count() <= PATTERN_CHARS_MAX;
    fits.then(|| RegexBuilder::new(pattern).size_limit(PATTERN_COMPILED_BYTES_MAX).build().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(selector: Value) -> Option<Value> {
        let document = Document::from(
            "<h1> A  b </h1><div class=row><a href=/1>One</a><i>1,5</i></div><div class=row><a href=/2>Two</a></div>",
        );
        let Value::Object(map) = selector else { panic!("an object") };
        SelectorField::parse(&map, "/extract/x").expect("valid").fill(&document)
    }

    #[test]
    fn a_selector_gives_text_attributes_numbers_lists_and_rows() {
        assert_eq!(filled(json!({"css": "h1"})), Some(json!("A b")));
        assert_eq!(filled(json!({"css": "a", "attr": "href"})), Some(json!("/1")));
        assert_eq!(filled(json!({"css": "i", "type": "number"})), Some(json!(1.5)));
        assert_eq!(filled(json!({"css": "a", "all": true})), Some(json!(["One", "Two"])));
        assert_eq!(filled(json!({"css": "b"})), None);
        assert_eq!(filled(json!({"css": "h1", "regex": "A\\s+(.)"})), Some(json!("b")));
        assert_eq!(
            filled(json!({"css": "a", "attr": "href", "regex": "\\d", "type": "integer"})),
            Some(json!(1))
        );
        assert_eq!(filled(json!({"css": "h1", "regex": "c"})), None);
        assert_eq!(
            filled(
                json!({"css": ".row", "fields": {"t": {"css": "a"}, "n": {"css": "i", "type": "number"}}})
            ),
            Some(json!([{"t": "One", "n": 1.5}, {"t": "Two", "n": null}]))
        );
    }

    #[test]
    fn a_broken_pattern_is_told_by_its_pointer() {
        for pattern in [json!("("), json!(1), json!("(a{1000}){1000}")] {
            let selector = json!({"css": "h1", "regex": pattern});
            let Value::Object(map) = selector else { panic!("an object") };
            let faults = SelectorField::parse(&map, "/extract/x").expect_err("refused");
            assert_eq!(faults[0].pointer, "/extract/x/regex");
        }
    }
}
