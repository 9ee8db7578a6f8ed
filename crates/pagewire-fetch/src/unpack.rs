//! Undoes content encodings, under a cap on what comes out.
//!
//! Unpacking runs as the bytes come in, so that a bomb is cut off at its cap and never held whole. Memory of one body
//! stays under its cap and a decoder's window (8 MiB for zstd, 16 MiB for brotli). A stream must come to its end; what
//! follows the end is left out.

use std::io::{self, Write};

use bytes::Bytes;
use http::{HeaderMap, header};
use zstd::stream::raw::{DParameter, Operation as _};

use crate::body::{BodyFault, OverCap};

/// Encodings that may be stacked.
const ENCODINGS_MAX: usize = 2;

/// Largest zstd window, as a power of two; RFC 8878 recommends decoders to support 8 MiB and not to go on from there.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// From this size on a buffer grows to its cap at once: pages never touched cost nothing, a copy does.
const GROW_AT_ONCE_FROM: usize = 4 << 20;

/// A buffer of a decoder.
const DECODER_BUFFER: usize = 16 << 10;

/// The decoder for the `Content-Encoding` headers, none if there is nothing to undo.
pub(crate) fn decoder(headers: &HeaderMap, cap: u64) -> Result<Option<Box<dyn Unpack>>, BodyFault> {
    if !headers.contains_key(header::CONTENT_ENCODING) {
        return Ok(None);
    }
    let mut codings = Vec::new();
    for value in headers.get_all(header::CONTENT_ENCODING) {
        let value = value.to_str().map_err(|_| BodyFault::Encoding("its encoding has no name".to_owned()))?;
        for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if let Some(coding) = Coding::named(name)? {
                codings.push(coding);
            }
            if codings.len() > ENCODINGS_MAX {
                return Err(BodyFault::Encoding(format!("more than {ENCODINGS_MAX} encodings are stacked")));
            }
        }
    }
    let output = Output { bytes: Vec::new(), cap: cap as usize };
    match *codings.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(Box::new(Layer::new(only, output)?))),
        // The first named was applied first, so it is undone last.
        [inner, outer, ..] => Ok(Some(Box::new(Stacked(Layer::new(outer, Layer::new(inner, output)?)?)))),
    }
}

#[derive(Debug, Clone, Copy)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    fn named(name: &str) -> Result<Option<Self>, BodyFault> {
        match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Ok(Some(Self::Gzip)),
            "deflate" => Ok(Some(Self::Deflate)),
            "br" => Ok(Some(Self::Brotli)),
            "zstd" => Ok(Some(Self::Zstd)),
            "identity" => Ok(None),
            other => {
                let shown: String = other.chars().take(40).collect();
                Err(BodyFault::Encoding(format!("its encoding `{shown}` is not known")))
            }
        }
    }
}

/// What unpacks a body.
pub(crate) trait Unpack: Send {
    /// Takes a frame of the packed body.
    fn push(&mut self, frame: &[u8]) -> Result<(), BodyFault>;

    /// The whole body; what has come out so far if it is cut.
    fn finish(self: Box<Self>, over: OverCap) -> Result<Bytes, BodyFault>;
}

/// What is unpacked, up to its cap.
struct Output {
    bytes: Vec<u8>,
    cap: usize,
}

/// More comes out than the cap; the decoders pass it on as it is.
#[derive(Debug, thiserror::Error)]
#[error("more than the cap comes out")]
struct PastCap;

impl Write for Output {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let room = self.cap - self.bytes.len();
        let taken = buf.len().min(room);
        let needed = self.bytes.len() + taken;
        if needed > self.bytes.capacity() && needed > GROW_AT_ONCE_FROM {
            self.bytes.reserve_exact(self.cap - self.bytes.len());
        }
        self.bytes.extend_from_slice(&buf[..taken]);
        if taken < buf.len() {
            return Err(io::Error::other(PastCap));
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A codec that takes from one buffer and gives to another.
trait Codec {
    /// One step: bytes taken, bytes given, and whether the stream is whole so far.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<(usize, usize, bool)>;
}

impl Codec for flate2::Decompress {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<(usize, usize, bool)> {
        let (taken, given) = (self.total_in(), self.total_out());
        let status =
            self.decompress(input, output, flate2::FlushDecompress::None).map_err(io::Error::other)?;
        let step = ((self.total_in() - taken) as usize, (self.total_out() - given) as usize);
        Ok((step.0, step.1, status == flate2::Status::StreamEnd))
    }
}

impl Codec for zstd::stream::raw::Decoder<'static> {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<(usize, usize, bool)> {
        let status = self.run_on_buffers(input, output)?;
        Ok((status.bytes_read, status.bytes_written, status.remaining == 0))
    }
}

