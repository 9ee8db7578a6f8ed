//! Places that change by themselves.

use super::*;

fn with(advert: &str, text: &str) -> String {
    let (text, rest) = (format!("<p>{text}</p>{}", paragraph(0)), paragraphs(8));
    page("Story", &format!("{text}<div class=box><p>{advert}</p></div>{rest}"))
}

const TEXT: &str = "The mayor opened the bridge.";

#[test]
fn a_place_that_differs_between_two_fetches_at_the_beginning_is_never_told() {
    let mut series = Series::of(&WatchOptions::default());
    let outcome = series.poll_twice(&with("Drink cola", TEXT), &with("Eat apples", TEXT));
    assert_eq!(outcome.finding, Finding::First);
    for advert in ["Buy shoes", "Ride bikes", "Read books"] {
        assert_eq!(series.told(&with(advert, TEXT)), []);
    }
    assert_eq!(series.told(&with("Hear music", "The mayor closed the bridge.")).len(), 1);
}

#[test]
fn a_block_that_comes_and_goes_between_fetches_is_never_told() {
    let banner = |shown: bool| {
        page(
            "Story",
            &format!(
                "{}<p>{TEXT}{}",
                if shown { "<div class=banner>Try the new look!</div>" } else { "" },
                paragraphs(8)
            ),
        )
    };
    let mut series = Series::of(&WatchOptions::default());
    assert_eq!(series.poll_twice(&banner(true), &banner(false)).finding, Finding::First);
    for shown in [true, false, false, true] {
        assert_eq!(series.told(&banner(shown)), []);
    }
}

#[test]
fn what_only_one_of_two_fetches_found_is_not_told() {
    let mut series = Series::begun(&with("Drink cola", TEXT));
    for (first, second) in
        [("Buy shoes", "Ride bikes"), ("Buy shoes", "Drink cola"), ("Drink cola", "Read books")]
    {
        let outcome = series.poll_twice(&with(first, TEXT), &with(second, TEXT));
        assert_eq!(
            (outcome.finding, outcome.changes),
            (Finding::Unchanged, Vec::new()),
            "{first} / {second}"
        );
    }
}

#[test]
fn a_change_beside_one_that_is_not_confirmed_is_told() {
    let mut series = Series::begun(&with("Drink cola", TEXT));
    let outcome =
        series.poll_twice(&with("Buy shoes", "The bridge fell."), &with("Ride bikes", "The bridge fell."));
    assert_eq!(outcome.told(), [told("Story", None, &["The bridge fell."], &[TEXT])]);
}

#[test]
fn a_place_in_which_fetches_differ_twice_is_masked() {
    let mut series = Series::begun(&with("Drink cola", TEXT));
    for round in 0..2 {
        let _ = series.poll_twice(
            &with(&format!("Cola number {round}"), TEXT),
            &with(&format!("Shoes number {round}"), TEXT),
        );
    }
    assert_eq!(series.told(&with("Ride bikes", TEXT)), []);
}

#[test]
fn a_change_that_one_server_of_several_tells_before_the_others_is_told_when_all_do() {
    let (old, new) = (with("Drink cola", TEXT), with("Drink cola", "The bridge fell."));
    let mut series = Series::begun(&old);
    for _ in 0..3 {
        assert_eq!(series.poll_twice(&new, &old).changes, []);
    }
    assert_eq!(series.told(&new), [told("Story", None, &["The bridge fell."], &[TEXT])]);
}

#[test]
fn a_place_that_changes_with_nearly_every_poll_is_masked_after_some() {
    let quotes = [
        "Be brave.",
        "Stay home.",
        "Eat greens.",
        "Walk far.",
        "Sleep well.",
        "Read on.",
        "Call her.",
        "Sing it.",
    ];
    let mut series = Series::begun(&with("Know thyself.", TEXT));
    let told: Vec<usize> = quotes.iter().map(|quote| series.told(&with(quote, TEXT)).len()).collect();
    assert_eq!(told, [1, 1, 1, 1, 0, 0, 0, 0]);
    assert_eq!(series.told(&with("Last one.", "The bridge fell.")).len(), 1, "the rest is watched as before");
}

#[test]
fn a_masked_place_that_is_quiet_is_watched_again() {
    let mut series = Series::begun(&with("Know thyself.", TEXT));
    for quote in ["Be brave.", "Stay home.", "Eat greens.", "Walk far."] {
        assert_eq!(series.told(&with(quote, TEXT)).len(), 1);
    }
    for _ in 0..20 {
        assert_eq!(series.told(&with("Sleep well.", TEXT)), []);
    }
    assert_eq!(series.told(&with("A festival is held here.", TEXT)).len(), 1);
}

#[test]
fn a_list_with_something_new_in_every_poll_is_not_masked() {
    let list = |newest: u32| {
        let items: String = (newest - 9..=newest)
            .rev()
            .map(|n| format!("<li><a href=/n/{n}>Headline number {n}</a></li>"))
            .collect();
        page("Latest", &format!("<ul>{items}</ul>"))
    };
    let mut series = Series::begun(&list(10));
    for newest in 11..40 {
        assert_eq!(series.told(&list(newest)).len(), 1, "{newest}");
    }
}

#[test]
fn a_page_that_is_another_with_every_fetch_is_not_to_be_believed() {
    let mut series = Series::of(&selecting(&["#quote"]));
    let of = |quote: &str| page("Quotes", &format!("<p id=quote>{quote}</p>{}", paragraphs(5)));
    let outcome = series.poll_twice(&of("Be brave."), &of("Stay home."));
    assert_eq!((outcome.finding, outcome.state), (Finding::Doubted(Doubt::NothingLasts), None));
}

#[test]
fn rotating_adverts_that_change_places_are_no_change() {
    let of = |adverts: [&str; 3]| {
        page(
            "Story",
            &(adverts.map(|advert| format!("<div class=box>{advert}</div>")).concat() + &paragraphs(8)),
        )
    };
    let mut series = Series::begun(&of(["Drink cola", "Buy shoes", "Ride bikes"]));
    assert_eq!(series.told(&of(["Ride bikes", "Drink cola", "Buy shoes"])), []);
}
