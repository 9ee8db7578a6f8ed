//! Dates as people write them, to ISO 8601. A day, a month and a year must all be there, or it is no date; a time of day
//! that stands with them is kept.
//!
//! `3/4/2025` is decided by the page's language: only American English puts the month first.

mod months;

use super::amount::digit_of;

/// Bytes of a text that are looked at.
const TEXT_BYTES_MAX: usize = 300;
/// Words and numbers of it.
const TOKENS_MAX: usize = 60;

/// What a text tells: one day, or from one to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dates {
    pub(crate) start: String,
    pub(crate) end: Option<String>,
}

/// Reads the first date of a text.
pub(crate) fn read(text: &str, language: Option<&str>) -> Option<Dates> {
    let text = text.trim();
    let text = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
    if let Some(whole) = iso_instant(text) {
        return Some(Dates { start: whole, end: None });
    }
    let tokens = tokens_of(text);
    let found = days_of(&tokens, language);
    let times = times_of(&tokens);
    let (start, end) = match found.as_slice() {
        [] => return None,
        [day] => (*day, None),
        [first, second, ..] => (*first, Some(*second)),
    };
    let at = |day: Day, time: Option<&Time>| match time {
        Some(time) => format!("{}T{:02}:{:02}:00", day.iso(), time.hour, time.minute),
        None => day.iso(),
    };
    match end {
        // Two days have two times or none; of one day's two times the second is its end.
        Some(end) if end.ordinal() >= start.ordinal() => {
            let both = times.len() >= 2;
            Some(Dates {
                start: at(start, times.first().filter(|_| both)),
                end: Some(at(end, times.get(1).filter(|_| both))),
            })
        }
        _ => Some(Dates {
            start: at(start, times.first()),
            end: times.get(1).filter(|_| times.len() == 2).map(|time| at(start, Some(time))),
        }),
    }
}

/// The number of a month by its name.
pub(crate) fn month(word: &str) -> Option<u32> {
    months::number_of(&word.trim_matches('.').to_lowercase())
}

/// Whether a word is the name of a month.
pub(crate) fn is_month(word: &str) -> bool {
    month(word).is_some()
}

