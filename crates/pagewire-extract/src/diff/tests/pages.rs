//! Pages of the usual kinds, and what is told when they change.

use super::*;

/// News, each with a heading that leads to it.
fn news(items: &[&str]) -> String {
    let item = |slug: &&str| {
        format!(
            "<article class=teaser><h2><a href='/news/{slug}?utm_source=list'>News of {slug}</a></h2>\
             <p>What happened to {slug}, told in short.</p><p><a href=/by/ann>Ann</a>, 3 hours ago, 12 comments</p></article>"
        )
    };
    page("News", &items.iter().map(item).collect::<String>())
}

fn news_told(slug: &str) -> Told {
    told(
        &format!("News of {slug}"),
        Some(&format!("http://site.example/news/{slug}?utm_source=list")),
        &[
            &format!("News of {slug}"),
            &format!("What happened to {slug}, told in short."),
            "Ann, 3 hours ago, 12 comments",
        ],
        &[],
    )
}

#[test]
fn a_page_that_is_read_for_the_first_time_tells_nothing() {
    Series::begun(&news(&["one", "two", "three"]));
}

#[test]
fn backfill_tells_the_first_items_of_a_list_the_oldest_first() {
    let mut series = Series::of(&WatchOptions::default());
    series.backfill = 2;
    let outcome = series.poll(&news(&["one", "two", "three"]));
    assert_eq!(outcome.finding, Finding::First);
    assert_eq!(outcome.told(), [news_told("two"), news_told("one")]);
    assert_eq!(series.told(&news(&["zero", "one", "two", "three"])), [news_told("zero")]);
}

#[test]
fn each_new_item_of_a_list_is_told_by_itself_the_newest_last() {
    let mut series = Series::begun(&news(&["one", "two", "three"]));
    assert_eq!(
        series.told(&news(&["five", "four", "one", "two", "three"])),
        [news_told("four"), news_told("five")]
    );
    assert_eq!(series.told(&news(&["five", "four", "one", "two", "three"])), []);
}

#[test]
fn an_item_that_a_list_lets_go_at_its_end_is_not_told() {
    let mut series = Series::begun(&news(&["one", "two", "three", "four"]));
    assert_eq!(series.told(&news(&["zero", "one", "two", "three"])), [news_told("zero")]);
}

#[test]
fn a_list_that_grows_at_its_end_tells_in_its_order() {
    let mut series = Series::begun(&news(&["one", "two", "three"]));
    assert_eq!(series.told(&news(&["two", "three", "four", "five"])), [news_told("four"), news_told("five")]);
}

#[test]
fn a_list_may_turn_over_whole() {
    let mut series = Series::begun(&news(&["one", "two", "three", "four"]));
    let told = series.told(&news(&["eight", "seven", "six", "five"]));
    let items: Vec<&str> =
        told.iter().filter(|told| told.removed.is_empty()).map(|told| &*told.title).collect();
    assert_eq!(items, ["News of five", "News of six", "News of seven", "News of eight"]);
}

#[test]
fn an_item_that_comes_back_is_not_new() {
    let mut series = Series::begun(&news(&["one", "two", "three", "four"]));
    assert_eq!(series.told(&news(&["zero", "one", "two", "three"])), [news_told("zero")]);
    // `zero` is withdrawn, and what the list had let go stands at its end again.
    let told = series.told(&news(&["one", "two", "three", "four"]));
    assert!(told.iter().all(|told| told.added.is_empty()), "{told:?}");
}

#[test]
fn an_item_that_goes_from_the_middle_is_told_as_removed() {
    let mut series = Series::begun(&news(&["one", "two", "three", "four"]));
    let change = series.change(&news(&["one", "three", "four"]));
    assert_eq!(change.added, [""; 0]);
    assert_eq!(change.removed[0], "News of two");
    assert_eq!(change.title, "News");
}

#[test]
fn what_items_count_and_how_old_they_are_is_no_news() {
    let mut series = Series::begun(&news(&["one", "two", "three"]));
    let later = news(&["one", "two", "three"]).replace("3 hours ago, 12 comments", "yesterday, 17 comments");
    assert_eq!(series.told(&later), []);
}

