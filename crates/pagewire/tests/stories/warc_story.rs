//! The files of an archive, as another program reads them: each record whole, its digests right, and nothing in it that a
//! site or a URL has put there to be taken for something else.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::job_world::lines;
use crate::world::World;

/// Every record of a file as a line of JSON: its WARC fields, its HTTP head, and its payload in latin-1.
const READ_BY_WARCIO: &str = "
import json, sys
from warcio.archiveiterator import ArchiveIterator
with open(sys.argv[1], 'rb') as stream:
    for record in ArchiveIterator(stream, check_digests='raise'):
        http = record.http_headers
        print(json.dumps({
            'fields': [[name.lower(), value] for name, value in record.rec_headers.headers],
            'line': http and http.protocol + ' ' + http.statusline,
            'head': http and [[name.lower(), value] for name, value in http.headers],
            'body': record.content_stream().read().decode('latin-1'),
        }))
";

/// What a site sends, byte by byte, by path.
fn answers() -> Vec<(&'static str, Vec<u8>)> {
    let page =
        b"<title>T</title><p>Text\r\n\r\nWARC/1.1\r\nWARC-Type: response\r\nContent-Length: 4\r\n\r\nevil";
    let with = |head: &[u8], body: &[u8]| {
        [b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n", head, b"\r\n", body].concat()
    };
    let length = format!("content-length: {}\r\n", page.len());
    vec![
        ("/inner", with(length.as_bytes(), page)),
        ("/chunked", with(b"Transfer-Encoding: chunked\r\n", b"5;x=y\r\n<p>ab\r\n3\r\ncde\r\n0\r\nx-trailer: 1\r\n\r\n")),
        ("/to-close", with(b"connection: close\r\n", b"<p>To the end")),
        ("/bytes", with(b"x-odd: \xe5\xff\x80 \t\r\nx-WARC-Type: request\r\nx-empty:\r\nx-twice: 1\r\nx-twice: 2\r\nconnection: close\r\n", b"\xff\xfe<p>\x00")),
        ("/type", [b"HTTP/1.1 200 Fine, thanks\r\ncontent-type: text/html; x=\xe5\r\nconnection: close\r\n\r\n".as_slice(), b"<p>T"].concat()),
        ("/old", b"HTTP/1.0 200\r\n\r\n<p>Old".to_vec()),
        ("/hop", b"HTTP/1.1 302 Found\r\nlocation: /inner\r\ncontent-length: 5\r\n\r\nthere".to_vec()),
        ("/bare-hop", b"HTTP/1.1 302 Found\r\nlocation: /inner\r\ncontent-length: 0\r\n\r\n".to_vec()),
        ("/none", b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
        ("/cut", with(b"content-length: 1000\r\n", b"<p>Half")),
        ("/original", with(b"x-archive-orig-content-length: 7\r\nx-archive-orig-x: 1\r\nconnection: close\r\n", b"<p>O")),
    ]
}

/// A site of these answers. It ends with the process: a thread of a test that waits for nobody.
fn site() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let answers: BTreeMap<&str, Vec<u8>> = answers().into_iter().collect();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(mut socket) = socket else { continue };
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && socket.read(&mut byte).is_ok_and(|read| read == 1) {
                request.push(byte[0]);
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let target = request.split(' ').nth(1).unwrap_or_default();
            let path = target.split('?').next().unwrap_or_default();
            let answer =
                answers.get(path).map_or(&b"HTTP/1.1 404 N\r\ncontent-length: 0\r\n\r\n"[..], Vec::as_slice);
            // One connection an answer.
            let _ = socket.write_all(answer);
        }
    });
    address
}

fn field<'r>(record: &'r Value, part: &str, name: &str) -> Option<&'r str> {
    let fields = record[part].as_array()?.iter();
    let mut values = fields.filter(|field| field[0] == name).map(|field| field[1].as_str().expect("text"));
    let value = values.next();
    assert!(values.next().is_none() || name == "x-twice", "{name} twice in {record}");
    value
}

