//! Whether a value satisfies a schema, and if not, why, by pointers into the value.
//!
//! How much is looked at is bounded: schemas can be written that branch without measure, and values that nest deep.

use std::collections::HashSet;

use pagewire_types::FieldError;
use pagewire_types::fields::{brief, pointer_step};
use serde_json::{Map, Number, Value};

use super::node::{Bounds, Kind, Limits, Node, NodeId};

/// Steps of one check, and how many schemas and values may stand within one another.
const STEPS_MAX: usize = 1_000_000;
const NESTING_MAX: usize = 400;
/// Faults that are told.
const FAULTS_MAX: usize = 100;
/// Numbers that are a multiple but for how they are stored.
const MULTIPLE_TOLERANCE: f64 = 1e-9;

/// The way to a value.
#[derive(Clone, Copy)]
enum Place<'p> {
    Root,
    Named(&'p Place<'p>, &'p str),
    Numbered(&'p Place<'p>, usize),
}

impl Place<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Named(within, name) => pointer_step(&within.pointer(), name),
            Self::Numbered(within, at) => format!("{}/{at}", within.pointer()),
        }
    }
}

/// What a value does wrong; empty where it satisfies the schema.
pub(super) fn faults_of(nodes: &[Node], value: &Value) -> Vec<FieldError> {
    let mut check = Check { nodes, steps_left: STEPS_MAX, nesting: 0, is_exhausted: false };
    let mut faults = Vec::new();
    check.node(0, value, &Place::Root, &mut faults);
    if check.is_exhausted {
        faults =
            vec![FieldError::new("", "cannot be held against the schema: it branches or nests too much")];
    }
    faults
}

struct Check<'n> {
    nodes: &'n [Node],
    steps_left: usize,
    nesting: usize,
    is_exhausted: bool,
}

impl Check<'_> {
    fn take(&mut self, steps: usize) -> bool {
        match self.steps_left.checked_sub(steps) {
            Some(left) if !self.is_exhausted => {
                self.steps_left = left;
                true
            }
            _ => {
                self.is_exhausted = true;
                false
            }
        }
    }

    fn node(&mut self, at: NodeId, value: &Value, place: &Place<'_>, faults: &mut Vec<FieldError>) {
        self.nesting += 1;
        if self.nesting > NESTING_MAX {
            self.is_exhausted = true;
        }
        if self.take(1) {
            self.keywords(&self.nodes[at], value, place, faults);
        }
        self.nesting -= 1;
    }

    fn holds(&mut self, at: NodeId, value: &Value) -> bool {
        let mut faults = Vec::new();
        self.node(at, value, &Place::Root, &mut faults);
        faults.is_empty() && !self.is_exhausted
    }

    fn keywords(&mut self, node: &Node, value: &Value, place: &Place<'_>, faults: &mut Vec<FieldError>) {
        if node.is_never {
            add(faults, place, "must not be there");
            return;
        }
        if node.is_nullable && value.is_null() {
            return;
        }
        if let Some(kinds) = &node.kinds
            && !kinds.iter().any(|kind| kind.holds(value))
        {
            let names: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            let what = names.join(" or ");
            let found = if value.is_null() { "was not found and".to_owned() } else { brief(value) };
            add(
                faults,
                place,
                format!("{found} must be {what}").replacen(
                    " must",
                    " but must",
                    usize::from(!value.is_null()),
                ),
            );
            return;
        }
        if let Some(choices) = &node.choices {
            self.choices(choices, value, place, faults);
        }
        match value {
            Value::Number(number) => limits(&node.limits, number, place, faults),
            Value::String(text) => self.text(node, text, place, faults),
            Value::Array(items) => self.array(node, items, place, faults),
            Value::Object(map) => self.object(node, map, place, faults),
            Value::Null | Value::Bool(_) => {}
        }
        self.beside(node, value, place, faults);
    }

    fn choices(&mut self, choices: &[Value], value: &Value, place: &Place<'_>, faults: &mut Vec<FieldError>) {
        if self.take(choices.len()) && !choices.iter().any(|choice| are_equal(choice, value)) {
            let detail = match choices {
                [only] => format!("must be {}, not {}", brief(only), brief(value)),
                _ => format!("{} is none of the values of `enum`", brief(value)),
            };
            add(faults, place, detail);
        }
    }

    fn text(&mut self, node: &Node, text: &str, place: &Place<'_>, faults: &mut Vec<FieldError>) {
        if !self.take(text.len() / 64) {
            return;
        }
        bounds(node.length, || text.chars().count(), "characters", place, faults);
        if let Some(pattern) = &node.pattern
            && !pattern.is_match(text)
        {
            add(faults, place, format!("does not match the pattern `{pattern}`"));
        }
        if let Some(format) = node.format
            && !format.holds(text)
        {
            add(faults, place, format!("{} is not of the format `{}`", brief_text(text), format.as_str()));
        }
    }

    fn array(&mut self, node: &Node, items: &[Value], place: &Place<'_>, faults: &mut Vec<FieldError>) {
        bounds(node.count, || items.len(), "items", place, faults);
        for (at, item) in items.iter().enumerate() {
            let schema = node.prefix_items.get(at).copied().or(node.items);
            if let Some(schema) = schema {
                self.node(schema, item, &Place::Numbered(place, at), faults);
            }
        }
        if let Some((schema, count)) = node.contains {
            let found = || items.iter().filter(|item| self.holds(schema, item)).count();
            bounds(count, found, "items that `contains` asks for", place, faults);
        }
        if node.is_unique && self.take(items.len()) {
            let mut known = HashSet::with_capacity(items.len());
            if !items.iter().all(|item| known.insert(item.to_string())) {
                add(faults, place, "has an item more than once");
            }
        }
    }

    fn object(
        &mut self,
        node: &Node,
        map: &Map<String, Value>,
        place: &Place<'_>,
        faults: &mut Vec<FieldError>,
    ) {
        if !self.take(node.required.len() + map.len()) {
            return;
        }
        bounds(node.size, || map.len(), "properties", place, faults);
        for name in node.required.iter().filter(|name| !map.contains_key(*name)) {
            add(faults, &Place::Named(place, name), "was not found and must be there");
        }
        for (name, value) in map {
            let here = Place::Named(place, name);
            let mut is_known = false;
            if let Some(schema) = node.properties.get(name) {
                is_known = true;
                self.node(*schema, value, &here, faults);
            }
            for (pattern, schema) in &node.pattern_properties {
                if self.take(1) && pattern.is_match(name) {
                    is_known = true;
                    self.node(*schema, value, &here, faults);
                }
            }
            if let Some(schema) = node.additional_properties
                && !is_known
            {
                self.node(schema, value, &here, faults);
            }
            if let Some(schema) = node.property_names
                && !self.holds(schema, &Value::String(name.clone()))
            {
                add(faults, &here, "has a name that the schema does not allow");
            }
        }
    }

    fn beside(&mut self, node: &Node, value: &Value, place: &Place<'_>, faults: &mut Vec<FieldError>) {
        for at in node.reference.iter().chain(&node.all_of) {
            self.node(*at, value, place, faults);
        }
        if !node.any_of.is_empty() {
            self.any_of(&node.any_of, value, place, faults);
        }
        if !node.one_of.is_empty() {
            let holding = node.one_of.iter().filter(|at| self.holds(**at, value)).count();
            match holding {
                0 => self.any_of(&node.one_of, value, place, faults),
                1 => {}
                _ => add(
                    faults,
                    place,
                    format!("satisfies {holding} of the schemas of `oneOf`; it must be one"),
                ),
            }
        }
        if let Some(not) = node.not
            && self.holds(not, value)
        {
            add(faults, place, "satisfies what stands under `not`");
        }
        if let Some(condition) = node.condition {
            let next = if self.holds(condition.test, value) { condition.then } else { condition.otherwise };
            if let Some(next) = next {
                self.node(next, value, place, faults);
            }
        }
    }

    /// Of a choice between null and one thing, the thing is what the value did not come up to.
    fn any_of(&mut self, of: &[NodeId], value: &Value, place: &Place<'_>, faults: &mut Vec<FieldError>) {
        if of.iter().any(|at| self.holds(*at, value)) {
            return;
        }
        let is_null = |at: &&NodeId| self.nodes[**at].kinds.as_deref() == Some(&[Kind::Null]);
        let others: Vec<NodeId> = of.iter().filter(|at| !is_null(at)).copied().collect();
        match others.as_slice() {
            [only] => self.node(*only, value, place, faults),
            _ => add(faults, place, format!("{} satisfies none of the alternatives", brief(value))),
        }
    }
}

