//! Where a client wants to go on: `Last-Event-ID`.

use http::HeaderMap;
use pagewire_journal::Position;
use pagewire_types::{Problem, ProblemCode};

use super::record;

/// The header of the WHATWG's EventSource.
const LAST_EVENT_ID: &str = "last-event-id";

/// The record that the client has, or the start where it names none.
pub fn run_position(headers: &HeaderMap) -> Result<Position, Box<Problem>> {
    Ok(last_event_id(headers)?.unwrap_or(Position::START))
}

/// The last event that the client has, where it names one.
pub fn last_event_id(headers: &HeaderMap) -> Result<Option<Position>, Box<Problem>> {
    let invalid = || {
        Box::new(Problem::new(
            ProblemCode::InvalidCursor,
            "`Last-Event-ID` must be the id of an event of this stream: a decimal number such as 0042",
        ))
    };
    let Some(text) = last_event_id_text(headers).map_err(|NotOneText| invalid())? else { return Ok(None) };
    record::parse_id(text).map(|id| Some(Position(id))).ok_or_else(invalid)
}

/// The header is no text, or contradicts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOneText;

/// The header as text, where it is there and not empty.
pub fn last_event_id_text(headers: &HeaderMap) -> Result<Option<&str>, NotOneText> {
    let mut values = headers.get_all(LAST_EVENT_ID).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.any(|other| other != value) {
        return Err(NotOneText);
    }
    let text = value.to_str().map_err(|_| NotOneText)?.trim();
    Ok((!text.is_empty()).then_some(text))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn position_of(values: &[&[u8]]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(LAST_EVENT_ID, HeaderValue::from_bytes(value).expect("a header value"));
        }
        run_position(&headers).ok().map(|position| position.0)
    }

    fn position(text: &str) -> Option<u64> {
        position_of(&[text.as_bytes()])
    }

    #[test]
    fn only_a_decimal_number_is_a_position() {
        assert_eq!(position("0042"), Some(42));
        assert_eq!(position(""), Some(0));
        assert_eq!(position("12345678901234567890"), Some(12_345_678_901_234_567_890));
        for text in ["abc", "-1", "+1", "1.0", "0x10", "99999999999999999999", "123456789012345678901"] {
            assert_eq!(position(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_text_and_what_contradicts_itself_is_no_start_either() {
        assert_eq!(position_of(&[]), Some(0));
        assert_eq!(position("é"), None);
        assert_eq!(position_of(&[b"\xff"]), None);
        assert_eq!(position_of(&[b"0001", b"0002"]), None);
        assert_eq!(position_of(&[b"0001", b"0001"]), Some(1));
    }
}
