//! Structured data that pages carry for machines, each kind in its own shape:
//!
//! | key | what |
//! |---|---|
//! | `json_ld` | array: the value of each JSON-LD script as it stands; of an array, its members |
//! | `microdata` | array: items `{"type", "id", "properties": {name: value or [values]}}`, or `{"type", "value"}` for an item without properties |
//! | `rdfa` | array: the subjects of all statements as expanded JSON-LD, `{"@id", "@type": [], property: [{"@value"} or {"@id"}]}` |
//! | `open_graph` | object: contents of `<meta property="og:…">` by the name after `og:`; an array where there are several |
//! | `twitter` | object: the same of `twitter:…` |
//!
//! The first three say what the `extruct` package says of the same page (`bench/extruct` compares them); `docs/adr` tells
//! why, and what that means. References are resolved against the page's base.
//!
//! How much is read is bounded by an [`Allowance`], so that what comes out is of the order of the page's own size.

mod item_text;
pub(crate) mod json_ld;
mod lenient_json;
pub(crate) mod meta;
pub(crate) mod microdata;
pub(crate) mod rdfa;
mod reference;
mod tree;

use crate::dom::Document;
use crate::json::{self, ObjectWriter};
use serde_json::{Map, Value};

/// Deepest nesting of elements that is followed here.
const DEPTH_MAX: usize = 600;
/// What may be read, over the page's own size.
const ALLOWANCE_MIN: usize = 64 * 1024;

/// What is read for nodes, whatever the page's size.
const NODES_ALLOWANCE_MAX: usize = 2 * 1024 * 1024;

/// How much may still be read: bytes of text and elements that are looked at.
#[derive(Debug)]
pub(crate) struct Allowance(usize);

impl Allowance {
    #[cfg(test)]
    pub(crate) fn new(amount: usize) -> Self {
        Self(amount)
    }

    /// For a page of that size. Nested properties repeat what they hold.
    fn of_page(bytes: usize) -> Self {
        Self(ALLOWANCE_MIN + bytes.saturating_mul(3))
    }

    /// For the nodes of a page that are held beside its tree: they take some four bytes for each that they cost.
    fn beside(document: &Document) -> Self {
        Self(NODES_ALLOWANCE_MAX.min(document.room_beside(0) / 4))
    }

    /// Whether so much was left; if not, nothing is from now on.
    pub(crate) fn take(&mut self, amount: usize) -> bool {
        let left = self.0.checked_sub(amount);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

/// Writes all of it, by kind, and what else there is. References stand on the base. A kind is let go before the next is
/// read: values take many times the room of what they are written as.
pub(crate) fn write(
    text: &str,
    document: &Document,
    base: &str,
    more: &Map<String, Value>,
    out: &mut Vec<u8>,
) {
    let tags = meta::of_document(document);
    let mut all = ObjectWriter::begin(out);
    json::list(all.field("json_ld"), json_ld::values_of(text).into_iter());
    microdata::write_items(document, base, Allowance::of_page(text.len()), all.field("microdata"));
    let subjects = rdfa::subjects_of(document, base, Allowance::of_page(text.len()));
    json::list(all.field("rdfa"), subjects.into_iter());
    json::value(all.field("open_graph"), &tags.with_prefix("og:"));
    json::value(all.field("twitter"), &tags.with_prefix("twitter:"));
    for (name, value) in more {
        json::value(all.field(name), value);
    }
    all.end();
}

#[cfg(test)]
mod tests;
