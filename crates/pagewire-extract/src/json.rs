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

/// Bytes that are looked at together: one bit each says whether it is escaped.
const BLOCK: usize = 64;
/// Bytes that a run of plain ones is copied by; what is copied too much is written over.
const STEP: usize = 16;
/// The longest that one byte becomes.
const ESCAPE_MAX: usize = 6;

/// Bytes of a string as it is written.
pub(crate) fn written_bytes(text: &str) -> usize {
    let more = |byte: &u8| escape(*byte, &mut [0; ESCAPE_MAX]) - 1;
    let (blocks, rest) = text.as_bytes().as_chunks::<BLOCK>();
    let of_blocks = blocks.iter().filter(|block| escaped_in(block) != 0).flatten();
    text.len() + 2 + of_blocks.chain(rest).map(more).sum::<usize>()
}

/// Appends a JSON string.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let about = bytes.len() + bytes.len() / 16 + 2;
    if out.capacity() - out.len() < about {
        if bytes.len() >= LONG_BYTES {
            out.reserve_exact(written_bytes(text));
        } else {
            out.reserve(about);
        }
    }
    out.push(b'"');
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for block in blocks {
        let escaped = escaped_in(block);
        if escaped == 0 {
            out.extend_from_slice(block);
        } else {
            with_escapes(out, block, escaped);
        }
    }
    for byte in rest {
        let mut one = [0; ESCAPE_MAX];
        let len = escape(*byte, &mut one);
        out.extend_from_slice(&one[..len]);
    }
    out.push(b'"');
}

fn with_escapes(out: &mut Vec<u8>, block: &[u8; BLOCK], mut escaped: u64) {
    let mut from = [0_u8; BLOCK + STEP];
    from[..BLOCK].copy_from_slice(block);
    let mut to = [0_u8; BLOCK * ESCAPE_MAX + STEP];
    let (mut read, mut written) = (0_usize, 0_usize);
    loop {
        let plain_end = (escaped.trailing_zeros() as usize).min(BLOCK);
        let shift = written.wrapping_sub(read);
        while read < plain_end {
            let at = read.wrapping_add(shift);
            to[at..at + STEP].copy_from_slice(&from[read..read + STEP]);
            read += STEP;
        }
        read = plain_end;
        written = read.wrapping_add(shift);
        if escaped == 0 {
            break;
        }
        written += escape(from[read], &mut to[written..]);
        read += 1;
        escaped &= escaped - 1;
    }
    out.extend_from_slice(&to[..written]);
}

/// Writes a byte as it stands in a string, and tells its length.
fn escape(byte: u8, to: &mut [u8]) -> usize {
    match ESCAPES[usize::from(byte)] {
        0 => {
            to[0] = byte;
            1
        }
        b'u' => {
            to[..4].copy_from_slice(b"\\u00");
            to[4] = HEX[usize::from(byte >> 4)];
            to[5] = HEX[usize::from(byte & 15)];
            6
        }
        escape => {
            to[..2].copy_from_slice(&[b'\\', escape]);
            2
        }
    }
}

/// A bit for each byte that is under 0x20, a quote or a backslash, the first byte's lowest.
fn escaped_in(block: &[u8; BLOCK]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOWS: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    // Brings the high bits of eight bytes together in the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let (words, _) = block.as_chunks::<8>();
    let mut bits = 0;
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let is_not = |byte: u8| {
            let other = word ^ (ONES * u64::from(byte));
            ((other & LOWS) + LOWS) | other
        };
        let is_not_control = ((word & LOWS) + ONES * 0x60) | word;
        let marks = !(is_not(b'"') & is_not(b'\\') & is_not_control) & !LOWS;
        bits |= ((marks >> 7).wrapping_mul(GATHER) >> 56) << (8 * at);
    }
    bits
}

/// Appends any value.
pub(crate) fn value(out: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    // Plain data into memory: neither can fail.
    let _ = serde_json::to_writer(out, value);
}

/// Appends a list of values, each let go when it is written.
pub(crate) fn list(out: &mut Vec<u8>, values: impl Iterator<Item = impl serde::Serialize>) {
    out.push(b'[');
    for (at, one) in values.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        value(out, &one);
    }
    out.push(b']');
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

    /// Makes room for so many bytes and no more.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.out.reserve_exact(bytes);
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
