//! Where a client wants to go on: `Last-Event-ID`.

use http::HeaderMap;
use pagewire_journal::Position;
use pagewire_types::{Problem, ProblemCode};

/// The header of the WHATWG's EventSource.
const LAST_EVENT_ID: &str = "last-event-id";

/// The record that the client has, or the start where it names none.
pub fn run_position(headers: &HeaderMap) -> Result<Position, Box<Problem>> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(Position::START) };
    let text = value.to_str().unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(Position::START);
    }
    let digits = text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().map(Position).ok_or_else(|| {
        Box::new(Problem::new(
            ProblemCode::InvalidCursor,
            "`Last-Event-ID` must be the id of an event of this stream: a decimal number such as 0042",
        ))
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn position(text: &'static str) -> Option<u64> {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static(LAST_EVENT_ID),
            HeaderValue::from_static(text),
        )]);
        run_position(&headers).ok().map(|position| position.0)
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
}
