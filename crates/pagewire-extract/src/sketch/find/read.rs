//! Reading a lead as what was asked for: the value, and how well it fits, 0 to 1. What does not fit is no value.

use serde_json::Value;

use super::{Finder, How, Lead, item_type};
use crate::dom::Tag;
use crate::sketch::coerce::{self, Price, date, duration, number, rating};
use crate::sketch::page::{At, Valued, flag, folded, words_of};
use crate::sketch::shape::{Field, FieldType};
use crate::sketch::vocabulary::{Kind, VOCABULARY};

/// Characters of a value of a few words, and of one of many.
const SHORT_CHARS_MAX: usize = 200;
const LONG_CHARS_MAX: usize = 20_000;

impl Finder<'_, '_> {
    pub(super) fn read(&self, field: &Field, lead: &Lead) -> Option<(Value, f32)> {
        match &field.from {
            FieldType::Array(of) => self.list(field, of, lead),
            FieldType::Text => self.text(field, lead).map(|(text, quality)| (Value::String(text), quality)),
            FieldType::Integer | FieldType::Number | FieldType::Boolean | FieldType::Enum(_) => {
                self.scalar(field, lead)
            }
            FieldType::Record | FieldType::Object(_) | FieldType::Selector(_) => None,
        }
    }

    /// The text of a lead without the label that may stand in it too.
    pub(super) fn plain(&self, field: &Field, lead: &Lead) -> String {
        let raw = match &lead.value {
            Valued::Element(at) => {
                let range = self.page.text_range(*at);
                let start = self.end_of_label(field, *at).unwrap_or(range.start);
                self.page.raw(&(start..range.end))
            }
            Valued::Text(range) => self.page.raw(range),
            // Under a heading a few words stand in the first line, and what follows is of something else.
            Valued::Elements(all)
                if matches!(field.meaning.kind, Kind::Short | Kind::Person)
                    && self.page.element(all[0]).tag == Tag::P =>
            {
                self.page.raw_text(all[0])
            }
            Valued::Elements(_) => return self.text_of(&lead.value),
        };
        folded(self.without_label(field, raw.trim()))
    }

    /// Where the first part of an element ends, if that is the field's label.
    fn end_of_label(&self, field: &Field, at: At) -> Option<u32> {
        let range = self.page.text_range(at);
        let first = self.page.within(at).skip(1).take(6).find(|inner| self.page.len(*inner) > 0)?;
        let label = self.page.text_range(first);
        let leads = self.page.raw(&(range.start..label.start)).trim().is_empty() && label.end < range.end;
        let rest = self.page.raw(&(label.end..range.end));
        (leads && rest.contains(char::is_alphanumeric) && self.is_the_label(field, self.page.raw(&label)))
            .then_some(label.end)
    }