#[test]
fn parameters_of_campaigns_are_no_part_of_an_item() {
    let mut series = Series::begun(&news(&["one", "two", "three"]));
    assert_eq!(
        series.told(&news(&["one", "two", "three"]).replace("utm_source=list", "utm_source=mail&sid=77")),
        []
    );
}

/// Minutes of meetings, which are all called the same.
fn minutes(days: &[u32]) -> String {
    let item =
        |day: &u32| format!("<li><a href=/minutes/{day}>Minutes of the board</a> {day} November 2026</li>");
    page("Minutes", &format!("<ul>{}</ul>", days.iter().map(item).collect::<String>()))
}

#[test]
fn an_item_that_is_called_as_one_that_has_gone_is_new_by_its_link() {
    let mut series = Series::begun(&minutes(&[17, 14, 10, 7, 3]));
    assert_eq!(
        series.told(&minutes(&[21, 17, 14, 10, 7])),
        [told(
            "Minutes of the board",
            Some("http://site.example/minutes/21"),
            &["Minutes of the board 21 November 2026"],
            &[]
        )]
    );
    assert_eq!(series.told(&minutes(&[21, 17, 14, 10, 7])), []);
}

#[test]
fn items_that_all_lead_elsewhere_at_once_are_not_new() {
    let before = news(&["one", "two", "three", "four"]);
    let mut series = Series::begun(&before);
    assert_eq!(series.told(&before.replace("/news/", "/archive/2026/")), []);
    // Nor are those whose links are made for each visit.
    let of = |visit: u32| before.replace("/news/", &format!("/{visit}/news/"));
    for visit in 0..4 {
        let outcome = series.poll_twice(&of(2 * visit), &of(2 * visit + 1));
        assert_eq!(outcome.changes, [], "{visit}");
    }
}

#[test]
fn items_in_another_order_are_no_change() {
    let mut series = Series::begun(&news(&["one", "two", "three", "four"]));
    assert_eq!(series.told(&news(&["four", "two", "one", "three"])), []);
}

fn goods(prices: &[(&str, &str)]) -> String {
    let row = |(name, price): &(&str, &str)| {
        format!(
            "<li class=product><a href=/p/{name}><img src=x></a><a href=/p/{name}>{name} kettle</a><span class=price>{price}</span><button>Buy</button></li>"
        )
    };
    page("Kettles", &format!("<ul>{}</ul>", prices.iter().map(row).collect::<String>()))
}

#[test]
fn a_price_in_a_list_is_told_with_its_product() {
    let mut series = Series::begun(&goods(&[("Alpha", "219 kr"), ("Beta", "349 kr"), ("Gamma", "499 kr")]));
    assert_eq!(
        series.told(&goods(&[("Alpha", "199 kr"), ("Beta", "349 kr"), ("Gamma", "499 kr")])),
        [told(
            "Alpha kettle",
            Some("http://site.example/p/Alpha"),
            &["Alpha kettle 199 kr"],
            &["Alpha kettle 219 kr"]
        )]
    );
}

fn product(price: &str, stock: &str) -> String {
    page(
        "Alpha kettle",
        &format!(
            "<div class=buy><span class=price itemprop=price>{price}</span><div>{stock}</div></div>{}",
            paragraphs(12)
        ),
    )
}

#[test]
fn a_price_beside_a_long_text_is_not_lost() {
    let mut series = Series::begun(&product("219 kr", "In stock"));
    assert_eq!(
        series.told(&product("199 kr", "In stock")),
        [told("Alpha kettle", None, &["199 kr"], &["219 kr"])]
    );
    assert_eq!(
        series.told(&product("199 kr", "Sold out")),
        [told("Alpha kettle", None, &["Sold out"], &["In stock"])]
    );
}

#[test]
fn a_selected_price_is_all_that_is_watched() {
    let mut series = Series::selecting(&selecting(&[".price"]), &product("219 kr", "In stock"));
    assert_eq!(series.told(&product("219 kr", "Sold out")), []);
    assert_eq!(
        series.told(&product("199 kr", "Sold out")),
        [told("Alpha kettle", None, &["199 kr"], &["219 kr"])]
    );
}

#[test]
fn a_selected_price_may_change_with_every_poll() {
    let mut series = Series::selecting(&selecting(&[".price"]), &product("1 kr", "In stock"));
    for price in 2..20 {
        assert_eq!(series.told(&product(&format!("{price} kr"), "In stock")).len(), 1, "{price}");
    }
}

