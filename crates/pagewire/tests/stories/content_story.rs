//! What a site serves that is not HTML, and what it says of its encoding.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::world::{World, named, problem};

/// Scrapes a path of the origin, and gives the page.
async fn scraped(world: &World, path: &str, wishes: Value) -> Value {
    let mut body = wishes;
    body["url"] = world.origin.url(path).into();
    body["retry"] = json!({"max": 0});
    let answer = world.post("/v1/scrape", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// A PDF of these objects, of which the first is its catalogue.
fn pdf(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut table = String::new();
    for (index, object) in objects.iter().enumerate() {
        let _ = writeln!(table, "{:010} 00000 n ", out.len());
        out.extend_from_slice(format!("{} 0 obj\n", index + 1).as_bytes());
        out.extend_from_slice(object);
        out.extend_from_slice(b"\nendobj\n");
    }
    let (at, size) = (out.len(), objects.len() + 1);
    let end = format!(
        "xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<</Size {size}/Root 1 0 R/Info 4 0 R>>\nstartxref\n{at}\n%%EOF\n"
    );
    out.extend_from_slice(end.as_bytes());
    out
}

fn stream(of: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("<<{of}/Length {}>>\nstream\n", content.len());
    [head.as_bytes(), content, b"\nendstream"].concat()
}

/// A PDF of one page with this content, whose dictionary says this, and objects from number 6 on.
fn page(content: &[u8], filter: &str, says: &str, more: Vec<Vec<u8>>) -> Vec<u8> {
    let font = "/Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>>>";
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        format!("<</Type/Page/Parent 2 0 R{says}/Resources<<{font}/XObject<</X 6 0 R>>>>/Contents 5 0 R>>")
            .into_bytes(),
        b"<</Title(A report)/Author(Ann Lee)/CreationDate(D:20260203093000Z)>>".to_vec(),
        stream(filter, content),
    ];
    objects.extend(more);
    pdf(&objects)
}

const BOX: &str = "/MediaBox[0 0 595 842]";

fn report() -> Vec<u8> {
    page(b"BT /F1 12 Tf 72 760 Td (Total: 12 apples \\(caf\\351\\)) Tj ET", "", BOX, Vec::new())
}

/// A form that draws the forms with these numbers.
fn form(draws: &str, number: usize) -> Vec<u8> {
    let of = format!("/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X {number} 0 R>>>>");
    stream(&of, draws.as_bytes())
}

/// As many zero bytes as that, deflated by hand: one literal, then copies of 258 bytes of 13 bits each.
fn deflated_zeros(bytes: usize) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let (mut bits, mut held) = (0_u32, 0);
    let mut put = |value: u32, count: u32, out: &mut Vec<u8>| {
        bits |= value << held;
        held += count;
        while held >= 8 {
            out.push(bits.to_le_bytes()[0]);
            bits >>= 8;
            held -= 8;
        }
    };
    put(0b011, 3, &mut out);
    // Codes are put with their first bit first.
    put(0b0000_1100, 8, &mut out);
    for _ in 0..bytes / 258 {
        put(0b1010_0011, 8, &mut out);
        put(0, 5, &mut out);
    }
    put(0, 15, &mut out);
    out
}

#[tokio::test]
async fn a_pdf_gives_its_text_and_what_it_says_of_itself() {
    let world = World::start().await;
    world.origin.set_page("/a", 200, "application/pdf", report());
    world.origin.set_page("/b", 200, "application/octet-stream", report());
    let wishes = json!({"formats": ["text", "markdown", "metadata"], "extract": {"title": "string", "author": "string"}});
    for path in ["/a", "/b"] {
        let read = scraped(&world, path, wishes.clone()).await;
        assert_eq!(read["data"]["text"], "Total: 12 apples (café)", "{read}");
        assert_eq!(read["data"]["metadata"]["pages"], 1);
        assert_eq!(
            (&read["data"]["title"], &read["data"]["author"]),
            (&json!("A report"), &json!("Ann Lee"))
        );
        assert_eq!(read["meta"]["content_type"], "application/pdf");
        assert_eq!(read["meta"]["title"], "A report");
    }
    let urls = [world.origin.url("/a"), world.origin.url("/b")];
    let frames = world.read(&json!({"urls": urls, "formats": ["text"], "robots": "ignore"})).await;
    assert_eq!(named(&frames, "page").len(), 2);
}

/// Processes whose parent is the server.
fn children_of(pid: u32) -> usize {
    let folders = std::fs::read_dir("/proc").expect("processes");
    let stats = folders.filter_map(|folder| std::fs::read_to_string(folder.ok()?.path().join("stat")).ok());
    let parent = |stat: &str| stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok();
    stats.filter(|stat| parent(stat) == Some(pid)).count()
}

