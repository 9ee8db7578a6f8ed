use std::collections::BTreeMap;
use std::io::Read as _;

use aws_lc_rs::digest::{SHA256, digest};
use pagewire_journal::{Kind, Position, Record};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::run::{ERROR, PAGE};

const FORMULAS: FormulaCells = FormulaCells::Keep;
const FORMATS: [ExportFormat; 5] = [
    ExportFormat::Ndjson(TextCompression::None),
    ExportFormat::Ndjson(TextCompression::Gzip),
    ExportFormat::Csv(TextCompression::None, FORMULAS),
    ExportFormat::Csv(TextCompression::Gzip, FORMULAS),
    ExportFormat::Parquet,
];

fn column(name: &str, kind: ColumnType) -> Column {
    Column { name: name.into(), kind }
}

fn spec(format: ExportFormat, part_bytes_max: u64) -> ExportSpec {
    let columns = [
        column("name", ColumnType::Text),
        column("price", ColumnType::Number),
        column("stock", ColumnType::Integer),
        column("offered", ColumnType::Boolean),
        column("offers", ColumnType::List(Box::new(ColumnType::Number))),
    ];
    ExportSpec { format, part_bytes_max, columns: columns.into() }
}

fn record(position: u64, kind: Kind, body: &Value) -> Record {
    Record {
        position: Position(position),
        kind,
        weight: 1,
        body: body.to_string().into(),
        committed_us: 0,
        committed_at: None,
    }
}

fn page(n: u64, data: &Value) -> Record {
    let url = format!("http://site.example/products/{n}");
    let meta = json!({"index": n, "fetched_at": "2026-11-21T08:00:00.123Z", "credits": 1});
    let body = json!({"url": url, "final_url": url, "http_status": 200, "data": data, "meta": meta});
    record(n, PAGE, &body)
}

fn failure(n: u64) -> Record {
    let body = json!({"url": format!("http://site.example/products/{n}"), "code": "timeout", "error": "…", "index": n});
    record(n, ERROR, &body)
}

/// Digits that do not pack away.
fn noise(n: u64) -> String {
    format!("{:x}", u128::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C834))
}

fn records(count: u64) -> Vec<Record> {
    let data = |n: u64| json!({"name": noise(n), "price": n as f64 / 4.0, "stock": n, "offered": n.is_multiple_of(2), "offers": [n, 1.5]});
    (1..=count).map(|n| if n % 10 == 0 { failure(n) } else { page(n, &data(n)) }).collect()
}

/// The files that the records become, and their sums.
fn files(spec: &ExportSpec, records: &[Record]) -> Vec<(Vec<u8>, encoder::Sums)> {
    let mut encoder = Encoder::new(spec.clone()).expect("an encoder");
    let mut chunks = Vec::new();
    for record in records {
        encoder.push(record, &mut chunks).expect("pushed");
    }
    encoder.finish(&mut chunks).expect("finished");
    let mut files = Vec::new();
    let mut file = Vec::new();
    for chunk in chunks {
        match chunk {
            Chunk::Bytes(bytes) => file.extend_from_slice(&bytes),
            Chunk::EndOfFile(sums) => files.push((std::mem::take(&mut file), sums)),
        }
    }
    assert!(file.is_empty(), "nothing comes after the end of the last file");
    files
}

fn text(format: ExportFormat, file: &[u8]) -> String {
    let is_packed = matches!(
        format,
        ExportFormat::Ndjson(TextCompression::Gzip) | ExportFormat::Csv(TextCompression::Gzip, _)
    );
    let mut text = String::new();
    if is_packed {
        flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    } else {
        text = String::from_utf8(file.to_vec()).expect("text");
    }
    text
}

/// The URLs of a file, in order.
fn urls(format: ExportFormat, file: &[u8]) -> Vec<String> {
    match format {
        ExportFormat::Ndjson(_) => text(format, file)
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).expect("JSON")["url"].as_str().expect("a URL").into()
            })
            .collect(),
        ExportFormat::Csv(..) => ::csv::Reader::from_reader(text(format, file).as_bytes())
            .into_records()
            .map(|row| row.expect("a row")[0].to_owned())
            .collect(),
        ExportFormat::Parquet => parquet::tests::rows(file.to_vec())
            .into_iter()
            .map(|row| row["url"].as_str().expect("a URL").into())
            .collect(),
    }
}

