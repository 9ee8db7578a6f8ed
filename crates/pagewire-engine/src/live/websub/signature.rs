//! The signature of a delivery (section 7.1): `X-Hub-Signature: method=hex`, an HMAC over the body.

use aws_lc_rs::hmac;

/// Whether a signature is the one that the secret makes over a body.
pub(super) fn fits(signature: &str, secret: &[u8], body: &[u8]) -> bool {
    let Some((method, hex)) = signature.trim().split_once('=') else { return false };
    let algorithm = match method.to_ascii_lowercase().as_str() {
        "sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => hmac::HMAC_SHA256,
        "sha384" => hmac::HMAC_SHA384,
        "sha512" => hmac::HMAC_SHA512,
        _ => return false,
    };
    let Some(tag) = bytes_of(hex) else { return false };
    hmac::verify(&hmac::Key::new(algorithm, secret), body, &tag).is_ok()
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let (pairs, []) = hex.as_bytes().as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    pairs.iter().map(|[high, low]| Some(digit(*high)? * 16 + digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2202 and RFC 4231, test case 2.
    const KEY: &[u8] = b"Jefe";
    const BODY: &[u8] = b"what do ya want for nothing?";

    #[test]
    fn signatures_of_each_method_are_known() {
        for signature in [
            "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            "SHA256=5BDCC146BF60754E6A042426089575C75A003F089D2739839DEC58B964EC3843",
            "sha384=af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
            "sha512=164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ] {
            assert!(fits(signature, KEY, BODY), "{signature}");
            assert!(!fits(signature, b"Jefa", BODY) && !fits(signature, KEY, b"what"), "{signature}");
        }
    }

    #[test]
    fn what_is_no_signature_fits_nothing() {
        for signature in
            ["", "sha256", "sha256=", "sha256=5b", "sha256=é", "md5=750c783e6ab0b503eaa86e310a5db738", "=x"]
        {
            assert!(!fits(signature, KEY, BODY), "{signature}");
        }
    }
}
