//! Jobs by the command line: made, followed, looked at, ended, and their files fetched.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Output, Stdio};

use pagewire_testkit::DEADLINE;
use serde_json::{Value, json};

use crate::shell::{Desk, Shell, lines, stderr, stdout, usage_error};
use crate::world::EXE;

/// The id that stands alone on stdout.
fn id_of(output: &Output) -> String {
    let text = stdout(output);
    let (id, rest) = text.split_once('\n').expect("a line");
    assert!(id.starts_with("job_") && rest.is_empty(), "{text:?}");
    id.to_owned()
}

#[tokio::test]
async fn a_list_becomes_files_in_three_commands() {
    let desk = Desk::open().await;
    let mut list: String = "url,custom_id\r\n".to_owned();
    for (number, url) in desk.world.origin.product_urls(20).iter().enumerate() {
        list.push_str(&format!("{url},row-{number}\r\n"));
    }
    list.push_str(&format!("{},row-gone\r\n", desk.world.origin.url("/status/404")));
    desk.shell.write("shops.csv", &list);
    desk.shell.write("fields.json", "{\"name\": \"string\", \"price\": \"number\"}");

    let made = desk
        .run(&[
            "job",
            "create",
            "shops.csv",
            "--extract",
            "@fields.json",
            "--output",
            "csv",
            "--name",
            "shops",
            "--concurrency",
            "8",
            "--wait",
        ])
        .await;
    let id = id_of(&made);
    let told = stderr(&made);
    assert_eq!(told.lines().last(), Some("completed: 21 of 21 done, 1 failed"), "{told}");
    assert!(!told.contains('\u{1b}'), "stderr is no terminal: {told:?}");

    let job = desk.job(&id).await;
    assert_eq!(
        (&job["status"], &job["name"], &job["urls_errored"]),
        (&json!("completed"), &json!("shops"), &json!(1))
    );
    let shown = stdout(&desk.run(&["job", "get", &id]).await);
    assert!(
        shown.contains("status       completed\n") && shown.contains("21 of 21 done, 1 failed"),
        "{shown}"
    );

    let paths = stdout(&desk.run(&["job", "download", &id, "--dir", "results/shops"]).await);
    assert_eq!(paths, format!("results/shops/{id}.csv\n"));
    assert_eq!(desk.files("results/shops"), [format!("{id}.csv")], "nothing else is left there");
    let file = std::fs::read_to_string(desk.shell.path().join(paths.trim_end())).expect("a file");
    assert!(file.starts_with("url,status,http_status,error_code,fetched_at,name,price\r\n"), "{file}");
    assert_eq!(file.lines().count(), 22);
    let again = desk.run(&["job", "download", &id, "--dir", "results/shops"]).await;
    assert_eq!(stdout(&again), paths, "what is there and is the same stays");
}

#[tokio::test]
async fn a_bar_stands_on_a_terminal_and_leaves_it_as_it_was() {
    let desk = Desk::open().await;
    let (url, server) = (desk.world.origin.url("/slow/700"), desk.world.server.base_url());
    let line = format!("{EXE} job create {url} --format metadata --wait --server {server}");
    // `script` is a terminal to the command that it runs.
    let mut terminal = std::process::Command::new("script");
    terminal.current_dir(desk.shell.path()).args(["-qec", &line, "/dev/null"]).stdin(Stdio::null());
    terminal.env("PAGEWIRE_API_KEY", &desk.world.key);
    let output = tokio::task::spawn_blocking(move || terminal.output().expect("script runs")).await;
    let seen = stdout(&output.expect("it was waited for"));
    let (bar, rest) = seen.rsplit_once("\u{1b}[2K").expect("a line is drawn anew and cleared in the end");
    assert!(bar.contains('░') && bar.contains("0/1"), "{seen:?}");
    assert_eq!(rest.trim_end(), "completed: 1 of 1 done, 0 failed", "{seen:?}");
}

