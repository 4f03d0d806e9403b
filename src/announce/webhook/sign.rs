//! The headers of Standard Webhooks: what a repeat is told by, when it was sent, and that it is ours. Pure. It must never let the secret out.

use crate::time::At;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What a secret begins with that is written in base 64, as the standard has it.
const PREFIX: &str = "whsec_";

/// The headers; without a secret nothing is signed.
pub fn headers(secret: Option<&str>, key: &str, now: At, body: &str) -> Vec<(&'static str, String)> {
    let seconds = now.millis() / 1000;
    let mut headers = vec![("webhook-id", key.to_owned()), ("webhook-timestamp", seconds.to_string())];
    if let Some(secret) = secret {
        let tag = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, &bytes(secret)),
            format!("{key}.{seconds}.{body}").as_bytes(),
        );
        headers.push(("webhook-signature", format!("v1,{}", STANDARD.encode(tag))));
    }
    headers
}

/// The bytes that a secret stands for.
fn bytes(secret: &str) -> Vec<u8> {
    let decoded = secret.strip_prefix(PREFIX).and_then(|text| STANDARD.decode(text).ok());
    decoded.unwrap_or_else(|| secret.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_is_signed_as_it_says() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let now = At::from_millis(1_614_265_330_000);
        let headers = headers(Some(secret), "msg_p5jXN8AQM9LWM0D4loKWxJek", now, "{\"test\": 2432232314}");
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".to_owned();
        assert_eq!(headers[1..], [("webhook-timestamp", "1614265330".to_owned()), ("webhook-signature", signature)]);
        assert_eq!(super::headers(None, "k", now, "").len(), 2);
        assert_eq!(bytes("plain words"), b"plain words");
    }
}
