//! JSON as pages carry it, read into values.
//!
//! Besides JSON it takes what pages get wrong and what can only be meant one way: comments of JavaScript and HTML, CDATA
//! marks, commas too many, control characters in strings, lone surrogates, strings in single quotes, several values in
//! a row, and a semicolon after one. A text that is broken in any other way is no value at all.
//!
//! Depth and the number of values are bounded; the time is linear in the text.

use memchr::{memchr, memchr_iter, memchr2, memmem};
use serde_json::{Map, Number, Value};

/// Deepest nesting; data of real pages nests under 20 deep. Readers of JSON commonly stop at 128.
const DEPTH_MAX: usize = 100;

/// What an object counts as: a table of one entry takes the room of some five values beside its own.
const OBJECT_COST: usize = 6;

/// All values of a text, or `None` where it is broken. `values_left` is what may still be made of values, keys not
/// counted, members of lists as two and objects as [`OBJECT_COST`]; a text with more is taken for broken.
pub(crate) fn values_of(text: &str, values_left: &mut usize) -> Option<Vec<Value>> {
    let mut reader = Reader { text, at: 0, next_data: 0, next_comment_end: 0, values_left };
    let mut values = Vec::new();
    loop {
        reader.skip_between_values();
        if reader.peek().is_none() {
            return Some(values);
        }
        values.push(reader.value(0)?);
    }
}

struct Reader<'t, 'b> {
    text: &'t str,
    at: usize,
    /// Where data begins and where a comment ends next, as far as that was looked for: marks may be many.
    next_data: usize,
    next_comment_end: usize,
    values_left: &'b mut usize,
}

impl Reader<'_, '_> {
    fn rest(&self) -> &[u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, expected: &str) -> bool {
        let found = self.rest().starts_with(expected.as_bytes());
        if found {
            self.at += expected.len();
        }
        found
    }

    /// At the top, marks and separators may stand between values.
    fn skip_between_values(&mut self) {
        loop {
            self.skip_space();
            if !(self.take("]]>") || self.take(";") || self.take(",")) {
                return;
            }
        }
    }

    /// White space, and what is to be read as such: comments and the marks that hide a script from old readers.
    fn skip_space(&mut self) {
        loop {
            match self.peek() {
                Some(byte) if byte <= b' ' => self.at += 1,
                Some(b'/') => {
                    if !self.skip_comment() {
                        return;
                    }
                }
                Some(b'<') => {
                    if !self.take("<![CDATA[") && !self.skip_html_comment() {
                        return;
                    }
                }
                Some(b'-') => {
                    if !self.take("-->") {
                        return;
                    }
                }
                Some(byte) if byte >= 0x80 => match self.text[self.at..].chars().next() {
                    Some(c) if c.is_whitespace() || c == '\u{feff}' => self.at += c.len_utf8(),
                    _ => return,
                },
                Some(_) | None => return,
            }
        }
    }

    /// `//` to the end of the line, or `/* */`. One that opens CDATA ends there: what follows is the data.
    fn skip_comment(&mut self) -> bool {
        let rest = self.rest();
        let opened = rest.get(2..).unwrap_or_default().trim_ascii_start();
        if rest.starts_with(b"//") && opened.starts_with(b"<![CDATA[") {
            self.at += rest.len() - opened.len() + "<![CDATA[".len();
            return true;
        }
        let length = if rest.starts_with(b"//") {
            rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'))
        } else if rest.starts_with(b"/*") {
            memmem::find(&rest[2..], b"*/").map(|end| end + 4)
        } else {
            return false;
        };
        self.at += length.unwrap_or(rest.len());
        true
    }