#[tokio::test]
async fn urls_are_arguments_and_the_answer_is_json_where_asked_for() {
    let desk = Desk::open().await;
    let urls = desk.world.origin.product_urls(2);
    let made = desk.run(&["job", "create", &urls[0], &urls[1], "--format", "metadata", "--json"]).await;
    let accepted = lines(&stdout(&made)).remove(0);
    assert_eq!((&accepted["status"], &accepted["urls_total"]), (&json!("queued"), &json!(2)));
    let id = accepted["id"].as_str().expect("an id");
    let watched = desk.run(&["job", "watch", id, "--records"]).await;
    let records = lines(&stdout(&watched));
    let mut ids: Vec<&str> = records.iter().map(|record| record["id"].as_str().expect("an id")).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["0001", "0002"]);
    assert!(records.iter().all(|record| record["event"] == "page" && record["data"]["http_status"] == 200));
    let rest = desk.run(&["job", "watch", id, "--records", "--after", "0001"]).await;
    assert_eq!(lines(&stdout(&rest)).len(), 1);
    let quiet = desk.run(&["job", "watch", id]).await;
    assert_eq!(stdout(&quiet), "", "without --records nothing stands on stdout");
}

#[tokio::test]
async fn jobs_are_listed_by_state_over_as_many_pages_as_it_takes() {
    let desk = Desk::open().await;
    let url = desk.world.origin.url("/p/1");
    let mut ids = Vec::new();
    for name in ["one", "two", "three"] {
        let made = desk.run(&["job", "create", &url, "--format", "metadata", "--name", name, "--wait"]).await;
        ids.insert(0, id_of(&made));
    }
    let listed = async |arguments: &[&str]| {
        let output = desk.run(&[&["job", "list", "--json"], arguments].concat()).await;
        let jobs = lines(&stdout(&output));
        jobs.iter().map(|job| job["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&[]).await, ids);
    assert_eq!(listed(&["--limit", "2"]).await, ids[..2]);
    assert_eq!(listed(&["--status", "completed", "--limit", "500"]).await, ids);
    assert_eq!(listed(&["--status", "running"]).await, Vec::<String>::new());
    let table = stdout(&desk.run(&["job", "list"]).await);
    assert!(table.starts_with("id ") && table.contains("three") && table.lines().count() == 4, "{table}");
    let wrong = desk.run(&["job", "list", "--status", "asleep"]).await;
    assert_eq!(wrong.status.code(), Some(1));
    assert!(stderr(&wrong).contains("queued"), "{}", stderr(&wrong));
}

#[tokio::test]
async fn a_cancelled_job_ends_whoever_waits_for_it_with_4() {
    let desk = Desk::open().await;
    let list: Vec<String> =
        (0..300).map(|n| json!(desk.world.origin.url(&format!("/slow/100?n={n}"))).to_string()).collect();
    let made = desk
        .run_with(
            &["job", "create", "-", "--input-format", "ndjson", "--format", "metadata", "--concurrency", "4"],
            &list.join("\n"),
        )
        .await;
    let id = id_of(&made);
    let early = desk.run(&["job", "download", &id]).await;
    assert_eq!(early.status.code(), Some(1));
    assert!(stderr(&early).contains("when it has ended"), "{}", stderr(&early));
    assert!(desk.world.origin.wait_for_hits(|hits| hits >= 4).await);
    let (watch, cancel) = (["job", "watch", id.as_str()], ["job", "cancel", id.as_str()]);
    // Whichever comes first: it ends the same.
    let (watched, cancelled) = tokio::join!(desk.run(&watch), desk.run(&cancel));
    assert_eq!(stdout(&cancelled), format!("{id} is being cancelled\n"));
    assert_eq!(watched.status.code(), Some(4), "{}", stderr(&watched));
    assert!(stderr(&watched).ends_with("error: the job was cancelled\n"), "{}", stderr(&watched));
    let again = desk.run(&["job", "cancel", &id]).await;
    assert_eq!(stdout(&again), format!("{id} has ended: cancelled\n"));
    assert_eq!(desk.job(&id).await["status"], "cancelled");
    assert!(stdout(&desk.run(&["job", "download", &id, "--dir", "part"]).await).starts_with("part/job_"));
}

#[tokio::test]
async fn an_upload_goes_as_it_is_and_its_id_stands_alone() {
    let desk = Desk::open().await;
    let urls = desk.world.origin.product_urls(3);
    let list: String = urls.iter().map(|url| format!("{}\n", json!(url))).collect();
    desk.shell.write("urls.jsonl", &list);
    let packed = packed(&list);
    // Whatever it is called, gzip is sent as gzip.
    std::fs::write(desk.shell.path().join("urls.ndjson"), &packed).expect("a file");

    let plain = lines(&stdout(&desk.run(&["upload", "urls.jsonl", "--json"]).await)).remove(0);
    let zipped = lines(&stdout(&desk.run(&["upload", "urls.ndjson", "--json"]).await)).remove(0);
    assert_eq!((&plain["urls"], &plain["bytes"]), (&json!(3), &json!(list.len())));
    assert_eq!((&zipped["urls"], &zipped["bytes"]), (&json!(3), &json!(packed.len())));
    let alone =
        stdout(&desk.run_with(&["upload", "-", "--format", "csv"], &format!("url\n{}\n", urls[0])).await);
    let upload = alone.strip_suffix('\n').expect("a line");
    assert!(upload.starts_with("upl_"), "{alone}");
    let made = desk.run(&["job", "create", "--upload-id", upload, "--format", "metadata", "--wait"]).await;
    assert_eq!(desk.job(&id_of(&made)).await["urls_total"], 1);

    desk.shell.write("bad.ndjson", &format!("{list}\"ftp://example.com/\"\n"));
    let refused = desk.run(&["upload", "bad.ndjson"]).await;
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0));
    assert!(
        stderr(&refused).contains("/lines/4") || stderr(&refused).contains("no URL"),
        "{}",
        stderr(&refused)
    );
    let kept = desk.run(&["upload", "bad.ndjson", "--on-invalid", "record"]).await;
    assert!(stdout(&kept).starts_with("upl_") && stderr(&kept).contains("line 4 is kept as an error"));
}

fn packed(text: &str) -> Vec<u8> {
    let mut gzip = std::process::Command::new("gzip");
    let mut child = gzip.arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("gzip runs");
    child.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("written");
    child.wait_with_output().expect("it ends").stdout
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_before_anything_is_sent() {
    let shell = Shell::open();
    shell.write("urls.txt", "http://a.example/\n");
    let run = |arguments: &[&str]| {
        shell.run(&[arguments, &["--api-key", "k", "--server", "http://127.0.0.1:9"]].concat())
    };
    assert!(usage_error(&run(&["job", "create"])).contains("URL|FILE|-"));
    assert!(usage_error(&run(&["job", "create", "urls.txt"])).contains(".ndjson"));
    assert!(usage_error(&run(&["job", "create", "http://a/", "urls.txt"])).contains("one file"));
    assert!(
        usage_error(&run(&["job", "create", "http://a/", "--upload-id", "upl_1"])).contains("--upload-id")
    );
    assert!(
        usage_error(&run(&["job", "create", "--gcs-uri", "gs://b/k", "--role-arn", "arn:x"]))
            .contains("--role-arn")
    );
    assert!(usage_error(&run(&["job", "create", "a.csv", "--idempotency-key", "k"])).contains("upload"));
    assert!(usage_error(&run(&["upload", "-"])).contains("stdin"));
    assert!(usage_error(&shell.run(&["job", "list"])).contains("--api-key"));
    let strange = run(&["job", "get", "../keys"]);
    assert_eq!(strange.status.code(), Some(1));
    assert!(stderr(&strange).contains("no id"), "{}", stderr(&strange));
}

#[tokio::test]
async fn a_command_repeated_with_its_key_makes_one_job() {
    let desk = Desk::open().await;
    let url = desk.world.origin.url("/p/1");
    let make = ["job", "create", url.as_str(), "--format", "metadata", "--idempotency-key", "mine"];
    assert_eq!(id_of(&desk.run(&make).await), id_of(&desk.run(&make).await));
}

#[tokio::test]
async fn what_failed_is_retried_by_its_jobs_id() {
    let desk = Desk::open().await;
    let site = &desk.world.origin;
    let urls = [site.url("/p/1"), site.url("/status/404?1"), site.url("/status/404?2")];
    let make = ["job", "create", &urls[0], &urls[1], &urls[2], "--format", "metadata", "--wait"];
    let id = id_of(&desk.run(&make).await);
    let again = desk.run(&["job", "retry", &id, "--wait", "--idempotency-key", "k"]).await;
    let told = stderr(&again);
    assert_eq!(told.lines().last(), Some("completed: 2 of 2 done, 2 failed"), "{told}");
    let once = desk.run(&["job", "retry", &id, "--idempotency-key", "k", "--json"]).await;
    assert_eq!(lines(&stdout(&once))[0]["id"], json!(id_of(&again)));
    let made = desk.run(&["job", "create", &urls[0], "--format", "metadata", "--wait"]).await;
    let nothing = desk.run(&["job", "retry", &id_of(&made)]).await;
    assert_eq!(nothing.status.code(), Some(1));
    assert!(stderr(&nothing).contains("nothing to retry"), "{}", stderr(&nothing));
}

#[tokio::test]
async fn a_streams_job_works_in_each_command() {
    let mut desk = Desk::open().await;
    let mut urls = desk.world.origin.product_urls(4);
    urls.push(desk.world.origin.url("/status/404"));
    let frames = desk.world.read(&crate::world::light(&urls, 4)).await;
    let id = frames.last().expect("an end").json()["job_id"].as_str().expect("an id").to_owned();
    let listed = lines(&stdout(&desk.run(&["job", "list", "--json"]).await));
    assert_eq!((&listed[0]["id"], &listed[0]["kind"]), (&json!(id), &json!("stream")));
    let watched = desk.run(&["job", "watch", &id, "--records"]).await;
    assert_eq!(lines(&stdout(&watched)).len(), 5);
    assert_eq!(stdout(&desk.run(&["job", "cancel", &id]).await), format!("{id} has ended: completed\n"));

    // Its files are made when they are first asked for: here by the command, behind a crash.
    desk.world.server.restart().await;
    let path = stdout(&desk.run(&["job", "download", &id, "--dir", "first"]).await);
    assert_eq!(path, format!("first/{id}.ndjson\n"));
    let first = std::fs::read_to_string(desk.shell.path().join(path.trim_end())).expect("a file");
    let mut indexes: Vec<u64> = lines(&first)
        .iter()
        .map(|record| record["meta"]["index"].as_u64().or(record["index"].as_u64()).expect("an index"))
        .collect();
    indexes.sort_unstable();
    assert_eq!(indexes, [0, 1, 2, 3, 4]);
    desk.world.server.restart().await;
    let path = stdout(&desk.run(&["job", "download", &id, "--dir", "second"]).await);
    assert_eq!(
        std::fs::read_to_string(desk.shell.path().join(path.trim_end())).expect("a file"),
        first,
        "the same after another crash"
    );
    let shown = stdout(&desk.run(&["job", "get", &id]).await);
    assert!(shown.contains("kind         stream\n") && shown.contains(&format!("{id}.ndjson, ")), "{shown}");
    let again = desk.run(&["job", "retry", &id, "--wait"]).await;
    assert_eq!(stderr(&again).lines().last(), Some("completed: 1 of 1 done, 1 failed"));
    assert_eq!(desk.job(&id_of(&again)).await["kind"], "job");
}

#[tokio::test]
async fn links_work_with_curl_whole_in_parts_and_for_their_head() {
    let desk = Desk::open().await;
    let made =
        desk.run(&["job", "create", &desk.world.origin.url("/p/1"), "--format", "metadata", "--wait"]).await;
    let job = desk.job(&id_of(&made)).await;
    let link = job["download_url"].as_str().expect("a link");
    let curl = |arguments: &[&str]| {
        let mut command = std::process::Command::new("curl");
        let output = command
            .env_clear()
            .current_dir(desk.shell.path())
            .args(["-sS", "--noproxy", "*", "--max-time", "20"])
            .args(arguments)
            .arg(link)
            .output();
        let output = output.expect("curl runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let whole = curl(&[]);
    assert_eq!(whole.len() as u64, job["files"][0]["bytes"].as_u64().expect("a number"));
    assert_eq!(curl(&["-r", "5-14"]), &whole[5..15]);
    assert_eq!(curl(&["-r", "-7"]), &whole[whole.len() - 7..]);
    let head = String::from_utf8(curl(&["-I"])).expect("ASCII").to_ascii_lowercase();
    assert!(
        head.contains(&format!("content-length: {}\r\n", whole.len()))
            && head.contains("accept-ranges: bytes"),
        "{head}"
    );
    // `-C -` goes on behind what is there, and `-O -J` takes the name from `Content-Disposition`.
    desk.shell.write("begun", std::str::from_utf8(&whole[..9]).expect("ASCII"));
    curl(&["-C", "-", "-o", "begun"]);
    assert_eq!(std::fs::read(desk.shell.path().join("begun")).expect("a file"), whole);
    curl(&["-O", "-J"]);
    let name = job["files"][0]["name"].as_str().expect("a name");
    assert_eq!(std::fs::read(desk.shell.path().join(name)).expect("a file"), whole);
}

/// A server that answers each connection with the next of the answers, and closes it; gives the heads of the requests.
struct Scripted {
    address: SocketAddr,
    served: std::thread::JoinHandle<Vec<String>>,
}

impl Scripted {
    fn start(answers: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let served = std::thread::spawn(move || {
            answers.into_iter().map(|answer| serve_one(&listener, &answer)).collect()
        });
        Self { address, served }
    }

    fn run(&self, shell: &Shell, arguments: &[&str]) -> Output {
        let base = format!("http://{}", self.address);
        shell.run(&[arguments, &["--server", &base, "--api-key", "k"]].concat())
    }

    fn requests(self) -> Vec<String> {
        self.served.join().expect("all were served")
    }
}

fn serve_one(listener: &TcpListener, answer: &[u8]) -> String {
    let (mut socket, _) = listener.accept().expect("a connection");
    socket.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    while !request.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        let read = socket.read(&mut piece).expect("a request");
        assert!(read > 0, "the request was cut off");
        request.extend_from_slice(&piece[..read]);
    }
    socket.write_all(answer).expect("sent");
    socket.shutdown(std::net::Shutdown::Write).expect("closed");
    while socket.read(&mut piece).is_ok_and(|read| read > 0) {}
    String::from_utf8_lossy(&request).to_ascii_lowercase()
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn job_body(files: &Value) -> Value {
    json!({"id": "job_1", "name": null, "kind": "job", "status": "completed", "urls_total": 1, "urls_done": 1,
        "urls_errored": 0, "credits_used": 1, "eta_s": null, "created_at": "2026-01-01T00:00:00Z", "started_at": null,
        "finished_at": "2026-01-01T00:00:01Z", "error": null, "download_url": null, "download_url_expires_at": null, "files": files})
}

fn job_with(files: &Value) -> Vec<u8> {
    let job = job_body(files);
    answer("200 OK", "content-type: application/json\r\n", job.to_string().as_bytes())
}

const CONTENT: &[u8] = b"0123456789abcdef";
const CONTENT_SHA256: &str = "9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f";

/// The job's one file, to be had at that server.
fn file_at(address: SocketAddr, name: &str) -> Value {
    json!([{"name": name, "url": format!("http://{address}/d/x"), "bytes": CONTENT.len(), "rows": 1, "sha256": CONTENT_SHA256}])
}

/// The job is told by one server, its file by another: who tells of a file must know where that is.
fn download(shell: &Shell, name: &str, answers: Vec<Vec<u8>>) -> (Output, Vec<String>) {
    let files = Scripted::start(answers);
    let jobs = Scripted::start(vec![job_with(&file_at(files.address, name))]);
    let output = jobs.run(shell, &["job", "download", "job_1", "--dir", "out"]);
    jobs.requests();
    (output, files.requests())
}

#[test]
fn a_watch_goes_on_after_a_cut_behind_the_last_record_that_came_whole() {
    let shell = Shell::open();
    let page = |id: u32| format!("event: page\ndata: {{\"n\":{id}}}\nid: {id:04}\n\n");
    let stream = |frames: &str| answer("200 OK", "content-type: text/event-stream\r\n", frames.as_bytes());
    let done = "event: done\ndata: {\"status\":\"completed\",\"completed\":3,\"total\":3,\"errored\":0}\n\n";
    let server = Scripted::start(vec![
        stream(&format!(": hello\n\n{}{}", page(1), &page(2)[..20])),
        stream(&format!("{}{}{done}", page(2), page(3))),
    ]);
    let watched = server.run(&shell, &["job", "watch", "job_1", "--records"]);
    let ids: Vec<Value> = lines(&stdout(&watched)).iter().map(|record| record["id"].clone()).collect();
    assert_eq!(ids, [json!("0001"), json!("0002"), json!("0003")]);
    let requests = server.requests();
    assert!(requests[0].starts_with("get /v1/jobs/job_1/stream ") && !requests[0].contains("last-event-id"));
    assert!(requests[1].contains("last-event-id: 0001\r\n"), "{}", requests[1]);
}

#[test]
fn a_job_that_failed_says_why_and_ends_with_3() {
    let shell = Shell::open();
    let done = "event: done\ndata: {\"status\":\"failed\",\"completed\":1,\"total\":3,\"errored\":0}\n\n";
    let mut job = job_body(&json!([]));
    (job["status"], job["error"]) = (json!("failed"), json!("the list is gone"));
    let server = Scripted::start(vec![
        answer("200 OK", "content-type: text/event-stream\r\n", done.as_bytes()),
        answer("200 OK", "content-type: application/json\r\n", job.to_string().as_bytes()),
    ]);
    let watched = server.run(&shell, &["job", "watch", "job_1"]);
    assert_eq!(watched.status.code(), Some(3));
    assert!(
        stderr(&watched)
            .ends_with("failed: 1 of 3 done, 0 failed\nerror: the job failed: the list is gone\n"),
        "{}",
        stderr(&watched)
    );
    server.requests();
}

#[test]
fn files_that_are_being_made_are_waited_for() {
    let shell = Shell::open();
    let files = Scripted::start(vec![answer("200 OK", "content-length: 16\r\n", CONTENT)]);
    let mut pending = job_body(&json!([]));
    pending["files_pending"] = json!(true);
    let pending = answer("200 OK", "content-type: application/json\r\n", pending.to_string().as_bytes());
    let there = job_with(&file_at(files.address, "a.ndjson"));
    let jobs = Scripted::start(vec![pending.clone(), pending, there]);
    let output = jobs.run(&shell, &["job", "download", "job_1"]);
    assert_eq!(stdout(&output), "./a.ndjson\n");
    assert_eq!(stderr(&output), "the files are being made\n");
    assert_eq!((jobs.requests().len(), files.requests().len()), (3, 1));
}

#[tokio::test]
async fn a_job_keeps_its_pages_by_a_flag_and_another_command_reads_them_with_their_site_gone() {
    let desk = Desk::open().await;
    let urls = desk.world.origin.product_urls(3);
    let mut arguments = vec!["job", "create", "--warc", "--extract", "{\"name\": \"string\"}", "--wait"];
    arguments.extend(urls.iter().map(String::as_str));
    let id = id_of(&desk.run(&arguments).await);
    let paths = stdout(&desk.run(&["job", "download", &id, "--dir", "kept"]).await);
    assert_eq!(paths, format!("kept/{id}.ndjson\nkept/{id}.warc.gz\n"));

    let hits = desk.world.origin.hits();
    let fields = "{\"name\": \"string\", \"price\": \"number\"}";
    let again =
        ["job", "reextract", &id, "--extract", fields, "--output", "csv", "--name", "again", "--wait"];
    let keyed = [&again[..], &["--idempotency-key", "once"]].concat();
    let made = desk.run(&keyed).await;
    assert_eq!(stderr(&made).lines().last(), Some("completed: 3 of 3 done, 0 failed"), "{}", stderr(&made));
    let new = id_of(&made);
    assert_eq!(id_of(&desk.run(&keyed).await), new, "the key makes one job");
    assert_eq!(desk.job(&new).await["name"], "again");
    stdout(&desk.run(&["job", "download", &new, "--dir", "again"]).await);
    let file = std::fs::read_to_string(desk.shell.path().join(format!("again/{new}.csv"))).expect("a file");
    assert!(file.starts_with("url,status,http_status,error_code,fetched_at,name,price\r\n"), "{file}");
    assert!(file.contains(",Product 2,"), "{file}");
    assert_eq!(desk.world.origin.hits(), hits, "nothing is fetched");

    let refused = desk.run(&["job", "reextract", &new]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("has no archive"), "{}", stderr(&refused));
}

#[test]
fn a_cut_download_goes_on_where_it_stopped() {
    let shell = Shell::open();
    let (output, requests) = download(
        &shell,
        "a.ndjson",
        vec![
            answer("200 OK", "content-length: 16\r\n", &CONTENT[..5]),
            answer(
                "206 Partial Content",
                "content-range: bytes 5-15/16\r\ncontent-length: 11\r\n",
                &CONTENT[5..9],
            ),
            answer("200 OK", "content-length: 16\r\n", CONTENT),
        ],
    );
    assert_eq!(stdout(&output), "out/a.ndjson\n");
    assert_eq!(std::fs::read(shell.path().join("out/a.ndjson")).expect("a file"), CONTENT);
    assert!(!requests[0].contains("range:") && requests[1].contains("range: bytes=5-\r\n"), "{requests:?}");
    assert!(requests[2].contains("range: bytes=9-\r\n"), "{requests:?}");
    assert!(
        requests.iter().all(|request| !request.contains("authorization")),
        "a link needs no key: {requests:?}"
    );
}

#[test]
fn what_an_earlier_command_left_is_taken_up_and_a_damaged_rest_is_not_kept() {
    let shell = Shell::open();
    std::fs::create_dir(shell.path().join("out")).expect("a directory");
    let part = format!("out/.a.ndjson.{}.part", &CONTENT_SHA256[..16]);
    shell.write(&part, "0123");
    let rest = answer(
        "206 Partial Content",
        "content-range: bytes 4-15/16\r\ncontent-length: 12\r\n",
        &CONTENT[4..],
    );
    let (output, requests) = download(&shell, "a.ndjson", vec![rest.clone()]);
    assert_eq!(stdout(&output), "out/a.ndjson\n");
    assert!(requests[0].contains("range: bytes=4-\r\n"), "{requests:?}");

    std::fs::remove_file(shell.path().join("out/a.ndjson")).expect("removed");
    shell.write(&part, "XXXX");
    let (output, _) =
        download(&shell, "a.ndjson", vec![rest, answer("200 OK", "content-length: 16\r\n", CONTENT)]);
    assert_eq!(stdout(&output), "out/a.ndjson\n", "once more, all of it");
    assert_eq!(std::fs::read(shell.path().join("out/a.ndjson")).expect("a file"), CONTENT);
}

#[test]
fn a_file_that_is_not_what_the_job_wrote_gets_no_name() {
    let shell = Shell::open();
    let (output, _) =
        download(&shell, "a.ndjson", vec![answer("200 OK", "content-length: 16\r\n", b"0123456789abcdeX")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("SHA-256"), "{}", stderr(&output));
    assert_eq!(std::fs::read_dir(shell.path().join("out")).expect("a directory").count(), 0);
}

#[test]
fn another_file_of_that_name_is_replaced_only_by_force_and_a_link_is_never_followed() {
    let shell = Shell::open();
    std::fs::create_dir(shell.path().join("out")).expect("a directory");
    shell.write("out/a.ndjson", "mine");
    let (output, _) = download(&shell, "a.ndjson", vec![]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("--force"), "{}", stderr(&output));
    shell.write("elsewhere", "precious");
    let part = shell.path().join(format!("out/.b.ndjson.{}.part", &CONTENT_SHA256[..16]));
    std::os::unix::fs::symlink(shell.path().join("elsewhere"), part).expect("a link");
    let (output, _) = download(&shell, "b.ndjson", vec![]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(shell.path().join("elsewhere")).expect("a file"), "precious");
    assert_eq!(std::fs::read_to_string(shell.path().join("out/a.ndjson")).expect("a file"), "mine");
}

#[test]
fn a_name_that_leads_elsewhere_is_never_written_under() {
    for name in ["../a", "/tmp/a", "a/b", "..", "", ".hidden", "a\u{0}b", "a\nb", "C:\\a"] {
        let shell = Shell::open();
        let (output, requests) = download(&shell, name, vec![]);
        assert_eq!(output.status.code(), Some(1), "{name:?}");
        assert!(stderr(&output).contains("no name to write under"), "{name:?}: {}", stderr(&output));
        assert!(requests.is_empty() && !shell.path().join("out").exists(), "{name:?}");
    }
}
