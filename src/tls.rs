//! TLS to other servers, with the certificates that this machine trusts, read once. It must never speak to a server whose certificate it
//! has not checked. Used by what fetches builds, by what asks a provider of accounts, and by the command line.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::sync::{Arc, OnceLock};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Begins TLS on a connection to the server of this name, by what this machine trusts.
///
/// # Errors
/// When the name is none, and when the server cannot show that it is its own.
pub async fn connect(trust: Arc<ClientConfig>, name: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let named = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(trust).connect(named, stream).await
}

/// What this machine trusts; none where it trusts nobody.
pub fn trust() -> Option<Arc<ClientConfig>> {
    static CONFIG: OnceLock<Option<Arc<ClientConfig>>> = OnceLock::new();
    let read = || {
        let mut roots = RootCertStore::empty();
        // One that cannot be read is one less.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        (!roots.is_empty()).then(|| trusting(roots)).flatten()
    };
    CONFIG.get_or_init(read).clone()
}

/// What these certificates vouch for, and nobody else: the text of a file with one or more, in PEM.
///
/// # Errors
/// When there is no certificate in it, or one that cannot be read.
pub fn trust_only(pem: &[u8]) -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate =
            certificate.map_err(|why| io::Error::other(format!("a certificate in it is damaged: {why}")))?;
        roots.add(certificate).map_err(|why| io::Error::other(format!("a certificate in it is damaged: {why}")))?;
    }
    let none = "it holds no certificate (-----BEGIN CERTIFICATE-----)";
    (!roots.is_empty()).then(|| trusting(roots)).flatten().ok_or_else(|| io::Error::other(none))
}

fn trusting(roots: RootCertStore) -> Option<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    Some(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}
