//! What the fields of one sketch may be called: each field's meanings, and the phrases of their own that fields bring
//! which the vocabulary does not know.

use std::collections::HashMap;

use super::shape::{Field, FieldType, Shape};
use super::vocabulary::{ConceptId, Kind, VOCABULARY};

/// A concept of the vocabulary, or after those what a field of this sketch means and nothing else does.
pub(crate) type Term = u16;

/// Words of a hint that are tried as phrases.
const HINT_WORDS_MAX: usize = 16;
/// Words that mean nothing by themselves.
const EMPTY_WORDS: &[&str] = &[
    "the", "a", "an", "of", "in", "for", "to", "and", "or", "as", "is", "it", "its", "this", "that", "with",
    "on", "at", "by", "from", "e", "g", "eg", "i", "if", "any", "one", "all", "be", "are", "was", "not",
    "only", "like", "such", "page", "value", "string", "text", "whole", "product", "item", "format", "iso",
    "example", "given", "shown", "without", "de", "la", "le", "der", "die", "das", "und", "s",
];

/// What may stand for a concept where that itself is not told, and how well.
const COMPANIONS: &[(&str, &str, f32)] = &[
    ("currency", "price", 0.9),
    ("currency", "salary", 0.8),
    ("review count", "rating count", 0.88),
    ("rating count", "review count", 0.88),
    ("description", "subtitle", 0.87),
    ("description", "bio", 0.85),
    ("bio", "description", 0.85),
    ("venue", "location", 0.9),
    ("location", "venue", 0.9),
    ("location", "address", 0.8),
    ("location", "city", 0.8),
    ("sku", "mpn", 0.7),
];

/// Phrases that fields bring.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lexicon {
    own: HashMap<String, Vec<Term>>,
}

/// What a field means.
#[derive(Debug, Clone)]
pub(crate) struct Meaning {
    /// Its terms, the surest first, and how sure each is.
    pub(crate) terms: Vec<(Term, f32)>,
    pub(crate) kind: Kind,
}

impl Default for Meaning {
    fn default() -> Self {
        Self { terms: Vec::new(), kind: Kind::Short }
    }
}

impl Meaning {
    /// How surely a term is this.
    pub(crate) fn weight(&self, term: Term) -> Option<f32> {
        self.terms.iter().find(|(known, _)| *known == term).map(|(_, weight)| *weight)
    }

    pub(crate) fn concepts(&self) -> impl Iterator<Item = ConceptId> + '_ {
        self.terms.iter().map(|(term, _)| *term).filter(|term| *term < VOCABULARY.len())
    }
}

impl Lexicon {
    /// Gives each field of a shape its meaning.
    pub(crate) fn learn(shape: &mut Shape) -> Self {
        let mut lexicon = Self::default();
        let mut next = VOCABULARY.len();
        lexicon.learn_shape(shape, &mut next);
        lexicon
    }

