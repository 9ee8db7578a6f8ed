//! JSON that is the page: it passes through as it is, and its own names are looked up for the fields of an `extract`.

use std::collections::VecDeque;

use serde_json::{Map, Value};

use crate::sketch::Shape;
use crate::sketch::fill::Source;
use crate::stand_in::names_of_lists;

/// What a JSON document says under a field's own name is what was asked for.
pub(crate) const JSON: Source = Source { name: "json", confidence: 0.98 };
/// Objects within objects that are looked into.
const OBJECTS_MAX: usize = 1_000;
/// Lines of a document that has one value a line.
const LINES_MAX: usize = 10_000;

/// The objects of a document, outer ones first. Its longest list of objects, or the document itself where it is one, is
/// under the names of the shape's lists that no object has.
pub(crate) fn nodes_of(text: &str, shape: &Shape) -> Vec<Map<String, Value>> {
    let text = text.trim_start_matches('\u{feff}');
    let Some(document) = serde_json::from_str(text).ok().or_else(|| lines(text)) else { return Vec::new() };
    let mut found = Found::default();
    found.walk(&document);
    let mut nodes: Vec<Map<String, Value>> = found.objects.into_iter().cloned().collect();
    let lacking = |name: &&str| !nodes.iter().any(|node| node.contains_key(*name));
    let names: Vec<&str> = names_of_lists(shape).into_iter().filter(lacking).collect();
    if let Some(list) = found.list.filter(|_| !names.is_empty()) {
        let list = Value::Array(list.clone());
        nodes.push(names.iter().map(|name| ((*name).to_owned(), list.clone())).collect());
    }
    nodes
}

fn lines(text: &str) -> Option<Value> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(LINES_MAX);
    let values: Option<Vec<Value>> = lines.map(|line| serde_json::from_str(line).ok()).collect();
    values.filter(|values| values.len() > 1).map(Value::Array)
}

#[derive(Default)]
struct Found<'v> {
    objects: Vec<&'v Map<String, Value>>,
    list: Option<&'v Vec<Value>>,
}

impl<'v> Found<'v> {
    /// Level by level. A list's members are many of a kind: none of them alone is what the document is about, unless
    /// there is but one.
    fn walk(&mut self, document: &'v Value) {
        let mut waiting = VecDeque::from([document]);
        while let Some(value) = waiting.pop_front() {
            match value {
                Value::Object(map) if self.objects.len() < OBJECTS_MAX => {
                    self.objects.push(map);
                    waiting.extend(map.values().filter(|value| value.is_object() || value.is_array()));
                }
                Value::Array(items) if items.first().is_some_and(Value::is_object) => {
                    if self.list.is_none_or(|list| items.len() > list.len()) {
                        self.list = Some(items);
                    }
                    if let [only] = items.as_slice() {
                        waiting.push_back(only);
                    }
                }
                Value::Object(_)
                | Value::Array(_)
                | Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_) => {}
            }
        }
    }
}

/// As a block of Markdown, whose fence is longer than any within.
pub(crate) fn fenced(text: &str) -> String {
    let text = text.trim_end_matches(['\n', '\r']);
    let (mut longest, mut run) = (2, 0);
    for byte in text.bytes() {
        run = if byte == b'`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence}json\n{text}\n{fence}")
}

/// As HTML.
pub(crate) fn html_of(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + text.len() / 8);
    html.push_str("<pre><code class=\"language-json\">");
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            c => html.push(c),
        }
    }
    html.push_str("</code></pre>");
    html
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nodes(text: &str, sketch: &Value) -> Vec<Value> {
        let shape = Shape::parse(sketch, "").expect("a sketch");
        nodes_of(text, &shape).into_iter().map(Value::Object).collect()
    }

    #[test]
    fn objects_come_outer_ones_first_and_the_longest_list_under_the_name_asked_for() {
        let text = r#"{"data":{"product":{"name":"A"}},"tags":["x"],"reviews":[{"by":"b"},{"by":"c"}]}"#;
        let found = nodes(text, &json!({"name": "string", "opinions": [{"by": "string"}]}));
        assert_eq!(found[1], json!({"product": {"name": "A"}}));
        assert_eq!(found[2], json!({"name": "A"}));
        assert_eq!(found[3], json!({"opinions": [{"by": "b"}, {"by": "c"}]}));
        assert_eq!(nodes(text, &json!({"reviews": [{"by": "string"}]})).len(), 3);
    }

    #[test]
    fn lines_of_json_are_a_list_and_what_is_no_json_has_nothing() {
        let list = json!({"rows": [{"n": 1}, {"n": 2}]});
        assert_eq!(nodes("{\"n\":1}\n{\"n\":2}\n", &json!({"rows": [{"n": "integer"}]})), [list]);
        assert_eq!(nodes("{\"n\":1", &json!({"n": "integer"})), Vec::<Value>::new());
        assert_eq!(nodes(&"[".repeat(100_000), &json!({"n": "integer"})), Vec::<Value>::new());
    }

    #[test]
    fn the_fence_is_longer_than_any_within() {
        assert_eq!(fenced("{}\n"), "```json\n{}\n```");
        assert_eq!(fenced("\"````\""), "`````json\n\"````\"\n`````");
        assert_eq!(html_of("[\"<b>\"]"), "<pre><code class=\"language-json\">[\"&lt;b&gt;\"]</code></pre>");
    }
}
