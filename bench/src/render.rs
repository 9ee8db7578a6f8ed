//! Pages that scripts build, shown by Pagewire and by Playwright: one browser, the same program, four pages at once, the
//! same kinds of resources left out, the same element waited for, in turns within one run.
//!
//! Measured in the headless shell and in the full browser. Playwright is measured twice. With a context a page it does what a server of many must do, and what Pagewire does; in
//! tabs that go from page to page it keeps nothing apart, and is told beside.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use crate::error::{BenchError, Doing as _};
use crate::pagewire::Server;
use crate::process;
use crate::report::{Check, median};

const ROUNDS: usize = 3;
const PAGES: usize = 120;
const TABS: usize = 4;
const ITEMS: usize = 200;
/// Debian's; what is promised of each with a context a page; and what is told of tabs that are used again, and whether it is a
/// promise: a full browser makes a window for each context.
const BROWSERS: [(&str, &str, &str, bool); 2] = [
    (
        "/usr/lib/chromium/chromium-headless-shell",
        "rendered pages/s ≥ 1.3 × Playwright's, the headless shell, 4 pages, a context a page",
        "and ≥ 1.3 × those of Playwright in 4 tabs that are used again, which keep nothing apart",
        true,
    ),
    (
        "/usr/lib/chromium/chromium",
        "rendered pages/s ≥ 1.3 × Playwright's, the full browser, 4 pages, a context a page",
        "beside Playwright in 4 tabs of it that are used again",
        false,
    ),
];

/// Measures, and holds what was measured against the promises.
pub(crate) fn checks(binary: &Path, work: &Path) -> Result<Vec<Check>, BenchError> {
    let port = serve()?;
    let urls: Vec<String> = (0..PAGES).map(|page| format!("http://127.0.0.1:{port}/page/{page}")).collect();
    let list = work.join("render-urls");
    fs::write(&list, urls.join("\n")).doing("cannot write the URLs")?;
    let mut checks = Vec::new();
    for (browser, in_contexts, in_tabs, is_promised) in BROWSERS {
        let (mut ours, mut fresh, mut reused) = (Vec::new(), Vec::new(), Vec::new());
        for round in 1..=ROUNDS {
            ours.push(pagewire(binary, work, browser, &urls)?);
            fresh.push(playwright(work, browser, &list, "fresh")?);
            reused.push(playwright(work, browser, &list, "reused")?);
            eprintln!(
                "  round {round}: Pagewire {:.1} pages/s, Playwright {:.1}, in tabs used again {:.1}",
                ours[round - 1],
                fresh[round - 1],
                reused[round - 1]
            );
        }
        let (ours, fresh, reused) = (median(&ours), median(&fresh), median(&reused));
        checks.push(Check {
            promise: in_contexts,
            measured: format!("{:.2} ×; {ours:.1} against {fresh:.1} pages/s", ours / fresh),
            kept: Some(ours >= 1.3 * fresh),
        });
        checks.push(Check {
            promise: in_tabs,
            measured: format!("{:.2} ×; {reused:.1} pages/s", ours / reused),
            kept: is_promised.then_some(ours >= 1.3 * reused),
        });
    }
    Ok(checks)
}

/// Pages a second of a stream.
fn pagewire(binary: &Path, work: &Path, browser: &str, urls: &[String]) -> Result<f64, BenchError> {
    // The bench may run as root, for whom Chromium has no sandbox; Playwright gives it up too.
    let environment = [("PAGEWIRE_RENDER__SANDBOX", "false"), ("PAGEWIRE_RENDER__BROWSER", browser)];
    let server = Server::start_with(binary, work, &environment)?;
    let parameters = |urls: &[String]| {
        json!({
            "urls": urls, "concurrency": TABS * 3, "formats": ["raw_html"], "render": true, "wait_for": "#done",
            "block": ["images", "fonts", "media"], "robots": "ignore", "retry": {"max": 0},
        })
    };
    stream(&server, &parameters(&urls[..TABS]))?;
    let begun = Instant::now();
    let whole = stream(&server, &parameters(urls))?;
    let seconds = begun.elapsed().as_secs_f64();
    if whole != urls.len() {
        let detail = format!("{whole} of {} pages are whole", urls.len());
        return Err(BenchError::Contestant { who: "pagewire serve", detail });
    }
    Ok(urls.len() as f64 / seconds)
}

