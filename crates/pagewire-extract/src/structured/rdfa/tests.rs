use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::cpu_clock::CpuClock;
use crate::dom;

const BASE: &str = "http://site.example/a/b";

fn subjects(html: &str) -> Value {
    Value::Array(subjects_of(&dom::parse(html), BASE, Allowance::new(100_000)))
}

#[test]
fn previews_and_links_speak_of_the_page() {
    assert_eq!(
        subjects(
            "<html><head><meta property='og:title' content=T><meta property='product:price' content=1>\
             <link rel=license href=/l><link rel='https://api.example/' href=x><link rel=stylesheet href=s.css></head>\
             <body role=main id=m><a href=/>x</a></body></html>"
        ),
        json!([
            {"@id": BASE, "http://ogp.me/ns#title": [{"@value": "T"}], "product:price": [{"@value": "1"}],
             "http://www.w3.org/1999/xhtml/vocab#license": [{"@id": "http://site.example/l"}],
             "https://api.example/": [{"@id": "http://site.example/a/x"}]},
            {"@id": "http://site.example/a/b#m",
             "http://www.w3.org/1999/xhtml/vocab#role": [{"@id": "http://www.w3.org/1999/xhtml/vocab#main"}]}
        ])
    );
}

#[test]
fn things_have_types_properties_and_other_things() {
    assert_eq!(
        subjects(
            "<div vocab='http://schema.org/' typeof=Product resource='#p'><h1 property='name alternateName'>A\n <b>b</b></h1>\
             <div property=offers typeof=Offer><i property=price content=9.5 datatype='xsd:decimal'></i>\
             <link property=availability href='http://schema.org/InStock'></div><p property=d xml:lang=DE>x</p></div>"
        ),
        json!([
            {"@id": BASE, "http://www.w3.org/ns/rdfa#usesVocabulary": [{"@id": "http://schema.org/"}]},
            {"@id": "http://site.example/a/b#p", "@type": ["http://schema.org/Product"],
             "http://schema.org/name": [{"@value": "A\n b"}], "http://schema.org/alternateName": [{"@value": "A\n b"}],
             "http://schema.org/offers": [{"@id": "_:b0"}],
             "http://schema.org/d": [{"@language": "de", "@value": "x"}]},
            {"@id": "_:b0", "@type": ["http://schema.org/Offer"],
             "http://schema.org/price": [{"@type": "http://www.w3.org/2001/XMLSchema#decimal", "@value": "9.5"}],
             "http://schema.org/availability": [{"@id": "http://schema.org/InStock"}]}
        ])
    );
}

#[test]
fn relations_hang_until_a_subject_comes_and_lists_keep_their_order() {
    assert_eq!(
        subjects(
            "<div prefix='e: http://e/ broken' about='#s' rel='e:knows' rev='e:known'><a href=/1></a><p about='_:x' typeof='e:T'></p></div>\
             <div about='#l' prefix='e: http://e/'><i property='e:m' inlist>1</i><i property='e:m' inlist>2</i><i rel='e:n' inlist></i></div>"
        ),
        json!([
            {"@id": "http://site.example/a/b#s",
             "e:knows": [{"@id": "http://site.example/1"}, {"@id": "_:b0"}]},
            {"@id": "_:b0", "@type": ["e:T"], "e:known": [{"@id": "http://site.example/a/b#s"}]},
            {"@id": "http://site.example/1", "e:known": [{"@id": "http://site.example/a/b#s"}]},
            {"@id": "http://site.example/a/b#l",
             "http://e/m": [{"@list": [{"@value": "1"}, {"@value": "2"}]}], "http://e/n": [{"@list": []}]}
        ])
    );
}

#[test]
fn a_page_of_rdfa_1_0_is_read_as_that() {
    assert_eq!(
        subjects(
            "<html version='XHTML+RDFa 1.0' xml:lang=en xmlns:dc='http://purl.org/dc/terms/'><body about='/n' typeof='dc:T foaf:U'>\
             <p property='dc:title'>a <b>b</b>c</p><p property='dc:date' datatype=''>a <b>b</b></p><a rel=next href=/2>x</a></body>"
        ),
        json!([{"@id": "http://site.example/n", "@type": ["http://purl.org/dc/terms/T"],
            "http://purl.org/dc/terms/title": [{"@type": "http://www.w3.org/1999/02/22-rdf-syntax-ns#XMLLiteral",
                "@value": "a <b xmlns:dc=\"http://purl.org/dc/terms/\">b</b>cc"}],
            "http://purl.org/dc/terms/date": [{"@language": "en", "@value": "a b"}],
            "http://www.w3.org/1999/xhtml/vocab#next": [{"@id": "http://site.example/2"}]}])
    );
}

