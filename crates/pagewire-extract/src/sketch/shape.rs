//! What is wanted of a page: fields with types, whatever dialect they were told in. Parsed and bounded; nothing below
//! checks a shape again.

use super::lexicon::{Lexicon, Meaning};
use crate::selectors::SelectorField;

/// Bounds on a whole shape: levels of nesting, and fields of all levels together.
pub(crate) const DEPTH_MAX: usize = 16;
pub(crate) const FIELDS_MAX: usize = 500;
/// Bytes of a name or a hint that are looked at.
const WORDS_BYTES_MAX: usize = 300;

/// The fields of an object, in the caller's order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    pub(crate) fields: Vec<Field>,
}

/// A shape whose fields know what they may be called.
#[derive(Debug, Clone)]
pub(crate) struct Sketch {
    pub(crate) shape: Shape,
    pub(crate) lexicon: Lexicon,
}

impl From<Shape> for Sketch {
    fn from(mut shape: Shape) -> Self {
        let lexicon = Lexicon::learn(&mut shape);
        Self { shape, lexicon }
    }
}

/// One field.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// The words of its name.
    pub(crate) words: Vec<String>,
    /// The words of its hint, if it has one.
    pub(crate) hint: Vec<String>,
    /// What it may be called in pages: learnt when the whole sketch is known.
    pub(crate) meaning: Meaning,
    pub(crate) from: FieldType,
}

/// What a field's value is, and for a selector where it comes from.
#[derive(Debug, Clone)]
pub(crate) enum FieldType {
    Text,
    Integer,
    Number,
    Boolean,
    /// One of these words, as they stand.
    Enum(Vec<String>),
    /// An object whose keys the page chooses.
    Record,
    Array(Box<FieldType>),
    Object(Shape),
    Selector(Box<SelectorField>),
}

impl Shape {
    pub(crate) fn new(fields: Vec<Field>) -> Self {
        Self { fields }
    }

    /// Whether any field, at any depth, is a selector.
    pub(crate) fn has_selectors(&self) -> bool {
        self.fields.iter().any(|field| field.from.has_selectors())
    }
}

impl Field {
    pub(crate) fn new(name: &str, hint: &str, from: FieldType) -> Self {
        Self {
            name: name.to_owned(),
            words: tokens_of(name),
            hint: tokens_of(hint),
            meaning: Meaning::default(),
            from,
        }
    }
}

impl FieldType {
    fn has_selectors(&self) -> bool {
        match self {
            Self::Text | Self::Integer | Self::Number | Self::Boolean | Self::Enum(_) | Self::Record => false,
            Self::Array(of) => of.has_selectors(),
            Self::Object(shape) => shape.has_selectors(),
            Self::Selector(_) => true,
        }
    }
}

/// Words of a name, in lower case: `publishedAt`, `published_at` and `Published at` are the same.
pub(crate) fn tokens_of(name: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut previous_lower = false;
    for c in name[..name.floor_char_boundary(WORDS_BYTES_MAX)].chars() {
        if !c.is_alphanumeric() {
            previous_lower = false;
            tokens.push(String::new());
            continue;
        }
        if (c.is_uppercase() && previous_lower) || tokens.is_empty() {
            tokens.push(String::new());
        }
        previous_lower = c.is_lowercase() || c.is_numeric();
        if let Some(token) = tokens.last_mut() {
            token.extend(c.to_lowercase());
        }
    }
    tokens.retain(|token| !token.is_empty());
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_every_case_are_the_same_words() {
        for name in ["publishedAt", "published_at", "Published at", "published-at"] {
            assert_eq!(tokens_of(name), ["published", "at"], "{name}");
        }
    }
}
