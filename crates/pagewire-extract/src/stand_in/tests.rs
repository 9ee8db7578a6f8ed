use pagewire_types::Format;
use serde_json::json;

use super::*;
use crate::{Facts, Input, Plan, PlanOptions};

const FEED_XML: &str = "<?xml version='1.0'?><rss version='2.0'><channel><title>News</title><link>https://site.example/</link>\
    <description>All of it</description><language>sv</language>\
    <item><title>One</title><link>/1</link><pubDate>Mon, 02 Feb 2026 10:00:00 GMT</pubDate><author>a@site.example (Ann)</author>\
    <description>&lt;p&gt;Text &lt;img src='i.png' alt='I'&gt;&lt;/p&gt;</description></item>\
    <item><title>Two</title><link>/2</link></item></channel></rss>";

fn read(body: &str, content_type: &str, formats: &[Format], extract: Option<Value>) -> (Value, Facts) {
    let options = PlanOptions {
        formats: formats.iter().copied().collect(),
        extract,
        only_main_content: true,
        ..PlanOptions::default()
    };
    let plan = Plan::compile(&options).expect("a plan");
    let url = Url::parse("https://site.example/feed").expect("a url");
    let mut out = Vec::new();
    let input = Input { body: body.as_bytes(), content_type: Some(content_type), url: &url };
    let facts = plan.extract(&input, &mut out).expect("readable");
    (serde_json::from_slice(&out).expect("json"), facts)
}

#[test]
fn a_feed_gives_its_items_in_every_format() {
    let formats = [
        Format::Markdown,
        Format::Text,
        Format::Links,
        Format::Images,
        Format::Metadata,
        Format::RawHtml,
        Format::Structured,
    ];
    for content_type in ["application/rss+xml", "text/xml", "text/html", "application/octet-stream"] {
        let (data, facts) = read(FEED_XML, content_type, &formats, None);
        assert_eq!(
            data["markdown"],
            "# [News](https://site.example/)\n\nAll of it\n\n## [One](https://site.example/1)\n\n\
             2026-02-02T10:00:00Z · Ann\n\nText ![I](https://site.example/i.png)\n\n## [Two](https://site.example/2)"
        );
        assert_eq!(data["text"], "News\nAll of it\nOne\n2026-02-02T10:00:00Z · Ann\nText\nTwo");
        let links: Vec<&Value> =
            data["links"].as_array().expect("links").iter().map(|link| &link["url"]).collect();
        assert_eq!(links, ["https://site.example/", "https://site.example/1", "https://site.example/2"]);
        assert_eq!(data["images"][0]["url"], "https://site.example/i.png");
        assert_eq!(data["metadata"]["title"], "News");
        assert_eq!(data["raw_html"], FEED_XML);
        let feed = &data["structured"]["feed"];
        assert_eq!(
            (&feed["version"], &feed["language"]),
            (&json!("https://jsonfeed.org/version/1.1"), &json!("sv"))
        );
        assert_eq!(feed["items"][0]["date_published"], "2026-02-02T10:00:00Z");
        assert_eq!((facts.title.as_deref(), facts.language.as_deref()), (Some("News"), Some("sv")));
    }
}

#[test]
fn the_items_of_a_feed_fill_a_list_of_any_name() {
    let item = json!({"title": "string", "url": "string", "published_at": "string", "author": "string", "summary": "string"});
    for name in ["items", "articles", "things"] {
        let sketch = json!({name: [item.clone()], "title": "string"});
        let (data, facts) = read(FEED_XML, "application/rss+xml", &[], Some(sketch));
        assert_eq!(
            data[name],
            json!([
                {"title": "One", "url": "https://site.example/1", "published_at": "2026-02-02T10:00:00Z", "author": "Ann", "summary": "Text"},
                {"title": "Two", "url": "https://site.example/2", "published_at": null, "author": null, "summary": null},
            ])
        );
        assert_eq!(data["title"], "News");
        let report = facts.extract_report.expect("a report");
        assert_eq!(report[name]["source"], "feed");
    }
}

