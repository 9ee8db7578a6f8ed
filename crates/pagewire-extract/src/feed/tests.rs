use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::cpu_clock::CpuClock;

fn read(text: &str) -> Feed {
    Feed::read(text, &Url::parse("https://site.example/news/feed.xml").expect("a url")).expect("a feed")
}

const RSS: &str = r#"<?xml version="1.0" encoding="windows-1251"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
  xmlns:media="http://search.yahoo.com/mrss/">
<channel><title>News &amp; more</title><link>https://site.example/</link><description>What happened</description>
<language>en</language><lastBuildDate>Tue, 03 Feb 2026 09:30:00 GMT</lastBuildDate>
<item><title>First &amp;amp; best</title><link>/first</link><guid isPermaLink="false">tag:1</guid>
<pubDate>Mon, 02 Feb 2026 10:00:00 +0100</pubDate><dc:creator>Ann Lee</dc:creator><category>city</category>
<description>Short.</description>
<content:encoded><![CDATA[<p>Long <a href="b">text</a><script>x</script><div>]]></content:encoded>
<enclosure url="https://site.example/a.mp3" length="123" type="audio/mpeg"/></item>
<item><title>Second</title><guid>https://site.example/second</guid><description>&lt;b&gt;Bold&lt;/b&gt; words</description>
<media:content url="https://site.example/v.mp4" type="video/mp4"><media:thumbnail url="https://site.example/t.jpg"/></media:content></item>
</channel></rss>"#;

#[test]
fn rss_with_its_usual_extensions_is_read() {
    let feed = read(RSS);
    assert_eq!(feed.kind, "rss");
    assert_eq!(feed.title.as_deref(), Some("News & more"));
    assert_eq!(feed.home_page_url.as_deref(), Some("https://site.example/"));
    assert_eq!(feed.updated_at.as_deref(), Some("2026-02-03T09:30:00Z"));
    let [first, second] = feed.items.as_slice() else { panic!("{:?}", feed.items) };
    assert_eq!(first.id.as_deref(), Some("tag:1"));
    assert_eq!(first.url.as_deref(), Some("https://site.example/first"));
    assert_eq!(first.title.as_deref(), Some("First & best"));
    assert_eq!(first.summary.as_deref(), Some("Short."));
    let html = first.content_html.as_deref().expect("content");
    assert!(
        html.contains("<a href=\"https://site.example/news/b\">text</a>") && !html.contains("script"),
        "{html}"
    );
    assert_eq!(first.content_text.as_deref(), Some("Long text"));
    assert_eq!(first.authors, ["Ann Lee"]);
    assert_eq!(first.published_at.as_deref(), Some("2026-02-02T09:00:00Z"));
    assert_eq!(first.tags, ["city"]);
    let audio = Attachment {
        url: "https://site.example/a.mp3".into(),
        content_type: Some("audio/mpeg".into()),
        bytes: Some(123),
    };
    assert_eq!(first.attachments, [audio]);
    assert_eq!(second.url.as_deref(), Some("https://site.example/second"));
    assert_eq!(second.image.as_deref(), Some("https://site.example/t.jpg"));
    assert_eq!(second.content_text.as_deref(), Some("Bold words"));
}

