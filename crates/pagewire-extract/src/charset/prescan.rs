//! The encoding that a document declares near its start: the WHATWG's prescan for `<meta>`, else the XML declaration
//! (HTML, section 13.2.3.2). It reads bytes, since what they mean is not known yet, and each of them once.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

/// What the bytes declare. They are the document's start; a declaration cut off at their end is none.
pub(super) fn declared(start: &[u8]) -> Option<&'static Encoding> {
    // The `<?x` of an XML declaration tells UTF-16 by itself.
    if start.starts_with(b"<\0?\0x\0") {
        return Some(UTF_16LE);
    }
    if start.starts_with(b"\0<\0?\0x") {
        return Some(UTF_16BE);
    }
    let mut scan = Prescan { bytes: start, at: 0 };
    scan.meta().or_else(|| xml_declaration(start))
}

/// Whoever reads an ASCII declaration knows that it is not UTF-16; and `x-user-defined` is for binary data in scripts.
fn in_markup(encoding: &'static Encoding) -> &'static Encoding {
    if encoding == UTF_16LE || encoding == UTF_16BE {
        UTF_8
    } else if encoding == X_USER_DEFINED {
        WINDOWS_1252
    } else {
        encoding
    }
}

fn xml_declaration(start: &[u8]) -> Option<&'static Encoding> {
    let rest = start.strip_prefix(b"<?xml")?;
    let rest = &rest[..memchr::memchr(b'>', rest)?];
    let at = memchr::memmem::find(rest, b"encoding")? + b"encoding".len();
    let rest = skip_blanks(&rest[at..]).strip_prefix(b"=")?;
    let (label, _) = quoted(skip_blanks(rest))?;
    Encoding::for_label(label).map(in_markup)
}

fn skip_blanks(bytes: &[u8]) -> &[u8] {
    let blanks = bytes.iter().take_while(|byte| **byte <= b' ').count();
    &bytes[blanks..]
}

/// A quoted text and what follows it.
fn quoted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (quote, rest) = bytes.split_first().filter(|(quote, _)| matches!(quote, b'"' | b'\''))?;
    let end = memchr::memchr(*quote, rest)?;
    Some((&rest[..end], &rest[end + 1..]))
}

struct Prescan<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Prescan<'b> {
    /// The first `<meta>` that declares an encoding.
    fn meta(&mut self) -> Option<&'static Encoding> {
        loop {
            self.at += memchr::memchr(b'<', self.rest())?;
            let rest = self.rest();
            if rest.starts_with(b"<!--") {
                // `<!-->` is a comment already.
                self.at += 2;
                self.at += memchr::memmem::find(self.rest(), b"-->")? + 3;
            } else if is_meta(rest) {
                self.at += b"<meta".len();
                if let Some(encoding) = self.declaration()? {
                    return Some(encoding);
                }
            } else if is_tag(rest) {
                let name = rest.iter().position(|byte| is_blank(*byte) || *byte == b'>')?;
                self.at += name;
                while self.attribute()?.is_some() {}
            } else if matches!(rest.get(1), Some(b'!' | b'/' | b'?')) {
                self.at += memchr::memchr(b'>', rest)? + 1;
            } else {
                self.at += 1;
            }
        }
    }

    fn rest(&self) -> &'b [u8] {
        &self.bytes[self.at.min(self.bytes.len())..]
    }

    /// What one `<meta>` declares. The outer `None` is the end of the bytes.
    #[expect(clippy::option_option, reason = "the end of the bytes is not the end of the tag")]
    fn declaration(&mut self) -> Option<Option<&'static Encoding>> {
        let (mut is_pragma, mut by_charset, mut by_content) = (false, None, None);
        while let Some((name, value)) = self.attribute()? {
            match name.as_slice() {
                b"http-equiv" => is_pragma |= value.eq_ignore_ascii_case(b"content-type"),
                // The first attribute of a name counts.
                b"charset" => by_charset = by_charset.or(Some(Encoding::for_label(value))),
                b"content" => by_content = by_content.or_else(|| in_content(value)),
                _ => {}
            }
        }
        let declared = match by_charset {
            Some(encoding) => encoding,
            None => by_content.filter(|_| is_pragma),
        };
        Some(declared.map(in_markup))
    }

    /// The next attribute of a tag, its name in lower case; `Some(None)` at the tag's end, `None` at that of the bytes.
    #[expect(clippy::option_option, reason = "the end of the bytes is not the end of the tag")]
    fn attribute(&mut self) -> Option<Option<(Vec<u8>, &'b [u8])>> {
        let rest = self.rest();
        let name_at = self.at + rest.iter().position(|byte| !is_blank(*byte) && *byte != b'/')?;
        self.at = name_at;
        if self.rest().first() == Some(&b'>') {
            self.at += 1;
            return Some(None);
        }
        // A name may begin with `=`, and with nothing else that ends one.
        let ends = |byte: &u8| is_blank(*byte) || matches!(byte, b'/' | b'>' | b'=');
        let length = 1 + self.rest().iter().skip(1).position(ends)?;
        let name = self.rest()[..length].to_ascii_lowercase();
        self.at += length;
        let blanks = self.rest().iter().position(|byte| !is_blank(*byte))?;
        if self.rest()[blanks] != b'=' {
            return Some(Some((name, &[])));
        }
        self.at += blanks + 1;
        self.at += self.rest().iter().position(|byte| !is_blank(*byte))?;
        let value = self.value()?;
        Some(Some((name, value)))
    }

    fn value(&mut self) -> Option<&'b [u8]> {
        let rest = self.rest();
        if matches!(rest.first()?, b'"' | b'\'') {
            let (value, after) = quoted(rest)?;
            self.at = self.bytes.len() - after.len();
            return Some(value);
        }
        let end = rest.iter().position(|byte| is_blank(*byte) || *byte == b'>')?;
        self.at += end;
        Some(&rest[..end])
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

