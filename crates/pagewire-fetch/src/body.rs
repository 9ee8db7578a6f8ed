//! Bodies: collected under a cap on the wire, unpacked under a cap on what comes out.
//!
//! Unpacking runs as the bytes come in, so that a bomb is cut off at its cap and never held whole. Memory of one body
//! stays under the two caps and a decoder's window (8 MiB for zstd, 16 MiB for brotli).

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};

/// Encodings that may be stacked.
const ENCODINGS_MAX: usize = 2;

/// Largest zstd window, as a power of two; RFC 8878 recommends decoders to support 8 MiB and not to go on from there.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// From this size on a buffer grows to its cap at once: pages never touched cost nothing, a copy does.
const GROW_AT_ONCE_FROM: usize = 4 << 20;

/// A buffer of a decoder.
const DECODER_BUFFER: usize = 16 << 10;

/// Why a body was not taken.
#[derive(Debug)]
pub(crate) enum BodyFault {
    TooLarge,
    Bomb,
    Encoding(String),
}

/// What is done when a cap is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OverCap {
    Fail,
    /// The body is cut there, and taken as whole (robots.txt, RFC 9309, section 2.5).
    Cut,
}

/// The caps of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyCaps {
    pub(crate) wire: u64,
    pub(crate) unpacked: u64,
    pub(crate) over: OverCap,
}

/// Takes a body frame by frame.
pub(crate) struct Collector {
    caps: BodyCaps,
    wire: u64,
    expected: usize,
    state: State,
}

enum State {
    Empty,
    /// One frame so far: passed on as it is if it stays the only one.
    Single(Bytes),
    Many(BytesMut),
    Unpacking(Box<dyn Unpack>),
}

impl Collector {
    /// A collector for a body with these headers, `expected` bytes long if that is known.
    pub(crate) fn new(headers: &HeaderMap, caps: BodyCaps, expected: Option<u64>) -> Result<Self, BodyFault> {
        if caps.over == OverCap::Fail && expected.is_some_and(|bytes| bytes > caps.wire) {
            return Err(BodyFault::TooLarge);
        }
        let state = match decoder(headers, caps.unpacked)? {
            Some(decoder) => State::Unpacking(decoder),
            None => State::Empty,
        };
        // What a header claims is reserved up to 1 MiB only: the bytes have not come yet.
        let expected = expected.unwrap_or(64 << 10).min(1 << 20) as usize;
        Ok(Self { caps, wire: 0, expected, state })
    }

    /// Takes a frame; true if no more is wanted.
    pub(crate) fn push(&mut self, mut frame: Bytes) -> Result<bool, BodyFault> {
        let room = self.caps.wire - self.wire;
        let mut full = false;
        if frame.len() as u64 > room {
            if self.caps.over == OverCap::Fail {
                return Err(BodyFault::TooLarge);
            }
            full = true;
            frame.truncate(room as usize);
        }
        self.wire += frame.len() as u64;
        match &mut self.state {
            State::Unpacking(decoder) => match decoder.push(&frame) {
                Ok(()) => {}
                Err(BodyFault::Bomb) if self.caps.over == OverCap::Cut => full = true,
                Err(fault) => return Err(fault),
            },
            State::Many(buffer) => buffer.extend_from_slice(&frame),
            State::Single(first) => {
                let mut buffer = BytesMut::with_capacity(self.expected.max(first.len() + frame.len()));
                buffer.extend_from_slice(first);
                buffer.extend_from_slice(&frame);
                self.state = State::Many(buffer);
            }
            State::Empty => self.state = State::Single(frame),
        }
        Ok(full)
    }

    /// Bytes taken from the wire.
    pub(crate) fn wire(&self) -> u64 {
        self.wire
    }

    /// The body, unpacked.
    pub(crate) fn finish(self) -> Result<Bytes, BodyFault> {
        match self.state {
            State::Empty => Ok(Bytes::new()),
            State::Single(frame) => Ok(frame),
            State::Many(buffer) => Ok(buffer.freeze()),
            State::Unpacking(_) if self.wire == 0 => Ok(Bytes::new()),
            State::Unpacking(decoder) => decoder.finish(self.caps.over),
        }
    }
}

