use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use pagewire_store::{BlobKey, Blobs};
use pagewire_types::StoredEntry;
use proptest::prelude::*;

use super::*;

const SPEC: UploadSpec = UploadSpec {
    form: UploadForm::Ndjson,
    coding: UploadCoding::Identity,
    on_invalid: OnInvalid::Refuse,
    urls_max: 2_000,
    unpacked_bytes_max: UNPACKED_BYTES_MAX,
};
const CSV: UploadSpec = UploadSpec { form: UploadForm::Csv, ..SPEC };

fn parse(spec: UploadSpec, pieces: &[&[u8]]) -> Result<(Vec<u8>, UploadSummary), UploadError> {
    let mut parser = UploadParser::new(spec);
    let mut stored = Vec::new();
    for piece in pieces {
        parser.push(piece)?;
        stored.extend(parser.take());
    }
    let (rest, summary) = parser.finish()?;
    stored.extend(rest);
    Ok((stored, summary))
}

fn chunk(bytes: &[u8]) -> Vec<StoredEntry> {
    StoredEntry::read_chunk(serde_json::from_slice(bytes).expect("JSON")).expect("a chunk")
}

fn entries(stored: &[u8], summary: &UploadSummary) -> Vec<StoredEntry> {
    let chunk = |range: &Range<u64>| chunk(&stored[range.start as usize..range.end as usize]);
    summary.chunks.iter().flat_map(chunk).collect()
}

/// The URLs of a list, with `!` before those of lines that are none.
fn urls(spec: UploadSpec, text: &[u8]) -> Vec<String> {
    let (stored, summary) = parse(spec, &[text]).expect("a list");
    let urls: Vec<String> = entries(&stored, &summary)
        .into_iter()
        .map(|entry| match entry {
            StoredEntry::Url(entry) => entry.given().to_owned(),
            StoredEntry::Invalid(line) => format!("!{}", line.url),
        })
        .collect();
    assert_eq!(urls.len() as u64, summary.urls);
    urls
}

fn invalid(spec: UploadSpec, text: &[u8]) -> Vec<(u64, String)> {
    let (_, summary) = parse(spec, &[text]).expect("a list");
    summary.invalid_told.into_iter().map(|line| (line.line, line.detail)).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("packed");
    encoder.finish().expect("packed")
}

#[test]
fn lines_of_strings_and_objects_are_entries() {
    let text =
        b"\xef\xbb\xbf\"http://a/1\"\r\n\n  {\"url\":\"http://a/2\",\"custom_id\":\"x\"}\n\r\n\"http://a/3\"";
    assert_eq!(urls(SPEC, text), ["http://a/1", "http://a/2", "http://a/3"]);
}

#[test]
fn a_csv_names_overrides_in_its_header() {
    let text = "url,custom_id,timeout_ms,formats,only_main_content,session\r\nhttp://a/1,007,2000,\"[\"\"text\"\"]\",false,08\r\n\
                \"http://a/2?q=\"\"x\"\",y\",\"two\nlines\",,,,\r\n";
    let (stored, summary) = parse(CSV, &[text.as_bytes()]).expect("a list");
    assert_eq!(summary.invalid_told, []);
    let entries = entries(&stored, &summary);
    let [StoredEntry::Url(first), StoredEntry::Url(second)] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!(first.custom_id.as_deref(), Some("007"));
    let overrides = first.overrides.as_ref().expect("overrides");
    assert_eq!(overrides.timeout, Some(std::time::Duration::from_secs(2)));
    assert_eq!((overrides.only_main_content, overrides.session.as_deref()), (Some(false), Some("08")));
    assert_eq!(second.given(), "http://a/2?q=\"x\",y");
    assert_eq!((second.custom_id.as_deref(), &second.overrides), (Some("two\nlines"), &None));
}

