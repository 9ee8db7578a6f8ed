//! Addresses as Markdown takes them: absolute, and without a character that would end them.

use std::borrow::Cow;

use url::Url;

/// Bytes of an address.
const ADDRESS_BYTES_MAX: usize = 4_096;

/// Where a link leads; `None` if nowhere (`javascript:`, `data:`).
pub(super) fn of_link(base: &Url, href: &str) -> Option<String> {
    of(base, href, &["http", "https", "mailto", "tel", "ftp"])
}

/// Where a picture is.
pub(super) fn of_image(base: &Url, source: &str) -> Option<String> {
    of(base, source, &["http", "https"])
}

fn of(base: &Url, href: &str, schemes: &[&str]) -> Option<String> {
    if href.is_empty() || href.len() > ADDRESS_BYTES_MAX {
        return None;
    }
    let url = base.join(href).ok()?;
    if !schemes.contains(&url.scheme()) || url.as_str().len() > ADDRESS_BYTES_MAX {
        return None;
    }
    let url = String::from(url);
    Some(if is_plain(&url) { url } else { escaped(&url) })
}

fn is_plain(url: &str) -> bool {
    url.bytes()
        .all(|b| b.is_ascii_graphic() && !matches!(b, b'(' | b')' | b'<' | b'>' | b'|' | b'\\' | b';' | b'`'))
}

fn escaped(url: &str) -> String {
    let mut address = String::with_capacity(url.len() + 16);
    // `&copy;` in an address would be read as a reference.
    let has_references = url.contains(';');
    for c in url.chars() {
        let escape: Cow<'_, str> = match c {
            '(' => "%28".into(),
            ')' => "%29".into(),
            '<' => "%3C".into(),
            '>' => "%3E".into(),
            '|' => "%7C".into(),
            '\\' => "%5C".into(),
            '`' => "%60".into(),
            '&' if has_references => "&amp;".into(),
            c if c.is_whitespace() || c.is_control() => "%20".into(),
            c => {
                address.push(c);
                continue;
            }
        };
        address.push_str(&escape);
    }
    address
}
