//! A text as words, numbers and signs: what is between them, and how it is set, is no part of what a page says.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters.
    Word,
    /// Digits, and what stands between them: `1,204`, `14:50`, `2026-11-21`.
    Number,
    /// Letters and digits: `3h`, `21st`, `v1.2`, a token.
    Code,
    /// A dash between words.
    Dash,
    /// A character that says something by itself: a currency, a check mark, the sign of a number.
    Sign,
}

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t str,
}

/// Reads a text into tokens.
pub(super) fn read<'t>(text: &'t str, into: &mut Vec<Token<'t>>) {
    into.clear();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let here = at;
        if c.is_alphanumeric() {
            at = end_of_run(text, at);
            let text = &text[here..at];
            into.push(Token { kind: kind_of(text), text });
            continue;
        }
        at += c.len_utf8();
        let kind = match c {
            '-' | '–' | '—' | '−' => {
                let before = text[..here].chars().next_back();
                let is_of_number = text[at..].starts_with(|next: char| next.is_ascii_digit())
                    && before.is_none_or(|before| !before.is_alphanumeric());
                if is_of_number { Kind::Sign } else { Kind::Dash }
            }
            _ if is_sign(c) => Kind::Sign,
            _ => continue,
        };
        into.push(Token { kind, text: &text[here..at] });
    }
}

/// Where the word, number or code ends that begins there.
fn end_of_run(text: &str, start: usize) -> usize {
    if let Some(length) = uuid(&text.as_bytes()[start..]) {
        return start + length;
    }
    let mut before = ' ';
    let mut characters = text[start..].char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        if !c.is_alphanumeric() {
            let next = characters.peek().map(|(_, next)| *next);
            let joins = match c {
                '_' => true,
                '.' | ',' | ':' | '/' | '-' => {
                    before.is_ascii_digit() || next.is_some_and(|next| next.is_ascii_digit())
                }
                _ => false,
            };
            if !joins
                || !before.is_ascii_alphanumeric()
                || !next.is_some_and(|next| next.is_ascii_alphanumeric())
            {
                return start + at;
            }
        }
        before = c;
    }
    text.len()
}

/// The length of the UUID that begins there (RFC 9562, section 4).
fn uuid(bytes: &[u8]) -> Option<usize> {
    const LENGTH: usize = 36;
    let text = bytes.get(..LENGTH)?;
    let fits = text.iter().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    (fits && !bytes.get(LENGTH).is_some_and(u8::is_ascii_alphanumeric)).then_some(LENGTH)
}

fn kind_of(text: &str) -> Kind {
    let has_digits = text.bytes().any(|byte| byte.is_ascii_digit());
    if !has_digits {
        return Kind::Word;
    }
    let has_letters = text.chars().any(|c| !c.is_ascii_digit() && c.is_alphanumeric() || c == '_');
    if has_letters { Kind::Code } else { Kind::Number }
}

fn is_sign(c: char) -> bool {
    match c {
        '+' | '%' | '$' => true,
        _ if c.is_ascii() => false,
        // Spaces and controls of Latin-1, quotation marks, soft hyphen, middle dot.
        '\u{80}'..='\u{a1}' | '\u{ab}'..='\u{ad}' | '\u{b4}' | '\u{b7}' | '\u{b8}' | '\u{bb}' | '\u{bf}' => {
            false
        }
        // Punctuation and joiners, marks of combination and of variation, punctuation of East Asia.
        '\u{300}'..='\u{36f}'
        | '\u{2000}'..='\u{206f}'
        | '\u{3000}'..='\u{303f}'
        | '\u{fe00}'..='\u{fe6f}' => false,
        '\u{ff00}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}' | '\u{feff}' | '\u{fff9}'..='\u{ffff}' => false,
        '\u{e000}'..='\u{f8ff}' => false,
        _ => !c.is_whitespace() && !c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(Kind, &str)> {
        let mut tokens = Vec::new();
        read(text, &mut tokens);
        tokens.into_iter().map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn words_numbers_and_signs_are_told_apart() {
        use Kind::{Code, Dash, Number, Sign, Word};
        assert_eq!(told("It's 1,204.5 kr!"), [(Word, "It"), (Word, "s"), (Number, "1,204.5"), (Word, "kr")]);
        assert_eq!(
            told("up −3.5% – ok"),
            [(Word, "up"), (Sign, "−"), (Number, "3.5"), (Sign, "%"), (Dash, "–"), (Word, "ok")]
        );
        assert_eq!(told("9:00–17:00"), [(Number, "9:00"), (Dash, "–"), (Number, "17:00")]);
        assert_eq!(
            told("well-known v1.2-rc 21st"),
            [(Word, "well"), (Dash, "-"), (Word, "known"), (Code, "v1.2-rc"), (Code, "21st")]
        );
        assert_eq!(
            told("550e8400-e29b-41d4-a716-44665544abcd"),
            [(Code, "550e8400-e29b-41d4-a716-44665544abcd")]
        );
        assert_eq!(told("✅ “så” 株式会社。"), [(Sign, "✅"), (Word, "så"), (Word, "株式会社")]);
        assert_eq!(told(" … ()"), []);
    }
}