#[test]
fn every_record_is_in_the_files_once_and_in_order() {
    let records = records(3_000);
    let expected: Vec<String> = (1..=3_000).map(|n| format!("http://site.example/products/{n}")).collect();
    for format in FORMATS {
        let files = files(&spec(format, u64::MAX), &records);
        assert_eq!(files.len(), 1, "{format:?}");
        assert_eq!(urls(format, &files[0].0), expected, "{format:?}");
        assert_eq!(files[0].1.rows, 3_000, "{format:?}");
    }
}

#[test]
fn no_part_is_larger_than_it_may_be_and_together_they_are_all() {
    // Unpacked code packs slowly: less than the least part that may be asked for.
    let limit = 224 << 10;
    let records = records(8_000);
    let expected: Vec<String> = (1..=8_000).map(|n| format!("http://site.example/products/{n}")).collect();
    for format in FORMATS {
        let files = files(&spec(format, limit), &records);
        let read: Vec<Vec<String>> = files.iter().map(|(file, _)| urls(format, file)).collect();
        assert!(read.concat() == expected, "{format:?}");
        assert!(files.len() > 1, "{format:?}");
        for (at, ((file, sums), urls)) in files.iter().zip(&read).enumerate() {
            let bytes = file.len() as u64;
            assert_eq!((sums.bytes, sums.rows), (bytes, urls.len() as u64), "{format:?}");
            assert!(bytes <= limit, "{format:?}: {bytes}");
            // What a packer holds back is counted as if it did not pack.
            let is_full = bytes > limit / 8;
            assert!(is_full || at + 1 == files.len(), "{format:?}: {bytes} is far from full");
        }
    }
}

#[test]
fn a_record_that_is_larger_than_a_part_has_one_of_its_own() {
    // Half of the digits' bytes are packed away.
    let large: String = (0..24_000).map(noise).collect();
    let data = json!({"name": large, "price": null});
    let records = [page(1, &json!({})), page(2, &data), page(3, &json!({}))];
    for format in FORMATS {
        let files = files(&spec(format, PART_BYTES_MIN / 4), &records);
        let rows: Vec<u64> = files.iter().map(|(_, sums)| sums.rows).collect();
        assert_eq!(rows, [1, 1, 1], "{format:?}");
    }
}

#[test]
fn sums_are_of_the_bytes_and_the_same_records_make_the_same_bytes() {
    let records = records(2_000);
    for format in FORMATS {
        let once = files(&spec(format, u64::MAX), &records);
        for (file, sums) in &once {
            assert_eq!(sums.sha256, digest(&SHA256, file).as_ref(), "{format:?}");
        }
        assert!(once == files(&spec(format, u64::MAX), &records), "{format:?}");
    }
}

#[test]
fn an_export_of_nothing_is_a_file_without_rows() {
    for format in FORMATS {
        let files = files(&spec(format, PART_BYTES_MIN), &[]);
        assert_eq!(files.len(), 1, "{format:?}");
        assert!(urls(format, &files[0].0).is_empty(), "{format:?}");
        assert_eq!(files[0].1.rows, 0, "{format:?}");
    }
}

#[test]
fn an_object_of_no_known_field_is_json() {
    let nothing = || ColumnType::Struct(Vec::new());
    let columns = [column("a", nothing()), column("b", ColumnType::List(Box::new(nothing())))];
    let spec = ExportSpec { columns: columns.into(), ..spec(ExportFormat::Parquet, u64::MAX) };
    let files = files(&spec, &[page(1, &json!({"a": {"x": 1}, "b": [{"y": 2}]}))]);
    let rows = parquet::tests::rows(files[0].0.clone());
    assert_eq!((&rows[0]["a"], &rows[0]["b"]), (&json!("{\"x\":1}"), &json!(["{\"y\":2}"])));
}

#[test]
fn a_csv_has_its_header_rows_and_crlf() {
    let records = [
        page(1, &json!({"name": "A, \"B\"", "price": -1.5, "stock": 3, "offered": true, "offers": [1, 2.5]})),
        page(2, &json!({"name": "", "stock": null})),
        failure(3),
    ];
    let format = ExportFormat::Csv(TextCompression::None, FORMULAS);
    let files = files(&spec(format, u64::MAX), &records);
    let at = "2026-11-21T08:00:00.123Z";
    let expected = format!(
        "url,status,http_status,error_code,fetched_at,name,price,stock,offered,offers\r\n\
         http://site.example/products/1,ok,200,,{at},\"A, \"\"B\"\"\",-1.5,3,true,\"[1,2.5]\"\r\n\
         http://site.example/products/2,ok,200,,{at},\"\",,,,\r\n\
         http://site.example/products/3,error,,timeout,,,,,,\r\n"
    );
    assert_eq!(text(format, &files[0].0), expected);
}

