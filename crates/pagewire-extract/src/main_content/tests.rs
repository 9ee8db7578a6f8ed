use super::*;
use crate::text;

fn text_of(html: String) -> String {
    let document = Document::from(html);
    text::of_content(&Content::main(&document))
}

const LONG: &str = "A sentence with words that go on for some time, so that there is a text. ";

#[test]
fn the_article_is_kept_and_what_stands_around_it_is_not() {
    let long = LONG.repeat(10);
    let written = text_of(format!(
        "<body><header><a href=/>Site</a></header><nav><a href=/a>Section</a></nav>\
         <div class=wrap><div class='content'><h1>Title</h1><p>{long}</p><div class='share-bar'>Tweet this</div>\
         <h2>Part</h2><p>End.</p></div><div id=sidebar><p>Popular now</p></div></div>\
         <div class=cookie-banner><p>We use cookies</p></div><footer>Imprint</footer></body>"
    ));
    assert_eq!(written, format!("{}\nPart\nEnd.", long.trim()));
}

#[test]
fn a_page_of_links_is_not_emptied() {
    let items = "<li><a href=/x>A product with a name</a></li>".repeat(30);
    let written = text_of(format!("<body><nav><a href=/>Home</a></nav><ul>{items}</ul></body>"));
    assert_eq!(written.lines().count(), 30);
}

#[test]
fn a_page_of_reviews_keeps_its_own_title() {
    let reviews = format!("<article><h3>Review</h3><p>{}</p></article>", LONG.repeat(3)).repeat(5);
    let written =
        text_of(format!("<body><main><h1>Kettle</h1><p>219 kr</p><h2>Reviews</h2>{reviews}</main></body>"));
    assert!(written.starts_with("Kettle\n219 kr\nReviews\nReview\nA sentence"), "{written}");
}
