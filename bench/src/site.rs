//! The site that everybody scrapes: generated product pages and articles, the same on each machine.
//!
//! A product page is about 27 KB with the proportions of a shop's page (head, inlined style, navigation, gallery,
//! description, reviews, related products, footer) and one JSON-LD product. What a page must yield follows from its
//! number, so that answers can be checked.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::error::{BenchError, Doing as _};

/// Bump when the pages change, so that an old folder is not taken for the new one.
const EDITION: &str = "site edition 1";

/// Articles beside the products.
pub(crate) const ARTICLES: usize = 1_000;

const WORDS: [&str; 32] = [
    "steel", "walnut", "quiet", "folding", "linen", "river", "winter", "harbour", "copper", "garden",
    "light", "studio", "field", "canvas", "cedar", "north", "paper", "morning", "stone", "travel", "kitchen",
    "cotton", "meadow", "silver", "compact", "evening", "clay", "signal", "island", "timber", "market",
    "orchard",
];

/// A small generator of repeatable noise (xorshift), seeded by the page's number.
struct Noise(u64);

impl Noise {
    fn of(seed: usize) -> Self {
        Self((seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap_or(0)
    }

    fn word(&mut self) -> &'static str {
        WORDS[self.below(WORDS.len())]
    }

    fn sentence(&mut self, words: usize) -> String {
        let mut text = String::with_capacity(words * 8);
        for at in 0..words {
            if at > 0 {
                text.push(' ');
            }
            text.push_str(self.word());
        }
        text.push('.');
        text
    }
}

/// The name that product `number` must yield.
pub(crate) fn product_name(number: usize) -> String {
    let mut noise = Noise::of(number);
    format!("{} {} no. {number}", noise.word(), noise.word())
}

/// The price, in hundredths, that product `number` must yield.
pub(crate) fn product_cents(number: usize) -> usize {
    500 + number * 7_919 % 99_500
}

/// The path of product `number` below the origin.
pub(crate) fn product_path(number: usize) -> String {
    format!("/p/{:02}/{number:05}.html", number % 100)
}

/// The path of article `number` below the origin.
pub(crate) fn article_path(number: usize) -> String {
    format!("/a/{number:05}.html")
}

/// Writes the site below `root`, unless this edition with as many products is there already.
pub(crate) fn generate(root: &Path, products: usize) -> Result<(), BenchError> {
    let stamp = root.join("edition");
    let edition = format!("{EDITION}, {products} products\n");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == edition) {
        return Ok(());
    }
    for folder in 0..100 {
        fs::create_dir_all(root.join(format!("p/{folder:02}"))).doing("cannot make the site's folders")?;
    }
    fs::create_dir_all(root.join("a")).doing("cannot make the site's folders")?;
    for number in 0..products {
        fs::write(root.join(&product_path(number)[1..]), product(number)).doing("cannot write a product")?;
    }
    for number in 0..ARTICLES {
        fs::write(root.join(&article_path(number)[1..]), article(number)).doing("cannot write an article")?;
    }
    fs::write(stamp, edition).doing("cannot write the site's edition")
}

