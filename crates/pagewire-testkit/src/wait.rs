//! Waiting for what another process or task does: by looking, with a bound, never by sleeping for luck.

use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Looks until `holds`. Panics with `what` when it does not within `bound`.
pub async fn eventually(what: &str, bound: Duration, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < bound, "not within {bound:?}: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Waits until `count` has stood still for `still`, and gives it. Panics when it does not come to rest within `bound`.
pub async fn quiet(still: Duration, bound: Duration, count: impl Fn() -> u64) -> u64 {
    let begun = Instant::now();
    let (mut last, mut since) = (count(), Instant::now());
    while since.elapsed() < still {
        assert!(begun.elapsed() < bound, "no rest within {bound:?}; the count is {last}");
        tokio::time::sleep(LOOK_EVERY).await;
        let now = count();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    last
}
