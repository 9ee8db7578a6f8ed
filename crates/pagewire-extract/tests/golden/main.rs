//! Ten pages of ten kinds, written for the purpose, and the Markdown that is made of each. The snapshots beside the pages
//! are what a person is to read: whoever changes one looks at it first.

use pagewire_extract::{Input, Plan, PlanOptions};
use pagewire_types::Format;
use serde_json::Value;
use url::Url;

fn markdown_of(page: &str) -> String {
    let options = PlanOptions {
        formats: [Format::Markdown].into_iter().collect(),
        only_main_content: true,
        ..PlanOptions::default()
    };
    let plan = Plan::compile(&options).expect("a plan");
    let url = Url::parse("https://site.example/section/page").expect("a url");
    let input = Input { body: page.as_bytes(), content_type: Some("text/html"), url: &url };
    let mut out = Vec::new();
    plan.extract(&input, &mut out).expect("a page");
    let record: Value = serde_json::from_slice(&out).expect("JSON");
    record["markdown"].as_str().expect("Markdown").to_owned()
}

macro_rules! reads_well {
    ($($page:ident,)*) => {
        $(#[test]
        fn $page() {
            let page = include_str!(concat!("pages/", stringify!($page), ".html"));
            insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
                insta::assert_snapshot!(stringify!($page), markdown_of(page));
            });
        })*
    };
}

reads_well! { news, docs, product, recipe, forum, reference, search, landing, rtl, cjk, }
