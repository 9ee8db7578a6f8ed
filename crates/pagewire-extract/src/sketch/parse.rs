//! The dialect of `extract`, read into a [`Shape`]. Which of its forms a value is in is told here, without a flag:
//!
//! | form | told by |
//! |---|---|
//! | selector | an object with `css` or `xpath` that holds a selector and not a type ([`SelectorField::is_one`]) |
//! | sketch | everything else: an object of fields |
//!
//! A sketch's type is a text, `TYPE` or `TYPE · hint` or `TYPE - hint`, where `TYPE` is
//!
//! ```text
//! string | integer | number | boolean | object | enum · a | b | c | array of TYPE | nullable TYPE
//! ```
//!
//! or an object of fields, or an array of one type. A field that is not found is `null` whether `nullable` or not.

use pagewire_types::FieldError;
use pagewire_types::fields::{brief, pointer_step};
use serde_json::{Map, Value};

use super::shape::{DEPTH_MAX, FIELDS_MAX, Field, FieldType, Shape};
use crate::selectors::SelectorField;

/// Words of an `enum`, and characters of one.
const CHOICES_MAX: usize = 200;
const CHOICE_CHARS_MAX: usize = 200;
/// Characters of a type with its hint.
const TYPE_CHARS_MAX: usize = 4_000;
/// Faults that are told.
const FAULTS_MAX: usize = 100;
const TYPES: &str =
    "string, integer, number, boolean, object, enum · a | b, array of T, nullable T, an object, [T]";

impl Shape {
    /// Reads an `extract`.
    pub(crate) fn parse(value: &Value, pointer: &str) -> Result<Self, Vec<FieldError>> {
        let mut reader = Reader::default();
        let shape = match value {
            Value::Object(map) => reader.shape(map, pointer, 0),
            other => {
                reader.fault(pointer, format!("must be an object of fields, not {}", brief(other)));
                None
            }
        };
        shape.filter(|_| reader.faults.is_empty()).ok_or(reader.faults)
    }
}

/// Reads one request's shape; counts what it has read.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    faults: Vec<FieldError>,
    fields: usize,
}

impl Reader {
    #[cfg(test)]
    pub(crate) fn faults(&self) -> &[FieldError] {
        &self.faults
    }

    pub(crate) fn fault(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(FieldError::new(pointer, detail));
        }
    }

    /// The fields of an object; `None` and a fault where they are none.
    pub(crate) fn shape(&mut self, map: &Map<String, Value>, pointer: &str, depth: usize) -> Option<Shape> {
        if map.is_empty() {
            self.fault(pointer, "must have at least one field");
            return None;
        }
        if !self.is_within_bounds(map.len(), pointer, depth) {
            return None;
        }
        let mut fields = Vec::with_capacity(map.len());
        for (name, value) in map {
            let at = pointer_step(pointer, name);
            let hint = value.as_str().and_then(|text| split_hint(text).1).unwrap_or_default();
            if let Some(from) = self.field_type(value, &at, depth) {
                let hint = if matches!(from, FieldType::Enum(_)) { "" } else { hint };
                fields.push(Field::new(name, hint, from));
            }
        }
        Some(Shape::new(fields))
    }

    fn is_within_bounds(&mut self, more: usize, pointer: &str, depth: usize) -> bool {
        self.fields += more;
        let detail = if depth >= DEPTH_MAX {
            format!("must nest at most {DEPTH_MAX} deep")
        } else if self.fields > FIELDS_MAX {
            format!("must have at most {FIELDS_MAX} fields in all")
        } else {
            return true;
        };
        // One fault is enough for what is far too much.
        if !self.faults.iter().any(|fault| fault.detail == detail) {
            self.fault(pointer, detail);
        }
        false
    }

    fn field_type(&mut self, value: &Value, pointer: &str, depth: usize) -> Option<FieldType> {
        match value {
            Value::String(text) => match named_type(text, depth) {
                Ok(read) => Some(read),
                Err(detail) => {
                    self.fault(pointer, format!("{} {detail}", brief(value)));
                    None
                }
            },
            Value::Object(map) if SelectorField::is_one(map) => {
                SelectorField::read(map, pointer, depth + 1, self)
                    .map(|field| FieldType::Selector(Box::new(field)))
            }
            Value::Object(map) => self.shape(map, pointer, depth + 1).map(FieldType::Object),
            Value::Array(items) => match items.as_slice() {
                [of] if self.is_within_bounds(0, pointer, depth) => {
                    let of = self.field_type(of, &format!("{pointer}/0"), depth + 1)?;
                    Some(FieldType::Array(Box::new(of)))
                }
                [_] => None,
                _ => {
                    self.fault(pointer, "an array must hold one type: that of its items");
                    None
                }
            },
            other => {
                self.fault(pointer, format!("must be one of {TYPES}, or a selector, not {}", brief(other)));
                None
            }
        }
    }
}

/// Type and hint: what stands before and after the first of the marks that part them. No type's name has one.
fn split_hint(text: &str) -> (&str, Option<&str>) {
    match text.split_once(['·', '-', '–', '—']) {
        Some((name, hint)) => (name.trim(), Some(hint.trim())),
        None => (text.trim(), None),
    }
}

/// Whether a text tells a type rather than anything else.
pub(crate) fn is_type(text: &str) -> bool {
    named_type(text, 0).is_ok()
}

