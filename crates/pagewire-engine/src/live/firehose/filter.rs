//! Which messages become events: at each of the filter's JSON pointers, one of its values.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use super::pick::{Picked, Picker, Slot, text};

/// A filter, ready for messages. Without pointers it takes all.
#[derive(Debug, Default)]
pub(super) struct Filter(Vec<(Option<Slot>, Vec<Value>)>);

impl Filter {
    pub(super) fn compile(filter: &BTreeMap<String, Vec<Value>>, picker: &mut Picker) -> Self {
        Self(filter.iter().map(|(pointer, values)| (picker.add(pointer), values.clone())).collect())
    }

    /// Whether a message passes. What is not there is none of the values, and not null either.
    pub(super) fn takes(&self, picked: &Picked<'_>) -> bool {
        self.0.iter().all(|(slot, values)| {
            slot.and_then(|slot| picked.raw(slot)).is_some_and(|json| is_one_of(json, values))
        })
    }
}

fn is_one_of(json: &str, values: &[Value]) -> bool {
    if json.starts_with('"') {
        let found = text(json);
        return values
            .iter()
            .any(|value| value.as_str().is_some_and(|value| Some(value) == found.as_deref()));
    }
    // A structure is compared only with one: a message cannot make a filter of plain values build its trees.
    let is_plain = !json.starts_with(['{', '[']);
    if !is_plain && !values.iter().any(|value| value.is_object() || value.is_array()) {
        return false;
    }
    serde_json::from_str(json).is_ok_and(|found| values.iter().any(|value| equal(value, &found)))
}

/// Numbers are equal by what they amount to.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || as_double(a).is_some_and(|double| Some(double) == as_double(b))
        }
        _ => a == b,
    }
}

/// Whole numbers that a double cannot hold are compared as they are.
fn as_double(number: &Number) -> Option<f64> {
    const EXACT_END: f64 = 9_007_199_254_740_992.0;
    number.as_f64().filter(|double| double.abs() < EXACT_END)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn takes(filter: &Value, message: &str) -> bool {
        let filter: BTreeMap<String, Vec<Value>> = serde_json::from_value(filter.clone()).expect("a filter");
        let mut picker = Picker::default();
        let filter = Filter::compile(&filter, &mut picker);
        filter.takes(&picker.pick(message).expect("JSON"))
    }

    #[test]
    fn each_pointer_must_find_one_of_its_values() {
        let filter = json!({"/kind": ["commit", "delete"], "/bot": [false]});
        assert!(takes(&filter, r#"{"kind":"commit","bot":false}"#));
        assert!(takes(&filter, r#"{"bot":false,"kind":"\u0064elete"}"#), "escapes are read");
        assert!(!takes(&filter, r#"{"kind":"commit","bot":true}"#));
        assert!(!takes(&filter, r#"{"kind":"commits","bot":false}"#));
        assert!(!takes(&filter, r#"{"kind":"commit"}"#), "what is not there is no value");
        assert!(takes(&json!({}), "[]"));
    }

    #[test]
    fn values_of_every_kind_are_compared() {
        assert!(takes(&json!({"/n": [1]}), r#"{"n":1.0}"#));
        assert!(!takes(&json!({"/n": [1]}), r#"{"n":"1"}"#));
        assert!(!takes(&json!({"/n": [9_007_199_254_740_993_i64]}), r#"{"n":9007199254740992}"#));
        assert!(takes(&json!({"/n": [null]}), r#"{"n":null}"#));
        assert!(!takes(&json!({"/n": [null]}), r"{}"));
        assert!(takes(&json!({"/n": [[1, 2]]}), r#"{"n":[1,2]}"#));
        assert!(!takes(&json!({"no pointer": ["x"]}), r#"{"no pointer":"x"}"#));
    }
}
