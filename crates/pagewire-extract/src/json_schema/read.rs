//! Reads a schema into its nodes, and tells what is wrong with it by pointers into the request.
//!
//! Read are the keywords of draft 2020-12 that say what a value is, and what older drafts called them (`definitions`,
//! a list as `items`). Keywords that would change what satisfies the schema and are not read are refused; all others are
//! words for people. References stay within the schema: nothing is ever fetched.

use std::collections::HashMap;

use pagewire_types::fields::{Faults, brief, pointer_step};
use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use super::format::Format;
use super::node::{Bounds, Condition, Kind, Limits, Node, NodeId};

/// Schemas within a schema, and how deep they nest.
const NODES_MAX: usize = 2_000;
const DEPTH_MAX: usize = 40;
/// Values of an `enum`.
const CHOICES_MAX: usize = 1_000;
/// Patterns of a schema, characters of one, and bytes of what it compiles to.
const PATTERNS_MAX: usize = 100;
const PATTERN_CHARS_MAX: usize = 1_000;
const PATTERN_COMPILED_BYTES_MAX: usize = 256 * 1024;
/// Dialects that are read as they agree in what is read here.
const DIALECTS: [&str; 4] =
    ["draft/2020-12/schema", "draft/2019-09/schema", "draft-07/schema", "draft-06/schema"];
/// Keywords that decide what satisfies a schema, and are not read.
const UNREAD: [&str; 8] = [
    "unevaluatedProperties",
    "unevaluatedItems",
    "dependentSchemas",
    "dependentRequired",
    "dependencies",
    "$dynamicRef",
    "$recursiveRef",
    "disallow",
];

pub(super) struct Reader<'s, 'f> {
    root: &'s Value,
    /// Where the schema stands in the request.
    base: &'s str,
    nodes: Vec<Node>,
    /// Nodes by their pointer within the schema.
    places: HashMap<String, NodeId>,
    references: Vec<(NodeId, String)>,
    patterns: usize,
    faults: &'f mut Faults,
}

impl<'s, 'f> Reader<'s, 'f> {
    /// The nodes of a schema; the first is the schema itself.
    pub(super) fn nodes_of(root: &'s Value, base: &'s str, faults: &'f mut Faults) -> Vec<Node> {
        let mut reader = Reader {
            root,
            base,
            nodes: Vec::new(),
            places: HashMap::new(),
            references: Vec::new(),
            patterns: 0,
            faults,
        };
        reader.node(root, "", 0);
        reader.resolve();
        reader.nodes
    }

    fn fault(&mut self, pointer: &str, detail: impl Into<String>) {
        self.faults.add(format!("{}{pointer}", self.base), detail);
    }

    /// Each reference becomes the node that it points to. What stands where no keyword holds schemas is read when a
    /// reference asks for it.
    fn resolve(&mut self) {
        while let Some((of, target)) = self.references.pop() {
            let at = match self.places.get(&target) {
                Some(at) => Some(*at),
                None => self
                    .root
                    .pointer(&target)
                    .filter(|found| found.is_object() || found.is_boolean())
                    .map(|found| self.node(found, &target, target.matches('/').count())),
            };
            match at {
                Some(at) => self.nodes[of].reference = Some(at),
                None => {
                    let pointer = format!("{}/$ref", self.pointer_of(of));
                    self.fault(&pointer, "points to nothing in this schema");
                }
            }
        }
    }

    fn pointer_of(&self, node: NodeId) -> String {
        self.nodes[node].pointer.strip_prefix(self.base).unwrap_or_default().to_owned()
    }

    fn node(&mut self, value: &'s Value, pointer: &str, depth: usize) -> NodeId {
        let at = self.nodes.len();
        self.nodes.push(Node { pointer: format!("{}{pointer}", self.base), ..Node::default() });
        self.places.insert(pointer.to_owned(), at);
        if depth > DEPTH_MAX || at >= NODES_MAX {
            // One fault is enough for what is far too much.
            if depth > DEPTH_MAX || at == NODES_MAX {
                let detail =
                    format!("must nest at most {DEPTH_MAX} deep and have at most {NODES_MAX} schemas in all");
                self.fault(pointer, detail);
            }
            return at;
        }
        match value {
            Value::Bool(is_any) => self.nodes[at].is_never = !is_any,
            Value::Object(map) => {
                let node = KeywordReader { reader: self, map, pointer, depth }.node(at);
                self.nodes[at] = Node { pointer: std::mem::take(&mut self.nodes[at].pointer), ..node };
            }
            other => {
                let detail = format!("must be a schema: an object, true or false, not {}", brief(other));
                self.fault(pointer, detail);
            }
        }
        at
    }
}

/// Reads the keywords of one schema.
struct KeywordReader<'r, 's, 'f> {
    reader: &'r mut Reader<'s, 'f>,
    map: &'s Map<String, Value>,
    pointer: &'r str,
    depth: usize,
}

