//! What holds for every page.

use proptest::prelude::*;

use super::*;

/// A page of lines.
fn of(lines: &[String]) -> String {
    page("Lines", &lines.iter().map(|line| format!("<p>{line}</p>")).collect::<String>())
}

fn line() -> impl Strategy<Value = String> {
    // A few words of few kinds, so that lines stand twice.
    prop::collection::vec(
        prop::sample::select(vec!["ash", "birch", "cedar", "fir", "219", "14:50", "kr", "✅"]),
        1..4,
    )
    .prop_map(|words| words.join(" "))
}

fn lines() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(line(), 1..40)
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_page_against_itself_has_no_change(lines in lines()) {
        let page = of(&lines);
        let mut series = Series::of(&WatchOptions::default());
        let _ = series.poll(&page);
        prop_assert_eq!(series.told(&page), []);
    }

    #[test]
    fn a_shuffled_page_has_no_change((lines, shuffled) in lines().prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle()))) {
        let mut series = Series::of(&WatchOptions::default());
        let _ = series.poll(&of(&lines));
        prop_assert_eq!(series.told(&of(&shuffled)), []);
    }

    /// What is there, without what was added and with what was removed, is what was there.
    #[test]
    fn what_was_there_follows_from_what_is_and_the_change(before in lines(), after in lines()) {
        let without_clocks = |lines: &[String]| lines.iter().map(|line| line.replace("14:50", "fir")).collect::<Vec<_>>();
        let (before, after) = (without_clocks(&before), without_clocks(&after));
        let mut series = Series::of(&selecting(&["main p"]));
        let _ = series.poll(&of(&before));
        let outcome = series.poll(&of(&after));
        if let Finding::Doubted(_) = outcome.finding {
            return Ok(());
        }
        let mut rest = after.clone();
        for change in outcome.told() {
            for added in change.added {
                let at = rest.iter().position(|line| *line == added);
                prop_assert!(at.is_some(), "{} is not there", added);
                rest.remove(at.expect("it was found"));
            }
            rest.extend(change.removed);
        }
        prop_assert_eq!(sorted(rest), sorted(before));
    }

    #[test]
    fn no_page_and_no_state_is_too_odd(first in ".{0,300}", second in ".{0,300}", state in ".{0,80}") {
        let mut series = Series::of(&WatchOptions::default());
        series.state = Some(state);
        let _ = series.poll(&first);
        let _ = series.poll_twice(&second, &first);
    }
}