/// The decoder for the `Content-Encoding` headers, none if there is nothing to undo.
fn decoder(headers: &HeaderMap, cap: u64) -> Result<Option<Box<dyn Unpack>>, BodyFault> {
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
    let output = Output { bytes: Vec::new(), cap: cap as usize, over: false };
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
trait Unpack: Send {
    fn push(&mut self, frame: &[u8]) -> Result<(), BodyFault>;
    fn finish(self: Box<Self>, over: OverCap) -> Result<Bytes, BodyFault>;
}

/// What is unpacked, up to its cap.
struct Output {
    bytes: Vec<u8>,
    cap: usize,
    over: bool,
}

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
            self.over = true;
            return Err(io::Error::other("over the cap"));
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One decoder over what it writes to.
enum Layer<W: Write> {
    Gzip(flate2::write::MultiGzDecoder<W>),
    /// What the standard calls deflate is zlib; what some servers send is raw. The first byte tells.
    DeflateUnknown(Option<W>),
    Zlib(flate2::write::ZlibDecoder<W>),
    Raw(flate2::write::DeflateDecoder<W>),
    Brotli(Box<brotli_decompressor::DecompressorWriter<W>>),
    Zstd(zstd::stream::write::Decoder<'static, W>),
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
                let mut decoder = zstd::stream::write::Decoder::new(sink).map_err(broken)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(broken)?;
                Self::Zstd(decoder)
            }
        })
    }

    /// What stands below; none before a deflate stream has begun.
    fn sink(&self) -> Option<&W> {
        match self {
            Self::Gzip(decoder) => Some(decoder.get_ref()),
            Self::DeflateUnknown(sink) => sink.as_ref(),
            Self::Zlib(decoder) => Some(decoder.get_ref()),
            Self::Raw(decoder) => Some(decoder.get_ref()),
            Self::Brotli(decoder) => Some(decoder.get_ref()),
            Self::Zstd(decoder) => Some(decoder.get_ref()),
        }
    }

    /// Ends the stream, which must be whole, and gives back what stands below.
    fn end(self) -> io::Result<W> {
        match self {
            Self::Gzip(decoder) => decoder.finish(),
            Self::DeflateUnknown(sink) => sink.ok_or_else(|| io::Error::other("no stream")),
            Self::Zlib(decoder) => decoder.finish(),
            Self::Raw(decoder) => decoder.finish(),
            Self::Brotli(mut decoder) => {
                decoder.close()?;
                decoder.into_inner().map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))
            }
            Self::Zstd(mut decoder) => {
                decoder.flush()?;
                Ok(decoder.into_inner())
            }
        }
    }
}

impl<W: Write> Write for Layer<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if let (Self::DeflateUnknown(sink), Some(first)) = (&mut *self, buf.first()) {
            let sink = sink.take().ok_or_else(|| io::Error::other("no stream"))?;
            *self = if first & 0x0f == 8 && first >> 4 <= 7 {
                Self::Zlib(flate2::write::ZlibDecoder::new(sink))
            } else {
                Self::Raw(flate2::write::DeflateDecoder::new(sink))
            };
        }
        match self {
            Self::Gzip(decoder) => decoder.write(buf),
            Self::DeflateUnknown(_) => Ok(0),
            Self::Zlib(decoder) => decoder.write(buf),
            Self::Raw(decoder) => decoder.write(buf),
            Self::Brotli(decoder) => decoder.write(buf),
            Self::Zstd(decoder) => decoder.write(buf),
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

fn fault(over: bool, error: &io::Error) -> BodyFault {
    if over { BodyFault::Bomb } else { BodyFault::Encoding(format!("its packed stream is broken ({error})")) }
}

impl Unpack for Layer<Output> {
    fn push(&mut self, frame: &[u8]) -> Result<(), BodyFault> {
        write_frame(self, frame).map_err(|error| fault(self.sink().is_some_and(|output| output.over), &error))
    }

    fn finish(mut self: Box<Self>, over: OverCap) -> Result<Bytes, BodyFault> {
        if over == OverCap::Cut {
            return Ok(self.taken().into());
        }
        self.end().map(|output| output.bytes.into()).map_err(|error| fault(false, &error))
    }
}

impl Layer<Output> {
    /// What has come out so far.
    fn taken(&mut self) -> Vec<u8> {
        let output = match self {
            Self::Gzip(decoder) => Some(decoder.get_mut()),
            Self::DeflateUnknown(sink) => sink.as_mut(),
            Self::Zlib(decoder) => Some(decoder.get_mut()),
            Self::Raw(decoder) => Some(decoder.get_mut()),
            Self::Brotli(decoder) => Some(decoder.get_mut()),
            Self::Zstd(decoder) => Some(decoder.get_mut()),
        };
        output.map(|output| std::mem::take(&mut output.bytes)).unwrap_or_default()
    }
}

/// Two decoders, the outer writing into the inner.
struct Stacked(Layer<Layer<Output>>);

impl Unpack for Stacked {
    fn push(&mut self, frame: &[u8]) -> Result<(), BodyFault> {
        write_frame(&mut self.0, frame).map_err(|error| {
            fault(self.0.sink().and_then(Layer::sink).is_some_and(|output| output.over), &error)
        })
    }

    fn finish(self: Box<Self>, _over: OverCap) -> Result<Bytes, BodyFault> {
        let mut inner = self.0.end().map_err(|error| fault(false, &error))?;
        if let Layer::DeflateUnknown(None) = inner {
            return Ok(Bytes::new());
        }
        inner.flush().map_err(|error| fault(false, &error))?;
        inner.end().map(|output| output.bytes.into()).map_err(|error| fault(false, &error))
    }
}
