//! What fields are called: the names that callers give them, where schema.org and `<meta>` tags put them, what class
//! names mark them with and what pages write before them. Data, not code; a concept is added by adding a row.
//!
//! Words are in lower case and parted by single spaces, as [`tokens_of`](super::shape::tokens_of) makes them.

mod commerce;
mod events;
mod food;
mod general;
mod people;
mod work;
mod writing;

use std::collections::HashMap;
use std::sync::LazyLock;

/// What a field's values look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What the page, or an item of it, is called.
    Title,
    /// A few words.
    Short,
    /// Sentences.
    Prose,
    /// The name of a person or several.
    Person,
    Price,
    Currency,
    Availability,
    /// How many of something.
    Count,
    Rating,
    Date,
    EndDate,
    Duration,
    Image,
    Link,
    Email,
    Phone,
    /// A code with digits.
    Code,
    Isbn,
    /// Several values of a few words.
    List,
    EmploymentType,
    Salary,
    Breadcrumbs,
}

/// A thing that pages tell and callers ask for.
#[derive(Debug)]
pub(crate) struct Concept {
    pub(crate) kind: Kind,
    /// What callers call it.
    pub(crate) names: &'static [&'static str],
    /// Where schema.org puts it.
    pub(crate) paths: &'static [&'static str],
    /// Where `<meta>` tags put it.
    pub(crate) meta: &'static [&'static str],
    /// What class names and ids call it; the names count as well.
    pub(crate) marks: &'static [&'static str],
    /// What pages write before it, or after a number; the names count as well.
    pub(crate) labels: &'static [&'static str],
}

/// A concept by its place in the vocabulary.
pub(crate) type ConceptId = u16;

static GROUPS: [&[Concept]; 7] = [
    general::CONCEPTS,
    commerce::CONCEPTS,
    writing::CONCEPTS,
    events::CONCEPTS,
    work::CONCEPTS,
    food::CONCEPTS,
    people::CONCEPTS,
];

/// How phrases are found: each map leads from words to the concepts that they may mean.
pub(crate) struct Vocabulary {
    concepts: Vec<&'static Concept>,
    names: HashMap<&'static str, ConceptId>,
    marks: HashMap<&'static str, Vec<ConceptId>>,
    labels: HashMap<&'static str, Vec<ConceptId>>,
}

pub(crate) static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(Vocabulary::new);

impl Vocabulary {
    fn new() -> Self {
        let concepts: Vec<&'static Concept> = GROUPS.iter().flat_map(|group| group.iter()).collect();
        let mut vocabulary =
            Self { concepts, names: HashMap::new(), marks: HashMap::new(), labels: HashMap::new() };
        for (id, concept) in (0..).zip(vocabulary.concepts.iter()) {
            for name in concept.names {
                vocabulary.names.entry(name).or_insert(id);
            }
            let into = |map: &mut HashMap<&'static str, Vec<ConceptId>>,
                        phrases: &[&'static [&'static str]]| {
                for phrase in phrases.iter().flat_map(|phrases| phrases.iter()) {
                    let ids = map.entry(phrase).or_default();
                    if !ids.contains(&id) {
                        ids.push(id);
                    }
                }
            };
            into(&mut vocabulary.marks, &[concept.names, concept.marks]);
            // Pages in other languages than English name their classes by the words that they show.
            for label in
                concept.labels.iter().filter(|label| label.len() >= MARK_BYTES_MIN && !COMMON.contains(label))
            {
                let ids = vocabulary.marks.entry(label).or_default();
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
            into(&mut vocabulary.labels, &[concept.names, concept.labels]);
        }
        vocabulary
    }

    pub(crate) fn len(&self) -> ConceptId {
        ConceptId::try_from(self.concepts.len()).unwrap_or(ConceptId::MAX)
    }

    pub(crate) fn concept(&self, id: ConceptId) -> Option<&'static Concept> {
        self.concepts.get(usize::from(id)).copied()
    }

    pub(crate) fn marked(&self, phrase: &str) -> &[ConceptId] {
        self.marks.get(phrase).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn labelled(&self, phrase: &str) -> &[ConceptId] {
        self.labels.get(phrase).map_or(&[], Vec::as_slice)
    }

    /// The concept that a caller's name means: as it stands, or without the word for the thing that has it
    /// (`product name`, `job location`) or for what it is (`company name`, `image url`), or in the singular.
    pub(crate) fn named(&self, words: &[String]) -> Option<ConceptId> {
        let of = |words: &[String]| self.names.get(words.join(" ").as_str()).copied();
        let (first, rest) = words.split_first()?;
        if let Some(found) = of(words) {
            return Some(found);
        }
        if !rest.is_empty() && OWNERS.contains(&first.as_str()) {
            return self.named(rest);
        }
        let (last, before) = words.split_last()?;
        if !before.is_empty() && (FORMS.contains(&last.as_str()) || OWNERS.contains(&last.as_str())) {
            return of(before);
        }
        let singular = last.strip_suffix('s')?;
        let words: Vec<String> = before.iter().cloned().chain([singular.to_owned()]).collect();
        of(&words)
    }
}

