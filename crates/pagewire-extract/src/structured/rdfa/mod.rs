//! RDFa (RDFa Core 1.1, and 1.0 where a page says that it is that): the statements of a page as expanded JSON-LD, and as
//! nodes in the shape of plain JSON-LD.
//!
//! The tree is walked once, as section 7.5 has it: [`walk`] decides what is said of what, [`context`] what names mean,
//! [`graph`] keeps the statements.

mod context;
mod graph;
mod literal;
mod nodes;
mod quote;
mod walk;

use crate::dom::Document;
use serde_json::{Map, Value};

use super::Allowance;

/// The subjects of a page with all that is said of them.
pub(crate) fn subjects_of(document: &Document, base: &str, allowance: Allowance) -> Vec<Value> {
    walk::graph_of(document, base, allowance).into_nodes()
}

/// The typed subjects of a page as nodes: names without their vocabulary, subjects that others speak of within them.
/// Social previews and roles are left out.
pub(crate) fn nodes_of(document: &Document) -> Vec<Map<String, Value>> {
    if !is_used(document) {
        return Vec::new();
    }
    nodes::of_subjects(&subjects_of(document, "", Allowance::beside(document)))
}

/// Whether anything on the page has a type: most pages have no RDFa but OpenGraph's.
fn is_used(document: &Document) -> bool {
    document.select_first("[typeof]").is_some()
}

#[cfg(test)]
mod tests;
