//! Signatures of Standard Webhooks: `v1,` and the base64 of HMAC-SHA256 over `{id}.{timestamp}.{body}`, one for each key
//! that is good, spaces between them. A receiver takes the delivery if any of them fits.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pagewire_types::{DeliveryId, WebhookSecret};

/// The value of `webhook-signature`. The id has no dot in it, so that what is signed reads one way only.
pub(super) fn signature(secrets: &[WebhookSecret], id: &DeliveryId, timestamp_s: i64, body: &[u8]) -> String {
    let signed_by = |secret: &WebhookSecret| {
        let mut signing = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.key()));
        signing.update(format!("{id}.{timestamp_s}.").as_bytes());
        signing.update(body);
        format!("v1,{}", STANDARD.encode(signing.sign()))
    };
    secrets.iter().map(signed_by).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made with the `standardwebhooks` package of PyPI: Webhook(SECRET).sign(ID, datetime.fromtimestamp(1614265330), BODY).
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &str = "{\"test\": 2432232314}";

    #[test]
    fn the_signature_is_the_one_that_the_official_library_makes() {
        let secret = WebhookSecret::parse(SECRET).expect("a secret");
        let id: DeliveryId = "dlv_00000000000000ff0123456789abcdef".parse().expect("an id");
        let made = signature(std::slice::from_ref(&secret), &id, 1_614_265_330, BODY.as_bytes());
        assert_eq!(made, "v1,FP9/FdOhJqSAX8Fm0hwgw9E0E1dsODiDle247iMbfdw=");
        let other = WebhookSecret::of_key(&[7; 24]).expect("a secret");
        let both = signature(&[other, secret], &id, 1_614_265_330, BODY.as_bytes());
        assert!(both.ends_with(&format!(" {made}")) && both.starts_with("v1,"));
    }
}
