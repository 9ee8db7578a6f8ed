//! Reading a selector out of a request, with every fault told by its pointer.

use crate::dom::Matcher;
use pagewire_types::fields::{brief, pointer_step};
use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use super::xpath::XPath;
use super::{Each, Finder, SelectorField};
use crate::sketch::FieldType;
use crate::sketch::parse::{Reader, is_type, named_type};

/// Characters of a CSS selector.
const SELECTOR_CHARS_MAX: usize = 1_000;
/// Characters of a pattern, and bytes of what it compiles to. Matching is linear in the text whatever the pattern.
const PATTERN_CHARS_MAX: usize = 1_000;
const PATTERN_COMPILED_BYTES_MAX: usize = 256 * 1024;
const MEMBERS: [&str; 7] = ["css", "xpath", "attr", "regex", "all", "type", "fields"];

impl SelectorField {
    /// Whether an object of a sketch is a selector rather than nested fields: it has `css` or `xpath`, and that is a
    /// selector's text and neither the name of a type nor nested fields.
    pub(crate) fn is_one(map: &Map<String, Value>) -> bool {
        ["css", "xpath"].iter().filter_map(|name| map.get(*name)).any(|value| match value {
            Value::String(text) => !is_type(text),
            Value::Object(_) | Value::Array(_) => false,
            Value::Null | Value::Bool(_) | Value::Number(_) => true,
        })
    }

    /// Reads one; `None` and faults where it is broken.
    pub(crate) fn read(
        map: &Map<String, Value>,
        pointer: &str,
        depth: usize,
        reader: &mut Reader,
    ) -> Option<Self> {
        let at = |name: &str| pointer_step(pointer, name);
        let finder = finder(map, pointer, reader);
        let attribute = optional(map, "attr", &at, reader, "must be the name of an attribute", |value| {
            value.as_str().map(str::to_owned)
        });
        let all = optional(map, "all", &at, reader, "must be true or false", Value::as_bool);
        let told = format!("must be a regular expression of at most {PATTERN_CHARS_MAX} characters");
        let pattern = optional(map, "regex", &at, reader, &told, |value| value.as_str().and_then(compiled));
        for name in map.keys().filter(|name| !MEMBERS.contains(&name.as_str())) {
            let name: String = name.chars().take(80).collect();
            let known = MEMBERS.join(", ");
            reader.fault(at(&name), format!("unknown field `{name}`; a selector has {known}"));
        }
        let (of, is_list) = value_type(map, pointer, reader)?;
        let each = match map.get("fields") {
            None => Some(Each::Value(of)),
            Some(Value::Object(fields)) => reader.shape(fields, &at("fields"), depth).map(Each::Row),
            Some(other) => {
                reader.fault(at("fields"), format!("must be an object of fields, not {}", brief(other)));
                None
            }
        };
        let is_list = is_list || matches!(each, Some(Each::Row(_)));
        Some(Self {
            finder: finder?,
            attribute: attribute?,
            pattern: pattern?,
            all: all?.unwrap_or(is_list),
            each: each?,
        })
    }
}

fn finder(map: &Map<String, Value>, pointer: &str, reader: &mut Reader) -> Option<Finder> {
    if let (Some(_), Some(_)) = (map.get("css"), map.get("xpath")) {
        reader.fault(pointer_step(pointer, "xpath"), "a selector has `css` or `xpath`, not both");
        return None;
    }
    let (name, found) = match (map.get("css"), map.get("xpath")) {
        (Some(css), _) => ("css", css_finder(css)),
        (None, Some(xpath)) => ("xpath", xpath_finder(xpath)),
        (None, None) => ("css", Err("is missing".to_owned())),
    };
    found.map_err(|detail| reader.fault(pointer_step(pointer, name), detail)).ok()
}

fn css_finder(value: &Value) -> Result<Finder, String> {
    let text = value.as_str().filter(|text| text.chars().count() <= SELECTOR_CHARS_MAX);
    let read =
        text.and_then(|text| Some(Finder::Css { text: text.to_owned(), matcher: Matcher::new(text).ok()? }));
    read.ok_or_else(|| format!("must be a CSS selector of at most {SELECTOR_CHARS_MAX} characters"))
}

fn xpath_finder(value: &Value) -> Result<Finder, String> {
    let text = value.as_str().ok_or_else(|| "must be an XPath 1.0 expression".to_owned())?;
    XPath::parse(text).map(Finder::XPath).map_err(|detail| format!("as an XPath 1.0 expression: {detail}"))
}

/// The type of one match, and whether a list was asked for.
fn value_type(map: &Map<String, Value>, pointer: &str, reader: &mut Reader) -> Option<(FieldType, bool)> {
    let Some(value) = map.get("type") else { return Some((FieldType::Text, false)) };
    let read = value.as_str().map(|text| named_type(text, 0));
    let (of, is_list) = match read {
        Some(Ok(FieldType::Array(of))) => (*of, true),
        Some(Ok(of)) => (of, false),
        Some(Err(_)) | None => (FieldType::Record, false),
    };
    match of {
        FieldType::Text
        | FieldType::Integer
        | FieldType::Number
        | FieldType::Boolean
        | FieldType::Enum(_) => Some((of, is_list)),
        FieldType::Record | FieldType::Array(_) | FieldType::Object(_) | FieldType::Selector(_) => {
            let told = format!(
                "must be string, integer, number, boolean, enum · a | b, or an array of one of them, not {}",
                brief(value)
            );
            reader.fault(pointer_step(pointer, "type"), told);
            None
        }
    }
}

/// A member that need not be there: `None` with a fault where it is there and wrong.
fn optional<T>(
    map: &Map<String, Value>,
    name: &str,
    at: &dyn Fn(&str) -> String,
    reader: &mut Reader,
    told: &str,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Option<Option<T>> {
    let Some(value) = map.get(name) else { return Some(None) };
    let read = read(value);
    if read.is_none() {
        reader.fault(at(name), told);
    }
    read.map(Some)
}

fn compiled(pattern: &str) -> Option<Regex> {
    let fits = pattern.chars().count() <= PATTERN_CHARS_MAX;
    fits.then(|| RegexBuilder::new(pattern).size_limit(PATTERN_COMPILED_BYTES_MAX).build().ok()).flatten()
}
