//! What the statuses and headers of answers make of a source.

use std::time::Duration;

use pagewire_types::TargetErrorCode;

use super::*;
use crate::live::watch::Verdict;

fn one() -> String {
    rss(&[item("1", "https://site.example/1", "One", "", 1)])
}

fn failure(polled: &Polled) -> (TargetErrorCode, &str) {
    match &polled.verdict {
        Verdict::Failed { code, detail } => (*code, detail),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_document_that_came_before_is_unchanged_and_so_is_304() {
    let mut feed = Watched::default();
    let first = feed.polled(&response(200, &[("etag", "\"a\"")], &one()));
    assert_eq!((first.verdict, first.http_status), (Verdict::Changed, Some(200)));
    for again in [response(200, &[], &one()), response(304, &[], "")] {
        let polled = feed.polled(&again);
        assert_eq!((polled.verdict, polled.state), (Verdict::Unchanged, None));
    }
}

#[test]
fn a_304_that_nobody_asked_for_fails() {
    let polled = Watched::default().polled(&response(304, &[], ""));
    assert_eq!(failure(&polled).0, TargetErrorCode::HttpError);
}

#[test]
fn the_feeds_and_the_hosts_wishes_are_waits_and_the_documents_lasts_over_304() {
    let mut feed = Watched::default();
    let document = one().replace("<title>T</title>", "<title>T</title><ttl>30</ttl>");
    let wait = |polled: &Polled| polled.wait.map(|wait| wait.as_secs());
    assert_eq!(
        wait(&feed.polled(&response(200, &[("cache-control", "max-age=60")], &document))),
        Some(1_800)
    );
    assert_eq!(wait(&feed.polled(&response(304, &[], ""))), Some(1_800));
    assert_eq!(wait(&feed.polled(&response(304, &[("cache-control", "max-age=7200")], ""))), Some(7_200));
    for status in [429, 503] {
        let polled = feed.polled(&response(status, &[("retry-after", "120")], ""));
        assert_eq!(
            (failure(&polled).0, polled.wait),
            (TargetErrorCode::HttpError, Some(Duration::from_secs(120)))
        );
    }
    assert_eq!(wait(&feed.polled(&response(404, &[("retry-after", "120")], ""))), None);
}

#[test]
fn gone_for_good_retires_the_source_and_other_errors_do_not() {
    let gone = Watched::default().polled(&response(410, &[], ""));
    assert!(matches!(gone.verdict, Verdict::Retired { reason } if reason.contains("410")));
    for status in [400, 401, 403, 404, 451, 500, 502] {
        let polled = Watched::default().polled(&response(status, &[], &one()));
        assert!(failure(&polled).1.contains(&status.to_string()));
    }
    let mut elsewhere = response(410, &[], "");
    (elsewhere.redirects, elsewhere.redirects_are_permanent) = (1, false);
    assert_eq!(failure(&Watched::default().polled(&elsewhere)).0, TargetErrorCode::HttpError);
}

#[test]
fn a_page_in_a_feeds_place_fails_and_names_the_feeds_that_it_leads_to() {
    let page = "<!doctype html><link rel=alternate type=application/rss+xml href=/real.xml>";
    let polled = Watched::default().polled(&response(200, &[], page));
    let (code, detail) = failure(&polled);
    assert_eq!(code, TargetErrorCode::UnsupportedContent);
    assert!(detail.contains("HTML") && detail.contains("https://site.example/real.xml"), "{detail}");
    for (body, word) in [("", "empty"), ("<html>", "leads to none"), ("%PDF", "no feed")] {
        let polled = Watched::default().polled(&response(200, &[], body));
        assert!(failure(&polled).1.contains(word), "{:?}", polled.verdict);
    }
}

#[test]
fn what_fails_leaves_what_was_kept() {
    let mut feed = Watched::default();
    feed.told(&one());
    let kept = feed.state.clone();
    for broken in [response(500, &[], ""), response(200, &[], "<html>"), response(410, &[], "")] {
        assert_eq!(feed.polled(&broken).state, None);
    }
    assert_eq!(feed.state, kept);
}

#[test]
fn a_move_for_good_is_told_once_the_feed_is_there() {
    let moved = |to: &str, body: &str| {
        let mut response = response(200, &[], body);
        (response.final_url, response.redirects) = (url(to), 1);
        response
    };
    let place = |response: &Response, given: Given| answer::polled(response, &given).moved_to;
    let new = "https://new.example/feed";
    assert_eq!(place(&moved(new, &one()), given(None)), Some(url(new)));
    assert_eq!(place(&moved(new, "<html>log in"), given(None)), None);
    assert_eq!(place(&moved("http://site.example/feed", &one()), given(None)), None, "HTTPS is not given up");
    let secret = Given { has_headers: true, ..given(None) };
    assert_eq!(place(&moved(new, &one()), secret.clone()), None, "secrets stay with their site");
    assert!(place(&moved("https://site.example/new", &one()), secret).is_some());
    let mut for_now = moved(new, &one());
    for_now.redirects_are_permanent = false;
    assert_eq!(place(&for_now, given(None)), None);
}

#[test]
fn the_hub_of_a_feed_is_told_with_the_feeds_own_address() {
    let document = one().replace(
        "<title>T</title>",
        "<title>T</title><atom:link rel='hub' href='https://hub.example/'/><atom:link rel='self' href='/own'/>",
    );
    let polled = Watched::default().polled(&response(200, &[], &document));
    let link = polled.hub.expect("a hub");
    assert_eq!(
        (link.hub.as_str(), link.topic.as_str()),
        ("https://hub.example/", "https://site.example/own")
    );
}