#[test]
fn atom_rdf_old_rss_and_json_feed_are_read() {
    let atom = read(
        "<feed xmlns='http://www.w3.org/2005/Atom' xml:lang='de'><title type='html'>A &amp;lt;b></title>\
         <link href='https://site.example/'/><link rel='self' href='/feed.xml'/><author><name>Ann</name></author>\
         <entry><id>urn:1</id><title>One</title><link rel='edit' href='/e'/><link href='/one'/><updated>2026-02-01T00:00:00+02:00</updated>\
         <summary>Short</summary><content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>Long</p></div></content></entry></feed>",
    );
    assert_eq!((atom.kind, atom.feed_url.as_deref()), ("atom", Some("https://site.example/feed.xml")));
    let one = &atom.items[0];
    assert_eq!((one.id.as_deref(), one.url.as_deref()), (Some("urn:1"), Some("https://site.example/one")));
    assert_eq!(one.content_text.as_deref(), Some("Long"));
    assert_eq!(one.updated_at.as_deref(), Some("2026-01-31T22:00:00Z"));

    let rdf = read(
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/' \
         xmlns:dc='http://purl.org/dc/elements/1.1/'><channel rdf:about='https://s.example/'><title>R</title>\
         <link>https://s.example/</link><description>D</description></channel><item rdf:about='https://s.example/1'>\
         <title>One</title><link>https://s.example/1</link><dc:date>2026-02-01T10:00:00Z</dc:date></item></rdf:RDF>",
    );
    assert_eq!((rdf.title.as_deref(), rdf.items[0].title.as_deref()), (Some("R"), Some("One")));
    assert_eq!(rdf.items[0].published_at.as_deref(), Some("2026-02-01T10:00:00Z"));

    for version in ["version='0.91'", "version='0.93'", "", "version=\"2.0.1\""] {
        let old = read(&format!(
            "<rss {version}><channel><title>O</title><link>https://s.example/</link><description>D</description>\
             <language>en</language><item><title>One</title><link>https://s.example/1</link></item></channel></rss>"
        ));
        assert_eq!(old.items[0].url.as_deref(), Some("https://s.example/1"), "{version}");
    }

    let json = json!({"version": "https://jsonfeed.org/version/1.1", "title": "J", "home_page_url": "https://s.example/",
        "items": [{"id": "1", "url": "https://s.example/1", "content_text": "a < b", "date_published": "2026-02-01T10:00:00Z"}]});
    let json = read(&json.to_string());
    assert_eq!((json.kind, json.items[0].content_html.as_deref()), ("json_feed", Some("<p>a &lt; b</p>")));
}

#[test]
fn what_feeds_do_wrong_is_mended() {
    let item =
        "<item><title>Salt & pepper &nbsp; \u{8}more</title><link>https://s.example/?a=1&b=2</link></item>";
    let feed = read(&format!("<rss><channel><title>T</title>{item}</channel></rss>"));
    assert_eq!(feed.items[0].title.as_deref(), Some("Salt & pepper more"));
    assert_eq!(feed.items[0].url.as_deref(), Some("https://s.example/?a=1&b=2"));
    // Without an id or an address none is made up.
    let bare = read("<rss><channel><title>T</title><item><title>x</title></item></channel></rss>");
    assert_eq!((&bare.items[0].id, &bare.items[0].url), (&None, &None));
}

fn titles(text: &str) -> Vec<String> {
    read(text).items.into_iter().map(|item| item.title.unwrap_or_default()).collect()
}

#[test]
fn what_breaks_off_gives_the_whole_items_before_it() {
    let whole = RSS.trim_end().trim_end_matches("</channel></rss>");
    for cut in [
        "",
        "<item><title>Half</title><description><![CDATA[<p>",
        "<item><ti",
        "<item><title>Half</title></it",
        "<",
    ] {
        let feed = read(&format!("{whole}{cut}"));
        let found: Vec<_> = feed.items.iter().filter_map(|item| item.title.as_deref()).collect();
        assert_eq!((found.as_slice(), feed.is_cut), (["First & best", "Second"].as_slice(), true), "{cut}");
        assert_eq!(feed.items[0].content_text.as_deref(), Some("Long text"), "{cut}");
    }
    assert!(!read(RSS).is_cut);
    let json = r#"{"version":"https://jsonfeed.org/version/1.1","title":"J","items":[{"id":"1","title":"One"},{"id":"2","#;
    assert_eq!((titles(json), read(json).is_cut), (vec!["One".to_owned()], true));
}

#[test]
fn items_outside_their_channel_and_unescaped_markup_are_read() {
    let text = "<rss version='2.0'><channel><title>T</title></channel>\
                <item><title>A <b>bold</b> one</title><description>Hello <p>dear<br>reader</description></item></rss>";
    let feed = read(text);
    assert_eq!(feed.items[0].title.as_deref(), Some("A bold one"));
    let text = feed.items[0].content_text.as_deref().unwrap_or_default();
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["Hello", "dear", "reader"]);
}