#[test]
fn a_header_that_does_not_do_refuses_the_csv() {
    for (text, reason) in [
        ("name\nhttp://a/\n", "which is no field"),
        ("custom_id\n1\n", "has no `url`"),
        ("url,custom_id,custom_id\nhttp://a/,1,2\n", "has `custom_id` twice"),
        ("url,colour\nhttp://a/,red\n", "has `colour`, which is no field"),
    ] {
        let error = parse(CSV, &[text.as_bytes()]).expect_err(text);
        assert!(matches!(&error, UploadError::Header(_)), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    assert!(matches!(parse(CSV, &[b""]), Err(UploadError::Empty)));
    assert!(matches!(parse(CSV, &[b"url\n"]), Err(UploadError::Empty)));
    assert!(
        matches!(parse(CSV, &[b"\"url\nhttp://a/\n"]), Err(UploadError::Header(_))),
        "a quote that nothing ends"
    );
}

#[test]
fn lines_that_are_no_entries_are_told_by_number_and_reason() {
    let long = "x".repeat(10_000_000);
    let text = format!(
        "\"http://a/\"\nhttp://b/\n\"ftp://c/\"\n{{\"url\":\"http://d/\",\"colour\":1}}\n\n\"{long}\"\n\"\0\"\n7\n\
         {{\"url\":\"http://e/\",\"extract\":{{\"a\":\"nonsense type\"}}}}\n\"http://f/\"\n"
    );
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(b"\"http://\xff/\"\n");
    let told = invalid(SPEC, &bytes);
    let lines: Vec<u64> = told.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 3, 4, 6, 7, 8, 9, 11], "{told:?}");
    for (at, part) in [
        "not JSON",
        "scheme",
        "unknown field `colour`",
        "65536 bytes",
        "not JSON",
        "must be a URL",
        "/extract",
        "UTF-8",
    ]
    .iter()
    .enumerate()
    {
        assert!(told[at].1.contains(part), "{part}: {:?}", told[at]);
    }
    let kept = urls(UploadSpec { on_invalid: OnInvalid::Record, ..SPEC }, &bytes);
    assert_eq!(kept.len(), 10);
    assert_eq!(kept[..4], ["http://a/", "!http://b/", "!ftp://c/", "!http://d/"]);
}

#[test]
fn rows_of_a_csv_that_are_no_entries_are_told() {
    let long = "x".repeat(100_000);
    let text = format!(
        "url,custom_id\nhttp://a/,1\nhttp://b/\nftp://c/,3\n{long},4\n\"http://d\n/\",5\nhttp://e/,6,7\nhttp://f/,8"
    );
    for text in [text.clone(), text.replace('\n', "\r\n")] {
        let told = invalid(CSV, text.as_bytes());
        let lines: Vec<u64> = told.iter().map(|(line, _)| *line).collect();
        // A URL that is broken over two lines is one: the parser of URLs takes line feeds out.
        assert_eq!(lines, [3, 4, 5, 8], "{told:?}");
    }
    assert_eq!(invalid(CSV, b"\r\n\r\nurl\r\n\r\n\r\nnonsense\r\n")[0].0, 6, "blank lines are counted");
    let kept = urls(UploadSpec { on_invalid: OnInvalid::Record, ..CSV }, text.as_bytes());
    assert_eq!(kept.len(), 7);
    assert_eq!(kept[1], "!http://b/");
}

#[test]
fn only_the_first_hundred_lines_are_told_and_all_are_counted() {
    let (stored, summary) = parse(SPEC, &["nonsense\n".repeat(1_000).as_bytes()]).expect("read to the end");
    assert_eq!((summary.invalid, summary.invalid_told.len(), summary.urls), (1_000, 100, 0));
    assert!(stored.is_empty());
}

#[test]
fn chunks_have_as_many_entries_as_a_run_loads() {
    let text: String = (0..1_200).map(|n| format!("\"http://a/{n}\"\n")).collect();
    let (stored, summary) = parse(SPEC, &[text.as_bytes()]).expect("a list");
    let sizes: Vec<usize> = summary
        .chunks
        .iter()
        .map(|range| chunk(&stored[range.start as usize..range.end as usize]).len())
        .collect();
    assert_eq!(sizes, [500, 500, 200]);
    assert_eq!(summary.chunks.last().map(|range| range.end), Some(stored.len() as u64));
}

#[test]
fn a_list_past_its_bounds_is_refused() {
    let text: String = (0..=2_000).map(|n| format!("\"http://a/{n}\"\n")).collect();
    assert!(matches!(parse(SPEC, &[text.as_bytes()]), Err(UploadError::TooManyUrls { max: 2_000 })));
    assert!(matches!(parse(SPEC, &[b"\n\n"]), Err(UploadError::Empty)));
    assert!(matches!(parse(SPEC, &[b"\xff\xfe\"\0"]), Err(UploadError::Utf16)));
}

#[test]
fn a_list_of_more_than_a_gigabyte_is_refused_while_it_comes() {
    let piece = vec![b'x'; 10_000_000];
    let mut parser = UploadParser::new(UploadSpec { on_invalid: OnInvalid::Record, ..SPEC });
    for _ in 0..100 {
        parser.push(&piece).expect("up to a gigabyte");
    }
    let refused = parser.push(b"x").expect_err("a byte more");
    assert!(matches!(refused, UploadError::TooLarge { max: 1_000_000_000 }), "{refused}");
}

