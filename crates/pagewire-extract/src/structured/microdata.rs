//! Microdata (WHATWG HTML, section 5): items as nodes, in the shape of JSON-LD.

use dom_query::{Document, NodeRef};
use serde_json::{Map, Value};

/// Items that are read at most, and how deep items nest.
const ITEMS_MAX: usize = 500;
const DEPTH_MAX: usize = 16;

/// The top-level items of a page.
pub(crate) fn nodes_of(document: &Document) -> Vec<Map<String, Value>> {
    document
        .select("[itemscope]:not([itemprop])")
        .nodes()
        .iter()
        .take(ITEMS_MAX)
        .map(|item| read_item(item, 0))
        .filter(|item| item.keys().any(|key| key != "@type"))
        .collect()
}

fn read_item(item: &NodeRef<'_>, depth: usize) -> Map<String, Value> {
    let mut properties = Map::new();
    if let Some(types) = item.attr("itemtype") {
        let name =
            types.split_whitespace().next().and_then(|t| t.rsplit(['/', '#']).next()).unwrap_or_default();
        properties.insert("@type".to_owned(), Value::String(name.to_owned()));
    }
    let mut waiting: Vec<NodeRef<'_>> = item.children();
    waiting.reverse();
    while let Some(node) = waiting.pop() {
        if !node.is_element() {
            continue;
        }
        let nested = node.has_attr("itemscope");
        if let Some(names) = node.attr("itemprop") {
            let value = if nested && depth < DEPTH_MAX {
                Value::Object(read_item(&node, depth + 1))
            } else {
                Value::String(property_text(&node))
            };
            for name in names.split_whitespace() {
                add(&mut properties, name, value.clone());
            }
        }
        if !nested {
            let mut children = node.children();
            children.reverse();
            waiting.extend(children);
        }
    }
    properties
}

fn add(properties: &mut Map<String, Value>, name: &str, value: Value) {
    match properties.get_mut(name) {
        None => drop(properties.insert(name.to_owned(), value)),
        Some(Value::Array(values)) => values.push(value),
        Some(first) => {
            let first = first.take();
            properties.insert(name.to_owned(), Value::Array(vec![first, value]));
        }
    }
}

/// The value of a property, by its element (section 5.2.4).
fn property_text(node: &NodeRef<'_>) -> String {
    let attribute = |name: &str| node.attr(name).map(|value| value.trim().to_owned());
    if let Some(content) = attribute("content") {
        return content;
    }
    let name = node.node_name();
    let special = match name.as_deref().unwrap_or_default() {
        "a" | "area" | "link" => attribute("href"),
        "audio" | "embed" | "iframe" | "img" | "source" | "track" | "video" => attribute("src"),
        "object" => attribute("data"),
        "data" | "meter" => attribute("value"),
        "time" => attribute("datetime"),
        _ => None,
    };
    special.unwrap_or_else(|| node.text().split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_items_and_special_elements_are_read() {
        let document = Document::from(
            "<div itemscope itemtype='https://schema.org/Product'><h1 itemprop=name> A  b</h1>\
             <div itemprop=offers itemscope itemtype='http://schema.org/Offer'><meta itemprop=price content=9.5>\
             <link itemprop=availability href='https://schema.org/InStock'></div>\
             <img itemprop=image src=a.png><img itemprop=image src=b.png></div>",
        );
        assert_eq!(
            serde_json::to_value(nodes_of(&document)).expect("json"),
            json!([{"@type": "Product", "name": "A b",
                    "offers": {"@type": "Offer", "price": "9.5", "availability": "https://schema.org/InStock"},
                    "image": ["a.png", "b.png"]}])
        );
    }
}
