//! The one provider of cryptography for all TLS of this process. It must be installed before the first TLS
//! connection: with none, or with two, rustls panics at first use.

/// Installs aws-lc-rs as the process's provider. May be called again: the first call counts.
pub fn install_crypto() {
    // An error only says that a provider is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