#[test]
fn what_is_excluded_is_not_watched() {
    let options = WatchOptions { exclude_selectors: vec![".buy".to_owned()], ..WatchOptions::default() };
    let mut series = Series::selecting(&options, &product("219 kr", "In stock"));
    assert_eq!(series.told(&product("199 kr", "Sold out")), []);
}

#[test]
fn what_matches_an_ignored_pattern_is_not_compared() {
    let options = WatchOptions { ignore: vec![r"\d+ in stock".to_owned()], ..WatchOptions::default() };
    let mut series = Series::selecting(&options, &product("219 kr", "12 in stock"));
    assert_eq!(series.told(&product("219 kr", "7 in stock")), []);
    assert_eq!(series.told(&product("219 kr", "none in stock")).len(), 1);
}

fn changelog(releases: &[(&str, &[&str])]) -> String {
    let release = |(version, changes): &(&str, &[&str])| {
        let changes: String =
            changes.iter().map(|change| format!("<li>{change} (<a href=/pull/1>#1</a>)")).collect();
        format!("<h2>{version}</h2><ul>{changes}</ul>")
    };
    page("Changelog", &releases.iter().map(release).collect::<String>())
}

#[test]
fn a_release_in_a_changelog_is_one_change() {
    let old: (&str, &[&str]) = ("1.2.0", &["Add a door", "Fix the roof"]);
    let mut series = Series::begun(&changelog(&[old]));
    assert_eq!(
        series.told(&changelog(&[("1.3.0", &["Add a window", "Drop the cellar"]), old])),
        [told("Changelog: 1.3.0", None, &["1.3.0", "Add a window (#1)", "Drop the cellar (#1)"], &[])]
    );
}

fn jobs(rows: &[(&str, &str)]) -> String {
    let row = |(job, place): &(&str, &str)| {
        format!("<tr><td><a href='/job/{job}'>{job}</a><td>{place}<td>Full time")
    };
    page(
        "Open positions",
        &format!("<table><tr><th>Job<th>Place<th>Hours{}</table>", rows.iter().map(row).collect::<String>()),
    )
}

#[test]
fn a_job_is_told_with_its_row() {
    let old = [("cook", "Falun"), ("driver", "Mora"), ("nurse", "Rättvik")];
    let mut series = Series::begun(&jobs(&old));
    let new = [("cook", "Falun"), ("teacher", "Leksand"), ("driver", "Mora"), ("nurse", "Rättvik")];
    assert_eq!(
        series.told(&jobs(&new)),
        [told("teacher", Some("http://site.example/job/teacher"), &["teacher | Leksand | Full time"], &[])]
    );
    let change = series.change(&jobs(&[("cook", "Falun"), ("teacher", "Leksand"), ("nurse", "Rättvik")]));
    assert_eq!(change, told("Open positions", None, &[], &["driver | Mora | Full time"]));
}

fn rates(rows: &[(&str, &str)]) -> String {
    let row = |(name, rate): &(&str, &str)| format!("<tr><td>{name}<td>{rate}</tr>");
    page(
        "Exchange rates",
        &format!("<p>Rates of the bank.<table>{}</table>", rows.iter().map(row).collect::<String>()),
    )
}

#[test]
fn a_row_of_a_table_is_told_whole() {
    let mut series = Series::begun(&rates(&[("USD", "10.52"), ("EUR", "11.40"), ("GBP", "13.20")]));
    assert_eq!(
        series.told(&rates(&[("USD", "10.61"), ("EUR", "11.40"), ("GBP", "13.20")])),
        [told("Exchange rates", None, &["USD | 10.61"], &["USD | 10.52"])]
    );
}

#[test]
fn a_table_of_which_every_number_changes_is_not_gone() {
    let names = ["USD", "EUR", "GBP", "CHF", "NOK", "DKK", "PLN", "CZK"];
    let all = |rate: &str| rates(&names.map(|name| (name, rate)));
    let mut series = Series::begun(&all("10.52"));
    let change = series.change(&all("11.19"));
    assert_eq!((change.added.len(), change.removed.len()), (8, 8));
}