/// Drives a codec, and knows whether its stream came to its end.
struct Pump<C, W> {
    codec: C,
    sink: W,
    buffer: Box<[u8]>,
    is_whole: bool,
}

impl<C: Codec, W: Write> Pump<C, W> {
    fn new(codec: C, sink: W) -> Self {
        Self { codec, sink, buffer: vec![0; DECODER_BUFFER].into(), is_whole: false }
    }

    fn write(&mut self, mut input: &[u8]) -> io::Result<usize> {
        let all = input.len();
        loop {
            let (taken, given, is_whole) = self.codec.step(input, &mut self.buffer)?;
            self.is_whole = is_whole;
            self.sink.write_all(&self.buffer[..given])?;
            input = &input[taken..];
            let is_drained = given < self.buffer.len();
            // No progress at the end of a stream: what follows it is not of the body.
            if (input.is_empty() && is_drained) || (taken == 0 && given == 0) {
                return Ok(all - input.len());
            }
        }
    }

    fn end(self) -> io::Result<W> {
        if self.is_whole { Ok(self.sink) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// One decoder over what it writes to.
enum Layer<W: Write> {
    Gzip(flate2::write::MultiGzDecoder<W>),
    /// What the standard calls deflate is zlib; what some servers send is raw. The first byte tells.
    DeflateUnknown(Option<W>),
    Deflate(Pump<flate2::Decompress, W>),
    Brotli(Box<brotli_decompressor::DecompressorWriter<W>>),
    Zstd(Pump<zstd::stream::raw::Decoder<'static>, W>),
}

impl<W: Write> Layer<W> {
    fn new(coding: Coding, sink: W) -> Result<Self, BodyFault> {
        Ok(match coding {
            Coding::Gzip => Self::Gzip(flate2::write::MultiGzDecoder::new(sink)),
            Coding::Deflate => Self::DeflateUnknown(Some(sink)),
            Coding::Brotli => {
                Self::Brotli(Box::new(brotli_decompressor::DecompressorWriter::new(sink, DECODER_BUFFER)))
            }
            Coding::Zstd => {
                let broken = |error: io::Error| BodyFault::Encoding(error.to_string());
                let mut decoder = zstd::stream::raw::Decoder::new().map_err(broken)?;
                decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX)).map_err(broken)?;
                Self::Zstd(Pump::new(decoder, sink))
            }
        })
    }

    /// Ends the stream, which must be whole, and gives back what stands below.
    fn end(self) -> io::Result<W> {
        match self {
            Self::Gzip(decoder) => decoder.finish(),
            Self::DeflateUnknown(sink) => sink.ok_or_else(|| io::Error::other("no stream")),
            Self::Deflate(pump) => pump.end(),
            Self::Brotli(mut decoder) => {
                decoder.close()?;
                decoder.into_inner().map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))
            }
            Self::Zstd(pump) => pump.end(),
        }
    }
}