fn add(faults: &mut Vec<FieldError>, place: &Place<'_>, detail: impl Into<String>) {
    if faults.len() < FAULTS_MAX {
        faults.push(FieldError::new(place.pointer(), detail));
    }
}

fn brief_text(text: &str) -> String {
    brief(&Value::String(text.chars().take(200).collect()))
}

fn bounds(
    bounds: Bounds,
    count: impl FnOnce() -> usize,
    what: &str,
    place: &Place<'_>,
    faults: &mut Vec<FieldError>,
) {
    if bounds.min.is_none() && bounds.max.is_none() {
        return;
    }
    let count = count() as u64;
    if let Some(min) = bounds.min.filter(|min| count < *min) {
        add(faults, place, format!("has {count} {what}, and must have at least {min}"));
    }
    if let Some(max) = bounds.max.filter(|max| count > *max) {
        add(faults, place, format!("has {count} {what}, and must have at most {max}"));
    }
}

fn limits(limits: &Limits, number: &Number, place: &Place<'_>, faults: &mut Vec<FieldError>) {
    let Some(float) = number.as_f64() else { return };
    for (limit, is_kept, words) in [
        (limits.minimum, limits.minimum.is_none_or(|limit| float >= limit), "at least"),
        (limits.maximum, limits.maximum.is_none_or(|limit| float <= limit), "at most"),
        (
            limits.exclusive_minimum,
            limits.exclusive_minimum.is_none_or(|limit| float > limit),
            "greater than",
        ),
        (limits.exclusive_maximum, limits.exclusive_maximum.is_none_or(|limit| float < limit), "less than"),
    ] {
        if let Some(limit) = limit.filter(|_| !is_kept) {
            add(faults, place, format!("{number} must be {words} {limit}"));
        }
    }
    if let Some(of) = limits.multiple_of.filter(|of| *of > 0.0) {
        let times = float / of;
        if (times - times.round()).abs() > MULTIPLE_TOLERANCE * times.abs().max(1.0) {
            add(faults, place, format!("{number} must be a multiple of {of}"));
        }
    }
}

/// Equal as JSON Schema has it: 1 is 1.0.
fn are_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}
