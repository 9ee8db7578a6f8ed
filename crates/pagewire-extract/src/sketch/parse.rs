//! The dialect of `extract`: a sketch of fields and types, of which any field may be a selector instead.
//!
//! A type is `string`, `integer`, `number`, `boolean`, `array of T`, or an object of fields; after ` · ` or ` - ` a hint
//! may follow.

use pagewire_types::FieldError;
use pagewire_types::fields::{brief, pointer_step};
use serde_json::{Map, Value};

use crate::selectors::SelectorField;

/// Fields of one object, and how deep objects nest.
const FIELDS_MAX: usize = 200;
const DEPTH_MAX: usize = 8;

/// The fields of an object, in the caller's order.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) fields: Vec<Field>,
}

/// One field.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// What it may be known by: its name in normalised words, and its hint.
    pub(crate) words: Vec<String>,
    pub(crate) from: FieldType,
}

/// Where a field's value comes from, and what it is.
#[derive(Debug, Clone)]
pub(crate) enum FieldType {
    Text,
    Integer,
    Number,
    Boolean,
    Array(Box<FieldType>),
    Object(Shape),
    Selector(SelectorField),
}

impl Shape {
    /// Reads an `extract` object.
    pub(crate) fn parse(value: &Value, pointer: &str) -> Result<Self, Vec<FieldError>> {
        let mut faults = Vec::new();
        let shape = match value {
            Value::Object(map) => read_shape(map, pointer, 0, &mut faults),
            other => {
                faults.push(FieldError::new(
                    pointer,
                    format!("must be an object of fields, not {}", brief(other)),
                ));
                Self { fields: Vec::new() }
            }
        };
        if faults.is_empty() { Ok(shape) } else { Err(faults) }
    }

    /// Whether any field, at any depth, is a selector.
    pub(crate) fn has_selectors(&self) -> bool {
        self.fields.iter().any(|field| field.from.has_selectors())
    }
}

impl FieldType {
    fn has_selectors(&self) -> bool {
        match self {
            Self::Text | Self::Integer | Self::Number | Self::Boolean => false,
            Self::Array(of) => of.has_selectors(),
            Self::Object(shape) => shape.has_selectors(),
            Self::Selector(_) => true,
        }
    }
}

fn read_shape(map: &Map<String, Value>, pointer: &str, depth: usize, faults: &mut Vec<FieldError>) -> Shape {
    if map.is_empty() || map.len() > FIELDS_MAX || depth > DEPTH_MAX {
        faults.push(FieldError::new(
            pointer,
            format!("must have from 1 to {FIELDS_MAX} fields and nest at most {DEPTH_MAX} deep"),
        ));
        return Shape { fields: Vec::new() };
    }
    let mut fields = Vec::with_capacity(map.len());
    for (name, value) in map {
        let at = pointer_step(pointer, name);
        let hint = value.as_str().and_then(|text| split_hint(text).1).unwrap_or_default();
        if let Some(from) = read_type(value, &at, depth, faults) {
            let words = [name, hint].map(|text| tokens_of(text).join(" "));
            let words = words.into_iter().filter(|words| !words.is_empty()).collect();
            fields.push(Field { name: name.clone(), words, from });
        }
    }
    Shape { fields }
}

fn read_type(value: &Value, pointer: &str, depth: usize, faults: &mut Vec<FieldError>) -> Option<FieldType> {
    match value {
        Value::String(text) => {
            let read = named_type(split_hint(text).0.trim());
            if read.is_none() {
                faults.push(FieldError::new(
                    pointer,
                    format!(
                        "{} is not a type; the types are string, integer, number, boolean, array of T",
                        brief(value)
                    ),
                ));
            }
            read
        }
        Value::Object(map) if SelectorField::is_one(map) => match SelectorField::parse(map, pointer) {
            Ok(selector) => Some(FieldType::Selector(selector)),
            Err(found) => {
                faults.extend(found);
                None
            }
        },
        Value::Object(map) => Some(FieldType::Object(read_shape(map, pointer, depth + 1, faults))),
        Value::Array(items) if items.len() == 1 => {
            let of = read_type(&items[0], &format!("{pointer}/0"), depth + 1, faults)?;
            Some(FieldType::Array(Box::new(of)))
        }
        other => {
            faults.push(FieldError::new(
                pointer,
                format!(
                    "must be a type, a selector, an object or an array of one type, not {}",
                    brief(other)
                ),
            ));
            None
        }
    }
}

fn split_hint(text: &str) -> (&str, Option<&str>) {
    match text.split_once('·').or_else(|| text.split_once(" - ")) {
        Some((name, hint)) => (name, Some(hint)),
        None => (text, None),
    }
}

fn named_type(text: &str) -> Option<FieldType> {
    if let Some(of) = text.strip_prefix("array of ") {
        return named_type(of.trim()).map(|of| FieldType::Array(Box::new(of)));
    }
    match text {
        "string" | "nullable string" => Some(FieldType::Text),
        "integer" | "nullable integer" => Some(FieldType::Integer),
        "number" | "nullable number" => Some(FieldType::Number),
        "boolean" | "nullable boolean" => Some(FieldType::Boolean),
        _ => None,
    }
}

/// Words of a name, in lower case: `publishedAt`, `published_at` and `Published at` are the same.
pub(crate) fn tokens_of(name: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut previous_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() {
            previous_lower = false;
            tokens.push(String::new());
            continue;
        }
        if (c.is_uppercase() && previous_lower) || tokens.is_empty() {
            tokens.push(String::new());
        }
        previous_lower = c.is_lowercase() || c.is_numeric();
        if let Some(token) = tokens.last_mut() {
            token.extend(c.to_lowercase());
        }
    }
    tokens.retain(|token| !token.is_empty());
    tokens
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_in_every_case_are_the_same_words() {
        for name in ["publishedAt", "published_at", "Published at", "published-at"] {
            assert_eq!(tokens_of(name), ["published", "at"], "{name}");
        }
    }

    #[test]
    fn a_broken_shape_is_told_by_its_pointer() {
        let faults = |value: Value| -> Vec<String> {
            Shape::parse(&value, "/extract")
                .expect_err("broken")
                .into_iter()
                .map(|fault| fault.pointer)
                .collect()
        };
        assert_eq!(
            faults(json!({"a": "strnig", "b": 1, "c": {"d": []}})),
            ["/extract/a", "/extract/b", "/extract/c/d"]
        );
        assert_eq!(faults(json!({"a": {"css": "h1[", "type": "nmber"}})).len(), 2);
        assert_eq!(faults(json!({})), ["/extract"]);
        assert_eq!(faults(json!("string")), ["/extract"]);
    }
}
