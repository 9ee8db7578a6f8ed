//! Why a body is no page.

use pagewire_types::TargetErrorCode;

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
}

impl ExtractError {
    /// The code of the record.
    #[must_use]
    pub fn code(&self) -> TargetErrorCode {
        match self {
            Self::UnsupportedContent { .. } => TargetErrorCode::UnsupportedContent,
        }
    }
}
