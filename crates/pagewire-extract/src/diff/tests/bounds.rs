//! Pages that are large, or made to be hard.

use super::*;
use crate::cpu_clock::growth;

const STATE_BYTES_MAX: usize = 256 * 1024;

fn state_bytes(series: &Series) -> usize {
    series.state.as_deref().map_or(0, str::len)
}

#[test]
fn what_is_kept_of_a_large_page_is_bounded_and_its_first_blocks_are_watched() {
    let of = |first: &str| {
        let lines: String = (0..2_600)
            .map(|n| {
                format!(
                    "<tr><td><a href=/{n}>Row {n}, {}</a><td>3 December {}</tr>",
                    "words ".repeat(30),
                    2000 + n % 100
                )
            })
            .collect();
        page("Large", &format!("<p>{first}</p><table>{lines}</table>"))
    };
    let mut series = Series::begun(&of("One thing."));
    assert!(state_bytes(&series) <= STATE_BYTES_MAX, "{}", state_bytes(&series));
    assert_eq!(series.told(&of("Another thing.")).len(), 1);
    assert!(state_bytes(&series) <= STATE_BYTES_MAX);
}

#[test]
fn a_block_that_moves_beyond_the_last_one_watched_is_no_change() {
    let of = |from: usize| {
        page("Large", &(from..from + 4_000).map(|n| format!("<p>Line {n} of many")).collect::<String>())
    };
    let mut series = Series::begun(&of(1));
    assert_eq!(series.told(&of(0)), [told("Large", None, &["Line 0 of many"], &[])]);
}

#[test]
fn what_is_told_of_one_poll_is_bounded() {
    let mut series = Series::begun(&page("List", &paragraphs(3)));
    let many: String = (0..2_000).map(|n| format!("<p>{}", paragraph(n + 10))).collect();
    let change = series.change(&page("List", &(paragraphs(3) + &many)));
    assert!(change.added.len() <= 500 && change.added.iter().map(String::len).sum::<usize>() <= 200_000);
    let items = |from: u32| {
        page(
            "List",
            &(from..from + 1_000)
                .map(|n| format!("<li><a href=/{n}>Item number {n}</a>"))
                .collect::<String>(),
        )
    };
    let mut series = Series::begun(&items(0));
    assert!(series.told(&items(5_000)).len() <= 201);
}

#[test]
fn time_grows_with_the_page() {
    let before = |count: usize| {
        page(
            "P",
            &(0..count).map(|n| format!("<div><p>Line {n} <a href=/{n}>to</a></div>")).collect::<String>(),
        )
    };
    let after = |count: usize| {
        page(
            "P",
            &(0..count).map(|n| format!("<div><p>Other {n} <a href=/x{n}>to</a></div>")).collect::<String>(),
        )
    };
    for shape in [
        (|count: usize| "<ul><li>x".repeat(count)) as fn(usize) -> String,
        |count| "<table><tr><td>x".repeat(count),
        |count| "<p>1,204 views 14:50 3 hours ago ".repeat(count),
        |count| format!("<p>{}", "1 2 3 4 5 6 minutes and ".repeat(count)),
        |count| "<a href=/x><div>y".repeat(count),
        |count| "<dl><dt>a<dd>b".repeat(count),
        |count| {
            (0..count)
                .map(|n| {
                    format!("<div class=c{}><a href=/{n}>n</a></div>", char::from(b'a' + (n % 26) as u8))
                })
                .collect()
        },
    ] {
        let work = |count: usize| {
            let page = shape(count);
            let mut series = Series::of(&WatchOptions::default());
            let _ = series.poll(&page);
            let _ = series.poll_twice(&before(count / 8), &after(count / 8));
        };
        let grown = growth(&|| work(200), &|| work(3_200), 16.0 * 6.0);
        assert!(grown <= 16.0 * 6.0, "{grown} times as long for sixteen times as much of {}", &shape(1));
    }
}

#[test]
fn a_state_that_cannot_be_read_is_none() {
    let whole = Series::begun(&page("Notice", "<p>Open.")).state.expect("a state");
    for state in [
        "",
        "{}",
        "null",
        "[]",
        &whole[..whole.len() / 2],
        &whole.replace("\"slots\":[", "\"slots\":[1,"),
        &whole.replace("\"v\":1", "\"v\":2"),
    ] {
        let mut series = Series::of(&WatchOptions::default());
        series.state = Some(state.to_owned());
        assert_eq!(series.poll(&page("Notice", "<p>Closed.")).finding, Finding::First, "{state}");
    }
}