#[test]
fn one_item_that_nobody_understands_does_not_cost_the_others() {
    let entry = |n: u8, content: &str| format!("<entry><id>{n}</id><title>E{n}</title>{content}</entry>");
    let bad = "<content type='image/png' src='x'>no</content>";
    let entries: String =
        (0..9).map(|n| entry(n, if n == 4 { bad } else { "<content type='weird'>x</content>" })).collect();
    let feed = format!("<feed xmlns='http://www.w3.org/2005/Atom'><title>T</title>{entries}</feed>");
    assert_eq!(titles(&feed), ["E0", "E1", "E2", "E3", "E5", "E6", "E7", "E8"]);
}

#[test]
fn prefixes_that_are_not_declared_and_old_namespaces_are_understood() {
    let rss = "<rss xmlns='http://backend.userland.com/rss2'><channel><title>T</title><item><title>A</title>\
               <dc:creator>Ann</dc:creator><dc:date>2026-02-03</dc:date><content:encoded>&lt;p>Long&lt;/p></content:encoded></item></channel></rss>";
    let item = &read(rss).items[0];
    assert_eq!(
        (item.authors.as_slice(), item.content_text.as_deref()),
        (["Ann".to_owned()].as_slice(), Some("Long"))
    );
    assert_eq!(item.published_at.as_deref(), Some("2026-02-03T00:00:00Z"));
    let atom = "<feed version='0.3' xmlns='http://purl.org/atom/ns#'><title>T</title><entry><id>1</id><title>A</title>\
                <issued>2026-02-03T09:30:00Z</issued><modified>2026-02-04T09:30:00Z</modified></entry></feed>";
    let item = &read(atom).items[0];
    assert_eq!(item.published_at.as_deref(), Some("2026-02-03T09:30:00Z"));
    assert_eq!(item.updated_at.as_deref(), Some("2026-02-04T09:30:00Z"));
    let rdf = "<rdf:RDF xmlns='http://my.netscape.com/rdf/simple/0.9/'><channel><title>T</title></channel>\
               <item><title>A</title><link>https://s.example/1</link></item></rdf:RDF>";
    assert_eq!(titles(rdf), ["A"]);
}

#[test]
fn addresses_stand_on_the_base_that_the_feed_gives() {
    let atom = "<feed xmlns='http://www.w3.org/2005/Atom' xml:base='https://other.example/a/'><title>T</title>\
                <entry xml:base='b/'><id>1</id><link href='c'/></entry><entry><id>2</id><link href='/d'/></entry></feed>";
    let links: Vec<_> = read(atom).items.into_iter().filter_map(|item| item.url).collect();
    assert_eq!(links, ["https://other.example/a/b/c", "https://other.example/d"]);
}

#[test]
fn relative_addresses_become_absolute_wherever_they_stand() {
    let rss = "<rss version='2.0'><channel><title>T</title><link>../</link>\
               <item><link>a b?x=1</link><enclosure url='/a.mp3' type='audio/mpeg'/>\
               <description>&lt;a href='#top'>x&lt;/a>&lt;img src='//cdn.example/i.png'></description></item>\
               <item><guid>../second</guid></item><item><link>javascript:alert(1)</link></item></channel></rss>";
    let feed = read(rss);
    assert_eq!(feed.home_page_url.as_deref(), Some("https://site.example/"));
    let [first, second, third] = feed.items.as_slice() else { panic!("{:?}", feed.items) };
    assert_eq!(first.url.as_deref(), Some("https://site.example/news/a%20b?x=1"));
    assert_eq!(first.attachments[0].url, "https://site.example/a.mp3");
    let html = first.content_html.as_deref().expect("content");
    assert!(html.contains("https://cdn.example/i.png") && html.contains("feed.xml#top"), "{html}");
    assert_eq!((&second.url, &third.url), (&None, &None), "a guid that is no address, and a link that acts");
    let json = json!({"version": "https://jsonfeed.org/version/1.1", "title": "J", "home_page_url": "/",
        "items": [{"id": "1", "url": "/1", "image": "i.png", "content_html": "<a href='2'>two</a>"}]});
    let item = &read(&json.to_string()).items[0];
    assert_eq!(item.url.as_deref(), Some("https://site.example/1"));
    assert!(item.content_html.as_deref().is_some_and(|html| html.contains("https://site.example/news/2")));
}