#[test]
fn patterns_are_copied() {
    assert_eq!(
        subjects(
            "<div vocab='http://schema.org/'><div typeof=Person><link property='rdfa:copy' href='#q'></div>\
             <div resource='#q' typeof='rdfa:Pattern'><i property=name>N</i></div></div>"
        ),
        json!([
            {"@id": BASE, "http://www.w3.org/ns/rdfa#usesVocabulary": [{"@id": "http://schema.org/"}]},
            {"@id": "_:b0", "@type": ["http://schema.org/Person"], "http://schema.org/name": [{"@value": "N"}]}
        ])
    );
}

#[test]
fn nodes_have_short_names_and_hold_what_they_speak_of() {
    let html = "<meta property='og:title' content=T><div vocab='http://schema.org/' typeof=Product role=main>\
                <h1 property=name>A</h1><div property=offers typeof=Offer><i property=price>9</i></div>\
                <div rel=brand><a typeof=Brand href='http://b/'><b property=name>B</b></a></div></div>";
    assert_eq!(
        serde_json::to_value(nodes_of(&dom::parse(html))).expect("json")[0],
        json!({"@type": "Product", "name": "A", "offers": {"@type": "Offer", "price": "9"},
               "brand": {"@type": "Brand", "name": "B"}})
    );
    assert!(nodes_of(&dom::parse("<meta property='og:title' content=T>")).is_empty());
}

#[test]
fn hostile_pages_are_quick_and_small() {
    let started = CpuClock::start();
    let long = "x".repeat(200_000);
    let pages = [
        "<div typeof=a:b property=a:c>".repeat(20_000),
        format!("{}{long}", "<div property=a:c>".repeat(399)),
        format!("<div prefix='a: {long}'>{}", "<i property=a:c>x</i>".repeat(2_000)),
        format!("<div vocab='{long}'>{}", "<i property=c>x</i>".repeat(2_000)),
        "<div prefix='a: b: b: a: c: http://x/'>".repeat(390)
            + &"<i property='a:a b:b z:z'>x</i>".repeat(2_000),
        format!(
            "<p property='{}' content='{long}'>",
            (0..2_000).map(|n| format!("a:p{n} ")).collect::<String>()
        ),
        format!(
            "<p rel='{}'>{}",
            (0..2_000).map(|n| format!("a:p{n} ")).collect::<String>(),
            "<a href=x></a>".repeat(1_000)
        ),
        "<div about='_:a' rel='a:b'><div about='_:b' rel='a:b'><div about='_:a'></div></div></div>"
            .repeat(500),
        "<div xmlns:a='http://x/' version='RDFa 1.0' role='a b c' xml:base='http://y/'>".repeat(390),
        format!("<html version='RDFa 1.0' xmlns:a='http://x/'>{}{long}", "<div property='a:b'>".repeat(390)),
        format!("<a href='{long}'>{}", "<i typeof=a:b></i>".repeat(2_000)),
        format!("<div inlist property='a:b'>{}", "<i property='a:b' inlist>x</i>".repeat(4_000)),
    ];
    for page in pages {
        let document = dom::parse(&page);
        let subjects = subjects_of(&document, BASE, Allowance::of_page(page.len()));
        let size = serde_json::to_vec(&subjects).expect("json").len();
        assert!(size < 500_000 + 5 * page.len(), "{size} {}", &page[..60]);
        let nodes = serde_json::to_vec(&nodes_of(&document)).expect("json").len();
        assert!(nodes < 20_000_000, "{nodes} {}", &page[..60]);
    }
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn a_page_of_rdfa_1_0_knows_no_roles_without_a_prefix() {
    assert_eq!(
        subjects(
            "<html version='XHTML+RDFa 1.0' xmlns:e='http://e/'><body><p role='main e:r' id=m></p></body></html>"
        ),
        json!([{"@id": "http://site.example/a/b#m", "http://www.w3.org/1999/xhtml/vocab#role": [{"@id": "http://e/r"}]}])
    );
}

#[test]
fn what_stands_ready_in_a_template_is_read() {
    assert_eq!(
        subjects("<template><p about='#t' property='dc:title'>x</p></template>"),
        json!([{"@id": "http://site.example/a/b#t", "http://purl.org/dc/terms/title": [{"@value": "x"}]}])
    );
}
