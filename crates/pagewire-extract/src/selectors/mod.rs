//! Fields by selector: `{"css": ".price", "type": "number"}`, `{"xpath": "//h1"}`.
//!
//! A selector is read by [`read`](SelectorField::read) and then trusted. What it finds in a page is a value, a list of
//! values, or rows: the elements within which `fields` are looked for.

mod read;
mod xpath;

use crate::dom::{Document, Matcher, NodeRef};
use regex::Regex;
use serde_json::Value;

use crate::output::{self, OutputKind};
use crate::sketch::{FieldType, Shape, coerce};
use xpath::{Found, Place, XPath};

/// Matches of one selector.
const MATCHES_MAX: usize = 1_000;

/// A field that a selector fills.
#[derive(Debug, Clone)]
pub(crate) struct SelectorField {
    finder: Finder,
    attribute: Option<String>,
    /// What is taken of the text: the first group, or all that matches.
    pattern: Option<Regex>,
    /// Whether every match counts, or the first only.
    all: bool,
    each: Each,
}

#[derive(Clone)]
enum Finder {
    Css { text: String, matcher: Matcher },
    XPath(XPath),
}

/// What a match is turned into.
#[derive(Debug, Clone)]
enum Each {
    Value(FieldType),
    Row(Shape),
}

impl std::fmt::Debug for Finder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

impl Finder {
    fn text(&self) -> &str {
        match self {
            Self::Css { text, .. } => text,
            Self::XPath(xpath) => xpath.text(),
        }
    }
}

/// The page that selectors are looked for in; what XPath costs is counted over all of them.
pub(crate) struct SelectorScope<'d> {
    xpaths: xpath::Page<'d>,
}

impl<'d> SelectorScope<'d> {
    pub(crate) fn of(document: &'d Document) -> Self {
        Self { xpaths: xpath::Page::of(document) }
    }
}

