//! What a source's callback ends in, and the secret that its hub signs with: both made of the source's life and a key of
//! the server's, so that neither is stored and neither can be guessed.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

/// Bytes of the tag of a token.
const TAG_BYTES: usize = 16;

/// The token of a source.
pub(super) fn of(key: &hmac::Key, life: &str) -> String {
    format!("{}.{}", BASE64.encode(life), BASE64.encode(tag(key, "callback", life)))
}

/// The source that a token is of, if it was made here.
pub(super) fn life(key: &hmac::Key, token: &str) -> Option<String> {
    let (life, found) = token.split_once('.')?;
    let life = String::from_utf8(BASE64.decode(life).ok()?).ok()?;
    let found = BASE64.decode(found).ok()?;
    let is_ours =
        aws_lc_rs::constant_time::verify_slices_are_equal(&found, &tag(key, "callback", &life)).is_ok();
    is_ours.then_some(life)
}

/// The secret of a source's subscription.
pub(super) fn secret(key: &hmac::Key, life: &str) -> String {
    BASE64.encode(hmac::sign(key, format!("websub secret {life}").as_bytes()))
}

fn tag(key: &hmac::Key, purpose: &str, life: &str) -> [u8; TAG_BYTES] {
    let mut tag = [0; TAG_BYTES];
    tag.copy_from_slice(
        &hmac::sign(key, format!("websub {purpose} {life}").as_bytes()).as_ref()[..TAG_BYTES],
    );
    tag
}
