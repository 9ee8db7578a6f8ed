//! Fields from nodes in the shape of JSON-LD, and from `<meta>` tags: by the paths of schema.org that a field's meaning
//! has, and by a property of the field's own name.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::shape::{Shape, tokens_of};
use super::vocabulary::{Kind, VOCABULARY, is_about_the_site};
use super::{Field, FieldType, coerce};
use crate::structured::meta::MetaTags;

/// Items of an array field.
const ITEMS_MAX: usize = 1_000;
/// Steps into nested values while a path is walked.
const STEPS_MAX: usize = 16;
/// Nodes that fields are looked for in, and properties of one that are known by their own names.
const NODES_MAX: usize = 200;
const PROPERTIES_MAX: usize = 200;

/// A node, and its properties by the words of their names.
struct Node<'n> {
    map: &'n Map<String, Value>,
    by_words: HashMap<String, &'n Value>,
}

impl<'n> Node<'n> {
    fn of(map: &'n Map<String, Value>) -> Self {
        let properties = map.iter().filter(|(key, _)| !key.starts_with('@')).take(PROPERTIES_MAX);
        let by_words = properties.map(|(key, value)| (tokens_of(key).join(" "), value)).collect();
        Self { map, by_words }
    }

    /// The field's value, and the path that led to it.
    fn find(&self, field: &Field) -> Option<(Value, String)> {
        let known = field
            .meaning
            .concepts()
            .filter_map(|id| VOCABULARY.concept(id))
            .flat_map(|concept| concept.paths)
            .find_map(|path| {
                let value = walk_object(self.map, path, 0)?;
                Some((typed(value, field)?, (*path).to_owned()))
            });
        known.or_else(|| {
            let words = field.words.join(" ");
            let value = self.by_words.get(&words)?;
            Some((typed(value, field)?, words.replace(' ', "_")))
        })
    }
}

/// The nodes of a page, those that it is about first.
pub(super) struct Nodes<'n>(Vec<Node<'n>>);

impl<'n> Nodes<'n> {
    /// Orders nodes: what a page is about before what it stands in, and of those the one that says most of what is asked.
    pub(super) fn of<'f>(nodes: &'n [Map<String, Value>], fields: impl Iterator<Item = &'f Field>) -> Self {
        let (site, page): (Vec<_>, Vec<_>) =
            nodes.iter().take(NODES_MAX).map(Node::of).partition(|node| is_of_site(node.map));
        let mut page = page;
        if page.len() > 1 {
            let fields: Vec<&Field> = fields.take(40).collect();
            page.sort_by_cached_key(|node| {
                std::cmp::Reverse(fields.iter().filter(|field| node.find(field).is_some()).count())
            });
        }
        page.extend(site);
        Self(page)
    }

    pub(super) fn find(&self, field: &Field) -> Option<(Value, String)> {
        self.0.iter().find_map(|node| node.find(field)).or_else(|| self.listed(field))
    }

    /// A list of objects: the items of an `ItemList`, or all nodes of one type.
    fn listed(&self, field: &Field) -> Option<(Value, String)> {
        let FieldType::Array(of) = &field.from else { return None };
        let FieldType::Object(shape) = &**of else { return None };
        let items = self.0.iter().find_map(|node| {
            let Value::Array(items) = node.map.get("itemListElement")? else { return None };
            let inner =
                |item: &Value| item.get("item").filter(|inner| inner.is_object()).unwrap_or(item).clone();
            let objects: Vec<Value> =
                items.iter().take(ITEMS_MAX).filter_map(|item| object(&inner(item), shape)).collect();
            let is_trail = node.map.get("@type").and_then(Value::as_str) == Some("BreadcrumbList");
            (!objects.is_empty() && !is_trail)
                .then_some((Value::Array(objects), "itemListElement".to_owned()))
        });
        items.or_else(|| {
            let mut by_type: Vec<(&str, Vec<Value>)> = Vec::new();
            for node in self.0.iter().filter(|node| !is_of_site(node.map)) {
                let name = node.map.get("@type").and_then(Value::as_str)?;
                let Some(found) = object_of(node.map, shape) else { continue };
                match by_type.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, found_before)) => found_before.push(found),
                    None => by_type.push((name, vec![found])),
                }
            }
            let (name, objects) = by_type
                .into_iter()
                .filter(|(_, objects)| objects.len() > 1)
                .max_by_key(|(_, objects)| objects.len())?;
            Some((Value::Array(objects), name.to_owned()))
        })
    }
}

