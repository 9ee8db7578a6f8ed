use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use pagewire_fetch::{Client, FetchConfig};
use pagewire_types::{Diff, SourceSpec, SourceType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;

/// A site of one page: each fetch takes the next answer, the last one stays.
struct Site {
    url: TargetUrl,
    answers: Arc<Mutex<VecDeque<String>>>,
    /// The heads of the requests for it.
    asked: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Site {
    async fn start(robots: &'static str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (answers, asked) =
            (Arc::<Mutex<VecDeque<String>>>::default(), Arc::<Mutex<Vec<String>>>::default());
        let mut tasks = JoinSet::new();
        let shared = (answers.clone(), asked.clone());
        tasks.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (answers, asked) = &shared;
                answer_one(socket, robots, answers, asked).await;
            }
        });
        let url = TargetUrl::parse(&format!("http://{address}/page")).expect("a URL");
        Self { url, answers, asked, _tasks: tasks }
    }

    /// What the next fetches are answered with.
    fn answers(&self, answers: &[String]) {
        *lock(&self.answers) = answers.iter().cloned().collect();
        lock(&self.asked).clear();
    }

    fn asked(&self) -> Vec<String> {
        lock(&self.asked).clone()
    }
}

async fn answer_one(
    mut socket: TcpStream,
    robots: &str,
    answers: &Mutex<VecDeque<String>>,
    asked: &Mutex<Vec<String>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read_buf(&mut head).await {
            Ok(read) if read > 0 => {}
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let answer = if head.starts_with("get /robots.txt") {
        answer("200 OK", &[("content-type", "text/plain")], robots)
    } else {
        lock(asked).push(head);
        let mut answers = lock(answers);
        let next = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        next.unwrap_or_default()
    };
    // A client that has hung up has no use for it.
    let _ = socket.write_all(answer.as_bytes()).await;
    let _ = socket.shutdown().await;
}

fn answer(status: &str, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn html(body: &str) -> String {
    let page =
        format!("<title>News | Acme</title><nav><a href=/>Acme</a></nav><main><h1>News</h1>{body}</main>");
    answer("200 OK", &[("content-type", "text/html")], &page)
}

fn list(slugs: &[&str]) -> String {
    let item =
        |slug: &&str| format!("<li><a href=/n/{slug}>News of {slug}</a> <time>3 hours ago</time></li>");
    html(&format!("<ul>{}</ul>", slugs.iter().map(item).collect::<String>()))
}

fn web() -> Source {
    let allow = vec!["127.0.0.1/32".parse().expect("a range")];
    let config = FetchConfig { allow, idle_per_host_max: 0, ..FetchConfig::default() };
    Source::Web(Client::new(config).expect("a client"))
}

/// A source that is polled again and again, as the supervisor would.
struct Watched {
    spec: SourceSpec,
    url: TargetUrl,
    source: Source,
    state: Option<String>,
    now: Timestamp,
}

impl Watched {
    fn of(url: &TargetUrl) -> Self {
        let spec = SourceSpec {
            id: "acme.news".parse().expect("an id"),
            source_type: SourceType::Html,
            url: url.as_str().to_owned(),
            name: None,
            tags: Vec::new(),
            interval_s: None,
            backfill: 0,
            enabled: true,
            include_selectors: Vec::new(),
            exclude_selectors: Vec::new(),
            ignore: Vec::new(),
            protocol: None,
            headers: BTreeMap::new(),
            map: None,
            filter: BTreeMap::new(),
        };
        let now = "2026-03-01T12:00:00Z".parse().expect("a time");
        Self { spec, url: url.clone(), source: web(), state: None, now }
    }

    async fn poll(&mut self) -> Polled {
        let poll = Poll {
            spec: &self.spec,
            url: &self.url,
            state: self.state.as_deref(),
            now: self.now,
            timeout: Duration::from_secs(20),
        };
        let polled = poll_with_pause(&self.source, poll, Duration::ZERO).await;
        if let Some(state) = &polled.state {
            self.state = Some(state.clone());
        }
        polled
    }
}

#[tokio::test]
async fn a_page_is_watched_from_its_first_reading_to_its_changes() {
    let site = Site::start("").await;
    let mut watched = Watched::of(&site.url);
    site.answers(&[list(&["one", "two", "three"])]);
    let first = watched.poll().await;
    assert_eq!((first.verdict, first.events, first.http_status), (Verdict::Changed, Vec::new(), Some(200)));
    assert_eq!(site.asked().len(), 2, "it is fetched twice, to see what is another each time");

    site.answers(&[list(&["one", "two", "three"])]);
    let same = watched.poll().await;
    assert_eq!((same.verdict, same.events, same.state), (Verdict::Unchanged, Vec::new(), None));
    assert_eq!(site.asked().len(), 1);

    site.answers(&[list(&["zero", "one", "two", "three"])]);
    let before = watched.state.clone();
    let changed = watched.poll().await;
    assert_eq!(site.asked().len(), 2, "a change is confirmed");
    assert_eq!(changed.verdict, Verdict::Changed);
    let [event] = &changed.events[..] else { panic!("one event: {:?}", changed.events) };
    assert_eq!((&*event.title, &*event.content), ("News of zero", "News of zero 3 hours ago"));
    assert_eq!(event.url, site.url.join("/n/zero").expect("a URL").as_str());
    assert_eq!(event.source_type, SourceType::Html);
    assert_eq!(
        event.diff,
        Some(Diff { added: vec!["News of zero 3 hours ago".to_owned()], removed: Vec::new() })
    );

    // The state was not kept: the same is found again, under the same key.
    watched.state = before;
    assert_eq!(watched.poll().await.events, changed.events);
}

#[tokio::test]
async fn a_page_that_its_server_calls_the_same_is_not_read_again() {
    let site = Site::start("").await;
    let mut watched = Watched::of(&site.url);
    let page = "<h1>Notice</h1><p>The library is open.";
    let headers = [
        ("content-type", "text/html"),
        ("etag", "\"7\""),
        ("last-modified", "Sun, 01 Mar 2026 10:00:00 GMT"),
    ];
    site.answers(&[answer("200 OK", &headers, page)]);
    watched.poll().await;
    site.answers(&[answer("304 Not Modified", &[("etag", "\"7\"")], "")]);
    let polled = watched.poll().await;
    assert_eq!((polled.verdict, polled.http_status, polled.state), (Verdict::Unchanged, Some(304), None));
    let asked = site.asked();
    assert!(
        asked[0].contains("if-none-match: \"7\"") && asked[0].contains("if-modified-since: sun, 01 mar 2026"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_change_that_the_second_fetch_does_not_find_is_not_told_and_the_page_is_asked_for_whole_again() {
    let site = Site::start("").await;
    let mut watched = Watched::of(&site.url);
    let of = |text: &str, etag: &str| {
        answer(
            "200 OK",
            &[("content-type", "text/html"), ("etag", etag)],
            &format!("<h1>Notice</h1><p>Read on, dear reader.<p>{text}"),
        )
    };
    site.answers(&[of("Open.", "\"1\"")]);
    watched.poll().await;
    site.answers(&[of("Closed.", "\"2\""), of("Half open.", "\"3\"")]);
    let polled = watched.poll().await;
    assert_eq!((polled.verdict, polled.events), (Verdict::Unchanged, Vec::new()));
    site.answers(&[of("Closed.", "\"2\"")]);
    let polled = watched.poll().await;
    assert!(!site.asked()[0].contains("if-none-match"), "what is kept is no version of the page");
    assert_eq!(
        polled.events[0].diff,
        Some(Diff { added: vec!["Closed.".to_owned()], removed: vec!["Open.".to_owned()] })
    );
}

#[tokio::test]
async fn walls_and_failures_are_told_and_what_was_kept_is_kept() {
    let site = Site::start("").await;
    let mut watched = Watched::of(&site.url);
    let page = html(
        &(0..9)
            .map(|n| format!("<p>Line {n} of a page that is long enough to be missed."))
            .collect::<String>(),
    );
    site.answers(std::slice::from_ref(&page));
    watched.poll().await;
    let kept = watched.state.clone();
    let login = answer(
        "200 OK",
        &[("content-type", "text/html")],
        "<title>Log in</title><form>Name<input type=password></form>",
    );
    let redirect = answer("302 Found", &[("location", "/login?next=/page")], "");
    for answers in [
        vec![login.clone()],
        vec![redirect, page.clone()],
        vec![answer("200 OK", &[("content-type", "text/html")], "")],
    ] {
        site.answers(&answers);
        let polled = watched.poll().await;
        assert!(matches!(polled.verdict, Verdict::Degraded { .. }), "{:?}", polled.verdict);
        assert_eq!((polled.events, polled.state), (Vec::new(), None));
    }
    for (failure, code, wait) in [
        (answer("404 Not Found", &[], "gone"), TargetErrorCode::HttpError, None),
        (
            answer("503 Service Unavailable", &[("retry-after", "120")], ""),
            TargetErrorCode::HttpError,
            Some(120),
        ),
        (
            answer("302 Found", &[("location", "http://169.254.169.254/latest")], ""),
            TargetErrorCode::BlockedTarget,
            None,
        ),
        (answer("302 Found", &[("location", "http://10.0.0.1/")], ""), TargetErrorCode::BlockedTarget, None),
        (answer("200 OK", &[("content-type", "image/png")], "x"), TargetErrorCode::UnsupportedContent, None),
        (
            answer(
                "200 OK",
                &[("content-type", "application/rss+xml")],
                "<rss version='2.0'><channel><title>x</title></channel></rss>",
            ),
            TargetErrorCode::UnsupportedContent,
            None,
        ),
    ] {
        site.answers(std::slice::from_ref(&failure));
        let polled = watched.poll().await;
        let Verdict::Failed { code: told, detail } = &polled.verdict else { panic!("{:?}", polled.verdict) };
        assert_eq!(*told, code, "{detail}");
        assert_eq!(
            (polled.wait, polled.events, polled.state),
            (wait.map(Duration::from_secs), Vec::new(), None)
        );
    }
    site.answers(&[answer("410 Gone", &[], "")]);
    assert!(matches!(watched.poll().await.verdict, Verdict::Retired { .. }));
    assert_eq!(watched.state, kept);
    site.answers(&[page]);
    assert_eq!(watched.poll().await.verdict, Verdict::Unchanged);
}

#[tokio::test]
async fn a_failure_of_the_second_fetch_leaves_a_change_for_the_next_poll_and_keeps_a_first_reading() {
    let site = Site::start("").await;
    let mut watched = Watched::of(&site.url);
    let busy = answer("503 Service Unavailable", &[], "");
    site.answers(&[list(&["one", "two", "three"]), busy.clone()]);
    assert_eq!(watched.poll().await.verdict, Verdict::Changed);
    assert!(watched.state.is_some());
    site.answers(&[list(&["zero", "one", "two", "three"]), busy]);
    assert!(matches!(watched.poll().await.verdict, Verdict::Failed { .. }));
    site.answers(&[list(&["zero", "one", "two", "three"])]);
    assert_eq!(watched.poll().await.events.len(), 1);
}

#[tokio::test]
async fn what_robots_txt_disallows_is_not_fetched() {
    let site = Site::start("User-agent: *\nDisallow: /page\n").await;
    let polled = Watched::of(&site.url).poll().await;
    let Verdict::Failed { code, detail } = polled.verdict else { panic!("{:?}", polled.verdict) };
    assert_eq!(code, TargetErrorCode::RobotsDisallowed, "{detail}");
    assert_eq!(site.asked(), [""; 0]);
}

#[tokio::test]
async fn the_sources_headers_are_sent_and_where_a_page_has_moved_for_good_is_told() {
    let site = Site::start("").await;
    let mut watched = Watched::of(&site.url);
    let moved = answer("301 Moved Permanently", &[("location", "/here")], "");
    site.answers(&[moved.clone(), list(&["one", "two", "three"]), moved, list(&["one", "two", "three"])]);
    let polled = watched.poll().await;
    assert_eq!(polled.moved_to, Some(site.url.join("/here").expect("a URL")));
    watched.spec.headers.insert("x-token".to_owned(), "secret".to_owned());
    watched.spec.headers.insert("cookie".to_owned(), "a=b".to_owned());
    site.answers(&[list(&["one", "two", "three"])]);
    watched.poll().await;
    assert!(site.asked()[0].contains("x-token: secret") && site.asked()[0].contains("cookie: a=b"));
}

#[tokio::test]
async fn the_first_items_are_told_where_that_is_asked_for() {
    let site = Site::start("").await;
    let mut watched = Watched::of(&site.url);
    watched.spec.backfill = 2;
    site.answers(&[list(&["one", "two", "three"])]);
    let titles: Vec<String> = watched.poll().await.events.into_iter().map(|event| event.title).collect();
    assert_eq!(titles, ["News of two", "News of one"]);
}

#[tokio::test]
async fn a_source_that_cannot_be_compiled_and_a_state_that_cannot_be_read_are_no_end() {
    let site = Site::start("").await;
    let mut watched = Watched::of(&site.url);
    watched.spec.ignore = vec!["(".to_owned()];
    assert!(matches!(watched.poll().await.verdict, Verdict::Degraded { .. }));
    watched.spec.ignore.clear();
    watched.state = Some("{\"page\":17}".to_owned());
    site.answers(&[list(&["one", "two", "three"])]);
    let polled = watched.poll().await;
    assert_eq!((polled.verdict, polled.events), (Verdict::Changed, Vec::new()));
}

#[tokio::test]
async fn fixtures_of_the_sandbox_are_pages_that_never_change() {
    let url = TargetUrl::parse("http://shop.example/articles/1").expect("a URL");
    let mut watched = Watched::of(&url);
    watched.source = Source::Sandbox;
    assert_eq!(watched.poll().await.verdict, Verdict::Changed);
    assert_eq!(watched.poll().await.verdict, Verdict::Unchanged);
}
