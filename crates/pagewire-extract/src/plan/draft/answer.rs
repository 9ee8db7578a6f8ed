//! Answers held against the shape that was asked for.

use serde_json::{Map, Value, json};

use crate::sketch::coerce::scalar;
use crate::sketch::{FieldType, Shape};

/// Items of a list.
const ITEMS_MAX: usize = 1_000;
/// Bytes of one text.
const TEXT_BYTES_MAX: usize = 256 * 1024;

pub(super) fn is_open(of: &FieldType) -> bool {
    !matches!(of, FieldType::Selector(_))
}

/// The shape as JSON Schema, each value of which may be null.
pub(super) fn schema_of(shape: &Shape) -> Value {
    let fields = shape.fields.iter().filter(|field| is_open(&field.from));
    let properties: Map<String, Value> = fields
        .map(|field| {
            let mut of = schema_of_type(&field.from);
            if let (Value::Object(map), false) = (&mut of, field.hint.is_empty()) {
                map.insert("description".to_owned(), field.hint.join(" ").into());
            }
            (field.name.clone(), of)
        })
        .collect();
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn schema_of_type(of: &FieldType) -> Value {
    match of {
        FieldType::Text => json!({"type": ["string", "null"]}),
        FieldType::Integer => json!({"type": ["integer", "null"]}),
        FieldType::Number => json!({"type": ["number", "null"]}),
        FieldType::Boolean => json!({"type": ["boolean", "null"]}),
        FieldType::Enum(choices) => json!({"enum": choices}),
        FieldType::Record => json!({"type": ["object", "null"]}),
        FieldType::Array(item) => json!({"type": "array", "items": schema_of_type(item)}),
        FieldType::Object(shape) => schema_of(shape),
        FieldType::Selector(_) => Value::Null,
    }
}

/// The answer's value as the type that was asked for, or none. It goes no deeper than the shape does.
pub(super) fn fit(value: &Value, wanted: &FieldType) -> Option<Value> {
    match wanted {
        FieldType::Text => match value {
            Value::String(text) => {
                let text = text.trim();
                (!text.is_empty() && text.len() <= TEXT_BYTES_MAX).then(|| text.into())
            }
            Value::Number(_) | Value::Bool(_) => Some(value.to_string().into()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        },
        FieldType::Integer | FieldType::Number | FieldType::Boolean | FieldType::Enum(_) => {
            scalar(value, wanted)
        }
        FieldType::Record => value.as_object().filter(|map| !map.is_empty()).map(|_| value.clone()),
        FieldType::Array(item) => {
            let items = value.as_array()?.iter().take(ITEMS_MAX);
            let items: Vec<Value> = items.filter_map(|value| fit(value, item)).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        FieldType::Object(shape) => {
            let map = value.as_object()?;
            let fields: Map<String, Value> = shape
                .fields
                .iter()
                .map(|field| {
                    let told = map.get(&field.name).and_then(|value| fit(value, &field.from));
                    (field.name.clone(), told.unwrap_or_default())
                })
                .collect();
            fields.values().any(|value| !value.is_null()).then_some(Value::Object(fields))
        }
        FieldType::Selector(_) => None,
    }
}

/// The page's text, to look up in it what an answer says.
pub(super) struct Haystack {
    words: String,
    digits: String,
}

impl Haystack {
    pub(super) fn of(text: &str) -> Self {
        Self { words: plain(text), digits: text.chars().filter(char::is_ascii_digit).collect() }
    }

    /// Whether all of a value stands in the page. What can be said in many words, as truth can, is not looked up.
    pub(super) fn confirms(&self, value: &Value) -> bool {
        match value {
            Value::Null | Value::Bool(_) => true,
            Value::String(text) => self.words.contains(&plain(text)),
            Value::Number(number) => {
                let number = number.to_string();
                let digits = number.strip_suffix(".0").unwrap_or(&number);
                let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
                self.digits.contains(&digits)
            }
            Value::Array(items) => items.iter().all(|item| self.confirms(item)),
            Value::Object(map) => map.values().all(|value| self.confirms(value)),
        }
    }
}

/// Letters and digits in lower case: marks of Markdown and white space do not count.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