/// Fills the fields of a row, whatever fills them.
pub(crate) type FillRow<'f, 'd> = dyn FnMut(&NodeRef<'d>, &Shape) -> Value + 'f;

enum Match<'d> {
    Node(NodeRef<'d>),
    Text(String),
}

impl SelectorField {
    /// The selector's text, for the report.
    pub(crate) fn told(&self) -> &str {
        self.finder.text()
    }

    /// The fields of its rows, if it has rows.
    pub(crate) fn row_mut(&mut self) -> Option<&mut Shape> {
        match &mut self.each {
            Each::Row(shape) => Some(shape),
            Each::Value(_) => None,
        }
    }

    /// What its values will be.
    pub(crate) fn output_kind(&self) -> OutputKind {
        let kind = match &self.each {
            Each::Value(of) => output::kind_of(of),
            Each::Row(shape) => OutputKind::Object(output::fields_of(shape)),
        };
        if self.all { OutputKind::List(Box::new(kind)) } else { kind }
    }

    /// What the field is within a node: `None` where nothing matches.
    pub(crate) fn fill<'d>(
        &self,
        within: &NodeRef<'d>,
        scope: &SelectorScope<'_>,
        row: &mut FillRow<'_, 'd>,
    ) -> Option<Value> {
        let mut values =
            self.matches(within, scope).into_iter().take(MATCHES_MAX).filter_map(|found| match &self.each {
                Each::Value(of) => self.value(&found, of),
                Each::Row(shape) => match found {
                    Match::Node(node) => Some(row(&node, shape)),
                    Match::Text(_) => None,
                },
            });
        if !self.all {
            return values.next();
        }
        let values: Vec<Value> = values.collect();
        (!values.is_empty()).then_some(Value::Array(values))
    }

    fn matches<'d>(&self, within: &NodeRef<'d>, scope: &SelectorScope<'_>) -> Vec<Match<'d>> {
        match &self.finder {
            Finder::Css { matcher, .. } => {
                within.matches(matcher).take(MATCHES_MAX).map(Match::Node).collect()
            }
            Finder::XPath(xpath) => match xpath.evaluate(within, &scope.xpaths) {
                None => Vec::new(),
                Some(Found::Text(text)) => vec![Match::Text(text)],
                Some(Found::Nodes(places)) => places
                    .into_iter()
                    .take(MATCHES_MAX)
                    .map(|place| match place {
                        Place::Node(id) => Match::Node(NodeRef::new(id, within.document)),
                        Place::Attribute(value) => Match::Text(value),
                    })
                    .collect(),
            },
        }
    }

    fn value(&self, found: &Match<'_>, of: &FieldType) -> Option<Value> {
        let text = match (found, &self.attribute) {
            (Match::Node(node), Some(name)) => node.attr(name)?.to_string(),
            (Match::Node(node), None) => node.text().to_string(),
            (Match::Text(text), _) => text.clone(),
        };
        let text = match &self.pattern {
            None => text,
            Some(pattern) => {
                let found = pattern.captures(&text)?;
                found.get(1).or_else(|| found.get(0))?.as_str().to_owned()
            }
        };
        coerce::scalar(&Value::String(text), of)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sketch::parse::Reader;

    const PAGE: &str = "<h1> A  b </h1><div class=row><a href=/1>One</a><i>1,5</i></div><div class=row><a href=/2>Two</a></div>";

    fn filled(selector: Value) -> Option<Value> {
        let document = Document::from(PAGE);
        let scope = SelectorScope::of(&document);
        let Value::Object(map) = selector else { panic!("an object") };
        let field = SelectorField::read(&map, "", 0, &mut Reader::default()).expect("valid");
        field.fill(&document.root(), &scope, &mut |node, shape| fill_row(node, shape, &scope))
    }

    fn fill_row(node: &NodeRef<'_>, shape: &Shape, scope: &SelectorScope<'_>) -> Value {
        let fields = shape.fields.iter().map(|field| {
            let FieldType::Selector(selector) = &field.from else { panic!("a selector") };
            let value = selector.fill(node, scope, &mut |node, shape| fill_row(node, shape, scope));
            (field.name.clone(), value.unwrap_or_default())
        });
        Value::Object(fields.collect())
    }

    #[test]
    fn a_selector_gives_text_attributes_numbers_lists_and_rows() {
        for (selector, expected) in [
            (json!({"css": "h1"}), Some(json!("A b"))),
            (json!({"css": "a", "attr": "href"}), Some(json!("/1"))),
            (json!({"css": "i", "type": "number"}), Some(json!(1.5))),
            (json!({"css": "a", "all": true}), Some(json!(["One", "Two"]))),
            (json!({"css": "b"}), None),
            (json!({"css": "h1", "regex": "A\\s+(.)"}), Some(json!("b"))),
            (json!({"css": "a", "attr": "href", "regex": "\\d", "type": "integer"}), Some(json!(1))),
            (json!({"css": "h1", "regex": "c"}), None),
            (
                json!({"css": ".row", "fields": {"t": {"css": "a"}, "n": {"css": "i", "type": "number"}}}),
                Some(json!([{"t": "One", "n": 1.5}, {"t": "Two", "n": null}])),
            ),
            (json!({"css": ".row", "all": false, "fields": {"t": {"css": "a"}}}), Some(json!({"t": "One"}))),
            (json!({"css": "a", "type": "array of string"}), Some(json!(["One", "Two"]))),
            (json!({"css": "a", "type": "enum · two | one"}), Some(json!("one"))),
        ] {
            assert_eq!(filled(selector.clone()), expected, "{selector}");
        }
    }

    #[test]
    fn xpath_gives_the_same_as_css() {
        for (selector, expected) in [
            (json!({"xpath": "//h1"}), Some(json!("A b"))),
            (json!({"xpath": "//a/@href", "all": true}), Some(json!(["/1", "/2"]))),
            (json!({"xpath": "//a", "attr": "href"}), Some(json!("/1"))),
            (json!({"xpath": "count(//a)", "type": "integer"}), Some(json!(2))),
            (json!({"xpath": "//b"}), None),
            (
                json!({"xpath": "//div", "fields": {"t": {"xpath": "./a"}, "n": {"css": "i", "type": "number"}}}),
                Some(json!([{"t": "One", "n": 1.5}, {"t": "Two", "n": null}])),
            ),
        ] {
            assert_eq!(filled(selector.clone()), expected, "{selector}");
        }
    }

    #[test]
    fn a_broken_selector_is_told_by_its_pointer() {
        for (name, broken) in [
            ("regex", json!("(")),
            ("regex", json!(1)),
            ("regex", json!("(a{1000}){1000}")),
            ("xpath", json!("//h1")),
            ("css", json!("h1[")),
            ("attr", json!(1)),
            ("all", json!("yes")),
            ("type", json!("strnig")),
            ("type", json!("object")),
            ("fields", json!([])),
            ("fields", json!({})),
            ("limit", json!(1)),
        ] {
            let mut map = serde_json::Map::from_iter([("css".to_owned(), json!("h1"))]);
            map.insert(name.to_owned(), broken.clone());
            let mut reader = Reader::default();
            let _ = SelectorField::read(&map, "/x", 0, &mut reader);
            assert_eq!(reader.faults()[0].pointer, format!("/x/{name}"), "{broken}");
        }
    }
}
