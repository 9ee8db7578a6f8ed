//! NDJSON: one record a line, in the bytes that the journal has.
//!
//! A page's line is its envelope; an error's is its record with `"status":"error"` before it, which is what tells them
//! apart.

use pagewire_journal::Record;

use crate::run::ERROR;

/// Appends the record's line.
pub(super) fn write(record: &Record, out: &mut Vec<u8>) {
    let body = record.body.as_ref();
    let start = out.len();
    out.reserve(body.len() + ERROR_HEAD.len() + 1);
    match body {
        [b'{', rest @ ..] if record.kind == ERROR => {
            out.extend_from_slice(ERROR_HEAD);
            // An object without fields ends at once.
            if rest.first() != Some(&b'}') {
                out.push(b',');
            }
            out.extend_from_slice(rest);
        }
        whole => out.extend_from_slice(whole),
    }
    // In compact JSON no line ends; a body that is not compact may have them between its tokens.
    for byte in &mut out[start..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    out.push(b'\n');
}

const ERROR_HEAD: &[u8] = br#"{"status":"error""#;

#[cfg(test)]
mod tests {
    use pagewire_journal::{Kind, Position};

    use super::*;
    use crate::run::PAGE;

    fn line(kind: Kind, body: &'static str) -> String {
        let mut out = Vec::new();
        let record = Record {
            position: Position(1),
            kind,
            weight: 0,
            body: body.into(),
            committed_us: 0,
            committed_at: None,
        };
        write(&record, &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_page_is_its_envelope_and_an_error_says_so_first() {
        assert_eq!(line(PAGE, r#"{"url":"http://a/"}"#), "{\"url\":\"http://a/\"}\n");
        assert_eq!(line(ERROR, r#"{"url":"http://a/"}"#), "{\"status\":\"error\",\"url\":\"http://a/\"}\n");
        assert_eq!(line(ERROR, "{}"), "{\"status\":\"error\"}\n");
        assert_eq!(line(PAGE, "{\"a\":\r\n1}"), "{\"a\":  1}\n");
    }
}
