//! Pages over time: what is told of them, poll by poll.

mod bounds;
mod learned;
mod pages;
mod properties;
mod walls;

use url::Url;

use super::*;

const HOUR: i64 = 3_600;

/// A source that is polled.
struct Series {
    watch: Watch,
    state: Option<String>,
    asked: Url,
    backfill: usize,
    now: i64,
}

/// A change without what tells it from others.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    title: String,
    url: Option<String>,
    added: Vec<String>,
    removed: Vec<String>,
}

impl Series {
    fn of(options: &WatchOptions) -> Self {
        Self {
            watch: Watch::compile(options).expect("options"),
            state: None,
            asked: Url::parse("http://site.example/page").expect("a URL"),
            backfill: 0,
            now: 1_795_000_000,
        }
    }

    /// A source whose page was read for the first time.
    fn begun(page: &str) -> Self {
        Self::selecting(&WatchOptions::default(), page)
    }

    fn selecting(options: &WatchOptions, page: &str) -> Self {
        let mut series = Self::of(options);
        let outcome = series.poll(page);
        assert_eq!((outcome.finding, outcome.changes), (Finding::First, Vec::new()));
        series
    }

    fn poll(&mut self, page: &str) -> Outcome {
        self.poll_twice(page, page)
    }

    /// A poll whose fetches find different pages.
    fn poll_twice(&mut self, first: &str, second: &str) -> Outcome {
        let at = self.asked.clone();
        self.poll_at(first, second, &at)
    }

    fn poll_at(&mut self, first: &str, second: &str, at: &Url) -> Outcome {
        self.now += HOUR;
        let visit = |page| Visit {
            body: str::as_bytes(page),
            content_type: Some("text/html; charset=utf-8"),
            asked: &self.asked,
            at,
            today: Today { year: 2026, month: 11, day: 21 },
            now: self.now,
        };
        let step = self.watch.look(self.state.as_deref(), &visit(first), self.backfill).expect("a page");
        let outcome = match step {
            Step::Done(outcome) => outcome,
            Step::Again(pending) => self.watch.look_again(*pending, &visit(second)).expect("a page"),
        };
        if let Some(state) = &outcome.state {
            self.state = Some(state.clone());
        }
        outcome
    }

    fn told(&mut self, page: &str) -> Vec<Told> {
        self.poll(page).told()
    }

    /// The one change that a page makes.
    fn change(&mut self, page: &str) -> Told {
        let mut told = self.told(page);
        assert_eq!(told.len(), 1, "{told:#?}");
        told.remove(0)
    }

    fn doubt(&mut self, page: &str) -> Option<Doubt> {
        let outcome = self.poll(page);
        assert!(outcome.changes.is_empty(), "{outcome:?}");
        match outcome.finding {
            Finding::Doubted(doubt) => Some(doubt),
            Finding::First | Finding::Changed | Finding::Unchanged => None,
        }
    }
}

impl Outcome {
    fn told(self) -> Vec<Told> {
        let told = |change: Change| Told {
            title: change.title,
            url: change.url,
            added: change.added,
            removed: change.removed,
        };
        self.changes.into_iter().map(told).collect()
    }
}

fn told(title: &str, url: Option<&str>, added: &[&str], removed: &[&str]) -> Told {
    let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    Told {
        title: title.to_owned(),
        url: url.map(str::to_owned),
        added: owned(added),
        removed: owned(removed),
    }
}

fn selecting(include: &[&str]) -> WatchOptions {
    WatchOptions {
        include_selectors: include.iter().map(ToString::to_string).collect(),
        ..WatchOptions::default()
    }
}

/// A page with a title of its own and what is around every page of a site.
fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=en><head><title>{title} | Acme</title><meta name=csrf content=x></head><body>\
         <header><a href=/>Acme</a></header><nav><a href=/a>Products</a> <a href=/b>About us</a></nav>\
         <main><h1>{title}</h1>{body}</main><aside>Most read: <a href=/m>Something</a></aside>\
         <footer>Imprint, page made in 12 ms</footer></body></html>"
    )
}

/// A text of so many paragraphs, each of its own.
fn paragraphs(count: usize) -> String {
    (0..count).map(|n| format!("<p>{}</p>", paragraph(n))).collect()
}

fn paragraph(n: usize) -> String {
    const WORDS: [&str; 10] = [
        "river", "granite", "lantern", "harvest", "compass", "meadow", "copper", "velvet", "timber",
        "orchard",
    ];
    let word = |at: usize| WORDS[(n * 7 + at * 3 + n / 10) % WORDS.len()];
    format!(
        "Chapter {n} of the {} tells how the {} met the {}, and why nobody near the {} believed a word of what the {} said.",
        word(0),
        word(1),
        word(2),
        word(3),
        word(4)
    )
}