#[test]
fn no_entity_is_resolved_wherever_it_stands() {
    let declared = "<?xml version='1.0'?><!DOCTYPE rss SYSTEM 'file:///etc/hostname' [<!ENTITY in 'INSIDE'>\
                    <!ENTITY % p SYSTEM 'http://127.0.0.1:1/p.dtd'> %p;<!ENTITY out SYSTEM 'file:///etc/passwd'>]>";
    let text = "A &in; &out; &amp; B";
    let rss = format!(
        "{declared}<rss version='2.0' xmlns:xi='http://www.w3.org/2001/XInclude'><channel><title>{text}</title><item>\
         <title>{text}</title><link>https://s.example/&in;?&out;</link><guid>&out;</guid><description>{text}\
         <xi:include href='file:///etc/passwd' parse='text'/></description><enclosure url='&out;'/></item></channel></rss>"
    );
    let atom = format!(
        "{declared}<feed xmlns='http://www.w3.org/2005/Atom'><title>{text}</title><entry><id>&out;</id><title>{text}</title>\
         <content type='xhtml'><div>{text}</div></content><content src='file:///etc/passwd'/></entry></feed>"
    );
    for document in [rss, atom] {
        let feed = read(&document);
        let told = format!("{feed:?}");
        assert!(!told.contains("INSIDE") && !told.contains("root:"), "{told}");
        let title = feed.items[0].title.as_deref().expect("a title");
        assert!(title.starts_with('A') && title.ends_with("& B"), "{title}");
    }
}

#[test]
fn an_item_cannot_reach_out_of_its_article() {
    let unclosed = "<div><table><td><!-- <textarea><title>";
    let mut items = String::new();
    for number in 0..3 {
        let _ = write!(
            items,
            "<item><title>t{number}</title><link>javascript:x</link><description><![CDATA[{unclosed}]]></description></item>"
        );
    }
    let html = read(&format!("<rss><channel><title>T</title>{items}</channel></rss>")).to_html();
    let document = crate::dom::parse(&html);
    assert_eq!(document.select("body > article > h2").len(), 3, "{html}");
    assert!(!html.contains("javascript"), "{html}");
}

#[test]
fn hostile_xml_is_quick_and_expands_nothing() {
    let url = Url::parse("https://s.example/").expect("a url");
    let bomb = "<!DOCTYPE rss [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'><!ENTITY c SYSTEM 'file:///etc/passwd'>]>\
                <rss><channel><title>&b;&c;</title></channel></rss>";
    let title = Feed::read(bomb, &url).and_then(|feed| feed.title).unwrap_or_default();
    assert!(!title.contains("aaaa") && !title.contains("root:"), "{title}");
    let deep = "<a>".repeat(100_000);
    let wide = "<item><title>x</title></item>".repeat(50_000);
    let links = "<link href='x' rel='enclosure'/>".repeat(100_000);
    for hostile in [
        format!("<rss><channel>{deep}"),
        format!("<rss><channel><item><description>{deep}</description></item></channel></rss>"),
        format!("<rss><channel><item><description><![CDATA[{deep}]]></description></item></channel></rss>"),
        format!("<feed xmlns='http://www.w3.org/2005/Atom'><entry><content type='xhtml'>{deep}"),
        format!("<feed xmlns='http://www.w3.org/2005/Atom'><entry>{links}</entry></feed>"),
        format!(
            "<rss xmlns:media='http://search.yahoo.com/mrss/'><channel><item>{}",
            "<media:group>".repeat(100_000)
        ),
        format!(
            "<rss xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd'><channel>{}",
            "<itunes:category text='x'>".repeat(100_000)
        ),
        format!("<rss><channel>{wide}</channel></rss>"),
        format!("<rss><channel>{}", "<item><description>".repeat(50_000)),
        format!("<rss><channel><item>{}", "<description>".repeat(100_000)),
        format!("<rss><channel><item><description>{}", "<![CDATA[".repeat(100_000)),
        format!("<rss><channel>{}</rss>", "<a b=\"c><d e='f>".repeat(50_000)),
        format!("<rss><channel>{}{}", "<a>".repeat(60), "</b>".repeat(100_000)),
        format!(
            "<feed xmlns='http://www.w3.org/2005/Atom'>{}</feed>",
            "<entry><content type='//'/></entry>".repeat(30_000)
        ),
        format!("{{\"version\":\"https://jsonfeed.org/version/1\",\"items\":{}", "[{},".repeat(100_000)),
        format!("<rss><channel><title>{}</title></channel></rss>", "&".repeat(300_000)),
        format!("<rss {}><channel/></rss>", "a='b' ".repeat(50_000)),
        format!(
            "<feed xmlns='http://www.w3.org/2005/Atom' {}/>",
            (0..20_000).fold(String::new(), |mut all, n| {
                let _ = write!(all, "xmlns:n{n}='u' ");
                all
            })
        ),
    ] {
        let started = CpuClock::start();
        let items = Feed::read(&hostile, &url).map_or(0, |feed| feed.items.len());
        assert!(items <= ITEMS_MAX);
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}: {}", started.elapsed(), &hostile[..60]);
    }
}

