//! Lists of values: the items of a list that is named or headed, elements that are named alike, or a line with commas.

use serde_json::Value;

use super::{Finder, How, Lead};
use crate::dom::Tag;
use crate::sketch::coerce;
use crate::sketch::page::{At, Valued, folded, words_of};
use crate::sketch::shape::{Field, FieldType};
use crate::sketch::vocabulary::{Kind, VOCABULARY};

/// Items of one list, and characters of one.
const ITEMS_MAX: usize = 500;
const ITEM_CHARS_MAX: usize = 2_000;

impl Finder<'_, '_> {
    /// Links that say they are tags, and lists in recipes that are numbered.
    pub(super) fn tags(&self, field: &Field, push: &mut dyn FnMut(At, f32)) {
        let first = field.meaning.terms.first().map(|(term, _)| *term);
        let is = |name: &str| first.is_some() && first == VOCABULARY.named(&[name.to_owned()]);
        if is("tags")
            && let Some(at) = self.part.clone().find(|at| {
                self.page.element(*at).tag == Tag::A
                    && self
                        .page
                        .attribute(*at, "rel")
                        .is_some_and(|rel| rel.split_whitespace().any(|rel| rel == "tag"))
            })
        {
            push(self.page.element(at).parent, 0.85);
        }
        if is("instructions")
            && let Some(at) =
                self.part.clone().find(|at| self.page.element(*at).tag == Tag::Ol && self.page.len(*at) > 80)
        {
            push(at, 0.5);
        }
    }

    pub(super) fn list(&self, field: &Field, of: &FieldType, lead: &Lead) -> Option<(Value, f32)> {
        let scalar = matches!(
            of,
            FieldType::Text
                | FieldType::Integer
                | FieldType::Number
                | FieldType::Boolean
                | FieldType::Enum(_)
        );
        if !scalar {
            return None;
        }
        if field.meaning.kind == Kind::Image {
            return self.picture_list(lead);
        }
        if field.meaning.kind == Kind::Breadcrumbs {
            let crumbs = self.crumbs(lead)?;
            return Some((crumbs.into_iter().map(Value::from).collect(), 1.0));
        }
        let (texts, quality) = self.texts(field, lead)?;
        let texts = without_numbers(texts);
        let items: Vec<Value> = texts
            .into_iter()
            .filter(|text| !text.is_empty() && text.chars().count() <= ITEM_CHARS_MAX)
            .take(ITEMS_MAX)
            .filter_map(|text| coerce::scalar(&Value::String(text), of))
            .collect();
        (!items.is_empty()).then_some((Value::Array(items), quality))
    }

    /// The items that a lead holds.
    fn texts(&self, field: &Field, lead: &Lead) -> Option<(Vec<String>, f32)> {
        match &lead.value {
            Valued::Text(range) => Some((self.parted(field, &folded(self.page.raw(range))), 0.95)),
            Valued::Elements(all) => {
                let lists: Vec<At> = all.iter().copied().filter(|at| self.has_items(*at)).collect();
                if lists.is_empty() {
                    let texts: Vec<String> = all.iter().map(|at| self.page.text(*at)).collect();
                    let is_definitions = all.iter().all(|at| self.page.element(*at).tag == Tag::Dd);
                    return Some((texts, if is_definitions { 1.0 } else { 0.9 }));
                }
                Some((lists.into_iter().flat_map(|at| self.items(at)).collect(), 1.0))
            }
            Valued::Element(at) => {
                if self.has_items(*at) {
                    return Some((self.items(*at), 1.0));
                }
                let alike = self.named_alike(field, *at, lead);
                if alike.len() > 1 {
                    return Some((
                        alike.into_iter().map(|at| self.page.text(self.heading_of_card(at))).collect(),
                        0.97,
                    ));
                }
                let lines: Vec<String> =
                    self.page.raw_text(*at).lines().map(folded).filter(|line| !line.is_empty()).collect();
                if lines.len() > 1 {
                    return Some((self.without_heading(field, lines), 0.9));
                }
                let links: Vec<String> = self
                    .page
                    .within(*at)
                    .skip(1)
                    .take(60)
                    .filter(|inner| self.page.element(*inner).tag == Tag::A)
                    .map(|link| self.page.text(link))
                    .collect();
                if links.len() > 1 {
                    return Some((links, 0.95));
                }
                Some((self.parted(field, &self.plain(field, lead)), 0.85))
            }
        }
    }

    /// What a card is called, where it says more than that.
    fn heading_of_card(&self, at: At) -> At {
        let is_card = !matches!(self.page.element(at).tag, Tag::Li | Tag::P)
            && self.page.raw_text(at).trim().contains('\n');
        let heading =
            || self.page.within(at).take(60).find(|inner| self.page.element(*inner).tag.is_heading());
        if is_card { heading().unwrap_or(at) } else { at }
    }