#[test]
fn a_feed_that_is_broken_is_read_as_markup() {
    let (data, _) = read("<rss><channel><title>A</title><b>left open", "text/xml", &[Format::Text], None);
    assert!(data["text"].as_str().expect("text").contains("left open"), "{data}");
}

#[test]
fn json_passes_through_and_its_names_are_fields() {
    let text = "{\"name\": \"A\", \"price\": {\"amount\": 2.5}, \"colours\": [\"red\"], \"offers\": [{\"id\": 1}, {\"id\": 2}]}\n";
    let formats =
        [Format::Markdown, Format::Text, Format::Html, Format::RawHtml, Format::Links, Format::Structured];
    let (data, facts) = read(text, "application/json; charset=utf-8", &formats, None);
    assert_eq!((&data["text"], &data["raw_html"]), (&json!(text), &json!(text)));
    assert_eq!(data["markdown"], format!("```json\n{}\n```", text.trim_end()));
    assert!(
        data["html"].as_str().is_some_and(|html| html.starts_with("<pre><code class=\"language-json\">"))
    );
    assert_eq!((&data["links"], &data["structured"]), (&json!([]), &json!({})));
    assert_eq!(facts.content_type, "application/json");

    let sketch = json!({"name": "string", "amount": "number", "colours": "array of string", "rows": [{"id": "integer"}], "weight": "number"});
    let (data, facts) = read(text, "application/json", &[], Some(sketch));
    let expected = json!({"name": "A", "amount": 2.5, "colours": ["red"], "rows": [{"id": 1}, {"id": 2}], "weight": null});
    assert_eq!(data, expected);
    assert_eq!(facts.extract_report.expect("a report")["name"]["source"], "json");
}

#[test]
fn plain_text_passes_through() {
    let text = "a <b> *c*\n\n  d\n";
    let (data, _) = read(text, "text/plain", &[Format::Markdown, Format::Text, Format::RawHtml], None);
    assert_eq!(data, json!({"markdown": text, "text": text, "raw_html": text}));
}

#[test]
fn a_pdf_is_read_like_a_page() {
    let options = PlanOptions {
        formats: [Format::Markdown, Format::Text, Format::Links, Format::Metadata, Format::RawHtml]
            .into_iter()
            .collect(),
        extract: Some(json!({"title": "string", "author": "string", "pages": "integer"})),
        only_main_content: true,
        ..PlanOptions::default()
    };
    let pdf = PdfText {
        title: Some("Report".to_owned()),
        author: Some("Ann".to_owned()),
        created_at: Some("2026-02-03T09:30:00Z".to_owned()),
        page_count: 2,
        pages: vec!["One *line*\nand another\n\nNext".to_owned(), "Last <b>".to_owned()],
        links: vec!["https://site.example/a".to_owned()],
        ..PdfText::default()
    };
    let url = Url::parse("https://site.example/report.pdf").expect("a url");
    let mut out = Vec::new();
    let facts = Plan::compile(&options).expect("a plan").extract_pdf(&pdf, &url, &mut out).expect("readable");
    let data: Value = serde_json::from_slice(&out).expect("json");
    assert_eq!(data["text"], "One *line* and another\nNext\nLast <b>");
    assert_eq!(data["markdown"], "One \\*line\\* and another\n\nNext\n\nLast \\<b>");
    assert_eq!(data["links"][0]["url"], "https://site.example/a");
    let metadata = &data["metadata"];
    assert_eq!(
        (&metadata["title"], &metadata["author"], &metadata["pages"]),
        (&json!("Report"), &json!("Ann"), &json!(2))
    );
    assert_eq!(metadata["published_at"], "2026-02-03T09:30:00Z");
    assert_eq!(data["raw_html"], Value::Null);
    assert_eq!(
        (&data["title"], &data["author"], &data["pages"]),
        (&json!("Report"), &json!("Ann"), &json!(2))
    );
    assert_eq!((facts.title.as_deref(), facts.content_type.as_str()), (Some("Report"), "application/pdf"));
}
