//! Prices in the spellings of the world, and what they mean: `prices.tsv`.

use pagewire_extract::Price;

const TABLE: &str = include_str!("prices.tsv");

#[test]
fn every_price_of_the_table_is_read() {
    let rows: Vec<Vec<&str>> =
        TABLE.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect()).collect();
    assert!(rows.len() >= 200, "{}", rows.len());
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let [text, amount, sign, code] = row[..] else { panic!("four columns: {row:?}") };
            let read = Price::read(text);
            let found = read.as_ref().and_then(|price| price.amount.as_f64());
            let is_right = found == amount.parse().ok()
                && read.as_ref().and_then(|price| price.sign.as_deref()).unwrap_or_default() == sign
                && read.as_ref().and_then(|price| price.code).unwrap_or_default() == code;
            (!is_right).then(|| format!("{text:?}: {read:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