#[test]
fn a_packed_list_is_read_and_a_broken_one_is_refused() {
    let spec = UploadSpec { coding: UploadCoding::Gzip, ..SPEC };
    let packed = gzip(b"\"http://a/1\"\n\"http://a/2\"\n");
    assert_eq!(urls(spec, &packed), ["http://a/1", "http://a/2"]);
    let twice = [packed.clone(), gzip(b"\"http://a/3\"")].concat();
    assert_eq!(urls(spec, &twice), ["http://a/1", "http://a/2", "http://a/3"]);
    for broken in [&packed[..packed.len() - 3], &packed[..12], b"\"http://a/1\"\n", b""] {
        assert!(matches!(parse(spec, &[broken]), Err(UploadError::Gzip(_))), "{broken:?}");
    }
    let mut changed = packed.clone();
    let at = changed.len() - 6;
    changed[at] ^= 1;
    assert!(matches!(parse(spec, &[&changed]), Err(UploadError::Gzip(_))), "the checksum is looked at");
}

#[test]
fn a_bomb_is_cut_off_at_its_cap() {
    let max = 3 << 20;
    let spec = UploadSpec { coding: UploadCoding::Gzip, unpacked_bytes_max: max, ..SPEC };
    let packed = |bytes: u64| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let blank = vec![b'\n'; usize::try_from(bytes).expect("small")];
        encoder.write_all(&blank).expect("packed");
        encoder.finish().expect("packed")
    };
    let bomb = packed(max + 1);
    assert!(bomb.len() < 100_000, "it is small on the wire");
    assert!(matches!(parse(spec, &[&bomb]), Err(UploadError::Bomb { max: told }) if told == max));
    assert!(matches!(parse(spec, &[&packed(max)]), Err(UploadError::Empty)));
}

#[tokio::test]
async fn a_list_is_a_blob_only_if_all_of_it_is_good() {
    let blobs = Blobs::in_memory();
    let key: BlobKey = "uploads/1".parse().expect("a key");
    let body = |text: &'static [u8]| stream::iter(text.chunks(5).map(|piece| Ok::<_, ()>(piece.into())));
    let good = store(&blobs, &key, SPEC, body(b"\"http://a/1\"\n\"http://a/2\"\n")).await.expect("stored");
    assert_eq!((good.urls, good.bytes), (2, 26));
    let stored = blobs.read(&key, None).await.expect("there").bytes(1_000).await.expect("read");
    assert_eq!(entries(&stored, &good).len(), 2);

    let other: BlobKey = "uploads/2".parse().expect("a key");
    let bad = store(&blobs, &other, SPEC, body(b"\"http://a/1\"\nnonsense\n")).await.expect("read");
    assert_eq!(bad.invalid, 1);
    assert!(blobs.head(&other).await.is_err());
    let cut = stream::iter([Ok("\"http://a/1\"\n".into()), Err("cut")]);
    assert!(matches!(store(&blobs, &other, SPEC, cut).await, Err(UploadFailure::Body("cut"))));
    assert!(blobs.head(&other).await.is_err());
}

proptest! {
    #[test]
    fn a_list_is_the_same_however_it_comes_in_pieces(
        lines in prop::collection::vec("(\"http://a/[a-z]{0,3}\"|[\"{}a,\r]{0,4}|\"\u{e5}\")", 0..12),
        cuts in prop::collection::vec(1_usize..9, 1..20),
        is_csv in any::<bool>(),
    ) {
        let form = if is_csv { UploadForm::Csv } else { UploadForm::Ndjson };
        let spec = UploadSpec { form, on_invalid: OnInvalid::Record, ..SPEC };
        let text = if is_csv { format!("url\n{}", lines.join("\n")) } else { lines.join("\n") };
        let mut pieces = Vec::new();
        let mut rest = text.as_bytes();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        let whole = parse(spec, &[text.as_bytes()]);
        let cut = parse(spec, &pieces);
        match (whole, cut) {
            (Ok(whole), Ok(cut)) => prop_assert_eq!(whole, cut),
            (Err(whole), Err(cut)) => prop_assert_eq!(whole.to_string(), cut.to_string()),
            (whole, cut) => prop_assert!(false, "{whole:?} {cut:?}"),
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), is_csv in any::<bool>(), is_packed in any::<bool>()) {
        let form = if is_csv { UploadForm::Csv } else { UploadForm::Ndjson };
        let coding = if is_packed { UploadCoding::Gzip } else { UploadCoding::Identity };
        let spec = UploadSpec { form, coding, on_invalid: OnInvalid::Record, ..SPEC };
        if let Ok((stored, summary)) = parse(spec, &[&bytes]) {
            prop_assert_eq!(entries(&stored, &summary).len() as u64, summary.urls);
        }
    }
}
