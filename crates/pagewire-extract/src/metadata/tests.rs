use std::time::Duration;

use serde_json::json;

use super::*;
use crate::cpu_clock::CpuClock;
use crate::dom;

fn metadata(html: &str) -> Value {
    let page = Url::parse("http://site.example/a/b").expect("a url");
    Value::Object(of_page(html, &dom::parse(html), &page))
}

/// The field of a page that has these sources, strongest first: each is told once all before it are gone.
fn each_source_has_its_turn(field: &str, sources: &[(&str, &str)]) {
    for at in 0..sources.len() {
        // In the page, the weakest come first: the order of the page decides nothing.
        let html: String = sources[at..].iter().rev().map(|(html, _)| *html).collect();
        assert_eq!(metadata(&html)[field], sources[at].1, "{html}");
    }
}

fn json_ld(json: &str) -> String {
    format!("<script type='application/ld+json'>{json}</script>")
}

#[test]
fn a_head_is_told_under_the_usual_names() {
    assert_eq!(
        metadata(
            "<html lang=en><head><title> T </title><meta name=Description content='D'><meta name=keywords content='a, b'>\
             <meta property='og:title' content='O'><meta property='og:image' content='/i.png'><meta name='twitter:card' content=s>\
             <link rel=canonical href='/c'><link rel=alternate type='application/rss+xml' href=feed title='All news'>\
             <link rel='shortcut icon' href=/f.ico sizes=16x16><meta name=robots content=noindex><meta name=generator content=G>"
        ),
        json!({
            "title": "T", "description": "D", "language": "en", "canonical": "http://site.example/c",
            "image": "http://site.example/i.png", "keywords": "a, b", "robots": "noindex", "generator": "G",
            "icons": [{"url": "http://site.example/f.ico", "rel": "shortcut icon", "sizes": "16x16"}],
            "feeds": [{"url": "http://site.example/a/feed", "title": "All news", "type": "application/rss+xml"}],
            "open_graph": {"title": "O", "image": "/i.png"}, "twitter": {"card": "s"},
        })
    );
    assert_eq!(metadata(""), json!({}));
}

