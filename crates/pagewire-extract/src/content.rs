//! What kind of content a body is: by its media type, or by its look where none was sent.

use crate::error::ExtractError;

/// Kinds of content that are read differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentKind {
    /// A document with markup.
    Markup,
    /// Text that stands for itself: plain text, JSON, CSV.
    Plain,
}

/// The kind, and the media type without its parameters, in lower case.
pub(crate) fn classify(
    content_type: Option<&str>,
    body: &[u8],
) -> Result<(ContentKind, String), ExtractError> {
    let essence = content_type
        .and_then(|value| value.split(';').next())
        .map(|essence| essence.trim().to_ascii_lowercase())
        .filter(|essence| !essence.is_empty());
    let Some(essence) = essence else { return sniff(body) };
    let markup =
        matches!(essence.as_str(), "text/html" | "application/xhtml+xml" | "text/xml" | "application/xml")
            || essence.ends_with("+xml") && !essence.starts_with("image/");
    let plain = essence.starts_with("text/")
        || essence.ends_with("+json")
        || matches!(essence.as_str(), "application/json" | "application/x-ndjson" | "application/javascript");
    if markup {
        Ok((ContentKind::Markup, essence))
    } else if plain {
        Ok((ContentKind::Plain, essence))
    } else if matches!(essence.as_str(), "application/octet-stream" | "unknown/unknown") {
        sniff(body)
    } else {
        Err(ExtractError::UnsupportedContent { content_type: essence })
    }
}

/// After the WHATWG's MIME Sniffing, as far as it matters here: markup begins with a tag, binary data has control
/// characters near its start.
fn sniff(body: &[u8]) -> Result<(ContentKind, String), ExtractError> {
    let start = &body[..body.len().min(1_445)];
    let wide = start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]);
    let binary = !wide && start.iter().any(|b| matches!(b, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f));
    if binary {
        return Err(ExtractError::UnsupportedContent { content_type: "application/octet-stream".to_owned() });
    }
    let first = start.trim_ascii_start();
    let first = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first).trim_ascii_start();
    if first.first() == Some(&b'<') || wide {
        Ok((ContentKind::Markup, "text/html".to_owned()))
    } else {
        Ok((ContentKind::Plain, "text/plain".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_type_decides_and_the_look_where_there_is_none() {
        let kind = |content_type, body: &[u8]| classify(content_type, body).map(|(kind, _)| kind);
        assert_eq!(kind(Some("Text/HTML; charset=utf-8"), b""), Ok(ContentKind::Markup));
        assert_eq!(kind(Some("application/ld+json"), b""), Ok(ContentKind::Plain));
        assert_eq!(kind(None, b" \n<!doctype html>"), Ok(ContentKind::Markup));
        assert_eq!(kind(None, b"hello"), Ok(ContentKind::Plain));
        assert!(kind(Some("image/png"), b"").is_err());
        assert!(kind(Some("image/svg+xml"), b"").is_err());
        assert!(kind(None, b"\x89PNG\r\n\x1a\n\0\0").is_err());
    }
}
