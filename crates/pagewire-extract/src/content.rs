//! What kind of content a body is: by its media type, and by its look where that says nothing (WHATWG MIME Sniffing,
//! sections 5 and 7). The kind decides how a body is read; a kind that nothing here reads is refused by its name.

pub(crate) mod json_document;
mod signatures;

use crate::error::ExtractError;

/// Bytes that are looked at: the standard's resource header.
const HEADER_BYTES: usize = 1_445;

/// Kinds of content that are read differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentKind {
    /// A document with markup.
    Markup,
    /// RSS, Atom or JSON Feed.
    Feed,
    /// A JSON document, or one a line.
    Json,
    /// Text that stands for itself.
    Plain,
    /// A PDF document.
    Pdf,
}

/// The kind, and the media type without its parameters, in lower case. A feed is still what it is written in.
pub(crate) fn classify(
    content_type: Option<&str>,
    body: &[u8],
) -> Result<(ContentKind, String), ExtractError> {
    let header = &body[..body.len().min(HEADER_BYTES)];
    let essence = content_type.map(essence_of).unwrap_or_default();
    match essence.as_str() {
        ""
        | "unknown/unknown"
        | "application/unknown"
        | "*/*"
        | "application/octet-stream"
        | "binary/octet-stream"
        | "application/x-download"
        | "application/force-download" => sniff(body),
        // What servers say of files whose type they do not know.
        "text/plain" if is_binary(header) => sniff(body),
        _ => match kind_of(&essence) {
            Some(kind) => Ok((kind, essence)),
            None => Err(ExtractError::UnsupportedContent { content_type: essence }),
        },
    }
}

fn essence_of(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    // A header that was sent twice may arrive as a list.
    essence.split(',').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn kind_of(essence: &str) -> Option<ContentKind> {
    match essence {
        "text/html" | "application/xhtml+xml" | "text/xml" | "application/xml" => Some(ContentKind::Markup),
        "application/json"
        | "text/json"
        | "text/x-json"
        | "application/x-json"
        | "application/ndjson"
        | "application/x-ndjson"
        | "application/jsonl"
        | "application/x-jsonlines" => Some(ContentKind::Json),
        "application/pdf" | "application/x-pdf" | "text/pdf" => Some(ContentKind::Pdf),
        "application/javascript"
        | "application/x-javascript"
        | "application/ecmascript"
        | "application/yaml"
        | "application/x-yaml"
        | "application/toml"
        | "application/sql"
        | "application/x-sh"
        | "application/x-tex"
        | "application/graphql" => Some(ContentKind::Plain),
        _ if essence.ends_with("+json") => Some(ContentKind::Json),
        _ if essence.ends_with("+xml") && !essence.starts_with("image/") => Some(ContentKind::Markup),
        _ if essence.starts_with("text/") => Some(ContentKind::Plain),
        _ => None,
    }
}

/// The kind of a body by its look.
fn sniff(body: &[u8]) -> Result<(ContentKind, String), ExtractError> {
    let header = &body[..body.len().min(HEADER_BYTES)];
    let told = |kind, essence: &str| Ok((kind, essence.to_owned()));
    if header.starts_with(b"%PDF-") {
        return told(ContentKind::Pdf, "application/pdf");
    }
    if let Some(content_type) = signatures::find(header) {
        return Err(ExtractError::UnsupportedContent { content_type: content_type.to_owned() });
    }
    if is_wide(header) {
        return told(ContentKind::Markup, "text/html");
    }
    if is_binary(header) {
        return Err(ExtractError::UnsupportedContent { content_type: "application/octet-stream".to_owned() });
    }
    let text = header.trim_ascii_start();
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
    match text {
        [b'<', b'?', b'x', b'm', b'l', ..] => told(ContentKind::Markup, "text/xml"),
        [b'<', b'!' | b'?' | b'a'..=b'z' | b'A'..=b'Z', ..] => told(ContentKind::Markup, "text/html"),
        [b'{' | b'[', ..] if is_json(body) => told(ContentKind::Json, "application/json"),
        _ => told(ContentKind::Plain, "text/plain"),
    }
}

/// UTF-16, by its mark or by the zeros around its first tag.
fn is_wide(header: &[u8]) -> bool {
    [b"\xff\xfe".as_slice(), b"\xfe\xff", b"<\0", b"\0<"].iter().any(|start| header.starts_with(start))
}

/// Whether there are bytes that no text has (section 2): control characters but for white space and escape.
fn is_binary(header: &[u8]) -> bool {
    !is_wide(header) && header.iter().any(|b| matches!(b, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f))
}

fn is_json(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(content_type: Option<&str>, body: &[u8]) -> Result<ContentKind, String> {
        classify(content_type, body).map(|(kind, _)| kind).map_err(|error| match error {
            ExtractError::UnsupportedContent { content_type } => content_type,
            ExtractError::Unsatisfied(_) => panic!("nothing was extracted"),
        })
    }

    #[test]
    fn the_media_type_decides() {
        for (content_type, expected) in [
            ("Text/HTML; charset=utf-8", ContentKind::Markup),
            ("application/rss+xml", ContentKind::Markup),
            ("application/ld+json", ContentKind::Json),
            ("application/x-ndjson", ContentKind::Json),
            ("text/csv", ContentKind::Plain),
            ("application/yaml", ContentKind::Plain),
            ("application/pdf", ContentKind::Pdf),
        ] {
            assert_eq!(kind(Some(content_type), b"\x89PNG"), Ok(expected), "{content_type}");
        }
        for refused in ["image/png", "image/svg+xml", "application/zip", "video/mp4", "font/woff2"] {
            assert_eq!(kind(Some(refused), b"<p>"), Err(refused.to_owned()));
        }
    }

    #[test]
    fn without_a_media_type_the_look_decides() {
        for unknown in [None, Some(""), Some("application/octet-stream"), Some("*/*; x=y")] {
            for (body, expected) in [
                (b" \n<!doctype html>".as_slice(), Ok(ContentKind::Markup)),
                (b"<?xml version='1.0'?><rss/>", Ok(ContentKind::Markup)),
                (b"\xef\xbb\xbf <HTML>", Ok(ContentKind::Markup)),
                (b"\xff\xfe<\0p\0>\0", Ok(ContentKind::Markup)),
                (b"{\"a\":[1]}\n", Ok(ContentKind::Json)),
                (b"{not json}", Ok(ContentKind::Plain)),
                (b"< 5 apples", Ok(ContentKind::Plain)),
                (b"hello \x1b[1mworld", Ok(ContentKind::Plain)),
                (b"", Ok(ContentKind::Plain)),
                (b"%PDF-1.7\n\xe2\xe3", Ok(ContentKind::Pdf)),
                (b"\x89PNG\r\n\x1a\n\0\0", Err("image/png")),
                (b"PK\x03\x04....", Err("application/zip")),
                (b"\0\0\0\x20ftypisom", Err("video/mp4")),
                (b"a\0b", Err("application/octet-stream")),
            ] {
                assert_eq!(kind(unknown, body), expected.map_err(str::to_owned), "{unknown:?} {body:?}");
            }
        }
    }

    #[test]
    fn plain_text_that_is_binary_is_looked_at() {
        assert_eq!(kind(Some("text/plain"), b"GIF89a\x01\0"), Err("image/gif".to_owned()));
        assert_eq!(kind(Some("text/plain; charset=UTF-8"), b"%PDF-1.4\n\x01"), Ok(ContentKind::Pdf));
        // Markup that is shown as text stays text.
        assert_eq!(kind(Some("text/plain"), b"<html>"), Ok(ContentKind::Plain));
    }
}
