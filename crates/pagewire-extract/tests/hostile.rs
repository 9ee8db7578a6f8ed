//! Pages made to hurt, read for every format at once and a sketch: no panic, bounded time, and output that is valid JSON.
//!
//! Time is CPU time of a release build, two seconds a page. Unoptimised code is some ten times as slow, and a machine that
//! runs other tests at the same time slower still, so a debug build has [`DEBUG_FACTOR`] times as long for pages a tenth
//! as big: what grows with the square of the size is seen all the same. `slow_every_page_at_its_full_size` is the bound
//! itself and is run in release mode.

mod cpu;

use std::time::Duration;

use pagewire_extract::{Input, Plan, PlanOptions};
use pagewire_types::{Format, Formats};
use serde_json::{Value, json};
use url::Url;

const CPU_MAX: Duration = Duration::from_secs(2);
const DEBUG_FACTOR: u32 = 4;
/// How much smaller the pages are that every run reads.
const SHRINK: usize = 10;

/// A page of about this many units; what the unit is, is the page's own.
struct Hostile {
    name: &'static str,
    page: fn(usize) -> Vec<u8>,
    /// Units at full size.
    size: usize,
}

fn repeated(part: &str, times: usize) -> Vec<u8> {
    format!("<!doctype html><title>t</title><body>{}", part.repeat(times)).into_bytes()
}

const fn hostile(name: &'static str, size: usize, page: fn(usize) -> Vec<u8>) -> Hostile {
    Hostile { name, page, size }
}

