//! Subjects as nodes in the shape of plain JSON-LD, for those who look for fields by their names.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// How deep subjects are told within others.
const NESTING_MAX: usize = 6;
/// Nodes, and values of one property.
const NODES_MAX: usize = 500;
const VALUES_MAX: usize = 200;
/// Vocabularies that are not about things: social previews, which are read as `<meta>` tags, and the page's own parts.
const LEFT_OUT: [&str; 4] = [
    "http://ogp.me/ns",
    "https://dev.twitter.com/",
    "http://www.w3.org/1999/xhtml/vocab#",
    "http://www.w3.org/ns/rdfa#",
];

/// The typed subjects, each with those it speaks of inside it.
pub(super) fn of_subjects(subjects: &[Value]) -> Vec<Map<String, Value>> {
    let by_id: HashMap<&str, &Map<String, Value>> =
        subjects.iter().filter_map(Value::as_object).filter_map(|node| Some((id_of(node)?, node))).collect();
    let typed = subjects.iter().filter_map(Value::as_object).filter(|node| node.contains_key("@type"));
    let mut left = NODES_MAX;
    let mut nodes = Vec::new();
    for subject in typed {
        let node = node_of(subject, &by_id, 0, &mut left);
        if node.keys().any(|key| !key.starts_with('@')) {
            nodes.push(node);
        }
    }
    nodes
}

fn id_of(node: &Map<String, Value>) -> Option<&str> {
    node.get("@id")?.as_str()
}

fn node_of(
    subject: &Map<String, Value>,
    by_id: &HashMap<&str, &Map<String, Value>>,
    nesting: usize,
    left: &mut usize,
) -> Map<String, Value> {
    let mut node = Map::new();
    for (property, values) in subject {
        let Value::Array(values) = values else { continue };
        if LEFT_OUT.iter().any(|vocabulary| property.starts_with(vocabulary)) {
            continue;
        }
        let name = if property == "@type" { property.as_str() } else { last_part(property) };
        let values = values.iter().take(VALUES_MAX);
        let values: Vec<Value> = values.filter_map(|value| value_of(value, by_id, nesting, left)).collect();
        add(&mut node, name, values);
    }
    node
}

fn value_of(
    value: &Value,
    by_id: &HashMap<&str, &Map<String, Value>>,
    nesting: usize,
    left: &mut usize,
) -> Option<Value> {
    let Value::Object(object) = value else {
        return value.as_str().map(|name| last_part(name).into());
    };
    if let Some(value) = object.get("@value") {
        return Some(value.clone());
    }
    if let Some(Value::Array(items)) = object.get("@list") {
        let items = items.iter().take(VALUES_MAX);
        return Some(items.filter_map(|item| value_of(item, by_id, nesting, left)).collect());
    }
    let id = id_of(object)?;
    match by_id.get(id) {
        Some(subject) if nesting < NESTING_MAX && *left > 0 => {
            *left -= 1;
            Some(Value::Object(node_of(subject, by_id, nesting + 1, left)))
        }
        _ => (!id.starts_with("_:")).then(|| id.into()),
    }
}

fn add(node: &mut Map<String, Value>, name: &str, values: Vec<Value>) {
    if values.is_empty() || name.is_empty() {
        return;
    }
    let mut all = match node.remove(name) {
        None => Vec::new(),
        Some(Value::Array(known)) => known,
        Some(one) => vec![one],
    };
    all.extend(values);
    let value = if all.len() == 1 { all.swap_remove(0) } else { Value::Array(all) };
    node.insert(name.to_owned(), value);
}

fn last_part(name: &str) -> &str {
    let name = name.trim_end_matches(['/', '#']);
    name.rsplit(['/', '#', ':']).next().unwrap_or(name)
}
