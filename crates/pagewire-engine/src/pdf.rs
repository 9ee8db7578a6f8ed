//! The seam behind which PDFs are read. What reads them panics, hangs and eats memory on some of what the web serves, so
//! it is done where that ends nothing but the one page; where that is, the binary decides.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use pagewire_extract::pdf::PdfText;
use pagewire_types::TargetErrorCode;

/// Reads the text of PDFs.
///
/// Whatever the body is, an implementation ends within a bound of its own, holds no more than so many bodies at once
/// and gives its place back when it is done or dropped.
pub trait PdfReader: Send + Sync {
    /// The text of one document.
    fn read(&self, body: Bytes) -> BoxFuture<'_, Result<PdfText, PdfFault>>;
}

/// Why a PDF was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PdfFault {
    /// It is none that can be read.
    #[error("the PDF could not be read: {0}")]
    Unreadable(String),
    /// Reading it took too long.
    #[error("the PDF could not be read within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// It is larger than one that is read.
    #[error("the PDF has {bytes} bytes, more than the {max} that are read of one")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// Too many are being read.
    #[error("the PDF did not get its turn: too many are being read on this server")]
    Busy,
    /// The server could not do what it does for every PDF.
    #[error("the PDF could not be read: {0}; that is a fault of this server")]
    Server(String),
}

impl PdfFault {
    /// The code of the record.
    #[must_use]
    pub fn code(&self) -> TargetErrorCode {
        match self {
            Self::TimedOut(_) | Self::Busy => TargetErrorCode::Timeout,
            Self::TooLarge { .. } => TargetErrorCode::BodyTooLarge,
            Self::Unreadable(_) | Self::Server(_) => TargetErrorCode::UnsupportedContent,
        }
    }
}

/// For a server that reads none.
#[derive(Debug, Clone, Copy)]
pub struct NoPdfReader;

impl PdfReader for NoPdfReader {
    fn read(&self, _: Bytes) -> BoxFuture<'_, Result<PdfText, PdfFault>> {
        Box::pin(async { Err(PdfFault::Unreadable("this server reads none".to_owned())) })
    }
}
