//! Where an upstream stopped, so that the next connection goes on there: what is kept between connections and restarts.
//!
//! Server-Sent Events have a place for it, `Last-Event-ID`. Elsewhere the value at `map.cursor` goes into the URL: where
//! it says `{cursor}`, or as the query parameter `cursor`. What was kept of another URL is no place in this one.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use url::form_urlencoded::byte_serialize;

/// In a URL, where the cursor goes; and the same as a URL parser writes it.
const PLACEHOLDERS: [&str; 2] = ["{cursor}", "%7Bcursor%7D"];

/// How far an upstream has been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_event_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    /// Whether it is not what the sink was last given.
    #[serde(skip)]
    is_moved: bool,
}

impl Place {
    /// The place that was kept for this URL, or its live end.
    pub(super) fn read(state: Option<&str>, url: &str) -> Self {
        let kept: Option<Self> = state.and_then(|state| serde_json::from_str(state).ok());
        kept.filter(|kept| kept.url == url).unwrap_or_else(|| Self {
            url: url.to_owned(),
            last_event_id: None,
            cursor: None,
            is_moved: false,
        })
    }

    /// Whether there is a place to go on at.
    pub(super) fn is_known(&self) -> bool {
        self.last_event_id.is_some() || self.cursor.is_some()
    }

    /// Whether it has moved since it was last taken to be kept.
    pub(super) fn is_moved(&self) -> bool {
        self.is_moved
    }

    /// Goes back to the live end.
    pub(super) fn forget(&mut self) {
        self.last_event_id = None;
        self.cursor = None;
        self.is_moved = true;
    }

    /// What the next request sends as `Last-Event-ID`.
    pub(super) fn last_event_id(&self) -> Option<&str> {
        self.last_event_id.as_deref()
    }

    /// Where the next request goes.
    pub(super) fn url(&self) -> Cow<'_, str> {
        with_cursor(&self.url, self.cursor.as_deref())
    }

    pub(super) fn set_last_event_id(&mut self, id: &str) {
        // The empty id is none (WHATWG HTML, section 9.2.3).
        self.is_moved |= set(&mut self.last_event_id, id);
    }

    pub(super) fn set_cursor(&mut self, cursor: &str) {
        self.is_moved |= set(&mut self.cursor, cursor);
    }

    /// The state to keep, where it has moved.
    pub(super) fn take_state(&mut self) -> Option<String> {
        if !std::mem::take(&mut self.is_moved) {
            return None;
        }
        Some(serde_json::to_string(self).expect("texts are always serialised"))
    }
}

/// Whether the value was another.
fn set(kept: &mut Option<String>, value: &str) -> bool {
    if kept.as_deref().unwrap_or_default() == value {
        return false;
    }
    match kept {
        _ if value.is_empty() => *kept = None,
        Some(kept) => value.clone_into(kept),
        None => *kept = Some(value.to_owned()),
    }
    true
}

fn with_cursor<'a>(url: &'a str, cursor: Option<&str>) -> Cow<'a, str> {
    let placeholder = PLACEHOLDERS.into_iter().find(|placeholder| url.contains(placeholder));
    let encoded: String = byte_serialize(cursor.unwrap_or_default().as_bytes()).collect();
    match (placeholder, cursor) {
        // A plus is a space in a query alone.
        (Some(placeholder), Some(_)) => Cow::Owned(url.replace(placeholder, &encoded.replace('+', "%20"))),
        (Some(placeholder), None) => Cow::Owned(without(url, placeholder)),
        (None, Some(_)) => Cow::Owned(with_parameter(url, &encoded)),
        (None, None) => Cow::Borrowed(url),
    }
}

/// The URL without a place: query parameters that would hold it are left out.
fn without(url: &str, placeholder: &str) -> String {
    let Some((base, query)) = url.split_once('?') else { return url.replace(placeholder, "") };
    let base = base.replace(placeholder, "");
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.contains(placeholder)).collect();
    if kept.is_empty() { base } else { format!("{base}?{}", kept.join("&")) }
}

/// The URL with the query parameter `cursor`, in place of the one it has.
fn with_parameter(url: &str, cursor: &str) -> String {
    let url = url.split('#').next().unwrap_or(url);
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let others = query.split('&').filter(|pair| !pair.is_empty() && pair.split('=').next() != Some("cursor"));
    let pairs: Vec<Cow<'_, str>> =
        others.map(Cow::Borrowed).chain([Cow::Owned(format!("cursor={cursor}"))]).collect();
    format!("{base}?{}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_goes_into_its_place_in_the_url() {
        for (url, without, with) in [
            ("wss://a.example/x", "wss://a.example/x", "wss://a.example/x?cursor=1%262"),
            ("wss://a.example/x?a=b#c", "wss://a.example/x?a=b#c", "wss://a.example/x?a=b&cursor=1%262"),
            (
                "wss://a.example/x?cursor=0&a=b",
                "wss://a.example/x?cursor=0&a=b",
                "wss://a.example/x?a=b&cursor=1%262",
            ),
            (
                "https://a.example/x?since={cursor}&a=b",
                "https://a.example/x?a=b",
                "https://a.example/x?since=1%262&a=b",
            ),
            (
                "https://a.example/x?since=%7Bcursor%7D",
                "https://a.example/x",
                "https://a.example/x?since=1%262",
            ),
            (
                "https://a.example/from/{cursor}/on",
                "https://a.example/from//on",
                "https://a.example/from/1%262/on",
            ),
        ] {
            assert_eq!(with_cursor(url, None), without);
            assert_eq!(with_cursor(url, Some("1&2")), with);
        }
    }

    #[test]
    fn what_is_kept_is_read_again_for_the_same_url_alone() {
        let mut place = Place::read(None, "https://a.example/");
        assert!(!place.is_known() && place.take_state().is_none());
        place.set_last_event_id("[{\"offset\":1}]");
        place.set_cursor("7");
        let state = place.take_state().expect("it has moved");
        assert_eq!(place.take_state(), None, "once");
        place.set_cursor("7");
        assert!(!place.is_moved());
        assert_eq!(Place::read(Some(&state), "https://a.example/"), place);
        for (state, url) in [(state.as_str(), "https://b.example/"), ("7", "https://a.example/")] {
            assert!(!Place::read(Some(state), url).is_known());
        }
    }

    #[test]
    fn an_empty_id_is_no_place() {
        let mut place = Place::read(None, "https://a.example/");
        place.set_last_event_id("1");
        place.set_last_event_id("");
        assert!(place.is_moved() && !place.is_known());
    }
}
