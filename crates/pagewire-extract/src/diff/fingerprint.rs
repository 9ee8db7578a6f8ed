//! What a block says, as a number: two blocks say the same where their fingerprints are the same.
//!
//! Left out is what changes while nothing happens: how a text is set, times of day, ages ("3 minutes ago"), counters
//! ("1,204 views"), identifiers that are made for one visit. Dates are told apart from the rest: a page that stamps itself
//! with the day on which it is read has not changed, a deadline that is put off has.

use std::ops::Range;

use super::hash::Hash;
use super::shapes::{
    day_of, is_amount_of_time, is_clock, is_count, is_epoch, is_identifier, numeric_date, year_of,
};
use super::today::Today;
use super::tokens::{self, Kind, Token};
use super::words;
use crate::sketch::coerce::date;

/// Tokens up to which a block is short: a line whose every word may be an age or a stamp.
const SHORT_TOKENS: usize = 12;
/// Tokens that an age may have.
const AGE_TOKENS_MAX: usize = 8;

/// What a block says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Fingerprint {
    /// Its words and numbers, without what is left out.
    pub(super) words: u64,
    /// Its dates.
    pub(super) dates: Dates,
    /// Whether all of them are of the day on which it was read.
    pub(super) is_stamp: bool,
    /// Letters and digits that were taken; a block with none says nothing.
    pub(super) characters: u32,
}

/// The dates of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum Dates {
    /// None.
    #[default]
    None,
    /// None, but an age stands for one.
    Age,
    /// What they say together.
    Told(u32),
}

impl Fingerprint {
    /// Whether a block that said that says the same now.
    pub(super) fn is_same_as(&self, words: u64, dates: Dates) -> bool {
        self.words == words
            && (self.dates == dates || self.is_stamp || self.dates == Dates::Age || dates == Dates::Age)
    }
}

/// Reads fingerprints.
pub(super) struct Reader {
    today: Today,
}

/// What is left out of a block.
struct Reading<'t> {
    today: Today,
    tokens: Vec<Token<'t>>,
    left_out: Vec<bool>,
    dates: Hash,
    has_dates: bool,
    has_age: bool,
    is_stamp: bool,
}

impl Reader {
    pub(super) fn new(today: Today) -> Self {
        Self { today }
    }

    pub(super) fn read(&self, text: &str) -> Fingerprint {
        let mut tokens = Vec::with_capacity(text.len() / 5 + 1);
        tokens::read(text, &mut tokens);
        let has_digits = tokens.iter().any(|token| matches!(token.kind, Kind::Number | Kind::Code));
        let is_short = tokens.len() <= SHORT_TOKENS;
        let left_out = vec![false; tokens.len()];
        let (dates, today) = (Hash::new(), self.today);
        let mut reading =
            Reading { today, tokens, left_out, dates, has_dates: false, has_age: false, is_stamp: true };
        if has_digits || is_short {
            reading.leave_out();
        }
        reading.end()
    }
}

impl<'t> Reading<'t> {
    fn leave_out(&mut self) {
        for at in 0..self.tokens.len() {
            if self.left_out[at] {
                continue;
            }
            match self.tokens[at].kind {
                Kind::Number => self.number(at),
                Kind::Code => self.code(at),
                Kind::Word => self.word(at),
                Kind::Dash | Kind::Sign => {}
            }
        }
    }

    fn end(self) -> Fingerprint {
        let mut words = Hash::new();
        let mut characters = 0;
        for (token, left_out) in self.tokens.iter().zip(&self.left_out) {
            if *left_out || token.kind == Kind::Dash {
                continue;
            }
            words.add(token.text.as_bytes());
            characters += u32::try_from(token.text.chars().count()).unwrap_or(u32::MAX);
        }
        let dates = match (self.has_dates, self.has_age) {
            (true, _) => Dates::Told((self.dates.end() >> 32) as u32),
            (false, true) => Dates::Age,
            (false, false) => Dates::None,
        };
        let is_stamp = self.has_dates && self.is_stamp;
        Fingerprint { words: words.end(), dates, is_stamp, characters }
    }

