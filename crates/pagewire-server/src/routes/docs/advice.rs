//! What each error code means and what to do about it: data for the pages under `/docs/errors`.

/// The advice for a code; empty for a code that nobody knows.
pub(super) fn of(code: &str) -> &'static str {
    ADVICE.iter().find(|(known, _)| *known == code).map_or("", |(_, advice)| advice)
}

const ADVICE: &[(&str, &str)] = &[
    (
        "invalid_json",
        "The body could not be read as JSON; the detail names line and column. Check quoting: a shell eats quotes.",
    ),
    (
        "invalid_url",
        "A URL is not an absolute http or https URL, or holds user information. The errors name each by its pointer.",
    ),
    (
        "invalid_filter",
        "A filter of the live stream cannot be read. The detail says which, and what would be right.",
    ),
    ("filter_over_cap", "More filter values than the key may use. Drop some, or open a second stream."),
    (
        "invalid_cursor",
        "Last-Event-ID names no event of this stream: it is not a number, or lies past the newest event. Send the id of the last event that you have.",
    ),
    (
        "conflict_params",
        "Two parameters contradict each other, such as two different keys in one request. Send one of them.",
    ),
    (
        "missing_credentials",
        "No key came with the request. Send `Authorization: Bearer KEY`; make a key with `pagewire apikey create`.",
    ),
    (
        "malformed_key",
        "What came is not a key: its form or its check characters are wrong. Look for a typo or a cut end.",
    ),
    ("unknown_key", "The key is well-formed but was never issued by this server. Is it another server's?"),
    ("revoked_key", "The key was revoked. Make a new one with `pagewire apikey create`."),
    ("expired_key", "The key's time is over. Make a new one with `pagewire apikey create`."),
    (
        "credits_exhausted",
        "The workspace's credits are used up. They come back with the plan's next period, or with another plan.",
    ),
    ("insufficient_scope", "The key may not do this; the detail names the scope. Make a key that has it."),
    ("ip_not_allowed", "The key is bound to addresses, and this request came from another."),
    (
        "not_found",
        "There is no such thing in the caller's workspace. What belongs to another workspace looks the same.",
    ),
    ("method_not_allowed", "The path takes other methods; the Allow header names them."),
    ("not_acceptable", "The Accept header asks for a type that is not made here."),
    ("request_timeout", "The request's body did not arrive in time. Send it faster, or in smaller parts."),
    (
        "idempotency_conflict",
        "The idempotency key was used before for another request. Use a new key for a new request.",
    ),
    (
        "idempotency_in_progress",
        "The first request with this idempotency key is still under way. Wait, then ask again.",
    ),
    ("job_not_finished", "The job has no result yet. Watch it, or ask again later."),
    ("stream_already_attached", "Another connection holds the stream. Close it, or wait for it to end."),
    (
        "cursor_expired",
        "The position is older than what is held. The problem names the oldest id; go on from there and know that something was missed.",
    ),
    (
        "stream_expired",
        "The stream was kept for a while after the connection dropped, and that is over. What was finished is still with its job.",
    ),
    ("download_expired", "The download URL's time is over. Ask the job for a new one."),
    (
        "body_too_large",
        "As an answer of the API: the request's body is over 25 MB; send fewer URLs. As an error of a page: the page or its record is over its cap; ask for fewer formats.",
    ),
    ("too_many_urls", "A stream takes at most 10,000 URLs. Split the request, or make it a job."),
    ("unsupported_media_type", "Send the body as application/json."),
    (
        "validation_failed",
        "Fields are missing, unknown or out of range. The errors name each by its JSON pointer.",
    ),
    (
        "schema_invalid",
        "The extract of the request is broken. The errors name where by JSON pointers; nothing was fetched.",
    ),
    (
        "extraction_invalid",
        "What was extracted does not satisfy the strict schema. Loosen the schema, or look at the partial data.",
    ),
    ("rate_limited", "The workspace's plan allows no more requests right now. Wait for Retry-After."),
    (
        "too_many_connections",
        "The workspace has as many event streams open as its plan allows. End one, or wait.",
    ),
    (
        "internal",
        "A fault of this server. Its log has more under the trace id; the same request may succeed later.",
    ),
    ("overloaded", "The server cannot take more right now. Wait for Retry-After and try again."),
    ("draining", "The server is shutting down. Connect again; streams are resumed with Last-Event-ID."),
    ("dns_failed", "The target's name has no address, or the resolver did not answer. Check the name."),
    ("connect_failed", "The target could not be reached, or broke off before its answer was whole."),
    (
        "tls_failed",
        "The target's TLS handshake failed: a certificate that is not trusted, expired or for another name.",
    ),
    ("timeout", "The target did not answer within timeout_ms. Raise it, or try again later."),
    ("too_many_redirects", "The target redirects more often than allowed, or to nowhere."),
    ("decompression_bomb", "The page unpacks to more than its cap. The operator can raise it."),
    (
        "unsupported_content",
        "The target's content is not a page: an image, an archive, or something unknown.",
    ),
    ("http_error", "The target answered with a 4xx or 5xx status, which http_status holds."),
    (
        "blocked_target",
        "The target's address is private or reserved. The operator can allow ranges by configuration; nobody can by request.",
    ),
    (
        "robots_disallowed",
        "The site's robots.txt disallows the URL. With the site's leave, send robots: ignore.",
    ),
    ("render_failed", "The browser could not render the page."),
    ("proxy_failed", "The proxy did not do its part. Try again, or another proxy type."),
    ("no_proxy_available", "No proxy of the asked type and country is configured on this server."),
    (
        "cancelled",
        "The run ended before this URL was fetched: it was cancelled, its time was over, or the credits were used up.",
    ),
];
