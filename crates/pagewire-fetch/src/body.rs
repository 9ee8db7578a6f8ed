//! Bodies: collected under a cap on the wire, unpacked under a cap on what comes out.
//!
//! A body that comes in one frame is passed on as it came; more than one are copied together once.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use crate::unpack::{Unpack, decoder};

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