    /// `SKU: 12` and `SKU⏎12` without `SKU`.
    fn without_label<'t>(&self, field: &Field, text: &'t str) -> &'t str {
        let means_field = |label: &str| {
            let words = words_of(label).join(" ");
            VOCABULARY.labelled(&words).iter().any(|term| field.meaning.weight(*term).is_some())
                || words == field.words.join(" ")
        };
        let head = &text[..text.floor_char_boundary(80)];
        if let Some((label, _)) = head.split_once([':', '：'])
            && means_field(label)
        {
            let mark = text[label.len()..].chars().next().map_or(0, char::len_utf8);
            return text[label.len() + mark..].trim();
        }
        if let Some((first, rest)) = text.split_once('\n')
            && means_field(first)
        {
            return rest.trim();
        }
        text
    }

    fn is_the_label(&self, field: &Field, text: &str) -> bool {
        let words = words_of(text).join(" ");
        VOCABULARY.labelled(&words).iter().any(|term| field.meaning.weight(*term).is_some())
            || words == field.words.join(" ")
    }

    /// A field that is to be a text.
    fn text(&self, field: &Field, lead: &Lead) -> Option<(String, f32)> {
        let text = self.plain(field, lead);
        let found = match field.meaning.kind {
            Kind::Title | Kind::Short | Kind::List => self.short(field, lead, &text),
            Kind::Prose => self.prose(field, lead),
            Kind::Person => self.person(lead, &text).map(|text| (text, 1.0)),
            Kind::Price => self.price(field, lead).map(|(price, quality)| {
                let spelled = self.price_text(field, lead);
                (if spelled.chars().count() <= 40 { spelled } else { price.amount.to_string() }, quality)
            }),
            Kind::Currency => {
                let code = text.trim();
                if code.len() == 3
                    && code.bytes().all(|b| b.is_ascii_uppercase())
                    && !matches!(lead.how, How::Look(_))
                {
                    return Some((code.to_owned(), 1.0));
                }
                let (price, quality) = self.price(field, lead)?;
                price.code.map(|code| (code.to_owned(), quality))
            }
            Kind::Availability => self.availability(lead, &text),
            Kind::Count => count_text(&text),
            Kind::Rating => rating::read(&self.rated_text(lead, &text)).map(|value| (shown(value), 0.98)),
            Kind::Date => self.date(lead, &text, false),
            Kind::EndDate => self.date(lead, &text, true),
            Kind::Duration => self.duration_text(lead, &text),
            Kind::Image => self.picture(lead),
            Kind::Link => self.link(lead),
            Kind::Email => self.email(lead, &text),
            Kind::Phone => self.phone(lead, &text),
            Kind::Code => code(&text),
            Kind::Isbn => isbn(&text).map(|isbn| (isbn, 1.0)),
            Kind::EmploymentType => self.employment(lead, &text),
            Kind::Salary => {
                let has_digits = text.chars().any(char::is_numeric);
                (has_digits || matches!(lead.how, How::Label(_))).then_some(())?;
                (text.chars().count() <= 160).then_some((text, 1.0))
            }
            Kind::Breadcrumbs => Some((self.crumbs(lead)?.join(" > "), 1.0)),
        };
        found.filter(|(text, _)| {
            !text.is_empty()
                && text.chars().count() <= LONG_CHARS_MAX
                && (matches!(lead.how, How::Label(_)) || !self.is_the_label(field, text))
        })
    }

    fn short(&self, field: &Field, lead: &Lead, text: &str) -> Option<(String, f32)> {
        let text = text.trim_start_matches(|c: char| !c.is_alphanumeric() && !c.is_ascii() && !is_opening(c));
        let is_named = matches!(lead.how, How::Name(_));
        let text = without_preposition(text.trim(), is_named, |word| {
            VOCABULARY.labelled(word).iter().any(|term| field.meaning.weight(*term).is_some())
        });
        let text = text
            .trim_matches(|c: char| c.is_whitespace() || matches!(c, '|' | '·' | '•' | ',' | ':' | ';'))
            .to_owned();
        if let Valued::Element(at) = lead.value {
            // A picture says what it is in its other text.
            if text.is_empty() {
                return self.other_text(at).map(|text| (text, 0.8));
            }
            if self.page.is(at, flag::CONTROL) && matches!(self.page.element(at).tag, Tag::Button | Tag::Form)
            {
                return None;
            }
        }
        let length = text.chars().count();
        let is_title = matches!(field.meaning.kind, Kind::Title);
        let quality = match length {
            0 => return None,
            1..=100 => 1.0,
            101..=SHORT_CHARS_MAX => {
                if is_title {
                    0.95
                } else {
                    0.8
                }
            }
            _ if is_title && length <= 400 => 0.7,
            201..=400 => 0.55,
            _ => return None,
        };
        if !text.chars().any(char::is_alphanumeric) {
            return None;
        }
        // Of a place's name and address the first line is the name.
        let is_venue = field
            .meaning
            .terms
            .first()
            .is_some_and(|(term, _)| Some(*term) == VOCABULARY.named(&["venue".to_owned()]));
        if is_venue
            && let Valued::Element(at) = lead.value
            && let Some((first, _)) = self.page.raw_text(at).trim().split_once('\n')
            && !self.is_the_label(field, first)
        {
            return Some((folded(first), quality * 0.97));
        }
        // A name whose element holds several lines says more than the value.
        let lines = match lead.value {
            Valued::Element(at) => self.page.raw_text(at).trim().lines().count(),
            Valued::Elements(_) => 2,
            Valued::Text(_) => 1,
        };
        let quality = match (lines, &lead.how, &lead.value) {
            (0..=1, ..) => quality,
            (_, How::Label(_), Valued::Element(at))
                if self.page.element(*at).tag.is_cell() || self.page.element(*at).tag == Tag::Dd =>
            {
                quality * 0.97
            }
            (2..=3, How::Label(_), _) => quality * 0.85,
            (2..=3, ..) => quality * 0.93,
            _ => quality * 0.7,
        };
        Some((text, quality))
    }

    /// The `alt` of a picture that stands for a word.
    fn other_text(&self, at: At) -> Option<String> {
        let picture =
            self.page.within(at).take(10).find(|inner| self.page.element(*inner).tag == Tag::Img)?;
        self.page
            .attribute(picture, "alt")
            .map(|text| folded(&text))
            .filter(|text| text.chars().count() <= 80)
    }

    /// A number, a truth or a choice.
    fn scalar(&self, field: &Field, lead: &Lead) -> Option<(Value, f32)> {
        let text = self.plain(field, lead);
        match item_type(&field.from) {
            FieldType::Boolean => {
                let (truth, quality) = if field.meaning.kind == Kind::Availability {
                    self.in_stock(lead, &text)?
                } else {
                    (coerce::boolean(&Value::String(text))?, 1.0)
                };
                Some((Value::Bool(truth), quality))
            }
            FieldType::Enum(choices) => {
                let text = if field.meaning.kind == Kind::Availability {
                    self.availability(lead, &text)?.0
                } else {
                    text
                };
                let choice = coerce::choice(&text, choices)?;
                Some((Value::from(choice), if text.chars().count() <= 60 { 1.0 } else { 0.6 }))
            }
            wanted => {
                let (found, quality) = self.number(field, lead, &text)?;
                let value = coerce::scalar(&Value::Number(found), wanted)?;
                Some((value, quality))
            }
        }
    }

    fn number(&self, field: &Field, lead: &Lead, text: &str) -> Option<(serde_json::Number, f32)> {
        let sure = |number: serde_json::Number| (number, 1.0);
        match field.meaning.kind {
            Kind::Price | Kind::Salary => {
                self.price(field, lead).map(|(price, quality)| (price.amount, quality))
            }
            Kind::Rating => rating::read(&self.rated_text(lead, text)).and_then(whole_or_not).map(sure),
            Kind::Duration => match duration::minutes(text) {
                Some(minutes) => whole_or_not(minutes).map(sure),
                None => number::only(text).map(sure),
            },
            Kind::Count => {
                let is_label = |word: &str| {
                    VOCABULARY.labelled(word).iter().any(|term| field.meaning.weight(*term).is_some())
                };
                number::counted(text, &is_label).map(sure)
            }
            Kind::Date | Kind::EndDate => {
                // Of a date a number can only be the year.
                let year = date::read(text, self.language)
                    .and_then(|dates| dates.start.get(..4)?.parse::<i64>().ok());
                year.map(|year| (serde_json::Number::from(year), 0.9))
                    .or_else(|| number::only(text).map(sure))
            }
            Kind::Image
            | Kind::Link
            | Kind::Email
            | Kind::Phone
            | Kind::Prose
            | Kind::Person
            | Kind::Breadcrumbs => None,
            Kind::Title
            | Kind::Short
            | Kind::Currency
            | Kind::Availability
            | Kind::Code
            | Kind::Isbn
            | Kind::List
            | Kind::EmploymentType => {
                (text.chars().count() <= 80).then(|| number::first(text)).flatten().map(sure)
            }
        }
    }

    fn price_text(&self, field: &Field, lead: &Lead) -> String {
        match lead.value {
            Valued::Element(at) => {
                let text = self.page.unstruck_text(at);
                self.without_label(field, &text).to_owned()
            }
            _ => self.plain(field, lead),
        }
    }

    fn price(&self, field: &Field, lead: &Lead) -> Option<(Price, f32)> {
        let price_term = VOCABULARY.named(&["price".to_owned()]);
        let is_price = field.meaning.terms.first().is_some_and(|(term, _)| Some(*term) == price_term)
            || field.meaning.kind == Kind::Currency;
        if let Valued::Element(at) = lead.value {
            if is_price && self.page.is(at, flag::STRUCK) {
                return None;
            }
            // A machine's spelling beside the one that is read.
            let told = ["content", "data-price", "data-price-amount", "data-value"]
                .iter()
                .find_map(|name| self.page.attribute(at, name));
            if let Some(amount) =
                told.filter(|told| told.len() <= 16 && told.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
                && matches!(lead.how, How::Name(_))
                && let Some(mut price) = Price::read(&amount)
            {
                let shown = Price::read_in(&self.page.unstruck_text(at), self.language);
                if let Some(shown) = shown.filter(|shown| shown.amount.as_f64() == price.amount.as_f64()) {
                    price = shown;
                    return Some((price, 1.0));
                }
            }
        }
        let text = self.price_text(field, lead);
        if text.chars().count() > 160 {
            return None;
        }
        let text = now_part(&text);
        let mut price = Price::read_in(text, self.language)?;
        // A space between parts of one figure is not one between figures.
        let words = text.chars().filter(|c| c.is_alphabetic()).count();
        let is_free = price.amount.as_f64() == Some(0.0) && !text.contains(|c: char| c.is_numeric());
        if price.sign.is_none() && !is_free {
            if text.contains('%') && text.matches(|c: char| c.is_numeric()).count() <= 3 {
                return None;
            }
            if let Some((code, sign)) = self.currency_near(lead) {
                price.code = Some(code);
                price.sign = Some(sign);
            }
        }
        let quality = match (price.sign.is_some() || is_free, words) {
            (true, 0..=20) => 1.0,
            (true, _) => 0.85,
            (false, 0..=6) => 0.8,
            (false, _) => 0.55,
        };
        Some((price, quality))
    }

    /// The currency that stands beside an amount, in an element of its own.
    fn currency_near(&self, lead: &Lead) -> Option<(&'static str, String)> {
        let Valued::Element(at) = lead.value else { return None };
        let mut holder = at;
        for _ in 0..2 {
            holder = self.page.element(holder).parent;
            if self.page.len(holder) > 60 {
                return None;
            }
            if let Some(price) = Price::read_in(&self.page.unstruck_text(holder), self.language)
                && let (Some(code), Some(sign)) = (price.code, price.sign)
            {
                return Some((code, sign));
            }
        }
        None
    }

    fn date(&self, lead: &Lead, text: &str, is_end: bool) -> Option<(String, f32)> {
        let is_labelled = matches!(lead.how, How::Label(_));
        if let Valued::Element(at) = lead.value {
            let times: Vec<String> = self
                .page
                .within(at)
                .take(12)
                .filter_map(|inner| {
                    ["datetime", "content", "data-date", "data-datetime", "title"].iter().find_map(|name| {
                        self.page.attribute(inner, name).filter(|told| date::read(told, None).is_some())
                    })
                })
                .collect();
            let wanted = if is_end && times.len() > 1 && !is_labelled { times.get(1) } else { times.first() };
            if let Some(told) = wanted
                && let Some(dates) = date::read(told, self.language)
            {
                let is_own_end = is_end
                    && !is_labelled
                    && matches!(lead.how, How::Look(_))
                    && self.page.element(at).tag != Tag::Time
                    && times.len() < 2;
                if !is_own_end {
                    return Some((dates.start, 1.0));
                }
            }
        }
        if text.chars().count() > 200 {
            return None;
        }
        if let Some(dates) = date::read(text, self.language) {
            let quality = if text.chars().count() <= 80 { 1.0 } else { 0.85 };
            if !is_end {
                return Some((dates.start, quality));
            }
            if let Some(end) = dates.end {
                return Some((end, quality));
            }
            // A text that leads to an end by its looks alone has to tell both ends.
            return (!matches!(lead.how, How::Look(_))).then_some((dates.start, quality * 0.9));
        }
        if is_end && !is_labelled {
            return None;
        }
        let length = text.chars().count();
        let may_be = (3..=60).contains(&length)
            && text.contains(|c: char| c.is_numeric())
            && !text.contains(['$', '€', '£', '@']);
        (may_be && !matches!(lead.how, How::Look(_)))
            .then_some((text.to_owned(), if is_labelled { 0.62 } else { 0.5 }))
    }

    fn duration_text(&self, lead: &Lead, text: &str) -> Option<(String, f32)> {
        let length = text.chars().count();
        let has_unit = duration::minutes(text).is_some();
        if let Valued::Element(at) = lead.value
            && length == 0
        {
            return self.page.attribute(at, "datetime").map(|told| (told, 0.9));
        }
        // What stands after the length of time is told by other fields.
        match (has_unit, length) {
            (true, 1..=40) => Some((text.to_owned(), 1.0)),
            (true, 41..=80) => Some((text.to_owned(), 0.7)),
            (false, 1..=40) if text.chars().any(char::is_numeric) && !matches!(lead.how, How::Look(_)) => {
                Some((text.to_owned(), 0.75))
            }
            (false, 1..=20) if matches!(lead.how, How::Label(_)) => Some((text.to_owned(), 0.5)),
            _ => None,
        }
    }

    /// What an element says of stars: its text, or what it says to those who cannot see them.
    fn rated_text(&self, lead: &Lead, text: &str) -> String {
        let Valued::Element(at) = lead.value else { return text.to_owned() };
        if rating::is_sure(text) {
            return text.to_owned();
        }
        for inner in self.page.within(at).take(12) {
            for name in ["aria-label", "title", "data-rating", "data-score", "data-value", "content", "alt"] {
                if let Some(told) =
                    self.page.attribute(inner, name).filter(|told| rating::read(told).is_some())
                {
                    return told;
                }
            }
        }
        if rating::read(text).is_none() {
            // Stars that are drawn as a bar.
            for inner in self.page.within(at).take(8) {
                if let Some(style) = self.page.attribute(inner, "style")
                    && let Some(stars) = rating::of_width(&style)
                {
                    return stars.to_string();
                }
            }
        }
        text.to_owned()
    }
}

