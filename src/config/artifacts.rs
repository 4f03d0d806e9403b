//! From where builds may be fetched that a program names by an address: `[artifacts]` in the server's file. Nowhere, without it. It must never
//! allow an address of the inside that nobody has written down: a name can lead anywhere.

use super::broken_rules::Rules;
use super::key::{Key, Kind, key};
use super::proxies::Proxies;
use crate::diagnostic::shown;
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The keys of the table.
pub(super) const KEYS: &[Key] = &[key("hosts", Kind::Texts), key("networks", Kind::Texts)];

/// `[artifacts]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifacts {
    /// Servers by name, with a port where it is not that of https.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Addresses of the inside at which they may be.
    #[serde(default)]
    pub networks: Proxies,
}

impl Artifacts {
    /// Whether builds may be fetched from this server; `port` only where it is not the usual one.
    pub fn allow(&self, host: &str, port: Option<u16>) -> bool {
        let named = match port {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        self.hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(&named))
    }

    /// Whether it may be at this address: one that everybody can reach, or one of the networks.
    pub fn allow_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.networks.has(address)
    }
}

/// Whether an address is one of the internet at large: none of this machine, of a private network, or of a special use (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => {
            let [a, b, ..] = address.segments();
            // Global unicast alone, and of that none that carries an address of IPv4 (Teredo, 6to4), is for examples, or for ORCHID.
            let carries = a == 0x2002 || (a == 0x2001 && b < 0x0200) || (a == 0x2001 && b == 0x0db8);
            (0x2000..0x4000).contains(&a) && !carries && address != Ipv6Addr::UNSPECIFIED
        }
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = a == 0
        || a >= 224
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        // Shared by carriers; for protocols; a relay of 6to4; for benchmarks.
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !special
}

impl Rules<'_> {
    pub(super) fn artifacts(&mut self, artifacts: &Artifacts) {
        for host in &artifacts.hosts {
            let url = url::Url::parse(&format!("https://{host}"));
            let good = url.is_ok_and(|url| {
                let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
                bare && url.username().is_empty() && url.host_str().is_some_and(|name| !name.is_empty())
            });
            if !good || host.contains(['/', '@', '*']) {
                let title = format!("`{}` is not the name of a server", shown(host));
                let cure =
                    "write its name, with a port where it is not 443: \"ci.example.com\", \"ci.example.com:8443\"";
                self.refuse(&["artifacts", "hosts"], title, cure);
            }
        }
        for (text, network) in artifacts.networks.written() {
            if let Err(why) = network {
                let title = format!("`{}` is not a network", shown(text));
                self.refuse(
                    &["artifacts", "networks"],
                    title,
                    format!("write the networks of your own servers: {why}"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_of_the_inside_is_public_however_it_is_written() {
        for inside in [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.7",
            "240.0.0.1",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001:0:a00:1::",
            "2001:db8::1",
            "100::1",
        ] {
            let none = Artifacts::default();
            assert!(!none.allow_address(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450::1", "2001:4860::8888"] {
            assert!(Artifacts::default().allow_address(outside.parse().unwrap()), "{outside}");
        }
    }
}
