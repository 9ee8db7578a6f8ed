//! Filling a sketch: each field is looked for in JSON-LD, then in microdata, then in `<meta>` tags; the first source
//! that has a value of the right type gives it. So a field that JSON-LD settles is the same with and without a tree.

use serde_json::{Map, Value, json};

use super::shape::tokens_of;
use super::synonyms;
use super::{Field, FieldType, Shape, coerce};
use crate::structured::meta::MetaTags;

/// Items of an array field.
const ITEMS_MAX: usize = 1_000;
/// Steps into nested values while a path is walked.
const STEPS_MAX: usize = 16;

/// A source of nodes, and how far its word is trusted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    pub(crate) name: &'static str,
    pub(crate) confidence: f64,
}

/// JSON-LD.
pub(crate) const JSON_LD: Source = Source { name: "json-ld", confidence: 0.98 };
/// Microdata.
pub(crate) const MICRODATA: Source = Source { name: "microdata", confidence: 0.95 };
/// OpenGraph and the like.
pub(crate) const META: Source = Source { name: "meta", confidence: 0.85 };

/// The fields found so far, and where.
#[derive(Debug)]
pub(crate) struct Filled {
    values: Vec<Option<Value>>,
    report: Map<String, Value>,
}

impl Filled {
    pub(crate) fn new(shape: &Shape) -> Self {
        Self { values: vec![None; shape.fields.len()], report: Map::new() }
    }

    /// Whether nothing is left to look for.
    pub(crate) fn is_settled(&self) -> bool {
        self.values.iter().all(Option::is_some)
    }

    pub(crate) fn set(&mut self, at: usize, field: &Field, value: Value, source: Source, path: &str) {
        self.report.insert(
            field.name.clone(),
            json!({"source": source.name, "path": path, "confidence": source.confidence}),
        );
        self.values[at] = Some(value);
    }

    /// Fills what nodes can fill.
    pub(crate) fn take_from_nodes(&mut self, shape: &Shape, nodes: &[Map<String, Value>], source: Source) {
        let order = in_order_of_matter(nodes);
        for (at, field) in shape.fields.iter().enumerate() {
            if self.values[at].is_some() || matches!(field.from, FieldType::Selector(_)) {
                continue;
            }
            let found = order.iter().find_map(|node| find(node, field));
            if let Some((value, path)) = found {
                self.set(at, field, value, source, &path);
            }
        }
    }

    /// Fills what `<meta>` tags can fill.
    pub(crate) fn take_from_meta(&mut self, shape: &Shape, tags: &MetaTags) {
        for (at, field) in shape.fields.iter().enumerate() {
            if self.values[at].is_some() {
                continue;
            }
            let found = field.names().iter().flat_map(|words| synonyms::meta_names(words)).find_map(|name| {
                let value = Value::String(tags.get(name)?.to_owned());
                Some((typed(&value, &field.from)?, *name))
            });
            if let Some((value, name)) = found {
                self.set(at, field, value, META, name);
            }
        }
    }

    /// The values, `null` for what was not found, and the report.
    pub(crate) fn finish(self) -> (Vec<Value>, Value) {
        (self.values.into_iter().map(Option::unwrap_or_default).collect(), Value::Object(self.report))
    }
}

/// What a page is about before what it stands in.
fn in_order_of_matter(nodes: &[Map<String, Value>]) -> Vec<&Map<String, Value>> {
    let (about_site, about_page): (Vec<_>, Vec<_>) = nodes.iter().partition(|node| {
        let types = node.get("@type");
        types.is_none_or(|types| match types {
            Value::String(name) => synonyms::is_about_the_site(name),
            Value::Array(names) => names.iter().filter_map(Value::as_str).all(synonyms::is_about_the_site),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
        })
    });
    about_page.into_iter().chain(about_site).collect()
}

/// The field's value in a node, and the path that led to it.
fn find(node: &Map<String, Value>, field: &Field) -> Option<(Value, String)> {
    let known = field.names().iter().flat_map(|words| synonyms::paths(words)).find_map(|path| {
        let steps: Vec<&str> = path.split('.').collect();
        let value = walk_object(node, &steps, 0)?;
        Some((typed(value, &field.from)?, (*path).to_owned()))
    });
    known.or_else(|| {
        // A property of the field's own name, in any spelling.
        node.iter().find_map(|(key, value)| {
            (!key.starts_with('@') && field.names().contains(&tokens_of(key).join(" ")))
                .then(|| typed(value, &field.from).map(|value| (value, key.clone())))
                .flatten()
        })
    })
}

fn walk<'v>(value: &'v Value, steps: &[&str], depth: usize) -> Option<&'v Value> {
    if depth > STEPS_MAX {
        return None;
    }
    match value {
        Value::Array(items) if !steps.is_empty() => {
            items.iter().find_map(|item| walk(item, steps, depth + 1))
        }
        Value::Object(map) if !steps.is_empty() => walk_object(map, steps, depth),
        Value::Null => None,
        value => steps.is_empty().then_some(value),
    }
}

fn walk_object<'v>(map: &'v Map<String, Value>, steps: &[&str], depth: usize) -> Option<&'v Value> {
    let (first, rest) = steps.split_first()?;
    walk(map.get(*first)?, rest, depth + 1)
}

/// The value as the type that was asked for.
fn typed(value: &Value, wanted: &FieldType) -> Option<Value> {
    match wanted {
        FieldType::Array(of) => array(value, of),
        FieldType::Object(shape) => object(value, shape),
        FieldType::Record => value.is_object().then(|| value.clone()),
        scalar => coerce::scalar(value, scalar),
    }
}

fn array(value: &Value, of: &FieldType) -> Option<Value> {
    let items: Vec<Value> = match value {
        Value::Array(items) => items.iter().take(ITEMS_MAX).filter_map(|item| typed(item, of)).collect(),
        // Keywords are often one string with commas.
        Value::String(text) if text.contains(',') && matches!(of, FieldType::Text) => text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .take(ITEMS_MAX)
            .map(Value::from)
            .collect(),
        value => typed(value, of).into_iter().collect(),
    };
    (!items.is_empty()).then_some(Value::Array(items))
}

fn object(value: &Value, shape: &Shape) -> Option<Value> {
    let map = match value {
        Value::Object(map) => map,
        Value::Array(items) => return items.iter().find_map(|item| object(item, shape)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
    };
    let fields: Map<String, Value> = shape
        .fields
        .iter()
        .map(|field| (field.name.clone(), find(map, field).map(|(value, _)| value).unwrap_or_default()))
        .collect();
    fields.values().any(|value| !value.is_null()).then_some(Value::Object(fields))
}