/// Whether a character opens what is quoted or bracketed.
fn is_opening(c: char) -> bool {
    matches!(
        c,
        '«' | '»'
            | '“'
            | '„'
            | '‘'
            | '‹'
            | '「'
            | '『'
            | '《'
            | '（'
            | '【'
            | '¿'
            | '¡'
            | '№'
            | '–'
            | '—'
    )
}

/// `at Acme`, `by Kinto`: without the word that leads to the name, where it is known as a label of it.
fn without_preposition(text: &str, is_named: bool, is_label: impl Fn(&str) -> bool) -> &str {
    const WORDS: &[&str] = &[
        "at", "by", "in", "from", "bei", "von", "chez", "par", "por", "da", "hos", "av", "af", "door",
        "presso",
    ];
    let Some((first, rest)) = text.split_once(char::is_whitespace) else { return text };
    let word = first.to_lowercase();
    let is_by = is_named && matches!(word.as_str(), "by" | "von" | "par");
    let names = rest.trim_start().chars().next().is_some_and(|c| !c.is_lowercase());
    if names && WORDS.contains(&word.as_str()) && (is_by || is_label(&word) || first == word) {
        rest.trim_start()
    } else {
        text
    }
}

/// What a price is now, of a text that also says what it was.
fn now_part(text: &str) -> &str {
    const NOW: [&str; 10] =
        ["now ", "jetzt ", "nur ", "ahora ", "maintenant ", "ora ", "nu ", "agora ", "teraz ", "nyt "];
    const WAS: [&str; 14] = [
        "was ",
        "rrp",
        "uvp",
        "statt",
        "avant",
        "antes",
        "list price",
        "before",
        "tidigare",
        "original",
        "reg.",
        "prima ",
        "voor ",
        "ord. pris",
    ];
    // Lengths in lower case differ in few scripts; where they do, the text is taken whole.
    let lower = text.to_lowercase();
    if lower.len() != text.len() {
        return text;
    }
    let word_at = |word: &str| {
        lower.find(word).filter(|at| lower[..*at].chars().next_back().is_none_or(|c| !c.is_alphanumeric()))
    };
    if let Some(now) = NOW.iter().filter_map(|word| word_at(word).map(|at| at + word.len())).min()
        && text[now..].contains(|c: char| c.is_numeric())
    {
        return &text[now..];
    }
    if let Some(was) = WAS.iter().filter_map(|word| word_at(word)).min() {
        let before = &text[..was];
        if before.contains(|c: char| c.is_numeric()) {
            return before;
        }
    }
    text
}