#[test]
fn titles_and_descriptions_have_their_order() {
    let headline = json_ld(r#"{"@type": "NewsArticle", "headline": "J"}"#);
    each_source_has_its_turn(
        "title",
        &[
            ("<title>T</title>", "T"),
            ("<meta property='og:title' content=O>", "O"),
            ("<meta name='twitter:title' content=W>", "W"),
            (&headline, "J"),
            ("<meta name=citation_title content=C>", "C"),
            ("<meta name=DC.title content=D>", "D"),
            ("<h1> The <b>heading</b></h1>", "The heading"),
        ],
    );
    let description = json_ld(r#"{"@type": "Product", "description": "J"}"#);
    each_source_has_its_turn(
        "description",
        &[
            ("<meta name=description content='M  m'>", "M m"),
            ("<meta property='og:description' content=O>", "O"),
            ("<meta name='twitter:description' content=W>", "W"),
            (&description, "J"),
            ("<meta name='dc.description' content=D>", "D"),
        ],
    );
}

#[test]
fn authors_have_their_order() {
    let author = json_ld(
        r##"{"@type": "Article", "author": [{"@type": "Person", "name": "Ann"}, "Bo", {"@id": "#c"}]}"##,
    );
    let who = json_ld(r##"{"@type": "Person", "@id": "#c", "name": "Cy"}"##);
    assert_eq!(metadata(&format!("{author}{who}"))["author"], "Ann, Bo, Cy");
    each_source_has_its_turn(
        "author",
        &[
            (&author, "Ann, Bo"),
            ("<meta name=author content=M>", "M"),
            ("<meta property='article:author' content=A>", "A"),
            ("<meta name=parsely-author content=P>", "P"),
            ("<meta name=sailthru.author content=S>", "S"),
            (
                "<meta name=citation_author content='Ek, C.'><meta name=citation_author content='Ö, D.'>",
                "Ek, C., Ö, D.",
            ),
            ("<meta name=DC.creator content=D>", "D"),
            ("<p itemprop=author itemscope><b itemprop=name>I</b></p>", "I"),
            ("<a rel=author href=/r>R R</a>", "R R"),
            ("<p class=byline>By  B <b>B</b></p>", "B B"),
            ("<meta name='twitter:creator' content='@t'>", "@t"),
        ],
    );
    for none in [
        "<meta property='article:author' content='https://facebook.example/ann'>",
        "<p class=byline>A long sentence that tells of many things and names nobody in particular, is no byline at all</p>",
        &"<p class=author>N</p>".replace('N', "").repeat(3),
        &(0..9).map(|n| format!("<p class=author>Author {n}</p>")).collect::<String>(),
    ] {
        assert_eq!(metadata(none)["author"], Value::Null, "{none}");
    }
}

#[test]
fn times_have_their_order_and_are_iso() {
    let published = json_ld(
        r#"{"@type": "BlogPosting", "datePublished": "2024-01-01T08:00:00+01:00", "dateModified": "2024-02-01"}"#,
    );
    each_source_has_its_turn(
        "published_at",
        &[
            (&published, "2024-01-01T08:00:00+01:00"),
            (
                "<meta property='article:published_time' content='2024-01-02 10:00:00Z'>",
                "2024-01-02T10:00:00Z",
            ),
            ("<meta name=parsely-pub-date content='2024-01-03T00:00:00Z'>", "2024-01-03T00:00:00Z"),
            ("<meta name=citation_publication_date content='2024/01/04'>", "2024-01-04"),
            ("<meta name=dcterms.issued content='2024-01-05'>", "2024-01-05"),
            ("<meta name=date content='January 6, 2024'>", "2024-01-06"),
            ("<b itemprop=datePublished content='2024-01-07'>x</b>", "2024-01-07"),
            ("<article><time datetime='2024-01-08'>yesterday</time></article>", "2024-01-08"),
            ("<time datetime='2024-01-09'>y</time>", "2024-01-09"),
        ],
    );
    each_source_has_its_turn(
        "modified_at",
        &[
            (&published, "2024-02-01"),
            ("<meta property='article:modified_time' content='2024-02-02'>", "2024-02-02"),
            ("<meta property='og:updated_time' content='2024-02-03T00:00:00Z'>", "2024-02-03T00:00:00Z"),
            ("<meta name=dcterms.modified content='2024-02-04'>", "2024-02-04"),
            ("<time class=updated datetime='2024-02-05'>y</time>", "2024-02-05"),
        ],
    );
    let unclear = "<meta name=date content='spring 24'><meta name=pubdate content='2024-03-01'>";
    assert_eq!(metadata(unclear)["published_at"], "2024-03-01", "a clear date wins");
    assert_eq!(metadata("<meta name=date content='spring 24'>")["published_at"], "spring 24");
    assert_eq!(metadata("<meta name=date content='soon'>")["published_at"], Value::Null);
}

#[test]
fn language_site_and_addresses_have_their_order() {
    assert_eq!(
        metadata("<html lang=' sv-SE '><meta property='og:locale' content=en_US>")["language"],
        "sv-SE"
    );
    let language = json_ld(r#"{"@type": "WebPage", "inLanguage": "de"}"#);
    each_source_has_its_turn(
        "language",
        &[
            ("<meta http-equiv=Content-Language content='fi, en'>", "fi"),
            ("<meta name=dc.language content=no>", "no"),
            (&language, "de"),
            ("<meta property='og:locale' content=pt_BR>", "pt-BR"),
        ],
    );
    let site = json_ld(r#"{"@type": "WebSite", "name": "W"}"#);
    let publisher = json_ld(r#"{"@type": "Article", "publisher": {"name": "P"}}"#);
    each_source_has_its_turn(
        "site_name",
        &[
            ("<meta property='og:site_name' content=O>", "O"),
            ("<meta name=application-name content=A>", "A"),
            (&site, "W"),
            (&publisher, "P"),
        ],
    );
    each_source_has_its_turn(
        "canonical",
        &[
            ("<link rel=canonical href='?p=1'>", "http://site.example/a/b?p=1"),
            ("<meta property='og:url' content='/og'>", "http://site.example/og"),
        ],
    );
    assert_eq!(metadata("<link rel=canonical href='javascript:x()'>")["canonical"], Value::Null);
    assert_eq!(
        metadata(
            "<base href='http://b.example/'><link rel='ALTERNATE' hreflang=sv href=sv><link rel=alternate hreflang=x-default href=/>"
        )["alternates"],
        json!([{"url": "http://b.example/sv", "hreflang": "sv"}, {"url": "http://b.example/", "hreflang": "x-default"}])
    );
    assert_eq!(
        metadata(
            "<link rel=alternate type='application/atom+xml; charset=utf-8' href=1><link rel=alternate type='application/feed+json' href=2>\
             <link rel=alternate type='application/json' href=3><link rel='apple-touch-icon' href=4 type=image/png>"
        ),
        json!({
            "icons": [{"url": "http://site.example/a/4", "rel": "apple-touch-icon", "type": "image/png"}],
            "feeds": [
                {"url": "http://site.example/a/1", "type": "application/atom+xml; charset=utf-8"},
                {"url": "http://site.example/a/2", "type": "application/feed+json"},
            ],
        })
    );
}

#[test]
fn the_page_is_about_writing_before_things_and_things_before_the_site() {
    let nodes = json_ld(
        r#"{"@graph": [{"@type": "Organization", "name": "O"}, {"@type": "WebPage", "name": "P"}, {"@type": "Product", "name": "T"},
            {"@type": ["Thing", "https://schema.org/NewsArticle"], "headline": "A"}]}"#,
    );
    assert_eq!(metadata(&nodes)["title"], "A");
    assert_eq!(metadata(&nodes.replace("NewsArticle", "Brand"))["title"], "T");
    assert_eq!(metadata(&json_ld(r#"{"@type": "Organization", "name": "O"}"#)), json!({}));
}

#[test]
fn hostile_values_are_bounded_and_quick() {
    let started = CpuClock::start();
    let long = "x".repeat(1_000_000);
    for page in [
        format!("<title>{long}</title><meta name=author content='{long}'><meta name=date content='{long}'>"),
        format!(
            "<meta property='og:{long}' content='{long}'><link rel=canonical href='{long}'><html lang='{long}'>"
        ),
        format!("<meta property='og:title' content='{long}'><link rel=icon sizes='{long}' href=/a>"),
        format!("<p class=byline>{long}</p><h1>{long}</h1><time datetime='{long}'></time>"),
        (0..10_000).map(|n| format!("<meta property='og:image' content='{n}'>")).collect(),
        (0..10_000)
            .map(|n| format!("<link rel=alternate hreflang=sv href='{n}'><link rel=icon href='{n}'>"))
            .collect(),
        (0..10_000).map(|n| format!("<p class=author>a{n}</p><time datetime='x{n}'></time>")).collect(),
        json_ld(&format!(r#"{{"@type": "Article", "author": [{}]}}"#, "\"a\",".repeat(90_000))),
        json_ld(&format!(r#"{{"@type": "Article", "headline": "{long}", "datePublished": "{long}"}}"#)),
    ] {
        let told = metadata(&page).to_string();
        assert!(told.len() < 60_000, "{}", told.len());
    }
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}
