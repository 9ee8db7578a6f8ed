//! Finding a field in the visible page. Leads are gathered from labels, from names and from what values of its kind look
//! like; each is read as what was asked for, and the best of those that can be read is the field's value.

mod contact;
mod leads;
mod lists;
mod person;
mod picture;
mod prose;
mod read;
mod stock;
mod title;

use std::cell::Cell;
use std::ops::Range;

use serde_json::Value;

use super::page::{At, Page, Valued, flag};
use super::shape::{Field, FieldType};
use super::vocabulary::Kind;

/// Leads of one field that are read.
const LEADS_MAX: usize = 48;
/// What a value must reach to be told.
const SCORE_MIN: f32 = 0.42;

/// Where a value may stand, and how surely.
#[derive(Debug, Clone)]
pub(super) struct Lead {
    value: Valued,
    score: f32,
    how: How,
}

/// What led to a value.
#[derive(Debug, Clone)]
enum How {
    Label(Range<u32>),
    Name(At),
    /// What it looks like, or where it stands.
    Look(At),
}

/// The best leads of a field; a page may be nothing but leads.
#[derive(Default)]
pub(super) struct Leads(Vec<Lead>);

impl Leads {
    fn push(&mut self, lead: Lead) {
        if self.0.len() == 8 * LEADS_MAX {
            self.keep_best();
        }
        self.0.push(lead);
    }

    /// Of leads that are as good, the earlier.
    fn keep_best(&mut self) {
        self.0.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.0.truncate(LEADS_MAX);
    }

    fn into_best(mut self) -> Vec<Lead> {
        self.keep_best();
        self.0
    }
}

/// A field's value on the visible page.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) value: Value,
    pub(super) score: f32,
    /// The label before it or the element that holds it.
    pub(super) label: Option<String>,
    pub(super) selector: Option<String>,
    /// Where it was found, so that another field is not filled with the same.
    at: Option<At>,
}

/// Looks for fields in one part of a page.
pub(super) struct Finder<'p, 'd> {
    pub(super) page: &'p Page<'d>,
    pub(super) language: Option<&'p str>,
    /// The `<title>`, which decides between headings.
    pub(super) page_title: Option<&'p str>,
    /// What is looked through, and the whole page where that is all of it.
    pub(super) part: Range<At>,
    /// An item of a list is about one thing: nothing in it is about others.
    pub(super) is_item: bool,
    /// The heading that names what the part is about.
    title: Option<At>,
    /// Elements that may still be looked through, for the whole page.
    left: &'p Cell<usize>,
}

/// What looking for a scalar, or a list of them, came to.
pub(super) enum Find {
    Is(Found),
    IsNot,
    IsNoScalar,
}

impl<'p, 'd> Finder<'p, 'd> {
    pub(super) fn new(
        page: &'p Page<'d>,
        language: Option<&'p str>,
        page_title: Option<&'p str>,
        part: Range<At>,
        is_item: bool,
        left: &'p Cell<usize>,
    ) -> Self {
        let mut finder = Self { page, language, page_title, part, is_item, title: None, left };
        finder.title = finder.title_element();
        finder
    }

    /// The field's value if it is a scalar or a list of scalars.
    pub(super) fn find_scalar(&self, field: &Field, taken: &[At]) -> Find {
        match item_type(&field.from) {
            FieldType::Text
            | FieldType::Integer
            | FieldType::Number
            | FieldType::Boolean
            | FieldType::Enum(_) => self.find(field, taken).map_or(Find::IsNot, Find::Is),
            FieldType::Record | FieldType::Array(_) | FieldType::Object(_) | FieldType::Selector(_) => {
                Find::IsNoScalar
            }
        }
    }

    /// Elements that are named or labelled as a field, the surest first.
    pub(super) fn holders(&self, field: &Field) -> Vec<At> {
        let mut holders: Vec<(f32, At)> = Vec::new();
        let hits = self.page.hits_in(&self.part).iter();
        holders.extend(hits.filter_map(|hit| Some((field.meaning.weight(hit.term)? * hit.share, hit.at))));
        for pair in self.page.pairs_in(&self.part) {
            let Some(weight) = field.meaning.weight(pair.term) else { continue };
            let at = match &pair.value {
                Valued::Element(at) => *at,
                Valued::Elements(all) => match all.first() {
                    Some(first) => *first,
                    None => continue,
                },
                Valued::Text(_) => continue,
            };
            holders.push((weight * pair.share, at));
        }
        holders.retain(|(score, at)| *score >= 0.5 && !self.page.is(*at, flag::NAV));
        holders.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        holders.truncate(20);
        holders.into_iter().map(|(_, at)| at).collect()
    }