    fn drop(&mut self, range: Range<usize>) {
        self.left_out[range].fill(true);
    }

    fn token(&self, at: usize) -> Option<Token<'t>> {
        self.tokens.get(at).copied()
    }

    fn word_at(&self, at: usize) -> Option<&'t str> {
        self.token(at).filter(|token| token.kind == Kind::Word).map(|token| token.text)
    }

    fn number_at(&self, at: usize) -> Option<&'t str> {
        self.token(at).filter(|token| token.kind == Kind::Number).map(|token| token.text)
    }

    fn number(&mut self, at: usize) {
        let text = self.tokens[at].text;
        if is_clock(text) {
            return self.clock(at);
        }
        if is_epoch(text) {
            return self.drop(at..at + 1);
        }
        if let Some(readings) = numeric_date(text) {
            return self.date(at..at + 1, &readings);
        }
        if day_of(text).is_some_and(|day| self.date_in_words(at, day)) {
            return;
        }
        self.counter_after(at);
    }

    fn code(&mut self, at: usize) {
        let text = self.tokens[at].text;
        let letters = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
        let (number, unit) = text.split_at(letters);
        if is_identifier(text) {
            self.drop(at..at + 1);
        } else if let Some(readings) =
            text.get(..10).and_then(numeric_date).filter(|_| text.as_bytes()[4] == b'-')
        {
            self.date(at..at + 1, &readings);
        } else if is_clock(number) && words::is_zone(unit) {
            self.clock(at);
        } else if !number.is_empty() && words::is_unit(unit) && self.tokens.len() <= 2 {
            // The line is an age and nothing else: `3h`, `5 m`.
            self.has_age = true;
            self.drop(at..at + 1);
        } else if matches!(unit, "st" | "nd" | "rd" | "th" | "er" | "re" | "e" | "º") {
            if let Some(day) = day_of(number) {
                self.date_in_words(at, day);
            }
        } else if matches!(unit, "k" | "K" | "m" | "M" | "mn" | "tn") {
            self.counter_after(at);
        }
    }

    fn word(&mut self, at: usize) {
        let word = self.tokens[at].text;
        if words::is_ago(word) {
            return self.age_before(at);
        }
        let is_il_y_a = word == "a"
            && at >= 2
            && self.word_at(at - 1) == Some("y")
            && self.word_at(at - 2).is_some_and(|il| il.eq_ignore_ascii_case("il"));
        if words::is_since(word) || is_il_y_a {
            return self.age_after(at);
        }
        let is_short = self.tokens.len() <= SHORT_TOKENS;
        if is_short && words::is_age(word)
            || is_short
                && word.eq_ignore_ascii_case("now")
                && self.word_at(at.wrapping_sub(1)).is_some_and(|just| just.eq_ignore_ascii_case("just"))
        {
            let start = if word.eq_ignore_ascii_case("now") { at - 1 } else { at };
            self.has_age = true;
            return self.drop(start..at + 1);
        }
        // "Views: 1,204", "Comments (12)"; the number's own noun comes first.
        let counts_itself = || self.word_at(at + 2).is_some_and(words::is_counted);
        if self.number_at(at + 1).is_some_and(is_count) && words::is_counted(word) && !counts_itself() {
            self.drop(at..at + 2);
        }
    }

    /// A time of day, unless it is one of two from which to which something lasts.
    fn clock(&mut self, at: usize) {
        let is_clock_at = |token: Option<Token<'_>>| {
            token.is_some_and(|token| is_clock(token.text.trim_end_matches(char::is_alphabetic)))
        };
        let is_between = |token: Option<Token<'_>>| {
            token.is_some_and(|token| {
                token.kind == Kind::Dash || matches!(token.text, "to" | "till" | "bis" | "à" | "a" | "until")
            })
        };
        let mut end = at + 1;
        if is_between(self.token(end)) && is_clock_at(self.token(end + 1)) {
            return;
        }
        let lasts_from = at >= 2 && is_between(self.token(at - 1)) && is_clock_at(self.token(at - 2));
        if lasts_from && !self.left_out[at - 2] {
            return;
        }
        while end < at + 3 && self.word_at(end).is_some_and(words::is_zone) {
            end += 1;
        }
        self.drop(at..end);
    }

    /// A day and a month's name, with a year or without, and the day of the week before.
    fn date_in_words(&mut self, at: usize, day: u32) -> bool {
        // What is part of an age is no month: `ago` is one in two languages.
        let month = |at: usize| self.word_at(at).filter(|_| !self.left_out[at]).and_then(date::month);
        let of = usize::from(self.word_at(at + 1).is_some_and(|word| matches!(word, "of" | "de" | "do")));
        let (mut start, mut end, number) = match (month(at + 1 + of), at.checked_sub(1).and_then(month)) {
            (Some(number), _) => (at, at + 2 + of, number),
            (None, Some(number)) => (at - 1, at + 1, number),
            (None, None) => return false,
        };
        let of = usize::from(self.word_at(end).is_some_and(|word| matches!(word, "de" | "do")));
        let year = self.number_at(end + of).and_then(year_of);
        if year.is_some() {
            end += of + 1;
        }
        let before = start.checked_sub(1).and_then(|at| self.word_at(at));
        if before.is_some_and(words::is_weekday) {
            start -= 1;
        }
        self.date(start..end, &[(year, number, day)]);
        true
    }

    /// What is a date is left out, and kept as one.
    fn date(&mut self, range: Range<usize>, readings: &[(Option<i32>, u32, u32)]) {
        for token in &self.tokens[range.clone()] {
            // A time of day behind the date is none.
            let text = token.text;
            let day = if token.kind == Kind::Code && text.as_bytes().get(4) == Some(&b'-') {
                &text[..10]
            } else {
                text
            };
            self.dates.add(day.as_bytes());
        }
        self.has_dates = true;
        self.is_stamp &= readings.iter().any(|(year, month, day)| self.today.is_near(*year, *month, *day));
        self.drop(range);
    }

    /// A number before the name of what is counted, and the groups of three digits before it.
    fn counter_after(&mut self, at: usize) {
        let between = usize::from(self.word_at(at + 1).is_some_and(words::stands_before_counted));
        let is_plus = usize::from(self.token(at + 1).is_some_and(|token| token.text == "+"));
        let end = at + 1 + between.max(is_plus);
        let counted = |at: usize| self.word_at(at).is_some_and(words::is_counted);
        let end = match (counted(end), counted(at + 1)) {
            (true, _) => end + 1,
            (false, true) => at + 2,
            (false, false) => return,
        };
        let mut start = at;
        let is_group = |text: &str| text.len() == 3;
        while start > 0
            && is_group(self.tokens[start].text)
            && self.number_at(start - 1).is_some_and(|text| text.len() <= 3)
        {
            start -= 1;
        }
        self.drop(start..end);
    }

    /// The stretch of time before "ago".
    fn age_before(&mut self, at: usize) {
        let mut start = at;
        let mut has_unit = false;
        while start > 0 && at - start < AGE_TOKENS_MAX {
            let token = self.tokens[start - 1];
            let is_part = match token.kind {
                Kind::Word => words::is_unit(token.text) || words::is_within_age(token.text),
                Kind::Number => is_count(token.text),
                Kind::Code => is_amount_of_time(token.text),
                Kind::Dash | Kind::Sign => false,
            };
            if !is_part {
                break;
            }
            has_unit |= token.kind == Kind::Code || words::is_unit(token.text);
            start -= 1;
        }
        if has_unit {
            self.has_age = true;
            self.drop(start..at + 1);
        }
    }

    /// The stretch of time after "since", as other languages put it.
    fn age_after(&mut self, at: usize) {
        let mut end = at + 1;
        let mut has_unit = false;
        while let Some(token) = self.token(end).filter(|_| end - at < AGE_TOKENS_MAX) {
            let is_unit = token.kind == Kind::Word && words::is_unit(token.text);
            let is_part = is_unit
                || token.kind == Kind::Number && is_count(token.text)
                || token.kind == Kind::Word && words::is_within_age(token.text);
            if !is_part {
                break;
            }
            has_unit |= is_unit;
            end += 1;
        }
        if has_unit {
            self.has_age = true;
            self.drop(at..end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Today = Today { year: 2026, month: 11, day: 21 };

    fn read(text: &str) -> Fingerprint {
        Reader::new(TODAY).read(text)
    }

    fn is_same(before: &str, now: &str) -> bool {
        let before = read(before);
        read(now).is_same_as(before.words, before.dates)
    }

    #[test]
    fn what_changes_while_nothing_happens_is_left_out() {
        for (before, now) in [
            ("Updated 14:50", "Updated 15:02:11"),
            ("It is 9:15 am UTC", "It is 11:20 pm UTC"),
            ("by ann, 3 minutes ago", "by ann, 2 hours and 5 minutes ago"),
            ("by ann, 3h ago", "by ann, just now"),
            ("by ann, just now", "by ann, yesterday"),
            ("Ann, 3 hours ago, 12 comments", "Ann, yesterday, 17 comments"),
            ("för 3 timmar sedan", "för en dag sedan"),
            ("vor 3 Stunden", "vor einem Tag"),
            ("il y a 3 heures", "il y a 2 jours"),
            ("hace 5 minutos", "hace 1 hora"),
            ("1,204 views | 3 comments", "1,377 views | 14 comments"),
            ("1 204 visningar", "12 377 visningar"),
            ("1.2k views", "1.3k views"),
            ("Views: 1,204", "Views: 1,377"),
            ("Comments (3)", "Comments (4)"),
            ("12 new comments", "13 new comments"),
            ("Today is Saturday 21 November 2026", "Today is Saturday 21 November 2026, 15:02"),
            ("Last updated: 2026-11-20", "Last updated: 2026-11-21"),
            ("Last updated: 2026-11-20T10:00:00Z", "Last updated: 2026-11-21T09:01:00Z"),
            ("Last updated: 20/11/2026", "Last updated: 21/11/2026"),
            ("Last updated: Nov 20th, 2026", "Last updated: Nov 21st, 2026"),
            ("den 19 november 2026", "den 21 november 2026"),
            ("by ann, 6 days ago", "by ann, 14 November 2026"),
            ("Session 3f2a9c1e77d0aa41", "Session 99ab21c044f1e0d2"),
            ("Ref 550e8400-e29b-41d4-a716-446655440000", "Ref 6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
            ("token aB3dE5fG7hI9jK1lM3nO5", "token zY9xW7vU5tS3rQ1pO9nM7"),
            ("generated at 1763736612", "generated at 1763740000"),
            ("Hello, world.", "Hello  “world”"),
            ("3h", "4h"),
        ] {
            assert!(is_same(before, now), "{before} / {now}");
        }
    }

    #[test]
    fn what_happens_is_not() {
        for (before, now) in [
            ("219 kr", "199 kr"),
            ("1,204.50", "1,199.50"),
            ("+3.5 %", "-3.5 %"),
            ("✅ API", "❌ API"),
            ("Version 1.2.3", "Version 1.2.4"),
            ("Deadline: 3 December 2026", "Deadline: 10 December 2026"),
            ("Deadline: 2026-12-03", "Deadline: 2026-12-10"),
            ("Open 9:00–17:00", "Open 10:00–17:00"),
            ("Open 9:00 to 17:00", "Open 9:00 to 18:00"),
            ("Room 101", "Room 102"),
            ("Takes 3 hours", "Takes 4 hours"),
            ("Section 3", "Section 4"),
            ("ISBN 9780306406157", "ISBN 9780306406158"),
            ("Monday: closed", "Tuesday: closed"),
            ("May contain nuts", "Must contain nuts"),
        ] {
            assert!(!is_same(before, now), "{before} / {now}");
        }
    }

    #[test]
    fn a_block_of_nothing_but_a_clock_says_nothing() {
        for text in ["14:50", "14:50:03 UTC", "21 November 2026", "…", "1,204 views", ""] {
            assert_eq!(read(text).characters, 0, "{text}");
        }
        assert_eq!(read("7").characters, 1);
    }
}
