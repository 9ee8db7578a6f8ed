//! What selectors and patterns may be: the languages of the parts that use them.

use std::ops::RangeInclusive;

use pagewire_types::SourceRules;
use regex::RegexBuilder;

/// Bytes of a compiled pattern.
const PATTERN_COMPILED_BYTES_MAX: usize = 1 << 20;
/// Groups in groups.
const PATTERN_DEPTH_MAX: u32 = 50;

/// The rules of sources, with the operator's bounds.
#[must_use]
pub fn source_rules(interval_s: RangeInclusive<u32>) -> SourceRules {
    SourceRules { interval_s, selector, pattern }
}

fn selector(text: &str) -> Result<(), String> {
    if pagewire_extract::is_selector(text) { Ok(()) } else { Err("is not a CSS selector".to_owned()) }
}

fn pattern(text: &str) -> Result<(), String> {
    let pattern =
        RegexBuilder::new(text).size_limit(PATTERN_COMPILED_BYTES_MAX).nest_limit(PATTERN_DEPTH_MAX).build();
    match pattern {
        Ok(_) => Ok(()),
        Err(regex::Error::CompiledTooBig(_)) => {
            Err("is a regular expression that compiles to more than 1 MiB".to_owned())
        }
        Err(error) => {
            // The last line tells what; those before it show where.
            let told = error.to_string();
            let what = told.lines().last().unwrap_or_default().trim_start_matches("error: ");
            Err(format!("is not a regular expression: {what}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_and_selectors_are_those_of_their_languages_and_bounded() {
        assert_eq!((pattern(r"\d+ (views|reads)"), selector("main > p.a:not(.b)")), (Ok(()), Ok(())));
        for bad in ["(", "a{1000}{1000}{1000}", &"(".repeat(500)] {
            assert!(pattern(bad).is_err(), "{bad}");
        }
        for bad in ["", "p:", "::", "a >"] {
            assert!(selector(bad).is_err(), "{bad}");
        }
    }
}
