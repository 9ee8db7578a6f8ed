//! From a body to a feed, or to what it is instead.
//!
//! A page's declaration of its encoding is believed (see [`charset`](crate::charset)); a feed's is checked, since feeds
//! are written by programs that copy the declaration of one system and the text of another.

use std::borrow::Cow;

use encoding_rs::Encoding;
use url::Url;

use super::{Feed, advertised, sniff};
use crate::charset;

/// Why a body is no feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAFeed {
    /// There is nothing in it.
    Empty,
    /// It is a page.
    Page {
        /// The feeds that it leads to.
        feeds: Vec<FeedLink>,
    },
    /// It is something else, or so broken that nothing can be had of it.
    Unreadable,
}

/// A feed that a page leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedLink {
    /// Where it is.
    pub url: String,
    /// What the page calls it.
    pub title: Option<String>,
}

impl Feed {
    /// Reads a body that came from the URL as a feed, in whatever encoding, well-formed or not.
    pub fn read_body(body: &[u8], content_type: Option<&str>, url: &Url) -> Result<Self, NotAFeed> {
        let text = decoded(body, content_type, url);
        if text.trim().is_empty() {
            return Err(NotAFeed::Empty);
        }
        if sniff::is_page(&text) {
            return Err(NotAFeed::Page { feeds: advertised::links(&text, url) });
        }
        Self::read(&text, url).ok_or(NotAFeed::Unreadable)
    }
}

/// The text of a feed's body. What is UTF-8 throughout is UTF-8, whatever is declared: no other encoding's text looks
/// like that by chance, but ISO-2022-JP, which has escapes. What is declared to be UTF-8 and is mostly not, or UTF-16
/// without one of the zeros that markup has there, is detected.
fn decoded<'b>(body: &'b [u8], content_type: Option<&str>, url: &Url) -> Cow<'b, str> {
    if Encoding::for_bom(body).is_some() || body.contains(&0) {
        return charset::decode(body, content_type, url).0;
    }
    let may_be_japanese = body.is_ascii() && body.contains(&ESCAPE);
    if !may_be_japanese && let Ok(text) = std::str::from_utf8(body) {
        return text.into();
    }
    let (text, declared) = charset::decode(body, content_type, url);
    let is_believed = match declared {
        "utf-8" => is_mostly_utf8(body),
        "utf-16le" | "utf-16be" => false,
        _ => true,
    };
    if is_believed { text } else { charset::detected(body, url) }
}

const ESCAPE: u8 = 0x1b;

