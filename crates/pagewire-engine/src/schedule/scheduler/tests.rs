use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, mpsc};

use super::*;

/// Tells each start, and ends an attempt when it is let go.
struct Probe {
    name: &'static str,
    started: mpsc::Sender<(&'static str, u32)>,
    let_go: Arc<Semaphore>,
    peak: Arc<AtomicUsize>,
    now: Arc<AtomicUsize>,
}

impl Work for Probe {
    fn attempt(self: Arc<Self>, item: Item) -> BoxFuture<'static, Outcome> {
        Box::pin(async move {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.peak.fetch_max(now, Ordering::SeqCst);
            self.started.send((self.name, item.ordinal)).await.expect("the test listens");
            self.let_go.acquire().await.expect("open").forget();
            self.now.fetch_sub(1, Ordering::SeqCst);
            Outcome::Recorded { bytes: 10, host_rest: None }
        })
    }

    /// `alone` wants nothing else to be under way.
    fn has_room(&self, _: Item) -> bool {
        self.name != "alone" || self.now.load(Ordering::SeqCst) == 0
    }
}

struct Bench {
    scheduler: Arc<Scheduler>,
    started: mpsc::Receiver<(&'static str, u32)>,
    sender: mpsc::Sender<(&'static str, u32)>,
    let_go: Arc<Semaphore>,
    peak: Arc<AtomicUsize>,
    now: Arc<AtomicUsize>,
    shutdown: CancellationToken,
}

impl Bench {
    fn new(fetches_max: usize, requests_per_host_max: u32) -> Self {
        let politeness = Politeness {
            requests_per_host_max,
            delay: Duration::ZERO,
            rest_max: Duration::from_secs(60),
            crawl_delay_max: Duration::ZERO,
        };
        let (sender, started) = mpsc::channel(1_000);
        Self {
            scheduler: Arc::new(Scheduler::new(fetches_max, politeness)),
            started,
            sender,
            let_go: Arc::new(Semaphore::new(0)),
            peak: Arc::default(),
            now: Arc::default(),
            shutdown: CancellationToken::new(),
        }
    }

    fn add(
        &self,
        name: &'static str,
        class: Class,
        workspace: &str,
        hosts: &[&str],
        limits: LaneLimits,
    ) -> LaneId {
        let probe = Probe {
            name,
            started: self.sender.clone(),
            let_go: self.let_go.clone(),
            peak: self.peak.clone(),
            now: self.now.clone(),
        };
        let inputs =
            hosts.iter().zip(0..).map(|(host, ordinal)| (Item { ordinal, attempts: 0 }, Arc::from(*host)));
        self.scheduler.add(class, &workspace.parse().expect("an id"), limits, inputs, Arc::new(probe))
    }

    /// Starts the scheduler for as long as `story` runs.
    async fn run<T>(mut self, story: impl AsyncFnOnce(&mut Self) -> T) -> T {
        let scheduler = self.scheduler.clone().run(self.shutdown.clone());
        let (shutdown, let_go) = (self.shutdown.clone(), self.let_go.clone());
        let told = async move {
            let told = story(&mut self).await;
            let_go.add_permits(10_000);
            shutdown.cancel();
            told
        };
        tokio::join!(scheduler, told).1
    }

    async fn next(&mut self) -> (&'static str, u32) {
        tokio::time::timeout(Duration::from_secs(5), self.started.recv())
            .await
            .expect("in time")
            .expect("a start")
    }

    async fn next_of(&mut self, count: usize) -> Vec<&'static str> {
        let mut names = Vec::new();
        for _ in 0..count {
            names.push(self.next().await.0);
        }
        names
    }

    /// Nothing more starts: every start that could happen has happened once the workers are idle.
    fn nothing_more(&mut self) -> bool {
        self.started.try_recv().is_err()
    }
}

const WIDE: LaneLimits = LaneLimits { concurrency: 100, open_max: 1_000, bytes_max: usize::MAX };

#[tokio::test]
async fn a_scrape_goes_before_streams_and_a_stream_before_jobs() {
    let bench = Bench::new(1, 100);
    bench.add("job", Class::Job, "w", &["a"; 2], WIDE);
    bench.add("stream", Class::Stream, "w", &["a"; 2], WIDE);
    bench.add("scrape", Class::Scrape, "w", &["a"; 2], WIDE);
    bench.let_go.add_permits(6);
    let order = bench.run(async |bench| bench.next_of(6).await).await;
    assert_eq!(order, ["scrape", "scrape", "stream", "stream", "job", "job"]);
}

#[tokio::test]
async fn what_has_no_room_beside_its_host_waits_for_an_end_and_then_goes_first() {
    let bench = Bench::new(100, 100);
    bench.add("job", Class::Job, "w", &["a"; 3], LaneLimits { concurrency: 1, ..WIDE });
    let order = bench
        .run(async |bench| {
            let mut order = bench.next_of(1).await;
            bench.add("alone", Class::Scrape, "w", &["a"], WIDE);
            assert!(bench.nothing_more(), "it waits, and holds nobody up");
            bench.let_go.add_permits(4);
            order.extend(bench.next_of(3).await);
            order
        })
        .await;
    assert_eq!(order, ["job", "alone", "job", "job"]);
}

#[tokio::test]
async fn workspaces_take_turns_however_many_runs_one_has() {
    let bench = Bench::new(1, 100);
    for _ in 0..3 {
        bench.add("loud", Class::Stream, "loud", &["a"; 10], WIDE);
    }
    bench.add("quiet", Class::Stream, "quiet", &["a"; 3], WIDE);
    bench.let_go.add_permits(6);
    let order = bench.run(async |bench| bench.next_of(6).await).await;
    assert_eq!(order.iter().filter(|name| **name == "quiet").count(), 3, "{order:?}");
}

#[tokio::test]
async fn a_host_without_room_never_holds_back_another() {
    let bench = Bench::new(100, 2);
    bench.add("run", Class::Stream, "w", &["slow", "slow", "slow", "slow", "fast"], WIDE);
    let mut ordinals = bench
        .run(async |bench| {
            let mut ordinals = Vec::new();
            for _ in 0..3 {
                ordinals.push(bench.next().await.1);
            }
            assert!(bench.nothing_more());
            ordinals
        })
        .await;
    ordinals.sort_unstable();
    assert_eq!(ordinals, [0, 1, 4]);
}

#[tokio::test]
async fn no_more_is_under_way_than_the_run_and_the_process_allow() {
    for (fetches_max, concurrency, expected) in [(3, 100, 3), (100, 4, 4)] {
        let bench = Bench::new(fetches_max, 100);
        let peak = bench.peak.clone();
        bench.add("run", Class::Stream, "w", &["a"; 50], LaneLimits { concurrency, ..WIDE });
        bench
            .run(async |bench| {
                bench.next_of(expected).await;
                bench.let_go.add_permits(50);
                bench.next_of(50 - expected).await;
            })
            .await;
        assert_eq!(peak.load(Ordering::SeqCst), expected);
    }
}

#[tokio::test]
async fn what_is_not_taken_off_stops_the_lane_and_taking_off_starts_it_again() {
    let bench = Bench::new(100, 100);
    let lane =
        bench.add("run", Class::Stream, "w", &["a"; 50], LaneLimits { concurrency: 4, open_max: 8, ..WIDE });
    bench.let_go.add_permits(50);
    bench
        .run(async |bench| {
            bench.next_of(8).await;
            while bench.scheduler.active() > 0 {
                tokio::task::yield_now().await;
            }
            assert!(bench.nothing_more());
            bench.scheduler.taken_off(lane, 3, 30);
            bench.next_of(3).await;
            while bench.scheduler.active() > 0 {
                tokio::task::yield_now().await;
            }
            assert!(bench.nothing_more());
        })
        .await;
}

#[tokio::test]
async fn a_paused_lane_starts_nothing_and_a_removed_one_gives_back_what_waited() {
    let bench = Bench::new(1, 100);
    let lane = bench.add("run", Class::Stream, "w", &["a"; 5], WIDE);
    bench
        .run(async |bench| {
            bench.next().await;
            bench.scheduler.pause(lane);
            bench.let_go.add_permits(1);
            while bench.scheduler.active() > 0 {
                tokio::task::yield_now().await;
            }
            assert!(bench.nothing_more());
            let waiting: Vec<u32> = bench.scheduler.remove(lane).iter().map(|item| item.ordinal).collect();
            assert_eq!(waiting, [1, 2, 3, 4]);
        })
        .await;
}

#[test]
fn a_failed_attempt_comes_back_when_its_pause_is_over() {
    let mut lane = Lane::new(WIDE);
    lane.extend(std::iter::once((Item { ordinal: 0, attempts: 0 }, Arc::from("a"))));
    let hosts = Hosts::new(Politeness {
        requests_per_host_max: 1,
        delay: Duration::ZERO,
        rest_max: Duration::ZERO,
        crawl_delay_max: Duration::ZERO,
    });
    let now = Instant::now();
    let Turn::Take(item, host) = lane.turn(&hosts, now, |_| true) else { panic!("a turn") };
    lane.started();
    let later = now + Duration::from_millis(20);
    lane.delay(Item { attempts: 1, ..item }, host, later);
    assert_eq!(lane.turn(&hosts, now, |_| true), Turn::Later(later));
    assert!(matches!(lane.turn(&hosts, later, |_| true), Turn::Take(Item { ordinal: 0, attempts: 1 }, _)));
}

#[tokio::test]
async fn a_lane_whose_hosts_are_busy_asks_for_urls_of_others() {
    let bench = Bench::new(10, 1);
    let lane = bench.add("run", Class::Job, "w", &["slow"; 5], WIDE);
    bench
        .run(async |bench| {
            assert_eq!(bench.next().await, ("run", 0));
            let hunger = bench.scheduler.hunger(lane).expect("the lane is there");
            hunger.notified().await;
            assert_eq!(bench.scheduler.waiting(lane), 4);
            let more = std::iter::once((Item { ordinal: 5, attempts: 0 }, Arc::from("quick")));
            bench.scheduler.extend(lane, more);
            assert_eq!(bench.next().await, ("run", 5));
        })
        .await;
}
