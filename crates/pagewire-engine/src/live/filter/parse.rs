//! Reading a filter from the parameters of a request.

use pagewire_types::{Problem, ProblemCode, SourceId, SourceType};

use super::{Filter, Keyword, SourcePattern};

/// Bytes of one value.
const VALUE_BYTES_MAX: usize = 256;

/// How many values a filter may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterCaps {
    /// Of all names together.
    pub values: usize,
}

/// The values of a filter as they came, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilterValues {
    /// `source`
    pub sources: Vec<String>,
    /// `source_type`
    pub source_types: Vec<String>,
    /// `tag`
    pub tags: Vec<String>,
    /// `keyword`
    pub keywords: Vec<String>,
}

impl FilterValues {
    fn count(&self) -> usize {
        self.sources.len() + self.source_types.len() + self.tags.len() + self.keywords.len()
    }
}

impl Filter {
    /// Reads a filter, or says which value is at fault.
    pub fn read(values: &FilterValues, caps: FilterCaps) -> Result<Self, Box<Problem>> {
        if values.count() > caps.values {
            let detail = format!(
                "the filter has {} values, and a key may use {} (`live.filter_values_max`); use a prefix such as `source=news.*`, or two streams",
                values.count(),
                caps.values
            );
            let problem = Problem::new(ProblemCode::FilterOverCap, detail);
            return Err(Box::new(problem.with("cap", "live.filter_values_max").with("limit", caps.values)));
        }
        let read = |name: &'static str, value: &str| -> Result<String, Box<Problem>> {
            let value = value.trim();
            match value {
                "" => Err(invalid(name, value, "is empty; leave it out to take all")),
                _ if value.len() > VALUE_BYTES_MAX => Err(invalid(name, value, "is longer than 256 bytes")),
                _ if value.contains('\u{fffd}') || value.contains(char::is_control) => {
                    Err(invalid(name, value, "is no text in UTF-8 without control characters"))
                }
                _ => Ok(value.to_owned()),
            }
        };
        let mut filter = Self::default();
        for value in &values.sources {
            filter.sources.insert(source_pattern(&read("source", value)?)?);
        }
        for value in &values.source_types {
            let value = read("source_type", value)?;
            let known = "is none of rss, atom, json_feed, html, firehose";
            filter
                .source_types
                .insert(SourceType::parse(&value).ok_or_else(|| invalid("source_type", &value, known))?);
        }
        for value in &values.tags {
            filter.tags.insert(read("tag", value)?);
        }
        for value in &values.keywords {
            let value = read("keyword", value)?;
            let keyword = Keyword::parse(&value);
            filter.keywords.insert(keyword.ok_or_else(|| invalid("keyword", &value, "has no word in it"))?);
        }
        Ok(filter)
    }
}

fn source_pattern(value: &str) -> Result<SourcePattern, Box<Problem>> {
    let expected = "is neither a source's id nor the beginning of some with `.*` behind it, such as `news.*`";
    let is_id = |text: &str| text.parse::<SourceId>().is_ok();
    match value.strip_suffix(".*") {
        Some(prefix) if is_id(prefix) => Ok(SourcePattern::Prefix(format!("{prefix}."))),
        None if is_id(value) => Ok(SourcePattern::Exact(value.to_owned())),
        _ => Err(invalid("source", value, expected)),
    }
}

fn invalid(name: &str, value: &str, why: &str) -> Box<Problem> {
    let shown: String = value.chars().take(80).collect();
    let detail = format!("`{name}={shown}` {why}");
    Box::new(Problem::new(ProblemCode::InvalidFilter, detail).with("parameter", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPS: FilterCaps = FilterCaps { values: 3 };

    fn values(name: &str, given: &[&str]) -> FilterValues {
        let given: Vec<String> = given.iter().map(|value| (*value).to_owned()).collect();
        let mut values = FilterValues::default();
        match name {
            "source" => values.sources = given,
            "source_type" => values.source_types = given,
            "tag" => values.tags = given,
            _ => values.keywords = given,
        }
        values
    }

    #[test]
    fn the_same_filter_in_another_order_is_the_same() {
        let read = |given: &[&str]| Filter::read(&values("tag", given), CAPS).expect("valid");
        assert_eq!(read(&["a", " b "]), read(&["b", "a", "a"]));
        assert!(read(&[]).is_everything() && !read(&["a"]).is_everything());
    }

    #[test]
    fn what_is_no_filter_is_named() {
        for (name, value) in [
            ("source", ""),
            ("source", "*"),
            ("source", ".*"),
            ("source", "News"),
            ("source", "news*"),
            ("source_type", "RSS"),
            ("tag", " "),
            ("tag", "a\u{fffd}"),
            ("tag", "a\u{0}"),
            ("keyword", "\"\""),
            ("keyword", &"x".repeat(VALUE_BYTES_MAX + 1)),
        ] {
            let problem = Filter::read(&values(name, &[value]), CAPS).expect_err(value);
            assert_eq!(
                (problem.code.as_str(), &problem.members["parameter"]),
                ("invalid_filter", &name.into())
            );
        }
    }

    #[test]
    fn a_filter_over_its_cap_is_told_the_cap() {
        let problem = Filter::read(&values("tag", &["a", "b", "c", "d"]), CAPS).expect_err("too many");
        assert_eq!(problem.code, "filter_over_cap");
        assert_eq!(
            (&problem.members["cap"], &problem.members["limit"]),
            (&"live.filter_values_max".into(), &3.into())
        );
    }
}