    /// What a phrase of a class name may mean.
    pub(crate) fn marked(&self, phrase: &str) -> impl Iterator<Item = Term> + '_ {
        VOCABULARY.marked(phrase).iter().copied().chain(self.own(phrase))
    }

    /// What a phrase before a value may mean.
    pub(crate) fn labelled(&self, phrase: &str) -> impl Iterator<Item = Term> + '_ {
        VOCABULARY.labelled(phrase).iter().copied().chain(self.own(phrase))
    }

    fn own(&self, phrase: &str) -> impl Iterator<Item = Term> + '_ {
        self.own.get(phrase).into_iter().flatten().copied()
    }

    /// Nests as deep as shapes do, which is bounded.
    fn learn_shape(&mut self, shape: &mut Shape, next: &mut Term) {
        for field in &mut shape.fields {
            field.meaning = self.meaning_of(field, next);
            if let Some(shape) = shape_within(&mut field.from) {
                self.learn_shape(shape, next);
            }
        }
        tell_titles_apart(shape);
    }

    fn meaning_of(&mut self, field: &Field, next: &mut Term) -> Meaning {
        let mut terms: Vec<(Term, f32)> = Vec::new();
        let mut add = |term: Term, weight: f32| {
            if !terms.iter().any(|(known, _)| *known == term) {
                terms.push((term, weight));
            }
        };
        let named = VOCABULARY.named(&field.words);
        if let Some(id) = named {
            add(id, 1.0);
        }
        let hint: Vec<String> = field
            .hint
            .iter()
            .filter(|word| !EMPTY_WORDS.contains(&word.as_str()))
            .take(HINT_WORDS_MAX)
            .cloned()
            .collect();
        let exact = named.is_some_and(|id| {
            VOCABULARY
                .concept(id)
                .is_some_and(|concept| concept.names.contains(&field.words.join(" ").as_str()))
        });
        // A name that nobody knows, or one that says more than the concept, is looked for as it stands.
        if !exact || !hint.is_empty() {
            let own = *next;
            *next = next.saturating_add(1);
            if !exact && !field.words.is_empty() {
                self.own.entry(field.words.join(" ")).or_default().push(own);
            }
            if !hint.is_empty() {
                self.own.entry(hint.join(" ")).or_default().push(own);
            }
            add(own, 1.0);
        }
        let of_hint = (1..=hint.len().min(3))
            .rev()
            .find_map(|length| hint.windows(length).find_map(|words| VOCABULARY.named(words)));
        if let Some(id) = of_hint {
            // Beside a name that is known a hint only helps.
            add(id, if named.is_some() { 0.7 } else { 0.9 });
        }
        for (name, other, weight) in COMPANIONS {
            let id = |name: &str| VOCABULARY.named(&name.split(' ').map(str::to_owned).collect::<Vec<_>>());
            if let Some(other) = id(other).filter(|_| named.is_some() && named == id(name)) {
                add(other, *weight);
            }
        }
        let kind = named.or(of_hint).and_then(|id| VOCABULARY.concept(id)).map(|concept| concept.kind);
        Meaning { terms, kind: kind.unwrap_or_else(|| kind_by_words(&field.words)) }
    }
}

fn shape_within(from: &mut FieldType) -> Option<&mut Shape> {
    let mut from = from;
    loop {
        match from {
            FieldType::Array(of) => from = of,
            FieldType::Object(shape) => return Some(shape),
            FieldType::Selector(selector) => return selector.row_mut(),
            FieldType::Text
            | FieldType::Integer
            | FieldType::Number
            | FieldType::Boolean
            | FieldType::Enum(_)
            | FieldType::Record => return None,
        }
    }
}

/// Beside a name, a title is what somebody is by profession.
fn tell_titles_apart(shape: &mut Shape) {
    let id = |name: &str| VOCABULARY.named(&[name.to_owned()]);
    let (Some(name), Some(title), Some(position)) = (id("name"), id("title"), id("position")) else { return };
    let has_name =
        shape.fields.iter().any(|field| field.meaning.terms.first().is_some_and(|(term, _)| *term == name));
    if has_name {
        for field in &mut shape.fields {
            if field.words == ["title"] && field.meaning.terms.first().is_some_and(|(term, _)| *term == title)
            {
                field.meaning = Meaning { terms: vec![(position, 1.0)], kind: Kind::Short };
            }
        }
    }
}

/// What values look like by words of a name that is not known.
fn kind_by_words(words: &[String]) -> Kind {
    let has = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    if has(&["date", "day", "deadline"]) {
        Kind::Date
    } else if has(&["url", "link", "href"]) {
        Kind::Link
    } else if has(&["image", "photo", "picture", "logo", "thumbnail"]) {
        Kind::Image
    } else if has(&["price", "cost", "fee"]) {
        Kind::Price
    } else if has(&["email", "mail"]) {
        Kind::Email
    } else if has(&["phone", "telephone", "fax", "mobile"]) {
        Kind::Phone
    } else if has(&["count", "number", "num", "quantity", "total"]) {
        Kind::Count
    } else if has(&["rating", "score"]) {
        Kind::Rating
    } else if has(&["description", "summary", "text"]) {
        Kind::Prose
    } else {
        Kind::Short
    }
}