#[tokio::test]
async fn an_export_becomes_blobs_and_a_manifest_that_is_there_last() {
    let blobs = pagewire_store::Blobs::in_memory();
    let prefix: pagewire_store::BlobKey = "exports/job-1".parse().expect("a key");
    let spec = spec(ExportFormat::Csv(TextCompression::Gzip, FORMULAS), 200 << 10);
    let records = records(6_000);
    let mut export = Export::begin(blobs.clone(), prefix.clone(), spec.clone()).expect("begun");
    for batch in records.chunks(1_100) {
        export.push(batch.to_vec()).await.expect("pushed");
    }
    assert!(blobs.head(&prefix.join("manifest.json").expect("a key")).await.is_err());
    let manifest = export.finish().await.expect("finished");

    assert_eq!(manifest.rows, 6_000);
    let expected = files(&spec, &records);
    assert!(expected.len() > 1);
    assert_eq!(manifest.files.len(), expected.len());
    for (at, (entry, (file, _))) in manifest.files.iter().zip(&expected).enumerate() {
        assert_eq!(entry.name, format!("part-{:05}.csv.gz", at + 1));
        let reader = blobs.read(&prefix.join(&entry.name).expect("a key"), None).await.expect("there");
        assert!(reader.bytes(usize::MAX).await.expect("read") == file, "{}", entry.name);
    }
    let reader = blobs.read(&prefix.join("manifest.json").expect("a key"), None).await.expect("there");
    let stored = reader.bytes(1 << 20).await.expect("read");
    assert_eq!(serde_json::from_slice::<Manifest>(&stored).expect("a manifest"), manifest);
}

#[tokio::test]
async fn an_export_that_is_given_up_leaves_nothing() {
    let blobs = pagewire_store::Blobs::in_memory();
    let spec = spec(ExportFormat::Ndjson(TextCompression::None), PART_BYTES_MIN);
    let mut export =
        Export::begin(blobs.clone(), "exports/job-1".parse().expect("a key"), spec).expect("begun");
    export.push(records(20_000)).await.expect("pushed");
    assert!(blobs.usage(None).await.expect("usage") > 0, "parts are there");
    export.abort().await.expect("given up");
    assert_eq!(blobs.usage(None).await.expect("usage"), 0);
}

#[tokio::test]
async fn a_record_that_is_damaged_ends_the_export() {
    let spec = spec(ExportFormat::Parquet, u64::MAX);
    let blobs = pagewire_store::Blobs::in_memory();
    let mut export = Export::begin(blobs, "exports/job-1".parse().expect("a key"), spec).expect("begun");
    let broken = Record { body: "{".into(), ..page(7, &json!({})) };
    assert!(matches!(export.push(vec![broken]).await, Err(ExportError::Damaged { position: 7, .. })));
    assert!(matches!(export.push(records(1)).await, Err(ExportError::Ended)));
}

fn any_data() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(Value::from),
        "(\\PC|[\r\n\t\",=]){0,12}".prop_map(Value::from),
    ];
    let value = scalar.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c]", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    });
    prop::collection::btree_map("name|price|stock|offered|offers|other", value, 0..6)
        .prop_map(|map: BTreeMap<String, Value>| Value::Object(map.into_iter().collect()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_data_comes_back_from_a_csv(data in prop::collection::vec(any_data(), 0..8)) {
        let records: Vec<Record> = data.iter().zip(1..).map(|(data, n)| page(n, data)).collect();
        let format = ExportFormat::Csv(TextCompression::None, FORMULAS);
        let files = files(&spec(format, u64::MAX), &records);
        let mut reader = ::csv::ReaderBuilder::new().from_reader(files[0].0.as_slice());
        let rows: Vec<_> = reader.records().map(|row| row.expect("a row")).collect();
        prop_assert_eq!(rows.len(), data.len());
        for (row, data) in rows.iter().zip(&data) {
            let number = |at: usize| row[at].parse::<f64>().ok();
            match &data["name"] {
                Value::String(text) => prop_assert_eq!(&row[5], text),
                Value::Null | Value::Array(_) | Value::Object(_) => prop_assert_eq!(&row[5], ""),
                Value::Bool(_) | Value::Number(_) => prop_assert!(!row[5].is_empty()),
            }
            prop_assert_eq!(number(6), data["price"].as_f64());
            prop_assert_eq!(row[8].parse::<bool>().ok(), data["offered"].as_bool());
            if data["offers"].is_null() {
                prop_assert_eq!(&row[9], "");
            } else {
                prop_assert_eq!(&serde_json::from_str::<Value>(&row[9]).expect("JSON"), &data["offers"]);
            }
        }
    }
}
