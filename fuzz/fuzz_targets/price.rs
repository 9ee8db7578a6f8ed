//! Any text as a price: a finite amount or none, and a currency only with an amount.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pagewire_extract::Price;

fuzz_target!(|text: &str| {
    if let Some(price) = Price::read(text) {
        assert!(price.amount.as_f64().is_some_and(f64::is_finite), "{price:?}");
        assert_eq!(price.sign.is_some(), price.code.is_some(), "{price:?}");
        assert!(price.sign.is_none_or(|sign| text.contains(&sign)));
    }
});
