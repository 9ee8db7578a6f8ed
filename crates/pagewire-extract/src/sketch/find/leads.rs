//! Leads: where a field's value may stand.

use super::{Finder, How, Lead, Leads};
use crate::dom::Tag;
use crate::sketch::coerce::{Price, date};
use crate::sketch::page::{At, Hit, Valued, flag};
use crate::sketch::shape::{Field, FieldType};
use crate::sketch::vocabulary::{Kind, VOCABULARY};

/// Names that say less than this of themselves lead nowhere.
const SHARE_MIN: f32 = 0.4;
/// Elements around the title in which a date or a name without any sign is looked for.
const NEAR_AFTER: u32 = 90;
const NEAR_BEFORE: u32 = 40;
/// Short texts that are looked at for money.
const MONEY_LOOKED_AT_MAX: usize = 5_000;
/// Words about money that is no price.
const OTHER_MONEY: &[&str] = &[
    "shipping",
    "delivery",
    "versand",
    "livraison",
    "envío",
    "spedizione",
    "frete",
    "frakt",
    "fragt",
    "verzend",
    "dostaw",
    "doprav",
    "toimitus",
    "доставк",
    "送料",
    "运费",
    "orders over",
    "save",
    "sparen",
    "ersparnis",
    "per month",
    "/month",
    "/mo",
    "monthly",
    "pro monat",
    "mensual",
    "tax",
    "deposit",
    "gift card",
    "coupon",
    "off ",
    "rabatt",
    "économisez",
    "ahorra",
    "instal",
    "klarna",
    "afterpay",
];

impl Finder<'_, '_> {
    pub(super) fn leads(&self, field: &Field) -> Leads {
        let mut leads = Leads::default();
        self.by_label(field, &mut leads);
        self.by_name(field, &mut leads);
        if self.left.get() > 0 {
            self.left.set(self.left.get().saturating_sub(self.part.len()));
            self.by_look(field, &mut leads);
        }
        leads
    }

    fn by_label(&self, field: &Field, leads: &mut Leads) {
        let kind = field.meaning.kind;
        for (rank, pair) in self.page.pairs_in(&self.part).iter().enumerate() {
            let Some(weight) = field.meaning.weight(pair.term) else { continue };
            let at = match &pair.value {
                Valued::Element(at) => *at,
                Valued::Elements(all) => all.first().copied().unwrap_or(pair.label_at),
                Valued::Text(_) => pair.label_at,
            };
            let later = 0.0005 * rank.min(100) as f32;
            // A label says what it is wherever it stands.
            let standing = self.standing(at, kind);
            let standing = if self.page.is(at, flag::FOOTER) { standing.max(0.56) } else { standing };
            let score = 0.95 * weight * pair.share * standing - later;
            leads.push(Lead { value: pair.value.clone(), score, how: How::Label(pair.label.clone()) });
        }
    }

    fn by_name(&self, field: &Field, leads: &mut Leads) {
        let kind = field.meaning.kind;
        let holds_parts = matches!(kind, Kind::Prose | Kind::List | Kind::Image)
            || matches!(field.from, FieldType::Array(_));
        let hits: Vec<(&Hit, f32)> = self
            .page
            .hits_in(&self.part)
            .iter()
            .filter(|hit| hit.share >= SHARE_MIN)
            .filter_map(|hit| field.meaning.weight(hit.term).map(|weight| (hit, weight)))
            .collect();
        for (rank, (hit, weight)) in hits.iter().enumerate() {
            let element = self.page.element(hit.at);
            // What holds the title is named for the whole, unless it is asked for the title's picture or text.
            let holds_title = self.title.is_some_and(|title| hit.at < title && title < element.end);
            if holds_title && !matches!(kind, Kind::Prose | Kind::Image) {
                continue;
            }
            // Of two that are named alike, one within the other, the inner one is the value.
            let is_inner = |at: usize| {
                hits.get(at).is_some_and(|(next, _)| next.at < element.end && next.share >= hit.share)
            };
            let has_inner = is_inner(rank + 1);
            // Of something that has parts it is the outer one, unless there is but one inner.
            let nesting = if has_inner && (!holds_parts || kind == Kind::Prose && !is_inner(rank + 2)) {
                0.04
            } else {
                0.0
            };
            let later = 0.001 * rank.min(60) as f32;
            let score =
                0.92 * weight * (0.55 + 0.45 * hit.share) * self.standing(hit.at, kind) - nesting - later;
            leads.push(Lead { value: Valued::Element(hit.at), score, how: How::Name(hit.at) });
        }
    }

