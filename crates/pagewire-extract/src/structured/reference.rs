//! References resolved as RFC 3986, section 5.2, has it, and nothing more: what a page wrote stays as it wrote it, with no
//! normal form of hosts and no percent signs put in, because in structured data URLs are names as well as addresses.

/// A URL or reference, in its parts.
#[derive(Debug, Clone, Copy)]
struct Parts<'t> {
    scheme: Option<&'t str>,
    authority: Option<&'t str>,
    path: &'t str,
    query: Option<&'t str>,
    fragment: Option<&'t str>,
}

impl<'t> Parts<'t> {
    fn of(text: &'t str) -> Self {
        let (scheme, rest) = match scheme_of(text) {
            Some(scheme) => (Some(scheme), &text[scheme.len() + 1..]),
            None => (None, text),
        };
        let (authority, rest) = match rest.strip_prefix("//") {
            Some(rest) => {
                let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
                (Some(&rest[..end]), &rest[end..])
            }
            None => (None, rest),
        };
        let (rest, fragment) = split_at_first(rest, '#');
        let (path, query) = split_at_first(rest, '?');
        Self { scheme, authority, path, query, fragment }
    }

    fn to_text(self, path: &str) -> String {
        let mut text = String::new();
        if let Some(scheme) = self.scheme {
            text.push_str(&scheme.to_ascii_lowercase());
            text.push(':');
        }
        if let Some(authority) = self.authority {
            text.push_str("//");
            text.push_str(authority);
            if !path.is_empty() && !path.starts_with('/') {
                text.push('/');
            }
        }
        text.push_str(path);
        for (mark, part) in [('?', self.query), ('#', self.fragment)] {
            if let Some(part) = part {
                text.push(mark);
                text.push_str(part);
            }
        }
        text
    }
}

/// An empty part counts as none.
fn split_at_first(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((before, after)) => (before, Some(after).filter(|after| !after.is_empty())),
        None => (text, None),
    }
}

/// The scheme that a text begins with, as RFC 3986, section 3.1, spells one.
pub(crate) fn scheme_of(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let spelled = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    spelled.then_some(scheme)
}

/// A reference as it is found on a page with that base. With no base it stays as it is.
pub(crate) fn resolved(base: &str, reference: &str) -> String {
    if base.is_empty() {
        return reference.to_owned();
    }
    if reference.is_empty() {
        return base.to_owned();
    }
    // Line breaks and tabs within a URL are no part of it.
    let clean: String;
    let trimmed = reference.trim_start_matches(|c: char| c <= ' ');
    let text = if trimmed.contains(['\t', '\r', '\n']) {
        clean = trimmed.replace(['\t', '\r', '\n'], "");
        &clean
    } else {
        trimmed
    };
    let (base, found) = (Parts::of(base), Parts::of(text));
    let same_scheme = match (found.scheme, base.scheme) {
        (Some(found), Some(base)) => found.eq_ignore_ascii_case(base),
        (found, _) => found.is_none(),
    };
    if !same_scheme {
        return reference.to_owned();
    }
    if found.authority.is_some_and(|authority| !authority.is_empty()) {
        return Parts { scheme: base.scheme, ..found }.to_text(found.path);
    }
    let whole = Parts { scheme: base.scheme, authority: base.authority, ..found };
    if found.path.is_empty() {
        let query = found.query.or(base.query);
        return Parts { query, ..whole }.to_text(base.path);
    }
    whole.to_text(&merged(base.path, found.path))
}

/// Two paths as one, without dots and without empty segments in between.
fn merged(base: &str, path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    if path.starts_with('/') {
        segments.extend(path.split('/'));
    } else {
        segments.extend(base.split('/'));
        if segments.last().is_some_and(|last| !last.is_empty()) {
            segments.pop();
        }
        segments.extend(path.split('/'));
        let last = segments.len().saturating_sub(1);
        let mut at = 0;
        segments.retain(|segment| {
            at += 1;
            at == 1 || at > last || !segment.is_empty()
        });
    }
    let ends_in_dots = matches!(segments.last(), Some(&("." | "..")));
    let mut kept: Vec<&str> = Vec::with_capacity(segments.len());
    for segment in segments {
        match segment {
            ".." => drop(kept.pop()),
            "." => {}
            segment => kept.push(segment),
        }
    }
    if ends_in_dots {
        kept.push("");
    }
    let path = kept.join("/");
    if path.is_empty() { "/".to_owned() } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_resolve_as_in_rfc_3986_and_keep_their_spelling() {
        let base = "http://a/b/c/d;p?q";
        for (reference, expected) in [
            ("g", "http://a/b/c/g"),
            ("./g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y#s", "http://a/b/c/g?y#s"),
            ("#s", "http://a/b/c/d;p?q#s"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            ("..", "http://a/b/"),
            ("../../../g", "http://a/g"),
            ("g/../h", "http://a/b/c/h"),
            ("http://Example.COM", "http://Example.COM"),
            ("HTTPS://x/ y", "HTTPS://x/ y"),
            ("a b/é.png", "http://a/b/c/a b/é.png"),
            (" /x\n/y", "http://a/x/y"),
            ("mailto:a@b", "mailto:a@b"),
            ("g?", "http://a/b/c/g"),
            ("http:g", "http://a/b/c/g"),
        ] {
            assert_eq!(resolved(base, reference), expected, "{reference:?}");
        }
        assert_eq!(resolved("http://site.example", "x"), "http://site.example/x");
        assert_eq!(resolved("", "x"), "x");
    }
}
