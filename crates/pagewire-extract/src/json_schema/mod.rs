//! `extract` as a JSON Schema (draft 2020-12, the usual subset).
//!
//! A schema says two things: what to look for, and what must hold of it. The first is brought down to a [`Shape`], which is
//! filled as any sketch is ([`lower`]); with `"strict": true` beside the schema's `type`, the second is held against what
//! was found ([`check`]), and data that does not satisfy it is no page but an error with the data in it.
//!
//! | what was not found | `strict` | otherwise |
//! |---|---|---|
//! | may be null | null | null |
//! | is required | null, and a fault | null |
//! | need not be there | left out | null |
//!
//! A `default` is never taken for something found. Schemas come from strangers: their number, depth, patterns and
//! recursion are bounded when they are read ([`read`], [`bottom`]), and so is the work of a check.

mod bottom;
mod check;
mod format;
mod lower;
mod node;
mod read;

use pagewire_types::FieldError;
use pagewire_types::fields::{Faults, brief};
use serde_json::{Map, Value};

use self::lower::Rule;
use self::node::Node;
use crate::error::Unsatisfied;
use crate::sketch::Shape;

/// A schema, read.
#[derive(Debug)]
pub(crate) struct JsonSchema {
    nodes: Vec<Node>,
    rule: Rule,
    is_strict: bool,
}

/// Keywords that no sketch has beside them unless it is a schema.
const SAYS_SO: [&str; 4] = ["$schema", "$ref", "$defs", "$id"];

impl JsonSchema {
    /// Whether an `extract` is a JSON Schema rather than a sketch: it says so by a keyword with `$`, has `properties` that
    /// are schemas, or lists schemas. A sketch may have fields of these names: their values are types then.
    pub(crate) fn is_one(extract: &Value) -> bool {
        let Value::Object(map) = extract else { return false };
        let is_schema = |value: &Value| value.is_object() || value.is_boolean();
        let says_so = SAYS_SO.iter().any(|name| match map.get(*name) {
            Some(Value::String(text)) => !crate::sketch::parse::is_type(text),
            Some(Value::Object(_)) => *name == "$defs",
            _ => false,
        });
        let is_typed = match map.get("type") {
            Some(Value::String(name)) => matches!(name.as_str(), "object" | "array"),
            Some(Value::Array(names)) => names.iter().any(|name| name == "object"),
            _ => false,
        };
        let has_schemas = |name: &str| {
            map.get(name).and_then(Value::as_object).is_some_and(|of| is_typed || of.values().all(is_schema))
        };
        let lists = ["allOf", "anyOf", "oneOf"]
            .iter()
            .any(|name| map.get(*name).and_then(Value::as_array).is_some_and(|of| of.len() != 1 || is_typed));
        says_so
            || lists
            || (has_schemas("properties") && (is_typed || map.keys().all(|name| is_keyword(name))))
            || (is_typed && map.get("items").is_some_and(is_schema))
            || (is_typed && map.get("required").is_some_and(Value::is_array))
    }

    /// Reads a schema into what is looked for and what must hold of it.
    pub(crate) fn read(extract: &Value, pointer: &str) -> Result<(Shape, Self), Vec<FieldError>> {
        let mut faults = Faults::default();
        let is_strict = match extract.get("strict") {
            None => false,
            Some(Value::Bool(is)) => *is,
            Some(other) => {
                faults
                    .add(format!("{pointer}/strict"), format!("must be true or false, not {}", brief(other)));
                false
            }
        };
        let nodes = read::Reader::nodes_of(extract, pointer, &mut faults);
        if faults.is_empty() {
            bottom::check(&nodes, &mut faults);
        }
        let lowered = if faults.is_empty() { lower::lower(&nodes, &mut faults) } else { None };
        match lowered {
            Some((shape, rule)) if faults.is_empty() => Ok((shape, Self { nodes, rule, is_strict })),
            _ => Err(faults.into_vec()),
        }
    }

    /// What was found, by name, brought under the schema's rules. A strict schema takes it or not.
    pub(crate) fn conclude(&self, found: Map<String, Value>) -> Result<Map<String, Value>, Unsatisfied> {
        let mut data = Value::Object(found);
        settle(&mut data, &self.rule, self.is_strict);
        let mut faults = if self.is_strict { check::faults_of(&self.nodes, &data) } else { Vec::new() };
        match data {
            Value::Object(found) if faults.is_empty() => Ok(found),
            data => {
                for fault in &mut faults {
                    fault.pointer.insert_str(0, "/data");
                }
                Err(Unsatisfied { faults, data })
            }
        }
    }
}

fn is_keyword(name: &str) -> bool {
    name.starts_with('$')
        || matches!(
            name,
            "properties"
                | "type"
                | "required"
                | "additionalProperties"
                | "title"
                | "description"
                | "strict"
                | "definitions"
                | "minProperties"
                | "maxProperties"
                | "patternProperties"
        )
}

/// Leaves out what need not be there and was not found, and spells dates as their format has it. The depth is that of the shape.
fn settle(value: &mut Value, rule: &Rule, is_strict: bool) {
    match value {
        Value::Object(map) => {
            for field in &rule.fields {
                match map.get_mut(&field.name) {
                    Some(Value::Null) if is_strict && field.is_left_out => {
                        drop(map.shift_remove(&field.name));
                    }
                    Some(inner) => settle(inner, &field.rule, is_strict),
                    None => {}
                }
            }
        }
        Value::Array(items) => {
            if let Some(rule) = &rule.items {
                items.iter_mut().for_each(|item| settle(item, rule, is_strict));
            }
        }
        Value::String(text) => {
            if let Some(spelled) = rule.format.and_then(|format| format.spelled(text)) {
                *text = spelled;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests;