/// The type that a text names, or what is wrong with it.
pub(crate) fn named_type(text: &str, depth: usize) -> Result<FieldType, String> {
    if text.chars().count() > TYPE_CHARS_MAX {
        return Err(format!("is longer than {TYPE_CHARS_MAX} characters"));
    }
    let (mut name, hint) = split_hint(text);
    let mut arrays = 0;
    loop {
        if let Some(of) = name.strip_prefix("array of ") {
            arrays += 1;
            name = of.trim_start();
        } else if let Some(of) = name.strip_prefix("nullable ") {
            name = of.trim_start();
        } else {
            break;
        }
    }
    if depth + arrays > DEPTH_MAX {
        return Err(format!("nests more than {DEPTH_MAX} deep"));
    }
    let of = match name {
        "string" => FieldType::Text,
        "integer" => FieldType::Integer,
        "number" => FieldType::Number,
        "boolean" => FieldType::Boolean,
        "object" => FieldType::Record,
        "enum" => FieldType::Enum(choices(hint)?),
        _ => return Err(format!("is not a type; the types are {TYPES}")),
    };
    Ok((0..arrays).fold(of, |of, _| FieldType::Array(Box::new(of))))
}

fn choices(listed: Option<&str>) -> Result<Vec<String>, String> {
    let choices: Vec<String> =
        listed.unwrap_or_default().split('|').map(|choice| choice.trim().to_owned()).collect();
    let bounds = choices.len() <= CHOICES_MAX
        && choices.iter().all(|choice| !choice.is_empty() && choice.chars().count() <= CHOICE_CHARS_MAX);
    if !bounds {
        return Err(format!(
            "must list from 1 to {CHOICES_MAX} words of at most {CHOICE_CHARS_MAX} characters: `enum · a | b | c`"
        ));
    }
    Ok(choices)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Shape {
        Shape::parse(value, "/extract").expect("a good shape")
    }

    fn pointers(value: &Value) -> Vec<String> {
        let faults = Shape::parse(value, "/extract").expect_err("broken");
        faults.into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn every_type_is_read() {
        let shape = read(&json!({
            "a": "string", "b": "integer · whole", "c": "number - in euros", "d": "boolean", "e": "array of string",
            "f": {"g": "nullable number"}, "h": "enum · in-stock | sold out", "i": [{"j": "string"}],
            "k": "nullable array of integer", "l": "object", "m": ["string – hint"], "n": {"css": "h1"},
            "o": {"xpath": "//h1"}, "p": {"css": "string"}, "q": "array of enum - x | y",
        }));
        let told: Vec<String> = shape.fields.iter().map(|field| format!("{:?}", field.from)).collect();
        assert_eq!(told[..5], ["Text", "Integer", "Number", "Boolean", "Array(Text)"]);
        assert!(matches!(&shape.fields[5].from, FieldType::Object(of) if of.fields.len() == 1));
        assert_eq!(told[6], r#"Enum(["in-stock", "sold out"])"#);
        assert!(
            matches!(&shape.fields[7].from, FieldType::Array(of) if matches!(**of, FieldType::Object(_)))
        );
        assert_eq!(told[8..11], ["Array(Integer)", "Record", "Array(Text)"]);
        assert!(matches!(&shape.fields[11].from, FieldType::Selector(_)));
        assert!(matches!(&shape.fields[12].from, FieldType::Selector(_)));
        assert!(matches!(&shape.fields[13].from, FieldType::Object(_)), "a field that is called css");
        assert_eq!(told[14], r#"Array(Enum(["x", "y"]))"#);
        assert_eq!(shape.fields[2].hint, ["in", "euros"]);
        assert!(shape.has_selectors());
    }

    #[test]
    fn a_broken_shape_is_told_by_its_pointer() {
        for (broken, expected) in [
            (
                json!({"a": "strnig", "b": 1, "c": {"d": []}}),
                vec!["/extract/a", "/extract/b", "/extract/c/d"],
            ),
            (json!({"a/b": [{"c~": null}]}), vec!["/extract/a~1b/0/c~0"]),
            (json!({"a": ["string", "string"]}), vec!["/extract/a"]),
            (json!({"a": {}}), vec!["/extract/a"]),
            (json!({"a": "enum"}), vec!["/extract/a"]),
            (json!({"a": "enum · x || y"}), vec!["/extract/a"]),
            (json!({"a": "array of"}), vec!["/extract/a"]),
            (json!({"a": ""}), vec!["/extract/a"]),
            (json!({"a": {"css": "h1[", "type": "nmber"}}), vec!["/extract/a/css", "/extract/a/type"]),
            (json!({"a": {"xpath": "//h1["}}), vec!["/extract/a/xpath"]),
            (json!({"a": {"css": ".r", "fields": {"b": {"css": 1}}}}), vec!["/extract/a/fields/b/css"]),
            (json!({}), vec!["/extract"]),
            (json!("string"), vec!["/extract"]),
            (json!([{"a": "string"}]), vec!["/extract"]),
        ] {
            assert_eq!(pointers(&broken), expected, "{broken}");
        }
    }

    #[test]
    fn depth_and_number_of_fields_are_bounded() {
        let nested = |depth: usize| (1..depth).fold(json!({"a": "string"}), |of, _| json!({"a": of}));
        read(&nested(DEPTH_MAX));
        assert_eq!(pointers(&nested(DEPTH_MAX + 1)), [format!("/extract{}", "/a".repeat(DEPTH_MAX))]);
        let arrays = (0..40).fold(json!("string"), |of, _| json!([of]));
        assert_eq!(pointers(&json!({"a": arrays})).len(), 1);
        assert_eq!(pointers(&json!({"a": "array of ".repeat(40) + "string"})), ["/extract/a"]);
        let wide =
            |fields: usize| (0..fields).map(|at| (format!("f{at}"), json!("string"))).collect::<Value>();
        read(&wide(FIELDS_MAX));
        assert_eq!(pointers(&wide(FIELDS_MAX + 1)), ["/extract"]);
        assert_eq!(pointers(&json!({"a": wide(300), "b": wide(300), "c": wide(300)})), ["/extract/b"]);
    }
}