fn whole_or_not(value: f64) -> Option<serde_json::Number> {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        return Some(serde_json::Number::from(value as i64));
    }
    serde_json::Number::from_f64(value)
}

fn shown(value: f64) -> String {
    whole_or_not(value).map(|number| number.to_string()).unwrap_or_default()
}

fn count_text(text: &str) -> Option<(String, f32)> {
    let length = text.chars().count();
    (length <= 60 && text.chars().any(char::is_numeric))
        .then(|| (text.to_owned(), if length <= 30 { 1.0 } else { 0.8 }))
}

/// A code: few words, with a digit, or in capitals.
fn code(text: &str) -> Option<(String, f32)> {
    let text = text
        .trim_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '#' | '|' | ',' | ';' | '.' | ')'));
    let words = text.split_whitespace().count();
    let length = text.chars().count();
    if !(1..=60).contains(&length) || words > 5 {
        return None;
    }
    let has_digit = text.chars().any(char::is_numeric);
    let is_upper = text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase);
    let is_none = matches!(text.to_lowercase().as_str(), "n/a" | "na" | "-" | "—" | "none" | "k.a.");
    let quality = match (has_digit, is_upper, words) {
        _ if is_none => return None,
        (true, _, 1..=3) => 1.0,
        (true, _, _) => 0.8,
        (false, true, 1) => 0.8,
        (false, false, 1..=3) => 0.6,
        _ => return None,
    };
    Some((text.to_owned(), quality))
}

