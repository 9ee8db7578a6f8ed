//! `[cache]`: how much of the pages is kept.

use pagewire_engine::cache::CacheSettings;

use super::judge::Judge;
use super::raw;

impl Judge {
    pub(super) fn cache(&mut self, raw: &raw::Cache) -> CacheSettings {
        CacheSettings {
            bytes: self.bytes("cache.bytes", raw.bytes, 0, 1 << 44).0,
            memory_bytes: self.bytes("cache.memory_bytes", raw.memory_bytes, 1 << 20, 64 << 30).0,
        }
    }
}
