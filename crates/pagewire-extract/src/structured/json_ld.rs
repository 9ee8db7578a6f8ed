//! JSON-LD: the blocks of a page as nodes. Blocks on the web are often not quite JSON; the usual slips are mended.

use serde_json::{Map, Value};

use crate::tags::{Met, Tags};

/// Blocks that are read at most, and bytes of one.
const BLOCKS_MAX: usize = 64;
const BLOCK_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Nodes that are looked at.
const NODES_MAX: usize = 2_000;

/// The nodes of all blocks: top-level objects, members of arrays and of `@graph`.
pub(crate) fn nodes_of(text: &str) -> Vec<Map<String, Value>> {
    let mut nodes = Vec::new();
    let blocks = Tags::of(text).filter_map(|met| match met {
        Met::Start(tag) if tag.is("script") && is_json_ld(tag.attribute("type")?) => tag.raw_text,
        Met::Start(_) | Met::End(_) => None,
    });
    for block in blocks.take(BLOCKS_MAX) {
        if let Some(value) = (block.len() <= BLOCK_BYTES_MAX).then(|| parse(block)).flatten() {
            flatten(value, &mut nodes);
        }
    }
    nodes
}

fn is_json_ld(media_type: &str) -> bool {
    media_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/ld+json")
}

fn parse(block: &str) -> Option<Value> {
    let block = unwrap(block);
    serde_json::from_str(block).ok().or_else(|| serde_json::from_str(&mended(block)).ok())
}

/// Without the comment or CDATA marks that some pages put around the JSON.
fn unwrap(block: &str) -> &str {
    let mut block = block.trim();
    for (open, close) in [("<!--", "-->"), ("//<![CDATA[", "//]]>"), ("<![CDATA[", "]]>")] {
        if let Some(inner) = block.strip_prefix(open) {
            block = inner.strip_suffix(close).unwrap_or(inner).trim();
        }
    }
    block.trim_end_matches(';').trim_end()
}

/// Control characters in strings become escapes, and commas before a closing bracket go.
fn mended(block: &str) -> String {
    let mut out = String::with_capacity(block.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in block.chars() {
        if in_string {
            match c {
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if c.is_control() => out.push(' '),
                c => out.push(c),
            }
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        if matches!(c, '}' | ']') {
            let kept = out.trim_end().trim_end_matches(',').len();
            out.truncate(kept);
        }
        in_string = c == '"';
        out.push(c);
    }
    out
}

fn flatten(value: Value, nodes: &mut Vec<Map<String, Value>>) {
    let mut waiting = vec![value];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Array(items) => waiting.extend(items.into_iter().rev()),
            Value::Object(mut node) => {
                if nodes.len() >= NODES_MAX {
                    return;
                }
                if let Some(graph) = node.remove("@graph") {
                    waiting.push(graph);
                }
                if node.keys().any(|key| key != "@context") {
                    nodes.push(node);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        nodes_of(text).iter().filter_map(|node| Some(node.get("name")?.as_str()?.to_owned())).collect()
    }

    #[test]
    fn graphs_arrays_and_several_blocks_are_all_nodes() {
        let text = r#"<script type="application/ld+json">{"@context":"x","@graph":[{"name":"a"},{"name":"b"}]}</script>
            <script type=application/ld+json>[{"name":"c"}]</script><script>{"name":"d"}</script>"#;
        assert_eq!(names(text), ["a", "b", "c"]);
    }

    #[test]
    fn the_usual_slips_are_mended_and_hopeless_blocks_passed_over() {
        let text = "<script type='application/ld+json'><!-- {\"name\":\"a\nb\",} --></script>\
                    <script type='application/ld+json'>{\"name\": </script>\
                    <script type='application/ld+json'>[{\"name\":\"c\"},];</script>";
        assert_eq!(names(text), ["a\nb", "c"]);
    }

    #[test]
    fn deep_nesting_is_refused_without_harm() {
        let text = format!("<script type='application/ld+json'>{}</script>", "[".repeat(100_000));
        assert!(nodes_of(&text).is_empty());
    }
}