    fn has_items(&self, at: At) -> bool {
        self.page.within(at).skip(1).take(400).any(|inner| {
            matches!(self.page.element(inner).tag, Tag::Li | Tag::Tr) && self.page.len(inner) > 0
        })
    }

    /// Items of the lists in an element, the innermost where lists nest; rows where there are none.
    fn items(&self, at: At) -> Vec<String> {
        let of = |tag: Tag| -> Vec<String> {
            self.page
                .within(at)
                .filter(|inner| self.page.element(*inner).tag == tag)
                .filter(|inner| {
                    !self.page.within(*inner).skip(1).any(|deeper| self.page.element(deeper).tag == tag)
                })
                .map(|inner| self.page.text(inner))
                .filter(|text| !text.is_empty())
                .take(ITEMS_MAX)
                .collect()
        };
        let items = of(Tag::Li);
        if items.is_empty() { of(Tag::Tr) } else { items }
    }

    /// Elements that are named as this one is, in the same part of the page.
    fn named_alike(&self, field: &Field, at: At, lead: &Lead) -> Vec<At> {
        if !matches!(lead.how, How::Name(_)) {
            return Vec::new();
        }
        let (tag, names) = (self.page.element(at).tag, self.page.names(at));
        let mut alike: Vec<At> = Vec::new();
        for hit in self.page.hits_in(&self.part) {
            let is_after = alike.last().is_none_or(|last| hit.at >= self.page.element(*last).end);
            if hit.at >= at
                && is_after
                && field.meaning.weight(hit.term).is_some()
                && self.page.element(hit.at).tag == tag
                && self.page.names(hit.at) == names
            {
                alike.push(hit.at);
            }
            if alike.len() >= ITEMS_MAX {
                break;
            }
        }
        alike
    }

    fn without_heading(&self, field: &Field, lines: Vec<String>) -> Vec<String> {
        let is_label = |line: &str| {
            let words = words_of(line).join(" ");
            VOCABULARY.labelled(&words).iter().any(|term| field.meaning.weight(*term).is_some())
                || words == field.words.join(" ")
        };
        lines.into_iter().filter(|line| !is_label(line)).collect()
    }

    /// The parts of one line.
    fn parted(&self, field: &Field, text: &str) -> Vec<String> {
        let is_prose = matches!(field.meaning.kind, Kind::Prose) || text.chars().count() > 400;
        let marks: &[char] = if is_prose {
            &['\n']
        } else if text.contains([';', '|', '•', '·', '、']) {
            &[';', '|', '•', '·', '、']
        } else {
            &[',', '，', '،']
        };
        text.split(marks)
            .map(|part| part.trim().trim_start_matches('#').to_owned())
            .filter(|part| !part.is_empty())
            .collect()
    }

    fn picture_list(&self, lead: &Lead) -> Option<(Value, f32)> {
        let Valued::Element(at) = lead.value else { return None };
        // Of a gallery all pictures; of one picture those that stand beside it.
        let mut holder = at;
        if self.page.element(at).tag == Tag::Img {
            for _ in 0..3 {
                let up = self.page.element(holder).parent;
                if !self.has(up) || self.page.len(up) > 200 {
                    break;
                }
                holder = up;
            }
        }
        let mut found: Vec<Value> = Vec::new();
        for inner in
            self.page.within(holder).take(600).filter(|inner| self.page.element(*inner).tag == Tag::Img)
        {
            let one = Lead { value: Valued::Element(inner), score: lead.score, how: How::Look(inner) };
            if let Some((source, _)) = self.picture(&one) {
                let source = Value::String(source);
                if !found.contains(&source) && found.len() < 100 {
                    found.push(source);
                }
            }
        }
        (!found.is_empty()).then_some((Value::Array(found), 1.0))
    }
}

/// Steps without the numbers that they bear.
fn without_numbers(texts: Vec<String>) -> Vec<String> {
    let rest = |text: &str, number: usize| -> Option<String> {
        let words = [
            "", "Step ", "step ", "STEP ", "Schritt ", "Étape ", "Paso ", "Passo ", "Steg ", "Stap ",
            "Krok ", "Trin ",
        ];
        words.iter().find_map(|word| {
            let rest = text.strip_prefix(word)?.strip_prefix(&number.to_string())?;
            let after = rest.trim_start_matches(['.', ')', ':', '-', ' ']);
            (after.len() < rest.len() && !after.is_empty()).then(|| after.to_owned())
        })
    };
    let bare: Vec<Option<String>> = texts.iter().zip(1..).map(|(text, number)| rest(text, number)).collect();
    if texts.len() > 1 && bare.iter().all(Option::is_some) {
        bare.into_iter().flatten().collect()
    } else {
        texts
    }
}
