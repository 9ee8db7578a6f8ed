//! `pagewire doctor`: what is wrong with a machine is told with the way to mend it, and nothing is changed.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::shell::Shell;
use crate::world::World;

/// What is found, by check.
fn findings(output: &Output) -> Value {
    let told: Value = serde_json::from_slice(&output.stdout).expect("one line of JSON");
    let mut by_check = serde_json::Map::new();
    for finding in told["findings"].as_array().expect("findings") {
        by_check.insert(finding["check"].as_str().expect("a name").to_owned(), finding.clone());
        let is_ok = finding["verdict"] == "ok";
        assert_eq!(finding["mend"].is_null(), is_ok, "what is not well has its mend: {finding}");
    }
    let failed = by_check.values().any(|finding| finding["verdict"] == "fail");
    assert_eq!((told["fit"] == false, output.status.code()), (failed, Some(i32::from(failed))), "{told}");
    Value::Object(by_check)
}

fn verdict<'v>(findings: &'v Value, check: &str) -> &'v str {
    findings[check]["verdict"].as_str().unwrap_or_else(|| panic!("no finding of {check}: {findings}"))
}

#[test]
fn a_fit_machine_is_told_so_and_left_as_it_was() {
    let shell = Shell::open();
    let output = shell.run(&["doctor", "--json", "--data-dir", "new/data", "--listen", "127.0.0.1:0"]);
    let found = findings(&output);
    for check in ["configuration", "data directory", "clock", "port"] {
        assert_eq!(verdict(&found, check), "ok", "{found}");
    }
    assert!(!shell.path().join("new").exists(), "nothing is made");
    let text = shell.run(&["doctor", "--data-dir", "new/data", "--listen", "127.0.0.1:0"]);
    let text = String::from_utf8(text.stdout).expect("text");
    assert!(text.contains("ok    configuration"), "{text}");
}

#[test]
fn a_configuration_at_fault_is_named() {
    let shell = Shell::open();
    shell.write("bad.toml", "[scheduler]\nfetches_max = 0\n");
    let output = shell.run(&["doctor", "--json", "--config", "bad.toml"]);
    let found = findings(&output);
    assert_eq!(verdict(&found, "configuration"), "fail");
    assert!(
        found["configuration"]["detail"].as_str().is_some_and(|text| text.contains("fetches_max")),
        "{found}"
    );
}

#[test]
fn a_data_directory_that_cannot_be_and_a_port_that_is_taken_fail() {
    let shell = Shell::open();
    shell.write("file", "");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let found = findings(&shell.run(&["doctor", "--json", "--data-dir", "file/data", "--listen", &address]));
    assert_eq!((verdict(&found, "data directory"), verdict(&found, "port")), ("fail", "fail"));
    assert!(found["port"]["mend"].as_str().is_some_and(|mend| mend.contains("server.listen")), "{found}");
}

#[test]
fn a_clock_behind_what_was_written_fails() {
    let shell = Shell::open();
    fs::create_dir_all(shell.path().join("data/journals")).expect("made");
    let segment = File::create(shell.path().join("data/journals/1.pwj")).expect("made");
    segment.set_modified(SystemTime::now() + Duration::from_secs(2 * 86_400)).expect("set");
    let found = findings(&shell.run(&["doctor", "--json", "--data-dir", "data", "--listen", "127.0.0.1:0"]));
    assert_eq!(verdict(&found, "clock"), "fail");
}

#[test]
fn too_few_open_files_are_told_against_the_configuration() {
    let shell = Shell::open();
    for (limit, connections, verdict_wanted) in
        [(64, 100, "fail"), (1_024, 10_000, "warn"), (4_096, 100, "ok")]
    {
        shell.write("own.toml", &format!("[server]\nconnections_max = {connections}\n"));
        let command = format!(
            "ulimit -n {limit}; exec {} doctor --json --config own.toml --data-dir data --listen 127.0.0.1:0",
            crate::world::EXE
        );
        let output =
            Command::new("sh").args(["-c", &command]).current_dir(shell.path()).output().expect("sh runs");
        assert_eq!(verdict(&findings(&output), "open files"), verdict_wanted, "{limit} for {connections}");
    }
}

#[test]
fn the_browser_that_is_named_is_tried() {
    let shell = Shell::open();
    let program = shell.path().join("chromium");
    shell.write("own.toml", &format!("[render]\nbrowser = {program:?}\n"));
    let doctor = || {
        let arguments =
            ["doctor", "--json", "--config", "own.toml", "--data-dir", "data", "--listen", "127.0.0.1:0"];
        findings(&shell.run(&arguments))
    };
    let found = doctor();
    assert_eq!(verdict(&found, "browser"), "warn");
    assert!(found["browser"]["mend"].as_str().is_some_and(|mend| mend.contains("render.browser")), "{found}");
    shell.write("chromium", "#!/bin/sh\nexit 1\n");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("set");
    assert_eq!(verdict(&doctor(), "browser"), "warn", "what does not start renders nothing");
    shell.write("chromium", "#!/bin/sh\necho Chromium 156.0.1\n");
    let found = doctor();
    assert_eq!(verdict(&found, "browser"), "ok");
    assert!(found["browser"]["detail"].as_str().is_some_and(|text| text.contains("156.0.1")), "{found}");
}

#[test]
fn proxies_that_take_no_connection_are_told_by_their_places_and_not_by_their_addresses() {
    let shell = Shell::open();
    let there = TcpListener::bind("127.0.0.1:0").expect("a port");
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let there = there.local_addr().map(|address| (address, there)).expect("an address");
    let text = format!(
        "[[proxies]]\nname = 'near'\ntype = 'datacenter'\nurls = ['http://hunter:hunter2@{}', 'socks5://hunter:hunter2@{gone}']\n",
        there.0
    );
    shell.write("own.toml", &text);
    let arguments =
        ["doctor", "--json", "--config", "own.toml", "--data-dir", "data", "--listen", "127.0.0.1:0"];
    let output = shell.run(&arguments);
    let found = findings(&output);
    assert_eq!(verdict(&found, "proxies"), "warn");
    let detail = found["proxies"]["detail"].as_str().expect("text");
    assert!(
        detail.starts_with("near: 1 of 2") && detail.contains("urls[1]") && !detail.contains("urls[0]"),
        "{detail}"
    );
    assert!(!String::from_utf8_lossy(&output.stdout).contains("hunter"));
}

#[tokio::test]
async fn beside_a_server_that_runs_its_directory_and_its_port_are_well() {
    let world = World::start().await;
    let listen = world.server.address().to_string();
    let output = world.server.run(&["doctor", "--json", "--listen", &listen]);
    let found = findings(&output);
    assert_eq!((verdict(&found, "data directory"), verdict(&found, "port")), ("ok", "ok"), "{found}");
    assert!(
        found["data directory"]["detail"].as_str().is_some_and(|text| text.contains("a server runs")),
        "{found}"
    );
}