#[test]
fn a_definition_is_told_with_its_term() {
    let of = |price: &str| page("Data sheet", &format!("<dl><dt>Weight<dd>3 kg<dt>Price<dd>{price}</dl>"));
    let mut series = Series::begun(&of("219 kr"));
    assert_eq!(
        series.told(&of("199 kr")),
        [told("Data sheet", None, &["Price: 199 kr"], &["Price: 219 kr"])]
    );
}

fn docs(parts: &[(&str, &str)]) -> String {
    let part = |(name, text): &(&str, &str)| {
        format!("<h2>{name}</h2><p>{text}</p><pre>let {name} = 1;\nrun();</pre>")
    };
    page("Manual", &format!("{}{}", parts.iter().map(part).collect::<String>(), paragraphs(10)))
}

#[test]
fn an_edit_of_a_document_is_told_with_its_section() {
    let mut series = Series::begun(&docs(&[
        ("alpha", "It takes a number and gives it back."),
        ("beta", "It takes nothing at all."),
    ]));
    assert_eq!(
        series.told(&docs(&[
            ("alpha", "It takes a number and doubles it."),
            ("beta", "It takes nothing at all.")
        ])),
        [told(
            "Manual: alpha",
            None,
            &["It takes a number and doubles it."],
            &["It takes a number and gives it back."]
        )]
    );
}

#[test]
fn a_line_of_code_is_a_block() {
    let mut series = Series::begun(&docs(&[("alpha", "Text."), ("beta", "More text.")]));
    let edited =
        docs(&[("alpha", "Text."), ("beta", "More text.")]).replace("let beta = 1;", "let beta = 2;");
    assert_eq!(series.told(&edited), [told("Manual: beta", None, &["let beta = 2;"], &["let beta = 1;"])]);
}

fn forum(posts: &[(u32, &str)]) -> String {
    let post = |(id, text): &(u32, &str)| {
        format!(
            "<div class=post id=post-{id}><div class=by>Member {id}, 3 min ago</div><h4>Post {id}</h4><p>{text}</p></div>"
        )
    };
    page("How to brew", &posts.iter().map(post).collect::<String>())
}

#[test]
fn a_post_is_told_with_its_anchor() {
    let old = [(1, "How hot is the water?"), (2, "Hot enough to hurt."), (3, "Ninety degrees, they say.")];
    let mut series = Series::begun(&forum(&old));
    let mut new = old.to_vec();
    new.push((4, "Mine boils it."));
    assert_eq!(
        series.told(&forum(&new)),
        [told(
            "Post 4",
            Some("http://site.example/page#post-4"),
            &["Member 4, 3 min ago", "Post 4", "Mine boils it."],
            &[]
        )]
    );
    new[1].1 = "Hot enough to burn.";
    assert_eq!(
        series.told(&forum(&new)),
        [told(
            "Post 2",
            Some("http://site.example/page#post-2"),
            &["Hot enough to burn."],
            &["Hot enough to hurt."]
        )]
    );
}

fn status(state: &str, clock: &str) -> String {
    page(
        "Acme status",
        &format!("<div class=state>{state}</div><p>Last checked {clock}</p><ul><li>API: ✅<li>Web: ✅</ul>"),
    )
}

#[test]
fn a_status_is_told_each_time_that_it_changes_and_its_clock_never() {
    let mut series = Series::begun(&status("All systems operational", "14:50:03"));
    assert_eq!(series.told(&status("All systems operational", "15:02:41")), []);
    assert_eq!(
        series.told(&status("Partial outage", "15:10:00")),
        [told("Acme status", None, &["Partial outage"], &["All systems operational"])]
    );
    assert_eq!(
        series.told(&status("All systems operational", "15:20:00")),
        [told("Acme status", None, &["All systems operational"], &["Partial outage"])]
    );
    let broken = status("All systems operational", "15:30:00").replace("API: ✅", "API: ❌");
    assert_eq!(series.told(&broken), [told("Acme status", None, &["API: ❌"], &["API: ✅"])]);
}

