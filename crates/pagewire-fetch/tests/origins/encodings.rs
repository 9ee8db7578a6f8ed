//! Content encodings: undone in every form that browsers take, and bombs cut at the cap on what comes out.

use std::io::Write;

use crate::origin::{Origin, client, config, get, page};
use flate2::Compression;
use pagewire_fetch::{Client, FailureKind, FetchConfig, FetchError, Response};
use pagewire_types::TargetErrorCode;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("packed");
    encoder.finish().expect("packed")
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("packed");
    encoder.finish().expect("packed")
}

fn raw_deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("packed");
    encoder.finish().expect("packed")
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    brotli::CompressorWriter::new(&mut packed, 4096, 3, 22).write_all(bytes).expect("packed");
    packed
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("packed")
}

fn zstd_with_window(bytes: &[u8], window_log: u32) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("an encoder");
    encoder.window_log(window_log).expect("a window");
    encoder.write_all(bytes).expect("packed");
    encoder.finish().expect("packed")
}

async fn fetch(client: &Client, encoding: &str, packed: Vec<u8>) -> Result<Response, FetchError> {
    let headers = format!("content-encoding: {encoding}\r\n");
    let origin = Origin::http(move |_| page(&headers, &packed)).await;
    get(client, origin.url("/")).await
}

fn text() -> Vec<u8> {
    (0..12_000).flat_map(|line| format!("<p>line {line}</p>\n").into_bytes()).collect()
}

#[tokio::test]
async fn every_encoding_is_undone() {
    let (client, text) = (client(), text());
    for (encoding, packed) in [
        ("gzip", gzip(&text)),
        ("x-gzip", gzip(&text)),
        ("GZIP", gzip(&text)),
        ("identity, gzip", gzip(&text)),
        ("deflate", zlib(&text)),
        ("deflate", raw_deflate(&text)),
        ("br", brotli(&text)),
        ("zstd", zstd(&text)),
        ("identity", text.clone()),
        ("gzip, br", brotli(&gzip(&text))),
        ("zstd, deflate", zlib(&zstd(&text))),
        ("br\r\ncontent-encoding: gzip", gzip(&brotli(&text))),
    ] {
        let wire = packed.len() as u64;
        let response = fetch(&client, encoding, packed).await.expect(encoding);
        assert!(response.body == text, "{encoding}: {} bytes", response.body.len());
        assert_eq!(response.wire_bytes, wire, "{encoding}");
    }
}

#[tokio::test]
async fn two_gzip_members_are_one_body_and_an_empty_body_is_empty() {
    let client = client();
    let members = [gzip(b"one "), gzip(b"two")].concat();
    assert_eq!(fetch(&client, "gzip", members).await.expect("a page").body, "one two");
    for encoding in ["gzip", "br", "zstd", "deflate", "gzip, br"] {
        assert!(fetch(&client, encoding, Vec::new()).await.expect(encoding).body.is_empty());
    }
}

#[tokio::test]
async fn a_bomb_is_cut_at_the_cap_on_what_comes_out() {
    let zeros = vec![0; 3 << 20];
    let gzipped = gzip(&zeros);
    let client = Client::new(FetchConfig { unpacked_bytes_max: 1 << 20, ..config() }).expect("a client");
    for (encoding, packed) in [
        ("gzip, gzip", gzip(&gzipped)),
        ("gzip", gzipped),
        ("deflate", zlib(&zeros)),
        ("br", brotli(&zeros)),
        ("zstd", zstd(&zeros)),
        ("zstd, br", brotli(&zstd(&zeros))),
    ] {
        let error = fetch(&client, encoding, packed).await.map(|page| page.body.len()).expect_err(encoding);
        assert_eq!(error.code(), TargetErrorCode::DecompressionBomb, "{encoding}: {error}");
        assert_eq!(error.kind(), FailureKind::Permanent);
    }
}

#[tokio::test]
async fn a_body_of_just_the_cap_is_taken_and_one_byte_more_is_not() {
    let config = FetchConfig { unpacked_bytes_max: 1000, wire_bytes_max: 1000, ..config() };
    let client = Client::new(config).expect("a client");
    assert_eq!(fetch(&client, "gzip", gzip(&[7; 1000])).await.expect("just fits").body.len(), 1000);
    let error = fetch(&client, "gzip", gzip(&[7; 1001])).await.expect_err("too much");
    assert_eq!(error.code(), TargetErrorCode::DecompressionBomb);
    assert_eq!(fetch(&client, "identity", vec![7; 1000]).await.expect("just fits").body.len(), 1000);
    let error = fetch(&client, "identity", vec![7; 1001]).await.expect_err("too much");
    assert_eq!(error.code(), TargetErrorCode::BodyTooLarge);
}

#[tokio::test]
async fn what_cannot_be_unpacked_is_unsupported() {
    let (client, text) = (client(), text());
    let cut = |packed: Vec<u8>| packed[..packed.len() / 2].to_vec();
    for (encoding, packed) in [
        ("compress", text.clone()),
        ("gzip, gzip, gzip", gzip(&gzip(&gzip(&text)))),
        ("gzip", text.clone()),
        ("gzip", cut(gzip(&text))),
        ("deflate", cut(zlib(&text))),
        ("br", cut(brotli(&text))),
        ("zstd", cut(zstd(&text))),
        ("zstd", text.clone()),
        ("zstd", zstd_with_window(&text, 25)),
    ] {
        let error = fetch(&client, encoding, packed).await.map(|page| page.body.len()).expect_err(encoding);
        assert_eq!(error.code(), TargetErrorCode::UnsupportedContent, "{encoding}: {error}");
    }
}
