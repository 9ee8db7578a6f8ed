//! The secrets of webhooks as they are stored: sealed, so that a copy of the database alone signs nothing.
//!
//! A sealed secret is the length of the key's name, that name, a nonce, and the AES-256-GCM ciphertext with its tag. The
//! webhook's id goes into the tag, so that a secret works for the webhook that it was stored with and for no other. The
//! newest key seals; those before it go on opening.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use pagewire_types::{WebhookId, WebhookSecret};

/// Bytes of a key.
pub const VAULT_KEY_BYTES: usize = 32;
/// Bytes of a key's name.
const NAME_BYTES_MAX: usize = 64;
/// Bytes of the key of a secret that is made here.
const SECRET_KEY_BYTES: usize = 32;

/// Why a secret could not be sealed or opened, or a vault not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// There is no key.
    #[error("there is no key to seal secrets with")]
    NoKey,
    /// A key is not usable.
    #[error(
        "a key that secrets are sealed with must have a name of 1 to 64 bytes and {VAULT_KEY_BYTES} bytes"
    )]
    BadKey,
    /// The cipher failed.
    #[error("a secret could not be sealed")]
    Seal,
    /// The system gave no random bytes.
    #[error("the system's random number generator failed")]
    NoEntropy,
    /// It was sealed with a key that is not here, or changed.
    #[error("a sealed secret does not open; was the file of keys replaced?")]
    Open,
}

/// What seals secrets.
pub struct Vault {
    /// The newest first; never empty.
    keys: Vec<(String, RandomizedNonceKey)>,
}

impl Vault {
    /// A vault with these keys, the newest first, each with its name.
    pub fn new<'k>(keys: impl IntoIterator<Item = (&'k str, &'k [u8])>) -> Result<Self, VaultError> {
        let keys: Result<Vec<_>, VaultError> = keys
            .into_iter()
            .map(|(name, key)| {
                if !(1..=NAME_BYTES_MAX).contains(&name.len()) {
                    return Err(VaultError::BadKey);
                }
                let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| VaultError::BadKey)?;
                Ok((name.to_owned(), key))
            })
            .collect();
        let keys = keys?;
        if keys.is_empty() { Err(VaultError::NoKey) } else { Ok(Self { keys }) }
    }

    pub(super) fn seal(&self, webhook: &WebhookId, secret: &WebhookSecret) -> Result<Vec<u8>, VaultError> {
        self.seal_text(webhook.as_str(), secret.expose())
    }

    pub(super) fn open(&self, webhook: &WebhookId, sealed: &[u8]) -> Result<WebhookSecret, VaultError> {
        let text = self.open_text(webhook.as_str(), sealed)?;
        WebhookSecret::parse(&text).map_err(|_| VaultError::Open)
    }

    /// Seals a text, which then opens for this owner alone.
    pub(crate) fn seal_text(&self, owner: &str, text: &str) -> Result<Vec<u8>, VaultError> {
        let (name, key) = self.keys.first().ok_or(VaultError::NoKey)?;
        let mut text = text.as_bytes().to_vec();
        let nonce = key
            .seal_in_place_append_tag(Aad::from(owner.as_bytes()), &mut text)
            .map_err(|_| VaultError::Seal)?;
        let length = u8::try_from(name.len()).map_err(|_| VaultError::BadKey)?;
        Ok([&[length], name.as_bytes(), nonce.as_ref(), &text].concat())
    }

    /// Opens what was sealed for an owner.
    pub(crate) fn open_text(&self, owner: &str, sealed: &[u8]) -> Result<String, VaultError> {
        let (name, rest) = split_name(sealed).ok_or(VaultError::Open)?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or(VaultError::Open)?;
        let (_, key) = self.keys.iter().find(|(have, _)| have.as_bytes() == name).ok_or(VaultError::Open)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::Open)?;
        let mut text = text.to_vec();
        let opened =
            key.open_in_place(nonce, Aad::from(owner.as_bytes()), &mut text).map_err(|_| VaultError::Open)?;
        std::str::from_utf8(opened).map(str::to_owned).map_err(|_| VaultError::Open)
    }
}

/// A new secret.
pub(super) fn mint() -> Result<WebhookSecret, VaultError> {
    let mut key = [0; SECRET_KEY_BYTES];
    SystemRandom::new().fill(&mut key).map_err(|_| VaultError::NoEntropy)?;
    WebhookSecret::of_key(&key).map_err(|_| VaultError::BadKey)
}

fn split_name(sealed: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = sealed.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.keys.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Vault").field("keys", &names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(keys: &[(&str, [u8; 32])]) -> Vault {
        Vault::new(keys.iter().map(|(name, key)| (*name, key.as_slice()))).expect("a vault")
    }

    #[test]
    fn a_secret_opens_for_its_webhook_alone_and_with_older_keys_too() {
        let (mine, other) = (WebhookId::generate(), WebhookId::generate());
        let secret = WebhookSecret::of_key(&[9; 32]).expect("a secret");
        let old = vault(&[("k1", [1; 32])]);
        let sealed = old.seal(&mine, &secret).expect("sealed");
        assert!(!sealed.windows(6).any(|part| part == b"whsec_"));
        assert_ne!(sealed, old.seal(&mine, &secret).expect("sealed"), "each time another nonce");
        let new = vault(&[("k2", [2; 32]), ("k1", [1; 32])]);
        assert_eq!(new.open(&mine, &sealed), Ok(secret.clone()));
        assert_eq!(new.open(&other, &sealed), Err(VaultError::Open));
        assert_eq!(vault(&[("k1", [3; 32])]).open(&mine, &sealed), Err(VaultError::Open));
        let resealed = new.seal(&mine, &secret).expect("sealed");
        assert_eq!(old.open(&mine, &resealed), Err(VaultError::Open), "the newest key seals");
    }

    #[test]
    fn what_was_cut_or_changed_does_not_open() {
        let id = WebhookId::generate();
        let vault = vault(&[("k1", [1; 32])]);
        let secret = WebhookSecret::of_key(&[9; 64]).expect("a secret");
        let sealed = vault.seal(&id, &secret).expect("sealed");
        for length in 0..sealed.len() {
            assert_eq!(vault.open(&id, &sealed[..length]), Err(VaultError::Open));
            let mut changed = sealed.clone();
            changed[length] ^= 1;
            assert_eq!(vault.open(&id, &changed), Err(VaultError::Open));
        }
    }

    #[test]
    fn a_vault_needs_a_key_of_its_length() {
        assert_eq!(Vault::new([]).expect_err("refused"), VaultError::NoKey);
        assert_eq!(Vault::new([("k1", [1; 31].as_slice())]).expect_err("refused"), VaultError::BadKey);
        assert_eq!(Vault::new([("", [1; 32].as_slice())]).expect_err("refused"), VaultError::BadKey);
    }
}