#[tokio::test]
async fn a_pdf_that_breaks_its_reader_breaks_nothing_else() {
    let config = "[extract.pdf]\ntimeout_ms = 4000\nmemory_bytes_max = '160 MiB'\nat_once = 1\n";
    let world = World::with_config(config).await;
    world.origin.set_page("/good", 200, "application/pdf", report());
    let twice = "/X Do /X Do";
    let mut doubling: Vec<Vec<u8>> = (0..60).map(|level| form(twice, level + 7)).collect();
    doubling.push(form("BT ET", 6));
    let hostile: [(&str, Vec<u8>, &[&str]); 6] = [
        (
            "a form that draws itself",
            page(b"/X Do", "", BOX, vec![form("/X Do", 6)]),
            &["unsupported_content"],
        ),
        ("forms that draw two of the next", page(twice.as_bytes(), "", BOX, doubling), &["timeout"]),
        ("a page tree in a circle", page(b"", "", "/Parent 3 0 R", Vec::new()), &["unsupported_content"]),
        (
            "half a gigabyte of zeros",
            page(&deflated_zeros(512 << 20), "/Filter/FlateDecode", BOX, Vec::new()),
            &["unsupported_content", "timeout"],
        ),
        ("a million brackets", pdf(&["[".repeat(1 << 20).into_bytes()]), &["unsupported_content"]),
        ("nothing", b"%PDF-1.7\n".to_vec(), &["unsupported_content"]),
    ];
    for (what, body, codes) in hostile {
        world.origin.set_page("/bad", 200, "application/pdf", body);
        let wishes = json!({"url": world.origin.url("/bad"), "formats": ["text"], "retry": {"max": 0}});
        let answer = world.post("/v1/scrape", &wishes).await;
        let code = answer.problem_code();
        assert!(codes.contains(&code.as_str()), "{what}: {}", answer.text());
        let told = problem(&answer, if code == "timeout" { 504 } else { 502 }, &code);
        assert!(
            told["detail"].as_str().is_some_and(|text| text.contains("the PDF could not be read")),
            "{told}"
        );
        assert_eq!(children_of(world.server.pid()), 0, "after {what}");
        // The only place is free again, and who is in it is well.
        let good = scraped(&world, "/good", json!({"formats": ["text"]})).await;
        assert_eq!(good["data"]["text"], "Total: 12 apples (café)", "after {what}");
    }
    let bad: Vec<String> = (0..3).map(|number| format!("{}?{number}", world.origin.url("/bad"))).collect();
    let frames =
        world.read(&json!({"urls": bad, "formats": ["text"], "robots": "ignore", "retry": {"max": 0}})).await;
    assert!(named(&frames, "error").iter().all(|frame| frame.json()["retryable"] == false));
}

#[tokio::test]
async fn a_feed_and_a_json_document_fill_fields() {
    let world = World::start().await;
    let feed = "<rss version='2.0'><channel><title>News</title><link>/</link><description/>\
                <item><title>One</title><link>/1</link></item><item><title>Two</title><link>/2</link></item></channel></rss>";
    world.origin.set_page("/feed", 200, "application/rss+xml", feed);
    let wishes = json!({"formats": ["markdown", "links"], "extract": {"items": [{"title": "string", "url": "string"}]}});
    let page = scraped(&world, "/feed", wishes).await;
    let one = json!({"title": "One", "url": world.origin.url("/1")});
    assert_eq!(page["data"]["items"][0], one);
    assert_eq!(page["data"]["links"].as_array().map(Vec::len), Some(3));
    assert_eq!(page["meta"]["extract"]["items"]["source"], "feed");
    world.origin.set_page("/api", 200, "application/json", r#"{"data":{"name":"Alpha","price":219.5}}"#);
    let page = scraped(
        &world,
        "/api",
        json!({"formats": ["markdown"], "extract": {"name": "string", "price": "number"}}),
    )
    .await;
    assert_eq!((&page["data"]["name"], &page["data"]["price"]), (&json!("Alpha"), &json!(219.5)));
    assert_eq!(page["data"]["markdown"], "```json\n{\"data\":{\"name\":\"Alpha\",\"price\":219.5}}\n```");
}

#[tokio::test]
async fn what_nothing_reads_is_told_by_its_type() {
    let world = World::start().await;
    for (content_type, body, named) in [
        ("image/png", b"x".as_slice(), "`image/png`"),
        ("application/octet-stream", b"\x89PNG\r\n\x1a\n\0\0", "`image/png`"),
        ("application/octet-stream", b"PK\x03\x04\0", "`application/zip`"),
        ("application/vnd.ms-excel", b"x", "`application/vnd.ms-excel`"),
        ("text/plain", b"a\0\x01b", "`application/octet-stream`"),
    ] {
        world.origin.set_page("/x", 200, content_type, body);
        let answer = world.post("/v1/scrape", &json!({"url": world.origin.url("/x")})).await;
        let told = problem(&answer, 502, "unsupported_content");
        assert!(told["detail"].as_str().is_some_and(|text| text.contains(named)), "{content_type}: {told}");
        assert_eq!(told["retryable"], false);
    }
}

#[tokio::test]
async fn pages_in_the_encodings_of_the_web_arrive_as_utf_8() {
    let world = World::start().await;
    let header = b"<p>\x83\x65\x83\x58\x83\x67".as_slice();
    let meta = b"<meta charset=windows-1251><p>\xcf\xf0\xe8\xe2\xe5\xf2".as_slice();
    let xml = b"<?xml version='1.0' encoding='euc-kr'?><p>\xc7\xd1\xb1\xdb</p>".as_slice();
    let wide: Vec<u8> = "<p>wide \u{e9}</p>".encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (content_type, body, text, charset) in [
        ("text/html; charset=Shift_JIS", header, "テスト", "shift_jis"),
        ("text/html", meta, "Привет", "windows-1251"),
        ("application/xhtml+xml", xml, "한글", "euc-kr"),
        ("text/html", &wide, "wide é", "utf-16be"),
        ("text/html; charset=utf-8", b"<p>a\xff\xfeb", "a\u{fffd}\u{fffd}b", "utf-8"),
    ] {
        world.origin.set_page("/x", 200, content_type, body);
        let page = scraped(&world, "/x", json!({"formats": ["text"], "only_main_content": false})).await;
        assert_eq!((&page["data"]["text"], &page["meta"]["charset"]), (&json!(text), &json!(charset)));
    }
}