#[test]
fn a_page_that_stamps_itself_with_the_day_has_not_changed_and_a_deadline_that_is_put_off_has() {
    let of =
        |stamp: &str, deadline: &str| page("Call", &format!("<p>Today is {stamp}.<p>Deadline: {deadline}"));
    let mut series = Series::begun(&of("20 November 2026", "3 December 2026"));
    assert_eq!(series.told(&of("21 November 2026", "3 December 2026")), []);
    assert_eq!(
        series.told(&of("21 November 2026", "10 December 2026")),
        [told("Call", None, &["Deadline: 10 December 2026"], &["Deadline: 3 December 2026"])]
    );
}

#[test]
fn tokens_and_hidden_fields_are_no_change() {
    let of = |token: &str, number: u32| {
        page(
            "Contact",
            &format!(
                "<p>Write to us.<form action=/x?{token}><input type=hidden name=csrf value={token}></form><p>Request id {token}<script nonce={token}>var a = {number}</script><div hidden>{number}</div><!-- {number} -->"
            ),
        )
    };
    let mut series = Series::begun(&of("9f86d081884c7d659a2feaa0c55ad015", 1));
    assert_eq!(series.told(&of("60303ae22b998861bce3b28f33eec1be", 2)), []);
}

#[test]
fn how_a_page_is_marked_up_and_set_is_no_change() {
    let mut series =
        Series::begun(&page("Hello", "<p>A “word”, and <b>another</b> one.</p><p>Cafe\u{301}</p>"));
    assert_eq!(series.told(&page("Hello", "<div class=new>A \"word\" and\n <em>another</em>\u{a0}one</div><section><p>Caf\u{e9}</p></section>")), []);
}

#[test]
fn navigation_and_footers_are_not_watched() {
    let before = page("Hello", "<p>A text of some words, which stays.");
    let mut series = Series::begun(&before);
    let after = before
        .replace("Products", "Products (new!)")
        .replace("made in 12 ms", "made by us")
        .replace("Something", "Other");
    assert_eq!(series.told(&after), []);
}

#[test]
fn what_comes_into_the_main_content_or_goes_from_it_was_there_and_is() {
    let line = "Tickets are sold at the door.";
    let beside = page("Play", &format!("{}<div class=related-links>{line}</div>", paragraphs(12)));
    let within = page("Play", &format!("{}<p>{line}</p>{}", paragraph(0), paragraphs(12)));
    for (before, after) in [(&beside, &within), (&within, &beside)] {
        let mut series = Series::begun(before);
        let change = series.told(after).into_iter().flat_map(|told| [told.added, told.removed].concat());
        assert!(!change.collect::<Vec<_>>().iter().any(|text| text == line));
    }
}

#[test]
fn moved_blocks_are_no_change() {
    let of = |order: [usize; 6]| page("Book", &order.map(|n| format!("<p>{}</p>", paragraph(n))).concat());
    let mut series = Series::begun(&of([0, 1, 2, 3, 4, 5]));
    assert_eq!(series.told(&of([5, 3, 1, 0, 2, 4])), []);
}

#[test]
fn a_moved_and_an_edited_block_at_once_tell_the_edit() {
    let mut series = Series::begun(&page("Book", "<p>One is here.<p>Two is here.<p>Three is here."));
    assert_eq!(
        series.told(&page("Book", "<p>Three is here.<p>One was here.<p>Two is here.")),
        [told("Book", None, &["One was here."], &["One is here."])]
    );
}

#[test]
fn what_only_goes_is_told_by_what_went() {
    let mut series =
        Series::begun(&page("Notice", "<p>The library is open.<p>The café is closed this week."));
    let outcome = series.poll(&page("Notice", "<p>The library is open."));
    assert_eq!(outcome.changes[0].content, "Removed: The café is closed this week.");
    assert_eq!(outcome.told(), [told("Notice", None, &[], &["The café is closed this week."])]);
}

#[test]
fn a_line_that_stands_twice_counts_twice() {
    let mut series = Series::begun(&page("Board", "<p>Free<p>Taken<p>Free"));
    assert_eq!(
        series.told(&page("Board", "<p>Free<p>Taken<p>Taken")),
        [told("Board", None, &["Taken"], &["Free"])]
    );
}

#[test]
fn a_word_that_is_added_to_a_long_text_is_found() {
    let before = page("Book", &paragraphs(40));
    let mut series = Series::begun(&before);
    let change = series.change(&before.replacen("believed a word", "believed a single word", 1));
    assert_eq!((change.added.len(), change.removed.len()), (1, 1));
}

