//! The pages of error codes: `docs/errors`, one Markdown file a code, within the binary.

macro_rules! pages {
    ($($code:literal)*) => {
        /// Codes with their pages, in the order of their statuses.
        const ALL: &[(&str, &str)] =
            &[$(($code, include_str!(concat!("../../../../../docs/errors/", $code, ".md"))),)*];
    };
}

pages! {
    "invalid_json"
    "invalid_url"
    "invalid_filter"
    "filter_over_cap"
    "invalid_cursor"
    "conflict_params"
    "missing_credentials"
    "malformed_key"
    "unknown_key"
    "revoked_key"
    "expired_key"
    "credits_exhausted"
    "insufficient_scope"
    "ip_not_allowed"
    "not_found"
    "method_not_allowed"
    "not_acceptable"
    "request_timeout"
    "idempotency_conflict"
    "idempotency_in_progress"
    "job_not_finished"
    "no_archive"
    "already_exists"
    "read_only"
    "stream_already_attached"
    "cursor_expired"
    "stream_expired"
    "download_expired"
    "body_too_large"
    "too_many_urls"
    "unsupported_media_type"
    "validation_failed"
    "schema_invalid"
    "extraction_invalid"
    "no_proxy_available"
    "rate_limited"
    "too_many_connections"
    "internal"
    "overloaded"
    "draining"
    "dns_failed"
    "connect_failed"
    "tls_failed"
    "timeout"
    "too_many_redirects"
    "decompression_bomb"
    "unsupported_content"
    "http_error"
    "blocked_by_target"
    "blocked_target"
    "robots_disallowed"
    "render_failed"
    "proxy_failed"
    "cancelled"
}

/// The page of a code.
pub(super) fn of(code: &str) -> Option<&'static str> {
    ALL.iter().find(|(known, _)| *known == code).map(|(_, page)| *page)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::super::codes;
    use super::*;

    #[test]
    fn every_code_has_its_page_and_every_page_its_code() {
        let known: BTreeSet<&str> = codes().map(|(code, ..)| code).collect();
        let embedded: BTreeSet<&str> = ALL.iter().map(|(code, _)| *code).collect();
        assert_eq!(embedded, known);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .expect("the pages' folder")
            .map(|file| file.expect("a file").file_name().into_string().expect("text"))
            .collect();
        let expected: BTreeSet<String> = known.iter().map(|code| format!("{code}.md")).collect();
        assert_eq!(files, expected);
    }

    #[test]
    fn every_page_says_what_happened_and_what_to_do() {
        for (code, page) in ALL {
            let (before, after) = page.split_once("\n## What to do\n").unwrap_or_else(|| panic!("{code}"));
            let what =
                before.strip_prefix(&format!("# `{code}`\n")).unwrap_or_else(|| panic!("{code}: its name"));
            assert!(what.trim().len() > 20 && after.trim().len() > 10, "{code}");
        }
    }
}