/// Reads a stream to its end; how many of its pages are whole.
fn stream(server: &Server, body: &Value) -> Result<usize, BenchError> {
    let text = server.ask_text("POST", "/v1/stream", &body.to_string())?;
    Ok(text.lines().filter(|line| line.starts_with("data:") && line.contains("Item 199")).count())
}

fn playwright(work: &Path, browser: &str, urls: &Path, mode: &str) -> Result<f64, BenchError> {
    let core = fs::canonicalize(work.join("playwright/node_modules/playwright-core"))
        .doing("cannot find playwright-core")?;
    let ran = process::run(
        Command::new("node")
            .arg("bench/render/playwright.js")
            .arg(core)
            .arg(browser)
            .arg(urls)
            .args([TABS.to_string().as_str(), mode]),
        "playwright",
    )?;
    let told: Value = serde_json::from_str(ran.stdout.trim()).map_err(|error| BenchError::Contestant {
        who: "playwright",
        detail: format!("{error}: {}", ran.stdout),
    })?;
    let number = |name: &str| told[name].as_f64().unwrap_or_default();
    Ok(number("pages") / number("seconds"))
}

/// Serves the pages; gives the port.
fn serve() -> Result<u16, BenchError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).doing("cannot serve pages")?;
    let port = listener.local_addr().doing("cannot serve pages")?.port();
    thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            // A connection that breaks is made again by whoever wants it.
            thread::spawn(move || drop(answer_all(socket)));
        }
    });
    Ok(port)
}

fn answer_all(socket: TcpStream) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut reader = BufReader::new(socket.try_clone()?);
    let mut writer = socket;
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or("/").to_owned();
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
        }
        let (kind, body) = resource(&path);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\r\n",
            body.len()
        );
        writer.write_all(head.as_bytes())?;
        writer.write_all(body.as_bytes())?;
    }
}

/// A page that is empty but for a script, what the script fetches, and what nobody is to fetch.
fn resource(path: &str) -> (&'static str, String) {
    if let Some(page) = path.strip_prefix("/page/") {
        return ("text/html", PAGE.replace("NUMBER", page));
    }
    if path.starts_with("/rows/") {
        let rows: Vec<Value> = (0..ITEMS)
            .map(|item| {
                json!({
                    "name": format!("Item {item}"), "price": item as f64 * 3.5,
                    "text": "Of enamelled steel, for two litres, in four colours. ".repeat(3),
                })
            })
            .collect();
        return ("application/json", Value::from(rows).to_string());
    }
    if path == "/app.js" {
        return ("text/javascript", APP.to_owned());
    }
    ("application/octet-stream", "x".repeat(20_000))
}

const PAGE: &str = r#"<!doctype html><html><head><meta charset="utf-8"><title>Loading</title>
<style>@font-face { font-family: f; src: url(/font.woff2) } body { font-family: f, sans-serif } .row { padding: 4px; border-bottom: 1px solid #ccc }</style>
</head><body><div id="root" data-page="NUMBER"></div><script src="/app.js"></script></body></html>"#;

const APP: &str = r#"
const root = document.getElementById("root");
fetch("/rows/" + root.dataset.page).then((answer) => answer.json()).then((rows) => {
  document.title = "Catalogue " + root.dataset.page;
  for (const row of rows) {
    const card = document.createElement("div");
    card.className = "row";
    const name = card.appendChild(document.createElement("h2"));
    name.textContent = row.name;
    card.appendChild(document.createElement("p")).textContent = row.text;
    card.appendChild(document.createElement("span")).textContent = row.price.toFixed(2) + " kr";
    if (row.price % 14 === 0) card.appendChild(document.createElement("img")).src = "/picture-" + row.price + ".png";
    root.appendChild(card);
  }
  root.appendChild(document.createElement("div")).id = "done";
});
"#;
