use bytes::Bytes;
use jiff::Timestamp;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use proptest::prelude::*;
use serde_json::Value;

use super::super::columns::ColumnType;
use super::super::row::Cell;
use super::*;

fn column(name: &str, kind: ColumnType) -> Column {
    Column { name: name.into(), kind }
}

fn row(cells: Vec<Cell<'_>>) -> Row<'_> {
    let at = Timestamp::from_millisecond(1_767_323_045_678).expect("a time");
    Row {
        url: "http://a/".into(),
        status: "ok",
        http_status: Some(200),
        error_code: None,
        fetched_at: Some(at),
        cells,
    }
}

fn file(columns: &[Column], rows: &[Row<'_>], limit: u64) -> Vec<u8> {
    let mut file = ParquetFile::begin(columns.into(), limit).expect("begun");
    let mut bytes = Vec::new();
    for row in rows {
        assert_eq!(file.push(row).expect("pushed"), Taken::Yes);
        bytes.extend(file.take());
    }
    bytes.extend(file.finish().expect("finished"));
    bytes
}

fn reader(file: Vec<u8>) -> SerializedFileReader<Bytes> {
    SerializedFileReader::new(Bytes::from(file)).expect("a Parquet file")
}

/// The rows of a file as the library reads them back.
pub(in crate::export) fn rows(file: Vec<u8>) -> Vec<Value> {
    let rows = reader(file);
    rows.get_row_iter(None).expect("rows").map(|row| row.expect("a row").to_json_value()).collect()
}

#[test]
fn the_schema_has_the_types_that_readers_know() {
    let columns = [
        column("name", ColumnType::Text),
        column("stock", ColumnType::Integer),
        column("price", ColumnType::Number),
        column("offered", ColumnType::Boolean),
        column("any", ColumnType::Json),
        column("tags", ColumnType::List(Box::new(ColumnType::Text))),
        column(
            "offers",
            ColumnType::List(Box::new(ColumnType::Struct(vec![
                column("at", ColumnType::Text),
                column("AT", ColumnType::Integer),
            ]))),
        ),
    ];
    let file = file(&columns, &[], u64::MAX);
    let mut text = Vec::new();
    parquet::schema::printer::print_schema(&mut text, reader(file).metadata().file_metadata().schema());
    let expected = "message record {
  REQUIRED BYTE_ARRAY url (STRING);
  REQUIRED BYTE_ARRAY status (STRING);
  OPTIONAL INT32 http_status;
  OPTIONAL BYTE_ARRAY error_code (STRING);
  OPTIONAL INT64 fetched_at (TIMESTAMP(MILLIS,true));
  OPTIONAL BYTE_ARRAY name (STRING);
  OPTIONAL INT64 stock;
  OPTIONAL DOUBLE price;
  OPTIONAL BOOLEAN offered;
  OPTIONAL BYTE_ARRAY any (JSON);
  OPTIONAL group tags (LIST) {
    REPEATED group list {
      OPTIONAL BYTE_ARRAY element (STRING);
    }
  }
  OPTIONAL group offers (LIST) {
    REPEATED group list {
      OPTIONAL group element {
        OPTIONAL BYTE_ARRAY at (STRING);
        OPTIONAL INT64 AT_;
      }
    }
  }
}
";
    assert_eq!(String::from_utf8(text).expect("text"), expected);
}

#[test]
fn rows_leave_in_groups_that_are_bounded_by_their_bytes() {
    let columns = [column("name", ColumnType::Text)];
    let text = "x".repeat(1_000);
    let rows: Vec<Row<'_>> = (0..40_000).map(|_| row(vec![Cell::Text(text.as_str().into())])).collect();
    let read = reader(file(&columns, &rows, u64::MAX));
    let groups: Vec<i64> = read
        .metadata()
        .row_groups()
        .iter()
        .map(parquet::file::metadata::RowGroupMetaData::num_rows)
        .collect();
    assert_eq!(groups.iter().sum::<i64>(), 40_000);
    assert_eq!(groups.len(), 6, "8 MiB each: {groups:?}");
}

/// A cell of a type, and the JSON that it is read back as.
fn any_cell(kind: ColumnType) -> BoxedStrategy<(Cell<'static>, Value)> {
    let present = match kind {
        ColumnType::Text => {
            "\\PC{0,8}".prop_map(|text| (Cell::Text(text.clone().into()), text.into())).boxed()
        }
        ColumnType::Integer => any::<i64>().prop_map(|n| (Cell::Integer(n), n.into())).boxed(),
        ColumnType::Number => any::<f64>()
            .prop_filter("finite", |n| n.is_finite())
            .prop_map(|n| (Cell::Number(n), n.into()))
            .boxed(),
        ColumnType::Boolean => any::<bool>().prop_map(|truth| (Cell::Boolean(truth), truth.into())).boxed(),
        ColumnType::Json => Just((Cell::Json("{\"a\":[1]}"), Value::from("{\"a\":[1]}"))).boxed(),
        ColumnType::List(of) => prop::collection::vec(any_cell(*of), 0..4)
            .prop_map(|cells| {
                let (cells, values): (Vec<_>, Vec<_>) = cells.into_iter().unzip();
                (Cell::List(cells), Value::Array(values))
            })
            .boxed(),
        ColumnType::Struct(columns) => {
            let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
            let cells: Vec<_> = columns.into_iter().map(|column| any_cell(column.kind)).collect();
            cells
                .prop_map(move |cells| {
                    let (cells, values): (Vec<_>, Vec<_>) = cells.into_iter().unzip();
                    let fields = names.iter().cloned().zip(values).collect();
                    (Cell::Struct(cells), Value::Object(fields))
                })
                .boxed()
        }
    };
    prop_oneof![1 => Just((Cell::Null, Value::Null)), 3 => present].boxed()
}

fn any_type() -> impl Strategy<Value = ColumnType> {
    let scalar = prop::sample::select(vec![
        ColumnType::Text,
        ColumnType::Integer,
        ColumnType::Number,
        ColumnType::Boolean,
        ColumnType::Json,
    ]);
    scalar.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|of| ColumnType::List(Box::new(of))),
            prop::collection::vec(inner, 1..4).prop_map(|kinds| {
                let named = kinds.into_iter().zip(["a", "b", "c"]);
                ColumnType::Struct(named.map(|(kind, name)| column(name, kind)).collect())
            }),
        ]
    })
}

