use std::fmt::Write as _;

use super::*;

/// A document of the objects given, the first of which is its catalogue, with a table of where they stand.
fn document(objects: &[String], trailer: &str) -> Vec<u8> {
    let mut out = String::from("%PDF-1.7\n");
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(out.len());
        let _ = write!(out, "{} 0 obj\n{object}\nendobj\n", index + 1);
    }
    let table = out.len();
    let _ = write!(out, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for offset in offsets {
        let _ = writeln!(out, "{offset:010} 00000 n ");
    }
    let _ = write!(
        out,
        "trailer\n<</Size {}/Root 1 0 R{trailer}>>\nstartxref\n{table}\n%%EOF\n",
        objects.len() + 1
    );
    out.into_bytes()
}

fn stream(content: &str) -> String {
    format!("<</Length {}>>\nstream\n{content}\nendstream", content.len())
}

const FONT: &str = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>";

fn two_pages() -> Vec<u8> {
    let page = |contents: u32, more: &str| {
        format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>/Contents {contents} 0 R{more}>>"
        )
    };
    document(
        &[
            "<</Type/Catalog/Pages 2 0 R/Lang(en-GB)>>".to_owned(),
            "<</Type/Pages/Kids[4 0 R 5 0 R]/Count 2>>".to_owned(),
            FONT.to_owned(),
            page(6, "/Annots[8 0 R<</Subtype/Link/A<</S/URI/URI(javascript:x)>>>>]"),
            page(7, ""),
            stream("BT /F1 12 Tf 72 760 Td (Total: 12 apples) Tj 0 -14 Td (caf\\351 & more) Tj ET"),
            stream("BT /F1 12 Tf 72 760 Td (Second page) Tj ET"),
            "<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A<</S/URI/URI(https://site.example/a)>>>>".to_owned(),
            "<</Title(\u{5c}376\u{5c}377\\000R\\000\\351)/Author(Ann Lee)/CreationDate(D:20260203093000Z)>>"
                .to_owned(),
        ],
        "/Info 9 0 R",
    )
}

#[test]
fn text_facts_and_links_are_read() {
    let text = read(&two_pages()).expect("a document");
    assert_eq!(text.title.as_deref(), Some("Ré"));
    assert_eq!(text.author.as_deref(), Some("Ann Lee"));
    assert_eq!(text.language.as_deref(), Some("en-GB"));
    assert_eq!(text.created_at.as_deref(), Some("2026-02-03T09:30:00Z"));
    assert_eq!(text.links, ["https://site.example/a"]);
    assert_eq!((text.page_count, text.pages.len()), (2, 2));
    assert_eq!(
        text.pages[0].split_whitespace().collect::<Vec<_>>().join(" "),
        "Total: 12 apples café & more"
    );
    // A line before the header is what some servers send.
    let late = [b"HTTP junk\n".as_slice(), &two_pages()].concat();
    assert!(read(&late).is_ok_and(|text| text.page_count == 2));
}

#[test]
fn what_is_broken_is_told_and_what_is_not_is_kept() {
    assert!(matches!(read(b"%PDF-1.7\nnothing"), Err(PdfError::Broken(_))));
    assert!(matches!(read(b""), Err(PdfError::Broken(_))));
    let no_pages = document(
        &["<</Type/Catalog/Pages 2 0 R>>".to_owned(), "<</Type/Pages/Kids[]/Count 0>>".to_owned()],
        "",
    );
    assert!(matches!(read(&no_pages), Err(PdfError::Broken(_))));
    // A page that names a font which is not there ends where it names it; the next one is whole.
    let page = |contents: u32| {
        format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<</Font<</F1 3 0 R>>>>/Contents {contents} 0 R>>"
        )
    };
    let half = document(
        &[
            "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
            "<</Type/Pages/Kids[4 0 R 5 0 R]/Count 2>>".to_owned(),
            FONT.to_owned(),
            page(6),
            page(7),
            stream("BT /F1 12 Tf (one) Tj /F9 12 Tf (two) Tj ET"),
            stream("BT /F1 12 Tf (three) Tj ET"),
        ],
        "",
    );
    let text = read(&half).expect("a document");
    assert!(text.pages[1].contains("three"), "{:?}", text.pages);
}
