//! Microdata (WHATWG HTML, section 5): items as they stand in the page, and as nodes in the shape of JSON-LD.
//!
//! An item is told once: where it is the property of another, it is there and nowhere else. An item that refers to itself
//! by `itemref`, at whatever remove, finds `null` there.

use std::collections::{HashMap, HashSet};

use crate::dom::{Document, NodeId, NodeRef};
use serde_json::{Map, Value};

use super::{Allowance, DEPTH_MAX, item_text, reference, tree};
use crate::json;

/// Items that are read at most, and how deep they nest in one another; deeper ones are told as items of their own.
const ITEMS_MAX: usize = 5_000;
const NESTING_MAX: usize = 24;
/// What an item and a value take of the allowance, beside what they say: a quarter of the bytes that they are held in.
const ITEM_COST: usize = 250;
const VALUE_COST: usize = 25;

/// Writes the items of a page, each with its `type`, `id` and `properties`, or its `value` where it has no property.
pub(crate) fn write_items(document: &Document, base: &str, allowance: Allowance, out: &mut Vec<u8>) {
    let mut reader = Reader {
        document,
        base,
        seen: HashSet::new(),
        targets: None,
        allowance,
        missing_value: MissingValue::IsEmpty,
    };
    json::list(out, reader.items());
}

/// The items of a page as nodes: `@type` is the last part of the type's URL.
pub(crate) fn nodes_of(document: &Document) -> Vec<Map<String, Value>> {
    let mut reader = Reader {
        document,
        base: "",
        seen: HashSet::new(),
        targets: None,
        allowance: Allowance::beside(document),
        missing_value: MissingValue::IsLookedFor,
    };
    let nodes = reader.items().filter_map(|item| match node_of(item) {
        Value::Object(node) => Some(node),
        _ => None,
    });
    nodes.filter(|node| node.keys().any(|key| !key.starts_with('@'))).collect()
}

/// What an element means that should have an attribute for its value and has none: `<time>10:00</time>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MissingValue {
    IsEmpty,
    /// In its `content` attribute, then its text.
    IsLookedFor,
}

struct Reader<'d> {
    document: &'d Document,
    base: &'d str,
    seen: HashSet<NodeId>,
    /// Elements by id, the first of each; made when it is first needed.
    targets: Option<HashMap<String, NodeRef<'d>>>,
    allowance: Allowance,
    missing_value: MissingValue,
}

impl<'d> Reader<'d> {
    fn items(&mut self) -> impl Iterator<Item = Value> {
        let items =
            tree::elements_under(&self.document.root()).filter(|element| element.has_attr("itemscope"));
        items.take(ITEMS_MAX).filter_map(|item| self.item(&item, 0))
    }

    /// An item that has not been told yet.
    fn item(&mut self, element: &NodeRef<'d>, nesting: usize) -> Option<Value> {
        if nesting > NESTING_MAX || !self.seen.insert(element.id) || !self.allowance.take(ITEM_COST) {
            return None;
        }
        let mut item = Map::new();
        let attribute = |name: &str| element.attr(name).unwrap_or_default();
        let types: Vec<Value> = words(attribute("itemtype")).map(Value::from).collect();
        if !types.is_empty() {
            item.insert("type".to_owned(), one_or_all(types));
            let id = attribute("itemid");
            if !id.is_empty() {
                item.insert("id".to_owned(), id.trim().into());
            }
        }
        let mut properties: Map<String, Value> = Map::new();
        for property in self.properties_under(element) {
            self.add_property(&property, nesting, &mut properties);
        }
        for id in words(attribute("itemref")) {
            if !self.allowance.take(1) {
                break;
            }
            for property in self.properties_at(id) {
                self.add_property(&property, nesting, &mut properties);
            }
        }
        if properties.is_empty() {
            let value = self.plain_value(element)?;
            item.insert("value".to_owned(), value);
        } else {
            let told = properties.into_iter().map(|(name, values)| match values {
                Value::Array(values) => (name, one_or_all(values)),
                other => (name, other),
            });
            item.insert("properties".to_owned(), Value::Object(told.collect()));
        }
        Some(Value::Object(item))
    }

