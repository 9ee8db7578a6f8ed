//! The command line as it is used in a shell: what stands on stdout, what on stderr, and how it ends.

use std::process::Stdio;

use pagewire_testkit::{Origin, binary::Options, http};
use serde_json::{Value, json};

use crate::render_story::{put_shell, with_browser};
use crate::shell::{Shell, lines, stderr, stdout, usage_error};
use crate::world::{EXE, World};

#[test]
fn it_tells_its_version_and_explains_each_command_by_example() {
    let shell = Shell::open();
    assert_eq!(stdout(&shell.run(&["--version"])), format!("pagewire {}\n", env!("CARGO_PKG_VERSION")));
    let commands: &[&[&str]] = &[
        &[],
        &["serve"],
        &["apikey", "create"],
        &["apikey", "list"],
        &["apikey", "revoke"],
        &["scrape"],
        &["stream"],
        &["job", "create"],
        &["job", "get"],
        &["job", "list"],
        &["job", "watch"],
        &["job", "cancel"],
        &["job", "retry"],
        &["job", "download"],
        &["upload"],
        &["webhook", "create"],
        &["webhook", "list"],
        &["webhook", "test"],
        &["webhook", "deliveries"],
        &["webhook", "replay"],
        &["config", "check"],
        &["config", "show"],
        &["completions"],
    ];
    for command in commands {
        let help = stdout(&shell.run(&[command, &["--help"][..]].concat()));
        let example = format!("  pagewire {}", command.join(" "));
        assert!(help.contains("Example") && help.contains(example.trim_end()), "{command:?}: {help}");
    }
    for wrong in [&["scrap"][..], &["scrape"], &["stream"], &["serve", "--listne", "x"], &["apikey"]] {
        let error = usage_error(&shell.run(wrong));
        assert!(error.contains("--help") || error.contains("Usage"), "{wrong:?}: {error}");
    }
    assert_eq!(std::fs::read_dir(shell.path()).expect("a directory").count(), 0, "nothing is left behind");
}

#[test]
fn it_completes_in_each_shell() {
    let shell = Shell::open();
    for (name, mark) in
        [("bash", "complete -F"), ("zsh", "#compdef pagewire"), ("fish", "complete -c pagewire")]
    {
        let script = stdout(&shell.run(&["completions", name]));
        assert!(script.contains(mark) && script.contains("allow-target"), "{name}");
    }
}

#[tokio::test]
async fn a_page_comes_as_one_line_with_its_markdown_and_nothing_on_stderr() {
    let (shell, origin) = (Shell::open(), Origin::start().await);
    let url = origin.url("/a/7");
    let output = shell.run_beside(&["scrape", &url, "--allow-target", "127.0.0.0/8"], "").await;
    let page = &lines(&stdout(&output))[..];
    let [page] = page else { panic!("one line: {page:?}") };
    assert_eq!((&page["url"], &page["http_status"]), (&json!(url), &json!(200)));
    let data = page["data"].as_object().expect("formats");
    assert_eq!(data.keys().collect::<Vec<_>>(), ["markdown"], "the contract's default, and nothing else");
    assert!(page["data"]["markdown"].as_str().is_some_and(|text| text.contains("Paragraph 3 of article 7")));
    assert_eq!(stderr(&output), "");
    assert_eq!(std::fs::read_dir(shell.path()).expect("a directory").count(), 0, "its data went with it");
}

