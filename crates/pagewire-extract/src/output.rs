//! What the `data` of a page will hold, told before any page is read: tables have it as their columns.

use crate::plan::Plan;
use crate::sketch::{FieldType, Shape};

/// A field of `data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputField {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: OutputKind,
}

/// What values are. Any of them may be null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputKind {
    /// Text.
    Text,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Number,
    /// Truths.
    Boolean,
    /// Any number of values.
    List(Box<OutputKind>),
    /// An object with these fields.
    Object(Vec<OutputField>),
    /// Any JSON.
    Any,
}

impl Plan {
    /// The fields that were asked for, in the order of the request. None where nothing is to be extracted.
    #[must_use]
    pub fn output_fields(&self) -> Vec<OutputField> {
        self.shape().map_or_else(Vec::new, fields_of)
    }
}

pub(crate) fn fields_of(shape: &Shape) -> Vec<OutputField> {
    let kind_of = |field: &crate::sketch::Field| kind_of(&field.from);
    shape.fields.iter().map(|field| OutputField { name: field.name.clone(), kind: kind_of(field) }).collect()
}

pub(crate) fn kind_of(from: &FieldType) -> OutputKind {
    match from {
        FieldType::Text | FieldType::Enum(_) => OutputKind::Text,
        FieldType::Integer => OutputKind::Integer,
        FieldType::Number => OutputKind::Number,
        FieldType::Boolean => OutputKind::Boolean,
        FieldType::Record => OutputKind::Any,
        FieldType::Array(of) => OutputKind::List(Box::new(kind_of(of))),
        FieldType::Object(shape) => OutputKind::Object(fields_of(shape)),
        FieldType::Selector(selector) => selector.output_kind(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::PlanOptions;

    fn told(extract: serde_json::Value) -> String {
        let options = PlanOptions { extract: Some(extract), ..PlanOptions::default() };
        let fields = Plan::compile(&options).expect("a valid shape").output_fields();
        fields.iter().map(|field| format!("{} {:?}; ", field.name, field.kind)).collect()
    }

    #[test]
    fn fields_are_told_with_their_types_whatever_dialect_they_came_in() {
        assert_eq!(
            told(
                json!({"name": "string", "price": "number", "tags": "array of string", "size": "enum · s | m"})
            ),
            "name Text; price Number; tags List(Text); size Text; "
        );
        assert_eq!(
            told(json!({"all": {"css": "p", "all": true}, "n": {"css": "b", "type": "integer"}})),
            "all List(Text); n Integer; "
        );
        assert!(
            told(json!({"rows": {"css": "li", "all": true, "fields": {"a": "number"}}}))
                .starts_with("rows List(Object(")
        );
    }
}
