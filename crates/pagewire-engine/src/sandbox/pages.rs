//! The fixtures: each is a file with a few places that its number fills.

use std::fmt::Write as _;

use http::StatusCode;

const PRODUCT: &str = include_str!("pages/product.html");
const ARTICLE: &str = include_str!("pages/article.html");
const LISTING: &str = include_str!("pages/listing.html");
const STATUS: &str = include_str!("pages/status.html");

/// Products on a page of the list.
const PER_PAGE: u64 = 12;

/// A product, with its name and price as JSON-LD, as OpenGraph and in the markup.
pub(super) fn product(number: u64) -> String {
    PRODUCT
        .replace("{{number}}", &number.to_string())
        .replace("{{sku}}", &format!("PW-{number:06}"))
        .replace("{{price}}", &price(number))
        .replace("{{next}}", &number.wrapping_add(1).to_string())
}

/// An article among the navigation of its site.
pub(super) fn article(number: u64) -> String {
    ARTICLE
        .replace("{{number}}", &number.to_string())
        .replace("{{next}}", &number.wrapping_add(1).to_string())
}

/// A page of the list of products.
pub(super) fn listing(page: u64) -> String {
    let first = page.saturating_sub(1).saturating_mul(PER_PAGE);
    let mut items = String::new();
    for number in (1..=PER_PAGE).map(|place| first.saturating_add(place)) {
        let price = price(number);
        let _ = writeln!(
            items,
            "<li class=\"product\"><a href=\"/products/{number}\">Enamel kettle No. {number}</a> \
             <span class=\"price\">€{price}</span></li>"
        );
    }
    LISTING
        .replace("{{page}}", &page.to_string())
        .replace("{{next}}", &page.saturating_add(1).to_string())
        .replace("{{items}}", items.trim_end())
}

/// What stands under a status.
pub(super) fn status(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or("Without a name");
    STATUS.replace("{{status}}", status.as_str()).replace("{{reason}}", reason)
}

/// From 20.50 to 1019.50.
fn price(number: u64) -> String {
    format!("{}.50", 20 + number % 1_000)
}
