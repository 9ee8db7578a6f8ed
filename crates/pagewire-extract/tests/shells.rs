//! A hundred and twenty pages of our own writing, of which half are shells that scripts fill: what is told of each by its bytes alone.

use std::{fs, path::Path};

use pagewire_extract::{
    Input,
    shell::{ShellReason, judge},
};

fn judged(folder: &str) -> Vec<(String, ShellReason)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shells").join(folder);
    let url = url::Url::parse("https://example.com/").expect("a URL");
    let mut judged: Vec<(String, ShellReason)> = fs::read_dir(folder)
        .expect("the pages")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let body = fs::read(&path).expect("a page");
            let reason =
                judge(&Input { body: &body, content_type: Some("text/html; charset=utf-8"), url: &url });
            (path.file_stem().expect("a name").to_string_lossy().into_owned(), reason)
        })
        .collect();
    judged.sort_by(|a, b| a.0.cmp(&b.0));
    judged
}

#[test]
fn shells_are_told_from_pages() {
    let (shells, pages) = (judged("shell"), judged("page"));
    assert_eq!((shells.len(), pages.len()), (60, 60));
    let missed = shells.iter().filter(|(_, reason)| !reason.is_of_a_shell());
    let mistaken = pages.iter().filter(|(_, reason)| reason.is_of_a_shell());
    let wrong: Vec<_> = missed.chain(mistaken).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn what_is_no_html_is_no_shell() {
    let url = url::Url::parse("https://example.com/").expect("a URL");
    let reason = |content_type, body: &[u8]| judge(&Input { body, content_type, url: &url });
    assert_eq!(reason(Some("application/json"), b"{}"), ShellReason::NotHtml);
    assert_eq!(reason(None, b"%PDF-1.7"), ShellReason::NotHtml);
    assert_eq!(
        reason(Some("TEXT/HTML"), b"<div id=root></div><script src=a></script>"),
        ShellReason::EmptyRoot
    );
    assert_eq!(reason(Some("text/html"), b""), ShellReason::NoScripts);
}

#[test]
fn hostile_pages_are_judged_in_linear_time() {
    let url = url::Url::parse("https://example.com/").expect("a URL");
    let repeated = [
        "<a \"",
        "<div id=root>",
        "<",
        "<script",
        "<!--",
        "</div>",
        "<div id=root></div>",
        "<a id= id= id=",
        "<noscript>",
        "\u{20}",
    ];
    for part in repeated {
        let page = part.repeat((1 << 20) / part.len());
        let begun = std::time::Instant::now();
        let _ = judge(&Input { body: page.as_bytes(), content_type: Some("text/html"), url: &url });
        // Quadratic would be hours.
        assert!(begun.elapsed().as_secs() < 30, "{part:?}: {:?}", begun.elapsed());
    }
}
