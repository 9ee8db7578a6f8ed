//! What of a page is watched, as it was asked for, compiled once a poll.

use pagewire_types::FieldError;
use regex::{Regex, RegexBuilder};

use super::hash::Hash;
use crate::dom::Matcher;

/// Selectors or patterns of a kind.
const ENTRIES_MAX: usize = 50;
/// Bytes of a selector or pattern.
const ENTRY_BYTES_MAX: usize = 1_000;
/// Bytes that a pattern may take when it is compiled; matching is linear whatever it says.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// How deep a pattern may nest.
const PATTERN_DEPTH_MAX: u32 = 50;

/// What is to be watched.
#[derive(Debug, Clone, Default)]
pub struct WatchOptions {
    /// Only what matches one of these selectors; the main content where there are none.
    pub include_selectors: Vec<String>,
    /// Not what matches one of these.
    pub exclude_selectors: Vec<String>,
    /// What is cut from each block before it is compared: regular expressions.
    pub ignore: Vec<String>,
}

/// What is watched.
#[derive(Debug, Clone)]
pub struct Watch {
    pub(super) include: Vec<String>,
    pub(super) exclude: Vec<String>,
    pub(super) ignore: Vec<Regex>,
    /// Another where something else is watched: what was kept before says nothing then.
    pub(super) id: u64,
}

impl Watch {
    /// Compiles what was asked for, or tells what is wrong with it by pointers into the source.
    pub fn compile(options: &WatchOptions) -> Result<Self, Vec<FieldError>> {
        let mut faults = Vec::new();
        let mut id = Hash::new();
        let mut ignore = Vec::new();
        for (field, entries) in [
            ("include_selectors", &options.include_selectors),
            ("exclude_selectors", &options.exclude_selectors),
            ("ignore", &options.ignore),
        ] {
            id.add(field.as_bytes());
            if entries.len() > ENTRIES_MAX {
                faults.push(FieldError::new(
                    format!("/{field}"),
                    format!("has more than {ENTRIES_MAX} entries"),
                ));
                continue;
            }
            for (index, entry) in entries.iter().enumerate() {
                id.add(entry.as_bytes());
                let fault = match entry {
                    _ if entry.len() > ENTRY_BYTES_MAX => {
                        Some(format!("is longer than {ENTRY_BYTES_MAX} bytes"))
                    }
                    _ if field == "ignore" => match pattern(entry) {
                        Ok(pattern) => {
                            ignore.push(pattern);
                            None
                        }
                        Err(fault) => Some(fault),
                    },
                    _ => Matcher::new(entry).is_err().then(|| "is not a CSS selector".to_owned()),
                };
                faults.extend(fault.map(|fault| FieldError::new(format!("/{field}/{index}"), fault)));
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let (include, exclude) = (options.include_selectors.clone(), options.exclude_selectors.clone());
        Ok(Self { include, exclude, ignore, id: id.end() })
    }

    /// A text without what is ignored.
    pub(super) fn without_ignored<'t>(&self, text: &'t str) -> std::borrow::Cow<'t, str> {
        let mut left = std::borrow::Cow::Borrowed(text);
        for pattern in &self.ignore {
            if pattern.is_match(&left) {
                left = pattern.replace_all(&left, " ").into_owned().into();
            }
        }
        left
    }
}

fn pattern(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text)
        .size_limit(PATTERN_BYTES_MAX)
        .dfa_size_limit(PATTERN_BYTES_MAX)
        .nest_limit(PATTERN_DEPTH_MAX)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "is a regular expression that takes too much room".to_owned(),
            error => format!("is not a regular expression: {}", last_line(&error.to_string())),
        })
}

/// The line that says what is wrong; those before it draw where.
fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or_default().trim_start_matches("error: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(options: &WatchOptions) -> Vec<String> {
        let faults = Watch::compile(options).expect_err("it is refused");
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn bad_selectors_and_patterns_are_named() {
        let options = WatchOptions {
            include_selectors: vec!["main".to_owned(), "p >".to_owned()],
            exclude_selectors: vec!["a[".to_owned()],
            ignore: vec!["(".to_owned(), "a{1000}{1000}".to_owned(), "x".repeat(1_001)],
        };
        let faults = faults(&options);
        for (fault, of) in faults.iter().zip([
            "/include_selectors/1",
            "/exclude_selectors/0",
            "/ignore/0",
            "/ignore/1",
            "/ignore/2",
        ]) {
            assert!(fault.contains(of), "{fault} is of {of}");
        }
        assert_eq!(faults.len(), 5);
    }

    #[test]
    fn what_is_ignored_is_cut() {
        let options =
            WatchOptions { ignore: vec![r"Ad: \w+".to_owned(), "x+".to_owned()], ..WatchOptions::default() };
        let watch = Watch::compile(&options).expect("patterns");
        assert_eq!(watch.without_ignored("a Ad: Cola b xx"), "a   b  ");
        assert_eq!(watch.without_ignored("as it is"), "as it is");
    }
}