fn is_of_site(node: &Map<String, Value>) -> bool {
    match node.get("@type") {
        None => false,
        Some(Value::String(name)) => is_about_the_site(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).all(is_about_the_site),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => true,
    }
}

/// A field's value in `<meta>` tags, and the name that it has there.
pub(super) fn in_meta(field: &Field, tags: &MetaTags) -> Option<(Value, &'static str)> {
    let names =
        field.meaning.concepts().filter_map(|id| VOCABULARY.concept(id)).flat_map(|concept| concept.meta);
    names.copied().find_map(|name| Some((typed(&Value::String(tags.get(name)?.to_owned()), field)?, name)))
}

fn walk<'v>(value: &'v Value, path: &str, depth: usize) -> Option<&'v Value> {
    if depth > STEPS_MAX {
        return None;
    }
    match value {
        Value::Array(items) if !path.is_empty() => items.iter().find_map(|item| walk(item, path, depth + 1)),
        Value::Object(map) if !path.is_empty() => walk_object(map, path, depth),
        Value::Null => None,
        value => path.is_empty().then_some(value),
    }
}

fn walk_object<'v>(map: &'v Map<String, Value>, path: &str, depth: usize) -> Option<&'v Value> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    walk(map.get(first)?, rest, depth + 1)
}

/// The value as the type that was asked for.
fn typed(value: &Value, field: &Field) -> Option<Value> {
    typed_as(value, &field.from, field.meaning.kind)
}

fn typed_as(value: &Value, wanted: &FieldType, kind: Kind) -> Option<Value> {
    match wanted {
        FieldType::Array(of) => array(value, of, kind),
        FieldType::Object(shape) => object(value, shape),
        FieldType::Record => value.is_object().then(|| value.clone()),
        FieldType::Text => match (kind, value) {
            (Kind::Person, Value::Array(items)) if items.len() > 1 => {
                let names: Vec<String> = items.iter().take(50).filter_map(coerce::text).collect();
                (!names.is_empty()).then(|| Value::String(names.join(", ")))
            }
            (Kind::List, Value::Array(items)) if items.len() > 1 => {
                let texts: Vec<String> = items.iter().take(ITEMS_MAX).filter_map(coerce::text).collect();
                (!texts.is_empty()).then(|| Value::String(texts.join(" ")))
            }
            (Kind::Date | Kind::EndDate, value) => {
                let text = coerce::text(value)?;
                Some(Value::String(coerce::date::read(&text, None).map_or(text, |dates| dates.start)))
            }
            _ => coerce::scalar(value, wanted),
        },
        FieldType::Integer | FieldType::Number if kind == Kind::Duration => {
            let text = coerce::text(value)?;
            let minutes =
                coerce::duration::minutes(&text).and_then(serde_json::Number::from_f64).map(Value::Number);
            coerce::scalar(&minutes.unwrap_or_else(|| value.clone()), wanted)
        }
        scalar => coerce::scalar(value, scalar),
    }
}

fn array(value: &Value, of: &FieldType, kind: Kind) -> Option<Value> {
    let items: Vec<Value> = match value {
        Value::Array(items) => items
            .iter()
            .flat_map(|item| match item.get("itemListElement") {
                // Steps that stand in sections.
                Some(Value::Array(inner)) => inner.as_slice(),
                _ => std::slice::from_ref(item),
            })
            .take(ITEMS_MAX)
            .filter_map(|item| typed_as(item, of, kind))
            .collect(),
        // Keywords are often one string with commas.
        Value::String(text) if text.contains(',') && matches!(of, FieldType::Text) && kind != Kind::Image => {
            text.split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .take(ITEMS_MAX)
                .map(Value::from)
                .collect()
        }
        value => typed_as(value, of, kind).into_iter().collect(),
    };
    (!items.is_empty()).then_some(Value::Array(items))
}

fn object(value: &Value, shape: &Shape) -> Option<Value> {
    match value {
        Value::Object(map) => object_of(map, shape),
        Value::Array(items) => items.iter().find_map(|item| object(item, shape)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn object_of(map: &Map<String, Value>, shape: &Shape) -> Option<Value> {
    let node = Node::of(map);
    let fields: Map<String, Value> = shape
        .fields
        .iter()
        .map(|field| (field.name.clone(), node.find(field).map(|(value, _)| value).unwrap_or_default()))
        .collect();
    fields.values().any(|value| !value.is_null()).then_some(Value::Object(fields))
}