/// Columns, and for each row the cells with what is read back.
type Table = (Vec<Column>, Vec<Vec<(Cell<'static>, Value)>>);

fn any_table() -> impl Strategy<Value = Table> {
    prop::collection::vec(any_type(), 1..4).prop_flat_map(|kinds| {
        let columns: Vec<Column> =
            kinds.iter().zip(["x", "y", "z"]).map(|(kind, name)| column(name, kind.clone())).collect();
        let row: Vec<_> = kinds.into_iter().map(any_cell).collect();
        (Just(columns), prop::collection::vec(row, 0..20))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_table_of_any_nesting_is_read_back(table in any_table(), repeats in prop::sample::select(vec![1_usize, 1, 1, 300])) {
        let (columns, drawn) = table;
        // Many rows of few kinds cross the encoder's batches.
        let cells: Vec<_> = drawn.iter().cycle().take(drawn.len() * repeats).collect();
        let given: Vec<Row<'_>> =
            cells.iter().map(|cells| row(cells.iter().map(|(cell, _)| cell.clone()).collect())).collect();
        let read = rows(file(&columns, &given, u64::MAX));
        prop_assert_eq!(read.len(), given.len());
        for (read, cells) in read.iter().zip(cells) {
            prop_assert_eq!(&read["url"], "http://a/");
            for (column, (_, value)) in columns.iter().zip(cells) {
                prop_assert_eq!(&read[&column.name], value, "{:?}", column.kind);
            }
        }
    }
}
