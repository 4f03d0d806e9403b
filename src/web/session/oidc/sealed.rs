//! What the provider gave for a session, and what a browser carries while it signs in: encrypted, so that neither a copy of the ledger nor
//! a browser can read or change it. The key follows from the client's secret, which is in no copy of the data directory; with
//! another secret, nothing of before can be read, and people sign in again. It must never open a text for another purpose than it was
//! sealed for.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;

/// A key of AES-256.
const KEY: usize = 32;

/// Seals and opens.
pub struct Sealer(RandomizedNonceKey);

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Sealer {
    /// The key of a client at a provider.
    ///
    /// # Errors
    /// When the library refuses to make one.
    pub fn new(secret: &str, issuer: &str, client_id: &str) -> Result<Self, Unspecified> {
        let info = [b"pushbutton sign-in".as_slice(), issuer.as_bytes(), &[0], client_id.as_bytes()];
        let mut key = [0; KEY];
        let material = Salt::new(HKDF_SHA256, b"pushbutton").extract(secret.as_bytes());
        material.expand(&info, HKDF_SHA256)?.fill(&mut key)?;
        Ok(Self(RandomizedNonceKey::new(&AES_256_GCM, &key)?))
    }

    /// Encrypts a text for one purpose.
    ///
    /// # Errors
    /// When the system has no random bits.
    pub fn seal(&self, purpose: &str, text: &str) -> Result<String, Unspecified> {
        let mut bytes = text.as_bytes().to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(purpose), &mut bytes)?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_ref().as_slice(), &bytes].concat()))
    }

    /// The text that was sealed for this purpose; none when it was not, or with another key.
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<String> {
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let text = self.0.open_in_place(nonce, Aad::from(purpose), sealed).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_read_with_the_same_secret_for_the_same_purpose_alone() {
        let sealer = |secret: &str| Sealer::new(secret, "https://a.example", "pushbutton").unwrap();
        let ours = sealer("one");
        let sealed = ours.seal("session aa", "refresh").unwrap();
        assert!(!sealed.contains("refresh"));
        assert_ne!(sealed, ours.seal("session aa", "refresh").unwrap(), "no two are alike");
        assert_eq!(sealer("one").open("session aa", &sealed).as_deref(), Some("refresh"));
        assert_eq!(ours.open("session ab", &sealed), None);
        assert_eq!(sealer("two").open("session aa", &sealed), None);
        let other = Sealer::new("one", "https://b.example", "pushbutton").unwrap();
        assert_eq!(other.open("session aa", &sealed), None);
        let mut changed = sealed.clone().into_bytes();
        changed[20] ^= 1;
        for bad in [String::from_utf8(changed).unwrap(), String::new(), "AAAA".to_owned(), "%".to_owned()] {
            assert_eq!(ours.open("session aa", &bad), None, "{bad}");
        }
    }
}