const PAGES: &[Hostile] = &[
    hostile("nested divisions", 100_000, |n| repeated("<div>", n)),
    hostile("nested inline marks", 100_000, |n| repeated("<b>", n)),
    hostile("nested links around blocks", 100_000, |n| repeated("<a href=x><div>y", n)),
    hostile("nested tables", 100_000, |n| repeated("<table><tr><td>", n)),
    hostile("nested lists", 100_000, |n| repeated("<ul><li>x", n)),
    hostile("nested quotations", 100_000, |n| repeated("<blockquote>x", n)),
    hostile("nested font tags, misnested", 100_000, |n| repeated("<font><p><i></font>x", n / 4)),
    hostile("nested templates and foreign elements", 100_000, |n| {
        repeated("<svg><foreignObject><math><template>", n / 4)
    }),
    hostile("a single line", 20_000_000, |n| repeated("lorem ipsum ", n / 12)),
    hostile("a single word", 20_000_000, |n| repeated("x", n)),
    hostile("a single line of stars and brackets", 4_000_000, |n| repeated("*[_`", n / 4)),
    hostile("unclosed everything", 100_000, |n| {
        repeated("<p><b><i><a href=x><li><td><h2>x<select><option>y<!-", n / 8)
    }),
    hostile("unclosed comment", 1_000_000, |n| repeated("<!--x", n / 5)),
    hostile("unclosed attribute", 1_000_000, |n| {
        [repeated("<p>x</p>", 10), vec![b'<', b'a', b' ', b'b', b'=', b'"'], vec![b'c'; n]].concat()
    }),
    hostile("unclosed script", 1_000_000, |n| repeated("<script>x</scrip", n / 16)),
    hostile("NULs", 1_000_000, |n| [repeated("<p>x", 10), vec![0; n], b"<p>y".to_vec()].concat()),
    hostile("NULs in names", 300_000, |n| repeated("<d\0iv cl\0ass=\0>\0", n / 16)),
    hostile("lone surrogates", 300_000, |n| repeated("&#xD800;&#xDFFF;&#55357;<p title='&#xDC00;'>", n / 40)),
    hostile("entities", 2_000_000, |n| {
        repeated("&lt;&amp;&nbsp;&#x41;&CounterClockwiseContourIntegral;", n / 52)
    }),
    hostile("entities that never end", 1_000_000, |n| {
        [b"<p>&".to_vec(), vec![b'a'; n], b"&#".to_vec(), vec![b'9'; n]].concat()
    }),
    hostile("an entity bomb", 1_000_000, |n| {
        let mut page = b"<?xml version='1.0'?><!DOCTYPE r [<!ENTITY a 'ha'>".to_vec();
        for level in 0..n / 50_000 {
            page.extend(format!("<!ENTITY a{level} '{}'>", "&a;".repeat(1_000)).bytes());
        }
        page.extend(b"]><r>&a9;&a19;</r>");
        page
    }),
    hostile("another charset than it says", 1_000_000, |n| {
        let mut page = b"<meta charset=utf-16><meta charset=shift_jis><p>".to_vec();
        page.extend((0..n).map(|at| (at * 131 % 251) as u8));
        page
    }),
    hostile("half of a character at a time", 1_000_000, |n| {
        let mut page = b"<meta charset=utf-8><p>".to_vec();
        page.extend([0xE3, 0x81, b' ', 0xF0, 0x9F, b'<', 0xC3].iter().cycle().take(n));
        page
    }),
    hostile("an attribute of a megabyte", 1_000_000, |n| {
        format!(
            "<p class='{0}' id='{0}'><a href='/{0}'>x</a><img src='/{0}' alt='{0}'>",
            "a-b ".repeat(n / 4)
        )
        .into_bytes()
    }),
    hostile("many attributes", 200_000, |n| {
        let attributes: String = (0..n / 10).map(|at| format!("a{at}=b ")).collect();
        format!("<p {attributes}>x<a {attributes}href=y>z</a>").into_bytes()
    }),
    hostile("duplicate ids", 100_000, |n| {
        repeated("<p id=x><a href=#x>y</a><sup><a href=#fn1>1</a></sup><li id=fn1>z</li>", n / 20)
    }),
    hostile("footnotes to themselves", 100_000, |n| {
        repeated("<ol><li id=fn1><a href=#fn1>1</a></li></ol>", n / 8)
    }),
    hostile("links that act", 200_000, |n| {
        repeated(
            "<a href='javascript:alert(1)'>a</a><a href='data:text/html,<b>'>b</a><a href='vbscript:x'>c</a>\
                  <a href=' java\tscript:x'>d</a><img src='data:image/png;base64,AAAA'>",
            n / 40,
        )
    }),
    hostile("addresses that are none", 200_000, |n| {
        repeated("<a href='http://[::1'>a</a><a href='//'>b</a><img src='http://%'>", n / 20)
    }),
    hostile("a base that is none", 100_000, |n| {
        repeated("<base href='data:x,'><base href='http://['><a href=a>b</a>", n / 20)
    }),
    hostile("spans of tables", 200_000, |n| {
        repeated("<table><tr><td colspan=99999 rowspan=99999>x<td colspan=-1 rowspan=x>y</table>", n / 40)
    }),
    hostile("a wide table", 200_000, |n| repeated("<td>x", n).into_iter().chain(*b"</table>").collect()),
    hostile("a table of spans over many rows", 200_000, |n| {
        [b"<table>".to_vec(), repeated("<tr><td rowspan=65534>x<td>y", n / 10)].concat()
    }),
    hostile("broken JSON-LD", 200_000, |n| {
        repeated("<script type='application/ld+json'>{\"@graph\":[{\"name\":\"x\",</script>", n / 60)
    }),
    hostile("deep JSON-LD", 200_000, |n| {
        format!("<script type='application/ld+json'>{}</script>", "{\"a\":[".repeat(n / 6)).into_bytes()
    }),
    hostile("microdata that refers to itself", 100_000, |n| {
        repeated("<div itemscope id=a itemref='a b a'><span itemprop=x>y</span></div>", n / 40)
    }),
    hostile("nested microdata", 50_000, |n| {
        repeated("<div itemscope itemprop=a itemtype='http://schema.org/Thing'>x", n)
    }),
    hostile("headings", 200_000, |n| repeated("<h1>x</h1>", n / 10)),
    hostile("labels and tables of labels", 200_000, |n| {
        repeated("<dl><dt>Price:<dd>1<dt>Name<dd>x</dl><tr><th>Price<td>2", n / 30)
    }),
    hostile("code of fences", 500_000, |n| repeated("<pre>```\n~~~\n````</pre><code>`</code>", n / 30)),
    hostile("line breaks", 500_000, |n| repeated("<br>", n / 4)),
    hostile("marks around nothing", 300_000, |n| repeated("<b><i><s></s></i></b>x", n / 20)),
    hostile("options", 200_000, |n| repeated("<select><option>x", n / 10)),
    hostile("frames and plain text", 200_000, |n| repeated("<frameset><frame src=x><plaintext>", n / 30)),
    hostile("nothing", 1, |_| Vec::new()),
    hostile("a byte", 1, |_| vec![0xFF]),
];