/// Whether of the characters beyond ASCII more are whole than broken: a text that was cut amid one, or that somebody
/// else's bytes were pasted into, rather than one in another encoding.
fn is_mostly_utf8(body: &[u8]) -> bool {
    let (mut whole, mut broken) = (0_usize, 0_usize);
    for chunk in body.utf8_chunks() {
        whole += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    whole >= broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url() -> Url {
        Url::parse("https://site.example/feed").expect("a url")
    }

    fn title(body: &[u8], content_type: &str) -> Option<String> {
        Feed::read_body(body, Some(content_type), &url()).expect("a feed").items[0].title.clone()
    }

    fn feed(declaration: &str, title: &str) -> String {
        format!(
            "{declaration}<rss version=\"2.0\"><channel><title>T</title><item><title>{title}</title></item></channel></rss>"
        )
    }

    #[test]
    fn what_is_utf8_is_utf8_whatever_is_declared() {
        let body = feed("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>", "Blåbär för två");
        for content_type in ["application/rss+xml; charset=windows-1251", "text/xml"] {
            assert_eq!(title(body.as_bytes(), content_type).as_deref(), Some("Blåbär för två"));
        }
    }

    #[test]
    fn what_is_declared_to_be_utf8_and_is_not_is_detected() {
        let text =
            feed("<?xml version=\"1.0\" encoding=\"utf-8\"?>", "Съешь же ещё этих мягких французских булок");
        let (body, _, _) = encoding_rs::WINDOWS_1251.encode(&text);
        assert_eq!(
            title(&body, "application/rss+xml; charset=utf-8").as_deref(),
            Some("Съешь же ещё этих мягких французских булок")
        );
    }

    #[test]
    fn what_cannot_be_what_it_is_declared_to_be_is_read_as_what_it_is() {
        let wide = "<?xml version=\"1.0\" encoding=\"utf-16\"?>";
        for (declaration, text, content_type) in [
            (wide, "Plain", "text/xml"),
            (wide, "Blåbär", "text/xml"),
            (wide, "Plain", "text/xml; charset=utf-16"),
            ("", "Plain", "application/rss+xml; charset=utf-16le"),
            ("", "Plain", "application/rss+xml; charset=iso-2022-jp"),
            ("<?xml version='1.0' encoding='utf8mb4'?>", "Blåbär", "text/xml; charset=none"),
            ("<?xml version='1.0' encoding='us-ascii'?>", "Blåbär", "text/xml; charset=us-ascii"),
            ("<?xml version='1.0' encoding='utf-7'?>", "Plain", "text/xml; charset=utf-7"),
        ] {
            let body = feed(declaration, text);
            assert_eq!(
                title(body.as_bytes(), content_type).as_deref(),
                Some(text),
                "{declaration} {content_type}"
            );
        }
        let marked = format!("\u{feff}{}", feed("<?xml version='1.0' encoding='iso-8859-1'?>", "Blåbär"));
        assert_eq!(title(marked.as_bytes(), "text/xml; charset=iso-8859-1").as_deref(), Some("Blåbär"));
    }

    #[test]
    fn a_character_that_was_cut_does_not_make_it_another_encoding() {
        let mut body = feed("", "Blåbär, två X").into_bytes();
        let at = body.iter().position(|byte| *byte == b'X').expect("the mark");
        body[at] = 0xc3;
        assert_eq!(title(&body, "text/xml; charset=utf-8").as_deref(), Some("Blåbär, två \u{fffd}"));
    }

    #[test]
    fn declared_encodings_are_read() {
        for (encoding, text) in [
            (encoding_rs::WINDOWS_1251, "Съешь же ещё"),
            (encoding_rs::SHIFT_JIS, "新しい記事"),
            (encoding_rs::EUC_KR, "새로운 글"),
            (encoding_rs::GB18030, "新文章"),
            (encoding_rs::WINDOWS_1252, "Café €"),
        ] {
            let declaration = format!("<?xml version='1.0' encoding='{}'?>", encoding.name());
            let declared = feed(&declaration, text);
            assert_eq!(title(&encoding.encode(&declared).0, "application/rss+xml").as_deref(), Some(text));
            let content_type = format!("application/rss+xml; charset={}", encoding.name());
            let undeclared = feed("", text);
            assert_eq!(title(&encoding.encode(&undeclared).0, &content_type).as_deref(), Some(text));
        }
        for (mark, to_bytes) in [
            (true, u16::to_le_bytes as fn(u16) -> [u8; 2]),
            (true, u16::to_be_bytes),
            (false, u16::to_le_bytes),
        ] {
            let text = feed("<?xml version='1.0' encoding='UTF-16'?>", "Grüße, 世界");
            let marked = if mark { format!("\u{feff}{text}") } else { text };
            let body: Vec<u8> = marked.encode_utf16().flat_map(to_bytes).collect();
            assert_eq!(title(&body, "application/rss+xml").as_deref(), Some("Grüße, 世界"), "{mark}");
        }
    }

    #[test]
    fn what_is_no_feed_is_told_apart() {
        let read =
            |body: &str| Feed::read_body(body.as_bytes(), Some("application/rss+xml"), &url()).map(drop);
        assert_eq!(read(" \n"), Err(NotAFeed::Empty));
        assert_eq!(read("{\"a\":1}"), Err(NotAFeed::Unreadable));
        assert_eq!(read("nothing"), Err(NotAFeed::Unreadable));
        let page = "<!doctype html><html><head><link rel=alternate type=application/atom+xml href=/a.xml title='A &amp; B'></head>";
        let feeds =
            vec![FeedLink { url: "https://site.example/a.xml".to_owned(), title: Some("A & B".to_owned()) }];
        assert_eq!(read(page), Err(NotAFeed::Page { feeds }));
        for page in [
            "<html><body><rss></body></html>",
            "<!-- x --><!DOCTYPE HTML PUBLIC \"x\"><title>503</title>",
            "<head></head>",
        ] {
            assert!(matches!(read(page), Err(NotAFeed::Page { .. })), "{page}");
        }
    }
}