impl<'s> KeywordReader<'_, 's, '_> {
    fn node(mut self, at: NodeId) -> Node {
        for name in UNREAD.into_iter().filter(|name| self.map.contains_key(*name)) {
            self.fault(name, "is a keyword that is not read here; say it with the others, or leave it out");
        }
        if self.depth == 0 {
            self.dialect();
        }
        self.reference(at);
        let (names, properties) = self.properties();
        let (prefix_items, items) = self.items();
        // Definitions are read too: a fault in one that nothing refers to is a fault all the same.
        for name in ["$defs", "definitions"] {
            self.named_schemas(name);
        }
        Node {
            kinds: self.kinds(),
            is_nullable: self.flag("nullable"),
            choices: self.choices(),
            limits: Limits {
                minimum: self.number("minimum"),
                maximum: self.number("maximum"),
                exclusive_minimum: self.number("exclusiveMinimum"),
                exclusive_maximum: self.number("exclusiveMaximum"),
                multiple_of: self.multiple_of(),
            },
            length: self.bounds("minLength", "maxLength"),
            pattern: self.text("pattern").and_then(|text| self.pattern(text, "pattern")),
            format: self.text("format").and_then(Format::named),
            names,
            properties,
            pattern_properties: self.pattern_properties(),
            additional_properties: self.schema("additionalProperties"),
            property_names: self.schema("propertyNames"),
            required: self.required(),
            size: self.bounds("minProperties", "maxProperties"),
            prefix_items,
            items,
            contains: self.contains(),
            count: self.bounds("minItems", "maxItems"),
            is_unique: self.flag("uniqueItems"),
            all_of: self.schemas("allOf"),
            any_of: self.schemas("anyOf"),
            one_of: self.schemas("oneOf"),
            not: self.schema("not"),
            condition: self.condition(),
            hint: self.hint(),
            ..Node::default()
        }
    }

    fn fault(&mut self, name: &str, detail: impl Into<String>) {
        let pointer = pointer_step(self.pointer, name);
        self.reader.fault(&pointer, detail);
    }

    fn expected(&mut self, name: &str, what: &str, found: &Value) {
        self.fault(name, format!("must be {what}, not {}", brief(found)));
    }

    fn dialect(&mut self) {
        let Some(value) = self.map.get("$schema") else { return };
        let is_read = value.as_str().is_some_and(|name| {
            let name = name.trim_end_matches('#');
            DIALECTS.iter().any(|dialect| name.ends_with(dialect))
        });
        if !is_read {
            self.expected("$schema", "`https://json-schema.org/draft/2020-12/schema`", value);
        }
    }

    fn reference(&mut self, at: NodeId) {
        let Some(value) = self.map.get("$ref") else { return };
        match value.as_str() {
            Some(text) if text == "#" || text.starts_with("#/") => {
                self.reader.references.push((at, without_percent_signs(&text[1..])));
            }
            Some(_) => self.fault(
                "$ref",
                format!(
                    "{} is not within this schema; write `#/$defs/NAME`: nothing is fetched",
                    brief(value)
                ),
            ),
            None => self.expected("$ref", "a reference such as `#/$defs/NAME`", value),
        }
    }

    fn child(&mut self, value: &'s Value, pointer: &str) -> NodeId {
        self.reader.node(value, pointer, self.depth + 1)
    }

    fn schema(&mut self, name: &str) -> Option<NodeId> {
        let value = self.map.get(name)?;
        Some(self.child(value, &pointer_step(self.pointer, name)))
    }

    fn schemas(&mut self, name: &str) -> Vec<NodeId> {
        match self.map.get(name) {
            None => Vec::new(),
            Some(Value::Array(items)) if !items.is_empty() => {
                let at = pointer_step(self.pointer, name);
                items.iter().enumerate().map(|(n, item)| self.child(item, &format!("{at}/{n}"))).collect()
            }
            Some(other) => {
                self.expected(name, "a list of at least one schema", other);
                Vec::new()
            }
        }
    }

    fn named_schemas(&mut self, name: &str) -> Vec<(&'s str, NodeId)> {
        match self.map.get(name) {
            None => Vec::new(),
            Some(Value::Object(map)) => {
                let at = pointer_step(self.pointer, name);
                map.iter()
                    .map(|(name, value)| (name.as_str(), self.child(value, &pointer_step(&at, name))))
                    .collect()
            }
            Some(other) => {
                self.expected(name, "an object of schemas", other);
                Vec::new()
            }
        }
    }

    fn properties(&mut self) -> (Vec<String>, HashMap<String, NodeId>) {
        let read = self.named_schemas("properties");
        let names = read.iter().map(|(name, _)| (*name).to_owned()).collect();
        (names, read.into_iter().map(|(name, at)| (name.to_owned(), at)).collect())
    }

