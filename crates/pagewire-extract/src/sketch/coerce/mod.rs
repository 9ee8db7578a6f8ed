//! From what a page says to the type that was asked for. What does not fit is no value; nothing is made up.

mod amount;
mod currency;
pub(crate) mod date;
pub(crate) mod duration;
pub(crate) mod number;
mod price;
pub(crate) mod rating;

use serde_json::{Number, Value};

use super::FieldType;
use super::shape::tokens_of;
pub use price::Price;

/// A value of a scalar type; `None` where it does not fit, and for types that are none.
pub(crate) fn scalar(value: &Value, wanted: &FieldType) -> Option<Value> {
    match wanted {
        FieldType::Text => text(value).map(Value::String),
        FieldType::Integer => integer(value).map(Value::Number),
        FieldType::Number => match value {
            Value::Array(items) => items.iter().find_map(number),
            value => number(value),
        }
        .map(Value::Number),
        FieldType::Boolean => boolean(value).map(Value::Bool),
        FieldType::Enum(choices) => choice(&text(value)?, choices).map(Value::from),
        FieldType::Record | FieldType::Array(_) | FieldType::Object(_) | FieldType::Selector(_) => None,
    }
}

/// The text of a scalar, or of the usual member of an object that stands for itself.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
            (!folded.is_empty()).then_some(folded)
        }
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Object(map) => ["@value", "name", "url", "contentUrl", "text", "@id"]
            .iter()
            .find_map(|key| map.get(*key).filter(|inner| !inner.is_object()).and_then(text)),
        Value::Array(items) => items.iter().find_map(text),
        Value::Null => None,
    }
}

/// A number, from JSON or from a price in any usual spelling.
pub(crate) fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        other => {
            let text = text(other)?;
            text.contains(|c| amount::digit_of(c).is_some())
                .then(|| Price::read(&text))
                .flatten()
                .map(|price| price.amount)
        }
    }
}

/// A whole number.
pub(crate) fn integer(value: &Value) -> Option<Number> {
    let number = number(value)?;
    if number.is_i64() || number.is_u64() {
        return Some(number);
    }
    let float = number.as_f64()?;
    // Within 2^53 every whole f64 is exact.
    let exact = float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0;
    exact.then(|| Number::from(float as i64))
}

/// A truth, from JSON or from the words of availability.
pub(crate) fn boolean(value: &Value) -> Option<bool> {
    if let Value::Bool(truth) = value {
        return Some(*truth);
    }
    let text = text(value)?.to_lowercase();
    let word: String =
        text.rsplit('/').next().unwrap_or_default().chars().filter(|c| c.is_alphanumeric()).collect();
    match word.as_str() {
        "true"
        | "yes"
        | "1"
        | "instock"
        | "available"
        | "instoreonly"
        | "onlineonly"
        | "limitedavailability" => Some(true),
        "false" | "no" | "0" | "outofstock" | "soldout" | "unavailable" | "discontinued" | "notavailable" => {
            Some(false)
        }
        _ => None,
    }
}

/// The choice that a text means: the same words, or all of the choice's words among the text's.
pub(crate) fn choice<'c>(text: &str, choices: &'c [String]) -> Option<&'c str> {
    let said = tokens_of(text);
    let words: Vec<Vec<String>> = choices.iter().map(|choice| tokens_of(choice)).collect();
    let same = words.iter().position(|words| words.concat() == said.concat());
    let within = || {
        let held = words.iter().enumerate().filter(|(_, words)| {
            !words.is_empty() && said.windows(words.len()).any(|window| window == words.as_slice())
        });
        held.max_by_key(|(at, words)| (words.len(), std::cmp::Reverse(*at))).map(|(at, _)| at)
    };
    same.or_else(within).map(|at| choices[at].as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_read_in_the_usual_spellings() {
        for (text, expected) in [
            ("219", json!(219)),
            ("$1,299.00", json!(1299.0)),
            ("1.299,00 €", json!(1299.0)),
            ("1 299:-", json!(1299)),
            ("1.299", json!(1299)),
            ("1'299.50 CHF", json!(1299.5)),
            ("0.125", json!(0.125)),
            ("12,5", json!(12.5)),
            ("1,234,567", json!(1_234_567)),
            ("EUR -5", json!(-5)),
            ("4.5 out of 5", json!(4.5)),
            ("COVID-19", json!(19)),
        ] {
            assert_eq!(number(&json!(text)).map(Value::Number), Some(expected), "{text}");
        }
        assert_eq!(number(&json!("free")), None);
    }

    #[test]
    fn truths_are_read_from_words_of_availability() {
        assert_eq!(boolean(&json!("https://schema.org/InStock")), Some(true));
        assert_eq!(boolean(&json!("http://schema.org/OutOfStock")), Some(false));
        assert_eq!(boolean(&json!("perhaps")), None);
    }

    #[test]
    fn whole_numbers_are_exact_or_nothing() {
        assert_eq!(integer(&json!("1,299.00")), Some(Number::from(1299)));
        assert_eq!(integer(&json!(4.5)), None);
    }
}
