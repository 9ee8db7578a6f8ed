//! What text must be escaped for Markdown to take it as text: no more than that, so that it still reads well.

/// Bytes that may mean something to Markdown within a word.
const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let marks = b"\\*[]`_<~&|";
    let mut at = 0;
    while at < marks.len() {
        table[marks[at] as usize] = true;
        at += 1;
    }
    table
};

/// Where a word stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// At the beginning of a line, where some characters begin blocks.
    pub(super) line_start: bool,
    /// In a cell of a table, which bars part.
    pub(super) cell: bool,
    /// In a heading, which signs may close.
    pub(super) heading: bool,
    /// Before white space: what the word ends with cannot run into what follows.
    pub(super) before_space: bool,
}

/// Writes a word, which holds no white space.
pub(super) fn word(out: &mut String, word: &str, place: Place) {
    if place.line_start && !begins_as_text(out, word, place.cell) {
        return;
    }
    let is_all_signs = || word.bytes().all(|b| b == b'#');
    if place.heading && !place.line_start && word.starts_with('#') && is_all_signs() {
        out.push('\\');
    }
    escape_in_line(out, word, place.cell, place.before_space);
}

/// Escapes what would begin a block; `false` if that was all of the word.
fn begins_as_text(out: &mut String, word: &str, in_cell: bool) -> bool {
    let bytes = word.as_bytes();
    match bytes[0] {
        b'0'..=b'9' => {
            let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
            if digits <= 9 && matches!(&word[digits..], "." | ")") {
                out.push_str(&word[..digits]);
                out.push('\\');
                out.push_str(&word[digits..]);
                return false;
            }
        }
        b'>' => out.push('\\'),
        b'#' | b'=' | b'+' if bytes.iter().all(|b| *b == bytes[0]) => out.push('\\'),
        b'-' | b':' if bytes.iter().all(|b| matches!(b, b'-' | b':' | b'|')) => out.push('\\'),
        b'|' => {
            out.push_str("\\|");
            inline(out, &word[1..], in_cell);
            return false;
        }
        _ => {}
    }
    true
}

/// Writes text within a line, whatever follows it.
pub(super) fn inline(out: &mut String, text: &str, in_cell: bool) {
    escape_in_line(out, text, in_cell, false);
}

fn escape_in_line(out: &mut String, text: &str, in_cell: bool, before_space: bool) {
    let bytes = text.as_bytes();
    let mut written = 0;
    for at in 0..bytes.len() {
        let byte = bytes[at];
        if !SPECIAL[byte as usize] {
            continue;
        }
        let after = bytes.get(at + 1).copied().or(before_space.then_some(b' '));
        let escaped = match byte {
            // At a word's end a mark may follow.
            b'\\' => bytes.get(at + 1).is_none_or(u8::is_ascii_punctuation),
            b'_' => !(is_inner(text[..at].chars().next_back()) && is_inner(text[at + 1..].chars().next())),
            b'<' => {
                after.is_none_or(|after| after.is_ascii_alphabetic() || matches!(after, b'/' | b'!' | b'?'))
            }
            b'&' => {
                after.is_none_or(|after| after.is_ascii_alphanumeric() || after == b'#')
                    && (at + 1 == bytes.len() || bytes[at..].iter().take(40).any(|b| *b == b';'))
            }
            b'|' => in_cell,
            _ => true,
        };
        if escaped {
            out.push_str(&text[written..at]);
            out.push('\\');
            written = at;
        }
    }
    out.push_str(&text[written..]);
}

/// Whether an underscore beside this is within a word.
fn is_inner(beside: Option<char>) -> bool {
    beside.is_some_and(char::is_alphanumeric)
}

/// Whether Markdown takes a character for punctuation where it decides on emphasis.
pub(super) fn is_punctuation(c: char) -> bool {
    // Letters and digits aside, what is not ASCII is taken as punctuation: too many are better than too few.
    !c.is_alphanumeric() && !c.is_whitespace()
}
