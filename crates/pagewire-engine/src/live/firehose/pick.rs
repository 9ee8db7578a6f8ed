//! Values at JSON pointers (RFC 6901), picked out of a message in one pass over its text.
//!
//! The rest of the message is stepped over, not built. Depth costs no stack: only what a pointer leads through is
//! descended into, and a pointer has a bounded length. Where a name stands twice in an object, the last one holds.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer as _, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A pointer with more steps finds nothing.
const STEPS_MAX: usize = 32;

/// Pointers, as a tree of their steps.
#[derive(Debug, Default)]
pub(super) struct Picker {
    root: Node,
    slots: usize,
}

/// Where the value at a pointer is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot(usize);

/// What was picked out of one message.
#[derive(Debug)]
pub(super) struct Picked<'a>(Vec<Option<&'a RawValue>>);

#[derive(Debug, Default)]
struct Node {
    slot: Option<Slot>,
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: String,
    /// The same step, where it leads into an array.
    index: Option<usize>,
    node: Node,
}

impl Picker {
    /// Adds a pointer; one that is there already has its slot. None for what is no pointer, which finds nothing.
    pub(super) fn add(&mut self, pointer: &str) -> Option<Slot> {
        let mut node = &mut self.root;
        if !pointer.is_empty() {
            let steps = pointer.strip_prefix('/')?;
            if steps.split('/').count() > STEPS_MAX {
                return None;
            }
            for step in steps.split('/') {
                node = node.step(step.replace("~1", "/").replace("~0", "~"));
            }
        }
        Some(*node.slot.get_or_insert_with(|| {
            self.slots += 1;
            Slot(self.slots - 1)
        }))
    }

    /// Picks the values at the pointers. An error is one of the whole text, which is then no JSON.
    pub(super) fn pick<'a>(&self, text: &'a str) -> Result<Picked<'a>, serde_json::Error> {
        let mut picked = vec![None; self.slots];
        let mut json = serde_json::Deserializer::from_str(text);
        Walk { node: &self.root, picked: &mut picked }.deserialize(&mut json)?;
        json.end()?;
        Ok(Picked(picked))
    }
}

impl Node {
    fn step(&mut self, name: String) -> &mut Self {
        let at = self.steps.iter().position(|step| step.name == name).unwrap_or_else(|| {
            let is_index = name == "0" || !name.starts_with('0');
            let index = name.parse().ok().filter(|_| is_index && !name.starts_with('+'));
            self.steps.push(Step { name, index, node: Self::default() });
            self.steps.len() - 1
        });
        &mut self.steps[at].node
    }
}

impl<'a> Picked<'a> {
    /// The value in a slot, as JSON.
    pub(super) fn raw(&self, slot: Slot) -> Option<&'a str> {
        self.0.get(slot.0).copied().flatten().map(RawValue::get)
    }

    /// The value in a slot as text: a string's letters, and the JSON of all else. None for null and for what is not there.
    pub(super) fn text(&self, slot: Slot) -> Option<Cow<'a, str>> {
        text(self.raw(slot)?)
    }
}

/// The text of a JSON value.
pub(super) fn text(json: &str) -> Option<Cow<'_, str>> {
    match json.as_bytes().first()? {
        b'n' => None,
        b'"' => {
            let inner = json.get(1..json.len() - 1)?;
            if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
                return Some(Cow::Borrowed(inner));
            }
            // Half a surrogate pair is no text; its escape is left as it stands.
            Some(serde_json::from_str(json).map_or(Cow::Borrowed(inner), Cow::Owned))
        }
        _ => Some(Cow::Borrowed(json)),
    }
}

/// Descends along the steps of a node, and fills its slot.
struct Walk<'n, 'p, 'a> {
    node: &'n Node,
    picked: &'p mut [Option<&'a RawValue>],
}

impl<'a> DeserializeSeed<'a> for Walk<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'a>>(self, json: D) -> Result<(), D::Error> {
        let Some(Slot(slot)) = self.node.slot else { return json.deserialize_any(self) };
        let raw = <&RawValue as serde::Deserialize>::deserialize(json)?;
        self.picked[slot] = Some(raw);
        if self.node.steps.is_empty() {
            return Ok(());
        }
        // Other pointers lead through this value: it is read again, at most once a step.
        let mut inner = serde_json::Deserializer::from_str(raw.get());
        inner.deserialize_any(self).map_err(D::Error::custom)
    }
}

