//! The documentation is run: every block that follows `<!-- run -->` in README.md and docs/*.md goes to a real bash, with
//! the real binary and a real server, must end with exit status 0, and must print what the block after the next
//! `<!-- prints -->` says.
//!
//! Each file has a server, a site and a folder of its own, and its blocks run one after the other in that folder. They run
//! as they stand, but for this:
//!
//! | in the text | in the test |
//! |---|---|
//! | `https://example.com/` | a site of this process, whose first page has the title and heading of the real one |
//! | `http://127.0.0.1:7700` | the address of the server |
//! | `pagewire` | the binary under test, by the path |
//! | `data/` | the server's data directory |
//! | `data/first-key` | a key with the scopes that `make run` gives its first one |
//! | the guard | lifted for 127.0.0.0/8, since that is where the site is |
//!
//! A `json` block that is printed holds where the output is JSON that has at least its members; another one where its
//! lines are among those of the output, in order. `…` in a text stands for anything.

use std::path::{Path, PathBuf};
use std::process::Command;

use pagewire_testkit::{Binary, Origin, binary::Options};
use serde_json::Value;

const EXE: &str = env!("CARGO_BIN_EXE_pagewire");
/// What a block may take.
const BLOCK_SECONDS_MAX: &str = "30";
const HOME_PAGE: &str = "<!doctype html><html lang=\"en\"><head><title>Example Domain</title></head><body>\
    <h1>Example Domain</h1><p>This name is for the examples of documents, such as this one.</p>\
    <p><a href=\"https://example.org/more\">More about it</a></p></body></html>";

/// A block to run, and what it prints where the text says so.
struct Example {
    line: usize,
    script: String,
    prints: Option<Fence>,
}

#[derive(Clone)]
struct Fence {
    language: String,
    text: String,
}

/// The examples of a document, in order.
fn examples(document: &str) -> Vec<Example> {
    let mut lines = document.lines().enumerate();
    let mut examples: Vec<Example> = Vec::new();
    while let Some((at, line)) = lines.next() {
        if !["<!-- run -->", "<!-- prints -->"].contains(&line) {
            continue;
        }
        let (_, opening) = lines.next().expect("a block follows");
        let language = opening.strip_prefix("```").unwrap_or_else(|| panic!("line {}: no block", at + 2));
        let body = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
        let text = body.collect::<Vec<_>>().join("\n");
        if line == "<!-- run -->" {
            assert_eq!(language, "sh", "line {}", at + 2);
            examples.push(Example { line: at + 1, script: text, prints: None });
        } else {
            let example = examples.last_mut().expect("something was run before");
            assert!(example.prints.is_none(), "line {}: told twice", at + 1);
            example.prints = Some(Fence { language: language.to_owned(), text });
        }
    }
    examples
}

/// Where the examples of one document run.
struct Desk {
    folder: tempfile::TempDir,
    server: Binary,
    origin: Origin,
}

impl Desk {
    async fn set_up() -> Self {
        let origin = Origin::start().await;
        origin.set_page("/", 200, "text/html", HOME_PAGE);
        let server = Options::new(EXE).start().await;
        let key = server.create_key(&[
            "scrape",
            "stream:write",
            "stream:read",
            "jobs:read",
            "jobs:write",
            "webhooks:read",
            "webhooks:write",
        ]);
        std::fs::write(server.data_dir().join("first-key"), key).expect("written");
        let folder = tempfile::tempdir().expect("a folder");
        std::os::unix::fs::symlink(server.data_dir(), folder.path().join("data")).expect("linked");
        Self { folder, server, origin }
    }

    fn in_place(&self, text: &str) -> String {
        text.replace("https://example.com/", &self.origin.url("/"))
            .replace("http://127.0.0.1:7700", &self.server.base_url())
    }

