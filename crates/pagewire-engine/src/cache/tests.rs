use std::sync::Mutex;
use std::sync::atomic::AtomicU32;

use bytes::Bytes;
use pagewire_types::{TargetErrorCode, TargetUrl};

use super::*;
use crate::envelope::Failure;
use crate::passage::Passed;
use crate::render::Shown;
use crate::scrape::AttemptFailure;

const PATIENCE: Duration = Duration::from_secs(30);
const LONG: Duration = Duration::from_secs(3_600);
const SETTINGS: CacheSettings = CacheSettings { bytes: 1 << 20, memory_bytes: 1 << 20 };

/// A cache, with what stops it.
struct Rig {
    cache: PageCache,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Rig {
    fn over(blobs: &Blobs, settings: CacheSettings) -> Self {
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let cache = PageCache::new(blobs.clone(), settings, &tasks, shutdown.clone());
        Self { cache, tasks, shutdown }
    }

    /// Until what was to be written is.
    async fn close(self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn key(number: u64) -> PageKey {
    PageKey::of_blob(&format!("cache/00/{number:064x}").parse().expect("a key")).expect("a page")
}

fn response(status: u16, body: impl Into<Bytes>, headers: &[(&'static str, &'static str)]) -> Response {
    let body = body.into();
    Response {
        final_url: TargetUrl::parse("http://a.example/").expect("a url"),
        status: StatusCode::from_u16(status).expect("a status"),
        content_type: None,
        headers: headers
            .iter()
            .map(|(name, value)| {
                (header::HeaderName::from_static(name), http::HeaderValue::from_static(value))
            })
            .collect(),
        wire_bytes: body.len() as u64,
        body,
        redirects: 0,
        redirects_are_permanent: true,
        retry_after: None,
    }
}

fn failed() -> FailedAttempt {
    FailedAttempt {
        failure: Failure {
            code: TargetErrorCode::ConnectFailed,
            message: "down".to_owned(),
            http_status: None,
            retryable: true,
            unsatisfied: None,
            tried: None,
        },
        kind: AttemptFailure::Network,
        retry_after: None,
    }
}

type Answer = Box<dyn Fn(&HeaderMap) -> Result<Response, FailedAttempt> + Send + Sync>;

/// A target that answers so, and counts how often it was asked.
struct Target {
    asked: AtomicU32,
    conditions: Mutex<Vec<HeaderMap>>,
    delay: Duration,
    answer: Answer,
}

impl Target {
    fn new(answer: impl Fn(&HeaderMap) -> Result<Response, FailedAttempt> + Send + Sync + 'static) -> Self {
        let (asked, conditions) = (AtomicU32::new(0), Mutex::default());
        Self { asked, conditions, delay: Duration::ZERO, answer: Box::new(answer) }
    }

    fn of(body: &'static str, headers: &'static [(&'static str, &'static str)]) -> Self {
        Self::new(move |_| Ok(response(200, body, headers)))
    }

    async fn fetch(&self, conditions: HeaderMap) -> Result<CachedPage, FailedAttempt> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(self.delay).await;
        let answer = (self.answer)(&conditions);
        self.conditions.lock().expect("no panic").push(conditions);
        answer
            .map(|response| CachedPage::new(response, Timestamp::now(), Passed::default(), Shown::default()))
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    async fn page(&self, rig: &Rig, number: u64, max_age: Duration) -> Result<Served, FailedAttempt> {
        rig.cache.page(key(number), max_age, PATIENCE, |conditions| self.fetch(conditions)).await
    }
}

#[tokio::test]
async fn a_page_that_is_young_enough_is_served_and_an_older_one_fetched() {
    let rig = Rig::over(&Blobs::in_memory(), SETTINGS);
    let target = Target::of("<p>a", &[]);
    assert_eq!(target.page(&rig, 1, LONG).await.expect("a page").age, None);
    let again = target.page(&rig, 1, LONG).await.expect("a page");
    assert!(again.age.is_some_and(|age| age < Duration::from_secs(60)));
    assert_eq!(again.page.response().body, "<p>a");
    assert_eq!(target.asked(), 1);
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(target.page(&rig, 1, Duration::from_millis(1)).await.expect("a page").age, None);
    assert_eq!(target.page(&rig, 2, LONG).await.expect("another page").age, None);
    assert_eq!(target.asked(), 3);
    rig.close().await;
}

#[tokio::test]
async fn an_older_page_is_asked_for_by_its_validators_and_a_304_serves_what_is_kept() {
    let rig = Rig::over(&Blobs::in_memory(), SETTINGS);
    let target = Target::new(|conditions| {
        let has_it = conditions.get("if-none-match").is_some_and(|tag| tag == "\"1\"");
        let headers = &[("etag", "\"1\""), ("last-modified", "Sat, 21 Nov 2026 10:00:00 GMT")];
        Ok(response(if has_it { 304 } else { 200 }, if has_it { "" } else { "<p>a" }, headers))
    });
    target.page(&rig, 1, LONG).await.expect("a page");
    tokio::time::sleep(Duration::from_millis(20)).await;
    let confirmed = target.page(&rig, 1, Duration::from_millis(1)).await.expect("a page");
    assert_eq!((confirmed.age, &confirmed.page.response().body[..]), (Some(Duration::ZERO), &b"<p>a"[..]));
    let asked = target.conditions.lock().expect("no panic")[1].clone();
    assert_eq!(asked["if-modified-since"], "Sat, 21 Nov 2026 10:00:00 GMT");
    let after = target.page(&rig, 1, LONG).await.expect("a page");
    assert!(after.age < Some(Duration::from_millis(20)), "it is young again: {:?}", after.age);
    assert_eq!(target.asked(), 2);
    rig.close().await;
}

#[tokio::test]
async fn a_304_of_another_resource_says_nothing_of_this_one() {
    let rig = Rig::over(&Blobs::in_memory(), SETTINGS);
    Target::of("<p>a", &[("etag", "\"1\"")]).page(&rig, 1, LONG).await.expect("a page");
    let moved = Target::new(|conditions| {
        let status = if conditions.is_empty() { 200 } else { 304 };
        let final_url = TargetUrl::parse("http://elsewhere.example/").expect("a url");
        Ok(Response { final_url, ..response(status, "<p>b", &[]) })
    });
    tokio::time::sleep(Duration::from_millis(5)).await;
    let served = moved.page(&rig, 1, Duration::from_millis(1)).await.expect("a page");
    assert_eq!((&served.page.response().body[..], served.age, moved.asked()), (&b"<p>b"[..], None, 2));
    rig.close().await;
}

#[tokio::test]
async fn what_may_not_be_kept_is_not() {
    let rig = Rig::over(&Blobs::in_memory(), SETTINGS);
    let large = Bytes::from(vec![b'x'; 200 << 10]);
    let targets = [
        Target::of("a", &[("cache-control", "private, no-store")]),
        Target::of("a", &[("vary", "accept, *")]),
        Target::new(|_| Ok(response(404, "a", &[]))),
        Target::new(|_| Ok(response(503, "a", &[]))),
        Target::new(move |_| Ok(response(200, large.clone(), &[]))),
        Target::new(|_| Err(failed())),
    ];
    for (number, target) in (0..).zip(&targets) {
        let first = target.page(&rig, number, LONG).await;
        let second = target.page(&rig, number, LONG).await;
        assert_eq!((first.is_ok(), target.asked()), (second.is_ok(), 2), "target {number}");
    }
    for (number, headers) in (100..).zip([
        [("cache-control", "private, max-age=0")],
        [("vary", "accept-language")],
        [("expires", "0")],
    ]) {
        let target = Target::new(move |_| Ok(response(200, "a", &headers)));
        target.page(&rig, number, LONG).await.expect("a page");
        target.page(&rig, number, LONG).await.expect("a page");
        assert_eq!(target.asked(), 1, "{headers:?}");
    }
    rig.close().await;
}

#[tokio::test]
async fn an_error_takes_nothing_from_the_cache_and_a_page_that_may_not_be_kept_takes_the_old_one() {
    let rig = Rig::over(&Blobs::in_memory(), SETTINGS);
    Target::of("old", &[]).page(&rig, 1, LONG).await.expect("a page");
    tokio::time::sleep(Duration::from_millis(5)).await;
    let now = Duration::from_millis(1);
    assert!(Target::new(|_| Err(failed())).page(&rig, 1, now).await.is_err());
    let kept = Target::of("new", &[]).page(&rig, 1, LONG).await.expect("a page");
    assert_eq!(kept.page.response().body, "old");
    Target::of("secret", &[("cache-control", "no-store")]).page(&rig, 1, now).await.expect("a page");
    let new = Target::of("new", &[]).page(&rig, 1, LONG).await.expect("a page");
    assert_eq!(new.page.response().body, "new");
    rig.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_that_want_the_same_page_at_once_share_one_fetch() {
    let rig = Rig::over(&Blobs::in_memory(), SETTINGS);
    for (fails, number) in [(false, 1), (true, 2)] {
        let mut target =
            Target::new(move |_| if fails { Err(failed()) } else { Ok(response(200, "a", &[])) });
        target.delay = Duration::from_secs(1);
        let all = futures_util::future::join_all((0..100).map(|_| target.page(&rig, number, LONG))).await;
        assert_eq!(target.asked(), 1);
        assert_eq!(all.iter().filter(|one| one.is_err()).count(), if fails { 100 } else { 0 });
        let fetched = all.iter().flatten().filter(|served| served.age.is_none()).count();
        assert_eq!(fetched, usize::from(!fails), "one of them has fetched");
        assert!(lock_is_empty(&rig), "nothing is left of a flight");
        // Whoever comes after a failure tries anew.
        assert_eq!(target.page(&rig, number, LONG).await.is_err(), fails);
        assert_eq!(target.asked(), 1 + u32::from(fails));
    }
    rig.close().await;
}

fn lock_is_empty(rig: &Rig) -> bool {
    rig.cache.shared.flights.is_empty()
}

#[tokio::test(start_paused = true)]
async fn when_the_one_who_fetches_goes_away_the_next_takes_over() {
    let rig = Rig::over(&Blobs::in_memory(), SETTINGS);
    let mut target = Target::of("a", &[]);
    target.delay = Duration::from_secs(2);
    let impatient = tokio::time::timeout(Duration::from_secs(1), target.page(&rig, 1, LONG));
    let (gone, second, third) =
        tokio::join!(impatient, target.page(&rig, 1, LONG), target.page(&rig, 1, LONG));
    assert!(gone.is_err());
    assert_eq!(target.asked(), 2);
    let ages = [second.expect("a page").age, third.expect("a page").age];
    assert_eq!(ages.iter().filter(|age| age.is_none()).count(), 1, "{ages:?}");
    assert!(lock_is_empty(&rig));
    rig.close().await;
}

#[tokio::test]
async fn what_was_kept_is_there_after_a_restart_and_a_torn_page_is_fetched_again() {
    let blobs = Blobs::in_memory();
    let rig = Rig::over(&blobs, SETTINGS);
    let target = Target::of("<p>kept", &[("etag", "\"1\"")]);
    for number in 0..3 {
        target.page(&rig, number, LONG).await.expect("a page");
    }
    rig.close().await;
    let torn = key(1).blob();
    let whole = blobs.read(&torn, None).await.expect("a blob").bytes(1 << 20).await.expect("bytes");
    blobs.put(&torn, whole.slice(..whole.len() / 2)).await.expect("written");
    blobs.put(&key(2).blob(), Bytes::new()).await.expect("written");

    let rig = Rig::over(&blobs, SETTINGS);
    let target = Target::of("<p>new", &[]);
    let kept = target.page(&rig, 0, LONG).await.expect("a page");
    assert_eq!((&kept.page.response().body[..], target.asked()), (&b"<p>kept"[..], 0));
    assert!(kept.age.is_some());
    for number in [1, 2] {
        let fetched = target.page(&rig, number, LONG).await.expect("a page");
        assert_eq!((&fetched.page.response().body[..], fetched.age), (&b"<p>new"[..], None));
    }
    rig.close().await;
}

#[tokio::test]
async fn bytes_are_bounded_also_when_the_bound_has_become_less() {
    let blobs = Blobs::in_memory();
    let body = Bytes::from(vec![b'x'; 9 << 10]);
    let target = Target::new(move |_| Ok(response(200, body.clone(), &[])));
    let rig = Rig::over(&blobs, CacheSettings { bytes: 100 << 10, ..SETTINGS });
    for number in 0..40 {
        target.page(&rig, number, LONG).await.expect("a page");
        target.page(&rig, 0, LONG).await.expect("a page that is in use");
    }
    rig.close().await;
    assert!(blobs.usage(None).await.expect("usage") <= 110 << 10);
    let asked = target.asked();
    let rig = Rig::over(&blobs, CacheSettings { bytes: 100 << 10, ..SETTINGS });
    assert!(target.page(&rig, 39, LONG).await.expect("a page").age.is_some());
    assert_eq!(target.asked(), asked);
    rig.close().await;
    let rig = Rig::over(&blobs, CacheSettings { bytes: 20 << 10, ..SETTINGS });
    while !rig.cache.shared.is_loaded.load(Ordering::Acquire) {
        tokio::task::yield_now().await;
    }
    assert!(blobs.usage(None).await.expect("usage") <= 25 << 10);
    rig.close().await;
}

#[tokio::test]
async fn a_cache_of_no_bytes_keeps_nothing() {
    let blobs = Blobs::in_memory();
    let rig = Rig::over(&blobs, CacheSettings { bytes: 0, ..SETTINGS });
    let target = Target::of("a", &[]);
    for _ in 0..2 {
        assert_eq!(target.page(&rig, 1, LONG).await.expect("a page").age, None);
    }
    assert_eq!((target.asked(), blobs.usage(None).await.expect("usage")), (2, 0));
    rig.close().await;
}
