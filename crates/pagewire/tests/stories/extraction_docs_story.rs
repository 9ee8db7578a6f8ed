//! `docs/extraction.md` shows what each option does: every request in it is sent to the server, and every answer that it
//! shows is the answer that comes. With `UPDATE_DOCS=1` in the environment, the answers are written anew instead.
//!
//! A code block tells by its info string what it is: `html page` (or another type for another kind of page) is what the
//! requests after it are about; `json request` is a body of `POST /v1/parse`, in which the page is put where it has none;
//! `LANGUAGE PATH`, such as `json data.links`, is the part of the answer at that path.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::world::World;

/// Where the page of the examples is.
const URL: &str = "https://shop.example/lamps/alpha";

fn document() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/extraction.md"))
}

/// A piece of the document: text, or a code block with its info string.
#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    Block { info: String, body: String },
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut open: Option<(String, String, String)> = None;
    for line in text.split_inclusive('\n') {
        match &mut open {
            Some((fence, info, body)) => {
                if line.trim_end() == *fence {
                    pieces.push(Piece::Block { info: info.clone(), body: body.clone() });
                    open = None;
                } else {
                    body.push_str(line);
                }
            }
            None => {
                let fence: String = line.chars().take_while(|c| *c == '`').collect();
                if fence.len() >= 3 {
                    let info = line[fence.len()..].trim().to_owned();
                    open = Some((fence, info, String::new()));
                } else if let Some(Piece::Text(text)) = pieces.last_mut() {
                    text.push_str(line);
                } else {
                    pieces.push(Piece::Text(line.to_owned()));
                }
            }
        }
    }
    assert_eq!(open, None, "a code block is left open");
    pieces
}

fn written(pieces: &[Piece]) -> String {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Block { info, body } => {
                // Longer than any fence within.
                let longest = body.lines().map(|line| line.len() - line.trim_start_matches('`').len()).max();
                let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
                let _ = write!(out, "{fence}{info}\n{body}{fence}\n");
            }
        }
    }
    out
}

/// What is at a path such as `data.links`; null where nothing is.
fn at<'v>(answer: &'v Value, path: &str) -> &'v Value {
    path.split('.').fold(answer, |value, step| &value[step])
}

/// A part of an answer as the document shows it.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        value => compact(value, 0),
    };
    format!("{}\n", text.trim_end_matches('\n'))
}

/// JSON in few lines: what fits into one is written in one.
fn compact(value: &Value, indent: usize) -> String {
    const LINE: usize = 100;
    let flat = serde_json::to_string(value).expect("JSON");
    let spaced = flat.len() + indent <= LINE;
    let inner = " ".repeat(indent + 2);
    let end = " ".repeat(indent);
    match value {
        Value::Object(map) if !spaced && !map.is_empty() => {
            let members: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{inner}{}: {}", json!(key), compact(value, indent + 2)))
                .collect();
            format!("{{\n{}\n{end}}}", members.join(",\n"))
        }
        Value::Array(items) if !spaced && !items.is_empty() => {
            let items: Vec<String> =
                items.iter().map(|item| format!("{inner}{}", compact(item, indent + 2))).collect();
            format!("[\n{}\n{end}]", items.join(",\n"))
        }
        _ => flat,
    }
}

/// The body that a request in the document stands for.
fn body_of(request: &str, page: &(String, String)) -> Value {
    let mut body: Value =
        serde_json::from_str(request).unwrap_or_else(|error| panic!("{error} in {request}"));
    if body.get("html").is_none() && body.get("text").is_none() {
        let (kind, text) = page;
        if kind == "html" {
            body["html"] = text.as_str().into();
        } else {
            body["text"] = text.as_str().into();
        }
    }
    if body.get("url").is_none() {
        body["url"] = URL.into();
    }
    body
}

#[tokio::test]
async fn what_the_document_shows_is_what_the_server_answers() {
    let world = World::start().await;
    let text = std::fs::read_to_string(document()).expect("the document");
    let mut pieces = pieces(&text);
    assert!(written(&pieces) == text, "the document would not be written as it was read");
    let mut page = (String::new(), String::new());
    let mut answer = Value::Null;
    let (mut requests, mut answers, mut stale) = (0, 0, Vec::new());
    for piece in &mut pieces {
        let Piece::Block { info, body } = piece else { continue };
        match info.split_once(' ') {
            Some((kind, "page")) => page = (kind.to_owned(), body.clone()),
            Some((_, "request")) => {
                requests += 1;
                answer = world.post("/v1/parse", &body_of(body, &page)).await.json();
            }
            Some((_, path)) => {
                answers += 1;
                let now = shown(at(&answer, path));
                if *body != now {
                    stale.push(format!("{path}, shown:\n{body}\nanswered:\n{now}\nof: {answer}"));
                    *body = now;
                }
            }
            None => {}
        }
    }
    assert!(requests >= 15 && answers >= requests, "{requests} requests, {answers} answers");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(document(), written(&pieces)).expect("written");
    } else {
        assert!(stale.is_empty(), "stale; `UPDATE_DOCS=1` writes them anew:\n{}", stale.join("\n\n"));
    }
}