#[tokio::test]
async fn formats_and_fields_are_asked_for_by_flags() {
    let (shell, origin) = (Shell::open(), Origin::start().await);
    let url = origin.url("/p/3");
    let scrape = async |more: &[&str]| {
        let arguments = [&["scrape", &url, "--allow-target", "127.0.0.0/8"], more].concat();
        let output = shell.run_beside(&arguments, "").await;
        lines(&stdout(&output)).remove(0)["data"].take()
    };
    let data = scrape(&["--format", "links,metadata", "--format", "text"]).await;
    let mut named: Vec<&String> = data.as_object().expect("formats").keys().collect();
    named.sort_unstable();
    assert_eq!(named, ["links", "metadata", "text"]);
    let data = scrape(&["--extract", "{\"name\": \"string\"}"]).await;
    assert_eq!(data, json!({"name": "Product 3"}), "fields alone were wanted");
    shell.write("fields.json", "{\"name\": \"string\", \"price\": \"number\"}");
    assert_eq!(scrape(&["--extract", "@fields.json"]).await["price"], 11.5);
    let wrong = shell.run(&["scrape", &url, "--format", "wav"]);
    assert!(usage_error(&wrong).contains("markdown"), "the formats there are, are named");
    assert!(usage_error(&shell.run(&["scrape", &url, "--extract", "{"])).contains("--extract"));
}

#[tokio::test]
async fn a_page_is_shown_in_a_browser_and_its_picture_lies_in_a_file() {
    let (shell, origin) = (Shell::open(), Origin::start().await);
    let url = put_shell(&origin, "/shop");
    shell.write("browser.toml", &with_browser(""));
    let arguments = [
        "scrape",
        &url,
        "--allow-target",
        "127.0.0.0/8",
        "--config",
        "browser.toml",
        "--render",
        "--wait-for",
        "td",
        "--screenshot",
        "out.png",
    ];
    let output = shell.run_beside(&arguments, "").await;
    let page = lines(&stdout(&output)).remove(0);
    assert!(page["data"]["markdown"].as_str().is_some_and(|text| text.contains("Lamp 20")), "{page}");
    assert_eq!(page["data"]["screenshot"], json!({"content_type": "image/png", "file": "out.png"}));
    assert_eq!(&std::fs::read(shell.path().join("out.png")).expect("the picture")[1..4], b"PNG");
    let no_name = shell.run(&["scrape", &url, "--render", "--screenshot", "out.gif"]);
    assert!(usage_error(&no_name).contains(".webp"));
}

#[tokio::test]
async fn a_page_that_cannot_be_had_is_an_error_with_its_code() {
    let (shell, origin) = (Shell::open(), Origin::start().await);
    let missing = origin.url("/status/404");
    let output = shell.run_beside(&["scrape", &missing, "--allow-target", "127.0.0.0/8"], "").await;
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(stderr(&output).starts_with("error: ") && stderr(&output).contains("404"), "{}", stderr(&output));
    let guarded = shell.run_beside(&["scrape", &origin.url("/p/1")], "").await;
    assert_eq!(guarded.status.code(), Some(1), "the guard holds without --allow-target");
    assert!(stderr(&guarded).contains("127.0.0.1"), "{}", stderr(&guarded));
    assert_eq!(origin.hits_of("/p/1"), 0);
}

#[tokio::test]
async fn a_list_comes_as_ndjson_from_a_file_or_from_stdin_without_a_progress_bar() {
    let (shell, origin) = (Shell::open(), Origin::start().await);
    let mut list = String::from("# a list\n\n");
    for number in 0..25 {
        list.push_str(&format!("{}\n", origin.url(&format!("/p/{number}"))));
    }
    list.push_str(&format!("{}\n", origin.url("/status/404")));
    list.push_str(&json!({"url": origin.url("/p/99"), "custom_id": "row-99"}).to_string());
    shell.write("urls.txt", &list);
    let flags = ["--format", "metadata", "--concurrency", "5", "--allow-target", "127.0.0.0/8"];
    for (file, stdin) in [("urls.txt", ""), ("-", list.as_str())] {
        let output = shell.run_beside(&[&["stream", file][..], &flags].concat(), stdin).await;
        let records = lines(&stdout(&output));
        assert_eq!(records.len(), 27);
        let errors: Vec<&Value> = records.iter().filter(|record| record["event"] == "error").collect();
        assert_eq!(errors.len(), 1, "a URL that failed is a line and no failure of the command");
        assert_eq!(errors[0]["data"]["code"], "http_error");
        let mut indices: Vec<u64> = records.iter().filter_map(index_of).collect();
        indices.sort_unstable();
        assert_eq!(indices, (0..27).collect::<Vec<u64>>(), "each once");
        assert!(records.iter().any(|record| record["data"]["custom_id"] == "row-99"));
        assert_eq!(stderr(&output), "", "stderr is no terminal");
    }
}

