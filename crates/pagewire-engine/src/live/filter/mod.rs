//! Filters of the live stream: which events a subscriber is told of.
//!
//! Values of one name are alternatives, different names must all hold. [`Filter::matches`] is what a filter means;
//! [`matcher`] decides the same for many filters at once.

mod keyword;
pub(super) mod matcher;
mod parse;
mod text;

use std::collections::BTreeSet;

use pagewire_types::SourceType;

use super::body::Fields;
pub(super) use keyword::Keyword;
pub use parse::{FilterCaps, FilterValues};
pub(super) use text::Folded;

/// Which events. One without values takes all.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Filter {
    sources: BTreeSet<SourcePattern>,
    source_types: BTreeSet<SourceType>,
    tags: BTreeSet<String>,
    keywords: BTreeSet<Keyword>,
}

/// A source, or all whose ids begin so.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum SourcePattern {
    Exact(String),
    /// With its last dot.
    Prefix(String),
}

impl Filter {
    /// Whether it takes every event.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.sources.is_empty()
            && self.source_types.is_empty()
            && self.tags.is_empty()
            && self.keywords.is_empty()
    }

    /// Whether it takes that event.
    pub(super) fn matches(&self, fields: &Fields<'_>) -> bool {
        let of_source = |pattern: &SourcePattern| match pattern {
            SourcePattern::Exact(id) => *id == fields.source_id,
            SourcePattern::Prefix(prefix) => fields.source_id.starts_with(prefix.as_str()),
        };
        (self.sources.is_empty() || self.sources.iter().any(of_source))
            && (self.source_types.is_empty() || self.source_types.contains(&fields.source_type))
            && (self.tags.is_empty() || fields.tags.iter().any(|tag| self.tags.contains(tag.as_ref())))
            && (self.keywords.is_empty() || {
                let text = Folded::of(&fields.title, &fields.content);
                self.keywords.iter().any(|keyword| keyword.is_in(&text))
            })
    }
}
