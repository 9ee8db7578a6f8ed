//! Exported files as other programs read them: pyarrow, DuckDB, Python's csv and gzip. `scripts/test-slow` installs those.

use std::path::{Path, PathBuf};
use std::process::Command;

use pagewire_engine::export::{
    Column, ColumnType, Export, ExportFormat, ExportSpec, FormulaCells, TextCompression,
};
use pagewire_journal::{Kind, Position, Record};
use pagewire_store::Blobs;
use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate lies two deep").to_path_buf()
}

fn column(name: &str, kind: ColumnType) -> Column {
    Column { name: name.into(), kind }
}

fn columns() -> Vec<Column> {
    let offer = vec![column("seller", ColumnType::Text), column("price", ColumnType::Number)];
    vec![
        column("name", ColumnType::Text),
        column("stock", ColumnType::Integer),
        column("price", ColumnType::Number),
        column("offered", ColumnType::Boolean),
        column("tags", ColumnType::List(Box::new(ColumnType::Text))),
        column(
            "size",
            ColumnType::Struct(vec![column("w", ColumnType::Integer), column("h", ColumnType::Integer)]),
        ),
        column("offers", ColumnType::List(Box::new(ColumnType::Struct(offer)))),
        column("other", ColumnType::Json),
        column("URL", ColumnType::Text),
    ]
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

fn page(position: u64, data: &Value) -> Record {
    let url = format!("http://a.example/{position}");
    let meta = json!({"index": position - 1, "fetched_at": "2026-11-21T08:00:00.123Z"});
    let body = json!({"url": url, "final_url": url, "http_status": 200, "data": data, "meta": meta});
    record(position, Kind::FIRST, &body)
}

fn records() -> Vec<Record> {
    let full = json!({
        "name": "Räksmörgås, \"large\"\r\nand =1+1 🦐", "stock": i64::MAX, "price": 0.1 + 0.2, "offered": true,
        "tags": ["a", null, ""], "size": {"w": 3, "h": null},
        "offers": [{"seller": "x", "price": 1}, null, {"seller": null, "price": -2.5}],
        "other": {"any": ["thing", {"deep": 1}]}, "URL": "=cmd()",
    });
    let empty =
        json!({"name": "", "stock": i64::MIN, "price": -5e-324, "offered": false, "tags": [], "offers": []});
    let failed = json!({"url": "http://a.example/3", "code": "http_error", "http_status": 404, "error": "…", "index": 2});
    let mut records = vec![page(1, &full), page(2, &empty), record(3, Kind::SECOND, &failed)];
    // Enough for many pages of a column.
    records.extend(
        (4..=50_000)
            .map(|n| page(n, &json!({"name": format!("Product {n}"), "stock": n, "tags": [n.to_string()]}))),
    );
    records
}

#[tokio::test]
async fn slow_files_open_in_other_programs_with_types_and_values() {
    let directory = tempfile::tempdir().expect("a directory");
    let blobs = Blobs::local(directory.path()).expect("a store");
    let formulas = FormulaCells::Neutralise;
    for (name, format) in [
        ("parquet", ExportFormat::Parquet),
        ("csv", ExportFormat::Csv(TextCompression::None, formulas)),
        ("csv-gz", ExportFormat::Csv(TextCompression::Gzip, formulas)),
        ("ndjson-gz", ExportFormat::Ndjson(TextCompression::Gzip)),
    ] {
        let spec = ExportSpec { format, part_bytes_max: 1 << 40, columns: columns().into() };
        let mut export = Export::begin(blobs.clone(), name.parse().expect("a key"), spec).expect("begun");
        export.push(records()).await.expect("pushed");
        export.finish().await.expect("finished");
    }
    let python = root().join("bench/.work/readers/bin/python");
    assert!(python.exists(), "{} is made by scripts/install-slow-test-deps", python.display());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers/check.py");
    let output = Command::new(python).arg(script).arg(directory.path()).output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
