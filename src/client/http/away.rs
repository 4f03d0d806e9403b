//! A server on another machine, as the command line reaches it: with a token, by certificates that vouch for it. It must never send the token
//! where others could read it (plain http to another machine), to a server that no certificate vouches for, nor show it. Called by `http`.

use super::wire::Wire;
use crate::client::site::Site;
use crate::tls;
use rustls::ClientConfig;
use std::fmt;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// How long a name, a connection and its certificate may take together.
const REACH_LIMIT: Duration = Duration::from_secs(20);

/// A server on another machine, and the right to speak to it.
#[derive(Clone)]
pub struct Away {
    site: Site,
    token: String,
    trust: Option<Arc<ClientConfig>>,
    plain: PlainHttp,
}

/// Where a token may go without encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainHttp {
    /// To this machine alone.
    ToThisMachine,
    /// Anywhere: someone has said so.
    Anywhere,
}

impl fmt::Debug for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with ***", self.site.origin())
    }
}

impl Away {
    /// A server with the token of whoever speaks; `trust` says whose certificates count, none of them when it is none.
    pub fn new(site: Site, token: String, trust: Option<Arc<ClientConfig>>, plain: PlainHttp) -> Self {
        Self { site, token, trust, plain }
    }

    /// Where it is.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// What a request shows; for the one header.
    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// Connects to it.
    ///
    /// # Errors
    /// When it is not to be reached, is not the one it should be, or the way to it is open to others.
    pub(super) async fn connect(&self) -> Result<Wire> {
        let late = |_| Error::new(ErrorKind::TimedOut, format!("no connection within {} s", REACH_LIMIT.as_secs()));
        timeout(REACH_LIMIT, self.reach()).await.map_err(late)?
    }

    async fn reach(&self) -> Result<Wire> {
        let host = self.site.host();
        let addresses: Vec<SocketAddr> = lookup_host((host.as_str(), self.site.port())).await?.collect();
        if self.site.is_encrypted() {
            let stream = TcpStream::connect(&addresses[..]).await?;
            let nobody = || Error::other("this machine has no certificates to know servers by; hint: --ca-file FILE");
            let trust = self.trust.clone().ok_or_else(nobody)?;
            return Ok(Wire::new(tls::connect(trust, &host, stream).await.map_err(untrusted)?));
        }
        // The addresses that were looked at are those that are connected to.
        let here = addresses.iter().all(|at| at.ip().is_loopback());
        if self.plain == PlainHttp::ToThisMachine && !here {
            let why = format!(
                "over http:// everyone on the way to {host} could read the token; hint: https://, or --plain-http where \
                 the network is yours alone"
            );
            return Err(Error::new(ErrorKind::PermissionDenied, why));
        }
        Ok(Wire::new(TcpStream::connect(&addresses[..]).await?))
    }
}

/// What to do where a certificate is not trusted, beside what is wrong with it.
fn untrusted(error: Error) -> Error {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(_)) => Error::new(
            error.kind(),
            format!(
                "{error}; hint: --ca-file FILE, with the certificate of the authority that signed that of the server"
            ),
        ),
        Some(_) | None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_goes_to_another_machine_encrypted_only_and_is_never_printed() {
        // An address that leads nowhere: it is judged before anything is sent.
        let site = Site::parse("http://192.0.2.1:9").unwrap();
        let away = Away::new(site, "pb_secret".to_owned(), None, PlainHttp::ToThisMachine);
        let refused = away.connect().await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
        assert!(!format!("{away:?} {refused:?} {refused}").contains("secret"));
        let encrypted = Site::parse("https://127.0.0.1:9").unwrap();
        let unvouched = Away::new(encrypted, String::new(), None, PlainHttp::Anywhere).connect().await;
        assert!(unvouched.is_err(), "without certificates nobody is believed");
    }
}
