//! Reading JSON objects of a request, field by field, so that a fault names its place by JSON pointer (RFC 6901) and a
//! field nobody knows is refused instead of passing in silence.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One fault of a request, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// JSON pointer to the fault; empty for the document itself.
    pub pointer: String,
    /// What is wrong, and what would be right.
    pub detail: String,
}

impl FieldError {
    /// A fault at a pointer.
    #[must_use]
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() {
            f.write_str(&self.detail)
        } else {
            write!(f, "{}: {}", self.pointer, self.detail)
        }
    }
}

/// One more step of a JSON pointer, escaped as RFC 6901 section 3 says.
#[must_use]
pub fn pointer_step(base: &str, step: &str) -> String {
    format!("{base}/{}", step.replace('~', "~0").replace('/', "~1"))
}

/// The most faults that are collected of one request; the rest would only be noise.
const FAULTS_MAX: usize = 100;

/// The faults of one request, in the order they are met.
#[derive(Debug, Default)]
pub struct Faults(Vec<FieldError>);

impl Faults {
    /// Notes a fault, up to a bound.
    pub fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        if self.0.len() < FAULTS_MAX {
            self.0.push(FieldError::new(pointer, detail));
        }
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The faults found.
    #[must_use]
    pub fn into_vec(self) -> Vec<FieldError> {
        self.0
    }
}

/// An object being read: each `take` removes a field, and what is left at the end is unknown.
pub struct Fields<'f> {
    map: Map<String, Value>,
    pointer: String,
    faults: &'f mut Faults,
}

impl<'f> Fields<'f> {
    /// Starts to read the object that stands at the pointer.
    #[must_use]
    pub fn new(map: Map<String, Value>, pointer: impl Into<String>, faults: &'f mut Faults) -> Self {
        Self { map, pointer: pointer.into(), faults }
    }

    /// Takes a field out; `null` counts as absent.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    /// Takes whichever of the field's names is present; two of them at once are a fault.
    pub fn take_any(&mut self, names: &[&'static str]) -> Option<(&'static str, Value)> {
        let mut found: Option<(&'static str, Value)> = None;
        for name in names {
            if let Some(value) = self.take(name) {
                if let Some((first, _)) = &found {
                    let detail = format!("`{name}` and `{first}` mean the same; send one of them");
                    self.fault(name, detail);
                } else {
                    found = Some((name, value));
                }
            }
        }
        found
    }

    /// Takes a field that `read` turns into a value, or faults with `expected`.
    pub fn take_with<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(name)?;
        let read = read(&value);
        if read.is_none() {
            self.fault(name, format!("must be {expected}, not {}", brief(&value)));
        }
        read
    }

    /// Notes a fault of one of the object's fields.
    pub fn fault(&mut self, name: &str, detail: impl Into<String>) {
        let pointer = pointer_step(&self.pointer, name);
        self.faults.add(pointer, detail);
    }

    /// The pointer to one of the object's fields.
    #[must_use]
    pub fn pointer_to(&self, name: &str) -> String {
        pointer_step(&self.pointer, name)
    }

    /// Where faults of nested values go.
    pub fn faults(&mut self) -> &mut Faults {
        self.faults
    }

    /// Ends the reading: whatever was not taken is unknown, and named.
    pub fn finish(self) {
        for name in self.map.keys() {
            self.faults.add(
                pointer_step(&self.pointer, name),
                format!("unknown field `{}`", name.chars().take(80).collect::<String>()),
            );
        }
    }
}

/// A value in a few characters, for messages.
#[must_use]
pub fn brief(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) if text.chars().count() <= 60 => format!("{text:?}"),
        Value::String(text) => format!("{:?}…", text.chars().take(60).collect::<String>()),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unknown_field_is_named_by_an_escaped_pointer() {
        let mut faults = Faults::default();
        let Value::Object(map) = json!({"a/b": 1, "known": 2}) else { unreachable!("an object literal") };
        let mut fields = Fields::new(map, "/urls/3", &mut faults);
        assert_eq!(fields.take("known"), Some(json!(2)));
        fields.finish();
        assert_eq!(faults.into_vec(), [FieldError::new("/urls/3/a~1b", "unknown field `a/b`")]);
    }
}