    fn pattern_properties(&mut self) -> Vec<(Regex, NodeId)> {
        let read = self.named_schemas("patternProperties");
        read.into_iter()
            .filter_map(|(text, at)| Some((self.pattern(text, "patternProperties")?, at)))
            .collect()
    }

    /// `prefixItems` and `items`; a list as `items` is what `prefixItems` was called before.
    fn items(&mut self) -> (Vec<NodeId>, Option<NodeId>) {
        if self.map.get("items").is_some_and(Value::is_array) {
            return (self.schemas("items"), self.schema("additionalItems"));
        }
        (self.schemas("prefixItems"), self.schema("items"))
    }

    fn contains(&mut self) -> Option<(NodeId, Bounds)> {
        let bounds = self.bounds("minContains", "maxContains");
        self.schema("contains").map(|at| (at, Bounds { min: bounds.min.or(Some(1)), ..bounds }))
    }

    fn condition(&mut self) -> Option<Condition> {
        let (then, otherwise) = (self.schema("then"), self.schema("else"));
        self.schema("if").map(|test| Condition { test, then, otherwise })
    }

    fn kinds(&mut self) -> Option<Vec<Kind>> {
        let value = self.map.get("type")?;
        let names = match value {
            Value::Array(names) if !names.is_empty() => names.as_slice(),
            one => std::slice::from_ref(one),
        };
        let kinds: Option<Vec<Kind>> = names.iter().map(|name| Kind::named(name.as_str()?)).collect();
        if kinds.is_none() {
            let all: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
            self.expected("type", &format!("one of {}, or a list of them", all.join(", ")), value);
        }
        kinds
    }

    fn choices(&mut self) -> Option<Vec<Value>> {
        if let Some(only) = self.map.get("const") {
            return Some(vec![only.clone()]);
        }
        match self.map.get("enum")? {
            Value::Array(values) if (1..=CHOICES_MAX).contains(&values.len()) => Some(values.clone()),
            other => {
                let what = format!("a list of 1 to {CHOICES_MAX} values");
                self.expected("enum", &what, other);
                None
            }
        }
    }

    fn required(&mut self) -> Vec<String> {
        let Some(value) = self.map.get("required") else { return Vec::new() };
        let names = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let read: Option<Vec<String>> = names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
        match read.filter(|_| value.is_array()) {
            Some(names) => names,
            None => {
                self.expected("required", "a list of names", value);
                Vec::new()
            }
        }
    }

    fn number(&mut self, name: &str) -> Option<f64> {
        let value = self.map.get(name)?;
        if !value.is_number() {
            self.expected(name, "a number", value);
        }
        value.as_f64()
    }

    fn multiple_of(&mut self) -> Option<f64> {
        let number = self.number("multipleOf")?;
        if number <= 0.0 {
            self.fault("multipleOf", "must be greater than 0");
        }
        Some(number)
    }

    fn bounds(&mut self, min: &str, max: &str) -> Bounds {
        let mut bound = |name: &str| {
            let value = self.map.get(name)?;
            let read = value.as_u64();
            if read.is_none() {
                self.expected(name, "a whole number of 0 or more", value);
            }
            read
        };
        Bounds { min: bound(min), max: bound(max) }
    }

    fn flag(&mut self, name: &str) -> bool {
        match self.map.get(name) {
            None => false,
            Some(Value::Bool(is)) => *is,
            Some(other) => {
                self.expected(name, "true or false", other);
                false
            }
        }
    }

    fn text(&mut self, name: &str) -> Option<&'s str> {
        let value = self.map.get(name)?;
        if !value.is_string() {
            self.expected(name, "a string", value);
        }
        value.as_str()
    }

    /// Compiled to what takes time that is linear in the text, whatever the pattern.
    fn pattern(&mut self, text: &str, name: &str) -> Option<Regex> {
        self.reader.patterns += 1;
        let fits = self.reader.patterns <= PATTERNS_MAX && text.chars().count() <= PATTERN_CHARS_MAX;
        let build = || RegexBuilder::new(text).size_limit(PATTERN_COMPILED_BYTES_MAX).build();
        let read = fits.then(build).and_then(Result::ok);
        if read.is_none() {
            let detail = format!(
                "must be a regular expression of at most {PATTERN_CHARS_MAX} characters that needs no back-tracking, and \
                 one of at most {PATTERNS_MAX}"
            );
            self.fault(name, detail);
        }
        read
    }

    fn hint(&self) -> String {
        let text = |name| self.map.get(name).and_then(Value::as_str);
        text("description").or_else(|| text("title")).unwrap_or_default().to_owned()
    }
}

/// A reference is a URL's fragment: it may have percent signs.
fn without_percent_signs(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let byte = (*first == b'%')
            .then(|| text.get(text.len() - after.len()..)?.get(..2))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
