//! Why a body is no page.

use std::fmt;

use pagewire_types::{FieldError, TargetErrorCode};
use serde_json::Value;

/// A body that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// Its type is none that is read here.
    #[error(
        "the content is of type `{content_type}`, which is not read here; HTML, XML, JSON and plain text are"
    )]
    UnsupportedContent {
        /// The type, as served or as it looks.
        content_type: String,
    },
    /// What was extracted does not satisfy a strict schema.
    #[error(transparent)]
    Unsatisfied(Box<Unsatisfied>),
}

/// Data that a strict schema does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsatisfied {
    /// What is wrong with it. Their pointers begin at what `data` stands in: `/data/price`.
    pub faults: Vec<FieldError>,
    /// What was extracted.
    pub data: Value,
}

impl std::error::Error for Unsatisfied {}

impl fmt::Display for Unsatisfied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the extracted data does not satisfy the schema")?;
        if let Some(first) = self.faults.first() {
            write!(f, ": {first}")?;
        }
        match self.faults.len() {
            0 | 1 => Ok(()),
            faults => write!(f, " (and {} more)", faults - 1),
        }
    }
}

impl ExtractError {
    /// The code of the record.
    #[must_use]
    pub fn code(&self) -> TargetErrorCode {
        match self {
            Self::UnsupportedContent { .. } => TargetErrorCode::UnsupportedContent,
            Self::Unsatisfied(_) => TargetErrorCode::ExtractionInvalid,
        }
    }
}