impl<'a> Visitor<'a> for Walk<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(step) = map.next_key_seed(Named(&self.node.steps))? {
            match step {
                Some(node) => map.next_value_seed(Walk { node, picked: &mut *self.picked })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut at = 0;
        loop {
            let step = self.node.steps.iter().find(|step| step.index == Some(at));
            let more = match step {
                Some(Step { node, .. }) => seq.next_element_seed(Walk { node, picked: &mut *self.picked })?,
                None => seq.next_element::<IgnoredAny>()?.map(drop),
            };
            if more.is_none() {
                return Ok(());
            }
            at += 1;
        }
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

/// The step that a name in an object is.
struct Named<'n>(&'n [Step]);

impl<'n, 'a> DeserializeSeed<'a> for Named<'n> {
    type Value = Option<&'n Node>;

    fn deserialize<D: serde::Deserializer<'a>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'n> Visitor<'_> for Named<'n> {
    type Value = Option<&'n Node>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|step| step.name == name).map(|step| &step.node))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn picked(text: &str, pointers: &[&str]) -> Vec<Option<String>> {
        let mut picker = Picker::default();
        let slots: Vec<_> = pointers.iter().map(|pointer| picker.add(pointer)).collect();
        let picked = picker.pick(text).expect("JSON");
        slots.into_iter().map(|slot| picked.raw(slot?).map(str::to_owned)).collect()
    }

    #[test]
    fn the_pointers_of_the_rfc_find_what_it_says() {
        let text =
            r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#;
        let pointers =
            ["", "/foo", "/foo/0", "/", "/a~1b", "/c%d", "/e^f", "/g|h", "/i\\j", "/k\"l", "/ ", "/m~0n"];
        let whole: Value = serde_json::from_str(text).expect("JSON");
        for (pointer, found) in pointers.iter().zip(picked(text, &pointers)) {
            let found: Value = serde_json::from_str(&found.expect(pointer)).expect("JSON");
            assert_eq!(Some(&found), whole.pointer(pointer), "{pointer}");
        }
        let absent = ["/bar", "/foo/2", "/foo/00", "/foo/-", "/foo/+1", "/foo/0/x", "foo", "/a/b"];
        assert_eq!(picked(text, &absent), vec![None; absent.len()]);
    }

    #[test]
    fn what_is_no_json_is_an_error_wherever_it_goes_wrong() {
        let mut picker = Picker::default();
        picker.add("/a").expect("a slot");
        for text in [
            "",
            "{",
            "{\"a\":1",
            "{\"a\":1}}",
            "{\"a\":1} {\"a\":2}",
            "{\"b\":tru}",
            "[1,]",
            "{\"b\":\"\u{1}\"}",
        ] {
            assert!(picker.pick(text).is_err(), "{text}");
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep =
            |open: &str, close: &str| format!("{{\"a\":{}1{}}}", open.repeat(100_000), close.repeat(100_000));
        let pointer = format!("/a{}", "/b".repeat(40));
        for text in [deep("[", "]"), deep("{\"b\":", "}")] {
            assert_eq!(picked(&text, &["/c"]), [None]);
            assert!(picked(&text, &["/a"])[0].is_some());
            assert_eq!(picked(&text, &[&pointer]), [None], "more steps than a pointer has");
        }
    }

    #[test]
    fn text_is_the_letters_of_a_string_and_the_json_of_all_else() {
        assert_eq!(text("\"a\\u00fc\\n\"").as_deref(), Some("aü\n"));
        assert_eq!(text("\"plain\"").as_deref(), Some("plain"));
        assert_eq!(text("\"\\ud800\"").as_deref(), Some("\\ud800"));
        assert_eq!(text("12.50").as_deref(), Some("12.50"));
        assert_eq!(text("{\"a\":1}").as_deref(), Some("{\"a\":1}"));
        assert_eq!(text("null"), None);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-c\"\\\\/~ü]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c~/0-2]{0,2}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn pointers_find_what_they_find_in_the_tree(
            tree in json(),
            pointers in prop::collection::vec("(/[a-c0-2]{0,2}){0,4}", 1..6),
        ) {
            let text = tree.to_string();
            let pointers: Vec<&str> = pointers.iter().map(String::as_str).collect();
            for (pointer, found) in pointers.iter().zip(picked(&text, &pointers)) {
                let found: Option<Value> = found.map(|found| serde_json::from_str(&found).expect("JSON"));
                prop_assert_eq!(found.as_ref(), tree.pointer(pointer), "{}", pointer);
            }
        }
    }
}
