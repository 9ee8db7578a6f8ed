//! The table: medians of rounds that were run in turn, ratios first.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

/// A contestant's line, a number for each round.
pub(crate) struct Row {
    /// Who, and with what.
    pub(crate) name: &'static str,
    /// Pages a second.
    pub(crate) pages_per_s: Vec<f64>,
    /// Seconds of CPU for 1,000 pages.
    pub(crate) cpu_s: Vec<f64>,
    /// Peak memory in bytes; empty where it says nothing.
    pub(crate) peak_rss: Vec<f64>,
}

impl Row {
    /// A line without rounds yet.
    pub(crate) fn named(name: &'static str) -> Self {
        Self { name, pages_per_s: Vec::new(), cpu_s: Vec::new(), peak_rss: Vec::new() }
    }
}

/// A promise and whether it was kept.
pub(crate) struct Check {
    /// What was promised.
    pub(crate) promise: &'static str,
    /// What came.
    pub(crate) measured: String,
    /// Whether that keeps it; `None` where the server does not tell.
    pub(crate) kept: Option<bool>,
}

/// The value in the middle; not a number for no values.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

/// The median of the rounds' ratios: both sides of a round met the same weather.
pub(crate) fn ratio(of: &[f64], to: &[f64]) -> f64 {
    median(&of.iter().zip(to).map(|(of, to)| of / to).collect::<Vec<_>>())
}

/// The contestants as a Markdown table.
pub(crate) fn contestants(rows: &[Row], scrapy: &[f64], wrk: &[f64]) -> String {
    let mut text = String::from(
        "| contestant | × Scrapy | × wrk | pages/s | CPU s per 1,000 pages | peak RSS, MB |\n\
         |---|--:|--:|--:|--:|--:|\n",
    );
    for row in rows {
        let rss = if row.peak_rss.is_empty() {
            String::from("-")
        } else {
            format!("{:.0}", median(&row.peak_rss) / 1e6)
        };
        let _ = writeln!(
            text,
            "| {} | {:.1} | {:.3} | {:.0} | {:.3} | {rss} |",
            row.name,
            ratio(&row.pages_per_s, scrapy),
            ratio(&row.pages_per_s, wrk),
            median(&row.pages_per_s),
            median(&row.cpu_s),
        );
    }
    text
}

/// The promises as a Markdown table.
pub(crate) fn checks(checks: &[Check]) -> String {
    let mut text = String::from("| promise | measured | kept |\n|---|---|---|\n");
    for check in checks {
        let kept = match check.kept {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "not measured",
        };
        let _ = writeln!(text, "| {} | {} | {kept} |", check.promise, check.measured);
    }
    text
}

/// Commit and machine, without names of hosts or paths.
pub(crate) fn circumstances() -> String {
    let git = |arguments: &[&str]| {
        Command::new("git")
            .args(arguments)
            .output()
            .ok()
            .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
            .unwrap_or_default()
    };
    // The bench's own tables change nothing that is measured.
    let others = ["status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/*.md"];
    let changed = if git(&others).is_empty() { "" } else { ", with uncommitted changes" };
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.split('-').next().unwrap_or_default().trim();
    let memory = fs::read_to_string("/proc/meminfo")
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .map_or(0, |kib| kib / 1024 / 1024);
    format!(
        "Commit {}{changed}. {model}, {cores} cores, {memory} GiB, Linux {kernel}; the origin, the contestant and the \
         client share them.",
        git(&["rev-parse", "--short", "HEAD"])
    )
}

#[cfg(test)]
mod tests {
    use super::{median, ratio};

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_the_two_in_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_ratio_is_taken_within_each_round() {
        assert!((ratio(&[10.0, 40.0], &[1.0, 4.0]) - 10.0).abs() < f64::EPSILON);
    }
}
