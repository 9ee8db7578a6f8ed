"""Reads the files of an export with the programs that people read them with, and looks at types and values."""

import csv
import datetime
import gzip
import hashlib
import io
import json
import pathlib
import subprocess
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

folder = pathlib.Path(sys.argv[1])
ROWS = 50_000
NAMES = ["url", "status", "http_status", "error_code", "fetched_at",
         "name", "stock", "price", "offered", "tags", "size", "offers", "other", "data_URL"]
AT = datetime.datetime(2026, 11, 21, 8, 0, 0, 123000, tzinfo=datetime.timezone.utc)
TEXT = 'Räksmörgås, "large"\r\nand =1+1 🦐'


def same(what, got, expected):
    assert got == expected, f"{what}: {got!r} is not {expected!r}"


def only(name):
    manifest = json.loads((folder / name / "manifest.json").read_text())
    (entry,) = manifest["files"]
    data = (folder / name / entry["name"]).read_bytes()
    same("rows", entry["rows"], ROWS)
    same("bytes", entry["bytes"], len(data))
    same("sha256", entry["sha256"], hashlib.sha256(data).hexdigest())
    return folder / name / entry["name"]


def check_pyarrow(path):
    table = pq.read_table(path)
    same("columns", table.schema.names, NAMES)
    for name, kind in {
        "url": pa.string(), "status": pa.string(), "http_status": pa.int32(), "error_code": pa.string(),
        "fetched_at": pa.timestamp("ms", tz="UTC"), "name": pa.string(), "stock": pa.int64(),
        "price": pa.float64(), "offered": pa.bool_(), "tags": pa.list_(pa.field("element", pa.string())),
        "size": pa.struct([("w", pa.int64()), ("h", pa.int64())]),
    }.items():
        same(f"type of {name}", table.schema.field(name).type, kind)
    assert not table.schema.field("url").nullable and table.schema.field("name").nullable
    same("rows", table.num_rows, ROWS)
    first, second, third = table.slice(0, 3).to_pylist()
    same("first", first, {
        "url": "http://a.example/1", "status": "ok", "http_status": 200, "error_code": None, "fetched_at": AT,
        "name": TEXT, "stock": 2**63 - 1, "price": 0.1 + 0.2, "offered": True, "tags": ["a", None, ""],
        "size": {"w": 3, "h": None},
        "offers": [{"seller": "x", "price": 1.0}, None, {"seller": None, "price": -2.5}],
        "other": '{"any":["thing",{"deep":1}]}', "data_URL": "=cmd()",
    })
    same("second", (second["name"], second["stock"], second["price"], second["tags"], second["size"], second["offers"]),
         ("", -(2**63), -5e-324, [], None, []))
    same("third", (third["status"], third["http_status"], third["error_code"], third["fetched_at"], third["tags"]),
         ("error", 404, "http_error", None, None))
    same("sum", sum(table["stock"].to_pylist()[3:]), sum(range(4, ROWS + 1)))
    for group in range(pq.ParquetFile(path).metadata.num_row_groups):
        same("codec", pq.ParquetFile(path).metadata.row_group(group).column(0).compression, "ZSTD")


def check_duckdb(path):
    base = duckdb.connect()
    kinds = dict(base.sql(f"select column_name, column_type from (describe from '{path}')").fetchall())
    same("types", kinds, {
        "url": "VARCHAR", "status": "VARCHAR", "http_status": "INTEGER", "error_code": "VARCHAR",
        "fetched_at": "TIMESTAMP WITH TIME ZONE", "name": "VARCHAR", "stock": "BIGINT", "price": "DOUBLE",
        "offered": "BOOLEAN", "tags": "VARCHAR[]", "size": "STRUCT(w BIGINT, h BIGINT)",
        "offers": "STRUCT(seller VARCHAR, price DOUBLE)[]", "other": "JSON", "data_URL": "VARCHAR",
    })
    same("counts", base.sql(f"select status, count(*) from '{path}' group by all order by 1").fetchall(),
         [("error", 1), ("ok", ROWS - 1)])
    row = base.sql(f"select name, stock, offers[1].price, size.w, other->>'$.any[0]' from '{path}' where url = 'http://a.example/1'").fetchall()[0]
    same("values", row, (TEXT, 2**63 - 1, 1.0, 3, "thing"))
    same("each once", base.sql(f"select count(distinct url) from '{path}'").fetchall()[0], (ROWS,))


def check_csv(text):
    rows = list(csv.reader(io.StringIO(text, newline="")))
    same("header", rows[0], NAMES)
    same("rows", len(rows), ROWS + 1)
    same("first", rows[1], [
        "http://a.example/1", "ok", "200", "", "2026-11-21T08:00:00.123Z", TEXT, str(2**63 - 1),
        "0.30000000000000004", "true", '["a",null,""]', '{"w":3,"h":null}',
        '[{"seller":"x","price":1},null,{"seller":null,"price":-2.5}]', '{"any":["thing",{"deep":1}]}', "'=cmd()",
    ])
    same("price", float(rows[2][7]), -5e-324)
    same("third", rows[3][:5], ["http://a.example/3", "error", "404", "http_error", ""])
    assert text.endswith("\r\n")


def check_csv_in_duckdb(path):
    base = duckdb.connect()
    read = f"read_csv('{path}', header = true, strict_mode = true)"
    kinds = dict(base.sql(f"select column_name, column_type from (describe from {read})").fetchall())
    same("types", {name: kinds[name] for name in ("url", "http_status", "fetched_at", "stock", "price", "offered")}, {
        "url": "VARCHAR", "http_status": "BIGINT", "fetched_at": "TIMESTAMP WITH TIME ZONE", "stock": "BIGINT",
        "price": "DOUBLE", "offered": "BOOLEAN",
    })
    same("rows", base.sql(f"select count(*), count(distinct url) from {read}").fetchall()[0], (ROWS, ROWS))
    same("first", base.sql(f"select name from {read} where url = 'http://a.example/1'").fetchall()[0], (TEXT,))


parquet = only("parquet")
check_pyarrow(parquet)
check_duckdb(parquet)
plain = only("csv")
check_csv(plain.read_bytes().decode())
check_csv_in_duckdb(plain)
packed = only("csv-gz")
same("zcat", subprocess.run(["zcat", packed], capture_output=True, check=True).stdout, plain.read_bytes())
lines = gzip.decompress(only("ndjson-gz").read_bytes()).decode().splitlines()
same("lines", len(lines), ROWS)
same("a page", list(json.loads(lines[0])), ["url", "final_url", "http_status", "data", "meta"])
same("an error", next(iter(json.loads(lines[2]).items())), ("status", "error"))
