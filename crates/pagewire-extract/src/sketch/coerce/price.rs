//! Prices: an amount, and the currency that stands beside it.
//!
//! Of several numbers the first with a currency is the price; of a range that is its lower end. Percentages are none.

use serde_json::Number;

use super::amount::{self, Span};
use super::currency::{self, Sign};

/// Bytes of a text that are looked at: a price is short, and so is what stands around it.
const TEXT_BYTES_MAX: usize = 400;
/// Currencies whose smallest part is a thousandth: for them three digits after a separator are decimals.
const OF_THOUSANDTHS: [&str; 6] = ["KWD", "BHD", "OMR", "TND", "JOD", "IQD"];
/// What a shop writes that asks for nothing.
const FREE: &[&str] = &[
    "free",
    "gratis",
    "kostenlos",
    "gratuit",
    "gratuito",
    "grátis",
    "gratuita",
    "ilmainen",
    "za darmo",
    "bezpłatny",
    "zdarma",
    "бесплатно",
    "無料",
    "免费",
    "ücretsiz",
    "kostenfrei",
    "free of charge",
    "free entry",
    "free admission",
    "eintritt frei",
    "entrée libre",
];

/// A price as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    /// The amount.
    pub amount: Number,
    /// The currency as it is written, if it is.
    pub sign: Option<String>,
    /// The currency's code in ISO 4217, if it is written. A sign that several share means the largest of them.
    pub code: Option<&'static str>,
}

impl Price {
    /// Reads the price in a text: `None` where there is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        Self::read_in(text, None)
    }

    /// Reads the price in a text of a page in a language, which decides between currencies that share a sign.
    pub(crate) fn read_in(text: &str, language: Option<&str>) -> Option<Self> {
        let text = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
        let spans = amount::spans_of(text);
        let priced = spans.iter().enumerate().find_map(|(at, span)| Some((at, sign_beside(text, span)?)));
        let (span, sign) = match priced {
            Some((at, sign)) => (lower_end(text, &spans, at), Some(sign)),
            None => match spans.iter().find(|span| !is_percentage(text, span)) {
                Some(span) => (span, None),
                None => {
                    return is_free(text).then(|| Self { amount: Number::from(0), sign: None, code: None });
                }
            },
        };
        let code = sign.map(|sign| currency::code_in(sign, language));
        let digits =
            with_cents_after_sign(text, span, sign).unwrap_or_else(|| of_thousandths(text, span, code));
        let digits = if is_negative(text, span, sign) { format!("-{digits}") } else { digits };
        let amount = scaled(number_of(&digits)?, &text[span.end..]);
        Some(Self { amount, sign: sign.map(|sign| sign.spelled.to_owned()), code })
    }
}

pub(super) fn number_of(digits: &str) -> Option<Number> {
    match digits.parse::<i64>() {
        Ok(whole) => Some(Number::from(whole)),
        Err(_) => Number::from_f64(digits.parse().ok()?),
    }
}

/// `80k` is eighty thousand.
pub(super) fn scaled(number: Number, after: &str) -> Number {
    let mut rest = after.chars();
    let factor = match rest.next() {
        Some('k' | 'K') => 1_000.0,
        Some('M') => 1_000_000.0,
        _ => return number,
    };
    if rest.next().is_some_and(char::is_alphanumeric) {
        return number;
    }
    let Some(scaled) = number.as_f64().map(|value| (value * factor).round()) else { return number };
    if scaled.abs() <= 9_007_199_254_740_992.0 { Number::from(scaled as i64) } else { number }
}

/// The currency before a number or after it, with no more than a space and a bracket between.
fn sign_beside<'t>(text: &'t str, span: &Span) -> Option<Sign<'t>> {
    let before = text[..span.start]
        .trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '−' | '(' | ':' | '+'));
    // A point before the digits is the decimal one, or a part of the sign.
    let bare = before.strip_suffix('.').filter(|_| text[..span.start].ends_with('.')).unwrap_or(before);
    let found = [before, bare].into_iter().find_map(|before| {
        before
            .chars()
            .next_back()
            .filter(|c| currency::may_be_sign(*c))
            .and_then(|_| currency::at_end(before))
    });
    found.or_else(|| {
        let after = text[span.end..].trim_start_matches(|c: char| {
            c.is_whitespace() || matches!(c, ',' | '.' | ':' | '-' | '–' | '—' | '(' | '*')
        });
        after.chars().next().filter(|c| currency::may_be_sign(*c))?;
        let sign = currency::at_start(after)?;
        // `5: $20`: the sign stands before another number. `5€99` is one.
        let is_apart = after.len() < text.len() - span.end;
        let beyond = after[sign.spelled.len()..].trim_start().chars().next();
        let is_of_next = is_apart && beyond.is_some_and(|c| amount::digit_of(c).is_some());
        (!is_of_next).then_some(sign)
    })
}

/// The number from which a range goes to the one at a place, or that one.
fn lower_end<'s>(text: &str, spans: &'s [Span], at: usize) -> &'s Span {
    let from = at.checked_sub(1).map(|before| &spans[before]);
    let joined = from.filter(|from| {
        matches!(
            text[from.end..spans[at].start].trim(),
            "-" | "–" | "—" | "to" | "bis" | "à" | "a" | "do" | "~" | "〜"
        )
    });
    joined.unwrap_or(&spans[at])
}

fn is_percentage(text: &str, span: &Span) -> bool {
    text[span.end..].trim_start().starts_with(['%', '٪', '％'])
}

fn is_free(text: &str) -> bool {
    let text = text.trim().trim_end_matches(['!', '.']).to_lowercase();
    FREE.contains(&text.as_str())
}

/// `5€99`.
fn with_cents_after_sign(text: &str, span: &Span, sign: Option<Sign<'_>>) -> Option<String> {
    let after = text[span.end..].strip_prefix(sign?.spelled)?;
    let cents: String = after
        .chars()
        .map_while(|c| amount::digit_of(c).and_then(|value| char::from_digit(value, 10)))
        .collect();
    (cents.len() == 2 && !span.digits.contains('.')).then(|| format!("{}.{cents}", span.digits))
}

fn of_thousandths(text: &str, span: &Span, code: Option<&str>) -> String {
    let is_theirs = code.is_some_and(|code| OF_THOUSANDTHS.contains(&code));
    let spelled = &text[span.start..span.end];
    if is_theirs
        && spelled.matches(['.', '\u{66b}']).count() == 1
        && !span.digits.contains('.')
        && span.digits.len() > 3
    {
        let (whole, part) = span.digits.split_at(span.digits.len() - 3);
        return format!("{whole}.{part}");
    }
    span.digits.clone()
}

/// A minus directly before the digits or before the currency, with nothing but space before it.
fn is_negative(text: &str, span: &Span, sign: Option<Sign<'_>>) -> bool {
    let before = &text[..span.start];
    let beyond_sign = sign.and_then(|sign| before.trim_end().strip_suffix(sign.spelled)).map(str::trim_end);
    [Some(before), beyond_sign].into_iter().flatten().any(|before| {
        before.strip_suffix(['-', '−']).is_some_and(|start| {
            let start = sign.and_then(|sign| start.trim_end().strip_suffix(sign.spelled)).unwrap_or(start);
            start.chars().next_back().is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ':'))
                && !ends_in_digit(start)
        })
    })
}

fn ends_in_digit(text: &str) -> bool {
    let last = text.trim_end().chars().next_back();
    last.is_some_and(|c| amount::digit_of(c).is_some())
}