/// A time stamp that is ISO 8601 already, or nearly: a space for the `T`.
fn iso_instant(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| {
        bytes
            .get(range.clone())
            .is_some_and(|part| part.iter().all(u8::is_ascii_digit))
            .then(|| text[range].parse::<u32>().ok())
            .flatten()
    };
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let day = Day { year: digits(0..4)?, month: digits(5..7)?, day: digits(8..10)? };
    if !day.is_one() {
        return None;
    }
    let rest = &text[10..];
    if rest.is_empty() {
        return Some(text.to_owned());
    }
    let time = rest.strip_prefix(['T', 't', ' '])?;
    let (hours, minutes) = (digits(11..13)?, digits(14..16)?);
    let is_time = bytes.get(13) == Some(&b':') && hours < 25 && minutes < 60;
    let is_plain =
        time.bytes().all(|b| b.is_ascii_digit() || matches!(b, b':' | b'.' | b'+' | b'-' | b'Z' | b'z'));
    (is_time && is_plain).then(|| format!("{}T{time}", &text[..10]))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Day {
    year: u32,
    month: u32,
    day: u32,
}

impl Day {
    fn is_one(self) -> bool {
        let leap =
            self.year.is_multiple_of(4) && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        let days = match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        (1..=days).contains(&self.day) && (1000..=2999).contains(&self.year)
    }

    fn iso(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    fn ordinal(self) -> u32 {
        self.year * 10_000 + self.month * 100 + self.day
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Time {
    hour: u32,
    minute: u32,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number {
        value: u32,
        digits: usize,
    },
    /// A month's name; `sure` where no other word is written so.
    Month(u32),
    Word(String),
    Mark(char),
}

fn tokens_of(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if tokens.len() >= TOKENS_MAX {
            break;
        }
        if let Some(value) = digit_of(c) {
            let (mut value, mut digits) = (value, 1);
            while let Some(next) = chars.peek().and_then(|c| digit_of(*c)) {
                chars.next();
                value = value.saturating_mul(10).saturating_add(next);
                digits += 1;
            }
            tokens.push(Token::Number { value, digits });
        } else if matches!(c, '年' | '月' | '日' | '년' | '월' | '일') {
            tokens.push(Token::Mark(c));
        } else if c.is_alphabetic() {
            let mut word: String = c.to_lowercase().collect();
            while let Some(next) = chars.peek().filter(|c| c.is_alphabetic() || **c == '\u{301}') {
                word.extend(next.to_lowercase());
                chars.next();
            }
            tokens.push(months::number_of(&word).map_or(Token::Word(word), Token::Month));
        } else if !c.is_whitespace() {
            tokens.push(Token::Mark(c));
        }
    }
    tokens
}

/// The days of some tokens, at most two.
fn days_of(tokens: &[Token], language: Option<&str>) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    let mut at = 0;
    while at < tokens.len() && days.len() < 2 {
        let found = east_asian(&tokens[at..])
            .or_else(|| numeric(&tokens[at..], language))
            .or_else(|| with_name(&tokens[at..]));
        match found {
            Some((read, length)) => {
                days.extend(read.into_iter().filter(|day| day.is_one()));
                at += length;
            }
            None => at += 1,
        }
    }
    days.truncate(2);
    days
}

/// `2025年3月14日`, `2025년 3월 14일`.
fn east_asian(tokens: &[Token]) -> Option<(Vec<Day>, usize)> {
    let [
        Token::Number { value: year, digits: 4 },
        Token::Mark('年' | '년'),
        Token::Number { value: month, .. },
        Token::Mark('月' | '월'),
        Token::Number { value: day, .. },
        Token::Mark('日' | '일'),
        ..,
    ] = tokens
    else {
        return None;
    };
    Some((vec![Day { year: *year, month: *month, day: *day }], 6))
}

/// `14.03.2025`, `3/14/2025`, `2025/3/14`, `14-03-25`.
fn numeric(tokens: &[Token], language: Option<&str>) -> Option<(Vec<Day>, usize)> {
    let [
        Token::Number { value: a, digits: wide_a },
        Token::Mark(mark),
        Token::Number { value: b, digits: wide_b },
        Token::Mark(again),
        Token::Number { value: c, digits: wide_c },
        ..,
    ] = tokens
    else {
        return None;
    };
    if mark != again || !matches!(mark, '.' | '/' | '-' | '‐') || *wide_b > 2 {
        return None;
    }
    let (year, month, day) = match (wide_a, wide_c) {
        (4, 1..=2) => (*a, *b, *c),
        (1..=2, 4 | 2) => {
            let year = if *wide_c == 2 { 2_000 + c } else { *c };
            let month_first = *mark == '/' && (*b > 12 || *a <= 12 && puts_month_first(language));
            if month_first { (year, *a, *b) } else { (year, *b, *a) }
        }
        _ => return None,
    };
    let day = Day { year, month, day };
    day.is_one().then(|| (vec![day], 5))
}

fn puts_month_first(language: Option<&str>) -> bool {
    language.is_none_or(|language| {
        let language = language.to_ascii_lowercase();
        matches!(language.as_str(), "en" | "en-us" | "en_us")
    })
}

/// A month by its name with a day and a year near it; `14–16 March 2025` is two days.
fn with_name(tokens: &[Token]) -> Option<(Vec<Day>, usize)> {
    // Not before the first number or the month itself: a name may be far from where the text begins.
    let (month_at, month) = match tokens.first()? {
        Token::Month(month) => (0, *month),
        Token::Number { value, digits: 1..=2 } if (1..=31).contains(value) => {
            let found = tokens.iter().enumerate().take(7).skip(1).find_map(|(at, token)| match token {
                Token::Month(month) => Some((at, *month)),
                _ => None,
            })?;
            let between = &tokens[1..found.0];
            let is_near = between.iter().all(|token| match token {
                Token::Number { value, digits: 1..=2 } => (1..=31).contains(value),
                Token::Mark(mark) => matches!(mark, '.' | '-' | '–' | '—' | '/' | ',' | '&' | 'º' | 'ª'),
                Token::Word(word) => {
                    is_filler(word)
                        || matches!(
                            word.as_str(),
                            "bis" | "to" | "au" | "al" | "a" | "och" | "and" | "und" | "y" | "et"
                        )
                }
                Token::Number { .. } | Token::Month(_) => false,
            });
            if !is_near {
                return None;
            }
            found
        }
        Token::Number { value, digits: 4 } if (1000..=2999).contains(value) => return year_first(tokens),
        _ => return None,
    };
    let mut days_in: Vec<u32> = tokens[..month_at]
        .iter()
        .filter_map(|token| match token {
            Token::Number { value, digits: 1..=2 } => Some(*value),
            _ => None,
        })
        .collect();
    let mut at = month_at + 1;
    let mut year = None;
    let day_before = !days_in.is_empty();
    while let Some(token) = tokens.get(at) {
        match token {
            Token::Number { value, digits: 4 } if (1000..=2999).contains(value) => {
                year = Some(*value);
                break;
            }
            Token::Number { value, digits: 1..=2 }
                if !day_before && days_in.len() < 2 && (1..=31).contains(value) =>
            {
                days_in.push(*value);
            }
            // `14. März – 2. April 2025`: the second has the year for both.
            Token::Month(_) | Token::Number { .. } if !days_in.is_empty() && at > month_at + 1 => {
                let (later, length) = with_name(&tokens[at..])?;
                let last = later.last()?;
                let mut days = vec![Day { year: last.year, month, day: days_in[0] }];
                days.extend(later.last());
                return Some((days, at + length));
            }
            Token::Mark('’' | '\'') => {
                if let Some(Token::Number { value, digits: 2 }) = tokens.get(at + 1) {
                    year = Some(2_000 + value);
                    at += 1;
                    break;
                }
                return None;
            }
            Token::Mark('.' | ',' | '-' | '–' | '—' | '/' | '&') => {}
            Token::Word(word) if is_filler(word) || is_ordinal(word) => {}
            Token::Word(word) if matches!(word.as_str(), "bis" | "to" | "au" | "al" | "and" | "through") => {}
            _ => return None,
        }
        at += 1;
        if at > month_at + 12 {
            return None;
        }
    }
    let year = year?;
    let days: Vec<Day> = days_in.into_iter().take(2).map(|day| Day { year, month, day }).collect();
    (!days.is_empty()).then_some((days, at + 1))
}

/// `2025 March 14`, `2025. március 14.`
fn year_first(tokens: &[Token]) -> Option<(Vec<Day>, usize)> {
    let Token::Number { value: year, .. } = tokens.first()? else { return None };
    let mut at = 1;
    while matches!(tokens.get(at), Some(Token::Mark('.' | ',' | '-'))) {
        at += 1;
    }
    let Token::Month(month) = tokens.get(at)? else { return None };
    at += 1;
    while matches!(tokens.get(at), Some(Token::Mark('.' | ',' | '-'))) {
        at += 1;
    }
    let Token::Number { value: day, digits: 1..=2 } = tokens.get(at)? else { return None };
    Some((vec![Day { year: *year, month: *month, day: *day }], at + 1))
}

fn is_filler(word: &str) -> bool {
    matches!(word, "of" | "de" | "del" | "den" | "the" | "d" | "di") || is_ordinal(word)
}

fn is_ordinal(word: &str) -> bool {
    matches!(word, "st" | "nd" | "rd" | "th" | "er" | "re" | "e" | "ª" | "º" | "ого" | "г" | "года" | "р")
}

/// The times of day of some tokens: `19:00`, `7 pm`, `19h30`, `19.30 Uhr`, `kl. 19`.
fn times_of(tokens: &[Token]) -> Vec<Time> {
    let mut times: Vec<Time> = Vec::new();
    let mut at = 0;
    while at < tokens.len() && times.len() < 3 {
        match half_of_range(tokens, at).or_else(|| time_at(tokens, at)) {
            Some((time, length)) => {
                times.push(time);
                at += length;
            }
            None => at += 1,
        }
    }
    // `7–10 PM`, `7:00 – 10:00 PM`: the first half of the day is told once.
    if let [first, second, ..] = times.as_mut_slice()
        && second.hour >= 12
        && first.hour < 12
        && first.hour + 12 < second.hour
        && !says_half_before_second(tokens)
        && says_half(tokens)
    {
        first.hour += 12;
    }
    times
}

/// `8` of `8 - 10:30pm`: the half of the day is told with the second time.
fn half_of_range(tokens: &[Token], at: usize) -> Option<(Time, usize)> {
    let [Token::Number { value: hour @ 1..=12, digits: 1..=2 }, between, rest @ ..] = tokens.get(at..)?
    else {
        return None;
    };
    let joins = matches!(between, Token::Mark('-' | '–' | '—'))
        || matches!(between, Token::Word(word) if word == "to");
    let (end, length) = time_at(rest, 0)?;
    let says_half = length >= 2
        && rest[..length]
            .iter()
            .any(|token| matches!(token, Token::Word(word) if word == "pm" || word == "am"));
    if !joins || !says_half {
        return None;
    }
    let later = if *hour < 12 { hour + 12 } else { 12 };
    let hour = if end.hour >= 12 && later < end.hour { later } else { hour % 12 };
    Some((Time { hour, minute: 0 }, 2))
}

fn time_at(tokens: &[Token], at: usize) -> Option<(Time, usize)> {
    let Token::Number { value: hour, digits: 1..=2 } = *tokens.get(at)? else { return None };
    let minute_at = |next: usize| match tokens.get(next) {
        Some(Token::Number { value, digits: 2 }) if *value < 60 => Some(*value),
        _ => None,
    };
    let word = |next: usize| match tokens.get(next) {
        Some(Token::Word(word)) => word.as_str(),
        _ => "",
    };
    let (minute, mut length, sure) = match tokens.get(at + 1) {
        Some(Token::Mark(':')) => (minute_at(at + 2)?, 3, true),
        Some(Token::Word(h)) if h == "h" || h == "uhr" || h == "u" => {
            let minute = minute_at(at + 2);
            (minute.unwrap_or(0), if minute.is_some() { 3 } else { 2 }, true)
        }
        Some(Token::Mark('.')) if minute_at(at + 2).is_some() => {
            let after = word(at + 3);
            let before = at.checked_sub(1).map(|before| match &tokens[before] {
                Token::Mark('.') => word(before.wrapping_sub(1)),
                Token::Word(word) => word,
                _ => "",
            });
            let told = matches!(after, "uhr" | "h" | "am" | "pm")
                || matches!(before, Some("kl" | "klo" | "klockan" | "ore" | "um"));
            (minute_at(at + 2)?, 3, told)
        }
        _ => (0, 1, false),
    };
    let (half, marks) = half_at(tokens, at + length);
    length += marks;
    let hour = match half {
        Some(Half::Before) if hour == 12 => 0,
        Some(Half::After) if hour < 12 => hour + 12,
        _ => hour,
    };
    ((sure || half.is_some()) && hour < 24).then_some((Time { hour, minute }, length))
}

#[derive(Clone, Copy)]
enum Half {
    Before,
    After,
}

/// `pm`, `p.m.`, and how many tokens that is.
fn half_at(tokens: &[Token], at: usize) -> (Option<Half>, usize) {
    match (tokens.get(at), tokens.get(at + 1), tokens.get(at + 2)) {
        (Some(Token::Word(word)), ..) if word == "am" => (Some(Half::Before), 1),
        (Some(Token::Word(word)), ..) if word == "pm" => (Some(Half::After), 1),
        (Some(Token::Word(half)), Some(Token::Mark('.')), Some(Token::Word(m))) if m == "m" => {
            match half.as_str() {
                "a" => (Some(Half::Before), 3),
                "p" => (Some(Half::After), 3),
                _ => (None, 0),
            }
        }
        _ => (None, 0),
    }
}

fn says_half(tokens: &[Token]) -> bool {
    (0..tokens.len()).any(|at| half_at(tokens, at).0.is_some())
}

/// Whether the first time says itself in which half it is.
fn says_half_before_second(tokens: &[Token]) -> bool {
    (0..tokens.len()).filter(|at| half_at(tokens, *at).0.is_some()).count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_the_usual_spellings() {
        for (text, language, expected) in [
            ("2025-03-14", None, "2025-03-14"),
            ("2025-03-14T19:00:00+01:00", None, "2025-03-14T19:00:00+01:00"),
            ("2025-03-14 19:00", None, "2025-03-14T19:00"),
            ("March 14, 2025", None, "2025-03-14"),
            ("Mar 14, 2025", None, "2025-03-14"),
            ("Posted on Friday, March 14th, 2025", None, "2025-03-14"),
            ("14 March 2025", None, "2025-03-14"),
            ("14th of March 2025", None, "2025-03-14"),
            ("14-Mar-2025", None, "2025-03-14"),
            ("Sept. 5, 2024", None, "2024-09-05"),
            ("3/14/2025", None, "2025-03-14"),
            ("3/4/2025", Some("en-US"), "2025-03-04"),
            ("3/4/2025", Some("en-GB"), "2025-04-03"),
            ("03/04/2025", Some("fr"), "2025-04-03"),
            ("14/03/2025", None, "2025-03-14"),
            ("14.03.2025", None, "2025-03-14"),
            ("14.3.25", Some("de"), "2025-03-14"),
            ("2025/3/14", None, "2025-03-14"),
            ("14. März 2025", Some("de"), "2025-03-14"),
            ("14 mars 2025", Some("fr"), "2025-03-14"),
            ("1er avril 2025", Some("fr"), "2025-04-01"),
            ("14 de marzo de 2025", Some("es"), "2025-03-14"),
            ("14 de março de 2025", Some("pt"), "2025-03-14"),
            ("14 marzo 2025", Some("it"), "2025-03-14"),
            ("den 14 mars 2025", Some("sv"), "2025-03-14"),
            ("14 maart 2025", Some("nl"), "2025-03-14"),
            ("14 marca 2025", Some("pl"), "2025-03-14"),
            ("14. března 2025", Some("cs"), "2025-03-14"),
            ("14. maaliskuuta 2025", Some("fi"), "2025-03-14"),
            ("14 марта 2025 г.", Some("ru"), "2025-03-14"),
            ("14 Mart 2025", Some("tr"), "2025-03-14"),
            ("2025. március 14.", Some("hu"), "2025-03-14"),
            ("2025年3月14日", Some("ja"), "2025-03-14"),
            ("2025년 3월 14일", Some("ko"), "2025-03-14"),
            ("March 14, 2025 at 7:00 PM", None, "2025-03-14T19:00:00"),
            ("Fri 14 Mar 2025, 19:30", None, "2025-03-14T19:30:00"),
            ("14. März 2025, 19.30 Uhr", Some("de"), "2025-03-14T19:30:00"),
            ("14 mars 2025 à 19h30", Some("fr"), "2025-03-14T19:30:00"),
            ("14 mars 2025 kl. 19.30", Some("sv"), "2025-03-14T19:30:00"),
            ("7 p.m., March 14, 2025", None, "2025-03-14T19:00:00"),
        ] {
            let read = read(text, language).map(|dates| dates.start);
            assert_eq!(read.as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn ranges_have_two_ends() {
        for (text, start, end) in [
            ("14–16 March 2025", "2025-03-14", "2025-03-16"),
            ("March 14 - 16, 2025", "2025-03-14", "2025-03-16"),
            ("June 5, 2025 – June 7, 2025", "2025-06-05", "2025-06-07"),
            ("14. März – 2. April 2025", "2025-03-14", "2025-04-02"),
            ("March 28 – April 2, 2025", "2025-03-28", "2025-04-02"),
            ("du 14 au 16 mars 2025", "2025-03-14", "2025-03-16"),
            ("14.03.2025 - 16.03.2025", "2025-03-14", "2025-03-16"),
            ("2025-03-14 – 2025-03-16", "2025-03-14", "2025-03-16"),
            ("March 14, 2025, 7:00 PM – 10:00 PM", "2025-03-14T19:00:00", "2025-03-14T22:00:00"),
            ("March 14, 2025, 7–10 PM", "2025-03-14T19:00:00", "2025-03-14T22:00:00"),
            ("Friday, November 14, 2025 · 8 - 10:30pm CST", "2025-11-14T20:00:00", "2025-11-14T22:30:00"),
            ("March 14, 2025, 11 am - 2 pm", "2025-03-14T11:00:00", "2025-03-14T14:00:00"),
            ("March 14, 2025, 7:00 - 10:00 PM", "2025-03-14T19:00:00", "2025-03-14T22:00:00"),
        ] {
            let read = read(text, None).expect(text);
            assert_eq!(
                (read.start.as_str(), read.end.as_deref().unwrap_or_default()),
                (start, end),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_clear_date_is_none() {
        for text in [
            "",
            "soon",
            "March 2025",
            "March 14",
            "2025",
            "31.02.2025",
            "3.14",
            "May I come in 5 minutes",
            "version 1.2.3",
            "10:30",
            "555-12-3456",
        ] {
            assert_eq!(read(text, None), None, "{text}");
        }
    }
}
