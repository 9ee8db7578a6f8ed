//! JSON-LD: the scripts of a page that are marked as such, read from its text without a tree.
//!
//! Scripts that are not quite JSON are read as [`lenient_json`] tells; broken ones are passed over. How much is read is
//! bounded for a page, over all its scripts.

use serde_json::{Map, Value};

use super::lenient_json;
use crate::head;
use crate::tags::{Met, Tags};

/// Bytes of a `type` that is looked at for character references.
const TYPE_BYTES_MAX: usize = 200;
/// Scripts that are read at most, and bytes of one.
const SCRIPTS_MAX: usize = 256;
const SCRIPT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Values of all scripts together: at most so many, and one in so many bytes of the page, but always some. Each takes up to
/// a hundred bytes of memory, and an object counts as six.
const VALUES_MAX: usize = 100_000;
const BYTES_OF_VALUE: usize = 8;
const VALUES_MIN: usize = 1_500;
/// Nodes that are looked at.
const NODES_MAX: usize = 2_000;

/// The data as it stands: each script's value, arrays as their members, empty ones left out.
pub(crate) fn values_of(text: &str) -> Vec<Value> {
    let mut left = (text.len() / BYTES_OF_VALUE).clamp(VALUES_MIN, VALUES_MAX);
    let mut values = Vec::new();
    let scripts = Tags::of(text).filter_map(|met| match met {
        Met::Start(tag) if tag.is("script") && is_json_ld(tag.attribute("type")?) => tag.raw_text,
        Met::Start(_) | Met::End(_) => None,
    });
    let scripts = scripts.filter(|script| script.len() <= SCRIPT_BYTES_MAX);
    for script in scripts.take(SCRIPTS_MAX) {
        for value in lenient_json::values_of(script, &mut left).into_iter().flatten() {
            match value {
                Value::Array(items) => values.extend(items.into_iter().filter(is_something)),
                Value::Object(node) => values.extend(Some(Value::Object(node)).filter(is_something)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
    }
    values
}

/// The nodes of all scripts: top-level objects, members of arrays and of `@graph`.
pub(crate) fn nodes_of(text: &str) -> Vec<Map<String, Value>> {
    let mut nodes = Vec::new();
    let mut waiting = values_of(text);
    waiting.reverse();
    while let Some(value) = waiting.pop() {
        match value {
            Value::Array(items) => waiting.extend(items.into_iter().rev()),
            Value::Object(mut node) => {
                if nodes.len() >= NODES_MAX {
                    break;
                }
                if let Some(graph) = node.shift_remove("@graph") {
                    waiting.push(graph);
                }
                if node.keys().any(|key| key != "@context") {
                    nodes.push(node);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    nodes
}

fn is_json_ld(media_type: &str) -> bool {
    // Some frameworks write `application&#x2F;ld&#x2B;json`.
    let resolved;
    let media_type = if media_type.contains('&') && media_type.len() <= TYPE_BYTES_MAX {
        resolved = head::plain_text(media_type);
        &resolved
    } else {
        media_type
    };
    media_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/ld+json")
}

fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is) => *is,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(node) => !node.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::cpu_clock::CpuClock;

    fn names(text: &str) -> Vec<String> {
        nodes_of(text).iter().filter_map(|node| Some(node.get("name")?.as_str()?.to_owned())).collect()
    }

    #[test]
    fn graphs_arrays_and_several_scripts_are_all_nodes() {
        let text = r#"<script type="application/ld+json">{"@context":"x","@graph":[{"name":"a"},{"name":"b"}]}</script>
            <script type=application/ld+json>[{"name":"c"}]</script><script>{"name":"d"}</script>
            <SCRIPT TYPE=' application/LD+json; charset=utf-8'>{"name":"e"}{"name":"f"}</SCRIPT>
            <script type="application&#x2F;ld&#x2B;json">{"name":"g"}</script>"#;
        assert_eq!(names(text), ["a", "b", "c", "e", "f", "g"]);
    }

    #[test]
    fn data_is_told_as_it_stands() {
        let text = r#"<script type="application/ld+json">{"@graph":[{"b":1.50,"a":[]}]}</script>
            <script type="application/ld+json">[{"c":1},{},[],"s",0]</script><script type="application/ld+json">"x"</script>"#;
        assert_eq!(values_of(text), [json!({"@graph": [{"b": 1.5, "a": []}]}), json!({"c": 1}), json!("s")]);
    }

    #[test]
    fn broken_scripts_are_passed_over_and_scripts_in_comments_are_none() {
        let text = "<script type='application/ld+json'><!-- {\"name\":\"a\nb\",} --></script>\
                    <script type='application/ld+json'>{\"name\": </script>\
                    <!-- <script type='application/ld+json'>{\"name\":\"no\"}</script> -->\
                    <script type='application/ld+json'>[{\"name\":\"c\"},];</script>";
        assert_eq!(names(text), ["a\nb", "c"]);
    }

    #[test]
    fn deep_huge_and_many_are_bounded_and_quick() {
        let started = CpuClock::start();
        let script = |inner: &str| format!("<script type='application/ld+json'>{inner}</script>");
        assert!(nodes_of(&script(&"[".repeat(1_000_000))).is_empty());
        assert!(nodes_of(&script(&"{\"@graph\":".repeat(100_000))).is_empty());
        assert!(values_of(&script(&format!("[{}1]", "1,".repeat(1_000_000)))).is_empty());
        assert_eq!(values_of(&script("{\"a\":1}").repeat(10_000)).len(), SCRIPTS_MAX);
        let node =
            "{\"name\":\"A thing of many uses\",\"url\":\"https://site.example/things/of/many/uses\"},";
        assert_eq!(nodes_of(&script(&format!("[{}]", node.repeat(10_000)))).len(), NODES_MAX);
        assert_eq!(
            names(&script(&format!("{{\"name\":\"{}\"}}", "x".repeat(1_000_000))))[0].len(),
            1_000_000
        );
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    }
}
