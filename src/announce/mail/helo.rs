//! The name that we call ourselves by to a mail server: this machine's whole name if it has one, else its address in brackets
//! (RFC 5321 4.1.4). It must never be a name that is not whole: many servers refuse those. Called for each connection.

use crate::reading;
use lettre::transport::smtp::extension::ClientId;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use tokio::net::UdpSocket;

/// How long it may take to find out by which address we would go to the server.
const LIMIT: Duration = Duration::from_secs(5);

/// `helo` of the configuration, which has checked it: `[192.0.2.7]`, `[IPv6:2001:db8::7]`, or a name.
pub(super) fn of_config(helo: &str) -> ClientId {
    let literal = helo.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = literal.and_then(|text| text.trim_start_matches("IPv6:").parse::<IpAddr>().ok());
    address.map_or_else(|| ClientId::Domain(helo.to_owned()), literal_of)
}

/// This machine's own, on the way to a server.
pub(super) async fn own_name(host: &str, port: u16) -> ClientId {
    let read = |path: &str| reading::text(path, reading::BY_HAND).unwrap_or_default();
    match whole_name(&read("/proc/sys/kernel/hostname"), &read("/etc/hosts")) {
        Some(name) => ClientId::Domain(name),
        None => {
            let found = tokio::time::timeout(LIMIT, own_address(host, port)).await;
            literal_of(found.ok().flatten().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)))
        }
    }
}

fn literal_of(address: IpAddr) -> ClientId {
    match address {
        IpAddr::V4(address) => ClientId::Ipv4(address),
        IpAddr::V6(address) => ClientId::Ipv6(address),
    }
}

/// The host name if it is whole; else the whole name that `/etc/hosts` has for it.
fn whole_name(hostname: &str, hosts: &str) -> Option<String> {
    let is_whole = |name: &str| {
        let good = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        name.contains('.')
            && name.split('.').all(good)
            && !name.starts_with("localhost")
            && name.parse::<IpAddr>().is_err()
    };
    let name = hostname.trim();
    if is_whole(name) {
        return Some(name.to_owned());
    }
    let lines = hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
    let mut named = lines.map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>());
    let names = named.find(|names| names.contains(&name) && names.iter().any(|name| is_whole(name)))?;
    names.into_iter().find(|name| is_whole(name)).map(str::to_owned)
}

/// The address by which we would go there; nothing is sent.
async fn own_address(host: &str, port: u16) -> Option<IpAddr> {
    let to = tokio::net::lookup_host((host, port)).await.ok()?.next()?;
    let any: IpAddr =
        if to.is_ipv6() { IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED) } else { Ipv4Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await.ok()?;
    socket.connect(to).await.ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_called_by_its_whole_name_or_not_by_name_at_all() {
        let hosts = "127.0.0.1 localhost\n127.0.1.1 push.example.com push # me\n::1 localhost.localdomain other\n";
        for (hostname, hosts, name) in [
            ("push.example.com\n", "", Some("push.example.com")),
            ("push\n", hosts, Some("push.example.com")),
            ("push\n", "127.0.1.1 push push.example.com\n", Some("push.example.com")),
            ("push\n", "127.0.1.1 push\n", None),
            ("other\n", hosts, None),
            ("localhost.localdomain\n", "", None),
            ("under_score.example\n", "", None),
            ("10.0.0.1", "", None),
            ("", hosts, None),
        ] {
            assert_eq!(whole_name(hostname, hosts).as_deref(), name, "{hostname:?}");
        }
    }

    #[test]
    fn the_configurations_word_is_a_name_or_an_address() {
        for helo in ["push.example.com", "[192.0.2.7]", "[IPv6:2001:db8::7]"] {
            assert_eq!(of_config(helo).to_string(), helo);
        }
    }
}
