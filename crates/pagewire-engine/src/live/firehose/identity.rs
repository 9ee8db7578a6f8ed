//! What tells a message apart from all others of its source.
//!
//! | what is known of it | the same message is |
//! |---|---|
//! | `map.id` finds something | whatever has the same there |
//! | the event stream's id, or `map.cursor` | the same text at the same place: a resume may begin at a place anew, and several messages may share one |
//! | neither | the same text at the same position of the same connection: nothing is ever taken for a repetition |

use jiff::Timestamp;

use super::super::event::EventKey;

/// The positions of one connection's messages.
#[derive(Debug)]
pub(super) struct Positions {
    opened_at: Timestamp,
    next: u64,
}

impl Positions {
    pub(super) fn of_connection_at(opened_at: Timestamp) -> Self {
        Self { opened_at, next: 0 }
    }

    /// The key of the next message.
    pub(super) fn key(&mut self, id: Option<&str>, place: Option<&str>, message: &str) -> EventKey {
        let position = self.next;
        self.next += 1;
        match (id, place) {
            (Some(id), _) => EventKey::of(&[b"id", id.as_bytes()]),
            (None, Some(place)) => EventKey::of(&[b"place", place.as_bytes(), message.as_bytes()]),
            (None, None) => {
                let opened_at = self.opened_at.as_nanosecond().to_le_bytes();
                EventKey::of(&[b"position", &opened_at, &position.to_le_bytes(), message.as_bytes()])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_message_has_the_same_key_on_every_connection_where_it_can_be_told() {
        let mut first = Positions::of_connection_at(Timestamp::UNIX_EPOCH);
        let mut second = Positions::of_connection_at(Timestamp::MAX);
        assert_eq!(first.key(Some("1"), Some("7"), "a"), second.key(Some("1"), Some("8"), "b"));
        assert_eq!(first.key(None, Some("7"), "a"), second.key(None, Some("7"), "a"));
        assert_ne!(first.key(None, Some("7"), "a"), first.key(None, Some("7"), "b"));
        assert_ne!(first.key(None, None, "a"), second.key(None, None, "a"));
        assert_ne!(first.key(None, None, "a"), first.key(None, None, "a"), "said twice is said twice");
    }
}
