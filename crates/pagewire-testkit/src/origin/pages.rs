//! The site's pages: a shop's product, a magazine's article. Made by rule from their number, so that a test knows what is in
//! them without reading them.

use std::fmt::Write as _;

/// Bytes that a product page has at least: what product pages of real shops have, without their scripts.
pub const PRODUCT_BYTES: usize = 27_000;

/// The price of product `number`.
#[must_use]
pub fn product_price(number: u64) -> f64 {
    // Whole numbers and halves print the same everywhere.
    10.0 + (number % 1_000) as f64 / 2.0
}

/// Product page `number`, with its name and price as JSON-LD and in the markup.
#[must_use]
pub fn product(number: u64) -> String {
    let price = product_price(number);
    let json_ld = serde_json::json!({
        "@context": "https://schema.org", "@type": "Product", "name": format!("Product {number}"),
        "sku": format!("SKU-{number:06}"), "brand": {"@type": "Brand", "name": "Falu"},
        "offers": {"@type": "Offer", "price": price, "priceCurrency": "SEK", "availability": "https://schema.org/InStock"},
    });
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Product {number} – Shop</title>\n\
         <meta name=\"description\" content=\"All about product {number}.\">\n\
         <meta property=\"og:title\" content=\"Product {number}\">\n\
         <script type=\"application/ld+json\">{json_ld}</script></head>\n<body><nav><ul>"
    );
    for entry in 0..20 {
        let _ = write!(html, "<li><a href=\"/a/{entry}\">Department {entry}</a></li>");
    }
    let _ = write!(
        html,
        "</ul></nav>\n<main><h1 class=\"product-name\">Product {number}</h1>\n\
         <p class=\"price\" data-price=\"{price}\">{price} kr</p>\n<h2>Reviews</h2>\n"
    );
    for review in 0.. {
        if html.len() > PRODUCT_BYTES - 200 {
            break;
        }
        let _ = writeln!(
            html,
            "<article class=\"review\"><h3>Review {review}</h3><p>It came on time, it does what it should, and after \
             <em>{} weeks</em> it still looks new. I would buy it again &amp; I have told my neighbour.</p></article>",
            review % 50 + 1
        );
    }
    let _ = writeln!(html, "</main><footer><a href=\"/p/{}\">Next</a></footer></body></html>", number + 1);
    while html.len() < PRODUCT_BYTES {
        html.push('\n');
    }
    html
}

/// Article `number`, a few thousand words under a headline.
#[must_use]
pub fn article(number: u64) -> String {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Article {number}</title></head>\n\
         <body><header><a href=\"/\">Home</a></header><article><h1>Article {number}</h1>\n"
    );
    for paragraph in 0..60 {
        let _ = writeln!(
            html,
            "<p>Paragraph {paragraph} of article {number} says that the river rose in the night, that the bridge at the mill was \
             closed before dawn, and that nobody was hurt; see <a href=\"/a/{paragraph}\">what was said then</a>.</p>"
        );
    }
    html.push_str("</article><footer>Printed on paper.</footer></body></html>\n");
    html
}