    /// Leads of what values of a kind look like.
    fn by_look(&self, field: &Field, leads: &mut Leads) {
        let mut push = |at: At, score: f32| {
            leads.push(Lead {
                value: Valued::Element(at),
                score: score * self.standing(at, field.meaning.kind),
                how: How::Look(at),
            });
        };
        match field.meaning.kind {
            Kind::Title => {
                if let Some(at) = self.title {
                    push(at, if self.page.element(at).tag == Tag::H1 { 0.95 } else { 0.86 });
                }
            }
            Kind::Price | Kind::Currency if !self.is_other_money(field) => self.money(&mut push),
            Kind::Price => self.money_before(field, &mut push),
            Kind::Date => self.dates(field, &mut push),
            Kind::EndDate => self.date_ranges(&mut push),
            Kind::Image => self.pictures(&mut push),
            Kind::Email | Kind::Phone => self.contacts(field.meaning.kind, &mut push),
            Kind::Person => self.people(field, &mut push),
            Kind::Availability => self.stocks(&mut push),
            Kind::Rating => self.stars(&mut push),
            Kind::EmploymentType => self.employments(&mut push),
            Kind::Salary => self.salaries(&mut push),
            Kind::Isbn => self.isbns(&mut push),
            Kind::Prose => self.paragraphs(field, &mut push),
            Kind::List => self.tags(field, &mut push),
            Kind::Breadcrumbs => self.breadcrumbs(&mut push),
            Kind::Link => self.links(field, &mut push),
            Kind::Short => self.looks_of_short(field, &mut push),
            Kind::Currency | Kind::Count | Kind::Duration | Kind::Code => {}
        }
        if let FieldType::Enum(choices) = &field.from {
            self.choices(choices, &mut push);
        }
    }

    /// Whether a field is about money, but not about the price.
    fn is_other_money(&self, field: &Field) -> bool {
        let price = VOCABULARY.named(&["price".to_owned()]);
        let currency = VOCABULARY.named(&["currency".to_owned()]);
        field.meaning.terms.first().is_none_or(|(term, _)| Some(*term) != price && Some(*term) != currency)
    }

