//! The secret that a webhook's deliveries are signed with, in the text form of Standard Webhooks: `whsec_` and the base64
//! of 24 to 64 bytes. Nothing prints it by accident: it has no `Display`, and its `Debug` does not tell it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

const PREFIX: &str = "whsec_";
/// Bytes of a key.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The secret of a webhook.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookSecret {
    text: String,
    key: Vec<u8>,
}

/// The text is no secret. It is not repeated here: it may nearly be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is `whsec_` and the base64 of 24 to 64 bytes")]
pub struct NotASecret;

impl WebhookSecret {
    /// The secret whose key is these bytes.
    pub fn of_key(key: &[u8]) -> Result<Self, NotASecret> {
        if !KEY_BYTES.contains(&key.len()) {
            return Err(NotASecret);
        }
        Ok(Self { text: format!("{PREFIX}{}", STANDARD.encode(key)), key: key.to_vec() })
    }

    /// Reads the text form: the standard alphabet, padded, as verifying libraries want it.
    pub fn parse(text: &str) -> Result<Self, NotASecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(NotASecret)?;
        let key = STANDARD.decode(encoded).map_err(|_| NotASecret)?;
        Self::of_key(&key)
    }

    /// The bytes to sign with.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The text form, for whoever is to be told the secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

impl TryFrom<String> for WebhookSecret {
    type Error = NotASecret;
    fn try_from(text: String) -> Result<Self, NotASecret> {
        Self::parse(&text)
    }
}

impl From<WebhookSecret> for String {
    fn from(secret: WebhookSecret) -> Self {
        secret.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_secret_has_24_to_64_bytes_of_padded_base64() {
        let text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert_eq!(WebhookSecret::parse(text).expect("a secret").expose(), text);
        for text in [
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_",
            "whsec_MfKQ9r8G",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa_w",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAA",
            "whsec_ MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ] {
            assert_eq!(WebhookSecret::parse(text), Err(NotASecret), "{text}");
        }
    }

    #[test]
    fn a_secret_does_not_print_itself() {
        let secret = WebhookSecret::of_key(&[7; 32]).expect("a secret");
        assert_eq!(format!("{secret:?}"), "WebhookSecret(…)");
    }

    proptest! {
        #[test]
        fn each_key_of_a_fitting_length_is_read_back(key in proptest::collection::vec(any::<u8>(), 0..80)) {
            match WebhookSecret::of_key(&key) {
                Ok(secret) => {
                    prop_assert_eq!(WebhookSecret::parse(secret.expose()).map(|read| read.key().to_vec()), Ok(key));
                }
                Err(NotASecret) => prop_assert!(!(24..=64).contains(&key.len())),
            }
        }
    }
}