fn index_of(record: &Value) -> Option<u64> {
    let data = &record["data"];
    data["meta"]["index"].as_u64().or_else(|| data["index"].as_u64())
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_told_before_anything_is_fetched() {
    let shell = Shell::open();
    shell.write("empty.txt", "# nothing\n");
    shell.write("broken.txt", "https://a.example/\n{\"url\": }\n");
    assert!(usage_error(&shell.run(&["stream", "empty.txt"])).contains("no URL"));
    assert!(usage_error(&shell.run(&["stream", "broken.txt"])).contains("line 2"));
    let missing = shell.run(&["stream", "missing.txt"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).contains("missing.txt"));
    assert!(usage_error(&shell.run(&["stream", "empty.txt", "--concurrency", "101"])).contains("1..=100"));
}

#[tokio::test]
async fn a_server_that_runs_is_asked_with_a_key() {
    let (shell, world) = (Shell::open(), World::start().await);
    let base = world.server.base_url();
    let there = ["--server", base.as_str(), "--api-key", world.key.as_str()];
    let url = world.origin.url("/p/1");
    let page = shell.run_beside(&[&["scrape", &url, "--format", "metadata"], &there[..]].concat(), "").await;
    assert_eq!(lines(&stdout(&page))[0]["data"]["metadata"]["title"], "Product 1 – Shop");
    let pages =
        shell.run_beside(&[&["stream", "-", "--format", "metadata"], &there[..]].concat(), &url).await;
    assert_eq!(lines(&stdout(&pages))[0]["event"], "page");
    let stranger = ["scrape", &url, "--server", &base, "--api-key", "pw_live_typo"];
    let refused = shell.run_beside(&stranger, "").await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("malformed_key") || stderr(&refused).contains("not a key"));
    assert!(usage_error(&shell.run(&["scrape", &url, "--server", &base])).contains("--api-key"));
}

