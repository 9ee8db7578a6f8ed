//! Filling a sketch, from the surest source to the least: what the caller pointed at himself, JSON-LD, microdata, RDFa,
//! `<meta>` tags, and then the page as it is seen. The first source that has a value of the right type gives it, so that a
//! field which JSON-LD settles is the same with and without a tree.

use serde_json::{Map, Value, json};

use super::visible::Visible;
use super::vocabulary::Kind;
use super::{Field, FieldType, Sketch, nodes};
use crate::structured::meta::MetaTags;

/// A source of values, and how far its word is trusted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    pub(crate) name: &'static str,
    pub(crate) confidence: f64,
}

/// The word of a selector is the caller's own.
const SELECTOR: Source = Source { name: "selector", confidence: 1.0 };
/// JSON-LD.
pub(crate) const JSON_LD: Source = Source { name: "json-ld", confidence: 0.98 };
/// Microdata.
pub(crate) const MICRODATA: Source = Source { name: "microdata", confidence: 0.95 };
/// RDFa.
pub(crate) const RDFA: Source = Source { name: "rdfa", confidence: 0.94 };
/// OpenGraph and the like.
const META: Source = Source { name: "meta", confidence: 0.85 };
/// The visible page, of which each value has a score of its own.
const VISIBLE: &str = "visible";
/// A description that is seen is better than what is written for search engines, if it is as sure as this.
const SEEN_SURELY: f32 = 0.8;

/// The fields found so far, and where.
#[derive(Debug)]
pub(crate) struct Filled<'s> {
    sketch: &'s Sketch,
    values: Vec<Option<Value>>,
    report: Map<String, Value>,
}

impl<'s> Filled<'s> {
    pub(crate) fn new(sketch: &'s Sketch) -> Self {
        Self { sketch, values: vec![None; sketch.shape.fields.len()], report: Map::new() }
    }

    /// Whether nothing is left to look for.
    pub(crate) fn is_settled(&self) -> bool {
        self.values.iter().all(Option::is_some)
    }

    fn set(&mut self, at: usize, value: Value, source: Source, path: &str) {
        self.report.insert(
            self.sketch.shape.fields[at].name.clone(),
            json!({"source": source.name, "path": path, "confidence": source.confidence}),
        );
        self.values[at] = Some(value);
    }

    fn missing(&self) -> impl Iterator<Item = (usize, &'s Field)> + use<'_, 's> {
        let fields = self.sketch.shape.fields.iter().enumerate();
        fields
            .filter(|(at, field)| self.values[*at].is_none() && !matches!(field.from, FieldType::Selector(_)))
    }

    /// Fills what selectors of the caller's find.
    pub(crate) fn take_from_selectors(&mut self, page: &Visible<'_, '_>) {
        for (at, field) in self.sketch.shape.fields.iter().enumerate() {
            if let FieldType::Selector(selector) = &field.from
                && let Some(value) = page.selected(selector)
            {
                self.set(at, value, SELECTOR, selector.told());
            }
        }
    }

    /// Fills what nodes can fill.
    pub(crate) fn take_from_nodes(&mut self, nodes: &[Map<String, Value>], source: Source) {
        let missing: Vec<(usize, &Field)> = self.missing().collect();
        if missing.is_empty() || nodes.is_empty() {
            return;
        }
        let nodes = nodes::Nodes::of(nodes, missing.iter().map(|(_, field)| *field));
        for (at, field) in missing {
            if let Some((value, path)) = nodes.find(field) {
                self.set(at, value, source, &path);
            }
        }
    }

    /// Fills what `<meta>` tags can fill. A title that is seen and stands at the beginning of theirs is without the
    /// site's name.
    pub(crate) fn take_from_meta(&mut self, tags: &MetaTags, page: &Visible<'_, '_>) {
        let missing: Vec<(usize, &Field)> = self.missing().collect();
        for (at, field) in missing {
            let Some((value, name)) = nodes::in_meta(field, tags) else { continue };
            let is_plain = !name.contains(':');
            let seen = match field.meaning.kind {
                Kind::Title => page.find(field).filter(|seen| is_start_of(&seen.value, &value)),
                Kind::Prose if is_plain => page.find(field).filter(|seen| seen.score >= SEEN_SURELY),
                _ => None,
            };
            match seen {
                Some(seen) => self.set_seen(at, seen),
                None => self.set(at, value, META, name),
            }
        }
    }

    /// Fills what is seen.
    pub(crate) fn take_from_page(&mut self, page: &Visible<'_, '_>) {
        let missing: Vec<(usize, &Field)> = self.missing().collect();
        if missing.is_empty() {
            return;
        }
        for (at, seen) in page.find_all(&missing) {
            self.set_seen(at, seen);
        }
    }

    fn set_seen(&mut self, at: usize, seen: super::visible::Seen) {
        let confidence = (f64::from(seen.score.clamp(0.0, 1.0)) * 90.0).round() / 100.0;
        let mut told = Map::new();
        told.insert("source".to_owned(), VISIBLE.into());
        told.extend(seen.selector.map(|selector| ("selector".to_owned(), selector.into())));
        told.extend(seen.label.map(|label| ("label".to_owned(), label.into())));
        told.insert("confidence".to_owned(), confidence.into());
        self.report.insert(self.sketch.shape.fields[at].name.clone(), Value::Object(told));
        self.values[at] = Some(seen.value);
    }

    /// The values, `null` for what was not found, and the report.
    pub(crate) fn finish(self) -> (Vec<Value>, Value) {
        (self.values.into_iter().map(Option::unwrap_or_default).collect(), Value::Object(self.report))
    }
}

fn is_start_of(seen: &Value, told: &Value) -> bool {
    let (Some(seen), Some(told)) = (seen.as_str(), told.as_str()) else { return false };
    seen.chars().count() >= 3 && told.len() > seen.len() && told.starts_with(seen)
}