    /// Elements of the part that hold a short text of their own and nothing beside it.
    pub(super) fn short_elements(&self, bytes_max: usize) -> impl Iterator<Item = At> + '_ {
        self.part.clone().filter(move |at| {
            let length = self.page.len(*at);
            length > 0 && length <= bytes_max && {
                let range = self.page.text_range(*at);
                self.page.children(*at).next().is_none_or(|child| self.page.text_range(child) != range)
            }
        })
    }

    fn money(&self, push: &mut dyn FnMut(At, f32)) {
        let mut rank = 0;
        for at in self.short_elements(48).take(MONEY_LOOKED_AT_MAX) {
            if self.page.is(at, flag::STRUCK | flag::NAV) || rank > 40 {
                continue;
            }
            let text = self.page.unstruck_text(at);
            let Some(price) = Price::read_in(&text, self.language) else { continue };
            if price.sign.is_none() || text.chars().filter(|c| c.is_alphabetic()).count() > 24 {
                continue;
            }
            // What leads to the figure, and what follows at once.
            let (parent, own) =
                (self.page.text_range(self.page.element(at).parent), self.page.text_range(at));
            let before = parent.start.max(own.start.saturating_sub(60))..own.end;
            let before = if own.end - parent.start < 160 { self.page.raw(&before) } else { text.as_str() };
            let after: String = self.page.raw(&(own.end..parent.end)).chars().take(14).collect();
            let around = format!("{before}{after}").to_lowercase();
            if OTHER_MONEY.iter().any(|word| around.contains(word)) {
                continue;
            }
            let is_after = self.title.is_none_or(|title| at > title);
            // Less is before than after a title, and words beside the figure make it less sure.
            let words = text.chars().filter(|c| c.is_alphabetic()).count() as f32;
            push(at, if is_after { 0.74 } else { 0.6 } - 0.004 * rank as f32 - 0.002 * words);
            rank += 1;
        }
    }

    /// What was asked before: money that is struck out.
    fn money_before(&self, field: &Field, push: &mut dyn FnMut(At, f32)) {
        let before = VOCABULARY.named(&["original".to_owned(), "price".to_owned()]);
        if field.meaning.terms.first().is_none_or(|(term, _)| Some(*term) != before) {
            return;
        }
        let struck = self.short_elements(60).filter(|at| {
            self.page.is(*at, flag::STRUCK)
                && Price::read(&self.page.text(*at)).is_some_and(|price| price.sign.is_some())
        });
        for (rank, at) in struck.take(10).enumerate() {
            push(at, 0.82 - 0.01 * rank as f32);
        }
    }

    /// Whether a place is near the title: in items everything is.
    pub(super) fn is_near_title(&self, at: At) -> bool {
        self.is_item
            || self.title.is_none_or(|title| {
                (title..title.saturating_add(NEAR_AFTER)).contains(&at)
                    || (title.saturating_sub(NEAR_BEFORE)..title).contains(&at)
            })
    }

    fn dates(&self, field: &Field, push: &mut dyn FnMut(At, f32)) {
        let modified = VOCABULARY.named(&["modified".to_owned()]);
        let plain =
            ["published", "date", "start", "deadline"].map(|name| VOCABULARY.named(&[name.to_owned()]));
        let first = field.meaning.terms.first().map(|(term, _)| *term);
        // Only what a page usually has one of may be taken for any date that it has.
        let is_plain = plain[..3].contains(&first);
        if !is_plain {
            return;
        }
        let mut rank = 0;
        for at in self.part.clone() {
            let is_other = self
                .page
                .hits_in(&(at..at + 1))
                .iter()
                .any(|hit| Some(hit.term) == modified || Some(hit.term) == plain[3]);
            if self.page.element(at).tag != Tag::Time
                || rank > 40
                || is_other
                || self.is_labelled_as_other(at, field)
            {
                continue;
            }
            let near = if self.is_near_title(at) { 0.84 } else { 0.7 };
            push(at, near - 0.01 * rank.min(20) as f32);
            rank += 1;
        }
        let mut rank = 0;
        for at in self.short_elements(90) {
            let text = self.page.raw_text(at);
            if rank > 10
                || !self.is_near_title(at)
                || self.page.element(at).tag.is_heading()
                || !text.contains(|c: char| c.is_numeric())
            {
                continue;
            }
            if self.is_labelled_as_other(at, field)
                || date::read(&self.page.text(at), self.language).is_none()
            {
                continue;
            }
            push(at, 0.66 - 0.01 * rank as f32);
            rank += 1;
        }
    }

    /// Whether a label at or before an element says that it is something that the field is not.
    fn is_labelled_as_other(&self, at: At, field: &Field) -> bool {
        let holder = self.page.element(at).parent;
        let around = holder..self.page.element(at).end;
        let mut other = false;
        for pair in self.page.pairs_in(&around) {
            let value = match &pair.value {
                Valued::Element(value) => self.page.text_range(*value),
                Valued::Elements(_) => continue,
                Valued::Text(range) => range.clone(),
            };
            let range = self.page.text_range(at);
            if value.start > range.start || value.end < range.end {
                let within = range.start <= pair.label.start && range.end >= pair.label.end;
                if !within {
                    continue;
                }
            }
            if field.meaning.weight(pair.term).is_some() {
                return false;
            }
            other |= VOCABULARY
                .concept(pair.term)
                .is_some_and(|concept| matches!(concept.kind, Kind::Date | Kind::EndDate));
        }
        other
    }

    /// Dates that go from one to another, and the second of two times.
    fn date_ranges(&self, push: &mut dyn FnMut(At, f32)) {
        let times: Vec<At> = self
            .part
            .clone()
            .filter(|at| self.page.element(*at).tag == Tag::Time && self.is_near_title(*at))
            .take(4)
            .collect();
        if let [first, second, ..] = times.as_slice()
            && second - first < 8
        {
            push(*second, 0.7);
        }
        for at in self.short_elements(120) {
            if self.is_near_title(at)
                && date::read(&self.page.text(at), self.language).is_some_and(|dates| dates.end.is_some())
            {
                push(at, 0.66);
                break;
            }
        }
        let start = VOCABULARY.named(&["start".to_owned(), "date".to_owned()]);
        for pair in self.page.pairs_in(&self.part).iter().filter(|pair| Some(pair.term) == start).take(40) {
            if let Valued::Element(at) = pair.value
                && date::read(&self.page.text(at), self.language).is_some_and(|dates| dates.end.is_some())
            {
                push(at, 0.8);
            }
        }
    }

    fn choices(&self, choices: &[String], push: &mut dyn FnMut(At, f32)) {
        let words: Vec<String> =
            choices.iter().map(|choice| crate::sketch::page::words_of(choice).join(" ")).collect();
        for at in self.short_elements(60) {
            if self.is_near_title(at) && !self.page.is(at, flag::NAV) {
                let text = crate::sketch::page::words_of(self.page.raw_text(at)).join(" ");
                if words.contains(&text) {
                    push(at, 0.62);
                }
            }
        }
    }

    fn isbns(&self, push: &mut dyn FnMut(At, f32)) {
        for at in self.short_elements(120) {
            if self.page.raw_text(at).to_ascii_lowercase().contains("isbn") {
                push(at, 0.8);
            }
        }
    }

    fn breadcrumbs(&self, push: &mut dyn FnMut(At, f32)) {
        if let Some(at) =
            self.part.clone().find(|at| self.page.is(*at, flag::BREADCRUMB) && self.page.len(*at) > 0)
        {
            push(at, 2.2);
        }
    }

    fn links(&self, field: &Field, push: &mut dyn FnMut(At, f32)) {
        let url = VOCABULARY.named(&["url".to_owned()]);
        let is_url = field.meaning.terms.first().is_some_and(|(term, _)| Some(*term) == url);
        if !self.is_item || !is_url {
            return;
        }
        // An item's own page is what its title leads to.
        let is_link = |at: &At| self.page.element(*at).tag == Tag::A;
        if let Some(title) = self.title {
            let around =
                [title, self.page.element(title).parent].into_iter().find(|at| self.has(*at) && is_link(at));
            let within = self.page.within(title).find(is_link);
            if let Some(at) = around.or(within) {
                push(at, 0.9);
            }
        }
        if let Some(at) = self.part.clone().find(is_link) {
            push(at, 0.7);
        }
    }
}