fn is_meta(bytes: &[u8]) -> bool {
    bytes.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"<meta"))
        && bytes.get(5).is_some_and(|after| is_blank(*after) || *after == b'/')
}

fn is_tag(bytes: &[u8]) -> bool {
    let name = bytes.strip_prefix(b"</").or_else(|| bytes.strip_prefix(b"<")).unwrap_or_default();
    name.first().is_some_and(u8::is_ascii_alphabetic)
}

/// The encoding in the `content` of a `<meta>`: what follows the first `charset` with an equals sign.
fn in_content(content: &[u8]) -> Option<&'static Encoding> {
    let lower = content.to_ascii_lowercase();
    let value = memchr::memmem::find_iter(&lower, b"charset").find_map(|at| {
        let after = skip_ascii_blanks(&lower[at + b"charset".len()..]);
        after.strip_prefix(b"=").map(skip_ascii_blanks)
    })?;
    let label = match value.first()? {
        b'"' | b'\'' => quoted(value)?.0,
        _ => value.split(|byte| is_blank(*byte) || *byte == b';').next().unwrap_or(value),
    };
    Encoding::for_label(label)
}

fn skip_ascii_blanks(bytes: &[u8]) -> &[u8] {
    let blanks = bytes.iter().take_while(|byte| is_blank(**byte)).count();
    &bytes[blanks..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(start: &str) -> Option<&'static str> {
        declared(start.as_bytes()).map(Encoding::name)
    }

    #[test]
    fn a_meta_element_declares_by_its_charset_or_as_a_pragma() {
        for (markup, found) in [
            ("<meta charset=koi8-r>", Some("KOI8-R")),
            ("<META\nCHARSET = 'Shift_JIS' />", Some("Shift_JIS")),
            ("<meta/charset=\"euc-kr\"/>", Some("EUC-KR")),
            ("<meta http-equiv=Content-Type content='text/html; charset=gb2312'>", Some("GBK")),
            ("<meta content='text/html;charset = \"big5\"' http-equiv=\"content-type\">", Some("Big5")),
            // A pragma that is none, and a description that speaks of a charset.
            ("<meta content='text/html; charset=big5'>", None),
            ("<meta name=description content='charset=big5'><meta charset=koi8-u>", Some("KOI8-U")),
            // Of two words `charset`, the one with an equals sign.
            ("<meta http-equiv=content-type content='charset x; charset=koi8-r'>", Some("KOI8-R")),
            ("<meta charset=nonsense><meta charset=latin1>", Some("windows-1252")),
            ("<metadata charset=koi8-r>", None),
            ("<meta charset=koi8-r charset=big5>", Some("KOI8-R")),
        ] {
            assert_eq!(name(markup), found, "{markup}");
        }
    }

    #[test]
    fn what_is_not_a_tag_declares_nothing() {
        for (markup, found) in [
            ("<!-- <meta charset=koi8-r> --><meta charset=big5>", Some("Big5")),
            ("<!--><meta charset=big5>-->", Some("Big5")),
            ("<!-- <meta charset=koi8-r>", None),
            ("<a title='<meta charset=koi8-r>'><meta charset=big5>", Some("Big5")),
            ("</a title=\"<meta charset=koi8-r>\"><meta charset=big5>", Some("Big5")),
            ("<!doctype html><?php <meta charset=koi8-r>?><meta charset=big5>", Some("Big5")),
            ("1 < 2 <meta charset=big5>", Some("Big5")),
            // Cut off before its end.
            ("<meta charset=koi8-r", None),
            ("<meta charset='koi8-r", None),
        ] {
            assert_eq!(name(markup), found, "{markup}");
        }
    }

    #[test]
    fn ascii_cannot_declare_utf_16_and_user_defined_means_western() {
        assert_eq!(name("<meta charset=utf-16>"), Some("UTF-8"));
        assert_eq!(name("<meta charset=utf-16be>"), Some("UTF-8"));
        assert_eq!(name("<meta charset=x-user-defined>"), Some("windows-1252"));
        assert_eq!(name("<?xml version='1.0' encoding='UTF-16'?>"), Some("UTF-8"));
    }

    #[test]
    fn the_xml_declaration_counts_where_no_meta_does() {
        let xml = "<?xml version=\"1.0\" encoding = 'windows-1251' standalone='yes'?><rss>";
        assert_eq!(name(xml), Some("windows-1251"));
        assert_eq!(name(&format!("{xml}<meta charset=koi8-r>")), Some("KOI8-R"));
        assert_eq!(name(" <?xml version='1.0' encoding='koi8-r'?>"), None);
        assert_eq!(name("<?xml version='1.0' encoding=koi8-r?>"), None);
        assert_eq!(name("<?xml version='1.0' encoding='koi8-r'"), None);
        assert_eq!(declared(b"<\0?\0x\0m\0l\0"), Some(UTF_16LE));
        assert_eq!(declared(b"\0<\0?\0x\0m\0l"), Some(UTF_16BE));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_their_end(
            pieces in prop::collection::vec(prop_oneof![
                Just("<meta ".to_owned()), Just("charset".to_owned()), Just("=".to_owned()), Just("'".to_owned()),
                Just("\"".to_owned()), Just("<!--".to_owned()), Just("-->".to_owned()), Just("<?xml".to_owned()),
                Just("content".to_owned()), Just("/".to_owned()), Just(">".to_owned()), "\\PC{0,4}",
            ], 0..40)
        ) {
            let _ = declared(pieces.concat().as_bytes());
        }
    }
}
