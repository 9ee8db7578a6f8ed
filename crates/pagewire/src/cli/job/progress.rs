//! How far a job is, on stderr: a bar where somebody sees it, lines now and then where a log is kept.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use pagewire_types::JobProgress;

use super::super::output;

/// Lines are written so often while only the counters change.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Tells of a job's progress.
pub(super) enum Progress {
    /// To a person.
    Bar(ProgressBar),
    /// To a log.
    Lines(Option<(JobProgress, Instant)>),
}

impl Progress {
    /// As stderr wants it.
    pub(super) fn new() -> Self {
        const LOOK: &str = "{bar:30} {pos}/{len} {per_sec} {eta} {msg}";
        if !output::is_terminal() {
            return Self::Lines(None);
        }
        // Both on one terminal would write over each other.
        if !output::is_seen() {
            return Self::Bar(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template(LOOK).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self::Bar(ProgressBar::new(0).with_style(style))
    }

    /// A bar, whether or not stdout is seen: for commands that write nothing there.
    pub(super) fn alone() -> Self {
        match Self::new() {
            Self::Bar(bar) if bar.is_hidden() => {
                bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
                Self::Bar(bar)
            }
            other => other,
        }
    }

    /// Tells it, or some of it.
    pub(super) fn tell(&mut self, progress: JobProgress) {
        match self {
            Self::Bar(bar) => {
                bar.set_length(progress.total);
                bar.set_position(progress.completed);
                bar.set_message(format!("{}, {} failed", word(&progress.status), progress.errored));
            }
            Self::Lines(told) => {
                let due = told.as_ref().is_none_or(|(last, at)| {
                    last.status != progress.status || (*last != progress && at.elapsed() >= LINE_INTERVAL)
                });
                if due {
                    output::note(&sentence(
                        &progress.status,
                        progress.completed,
                        progress.total,
                        progress.errored,
                    ));
                    *told = Some((progress, Instant::now()));
                }
            }
        }
    }

    /// Leaves the terminal as it was.
    pub(super) fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// Where a job is, in words.
pub(super) fn sentence(status: &str, completed: u64, total: u64, errored: u64) -> String {
    format!("{}: {completed} of {total} done, {errored} failed", word(status))
}

/// Event streams have another word for it than jobs.
fn word(status: &str) -> &str {
    if status == "processing" { "running" } else { status }
}
