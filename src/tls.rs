//! TLS to other servers, with the certificates that this machine trusts, read once. It must never speak to a server whose certificate it
//! has not checked. Used by what fetches builds, and by what asks a provider of accounts.

use rustls::pki_types::ServerName;
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
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
        (!roots.is_empty()).then(|| Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
    };
    CONFIG.get_or_init(read).clone()
}
