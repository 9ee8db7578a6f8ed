//! A record's body with its archived page: `JSON`, WARC records, their length (4 bytes, little-endian), and a byte that no
//! text in UTF-8 has, by which it is told from a body that is JSON alone.

use bytes::{BufMut as _, Bytes, BytesMut};

const MARK: u8 = 0xff;
const TRAILER_BYTES: usize = 5;

/// A body in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Archived {
    /// The envelope or the error, as JSON.
    pub(crate) json: Bytes,
    /// The records of the page, each a member of gzip; none where nothing came.
    pub(crate) warc: Option<Bytes>,
}

/// One body of both.
pub(crate) fn join(json: &Bytes, warc: &[u8]) -> Bytes {
    let mut body = BytesMut::with_capacity(json.len() + warc.len() + TRAILER_BYTES);
    body.put_slice(json);
    body.put_slice(warc);
    // A body is far smaller than 4 GiB.
    body.put_u32_le(u32::try_from(warc.len()).unwrap_or(u32::MAX));
    body.put_u8(MARK);
    body.freeze()
}

/// The parts of a body, whichever it is.
pub(crate) fn split(body: &Bytes) -> Archived {
    let parts = body.strip_suffix(&[MARK]).and_then(|rest| {
        let (rest, length) = rest.split_last_chunk::<4>()?;
        let json = rest.len().checked_sub(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        Some((json, rest.len()))
    });
    match parts {
        Some((json, end)) => Archived { json: body.slice(..json), warc: Some(body.slice(json..end)) },
        None => Archived { json: body.clone(), warc: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_comes_apart_as_it_was_joined_and_json_alone_stays_whole() {
        let json = Bytes::from_static(b"{\"a\":\"\xc3\xbf\"}");
        for warc in [&b""[..], b"\xff\xff\xff\xff\xff", b"WARC/1.1\r\n"] {
            let parts = split(&join(&json, warc));
            assert_eq!((&parts.json, parts.warc.as_deref()), (&json, Some(warc)));
        }
        assert_eq!(split(&json), Archived { json: json.clone(), warc: None });
        assert_eq!(split(&Bytes::new()).warc, None);
        let odd = Bytes::from_static(b"\xff\xff\xff\xff\xff");
        assert_eq!(split(&odd).json, odd);
    }
}
