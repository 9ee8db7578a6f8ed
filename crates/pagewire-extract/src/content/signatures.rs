//! The first bytes of kinds that are not read here, so that a refusal can name them (WHATWG MIME Sniffing, section 6,
//! and what else the web holds): data, not code.

/// Where the bytes stand, the bytes, the media type. The first that fits counts.
const SIGNATURES: &[(usize, &[u8], &str)] = &[
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBPVP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (0, b"\0\0\x01\0", "image/x-icon"),
    (0, b"\0\0\x02\0", "image/x-icon"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
    (8, b"AVI ", "video/avi"),
    (8, b"WAVE", "audio/wave"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"OggS\0", "application/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"MThd\0\0\0\x06", "audio/midi"),
    (0, b"FORM", "audio/aiff"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\x1f\x8b\x08", "application/gzip"),
    (0, b"Rar!\x1a\x07", "application/x-rar-compressed"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\0", "application/x-xz"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"%!PS-Adobe-", "application/postscript"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"wOFF", "font/woff"),
    (0, b"wOF2", "font/woff2"),
    (0, b"OTTO", "font/otf"),
    (0, b"\0\x01\0\0", "font/ttf"),
    (0, b"\0asm", "application/wasm"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"MZ", "application/x-msdownload"),
    (0, b"SQLite format 3\0", "application/vnd.sqlite3"),
];

/// Signatures of letters alone count only with bytes that no text has after them.
const WORDS: [&[u8]; 6] = [b"BM", b"MZ", b"BZh", b"ID3", b"FORM", b"OTTO"];

/// The media type whose signature the bytes bear.
pub(super) fn find(header: &[u8]) -> Option<&'static str> {
    SIGNATURES
        .iter()
        .filter(|(at, bytes, _)| header.get(*at..).is_some_and(|rest| rest.starts_with(bytes)))
        .find(|(_, bytes, _)| !WORDS.contains(bytes) || super::is_binary(header))
        .map(|(_, _, content_type)| *content_type)
}