impl<W: Write> Write for Layer<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if let (Self::DeflateUnknown(sink), Some(first)) = (&mut *self, buf.first()) {
            let sink = sink.take().ok_or_else(|| io::Error::other("no stream"))?;
            let has_zlib_header = first & 0x0f == 8 && first >> 4 <= 7;
            *self = Self::Deflate(Pump::new(flate2::Decompress::new(has_zlib_header), sink));
        }
        match self {
            Self::Gzip(decoder) => decoder.write(buf),
            Self::DeflateUnknown(_) => Ok(0),
            Self::Deflate(pump) => pump.write(buf),
            Self::Brotli(decoder) => decoder.write(buf),
            Self::Zstd(pump) => pump.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes all of a frame, less what follows the end of the stream.
fn write_frame(layer: &mut impl Write, mut frame: &[u8]) -> io::Result<()> {
    while !frame.is_empty() {
        match layer.write(frame) {
            Ok(0) => break,
            Ok(taken) => frame = &frame[taken..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn fault(error: &io::Error) -> BodyFault {
    if error.get_ref().and_then(|inner| inner.downcast_ref::<PastCap>()).is_some() {
        BodyFault::Bomb
    } else {
        BodyFault::Encoding(format!("its packed stream is broken ({error})"))
    }
}

impl Unpack for Layer<Output> {
    fn push(&mut self, frame: &[u8]) -> Result<(), BodyFault> {
        write_frame(self, frame).map_err(|error| fault(&error))
    }

    fn finish(mut self: Box<Self>, over: OverCap) -> Result<Bytes, BodyFault> {
        if over == OverCap::Cut {
            return Ok(self.taken().into());
        }
        self.end().map(|output| output.bytes.into()).map_err(|error| fault(&error))
    }
}

impl Layer<Output> {
    /// What has come out so far.
    fn taken(&mut self) -> Vec<u8> {
        let output = match self {
            Self::Gzip(decoder) => Some(decoder.get_mut()),
            Self::DeflateUnknown(sink) => sink.as_mut(),
            Self::Deflate(pump) => Some(&mut pump.sink),
            Self::Brotli(decoder) => Some(decoder.get_mut()),
            Self::Zstd(pump) => Some(&mut pump.sink),
        };
        output.map(|output| std::mem::take(&mut output.bytes)).unwrap_or_default()
    }
}

/// Two decoders, the outer writing into the inner.
struct Stacked(Layer<Layer<Output>>);

impl Unpack for Stacked {
    fn push(&mut self, frame: &[u8]) -> Result<(), BodyFault> {
        write_frame(&mut self.0, frame).map_err(|error| fault(&error))
    }

    fn finish(self: Box<Self>, _over: OverCap) -> Result<Bytes, BodyFault> {
        let inner = self.0.end().map_err(|error| fault(&error))?;
        inner.end().map(|output| output.bytes.into()).map_err(|error| fault(&error))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const CAP: u64 = 1 << 16;

    proptest! {
        #[test]
        fn no_bytes_in_any_encoding_panic_or_come_out_past_the_cap(
            encoding in prop::sample::select(vec!["gzip", "deflate", "br", "zstd", "gzip, br", "zstd, deflate"]),
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..6),
            magic in any::<bool>(),
        ) {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
            let mut unpack = decoder(&headers, CAP).expect("a known encoding").expect("a decoder");
            if magic {
                // Gets past the first check of each format now and then.
                let _ = unpack.push(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03");
            }
            let is_taken = frames.iter().all(|frame| unpack.push(frame).is_ok());
            if is_taken && let Ok(body) = unpack.finish(OverCap::Fail) {
                prop_assert!(body.len() as u64 <= CAP);
            }
        }

        #[test]
        fn what_is_packed_comes_out_the_same_however_it_is_cut(
            text in prop::collection::vec(prop::sample::select(b"abcdef<p>".to_vec()), 0..20_000),
            cut in 1_usize..700,
            is_raw in any::<bool>(),
        ) {
            let mut packed = Vec::new();
            if is_raw {
                let level = flate2::Compression::fast();
                flate2::write::DeflateEncoder::new(&mut packed, level).write_all(&text).expect("packed");
            } else {
                let level = flate2::Compression::fast();
                flate2::write::ZlibEncoder::new(&mut packed, level).write_all(&text).expect("packed");
            }
            for (encoding, packed) in [("deflate", packed), ("zstd", zstd::encode_all(&*text, 1).expect("packed"))] {
                let mut headers = HeaderMap::new();
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
                let mut unpack = decoder(&headers, CAP).expect("a known encoding").expect("a decoder");
                for frame in packed.chunks(cut) {
                    prop_assert!(unpack.push(frame).is_ok(), "{encoding}");
                }
                let body = unpack.finish(OverCap::Fail).expect("whole");
                prop_assert!(body == text, "{encoding}");
            }
        }
    }
}
