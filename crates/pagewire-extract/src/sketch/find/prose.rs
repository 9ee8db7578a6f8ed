//! Sentences about a thing: what is named or labelled as its description, or else the first paragraph after the title.

use super::{Finder, How, Lead};
use crate::dom::Tag;
use crate::sketch::page::{At, Valued, flag, folded};
use crate::sketch::shape::Field;
use crate::sketch::vocabulary::{Kind, VOCABULARY};

/// Characters of a paragraph that says something.
const PARAGRAPH_CHARS_MIN: usize = 60;
/// The same of an element that says that it is one, and ends as a sentence does.
const SENTENCE_CHARS_MIN: usize = 32;
const NAMED_CHARS_MIN: usize = 20;

impl Finder<'_, '_> {
    pub(super) fn paragraphs(&self, field: &Field, push: &mut dyn FnMut(At, f32)) {
        let body = VOCABULARY.named(&["body".to_owned()]);
        if field.meaning.terms.first().is_some_and(|(term, _)| Some(*term) == body) {
            return;
        }
        let start = self.title.unwrap_or(self.part.start);
        let mut rank = 0;
        for at in start..self.part.end {
            let element = self.page.element(at);
            let is_one = match element.tag {
                Tag::P => true,
                Tag::Div | Tag::Td | Tag::Section | Tag::Span | Tag::Blockquote | Tag::Dd | Tag::Center => {
                    !self.page.children(at).any(|child| {
                        let tag = self.page.element(child).tag;
                        tag.is_block() && tag != Tag::Br
                    })
                }
                _ => false,
            };
            let is_sentence_of_its_own = || {
                element.tag == Tag::P
                    && self.page.raw_text(at).trim_end().ends_with(['.', '!', '?', '。', '…', '！'])
            };
            let least = if is_sentence_of_its_own() { SENTENCE_CHARS_MIN } else { PARAGRAPH_CHARS_MIN };
            if !is_one
                || self.page.len(at) < least
                || self.page.is(at, flag::NAV | flag::FOOTER | flag::HEADER)
            {
                continue;
            }
            let text = self.page.text(at);
            let linked: usize = self
                .page
                .within(at)
                .skip(1)
                .filter(|inner| self.page.element(*inner).tag == Tag::A)
                .map(|link| self.page.len(link))
                .sum();
            let is_sentence = text.contains(['.', '!', '?', '。', '…', '！']) && linked * 2 < text.len();
            let tells_other = || {
                self.page.hits_in(&self.page.within(at)).iter().any(|hit| {
                    let kind = VOCABULARY.concept(hit.term).map(|concept| concept.kind);
                    matches!(kind, Some(Kind::Date | Kind::Person | Kind::Price | Kind::Code))
                })
            };
            if element.tag != Tag::P && (!is_sentence || tells_other()) {
                continue;
            }
            push(at, 0.6 - 0.03 * rank as f32);
            rank += 1;
            if rank > 4 {
                break;
            }
        }
    }

    pub(super) fn prose(&self, field: &Field, lead: &Lead) -> Option<(String, f32)> {
        let text = match &lead.value {
            Valued::Element(at) => self.prose_within(field, *at),
            Valued::Elements(all) => {
                // Paragraphs, until something of another kind begins.
                let paragraphs: Vec<String> = all
                    .iter()
                    .map(|at| self.prose_within(field, *at))
                    .filter(|text| !text.is_empty())
                    .collect();
                paragraphs.join(" ")
            }
            Valued::Text(range) => folded(self.page.raw(range)),
        };
        let length = text.chars().count();
        let words = text.split_whitespace().count();
        if length < NAMED_CHARS_MIN && !matches!(lead.how, How::Label(_)) || length < 8 {
            return None;
        }
        // A word is no sentence, where there are words.
        if words < 3 && text.is_ascii() {
            return None;
        }
        let quality = match length {
            0..=30 => 0.85,
            31..=3_000 => 1.0,
            3_001..=8_000 => 0.8,
            _ => 0.5,
        };
        // Labels with their values are no sentences.
        let quality = match &lead.value {
            Valued::Element(at) if self.is_of_facts(field, *at, length) => quality * 0.55,
            _ => quality,
        };
        Some((text, quality))
    }

    fn is_of_facts(&self, field: &Field, at: At, length: usize) -> bool {
        let pairs = self.page.pairs_in(&(at + 1..self.page.element(at).end)).iter();
        let labels =
            pairs.filter(|pair| field.meaning.weight(pair.term).is_none()).map(|pair| pair.label.start);
        let mut labels: Vec<u32> = labels.collect();
        labels.dedup();
        matches!(self.page.element(at).tag, Tag::Dl | Tag::Table) || labels.len() * 90 > length
    }

    /// An element's text without headings that say what it is, without links to more of it, and without tables.
    fn prose_within(&self, field: &Field, at: At) -> String {
        let body = VOCABULARY.named(&["body".to_owned()]);
        let is_body = field.meaning.terms.first().is_some_and(|(term, _)| Some(*term) == body);
        let range = self.page.text_range(at);
        let mut out = String::new();
        let mut from = range.start;
        let mut inner = at + 1;
        let end = self.page.element(at).end;
        while inner < end {
            let element = self.page.element(inner);
            let is_label = || {
                let words = crate::sketch::page::words_of(self.page.raw_text(inner)).join(" ");
                VOCABULARY.labelled(&words).iter().any(|term| field.meaning.weight(*term).is_some())
                    || words == field.words.join(" ")
            };
            // A section of its own begins.
            let is_next = element.tag.is_heading() && !is_label() && {
                let so_far =
                    self.page.raw(&(from..self.page.text_range(inner).start)).trim().len() + out.trim().len();
                so_far >= PARAGRAPH_CHARS_MIN
            };
            if is_next && !is_body {
                let until = self.page.text_range(inner).start;
                out.push_str(self.page.raw(&(from..until)));
                return folded(&out);
            }
            let is_left_out = matches!(element.tag, Tag::Button | Tag::Table | Tag::Dl | Tag::Form)
                || element.tag.is_heading() && is_label()
                || self.page.len(inner) < 60
                    && matches!(
                        element.tag,
                        Tag::B | Tag::Strong | Tag::P | Tag::Div | Tag::Span | Tag::Summary
                    )
                    && is_label();
            if is_left_out {
                let cut = self.page.text_range(inner);
                out.push_str(self.page.raw(&(from..cut.start)));
                out.push(' ');
                from = cut.end.max(from);
                inner = element.end;
            } else {
                inner += 1;
            }
        }
        out.push_str(self.page.raw(&(from..range.end)));
        folded(&out)
    }
}
