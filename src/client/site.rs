//! The address of a server on another machine: `https://push.example.com`. Pure. It must never take one that could be read in two ways, and
//! never show a password that stands in one.

use crate::address;
use url::{Host, Url};

/// Where a server on another machine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    url: Url,
}

/// A text that is no address of a server; it shows nothing of it that may be a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{shown} is not the address of a server: {why}; hint: https://push.example.com, without anything behind it")]
pub struct BadSite {
    shown: String,
    why: &'static str,
}

impl Site {
    /// Reads an address: scheme, host, and a port where it is another than the usual one.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(text: &str) -> Result<Self, BadSite> {
        let bad = |why| BadSite { shown: address::shown(text).into_owned(), why };
        if !text.starts_with("https://") && !text.starts_with("http://") {
            return Err(bad("it does not begin with https://"));
        }
        let url = Url::parse(text).map_err(|_| bad("it cannot be read"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("it has a name or a password in it"));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(bad("it has a path"));
        }
        match url.host() {
            Some(_) => Ok(Self { url }),
            None => Err(bad("it has no host")),
        }
    }

    /// Where an answer leads to, when it leads to a server at all.
    pub fn of_redirect(location: &str) -> Option<Self> {
        let mut url = Url::parse(location).ok()?;
        url.set_path("/");
        url.set_query(None);
        url.set_fragment(None);
        Self::parse(url.as_str()).ok()
    }

    /// The address, without a slash at its end.
    pub fn origin(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// Host and port as a request names them.
    pub fn authority(&self) -> &str {
        self.url.authority()
    }

    /// The host as names are resolved and certificates name it.
    pub fn host(&self) -> String {
        match self.url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => String::new(),
        }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(443)
    }

    /// Whether nobody on the way can read what is said.
    pub fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_scheme_host_and_port_and_nothing_else() {
        for (text, origin, authority, host, port) in [
            ("https://push.example.com", "https://push.example.com", "push.example.com", "push.example.com", 443),
            ("https://Push.Example.com:443/", "https://push.example.com", "push.example.com", "push.example.com", 443),
            ("http://127.0.0.1:8090", "http://127.0.0.1:8090", "127.0.0.1:8090", "127.0.0.1", 8090),
            ("https://[::1]:8443/", "https://[::1]:8443", "[::1]:8443", "::1", 8443),
        ] {
            let site = Site::parse(text).unwrap();
            let said = (site.origin(), site.authority(), site.host(), site.port());
            assert_eq!(said, (origin, authority, host.to_owned(), port), "{text}");
        }
        for text in [
            "push.example.com",
            "ftp://push.example.com",
            "https://push.example.com/stacks",
            "https://push.example.com/?a=b",
            "https://mary:secret@push.example.com",
            "https://",
        ] {
            let said = Site::parse(text).unwrap_err().to_string();
            assert!(said.contains("hint: https://") && !said.contains("secret"), "{text}: {said}");
        }
        let led = Site::of_redirect("https://push.example.com/api/v1/stacks?x=1").unwrap();
        assert_eq!(led.origin(), "https://push.example.com");
        assert_eq!(Site::of_redirect("/sign-in"), None);
    }
}
