//! The accounting rule over any number of connections to one stream: each URL ends exactly once, as a page or an error, and
//! an id never means two different URLs.
//!
//! The same record may come over two connections (the end of a cut one, the start of the next): it must then be the same
//! record. What a client "has" is therefore the set of ids, and the rule is about that set.

use std::collections::BTreeMap;

use crate::sse::Frame;

/// The records seen of one stream.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By id: the URL's index in the request, the URL, and whether it is a page.
    records: BTreeMap<u64, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    index: u64,
    url: String,
    event: String,
}

impl Ledger {
    /// A ledger without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Enters the events of one connection. Panics when they are out of order, or when an id is known for another record.
    pub fn enter(&mut self, frames: &[Frame]) {
        let mut before = None;
        for frame in frames.iter().filter(|frame| frame.event == "page" || frame.event == "error") {
            let id = frame.id.as_deref().unwrap_or_else(|| panic!("a record without an id: {frame:?}"));
            assert!(id.len() >= 4, "an id of fewer than four digits: {id}");
            let id: u64 = id.parse().unwrap_or_else(|_| panic!("an id that is no number: {id}"));
            assert!(before < Some(id), "ids fall within one connection: {before:?} then {id}");
            before = Some(id);
            let data = frame.json();
            let index = data["meta"]["index"].as_u64().or_else(|| data["index"].as_u64());
            let entry = Entry {
                index: index.unwrap_or_else(|| panic!("a record without an index: {data}")),
                url: data["url"].as_str().unwrap_or_default().to_owned(),
                event: frame.event.clone(),
            };
            if let Some(known) = self.records.get(&id) {
                assert_eq!(*known, entry, "id {id} means two different records");
            }
            self.records.insert(id, entry);
        }
    }

    /// How many records are entered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many of them are errors.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.records.values().filter(|entry| entry.event == "error").count()
    }

    /// The newest id, as `Last-Event-ID` takes it.
    #[must_use]
    pub fn last_id(&self) -> Option<String> {
        self.records.last_key_value().map(|(id, _)| format!("{id:04}"))
    }

    /// Panics unless every index from 0 up to `total` is entered exactly once.
    pub fn assert_complete(&self, total: u64) {
        let mut seen: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for (id, entry) in &self.records {
            seen.entry(entry.index).or_default().push(*id);
        }
        let twice: Vec<_> = seen.iter().filter(|(_, ids)| ids.len() > 1).take(5).collect();
        assert!(twice.is_empty(), "indexes that ended more than once, with their ids: {twice:?}");
        let lost: Vec<u64> = (0..total).filter(|index| !seen.contains_key(index)).collect();
        assert!(
            lost.is_empty(),
            "{} of {total} indexes never ended, such as {:?}",
            lost.len(),
            &lost[..lost.len().min(5)]
        );
        assert_eq!(self.records.len() as u64, total, "records of indexes that were not asked for");
    }
}

#[cfg(test)]
mod tests {
    use super::Ledger;
    use crate::sse::Frame;

    fn page(id: u64, index: u64) -> Frame {
        let data = format!("{{\"url\":\"http://h/{index}\",\"meta\":{{\"index\":{index}}}}}");
        Frame { event: "page".to_owned(), data, id: Some(format!("{id:04}")) }
    }

    #[test]
    fn a_record_seen_over_two_connections_counts_once() {
        let mut ledger = Ledger::new();
        ledger.enter(&[page(1, 1), page(2, 0)]);
        ledger.enter(&[page(2, 0), page(3, 2)]);
        ledger.assert_complete(3);
        assert_eq!(ledger.last_id().as_deref(), Some("0003"));
    }

    #[test]
    #[should_panic(expected = "two different records")]
    fn an_id_with_two_urls_is_found() {
        let mut ledger = Ledger::new();
        ledger.enter(&[page(1, 1)]);
        ledger.enter(&[page(1, 2)]);
    }

    #[test]
    #[should_panic(expected = "more than once")]
    fn an_index_that_ended_twice_is_found() {
        let mut ledger = Ledger::new();
        ledger.enter(&[page(1, 0), page(2, 0)]);
        ledger.assert_complete(1);
    }
}