const PARTS: &[&str] = &[
    "<rss version='2.0' xmlns:media='http://search.yahoo.com/mrss/' xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd'>",
    "<feed xmlns='http://www.w3.org/2005/Atom' xml:base='https://s.example/a/'>",
    "<channel>",
    "</channel>",
    "<item>",
    "</item>",
    "<entry>",
    "</entry>",
    "<title>",
    "</title>",
    "<link>/a</link>",
    "<link href='b' rel='enclosure' length='9999999999999999999999'/>",
    "<guid>",
    "</guid>",
    "<media:group>",
    "</media:group>",
    "<media:content url='x' duration='1e999' width='-1'>",
    "</media:content>",
    "<itunes:duration>99:99:99:99</itunes:duration>",
    "<pubDate>Mon, 31 Feb 99999 25:61:61 +9999</pubDate>",
    "<updated>2026-02-30T25:00:00Z</updated>",
    "<![CDATA[",
    "]]>",
    "&",
    "&#x110000;",
    "<content type='xhtml'>",
    "</content>",
    "<summary type='text/\u{0}'>",
    "</summary>",
    "<enclosure url='::' type='/' length='-'/>",
    "é",
    "<category term=''/>",
    "<author>(",
    "</author>",
    "<image><url>",
    "</url></image>",
    "<media:thumbnail url='' time='::'/>",
    "<ttl>-1</ttl>",
];

proptest::proptest! {
    #[test]
    fn no_order_of_parts_makes_a_feed_that_panics(order in proptest::collection::vec(0..PARTS.len(), 0..60), atom in 0..2_usize) {
        let text: String = std::iter::once(PARTS[atom]).chain(order.iter().map(|at| PARTS[*at])).collect();
        if let Some(feed) = Feed::read(&text, &Url::parse("https://s.example/").expect("a url")) {
            let _ = (feed.to_html(), feed.to_json_feed());
        }
    }
}

#[test]
fn a_feed_tells_its_hubs_and_how_long_it_lasts() {
    let rss = "<rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom'><channel><title>T</title><ttl>90</ttl>\
               <atom:link rel='hub' href='https://hub.example/'/><atom:link rel='self' href='/feed.xml'/></channel></rss>";
    let feed = read(rss);
    assert_eq!(
        (feed.ttl_s, feed.hubs.as_slice()),
        (Some(5_400), ["https://hub.example/".to_owned()].as_slice())
    );
    assert_eq!(feed.feed_url.as_deref(), Some("https://site.example/feed.xml"));
    let json = json!({"version": "https://jsonfeed.org/version/1.1", "title": "J", "items": [],
        "hubs": [{"type": "rssCloud", "url": "https://no.example/"}, {"type": "WebSub", "url": "https://hub.example/"}]});
    assert_eq!(read(&json.to_string()).hubs, ["https://hub.example/"]);
}
