//! From bytes to text as browsers do it (WHATWG HTML, section 13.2.3): byte order mark, HTTP header, `<meta>` or XML
//! declaration within the first 1,024 bytes, then detection.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

const PRESCAN_BYTES: usize = 1_024;
/// Bytes that detection looks at; more would not tell more.
const DETECTION_BYTES: usize = 64 * 1024;

/// The text of a body, and the name of the encoding it was in. UTF-8 is borrowed.
pub(crate) fn decode<'b>(body: &'b [u8], content_type: Option<&str>) -> (Cow<'b, str>, &'static str) {
    let encoding = if let Some((encoding, _)) = Encoding::for_bom(body) {
        encoding
    } else {
        from_header(content_type).or_else(|| from_markup(body)).unwrap_or_else(|| detect(body))
    };
    let (text, used, _) = encoding.decode(body);
    (text, name(used))
}

/// Names as the web writes them: the WHATWG's, in lower case.
fn name(encoding: &'static Encoding) -> &'static str {
    match encoding.name() {
        "UTF-8" => "utf-8",
        "UTF-16LE" => "utf-16le",
        "UTF-16BE" => "utf-16be",
        "ISO-8859-2" => "iso-8859-2",
        other => other,
    }
}

fn from_header(content_type: Option<&str>) -> Option<&'static Encoding> {
    let label = content_type?.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    })?;
    Encoding::for_label(label.as_bytes())
}

/// The first declaration within the first kilobyte. UTF-16 cannot be declared in ASCII: it means UTF-8 then.
fn from_markup(body: &[u8]) -> Option<&'static Encoding> {
    let start = body[..body.len().min(PRESCAN_BYTES)].to_ascii_lowercase();
    let xml = start.starts_with(b"<?xml").then(|| label_after(&start, b"encoding")).flatten();
    let declared = xml.or_else(|| {
        memchr::memmem::find_iter(&start, b"<meta").find_map(|at| {
            let tag = &start[at..];
            let end = memchr::memchr(b'>', tag).unwrap_or(tag.len());
            label_after(&tag[..end], b"charset")
        })
    })?;
    Some(if declared == UTF_16LE || declared == UTF_16BE {
        UTF_8
    } else if declared == X_USER_DEFINED {
        WINDOWS_1252
    } else {
        declared
    })
}

fn label_after(tag: &[u8], name: &[u8]) -> Option<&'static Encoding> {
    let at = memchr::memmem::find(tag, name)? + name.len();
    let value = tag[at..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
    let end = value
        .iter()
        .position(|b| matches!(b, b'"' | b'\'' | b';' | b' ' | b'>' | b'/' | b'?'))
        .unwrap_or(value.len());
    Encoding::for_label(&value[..end])
}

fn detect(body: &[u8]) -> &'static Encoding {
    if std::str::from_utf8(body).is_ok() {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(&body[..body.len().min(DETECTION_BYTES)], true);
    detector.guess(None, Utf8Detection::Allow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_goes_before_the_header_and_the_header_before_the_markup() {
        let decoded = |body: &[u8], header| {
            let (text, name) = decode(body, header);
            (text.into_owned(), name)
        };
        assert_eq!(
            decoded(b"\xef\xbb\xbfh\xc3\xa9", Some("text/html; charset=latin1")),
            ("hé".into(), "utf-8")
        );
        assert_eq!(
            decoded(b"h\xe9", Some("text/html; charset=\"ISO-8859-1\"")),
            ("hé".into(), "windows-1252")
        );
        assert_eq!(
            decoded(b"<meta charset=windows-1251>\xcf", None),
            ("<meta charset=windows-1251>П".into(), "windows-1251")
        );
        let pragma = b"<META http-equiv=content-type content='text/html; charset=shift_jis'>\x83\x8f";
        assert!(decoded(pragma, None).0.ends_with('ワ'));
        assert_eq!(decoded("plain é".as_bytes(), None).1, "utf-8");
        assert_eq!(decoded(b"<?xml version='1.0' encoding='iso-8859-2'?><a>\xb1</a>", None).1, "iso-8859-2");
        let french = "L'été à la plage, c'est très agréable où que l'on soit, même fatigué. ".repeat(5);
        let latin1: Vec<u8> = french.chars().map(|c| u8::try_from(u32::from(c)).expect("latin-1")).collect();
        assert_eq!(decoded(&latin1, None).0, french);
    }
}
