use encoding_rs::Encoding;
use proptest::prelude::*;

use super::*;

fn decoded(body: &[u8], header: Option<&str>) -> (String, &'static str) {
    decoded_at("https://site.example/", body, header)
}

fn decoded_at(url: &str, body: &[u8], header: Option<&str>) -> (String, &'static str) {
    let url = Url::parse(url).expect("a url");
    let (text, name) = decode(body, header, &url);
    (text.into_owned(), name)
}

fn wide(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

/// The encodings of the web: label, name, what is written in them, and a top-level domain where they are at home.
const ENCODINGS: &[(&str, &str, &str, &str)] = &[
    ("utf-8", "utf-8", "Grüße, мир, 世界 und 🌍", "example"),
    ("windows-1250", "windows-1250", "Příliš žluťoučký kůň úpěl ďábelské ódy v noci", "cz"),
    ("iso-8859-2", "iso-8859-2", "Zażółć gęślą jaźń, powiedział król do królowej", "pl"),
    ("windows-1251", "windows-1251", "Съешь же ещё этих мягких французских булок", "ru"),
    ("koi8-r", "koi8-r", "Съешь же ещё этих мягких французских булок", "ru"),
    ("koi8-u", "koi8-u", "Жебракують філософи при ґанку церкви в Гадячі", "ua"),
    ("latin1", "windows-1252", "Voix ambiguë d’un cœur qui préfère les jattes de kiwis", "fr"),
    ("iso-8859-15", "iso-8859-15", "Žluté œufs à 5 €, très chers", "fr"),
    ("windows-1253", "windows-1253", "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία της ζωής", "gr"),
    ("iso-8859-7", "iso-8859-7", "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία", "gr"),
    ("windows-1254", "windows-1254", "Pijamalı hasta yağız şoföre çabucak güvendi", "tr"),
    ("windows-1255", "windows-1255", "דג סקרן שט בים מאוכזב ולפתע מצא חברה", "il"),
    ("windows-1256", "windows-1256", "نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب", "sa"),
    ("windows-1257", "windows-1257", "Glāžšķūņa rūķīši dzērumā čiepj Baha koncertflīģeļu vākus", "lv"),
    ("windows-1258", "windows-1258", "Tiêng Viêt la ngôn ngư cua ngươi Viêt", "vn"),
    ("windows-874", "windows-874", "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์", "th"),
    ("shift_jis", "shift_jis", "いろはにほへと ちりぬるを 我が世誰ぞ 常ならむ カタカナ", "jp"),
    ("euc-jp", "euc-jp", "いろはにほへと ちりぬるを 我が世誰ぞ 常ならむ カタカナ", "jp"),
    ("iso-2022-jp", "iso-2022-jp", "いろはにほへと ちりぬるを 我が世誰ぞ 常ならむ カタカナ", "jp"),
    ("gb2312", "gbk", "天地玄黄,宇宙洪荒。日月盈昃,辰宿列张。寒来暑往,秋收冬藏。", "cn"),
    ("gb18030", "gb18030", "天地玄黄,宇宙洪荒。日月盈昃,辰宿列张。𠀀𠀁", "cn"),
    ("big5", "big5", "天地玄黃,宇宙洪荒。日月盈昃,辰宿列張。寒來暑往,秋收冬藏。", "tw"),
    ("euc-kr", "euc-kr", "키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다", "kr"),
    ("ibm866", "ibm866", "Съешь же ещё этих мягких французских булок", "ru"),
];

fn encoded(label: &str, text: &str) -> Vec<u8> {
    let encoding = Encoding::for_label(label.as_bytes()).expect("a label");
    let (bytes, _, lossy) = encoding.encode(text);
    assert!(!lossy, "{label} has no {text}");
    bytes.into_owned()
}

#[test]
fn every_encoding_of_the_web_is_read_however_it_is_declared() {
    for (label, name, text, _) in ENCODINGS {
        let bytes = encoded(label, text);
        let header = format!("text/html; charset=\"{label}\"");
        assert_eq!(decoded(&bytes, Some(&header)), ((*text).to_owned(), *name), "{label} by its header");
        for declaration in [
            format!("<meta charset={label}>"),
            format!("<meta http-equiv='Content-Type' content='text/html; charset={label}'>"),
            format!("<?xml version='1.0' encoding='{label}'?>"),
        ] {
            let body = [declaration.as_bytes(), &bytes].concat();
            let (found, found_name) = decoded(&body, Some("text/html"));
            assert_eq!(found.strip_prefix(&declaration), Some(*text), "{label} by {declaration}");
            assert_eq!(found_name, *name, "{label}");
        }
    }
}

#[test]
fn what_declares_nothing_is_detected() {
    for (label, _, text, top) in ENCODINGS {
        // Told from its neighbour by signs that the sample has none of, or not detected by browsers either.
        if matches!(*label, "iso-8859-15" | "windows-1258" | "gb18030" | "iso-8859-7") {
            continue;
        }
        let bytes = encoded(label, &format!("{text}. ").repeat(4));
        let (found, found_name) = decoded_at(&format!("https://site.{top}/"), &bytes, Some("text/html"));
        // A superset's name is as good: KOI8-U for KOI8-R.
        assert!(found.starts_with(text), "{label} was taken for {found_name}: {found}");
    }
}

#[test]
fn detection_finds_text_far_behind_scripts() {
    let script = format!("<script>{}</script>", "var a = 1;".repeat(20_000));
    let body = [script.as_bytes(), &encoded("windows-1251", "Съешь же ещё этих мягких булок")].concat();
    assert!(decoded(&body, None).0.ends_with("булок"));
}

#[test]
fn utf_16_is_read_with_a_mark_and_without_one() {
    let text = "<!doctype html><title>Ünïcödé</title><p>Žluťoučký kůň — 世界 🌍</p>";
    for (to_bytes, name) in [(u16::to_le_bytes as fn(u16) -> _, "utf-16le"), (u16::to_be_bytes, "utf-16be")] {
        let marked = wide(&format!("\u{feff}{text}"), to_bytes);
        let bare = wide(text, to_bytes);
        let xml = wide("<?xml version='1.0'?><a>é</a>", to_bytes);
        assert_eq!(decoded(&marked, Some("text/html; charset=latin1")), (text.to_owned(), name), "marked");
        assert_eq!(decoded(&bare, Some(&format!("text/html; charset={name}"))), (text.to_owned(), name));
        assert_eq!(decoded(&bare, None), (text.to_owned(), name), "bare");
        assert_eq!(decoded(&xml, None).0, "<?xml version='1.0'?><a>é</a>");
        // One byte is missing at its end.
        assert!(decoded(&bare[..bare.len() - 1], None).0.ends_with('\u{fffd}'));
    }
}

#[test]
fn the_mark_goes_before_the_header_and_the_header_before_the_markup() {
    let utf8 = |text: &str| (text.to_owned(), "utf-8");
    assert_eq!(decoded(b"\xef\xbb\xbfh\xc3\xa9", Some("text/html; charset=latin1")), utf8("hé"));
    let body = "<meta charset=koi8-r>é".as_bytes();
    assert_eq!(decoded(body, Some("text/html;charset=utf-8")), utf8("<meta charset=koi8-r>é"));
    // An unknown label is as good as none.
    assert_eq!(decoded(body, Some("text/html; charset=none")).1, "koi8-r");
    assert_eq!(decoded("plain é".as_bytes(), None), utf8("plain é"));
}

#[test]
fn a_declaration_past_the_first_kilobyte_counts_where_the_content_is_not_utf_8() {
    let padding = format!("<!doctype html><script>{}</script>", " ".repeat(2_000));
    let late = format!("{padding}<meta charset=koi8-r><p>");
    let body = [late.as_bytes(), &encoded("koi8-r", "Да")].concat();
    assert!(decoded(&body, None).0.ends_with("Да"));
    let body = format!("{late}Да");
    assert_eq!(decoded(body.as_bytes(), None), (body, "utf-8"));
}

#[test]
fn encodings_that_hide_scripts_are_as_good_as_undeclared() {
    let body = "<meta charset=iso-2022-kr><p>text é".as_bytes();
    assert_eq!(decoded(body, None).1, "utf-8");
    assert_eq!(decoded(body, Some("text/html; charset=hz-gb-2312")).1, "utf-8");
}

#[test]
fn every_name_is_in_lower_case() {
    for (label, name, _, _) in ENCODINGS {
        assert_eq!(*name, name.to_ascii_lowercase(), "{label}");
    }
    for label in ["iso-8859-3", "iso-8859-8", "logical", "iso-8859-16", "macintosh", "x-mac-cyrillic"] {
        let found = super::name(Encoding::for_label(label.as_bytes()).expect("a label"));
        assert_eq!(found, found.to_ascii_lowercase(), "{label}");
    }
}

proptest! {
    #[test]
    fn any_bytes_become_text(body in prop::collection::vec(any::<u8>(), 0..600), which in 0..ENCODINGS.len()) {
        let _ = decoded(&body, None);
        let (label, name, _, _) = ENCODINGS[which];
        let header = format!("text/html; charset={label}");
        let found = decoded(&body, Some(&header)).1;
        // A mark would win over the header.
        prop_assert!(found == name || Encoding::for_bom(&body).is_some());
    }
}
