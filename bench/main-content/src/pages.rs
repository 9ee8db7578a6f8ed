//! The pages: ten that were written, and articles, shop pages and threads made to the sizes that pages on the web have.

/// Each page with its name.
pub fn all() -> Vec<(String, String)> {
    let written = [
        ("news", include_str!("../../../crates/pagewire-extract/tests/golden/pages/news.html")),
        ("docs", include_str!("../../../crates/pagewire-extract/tests/golden/pages/docs.html")),
        ("product", include_str!("../../../crates/pagewire-extract/tests/golden/pages/product.html")),
        ("recipe", include_str!("../../../crates/pagewire-extract/tests/golden/pages/recipe.html")),
        ("forum", include_str!("../../../crates/pagewire-extract/tests/golden/pages/forum.html")),
        ("reference", include_str!("../../../crates/pagewire-extract/tests/golden/pages/reference.html")),
        ("search", include_str!("../../../crates/pagewire-extract/tests/golden/pages/search.html")),
        ("landing", include_str!("../../../crates/pagewire-extract/tests/golden/pages/landing.html")),
        ("rtl", include_str!("../../../crates/pagewire-extract/tests/golden/pages/rtl.html")),
        ("cjk", include_str!("../../../crates/pagewire-extract/tests/golden/pages/cjk.html")),
    ];
    let mut pages: Vec<(String, String)> =
        written.into_iter().map(|(name, page)| (name.to_owned(), page.to_owned())).collect();
    for (kind, part) in [("article", ARTICLE), ("shop", SHOP), ("thread", THREAD)] {
        for bytes in [40_000, 160_000, 640_000] {
            pages.push((format!("{kind} of {} KB", bytes / 1_000), made(part, bytes)));
        }
    }
    pages
}

const ARTICLE: &str = "    <h2 class=\"story__heading\">Part {n}</h2>\n    \
    <p class=\"story__text\">The river rose in the night, {n} centimetres in an hour, and before dawn the bridge at the mill \
    was closed; see <a class=\"link\" href=\"/reports/{n}\">what was said then</a>. Nobody was hurt, the council says.</p>\n    \
    <figure class=\"figure\"><img class=\"figure__image\" src=\"/img/{n}.jpg\" alt=\"The bridge\"><figcaption>The bridge on day {n}.</figcaption></figure>\n    \
    <ul class=\"story__list\">\n      <li>The gate was shut at <strong>four</strong>.</li>\n      <li>The road opened again at noon.</li>\n    </ul>\n    \
    <div class=\"related-box\"><h3>Read also</h3><a href=\"/a/{n}\">What came before part {n}</a></div>\n";
const SHOP: &str = "    <div class=\"tile tile--wide\" data-sku=\"K{n}\">\n      <a class=\"tile__link\" href=\"/p/{n}\">\
    <img class=\"tile__image\" src=\"/img/{n}.jpg\" alt=\"Kettle {n}\"></a>\n      <h3 class=\"tile__name\"><a href=\"/p/{n}\">Enamel kettle {n}</a></h3>\n      \
    <p class=\"tile__price\"><span class=\"amount\">{n},90</span> €</p>\n      <p class=\"tile__text\">For every hob, two litres.</p>\n      \
    <button class=\"button\">Add to cart</button>\n    </div>\n";
const THREAD: &str = "    <div class=\"post\" id=\"p{n}\">\n      <div class=\"post__author\"><a href=\"/u/{n}\">user{n}</a> <time>3 March 2026</time></div>\n      \
    <div class=\"post__body\"><p>I have had the same with mine after {n} kilometres. It was the cassette: the teeth were worn, and a new \
    chain will not sit on them.</p><blockquote><p>Look at the teeth.</p></blockquote><pre><code>torque = {n} Nm</code></pre></div>\n    </div>\n";

/// A page of parts, with what surrounds them on a site: scripts, navigation, a sidebar, a footer.
fn made(part: &str, bytes: usize) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>A page</title>\n<style>\n",
    );
    while page.len() < bytes / 8 {
        page.push_str(".tile__name--large { margin: 0 auto; padding: 12px 16px; color: #223344; }\n");
    }
    page.push_str("</style></head>\n<body>\n<header class=\"site-header\"><nav class=\"main-nav\"><ul>\n");
    for n in 0..30 {
        page.push_str(&format!("  <li class=\"nav__item\"><a href=\"/s/{n}\">Section {n}</a></li>\n"));
    }
    page.push_str(
        "</ul></nav></header>\n<main class=\"layout\"><article class=\"story\"><h1>A page of its kind</h1>\n",
    );
    let mut n = 0;
    while page.len() < bytes * 3 / 4 {
        n += 1;
        page.push_str(&part.replace("{n}", &n.to_string()));
    }
    page.push_str("</article></main>\n<aside class=\"sidebar\"><h3>Most read</h3><ol>\n");
    for n in 0..20 {
        page.push_str(&format!("  <li><a href=\"/m/{n}\">What everybody read on day {n}</a></li>\n"));
    }
    page.push_str(
        "</ol></aside>\n<footer class=\"site-footer\"><p>All rights reserved.</p></footer>\n<script>\n",
    );
    while page.len() < bytes {
        page.push_str(
            "window.__STATE__.push({\"id\": 4711, \"kind\": \"teaser\", \"title\": \"What comes next\"});\n",
        );
    }
    page + "</script>\n</body>\n</html>\n"
}
