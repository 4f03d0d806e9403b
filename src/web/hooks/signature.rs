//! Whether a webhook comes from who knows its secret. Pure. It must never take longer because more of it was right, nor believe a header that is
//! there twice.

use crate::config::Forge;
use actix_web::http::header::HeaderMap;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

/// Whether these headers prove that the body is of who knows the secret.
pub fn is_signed(forge: Forge, headers: &HeaderMap, body: &[u8], secret: &str) -> bool {
    match forge {
        Forge::GitHub => is_hmac(one(headers, "x-hub-signature-256"), Some("sha256="), body, secret),
        Forge::Gitea => {
            // Forgejo sends both.
            let sent = one(headers, "x-gitea-signature").or_else(|| one(headers, "x-forgejo-signature"));
            is_hmac(sent, None, body, secret)
        }
        Forge::Bitbucket => is_hmac(one(headers, "x-hub-signature"), Some("sha256="), body, secret),
        // GitLab signs nothing: it sends the secret.
        Forge::GitLab => one(headers, "x-gitlab-token")
            .is_some_and(|sent| verify_slices_are_equal(sent.as_bytes(), secret.as_bytes()).is_ok()),
    }
}

fn is_hmac(sent: Option<&str>, before: Option<&str>, body: &[u8], secret: &str) -> bool {
    let digits = sent.and_then(|sent| sent.strip_prefix(before.unwrap_or_default()));
    let Some(tag) = digits.and_then(bytes) else { return false };
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body, &tag).is_ok()
}

/// The bytes of 64 hexadecimal digits.
pub fn bytes(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// The value of a header that is there once.
pub fn one<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut all = headers.get_all(name);
    match (all.next(), all.next()) {
        (Some(value), None) => value.to_str().ok(),
        (_, Some(_)) | (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    /// The example of GitHub's own documentation.
    const SIGNED: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[test]
    fn the_example_of_github_is_taken_and_whatever_differs_is_not() {
        let (secret, body) = ("It's a Secret to Everybody", b"Hello, World!");
        let tried = |lines: &[(&'static str, &str)], body: &[u8], secret: &str| {
            is_signed(Forge::GitHub, &headers(lines), body, secret)
        };
        let name = "x-hub-signature-256";
        assert!(tried(&[(name, SIGNED)], body, secret));
        assert!(tried(&[(name, &format!("sha256={}", SIGNED[7..].to_uppercase()))], body, secret));
        for (lines, body, secret) in [
            (&[][..], &body[..], secret),
            (&[(name, SIGNED), (name, SIGNED)], body, secret),
            (&[(name, &SIGNED[7..])], body, secret),
            (&[(name, &SIGNED[..70])], body, secret),
            (&[(name, "sha256=")], body, secret),
            (&[(name, &SIGNED.replace('7', "é"))], body, secret),
            (&[("x-hub-signature", SIGNED)], body, secret),
            (&[(name, SIGNED)], b"Hello, World?", secret),
            (&[(name, SIGNED)], b"", secret),
            (&[(name, SIGNED)], body, "It's a secret to everybody"),
            (&[(name, SIGNED)], body, ""),
        ] {
            assert!(!tried(lines, body, secret), "{lines:?}");
        }
    }

    #[test]
    fn each_forge_proves_itself_in_its_own_way_alone() {
        let (body, secret) = (b"{}", "s3cret");
        let digits: String = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body)
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let with = format!("sha256={digits}");
        let ways = [
            (Forge::GitHub, "x-hub-signature-256", with.as_str()),
            (Forge::GitLab, "x-gitlab-token", secret),
            (Forge::Gitea, "x-gitea-signature", &digits),
            (Forge::Gitea, "x-forgejo-signature", &digits),
            (Forge::Bitbucket, "x-hub-signature", &with),
        ];
        for (of, name, value) in ways {
            for forge in Forge::ALL {
                assert_eq!(
                    is_signed(forge, &headers(&[(name, value)]), body, secret),
                    of == forge,
                    "{name} to {forge:?}"
                );
            }
        }
        for wrong in ["", "s3cre", "s3cret ", "S3cret"] {
            assert!(!is_signed(Forge::GitLab, &headers(&[("x-gitlab-token", wrong)]), body, secret), "{wrong}");
        }
    }
}