fn product(number: usize) -> String {
    let mut noise = Noise::of(number + 1_000_000);
    let name = product_name(number);
    let cents = product_cents(number);
    let price = format!("{}.{:02}", cents / 100, cents % 100);
    let mut page = String::with_capacity(28 * 1024);
    head(&mut page, &name, &mut noise);
    let _ = write!(
        page,
        "<script type=\"application/ld+json\">{{\"@context\":\"https://schema.org\",\"@type\":\"Product\",\
         \"name\":\"{name}\",\"sku\":\"SKU-{number:05}\",\"description\":\"{}\",\"brand\":{{\"@type\":\"Brand\",\
         \"name\":\"{}\"}},\"image\":[\"/img/{number}-1.jpg\",\"/img/{number}-2.jpg\"],\"offers\":{{\"@type\":\
         \"Offer\",\"price\":{price},\"priceCurrency\":\"EUR\",\"availability\":\"https://schema.org/InStock\"}},\
         \"aggregateRating\":{{\"@type\":\"AggregateRating\",\"ratingValue\":4.{},\"reviewCount\":{}}}}}</script>\n\
         </head>\n",
        noise.sentence(18),
        noise.word(),
        noise.below(10),
        10 + noise.below(900),
    );
    navigation(&mut page, &mut noise);
    let _ = write!(
        page,
        "<main id=\"content\"><article class=\"product\" data-sku=\"SKU-{number:05}\">\n<h1 class=\"title\">{name}\
         </h1>\n<div class=\"gallery\">"
    );
    for at in 1..=6 {
        let _ = write!(
            page,
            "<a href=\"/img/{number}-{at}.jpg\"><img src=\"/img/{number}-{at}-small.jpg\" alt=\"{}\" width=\"320\" \
             height=\"240\" loading=\"lazy\"></a>",
            noise.sentence(4)
        );
    }
    let _ =
        write!(page, "</div>\n<p class=\"price\"><span>&euro;</span>{price}</p>\n<section class=\"about\">");
    for _ in 0..5 {
        let _ =
            writeln!(page, "<p>{} <em>{}</em> {}</p>", noise.sentence(38), noise.word(), noise.sentence(22));
    }
    page.push_str("</section>\n<table class=\"facts\"><tbody>\n");
    for _ in 0..14 {
        let _ =
            writeln!(page, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>", noise.word(), noise.sentence(3));
    }
    page.push_str("</tbody></table>\n<section class=\"reviews\">\n");
    for at in 0..13 {
        let _ = writeln!(
            page,
            "<div class=\"review\" id=\"review-{at}\"><h3>{}</h3><div class=\"stars\" aria-label=\"{} of 5\"></div>\
             <p>{}</p><footer>by <a href=\"/people/{}-{}\">{}</a></footer></div>",
            noise.sentence(4),
            1 + noise.below(5),
            noise.sentence(45),
            noise.word(),
            noise.below(10_000),
            noise.word()
        );
    }
    page.push_str("</section>\n</article>\n<aside class=\"related\"><ul>\n");
    for _ in 0..40 {
        let other = noise.below(10_000);
        let _ = writeln!(
            page,
            "<li class=\"card\"><a href=\"{}\"><img src=\"/img/{other}-1-small.jpg\" alt=\"\"><span \
             class=\"name\">{}</span><span class=\"was\">&euro;{}.{:02}</span></a></li>",
            product_path(other),
            noise.sentence(3),
            noise.below(900),
            noise.below(100)
        );
    }
    page.push_str("</ul></aside></main>\n");
    foot(&mut page, &mut noise);
    page
}

fn article(number: usize) -> String {
    let mut noise = Noise::of(number + 2_000_000);
    let title = noise.sentence(7);
    let mut page = String::with_capacity(30 * 1024);
    head(&mut page, &title, &mut noise);
    page.push_str("</head>\n");
    navigation(&mut page, &mut noise);
    let _ = write!(
        page,
        "<main><article><header><h1>{title}</h1><time datetime=\"2026-03-04\">4 March 2026</time>"
    );
    page.push_str("</header>\n");
    for at in 0..36 {
        if at % 5 == 4 {
            let _ = writeln!(page, "<h2>{}</h2>", noise.sentence(5));
        }
        let _ = writeln!(
            page,
            "<p>{} <a href=\"{}\">{}</a> {}</p>",
            noise.sentence(40),
            article_path(noise.below(ARTICLES)),
            noise.word(),
            noise.sentence(30)
        );
    }
    page.push_str("</article></main>\n");
    foot(&mut page, &mut noise);
    page
}

fn head(page: &mut String, title: &str, noise: &mut Noise) {
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title} | The Old \
         Warehouse</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta \
         name=\"description\" content=\"{}\">\n<meta property=\"og:title\" content=\"{title}\">\n<meta \
         property=\"og:type\" content=\"website\">\n<link rel=\"stylesheet\" href=\"/assets/site.css\">\n<style>",
        noise.sentence(16)
    );
    for _ in 0..52 {
        let _ = write!(
            page,
            ".{}-{}{{margin:0 {}px;color:#{:06x};display:flex}}",
            noise.word(),
            noise.below(100),
            noise.below(64),
            noise.below(0xFF_FFFF)
        );
    }
    page.push_str(
        "</style>\n<script>window.dataLayer=window.dataLayer||[];function track(e){dataLayer.push(e)}",
    );
    for _ in 0..12 {
        let _ = write!(page, "track({{\"event\":\"{}\",\"value\":{}}});", noise.word(), noise.below(1_000));
    }
    page.push_str("</script>\n");
}

fn navigation(page: &mut String, noise: &mut Noise) {
    page.push_str("<body class=\"page\">\n<header class=\"top\"><a class=\"logo\" href=\"/\">Old Warehouse</a>\n<nav><ul>\n");
    for _ in 0..9 {
        let _ = write!(page, "<li><a href=\"/c/{0}\">{0}</a><ul>", noise.word());
        for _ in 0..5 {
            let _ = write!(page, "<li><a href=\"/c/{0}/{1}\">{0} {1}</a></li>", noise.word(), noise.word());
        }
        page.push_str("</ul></li>\n");
    }
    page.push_str("</ul></nav></header>\n");
}

fn foot(page: &mut String, noise: &mut Noise) {
    page.push_str("<footer class=\"bottom\">\n");
    for _ in 0..4 {
        let _ = write!(page, "<div class=\"column\"><h4>{}</h4><ul>", noise.word());
        for _ in 0..7 {
            let _ = write!(page, "<li><a href=\"/help/{0}\">{0}</a></li>", noise.word());
        }
        page.push_str("</ul></div>\n");
    }
    page.push_str("<small>All pages here are made up.</small></footer>\n</body>\n</html>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_page_has_the_size_of_a_shops_page_and_its_own_product() {
        let total: usize = (0..50).map(|number| product(number).len()).sum();
        let mean = total / 50;
        assert!((25_500..=28_500).contains(&mean), "mean size {mean}");
        assert!(product(7).contains(&format!("\"name\":\"{}\"", product_name(7))));
    }

    #[test]
    fn pages_are_the_same_each_time() {
        assert_eq!(product(123), product(123));
        assert_ne!(product(123), product(124));
    }
}
