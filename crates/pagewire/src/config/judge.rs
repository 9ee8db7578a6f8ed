//! What judges settings: each value in its range, and every fault named at once.

use std::path::PathBuf;
use std::time::Duration;

use super::byte_size::ByteSize;

/// A setting whose value is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} = {value}: must be {allowed}")]
pub(crate) struct Fault {
    /// Section and key.
    pub(crate) key: String,
    /// What was found.
    pub(crate) value: String,
    /// What is allowed.
    pub(crate) allowed: String,
}

/// Collects faults. A value at fault is replaced by something harmless, which never leaves [`super::Checked::of`].
#[derive(Default)]
pub(super) struct Judge {
    pub(super) faults: Vec<Fault>,
}

impl Judge {
    pub(super) fn fault(&mut self, key: &str, value: impl std::fmt::Display, allowed: impl Into<String>) {
        self.faults.push(Fault { key: key.to_owned(), value: value.to_string(), allowed: allowed.into() });
    }

    pub(super) fn whole<N: TryFrom<i64> + Default>(
        &mut self,
        key: &str,
        value: Option<i64>,
        min: i64,
        max: i64,
    ) -> N {
        let allowed = || format!("a whole number from {min} to {max}");
        let Some(value) = value else {
            self.fault(key, "(nothing)", allowed());
            return N::default();
        };
        let converted = (min..=max).contains(&value).then(|| N::try_from(value).ok()).flatten();
        converted.unwrap_or_else(|| {
            self.fault(key, value, allowed());
            N::default()
        })
    }

    pub(super) fn seconds(&mut self, key: &str, value: Option<i64>, min: i64, max: i64) -> Duration {
        Duration::from_secs(self.whole(key, value, min, max))
    }

    pub(super) fn millis(&mut self, key: &str, value: Option<i64>, min: i64, max: i64) -> Duration {
        Duration::from_millis(self.whole(key, value, min, max))
    }

    pub(super) fn hours(&mut self, key: &str, value: Option<i64>, min: i64, max: i64) -> Duration {
        let hours: u32 = self.whole(key, value, min, max);
        Duration::from_secs(u64::from(hours) * 3_600)
    }

    pub(super) fn bytes(&mut self, key: &str, value: Option<ByteSize>, min: u64, max: u64) -> ByteSize {
        let shown = value.map_or_else(|| "(nothing)".to_owned(), |size| size.to_string());
        match value {
            Some(size) if (min..=max).contains(&size.0) => size,
            _ => {
                self.fault(key, shown, format!("an amount from {} to {}", ByteSize(min), ByteSize(max)));
                ByteSize(min)
            }
        }
    }

    pub(super) fn parsed<T: std::str::FromStr>(
        &mut self,
        key: &str,
        value: Option<&str>,
        allowed: &str,
    ) -> Option<T> {
        let text = value.unwrap_or("(nothing)");
        let parsed = value.and_then(|text| text.parse().ok());
        if parsed.is_none() {
            self.fault(key, format!("{text:?}"), allowed);
        }
        parsed
    }

    pub(super) fn one_of<T: Copy>(&mut self, key: &str, value: Option<&str>, choices: [(&str, T); 2]) -> T {
        let found = value.and_then(|text| choices.iter().find(|(name, _)| *name == text));
        if let Some((_, choice)) = found {
            return *choice;
        }
        let [(first, fallback), (second, _)] = choices;
        self.fault(key, format!("{:?}", value.unwrap_or_default()), format!("{first:?} or {second:?}"));
        fallback
    }

    pub(super) fn path(&mut self, key: &str, value: Option<&str>) -> PathBuf {
        let path = value.unwrap_or_default();
        if path.is_empty() {
            self.fault(key, "\"\"", "a path");
        }
        PathBuf::from(path)
    }
}