/// Bytes of a label that is a name for a class too.
const MARK_BYTES_MIN: usize = 5;
/// Labels that classes are called by for other reasons.
const COMMON: &[&str] = &[
    "start",
    "starts",
    "total",
    "status",
    "about",
    "level",
    "format",
    "formato",
    "method",
    "profile",
    "details",
    "service",
    "position",
    "active",
    "reference",
    "items",
    "direction",
    "source",
    "style",
    "release",
    "released",
    "schedule",
    "contract",
    "school",
    "institute",
    "background",
    "building",
    "tickets",
    "entry",
    "baking",
    "cooking",
    "length",
    "place",
    "where",
    "photo",
    "steps",
    "people",
    "portion",
    "portions",
    "parts",
    "review",
    "rating",
    "ratings",
    "reviews",
    "titel",
    "title",
    "highlights",
    "perks",
    "skills",
    "requirements",
    "profil",
    "persona",
    "article",
    "artikel",
    "catalogue no",
    "product no",
    "part no",
    "dates",
    "until",
    "posted",
    "updated",
    "published",
    "date",
    "hours",
    "local",
    "sala",
    "lokal",
    "basis",
    "grade",
    "direct",
    "makes",
    "yield",
    "yields",
    "serves",
    "section",
    "produit",
    "preparation",
    "presentation",
    "présentation",
    "personnes",
    "personen",
    "personas",
    "collection",
    "service",
    "release",
    "comment",
    "comments",
    "views",
    "text von",
    "texto",
    "media",
    "notes",
    "points forts",
    "nature",
    "stock availability",
];

/// Words for the thing that a field belongs to.
pub(crate) const OWNERS: &[&str] = &[
    "product",
    "item",
    "article",
    "post",
    "blog",
    "story",
    "news",
    "event",
    "job",
    "position",
    "vacancy",
    "recipe",
    "book",
    "person",
    "profile",
    "page",
    "listing",
    "offer",
    "entry",
    "main",
    "course",
    "movie",
    "film",
    "song",
    "album",
    "game",
    "app",
    "place",
    "restaurant",
    "hotel",
    "property",
    "vehicle",
    "car",
    "member",
    "employee",
    "staff",
    "user",
    "contact",
    "full",
    "primary",
    "current",
    "unit",
    "customer",
    "total",
    "official",
    "the",
    "ticket",
];

/// Words for what a field's value is.
const FORMS: &[&str] = &[
    "name", "text", "value", "url", "string", "info", "details", "field", "list", "label", "number", "usd",
    "eur", "gbp",
];

/// Types that say what a page is about come before those that say where it stands.
pub(crate) fn is_about_the_site(node_type: &str) -> bool {
    matches!(
        node_type,
        "WebSite"
            | "Organization"
            | "BreadcrumbList"
            | "WebPage"
            | "SearchAction"
            | "ImageObject"
            | "SiteNavigationElement"
            | "Corporation"
            | "OnlineStore"
            | "CollectionPage"
            | "Person"
            | "WPHeader"
            | "WPFooter"
            | "ListItem"
    )
}

#[cfg(test)]
mod tests {
    use super::super::shape::tokens_of;
    use super::*;

    #[test]
    fn phrases_are_written_as_they_are_looked_up() {
        for concept in GROUPS.iter().flat_map(|group| group.iter()) {
            for phrase in concept.names.iter().chain(concept.marks).chain(concept.labels) {
                assert_eq!(tokens_of(phrase).join(" "), **phrase, "{phrase}");
            }
        }
    }

    #[test]
    fn names_that_callers_make_up_are_known() {
        for (name, same) in [
            ("product_name", "name"),
            ("jobLocation", "location"),
            ("image_url", "image"),
            ("company_name", "company"),
            ("prices", "price"),
            ("recipe_ingredients", "ingredients"),
        ] {
            let id = VOCABULARY.named(&tokens_of(name));
            assert!(id.is_some() && id == VOCABULARY.named(&tokens_of(same)), "{name}");
        }
        assert_eq!(VOCABULARY.named(&tokens_of("flux_capacity")), None);
    }
}