    /// How much a list at a place may be what a page is about. What links on is what lists are made of.
    pub(super) fn weight_of_list(&self, at: At) -> f32 {
        let is = |flags: u16| self.page.is(at, flags);
        let part = if is(flag::NAV | flag::BREADCRUMB) {
            0.15
        } else if is(flag::FOOTER) {
            0.3
        } else if is(flag::ASIDE | flag::HEADER) {
            0.5
        } else if is(flag::OTHERS) {
            0.6
        } else {
            1.0
        };
        if self.is_item { 1.0 } else { part }
    }

    /// What a place holds as the value of a field that a label has led to.
    pub(super) fn read_labelled(&self, field: &Field, value: &Valued) -> Option<Value> {
        let lead = Lead { value: value.clone(), score: 1.0, how: How::Label(0..0) };
        self.read(field, &lead).map(|(value, _)| value)
    }

    /// The field's value, if the part has it. Not where `taken` is told by another field already.
    pub(super) fn find(&self, field: &Field, taken: &[At]) -> Option<Found> {
        let leads = self.leads(field).into_best();
        let mut best: Option<(f32, Value, &Lead)> = None;
        for lead in &leads {
            if best.as_ref().is_some_and(|(score, ..)| *score >= lead.score) {
                break;
            }
            if lead.element().is_some_and(|at| taken.contains(&at)) {
                continue;
            }
            let Some((value, quality)) = self.read(field, lead) else { continue };
            let score = lead.score * quality;
            if score >= SCORE_MIN && best.as_ref().is_none_or(|(other, ..)| score > *other) {
                best = Some((score, value, lead));
            }
        }
        let (score, value, lead) = best?;
        let label = match &lead.how {
            How::Label(range) => Some(super::page::folded(self.page.raw(range))),
            How::Name(_) | How::Look(_) => None,
        };
        let selector = match &lead.how {
            How::Name(at) | How::Look(at) => Some(self.page.told(*at)),
            How::Label(_) => None,
        };
        Some(Found { value, score, label, selector, at: lead.element() })
    }

    /// How much what stands there is about what the page is about.
    fn standing(&self, at: At, kind: Kind) -> f32 {
        let flags = self.page.element(at).flags;
        let mut factor: f32 = 1.0;
        let mut lower = |of: u16, by: f32| {
            if flags & of != 0 {
                factor = factor.min(by);
            }
        };
        lower(flag::CONTROL, if matches!(kind, Kind::Availability) { 0.9 } else { 0.7 });
        if self.is_item {
            return factor;
        }
        let is_contact = matches!(kind, Kind::Email | Kind::Phone);
        lower(flag::NAV, 0.3);
        lower(flag::FOOTER, if is_contact { 0.65 } else { 0.4 });
        lower(flag::OTHERS, 0.35);
        lower(flag::CARD, 0.5);
        lower(flag::HEADER, if is_contact { 0.6 } else { 0.5 });
        lower(flag::ASIDE, 0.85);
        if !matches!(kind, Kind::Breadcrumbs | Kind::List) {
            lower(flag::BREADCRUMB, 0.4);
        }
        if self.title.is_some_and(|title| at < title) {
            factor *= 0.96;
        }
        factor
    }

    fn text_of(&self, value: &Valued) -> String {
        match value {
            Valued::Element(at) => self.page.text(*at),
            Valued::Elements(all) => {
                let texts: Vec<String> =
                    all.iter().map(|at| self.page.text(*at)).filter(|text| !text.is_empty()).collect();
                texts.join(" ")
            }
            Valued::Text(range) => super::page::folded(self.page.raw(range)),
        }
    }

    fn has(&self, at: At) -> bool {
        self.part.contains(&at)
    }
}

impl Lead {
    fn element(&self) -> Option<At> {
        match self.value {
            Valued::Element(at) => Some(at),
            Valued::Elements(_) | Valued::Text(_) => None,
        }
    }
}

impl Found {
    pub(super) fn at(&self) -> Option<At> {
        self.at
    }
}

/// The type of an array's items, or the type itself.
fn item_type(from: &FieldType) -> &FieldType {
    match from {
        FieldType::Array(of) => of,
        other => other,
    }
}
