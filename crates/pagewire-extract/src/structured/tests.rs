//! All kinds together: what they cost.

use std::fmt::Write as _;
use std::hint::black_box;

use crate::dom;

use super::*;
use crate::cpu_clock::growth;

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

const BASE: &str = "http://site.example/a/b";

#[test]
fn what_is_told_grows_no_faster_than_the_page() {
    for (name, page) in hostile_pages(2_400) {
        let mut told = Vec::new();
        write(&page, &dom::parse(&page), BASE, &Map::new(), &mut told);
        let told = told.len();
        assert!(told < 1_000_000 + 8 * page.len(), "{name}: {told} bytes of {}", page.len());
    }
}

#[test]
fn the_time_grows_as_the_page_does() {
    const SMALL: usize = 150;
    const TIMES: usize = 32;
    // What grows with the square of the page takes a thousand times as long.
    let enough = 8.0 * TIMES as f64;
    for ((name, small), (_, large)) in hostile_pages(SMALL).into_iter().zip(hostile_pages(TIMES * SMALL)) {
        let (small_tree, large_tree) = (dom::parse(&small), dom::parse(&large));
        let of = |page: &str, tree: &Document| {
            let mut told = Vec::new();
            write(black_box(page), tree, BASE, &Map::new(), &mut told);
            black_box(told);
        };
        let ratio = growth(&|| of(&small, &small_tree), &|| of(&large, &large_tree), enough);
        assert!(ratio <= enough, "{name}: {ratio:.0} times as long for {TIMES} times as much");
    }
}
