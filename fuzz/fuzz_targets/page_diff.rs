//! Any text as a page before and after, parted by a line: each against itself has no change, one fetch alone tells nothing,
//! and what is kept is bounded and read again.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pagewire_extract::diff::{Finding, Outcome, Step, Today, Visit, Watch, WatchOptions};
use url::Url;

const STATE_BYTES_MAX: usize = 256 * 1024;

static URL: LazyLock<Url> = LazyLock::new(|| Url::parse("https://site.example/page").expect("a URL"));
static WATCHES: LazyLock<Vec<Watch>> = LazyLock::new(|| {
    let selected = WatchOptions {
        include_selectors: vec!["p, li, tr".to_owned()],
        exclude_selectors: vec![".x".to_owned()],
        ignore: vec!["[0-9]+".to_owned()],
    };
    [WatchOptions::default(), selected]
        .iter()
        .map(|options| Watch::compile(options).expect("options"))
        .collect()
});

/// One poll; nothing where the text is a feed.
fn poll(watch: &Watch, state: Option<&str>, first: &str, second: &str) -> Option<Outcome> {
    let visit = |page| Visit {
        body: str::as_bytes(page),
        content_type: Some("text/html; charset=utf-8"),
        asked: &URL,
        at: &URL,
        today: Today { year: 2026, month: 3, day: 1 },
        now: 1_772_000_000,
    };
    let outcome = match watch.look(state, &visit(first), 3).ok()? {
        Step::Done(outcome) => outcome,
        Step::Again(pending) => watch.look_again(*pending, &visit(second)).ok()?,
    };
    let kept = outcome.state.as_deref().map_or(0, str::len);
    assert!(kept <= STATE_BYTES_MAX, "{kept} bytes are kept");
    Some(outcome)
}

fuzz_target!(|text: &str| {
    let (before, after) = text.split_once("\n====\n").unwrap_or((text, ""));
    for watch in &*WATCHES {
        let Some(state) = poll(watch, None, before, before).and_then(|outcome| outcome.state) else {
            continue;
        };
        let poll = |state: &str, first, second| poll(watch, Some(state), first, second);
        if let Some(same) = poll(&state, before, before) {
            assert!(same.changes.is_empty() && same.finding == Finding::Unchanged, "{same:?}");
        }
        if let Some(once) = poll(&state, after, before) {
            assert!(once.changes.is_empty(), "one fetch alone tells nothing: {once:?}");
        }
        let changed = poll(&state, after, after);
        let again = changed.and_then(|changed| poll(&changed.state?, after, after));
        if let Some(again) = again {
            assert!(again.changes.is_empty(), "it is told twice: {again:?}");
        }
    }
});