    /// Runs a block. What it prints.
    fn run(&self, script: &str) -> Result<String, String> {
        let programs = Path::new(EXE).parent().expect("a folder").display();
        let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
        let output = Command::new("timeout")
            .args([BLOCK_SECONDS_MAX, "bash", "-euo", "pipefail", "-c", &self.in_place(script)])
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.folder.path())
            .env("PAGEWIRE_FETCH__ALLOW_TARGETS", "127.0.0.0/8")
            .output()
            .expect("bash and timeout are there");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        Err(format!("{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr)))
    }

    fn check(&self, example: &Example) -> Result<(), String> {
        let output = self.run(&example.script)?;
        let Some(prints) = &example.prints else { return Ok(()) };
        let expected = self.in_place(&prints.text);
        if prints.language == "json" {
            let expected = serde_json::from_str(&expected).map_err(|error| format!("{error} in the text"))?;
            let actual = serde_json::from_str(&output).map_err(|error| format!("{error}: {output}"))?;
            has(&actual, &expected, "").map_err(|fault| format!("{fault} in {output}"))
        } else {
            has_lines(&output, &expected)
        }
    }
}

/// Whether JSON has at least what is expected.
fn has(actual: &Value, expected: &Value, at: &str) -> Result<(), String> {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => expected.iter().try_for_each(|(name, value)| {
            has(actual.get(name).unwrap_or(&Value::Null), value, &format!("{at}/{name}"))
        }),
        (Value::Array(actual), Value::Array(expected)) if actual.len() == expected.len() => {
            let mut pairs = actual.iter().zip(expected).enumerate();
            pairs.try_for_each(|(index, (actual, expected))| has(actual, expected, &format!("{at}/{index}")))
        }
        (Value::String(actual), Value::String(expected)) if is_like(actual, expected) => Ok(()),
        _ if actual == expected => Ok(()),
        _ => Err(format!("{at} is {actual}, not {expected}")),
    }
}

/// Whether the lines are among those of the output, in order.
fn has_lines(output: &str, expected: &str) -> Result<(), String> {
    let mut lines = output.lines();
    expected.lines().try_for_each(|wanted| {
        let found = lines.by_ref().any(|line| is_like(line, wanted));
        if found { Ok(()) } else { Err(format!("no line `{wanted}` in its place in:\n{output}")) }
    })
}

/// Whether a text is as the pattern says, in which `…` stands for anything.
fn is_like(text: &str, pattern: &str) -> bool {
    let Some((first, pattern)) = pattern.split_once('…') else { return text == pattern };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let (within, last) = pattern.rsplit_once('…').unwrap_or(("", pattern));
    for part in within.split('…') {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

async fn run_all_of(file: &str) {
    let path = root().join(file);
    let document = std::fs::read_to_string(&path).expect("a document");
    let desk = Desk::set_up().await;
    for example in examples(&document) {
        if let Err(fault) = tokio::task::block_in_place(|| desk.check(&example)) {
            panic!("{file}, line {}: {fault}\nThe server's log:\n{}", example.line, desk.server.log());
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate lies two deep").to_path_buf()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_readme_says_to_type_works_and_prints_what_it_says() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the README");
    let examples = examples(&readme);
    assert!(examples.len() >= 7 && examples.iter().all(|example| example.prints.is_some()));
    run_all_of("README.md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_documents_say_to_type_works_and_prints_what_they_say() {
    let mut with_examples = Vec::new();
    for entry in std::fs::read_dir(root().join("docs")).expect("docs") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "md")
            && !examples(&std::fs::read_to_string(&path).expect("a document")).is_empty()
        {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            run_all_of(&format!("docs/{name}")).await;
            with_examples.push(name);
        }
    }
    assert!(with_examples.contains(&"sandbox.md".to_owned()), "{with_examples:?}");
}

#[test]
fn a_pattern_holds_what_it_leaves_open_and_nothing_else() {
    for (text, pattern) in [
        ("abc", "abc"),
        ("abc", "a…"),
        ("abc", "…c"),
        ("abc", "a…c"),
        ("abc", "…"),
        ("aXbXc", "a…b…"),
        ("abcXc", "…c"),
    ] {
        assert!(is_like(text, pattern), "{text} {pattern}");
    }
    for (text, pattern) in [("abc", "ab"), ("abc", "b…"), ("abc", "…b"), ("abc", "a…d"), ("", "a")] {
        assert!(!is_like(text, pattern), "{text} {pattern}");
    }
}