#[tokio::test]
async fn slow_what_sites_and_urls_say_stays_inside_its_record() {
    let world = World::of_jobs().await;
    let site = site();
    let at = |path: &str| format!("http://{site}{path}");
    let odd = "?a=%0d%0aWARC-Type:%20request&b=<\"å {|}\\^`'>&c=\u{2028}[]\t\u{1}";
    let mut urls: Vec<Value> = answers().iter().map(|(path, _)| json!(at(path))).collect();
    urls.push(json!(at(&format!("/inner{odd}#fragment"))));
    urls.push(json!({"url": at("/inner?post"), "method": "POST", "body": "a=1\r\n\r\nWARC/1.1\r\n", "headers": {"x-own": "å\t;", "Authorization": "Basic eDp5"}}));
    urls.push(json!(world.origin.url("/packed/zstd")));
    urls.push(json!(world.origin.url("/packed/deflate")));
    let asked = urls.len();
    let defaults = json!({"formats": ["text", "warc"], "retry": {"max": 0}, "robots": "ignore"});
    let id = world.submit(&json!({"urls": urls, "defaults": defaults})).await;
    let job = world.ended(&id).await;
    let first = lines(&world.follow(&job["files"][0]["url"], "GET", &[]).await);
    assert_eq!(first.len(), asked);
    // What was cut off before its end is not there; all else is.
    let failed: Vec<&str> = first
        .iter()
        .filter(|record| record["code"].is_string())
        .map(|record| record["url"].as_str().expect("a url"))
        .collect();
    assert_eq!(failed, [at("/cut")], "{first:?}");
    assert_eq!(job["files"][1]["rows"], json!(asked - 1));

    let answer = world.follow(&job["files"][1]["url"], "GET", &[]).await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("archive.warc.gz");
    std::fs::write(&file, &answer.body).expect("written");
    let records = lines_of(&warcio("python", &["-c", READ_BY_WARCIO], &file));
    let checked = warcio("warcio", &["check", "-v"], &file);
    assert!(
        !checked.contains("no digest") && !checked.contains("unknown") && !checked.contains("failed"),
        "{checked}"
    );
    let index =
        lines_of(&warcio("warcio", &["index", "-f", "warc-type,warc-target-uri,offset,http:status"], &file));
    assert_eq!(index.len(), records.len());

    let of_type = |wanted: &str| -> Vec<&Value> {
        records.iter().filter(|record| field(record, "fields", "warc-type") == Some(wanted)).collect()
    };
    let (responses, requests) = (of_type("response"), of_type("request"));
    // Two redirects, and what nothing came of.
    assert_eq!((responses.len(), requests.len()), (asked - 1 + 2, asked - 1 + 2));
    assert_eq!(records.len(), 1 + responses.len() + requests.len());
    let mut ids: Vec<&str> =
        records.iter().filter_map(|record| field(record, "fields", "warc-record-id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), records.len(), "ids are unlike each other");
    for (response, request) in responses.iter().zip(&requests) {
        let uri = field(response, "fields", "warc-target-uri").expect("a URI");
        assert_eq!(field(request, "fields", "warc-target-uri"), Some(uri));
        assert!(uri.is_ascii() && !uri.contains([' ', '"', '<', '>', '#']), "{uri}");
        assert_eq!(
            field(request, "fields", "warc-concurrent-to"),
            field(response, "fields", "warc-record-id")
        );
        let body = response["body"].as_str().expect("text");
        let length = body.chars().count().to_string();
        assert_eq!(field(response, "head", "content-length"), Some(length.as_str()), "{uri}");
        assert!(field(response, "head", "transfer-encoding").is_none(), "{uri}");
        assert!(field(response, "head", "content-encoding").is_none(), "{uri}");
        assert!(
            field(request, "head", "host").is_some_and(|host| uri.contains(&format!("//{host}/"))),
            "{request}"
        );
    }
    let of = |uri: &str| -> &Value {
        let mut found =
            responses.iter().filter(|record| field(record, "fields", "warc-target-uri") == Some(uri));
        found.next().unwrap_or_else(|| panic!("no response of {uri}"))
    };
    assert_eq!(of(&at("/chunked"))["body"], "<p>abcde");
    assert_eq!(field(of(&at("/chunked")), "head", "x-archive-orig-transfer-encoding"), Some("chunked"));
    assert_eq!(of(&at("/to-close"))["body"], "<p>To the end");
    assert_eq!(of(&at("/bytes"))["body"], "\u{ff}\u{fe}<p>\0");
    assert_eq!(field(of(&at("/bytes")), "head", "x-empty"), Some(""));
    assert_eq!(of(&at("/none"))["line"], "HTTP/1.1 204 No Content");
    assert!(of(&at("/inner"))["body"].as_str().is_some_and(|body| body.ends_with("\r\n\r\nevil")));
    let truncated = |uri: &str| field(of(uri), "fields", "warc-truncated");
    assert_eq!(truncated(&at("/hop")), Some("unspecified"), "its body is not kept");
    assert_eq!((truncated(&at("/bare-hop")), truncated(&at("/inner"))), (None, None));
    assert_eq!(
        field(of(&world.origin.url("/packed/zstd")), "head", "x-archive-orig-content-encoding"),
        Some("zstd")
    );
    let post = requests
        .iter()
        .find(|record| record["line"].as_str().is_some_and(|line| line.starts_with("POST")))
        .expect("a POST");
    assert_eq!(post["body"], "a=1\r\n\r\nWARC/1.1\r\n");

    let again = world.post(&format!("/v1/jobs/{id}/reextract"), &json!({"formats": ["text"]})).await.json();
    let again = world.ended(again["id"].as_str().expect("an id")).await;
    let second = lines(&world.follow(&again["download_url"], "GET", &[]).await);
    let by_url = |records: &[Value]| -> BTreeMap<String, Value> {
        let part = |record: &Value| {
            json!([record["data"], record["final_url"], record["http_status"], record["code"]])
        };
        records.iter().map(|record| (record["url"].to_string(), part(record))).collect()
    };
    assert_eq!(by_url(&second), by_url(&first), "read anew, each is what it was");
}

/// What a program of the readers' environment says of a file.
fn warcio(program: &str, arguments: &[&str], file: &Path) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate lies two deep");
    let program = root.join("bench/.work/readers/bin").join(program);
    assert!(program.exists(), "{} is made by scripts/install-slow-test-deps", program.display());
    let output = Command::new(program).args(arguments).arg(file).output().expect("it runs");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

fn lines_of(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}
