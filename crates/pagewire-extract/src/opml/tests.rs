use proptest::prelude::*;

use super::*;

fn of(text: &str) -> Outlines {
    read(text.as_bytes(), None).expect("OPML")
}

fn urls(found: &Outlines) -> Vec<&str> {
    found.feeds.iter().map(|feed| feed.url.as_str()).collect()
}

fn bad(found: &Outlines) -> Vec<u64> {
    found.bad.iter().map(|line| line.line).collect()
}

#[test]
fn folders_become_tags_and_titles_are_read() {
    let found = of(r#"<?xml version="1.0"?>
<opml version="2.0"><head><title>Mine</title></head><body>
<outline text="News"><outline text="Local &amp; near">
  <outline type="RSS" text="Falun" title="Falun!" xmlUrl="https://a.example/f?a=1&amp;b=2" htmlUrl="x"/>
</outline>
<outline xmlUrl='https://b.example/' category="/Tech/Rust, News,,Zig"/>
</outline><outline text="c" xmlUrl="https://c.example/"></outline>
<outline text="d" xmlurl="https://d.example/"/>
</body></opml>"#);
    assert_eq!(found.bad, []);
    let feed = |line, url: &str, title: Option<&str>, kind: Option<&str>, tags: &[&str]| FeedOutline {
        line,
        url: url.to_owned(),
        title: title.map(str::to_owned),
        kind: kind.map(str::to_owned),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
    };
    let expected = [
        feed(4, "https://a.example/f?a=1&b=2", Some("Falun"), Some("rss"), &["News", "Local & near"]),
        feed(6, "https://b.example/", None, None, &["News", "Tech/Rust", "Zig"]),
        feed(7, "https://c.example/", Some("c"), None, &[]),
        feed(8, "https://d.example/", Some("d"), None, &[]),
    ];
    assert_eq!(found.feeds, expected);
}

#[test]
fn a_bad_line_takes_no_other_with_it() {
    let found = of(r#"<opml><body>
<outline text="1" xmlUrl="https://1.example/"/>
<outline text="no end of quote xmlUrl="https://x.example/"/>
<outline text="2" xmlUrl="https://2.example/"/>
<outline text="no end of tag" xmlUrl="https://x.example/"
<outline text="3" xmlUrl="https://3.example/"/>
<outline text="no url"/>
stray words
<outline text=unquoted xmlUrl=https://x.example/ />
<outline text="4" xmlUrl="https://4.example/?a=1&b=2"/>
<item url="https://x.example/"/>
<outline text="a < b" xmlUrl="https://x.example/"/>
<outline text="5" xmlUrl="https://5.example/"/>
<outline text="cut off" xmlUrl="https://6.exam"#);
    let expected = [
        "https://1.example/",
        "https://2.example/",
        "https://3.example/",
        "https://4.example/?a=1&b=2",
        "https://5.example/",
    ];
    assert_eq!(urls(&found), expected);
    assert_eq!(bad(&found), [3, 5, 7, 8, 9, 11, 12, 14]);
}

#[test]
fn no_entity_is_resolved_and_what_is_declared_is_passed_over() {
    let found = of(
        r#"<!DOCTYPE opml [ <!ENTITY a "aaaa"> <!ENTITY b "&a;&a;"> <!ENTITY x SYSTEM "file:///etc/passwd"> ]>
<opml><body><!-- <outline xmlUrl="https://no.example/"/> -->
<outline text="&b;&x;" xmlUrl="https://a.example/&b;"/></body></opml>"#,
    );
    assert_eq!(urls(&found), ["https://a.example/&b;"]);
    assert_eq!(found.feeds[0].title.as_deref(), Some("&b;&x;"));
}

#[test]
fn what_is_no_list_is_told_from_an_empty_one() {
    assert_eq!(read(b"", None), Err(NotOpml));
    assert_eq!(read(b"<html><p>hello</p></html>", None).map(|found| found.feeds.len()), Err(NotOpml));
    assert_eq!(read(b"<opml><body/></opml>", None), Ok(Outlines::default()));
}

#[test]
fn other_encodings_are_read() {
    let (latin, _, _) = encoding_rs::WINDOWS_1252.encode(
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><opml><body><outline text=\"Räksmörgås\" xmlUrl=\"http://a/\"/></body></opml>",
    );
    let found = read(&latin, None).expect("OPML");
    assert_eq!(found.feeds[0].title.as_deref(), Some("Räksmörgås"));
}

#[test]
fn nesting_without_end_costs_nothing() {
    let deep = format!("<opml><body>{}<outline xmlUrl='http://a/'/>", "<outline text='t'>".repeat(200_000));
    let found = of(&deep);
    assert_eq!(found.feeds[0].tags, ["t"]);
    let closed = format!("{deep}{}<outline xmlUrl='http://b/'/></body>", "</outline>".repeat(200_001));
    assert_eq!(of(&closed).feeds[1].tags, Vec::<String>::new());
}

#[test]
fn ten_thousand_lines_with_thirty_bad_ones_are_ten_thousand_less_thirty_feeds() {
    let mut list = String::from("<opml version=\"2.0\">\n<body>\n");
    for number in 0..10_000 {
        if number % 333 == 5 && number < 9_995 {
            list.push_str("<outline text=\"broken xmlUrl=\"http://x/\"/>\n");
        } else {
            list.push_str(&format!(
                "<outline type=\"rss\" text=\"{number}\" xmlUrl=\"https://h{number}.example/\"/>\n"
            ));
        }
    }
    let found = of(&list);
    assert_eq!((found.feeds.len(), found.bad.len(), found.bad_lines), (9_970, 30, 30));
    assert_eq!(bad(&found)[..2], [8, 341]);
}

proptest! {
    #[test]
    fn nothing_panics_and_lines_never_go_back(
        parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "<outline", " text=\"a\"", " xmlUrl='http://a/'", "/>", ">", "</outline>", "<", "\"", "\n", "<!--",
                "-->", "<![CDATA[", "]]>", "<!DOCTYPE a [", "]>", "<?", "?>", "é", "&amp;", "&#x110000;", "<body>", "x",
            ]),
            0..60,
        ),
    ) {
        let text = parts.concat();
        let lines: Vec<u64> = Pieces::of(&text).map(|(line, _)| line).collect();
        prop_assert!(lines.is_sorted());
        let _ = read(text.as_bytes(), None);
    }
}
