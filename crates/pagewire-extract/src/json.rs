//! JSON text written straight into a buffer. Strings are nearly all of a record, so they are escaped here: whole runs of
//! plain bytes are copied at once.

/// For each byte, how it is escaped: 0 for not at all, `u` for `\u00XX`, else the character after the backslash.
const ESCAPES: [u8; 256] = {
    let mut table = [0_u8; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Bytes from which on a string is one of the few that a record is made of: room is made for it alone, not for twice as
/// much.
const LONG_BYTES: usize = 16 * 1024;

/// Appends a JSON string.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let needed = bytes.len() + bytes.len() / 16 + 2;
    if bytes.len() >= LONG_BYTES {
        out.reserve_exact(needed);
    } else {
        out.reserve(needed);
    }
    out.push(b'"');
    let mut plain = 0;
    let mut at = 0;
    while at < bytes.len() {
        // Eight bytes at a time while none of them needs a look.
        if let Some(word) = bytes.get(at..at + 8).and_then(|eight| <[u8; 8]>::try_from(eight).ok())
            && !needs_a_look(u64::from_le_bytes(word))
        {
            at += 8;
            continue;
        }
        let escape = ESCAPES[usize::from(bytes[at])];
        if escape != 0 {
            out.extend_from_slice(&bytes[plain..at]);
            if escape == b'u' {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(bytes[at] >> 4)]);
                out.push(HEX[usize::from(bytes[at] & 15)]);
            } else {
                out.extend_from_slice(&[b'\\', escape]);
            }
            plain = at + 1;
        }
        at += 1;
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

/// Whether any of eight bytes is under 0x20, a quote or a backslash. Bytes from 0x80 on may be taken for one of them,
/// which only costs the closer look.
fn needs_a_look(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zero_in = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
    let quote = zero_in(word ^ (ONES * u64::from(b'"')));
    let backslash = zero_in(word ^ (ONES * u64::from(b'\\')));
    (control | quote | backslash) != 0
}

/// Appends any value.
pub(crate) fn value(out: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    // Plain data into memory: neither can fail.
    let _ = serde_json::to_writer(out, value);
}

/// An object being written, field by field.
pub(crate) struct ObjectWriter<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> ObjectWriter<'o> {
    pub(crate) fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// Appends the name of the next field; its value goes into the buffer given back.
    pub(crate) fn field(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        string(self.out, name);
        self.out.push(b':');
        self.out
    }

    /// Appends members that are written already, up to and with the brace that ends them.
    pub(crate) fn members(&mut self, written: &[u8]) {
        let members = written.strip_suffix(b"}").unwrap_or(written);
        if !members.is_empty() {
            if !self.first {
                self.out.push(b',');
            }
            self.first = false;
            self.out.extend_from_slice(members);
        }
    }

    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_string_is_what_serde_json_would_write(text in "\\PC{0,50}[\\x00-\\x22]{0,9}\\\\?\"?\\PC{0,50}") {
            let mut out = Vec::new();
            string(&mut out, &text);
            prop_assert_eq!(String::from_utf8(out).expect("utf-8"), serde_json::to_string(&text).expect("json"));
        }
    }
}
