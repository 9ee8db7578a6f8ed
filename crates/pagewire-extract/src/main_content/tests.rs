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

fn menu(links: usize) -> String {
    let links: String = (0..links).map(|n| format!("<li><a href=/s/{n}>Shelf {n}</a></li>")).collect();
    format!("<div class=top><ul>{links}</ul></div>")
}

fn card(n: usize) -> String {
    format!("<li><a href=/p/{n}><img src=/{n}.jpg> Enamel kettle {n}</a> <span>{n},90 €</span></li>")
}

#[test]
fn what_is_for_sale_is_kept_from_its_name_to_its_data() {
    let cards: String = (1..=6).map(card).collect();
    let written = text_of(format!(
        "<head><title>Enamel kettle 2 l - Shop</title></head><body>{}<form action=/cart>\
         <div class=breadcrumb><a href=/>Shop</a> <h1>Enamel kettle 2 l</h1></div>\
         <div><b>219,00 €</b></div><p>For every hob.</p><table><tr><td>Volume<td>2 litres<tr><td>Weight<td>900 g</table>\
         <div class=text><p>{}</p></div></form><h2>Others bought</h2><ul>{cards}</ul>\
         <div id=foot><p>© A shop</p></div></body>",
        menu(40),
        LONG.repeat(4),
    ));
    assert!(
        written.starts_with("Enamel kettle 2 l\n219,00 €\nFor every hob.\nVolume 2 litres\nWeight 900 g\n"),
        "{written}"
    );
    assert!(!written.contains("Shelf 3") && !written.contains("kettle 5"), "{written}");
}

#[test]
fn a_list_of_things_is_its_cards_and_not_the_larger_menu_above() {
    for list in ["<ul class=grid>", "<ul class='product-teasers'>"] {
        let rows: String = (0..4)
            .map(|row| format!("{list}{}</ul>", (1..=3).map(|n| card(10 * row + n)).collect::<String>()))
            .collect();
        let written = text_of(format!(
            "<head><title>Kettles | Shop</title></head><body>{}<div><div class=col><h1>Kettles</h1>\
             <p>Twelve kettles.</p><div>{rows}</div></div></div>\
             <p>Prices with tax. A shop of the harbour, open every day but Monday.</p></body>",
            menu(200),
        ));
        assert!(written.starts_with("Kettles\nTwelve kettles."), "{written}");
        assert_eq!(written.matches("Enamel kettle").count(), 12, "{written}");
        assert!(!written.contains("Shelf 7"), "{written}");
    }
}

#[test]
fn a_table_of_contents_is_content() {
    let parts: String =
        (1..40).map(|n| format!("<li><a href=/part/{n}>{n}. What part {n} is about</a></li>")).collect();
    let written = text_of(format!(
        "<head><title>The handbook</title></head><body><main><h1>The handbook</h1><p>{}</p><ul>{parts}</ul></main></body>",
        LONG.repeat(5)
    ));
    assert_eq!(written.matches("What part").count(), 39, "{written}");
}

#[test]
fn declarations_that_are_links_are_content() {
    let declared: String = (1..20)
        .map(|n| format!("<div class=decl><p><a href=/t>parse{n}</a> :: <a href=/t>Value</a> -> <a href=/t>Parser</a></p>\
                          <p>Reads it in way {n}.</p></div>"))
        .collect();
    let written = text_of(format!(
        "<head><title>Parsers</title></head><body><nav><a href=/>Index</a></nav><div><h1>Parsers</h1>{declared}</div></body>"
    ));
    assert_eq!(written.matches(":: Value -> Parser").count(), 19, "{written}");
}

#[test]
fn what_people_advertise_is_no_advertising() {
    let written = text_of(format!(
        "<head><title>Shop to let</title></head><body><div><h1>Shop to let</h1><div>35 m², ground floor</div>\
         <div class=ad_desc>{}</div><div class=ad><a href=//ads.example/x>Loans today</a></div></div></body>",
        LONG.repeat(4)
    ));
    assert!(written.contains("A sentence with words") && !written.contains("Loans"), "{written}");
}

#[test]
fn a_box_that_the_text_flows_around_is_kept() {
    let long = LONG.repeat(5);
    let written = text_of(format!(
        "<body><div class=chapter><h1>Chapter</h1><p>{long}</p><div class=sidebar><p>In practice: {LONG}</p></div><p>{long}</p></div>\
         <div class=sidebar><p>Follow the author, who lives by the sea.</p></div></body>"
    ));
    assert!(written.contains("In practice") && !written.contains("by the sea"), "{written}");
}

#[test]
fn ingredients_stand_before_the_steps() {
    let written = text_of(format!(
        "<head><title>Treacle tart</title></head><body><div id=page><div class=left><h1>Treacle tart</h1>\
         <ul><li>300 g plain <a href=/flour>flour</a></li><li>150 g cold butter</li><li>2 tablespoons of syrup</li><li>grated rind of one lemon</li></ul></div>\
         <div class=right><div><p>{}</p></div></div></div><div class=side><a href=/1>Cakes</a></div></body>",
        LONG.repeat(20)
    ));
    assert!(
        written.contains(
            "300 g plain flour\n150 g cold butter\n2 tablespoons of syrup\ngrated rind of one lemon"
        ),
        "{written}"
    );
}

#[test]
fn a_fare_in_a_long_text_makes_it_no_shop() {
    let written = text_of(format!(
        "<head><title>The ferry is back</title></head><body><div class=bar><h1>The ferry is back</h1><span>12 April 2026</span></div>\
         <div class=text><p>{0}</p><table><tr><td>Adults<td>4,50 €<tr><td>Children<td>2,00 €</table><p>{0}</p></div></body>",
        LONG.repeat(8).trim()
    ));
    assert!(written.starts_with("A sentence") && written.contains("4,50 €"), "{written}");
}