    fn add_property(&mut self, element: &NodeRef<'d>, nesting: usize, properties: &mut Map<String, Value>) {
        let names = element.attr("itemprop").unwrap_or_default();
        let value = if element.has_attr("itemscope") {
            self.item(element, nesting + 1).unwrap_or_default()
        } else {
            match self.plain_value(element) {
                Some(value) => value,
                None => return,
            }
        };
        let mut size = None;
        for name in words(names) {
            // The first name's value has been paid for; each other one is a copy.
            if size.is_some_and(|size| !self.allowance.take(size)) {
                break;
            }
            if !self.allowance.take(VALUE_COST) {
                break;
            }
            size.get_or_insert_with(|| size_of(&value));
            let values = properties.entry(name.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(values) = values {
                values.push(value.clone());
            }
        }
    }

    /// The elements under an element that are properties of the item it stands for, in document order.
    fn properties_under(&mut self, element: &NodeRef<'d>) -> Vec<NodeRef<'d>> {
        let mut found = Vec::new();
        let mut waiting: Vec<(NodeRef<'d>, usize)> =
            tree::children_of_backwards(element).map(|node| (node, 0)).collect();
        while let Some((node, depth)) = waiting.pop() {
            if !node.is_element() {
                continue;
            }
            if !self.allowance.take(1) {
                break;
            }
            if node.has_attr("itemprop") {
                found.push(node);
            }
            if depth < DEPTH_MAX && !node.has_attr("itemscope") {
                waiting.extend(tree::children_of_backwards(&node).map(|child| (child, depth + 1)));
            }
        }
        found
    }

    /// The properties that an `itemref` adds.
    fn properties_at(&mut self, id: &str) -> Vec<NodeRef<'d>> {
        let targets = self.targets.get_or_insert_with(|| {
            let mut targets = HashMap::new();
            for node in tree::elements_under(&self.document.root()) {
                let names = [node.attr("id"), node.attr("name").filter(|_| node.has_name("a"))];
                for name in names.into_iter().flatten() {
                    targets.entry(name.to_string()).or_insert(node);
                }
            }
            targets
        });
        let Some(target) = targets.get(id).copied() else { return Vec::new() };
        let is_property = target.has_attr("itemprop");
        if is_property && target.has_attr("itemscope") {
            return vec![target];
        }
        let mut found: Vec<NodeRef<'d>> = is_property.then_some(target).into_iter().collect();
        found.extend(self.properties_under(&target));
        found
    }

    /// What an element says itself (section 5.2.4). `None` where the allowance is used up.
    fn plain_value(&mut self, element: &NodeRef<'d>) -> Option<Value> {
        let text = match &**element.name()? {
            "meta" => element.attr("content").unwrap_or_default().to_string(),
            "audio" | "embed" | "iframe" | "img" | "source" | "track" | "video" => {
                self.url(element, "src")?
            }
            "a" | "area" | "link" => self.url(element, "href")?,
            "object" => self.url(element, "data")?,
            "data" | "meter" => self.attribute(element, "value")?,
            "time" => self.attribute(element, "datetime")?,
            _ => match element.attr("content").filter(|content| !content.is_empty()) {
                Some(content) => content.to_string(),
                None => match input_of_action(element) {
                    Some(input) => return Some(input),
                    None => return Some(item_text::text_of(element, &mut self.allowance).into()),
                },
            },
        };
        self.allowance.take(text.len()).then(|| text.into())
    }

    fn url(&mut self, element: &NodeRef<'d>, attribute: &str) -> Option<String> {
        let text = self.attribute(element, attribute)?;
        let base = if element.has_attr(attribute) || self.missing_value == MissingValue::IsEmpty {
            self.base
        } else {
            ""
        };
        Some(reference::resolved(base, text.trim_matches(|c: char| c.is_ascii_whitespace())))
    }

    fn attribute(&mut self, element: &NodeRef<'d>, name: &str) -> Option<String> {
        if let Some(value) = element.attr(name) {
            return Some(value.to_string());
        }
        if self.missing_value == MissingValue::IsEmpty {
            return Some(String::new());
        }
        match element.attr("content") {
            Some(content) => Some(content.to_string()),
            None => Some(item_text::text_of(element, &mut self.allowance)).filter(|text| !text.is_empty()),
        }
    }
}

/// What a search box or a form's field is to be filled with (schema.org, potential actions, part 4).
fn input_of_action(element: &NodeRef<'_>) -> Option<Value> {
    let property = element.attr("itemprop")?;
    if !(property.ends_with("-input") || property.ends_with("-output")) {
        return None;
    }
    let mut input = Map::new();
    if element.has_attr("required") {
        input.insert("valueRequired".to_owned(), true.into());
    }
    if let Some(name) = element.attr("name").filter(|name| !name.is_empty()) {
        input.insert("valueName".to_owned(), name.to_string().into());
    }
    Some(Value::Object(input))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace()
}

fn one_or_all(mut values: Vec<Value>) -> Value {
    if values.len() == 1 { values.swap_remove(0) } else { Value::Array(values) }
}

/// Bytes of a value's texts, and some for each value.
fn size_of(value: &Value) -> usize {
    const EACH: usize = 16;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => EACH,
        Value::String(text) => EACH + text.len(),
        Value::Array(items) => EACH + items.iter().map(size_of).sum::<usize>(),
        Value::Object(map) => EACH + map.iter().map(|(key, value)| key.len() + size_of(value)).sum::<usize>(),
    }
}

/// An item in the shape of a node: its properties beside `@type` and `@id`; one that has none is its value.
fn node_of(value: Value) -> Value {
    match value {
        Value::Object(mut item) => {
            if let Some(value) = item.remove("value") {
                return value;
            }
            let Some(Value::Object(properties)) = item.remove("properties") else { return Value::Null };
            let mut node = Map::new();
            if let Some(types) = item.remove("type") {
                node.insert("@type".to_owned(), last_parts(types));
            }
            if let Some(id) = item.remove("id") {
                node.insert("@id".to_owned(), id);
            }
            node.extend(properties.into_iter().map(|(name, value)| (name, node_of(value))));
            Value::Object(node)
        }
        Value::Array(values) => Value::Array(values.into_iter().map(node_of).collect()),
        plain => plain,
    }
}

fn last_parts(types: Value) -> Value {
    match types {
        Value::String(name) => name.rsplit(['/', '#']).next().unwrap_or_default().into(),
        Value::Array(names) => Value::Array(names.into_iter().map(last_parts).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::cpu_clock::CpuClock;
    use crate::dom;

    const BASE: &str = "http://site.example/a/b";

    fn items(html: &str) -> Value {
        let mut told = Vec::new();
        write_items(&dom::parse(html), BASE, Allowance::new(100_000), &mut told);
        serde_json::from_slice(&told).expect("json")
    }

    #[test]
    fn items_nest_and_values_are_read_by_element() {
        assert_eq!(
            items(
                "<div itemscope itemtype='https://schema.org/Product' itemid=' urn:1 '><h1 itemprop='name title'> A  b</h1>\
                 <div itemprop=offers itemscope itemtype='http://schema.org/Offer x:Y'><meta itemprop=price content=9.5>\
                 <link itemprop=availability href='https://schema.org/InStock'></div>\
                 <img itemprop=image src=a.png><img itemprop=image src='b c.png'><time itemprop=t datetime=2020>x</time>\
                 <data itemprop=d value=1>y</data><object itemprop=o data=/o></object><time itemprop=n>now</time>\
                 <i itemprop=c content=z>w</i><a itemprop=u href=' /u '>v</a><input itemprop=query-input name=q required></div>"
            ),
            json!([{"type": "https://schema.org/Product", "id": "urn:1", "properties": {
                "name": "A b", "title": "A b",
                "offers": {"type": ["http://schema.org/Offer", "x:Y"],
                           "properties": {"price": "9.5", "availability": "https://schema.org/InStock"}},
                "image": ["http://site.example/a/a.png", "http://site.example/a/b c.png"],
                "t": "2020", "d": "1", "o": "http://site.example/o", "n": "", "c": "z", "u": "http://site.example/u",
                "query-input": {"valueRequired": true, "valueName": "q"}
            }}])
        );
    }

    #[test]
    fn what_stands_ready_in_a_template_is_read() {
        assert_eq!(
            items(
                "<template><div itemscope><p itemprop=a>x</p></div></template><div itemscope itemref=r></div>\
                 <template><b id=r itemprop=n>v</b></template>"
            ),
            json!([{"properties": {"a": "x"}}, {"properties": {"n": "v"}}])
        );
    }

    #[test]
    fn references_add_properties_and_loops_end() {
        assert_eq!(
            items(
                "<div itemscope id=i itemref='r s i'><i itemprop=a>1</i></div><p id=r itemprop=b>2</p>\
                 <div id=s><i itemprop=c>3</i><div itemscope itemprop=d><i itemprop=e>4</i></div></div>"
            ),
            json!([{"properties": {"a": ["1", "1"], "b": "2", "c": "3", "d": {"properties": {"e": "4"}}}}])
        );
        assert_eq!(
            items(
                "<div itemscope itemprop=x id=a itemref=b></div><div itemscope itemprop=y id=b itemref=a></div>"
            ),
            json!([{"properties": {"y": {"properties": {"x": null}}}}])
        );
    }

    #[test]
    fn an_item_without_properties_has_a_value_and_one_without_a_place_stands_alone() {
        assert_eq!(
            items(
                "<div itemscope><span itemscope>a</span></div><p itemprop=lost itemscope itemtype=T><i itemprop=n>1</i></p>"
            ),
            json!([{"value": "a"}, {"value": "a"}, {"type": "T", "properties": {"n": "1"}}])
        );
    }

    #[test]
    fn nodes_look_like_json_ld_and_read_what_has_no_value_attribute() {
        let html = "<div itemscope itemtype='https://schema.org/Event'><time itemprop=start>10:00</time>\
                    <div itemprop=place itemscope><b>Hall</b></div><a itemprop=u>v</a><img itemprop=image></div>";
        assert_eq!(
            serde_json::to_value(nodes_of(&dom::parse(html))).expect("json"),
            json!([{"@type": "Event", "start": "10:00", "place": "Hall", "u": "v"}])
        );
    }

    #[test]
    fn hostile_items_are_quick_and_small() {
        let started = CpuClock::start();
        let long = "x".repeat(200_000);
        let pages = [
            "<div itemscope itemprop=a>".repeat(20_000),
            format!("{}{long}", "<div itemscope>".repeat(399)),
            format!("{}{long}", "<div itemscope itemprop=a><i itemprop=b>".repeat(199)),
            format!(
                "<div itemscope><p itemprop='{}'>{long}</div>",
                (0..2_000).map(|n| format!("p{n} ")).collect::<String>()
            ),
            format!("<div itemscope><p itemprop='{long}'>a</div>"),
            format!("<div itemscope><meta itemprop=a content='{long}'></div>"),
            "<div itemscope itemref='r'></div>".repeat(1_000)
                + "<div id=r>"
                + &"<i itemprop=a>x</i>".repeat(1_000),
            format!("<div itemscope itemref='{}'></div><p id=r itemprop=a>{long}", "r ".repeat(10_000)),
        ];
        for page in pages {
            let document = dom::parse(&page);
            let mut told = Vec::new();
            write_items(&document, BASE, Allowance::of_page(page.len()), &mut told);
            let size = told.len();
            assert!(size < 500_000 + 5 * page.len(), "{size}");
            let _ = nodes_of(&document);
        }
        assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
    }
}