#[test]
fn a_page_in_another_script_is_read_as_well() {
    let of = |text: &str| page("お知らせ", &format!("<p>図書館は開いています。<p>{text}"));
    let mut series = Series::begun(&of("喫茶店は閉まっています。"));
    assert_eq!(
        series.told(&of("喫茶店は開いています。")),
        [told("お知らせ", None, &["喫茶店は開いています。"], &["喫茶店は閉まっています。"])]
    );
}

#[test]
fn lines_of_a_text_without_markup_are_blocks() {
    let mut series = Series::of(&WatchOptions::default());
    let visit = |series: &Series, text: &'static str| {
        let asked = series.asked.clone();
        let visit = Visit {
            body: text.as_bytes(),
            content_type: Some("text/plain"),
            asked: &asked,
            at: &asked,
            today: Today { year: 2026, month: 11, day: 21 },
            now: 0,
        };
        match series.watch.look(series.state.as_deref(), &visit, 0).expect("a text") {
            Step::Done(outcome) => outcome,
            Step::Again(pending) => series.watch.look_again(*pending, &visit).expect("a text"),
        }
    };
    series.state = visit(&series, "version 1\nstable\n").state;
    assert_eq!(
        visit(&series, "version 2\nstable\n").told(),
        [told("page", None, &["version 2"], &["version 1"])]
    );
}

#[test]
fn a_feed_is_no_page() {
    let series = Series::of(&WatchOptions::default());
    let visit = Visit {
        body: b"<?xml version='1.0'?><rss version='2.0'><channel><title>x</title></channel></rss>",
        content_type: Some("application/rss+xml"),
        asked: &series.asked,
        at: &series.asked,
        today: Today { year: 2026, month: 11, day: 21 },
        now: 0,
    };
    assert!(series.watch.look(None, &visit, 0).is_err());
}

#[test]
fn the_same_change_found_again_from_the_same_state_is_the_same() {
    let mut series = Series::begun(&page("Notice", "<p>Open."));
    let before = series.state.clone();
    let once = series.poll(&page("Notice", "<p>Closed."));
    let after = series.state.clone();
    series.state = before;
    series.now -= HOUR;
    assert_eq!(series.poll(&page("Notice", "<p>Closed.")), once);
    // There and back and there again are three changes.
    series.state = after;
    let back = series.poll(&page("Notice", "<p>Open."));
    let again = series.poll(&page("Notice", "<p>Closed."));
    let key = |outcome: &Outcome| (outcome.from, outcome.changes[0].identity);
    assert_ne!(key(&once), key(&again));
    assert_ne!(key(&once), key(&back));
}

#[test]
fn a_source_that_watches_something_else_begins_anew() {
    let mut series = Series::begun(&product("219 kr", "In stock"));
    series.watch = Watch::compile(&selecting(&[".price"])).expect("selectors");
    series.backfill = 5;
    let outcome = series.poll(&product("199 kr", "In stock"));
    assert_eq!((outcome.finding, outcome.changes), (Finding::First, Vec::new()));
    assert_eq!(series.told(&product("189 kr", "In stock")).len(), 1);
}

#[test]
fn an_item_that_says_nothing_is_not_told_poll_after_poll() {
    // Markup so broken that one of the items has no block of its own.
    let before = "<title>News | Acme</title><h1>News</h1><ul><li><a href=/n/0>Nothing</a> just now<li><a href=/n/1>One \
                  thing<ing</a> 3 hours ago<li><a href=/n/2>Two things</a> 12 comments<li><a href=/n/3>Three</a></ul>";
    let after = format!(
        "{before}\n====\n<title>News | Acme</title><h1>News</h1><ul><li><a href=/n/0>Nothing</a> just now<li>\
         <a href=/n/1>/a> 4 hours ago<li><a href=/n/2?utm_source=x>Two things</<h1>a> 13 comments</ul>"
    );
    let mut series = Series::begun(before);
    for poll in 0..5 {
        let told = series.told(&after);
        assert!(poll == 0 || told.is_empty(), "{poll}: {told:#?}");
        assert!(told.iter().all(|told| !told.added.is_empty() || !told.removed.is_empty()), "{told:#?}");
    }
    let mut series = Series::begun(&after);
    assert_eq!(series.told(&after), []);
}