fn plan() -> Plan {
    let formats: Formats = Format::ALL.into_iter().filter(|format| *format != Format::Screenshot).collect();
    let options = PlanOptions {
        formats,
        extract: Some(json!({"name": "string", "price": "number", "items": [{"name": "string"}]})),
        only_main_content: true,
        ..PlanOptions::default()
    };
    Plan::compile(&options).expect("a plan")
}

/// Reads a page for everything; how long it took, and what came of it.
fn read(plan: &Plan, page: &[u8]) -> (Duration, Value) {
    let url = Url::parse("http://site.example/x/").expect("a url");
    let input = Input { body: page, content_type: Some("text/html"), url: &url };
    let mut out = Vec::new();
    let before = cpu::time();
    plan.extract(&input, &mut out).expect("markup of any kind is read");
    let took = cpu::time() - before;
    let text = std::str::from_utf8(&out).expect("UTF-8");
    (took, serde_json::from_str(text).expect("JSON"))
}

fn all_within(shrink: usize, cpu_max: Duration) {
    let plan = plan();
    let mut late = Vec::new();
    for hostile in PAGES {
        let page = (hostile.page)((hostile.size / shrink).max(1));
        let (took, record) = read(&plan, &page);
        assert!(record.is_object(), "{}", hostile.name);
        if took > cpu_max {
            late.push(format!("{}: {took:?} for {} bytes", hostile.name, page.len()));
        }
    }
    assert!(late.is_empty(), "{late:#?}");
}

#[test]
fn every_page_made_to_hurt_is_read_in_bounded_time() {
    let factor = if cfg!(debug_assertions) { DEBUG_FACTOR } else { 1 };
    all_within(SHRINK, CPU_MAX * factor);
}

/// Two seconds are for optimised code.
#[test]
fn slow_every_page_at_its_full_size() {
    let factor = if cfg!(debug_assertions) { DEBUG_FACTOR * 5 } else { 1 };
    all_within(1, CPU_MAX * factor);
}

#[test]
fn no_link_that_acts_is_told() {
    let page = b"<body><p><a href='javascript:alert(1)'>a</a> <a href=' JAVA\tscript:x'>b</a> <a href='data:text/html,x'>c</a> \
                 <img src='data:image/png;base64,AA' alt=d> <a href='vbscript:x' onclick=y()>e</a></p></body>";
    let (_, record) = read(&plan(), page);
    for format in ["markdown", "text", "html"] {
        let told = record[format].as_str().expect("text").to_ascii_lowercase();
        assert!(!["script:", "data:", "onclick"].iter().any(|word| told.contains(word)), "{format}: {told}");
    }
    assert_eq!((&record["links"], &record["images"]), (&json!([]), &json!([])));
}

#[test]
fn surrogates_and_nuls_become_characters_that_are_some() {
    let (_, record) = read(&plan(), b"<body><p>a&#xD800;b\0c&#0;d</p></body>");
    let text = record["text"].as_str().expect("text");
    assert!(text.starts_with("a\u{FFFD}b") && text.ends_with('d') && !text.contains('\0'), "{text:?}");
}
