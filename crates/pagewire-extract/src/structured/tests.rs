//! All kinds together: what they cost.

use std::fmt::Write as _;
use std::time::Duration;

use crate::dom;

use super::*;
use crate::cpu_clock::CpuClock;

/// Pages that are as bad as their size allows, at a size.
fn hostile_pages(size: usize) -> Vec<(&'static str, String)> {
    let each = |page: &dyn Fn(usize) -> String| (0..size).map(page).collect::<String>();
    let ring = each(&|n| {
        let next = (n + 1) % size;
        format!(
            "<p itemscope id=i{n} itemprop=p itemref='i{next} i{}'><b itemprop=q>x</b></p>",
            (n * 7) % size
        )
    });
    let fan = "<p itemscope itemref=r></p>".repeat(size)
        + "<div id=r>"
        + &"<i itemprop=a>x</i>".repeat(size)
        + "</div>";
    let mut prefixes = "<div prefix='".to_owned();
    for n in 0..size {
        let _ = write!(prefixes, "p{n}: http://e/{n} ");
    }
    prefixes += "'>";
    prefixes += &each(&|n| format!("<p property='p{n}:x'>1</p>"));
    vec![
        ("items in a ring", ring),
        ("items that all refer to the same", fan),
        ("prefixes", prefixes),
        ("a name many times", format!("<p property='{}'>x</p>", "dc:a ".repeat(size))),
        ("properties", each(&|n| format!("<p property='dc:a{n}'>1</p>"))),
        (
            "hanging relations",
            format!("<div rel='{}'>{}", each(&|n| format!("dc:p{n} ")), "<p about=#x></p>".repeat(size)),
        ),
        ("lists", "<div inlist rel=dc:x><p about=#a inlist property=dc:y>1</p></div>".repeat(size)),
        ("scripts", "<script type='application/ld+json'>{\"a\":[1]}</script>".repeat(size)),
        (
            "comments in a script",
            format!("<script type='application/ld+json'>[{}</script>", "<!-- /* ".repeat(size)),
        ),
        (
            "a long attribute",
            format!("<p itemscope><b itemprop='{0}' property='{0}' content='{0}'>", "x ".repeat(size)),
        ),
    ]
}

fn time_of(page: &str) -> Duration {
    let document = dom::parse(page);
    let started = CpuClock::start();
    let all = of_page(page, &document, "http://site.example/a/b");
    let taken = started.elapsed();
    let told = serde_json::to_vec(&all).expect("json").len();
    assert!(told < 1_000_000 + 8 * page.len(), "{told} bytes of {}", page.len());
    taken
}

#[test]
fn the_time_grows_as_the_page_does() {
    const SMALL: usize = 300;
    const TIMES: usize = 8;
    for ((name, small), (_, large)) in hostile_pages(SMALL).into_iter().zip(hostile_pages(TIMES * SMALL)) {
        // Others work on the machine as well: the best of three.
        let best = |page: &str| (0..3).map(|_| time_of(page)).min().unwrap_or_default();
        let (small, large) = (best(&small), best(&large));
        let ratio = large.as_secs_f64() / small.as_secs_f64().max(1e-3);
        assert!(
            ratio < 3.0 * TIMES as f64,
            "{name}: {ratio:.1} times as long for {TIMES} times as much ({large:?})"
        );
    }
}
