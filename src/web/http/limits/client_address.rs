//! From which address a request comes: that of the connection, or, where a proxy stands there that is written down in
//! `trusted_proxies`, the one that it says. It must never believe anybody else, nor what stands left of the first address that is no
//! proxy of ours: whoever asks can write what they like there.

use crate::config::Proxies;
use crate::web::http::door;
use actix_web::HttpRequest;
use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Who comes by a Unix socket has no address.
const NOWHERE: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
/// Bits of an address of IPv6 that are one customer's: they have all addresses below it.
const CUSTOMER_BITS: u32 = 64;

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAddress {
    /// This address.
    Known(IpAddr),
    /// A proxy of ours, which does not say for whom, or says two things.
    BehindProxy(IpAddr),
}

impl ClientAddress {
    /// Where a request comes from.
    pub fn of(proxies: &Proxies, request: &HttpRequest) -> Self {
        if door::is_here(request) {
            return Self::said(proxies, request.peer_addr().map_or(NOWHERE, |peer| peer.ip()), request.headers());
        }
        let peer = request.peer_addr().map_or(NOWHERE, |peer| peer.ip().to_canonical());
        Self::behind(proxies, peer, request.headers())
    }

    fn behind(proxies: &Proxies, peer: IpAddr, headers: &HeaderMap) -> Self {
        match proxies.has(peer) {
            true => Self::said(proxies, peer, headers),
            false => Self::Known(peer),
        }
    }

    /// What a proxy that is believed says.
    fn said(proxies: &Proxies, peer: IpAddr, headers: &HeaderMap) -> Self {
        let said = |name: &HeaderName| -> Vec<&str> {
            let lines = headers.get_all(name).map(|line| line.to_str().unwrap_or("?"));
            lines.flat_map(|line| line.split(',')).map(str::trim).collect()
        };
        let plain = said(&X_FORWARDED_FOR);
        let plain = (!plain.is_empty()).then(|| first_stranger(proxies, plain.into_iter().map(node)));
        let forwarded = said(&FORWARDED);
        let forwarded = (!forwarded.is_empty())
            .then(|| first_stranger(proxies, forwarded.into_iter().map(|element| node(for_of(element)))));
        match (plain, forwarded) {
            (Some(one), Some(other)) if one != other => Self::BehindProxy(peer),
            (Some(Some(address)), _) | (None, Some(Some(address))) => Self::Known(address),
            (Some(None), _) | (None, Some(None) | None) => Self::BehindProxy(peer),
        }
    }

    /// By what it is counted: the address, or of IPv6 what one customer has.
    pub fn counted_as(self) -> String {
        let (Self::Known(address) | Self::BehindProxy(address)) = self;
        match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let mask = u128::MAX << (128 - CUSTOMER_BITS);
                format!("{}/{CUSTOMER_BITS}", Ipv6Addr::from_bits(address.to_bits() & mask))
            }
        }
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(address) => address.fmt(f),
            // No address, so that nobody bans the proxy.
            Self::BehindProxy(_) => f.write_str("unknown"),
        }
    }
}

/// From the right, where our own proxies wrote: the first that is none of them. None where something else stands there.
fn first_stranger<'a>(proxies: &Proxies, said: impl DoubleEndedIterator<Item = Option<IpAddr>> + 'a) -> Option<IpAddr> {
    let mut last = None;
    for address in said.rev() {
        let address = address?;
        last = Some(address);
        if !proxies.has(address) {
            break;
        }
    }
    last
}

/// The `for` of one element of `Forwarded`.
fn for_of(element: &str) -> &str {
    let named = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let value = named.filter(|(name, _)| name.eq_ignore_ascii_case("for")).map(|(_, value)| value).next();
    value.unwrap_or_default().trim_matches('"')
}

/// An address, with or without a port.
fn node(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn from(peer: &str, headers: &[(&str, &str)]) -> ClientAddress {
        let proxies: Proxies = toml::Value::from(vec!["127.0.0.1", "10.0.0.0/8", "::1"]).try_into().unwrap();
        let mut request = TestRequest::default().peer_addr(format!("{peer}:4711").parse().unwrap());
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        ClientAddress::of(&proxies, &request.to_http_request())
    }

    #[test]
    fn only_a_proxy_of_ours_is_believed_and_of_what_it_says_only_what_our_own_wrote() {
        let known = |text: &str| ClientAddress::Known(text.parse().unwrap());
        let xff = "X-Forwarded-For";
        for (peer, headers, expected) in [
            ("192.0.2.7", &[][..], known("192.0.2.7")),
            ("192.0.2.7", &[(xff, "198.51.100.1"), ("Forwarded", "for=198.51.100.1")], known("192.0.2.7")),
            ("127.0.0.1", &[(xff, "198.51.100.1")], known("198.51.100.1")),
            ("127.0.0.1", &[(xff, "9.9.9.9, 198.51.100.1, 10.1.1.1")], known("198.51.100.1")),
            ("127.0.0.1", &[(xff, "9.9.9.9"), (xff, "198.51.100.1")], known("198.51.100.1")),
            ("127.0.0.1", &[(xff, "198.51.100.1:5555")], known("198.51.100.1")),
            ("127.0.0.1", &[(xff, "10.1.1.1, 10.2.2.2")], known("10.1.1.1")),
            ("127.0.0.1", &[("Forwarded", "for=9.9.9.9, for=\"[2001:db8::7]:99\";proto=https")], known("2001:db8::7")),
            ("127.0.0.1", &[("Forwarded", "for=198.51.100.1"), (xff, "198.51.100.1")], known("198.51.100.1")),
            ("[::1]", &[(xff, "::ffff:198.51.100.1")], known("198.51.100.1")),
        ] {
            assert_eq!(from(peer, headers), expected, "{peer} {headers:?}");
        }
        for headers in [
            &[][..],
            &[(xff, "")],
            &[(xff, "198.51.100.1, unknown")],
            &[(xff, "198.51.100.1, 10.0.0.1 10.0.0.2")],
            // What the proxy passes on unseen must not win over what it wrote.
            &[(xff, "198.51.100.1"), ("Forwarded", "for=9.9.9.9")],
            &[("Forwarded", "for=_hidden")],
            &[("Forwarded", "by=198.51.100.1")],
        ] {
            let address = from("127.0.0.1", headers);
            assert_eq!(address, ClientAddress::BehindProxy("127.0.0.1".parse().unwrap()), "{headers:?}");
            assert_eq!(address.to_string(), "unknown");
        }
    }

    #[test]
    fn whoever_has_a_network_of_ipv6_is_counted_once() {
        let counted = |text: &str| ClientAddress::Known(text.parse().unwrap()).counted_as();
        assert_eq!(counted("2001:db8:1:2:3::4"), counted("2001:db8:1:2::ffff"));
        assert_ne!(counted("2001:db8:1:2::1"), counted("2001:db8:1:3::1"));
        assert_eq!(counted("192.0.2.7"), "192.0.2.7");
    }
}