    /// `<!-- words -->` is passed over; of `<!-- {…} -->` only the mark is.
    fn skip_html_comment(&mut self) -> bool {
        if !self.take("<!--") {
            return false;
        }
        let bytes = self.text.as_bytes();
        if self.next_data < self.at {
            self.next_data = memchr2(b'{', b'[', self.rest()).map_or(bytes.len(), |data| self.at + data);
        }
        if self.next_comment_end < self.at {
            self.next_comment_end =
                memmem::find(self.rest(), b"-->").map_or(bytes.len(), |end| self.at + end);
        }
        if self.next_comment_end < self.next_data {
            self.at = self.next_comment_end + 3;
        }
        true
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        let cost = if self.peek()? == b'{' { OBJECT_COST } else { 1 };
        *self.values_left = self.values_left.checked_sub(cost)?;
        if depth > DEPTH_MAX {
            return None;
        }
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            quote @ (b'"' | b'\'') => self.string(quote).map(Value::String),
            b't' => self.take("true").then_some(Value::Bool(true)),
            b'f' => self.take("false").then_some(Value::Bool(false)),
            b'n' => self.take("null").then_some(Value::Null),
            // Numbers that JSON has no word for.
            b'N' => self.take("NaN").then_some(Value::Null),
            b'I' => self.take("Infinity").then_some(Value::Null),
            b'-' if self.take("-Infinity") => Some(Value::Null),
            b'-' | b'0'..=b'9' => self.number(),
            _ => None,
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        let mut object = Map::new();
        self.at += 1;
        loop {
            self.skip_commas();
            match self.peek()? {
                b'}' => {
                    self.at += 1;
                    return Some(Value::Object(object));
                }
                quote @ (b'"' | b'\'') => {
                    let key = self.string(quote)?;
                    self.skip_space();
                    if !self.take(":") {
                        return None;
                    }
                    self.skip_space();
                    object.insert(key, self.value(depth + 1)?);
                }
                _ => return None,
            }
            self.skip_space();
            if !matches!(self.peek()?, b',' | b'}') {
                return None;
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        self.at += 1;
        loop {
            self.skip_commas();
            if self.peek()? == b']' {
                self.at += 1;
                return Some(Value::Array(items));
            }
            // A list that grows takes twice the room of what is in it.
            *self.values_left = self.values_left.checked_sub(1)?;
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if !matches!(self.peek()?, b',' | b']') {
                return None;
            }
        }
    }

    fn skip_commas(&mut self) {
        loop {
            self.skip_space();
            if !self.take(",") {
                return;
            }
        }
    }

    fn string(&mut self, quote: u8) -> Option<String> {
        let from = self.at + 1;
        let bytes = self.text.as_bytes();
        let mut end = from;
        loop {
            end += memchr2(quote, b'\\', &bytes[end..])?;
            if bytes[end] == quote {
                break;
            }
            // Whatever is escaped, the quote is not the end.
            end += 2;
            if end > bytes.len() {
                return None;
            }
        }
        self.at = end + 1;
        let lines: String;
        let mut raw = &self.text[from..end];
        // A page's line breaks are one character each, whatever it was written with (WHATWG HTML, section 13.2.3.5).
        if memchr(b'\r', raw.as_bytes()).is_some() {
            lines = raw.replace("\r\n", "\n").replace('\r', "\n");
            raw = &lines;
        }
        Some(if memchr(b'\\', raw.as_bytes()).is_some() { unescaped(raw) } else { raw.to_owned() })
    }

    fn number(&mut self) -> Option<Value> {
        let rest = self.rest();
        let length = rest
            .iter()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .unwrap_or(rest.len());
        let digits = &self.text[self.at..self.at + length];
        self.at += length;
        if let Ok(integer) = digits.parse::<i64>() {
            return Some(Value::Number(integer.into()));
        }
        if let Ok(integer) = digits.parse::<u64>() {
            return Some(Value::Number(integer.into()));
        }
        let float = digits.parse::<f64>().ok()?;
        // What is too great for a number is none.
        Some(Number::from_f64(float).map_or(Value::Null, Value::Number))
    }
}

/// A string without its escapes. Half of a surrogate pair becomes U+FFFD; an escape that JSON does not know stands for
/// the character itself.
fn unescaped(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut plain = 0;
    for at in memchr_iter(b'\\', raw.as_bytes()) {
        if at < plain {
            continue;
        }
        out.push_str(&raw[plain..at]);
        let mut chars = raw[at + 1..].chars();
        let Some(escape) = chars.next() else { break };
        plain = at + 1 + escape.len_utf8();
        match escape {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'u' => match unit_at(raw, plain) {
                None => out.push('u'),
                Some(first @ 0xd800..=0xdbff) => {
                    plain += 4;
                    let second = raw[plain..].starts_with("\\u").then(|| unit_at(raw, plain + 2)).flatten();
                    match second {
                        Some(second @ 0xdc00..=0xdfff) => {
                            plain += 6;
                            let c = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                            out.push(char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER));
                        }
                        _ => out.push(char::REPLACEMENT_CHARACTER),
                    }
                }
                Some(unit) => {
                    plain += 4;
                    out.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
            },
            other => out.push(other),
        }
    }
    out.push_str(&raw[plain..]);
    out
}

/// The four hexadecimal digits that stand at a place.
fn unit_at(raw: &str, at: usize) -> Option<u32> {
    let digits = raw.get(at..at + 4)?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::cpu_clock::CpuClock;

    fn read(text: &str) -> Option<Vec<Value>> {
        values_of(text, &mut 10_000)
    }

    #[test]
    fn what_pages_get_wrong_is_read_as_it_is_meant() {
        for (text, expected) in [
            ("{\"a\":\"x\ny\t\u{1}z\"}", json!({"a": "x\ny\t\u{1}z"})),
            ("[\"a\r\n\rb\\r\"]", json!(["a\n\nb\r"])),
            ("[1,2,],", json!([1, 2])),
            ("{,\"a\":1,,\"b\":[,2,],}", json!({"a": 1, "b": [2]})),
            (
                "// words\n{\"a\": 1 /* one */, // more\n \"b\": \"http://x/*y*/\"}",
                json!({"a": 1, "b": "http://x/*y*/"}),
            ),
            ("<!-- {\"a\":1} -->", json!({"a": 1})),
            ("<!-- words -->\n{\"a\":1}", json!({"a": 1})),
            ("//<![CDATA[\n{\"a\":1}\n//]]>", json!({"a": 1})),
            ("// <![CDATA[ {\"a\":1} ]]>", json!({"a": 1})),
            ("/*<![CDATA[*/{\"a\":1}/*]]>*/", json!({"a": 1})),
            ("<![CDATA[{\"a\":1}]]>", json!({"a": 1})),
            ("\u{feff}{\"a\":1};", json!({"a": 1})),
            ("{'a':'it\\'s'}", json!({"a": "it's"})),
            (
                r#"["\ud83d\ude00 \ud83d \ude00 \u00e9 \/ \x \u12"]"#,
                json!(["😀 \u{fffd} \u{fffd} é / x u12"]),
            ),
            ("[NaN, Infinity, -Infinity, 1e400, -0.5e-3]", json!([null, null, null, null, -0.5e-3])),
        ] {
            assert_eq!(read(text), Some(vec![expected]), "{text}");
        }
        assert_eq!(read("{\"a\":1}\n{\"b\":2}"), Some(vec![json!({"a": 1}), json!({"b": 2})]));
        assert_eq!(read(" // nothing"), Some(vec![]));
    }

    #[test]
    fn what_is_broken_is_no_value() {
        for text in [
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "[1",
            "\"a",
            "\"a\\",
            "{a:1}",
            "{\"a\" 1}",
            "[1 2]",
            "nul",
            "-",
            "<p>",
            "/",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_hundred_thousand_marks_are_passed_over_once() {
        for mark in
            ["<!--", "<!-- -->", "/*", "/**/", "//\n", "//<![CDATA[", "<![CDATA[", "-->", ";", "\u{feff}"]
        {
            let started = CpuClock::start();
            let _ = read(&mark.repeat(100_000));
            let _ = read(&format!("[{}", mark.repeat(100_000)));
            assert!(started.elapsed() < Duration::from_secs(10), "{mark} {:?}", started.elapsed());
        }
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        assert_eq!(read(&"[".repeat(100_000)), None);
        assert_eq!(read(&format!("{}{}", "[".repeat(DEPTH_MAX + 2), "]".repeat(DEPTH_MAX + 2))), None);
        assert!(read(&format!("{}{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX))).is_some());
        assert_eq!(read(&format!("[{}]", "1,".repeat(20_000))), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e15_f64..1e15).prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
            "[\\x00-\\x7f]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map("\\PC{0,4}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_is_read_as_json(value in any_json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = text.expect("values can be written");
            prop_assert_eq!(read(&text), Some(vec![value]));
        }

        #[test]
        fn any_text_is_read_to_an_end(text in "[\\[\\]{}\",:'\\\\/*<!\\->u0-9a-f\\n é\u{2028}-]{0,60}") {
            let _ = read(&text);
        }
    }
}