#[tokio::test]
async fn keys_need_no_server_and_stand_alone_on_stdout() {
    let shell = Shell::open();
    let make =
        ["apikey", "create", "--name", "mine", "--scopes", "scrape,stream:write", "--data-dir", "there"];
    let key = stdout(&shell.run(&make));
    let (key, rest) = key.split_once('\n').expect("a line");
    assert!(key.starts_with("pw_live_") && key.len() == 40 && rest.is_empty(), "{key:?} {rest:?}");
    let sandbox = stdout(&shell.run(&[&make[..], &["--sandbox"]].concat()));
    assert!(sandbox.starts_with("pw_test_"), "{sandbox}");

    let listed = lines(&stdout(&shell.run(&["apikey", "list", "--json", "--data-dir", "there"])));
    assert_eq!(listed.len(), 2);
    let id = listed.iter().find(|listed| listed["sandbox"] == false).and_then(|listed| listed["id"].as_str());
    let table = stdout(&shell.run(&["apikey", "list", "--data-dir", "there"]));
    assert!(table.contains("mine") && table.contains("scrape") && !table.contains(key), "{table}");

    let revoke = ["apikey", "revoke", id.expect("an id"), "--data-dir", "there"];
    assert!(stdout(&shell.run(&revoke)).contains("revoked"));
    assert!(stdout(&shell.run(&revoke)).contains("before"), "twice is no fault");
    let unknown = ["apikey", "revoke", "key_0198f3c2a5b07d1e8a3b5c7d9e0f1a2b", "--data-dir", "there"];
    assert_eq!(shell.run(&unknown).status.code(), Some(1));
    let nowhere = shell.run(&["apikey", "list", "--data-dir", "nowhere"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(!shell.path().join("nowhere").exists(), "looking makes nothing");
}

#[tokio::test]
async fn a_key_made_before_the_server_starts_works_once_it_has() {
    let mut world = World::start().await;
    world.server.kill_9();
    let key = world.server.create_key(&["scrape"]);
    world.server.restart().await;
    let answer = http::get(world.server.address(), "/v1/usage", Some(&key)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn a_setting_that_does_not_exist_is_named_wherever_it_stands() {
    let shell = Shell::open();
    shell.write("good.toml", "[server]\nlisten = \"127.0.0.1:7800\"\n");
    assert!(stdout(&shell.run(&["config", "check", "good.toml"])).contains("valid"));
    shell.write("key.toml", "[server]\nlisten_on = \"127.0.0.1:7800\"\n");
    shell.write("section.toml", "[severs]\nlisten = \"127.0.0.1:7800\"\n");
    shell.write("range.toml", "[stream]\nping_s = 0\n\n[scheduler]\nfetches_max = 0\n");
    shell.write("broken.toml", "[server\n");
    for (file, named) in [
        ("key.toml", &["listen_on"][..]),
        ("section.toml", &["severs"]),
        ("range.toml", &["ping_s", "fetches_max"]),
        ("broken.toml", &["broken.toml", "line 1"]),
        ("missing.toml", &["missing.toml"]),
    ] {
        for command in [
            &["config", "check", file][..],
            &["config", "show", "--config", file],
            &["serve", "--config", file],
        ] {
            let error = usage_error(&shell.run(command));
            for name in named {
                assert!(error.contains(name), "{command:?}: {error}");
            }
        }
    }
    let output = shell.command(&["config", "check"]).env("PAGEWIRE_SERVER__LISTNE", "x").output();
    let error = usage_error(&output.expect("the binary runs"));
    assert!(error.contains("PAGEWIRE_SERVER__LISTNE"), "{error}");
    assert!(!shell.path().join("pagewire-data").exists(), "nothing was started");
}

#[test]
fn the_environment_lies_over_the_file_and_the_file_over_the_defaults() {
    let shell = Shell::open();
    shell.write("own.toml", "[stream]\nping_s = 11\nresume_window_s = 12\n");
    let shown = shell
        .command(&["config", "show", "--config", "own.toml"])
        .env("PAGEWIRE_STREAM__PING_S", "13")
        .output();
    let shown = stdout(&shown.expect("the binary runs"));
    let stream = shown.split("[stream]").nth(1).and_then(|rest| rest.split("\n[").next()).expect("a section");
    for line in ["ping_s = 13", "resume_window_s = 12", "wall_time_s = 21600"] {
        assert!(stream.lines().any(|have| have == line), "{line} in {stream}");
    }
    // What is shown is a configuration.
    shell.write("shown.toml", &shown);
    assert!(stdout(&shell.run(&["config", "check", "shown.toml"])).contains("valid"));
}

#[tokio::test]
async fn a_flag_lies_over_the_environment() {
    // The server is started with `--listen 127.0.0.1:0`: were it not the last word, it would not come up there.
    let options = Options::new(EXE).config("[server]\nlisten = \"203.0.113.1:1\"\n");
    let server = options.environment("PAGEWIRE_SERVER__LISTEN", "203.0.113.2:2").start().await;
    assert_eq!(http::get(server.address(), "/healthz", None).await.status, 200);
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_ends_the_command_quietly() {
    let (shell, origin) = (Shell::open(), Origin::start().await);
    let urls: String = (0..500).map(|number| format!("{}\n", origin.url(&format!("/p/{number}")))).collect();
    shell.write("urls.txt", &urls);
    let mut command =
        shell.command(&["stream", "urls.txt", "--format", "raw_html", "--allow-target", "127.0.0.0/8"]);
    let run = move || {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        drop(child.stdout.take());
        child.wait_with_output().expect("it ends")
    };
    let output = tokio::task::spawn_blocking(run).await.expect("it was waited for");
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}