/// An ISBN of ten or thirteen digits whose check digit is right, as it is written.
pub(super) fn isbn(text: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '-' | ' ' | 'X' | 'x' | '‐' | '–' | '\u{a0}');
    let mut found: Option<String> = None;
    for run in text[..text.floor_char_boundary(400)].split(|c| !is_part(c)) {
        // Two codes may stand side by side with a space between.
        let words: Vec<&str> = run.split_whitespace().collect();
        for start in 0..words.len() {
            for end in (start + 1..=words.len().min(start + 5)).rev() {
                let spelled = words[start..end].join(" ");
                let digits: String = spelled.chars().filter(char::is_ascii_alphanumeric).collect();
                let is_one = match digits.len() {
                    13 => is_isbn13(&digits),
                    10 => is_isbn10(&digits),
                    _ => false,
                };
                // The longer one is told where both are.
                if is_one
                    && found.as_ref().is_none_or(|other| {
                        digits.len() > other.chars().filter(char::is_ascii_alphanumeric).count()
                    })
                {
                    found = Some(spelled.trim_matches(['-', '–', '‐']).to_owned());
                }
            }
        }
    }
    found
}

fn is_isbn13(digits: &str) -> bool {
    let sum: u32 = digits
        .chars()
        .zip([1, 3].iter().cycle())
        .filter_map(|(c, weight)| Some(c.to_digit(10)? * weight))
        .sum();
    digits.bytes().all(|b| b.is_ascii_digit())
        && sum.is_multiple_of(10)
        && (digits.starts_with("978") || digits.starts_with("979"))
}

fn is_isbn10(digits: &str) -> bool {
    let sum: u32 = digits
        .chars()
        .zip((1..=10).rev())
        .map(|(c, weight)| weight * if matches!(c, 'X' | 'x') { 10 } else { c.to_digit(10).unwrap_or(0) })
        .sum();
    sum.is_multiple_of(11) && !digits[..9].contains(['X', 'x'])
}
