//! A schema as it was read: nodes in one list that know each other by their place in it, so that references may go round.

use std::collections::HashMap;

use regex::Regex;
use serde_json::{Number, Value};

use super::format::Format;

/// A node's place in the list.
pub(super) type NodeId = usize;

/// The types of JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Boolean,
    Integer,
    Number,
    Text,
    Array,
    Object,
}

impl Kind {
    pub(super) const ALL: [Self; 7] =
        [Self::Null, Self::Boolean, Self::Integer, Self::Number, Self::Text, Self::Array, Self::Object];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Text => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    pub(super) fn holds(self, value: &Value) -> bool {
        match self {
            Self::Null => value.is_null(),
            Self::Boolean => value.is_boolean(),
            // To JSON Schema 1.0 is an integer.
            Self::Integer => value.as_number().is_some_and(is_whole),
            Self::Number => value.is_number(),
            Self::Text => value.is_string(),
            Self::Array => value.is_array(),
            Self::Object => value.is_object(),
        }
    }
}

fn is_whole(number: &Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|float| float.fract() == 0.0)
}

/// From, to; what is not said is no bound.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bounds {
    pub(super) min: Option<u64>,
    pub(super) max: Option<u64>,
}

/// What a number must keep to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    pub(super) minimum: Option<f64>,
    pub(super) maximum: Option<f64>,
    pub(super) exclusive_minimum: Option<f64>,
    pub(super) exclusive_maximum: Option<f64>,
    pub(super) multiple_of: Option<f64>,
}

/// `if`, `then`, `else`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Condition {
    pub(super) test: NodeId,
    pub(super) then: Option<NodeId>,
    pub(super) otherwise: Option<NodeId>,
}

/// One schema.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Where it stands in the request.
    pub(super) pointer: String,
    /// The schema `false`.
    pub(super) is_never: bool,
    /// The types that it may be, in the caller's order.
    pub(super) kinds: Option<Vec<Kind>>,
    pub(super) is_nullable: bool,
    /// `enum` and `const`.
    pub(super) choices: Option<Vec<Value>>,
    pub(super) limits: Limits,
    pub(super) length: Bounds,
    pub(super) pattern: Option<Regex>,
    pub(super) format: Option<Format>,
    /// Names in the caller's order.
    pub(super) names: Vec<String>,
    pub(super) properties: HashMap<String, NodeId>,
    pub(super) pattern_properties: Vec<(Regex, NodeId)>,
    pub(super) additional_properties: Option<NodeId>,
    pub(super) property_names: Option<NodeId>,
    pub(super) required: Vec<String>,
    pub(super) size: Bounds,
    pub(super) prefix_items: Vec<NodeId>,
    pub(super) items: Option<NodeId>,
    pub(super) contains: Option<(NodeId, Bounds)>,
    pub(super) count: Bounds,
    pub(super) is_unique: bool,
    pub(super) reference: Option<NodeId>,
    pub(super) all_of: Vec<NodeId>,
    pub(super) any_of: Vec<NodeId>,
    pub(super) one_of: Vec<NodeId>,
    pub(super) not: Option<NodeId>,
    pub(super) condition: Option<Condition>,
    /// `description`, or else `title`.
    pub(super) hint: String,
}

impl Node {
    /// The nodes that speak of the same value.
    pub(super) fn beside(&self) -> impl Iterator<Item = NodeId> + '_ {
        let condition = self.condition.iter().flat_map(|condition| {
            [Some(condition.test), condition.then, condition.otherwise].into_iter().flatten()
        });
        let lists = [&self.all_of, &self.any_of, &self.one_of].into_iter().flatten().copied();
        lists.chain(self.reference).chain(self.not).chain(condition)
    }

    /// Whether a value that is no object or array is told off by the types alone.
    pub(super) fn is_container_only(&self) -> bool {
        match &self.kinds {
            Some(kinds) => {
                !self.is_nullable && kinds.iter().all(|kind| matches!(kind, Kind::Array | Kind::Object))
            }
            None => !self.properties.is_empty() && self.choices.is_none(),
        }
    }
}
