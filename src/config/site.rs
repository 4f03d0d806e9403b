//! The site's own address, `url`: what people type and what a browser then says. It must never let an address through that
//! a browser would say in another way: every request would be refused. Pure; called by `config`.

use crate::diagnostic::shown;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use url::Host;

/// `url`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    secure: bool,
    host: String,
    port: u16,
}

/// Why it is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub title: String,
    pub cure: String,
}

fn fault<T>(title: impl Into<String>, cure: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { title: title.into(), cure: cure.into() })
}

impl Site {
    /// Takes `url` apart.
    pub fn parse(url: &str) -> Result<Self, Fault> {
        let lower = url.to_ascii_lowercase();
        let scheme = ["https://", "http://"].into_iter().find(|scheme| lower.starts_with(scheme));
        let Some(scheme) = scheme.filter(|_| !url.chars().any(|c| c.is_control() || c.is_whitespace())) else {
            let title = format!("`{}` is not an address of a site", shown(url));
            return fault(title, "it must begin with http:// or https://, as people see it in their browser");
        };
        let secure = scheme == "https://";
        let rest = &url[scheme.len()..];
        let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
        let (authority, behind) = rest.split_at(end);
        let bare = format!("{scheme}{authority}");
        if let Some((_, host)) = authority.rsplit_once('@') {
            let title = "`url` holds a name or a password before its @";
            return fault(title, format!("people sign in on the page: write {scheme}{host}"));
        }
        let (host, port) = split_port(authority);
        refuse_host(host)?;
        let port = match port {
            None if secure => 443,
            None => 80,
            Some(text) => match text.parse::<u16>() {
                Ok(port) if port > 0 => port,
                _ => return fault(format!("`{}` is not a port", shown(text)), "a port is a number from 1 to 65535"),
            },
        };
        match behind {
            "" => {}
            "/" => return fault(format!("`{}` ends with /", shown(url)), format!("write {bare}")),
            _ if behind.starts_with(['?', '#']) => {
                let title = format!(
                    "`url` is the address of the site, and `{}` is part of the address of a page",
                    shown(behind)
                );
                return fault(title, format!("write {bare}"));
            }
            _ => {
                let title = format!("a path in `url` is not supported: `{}`", shown(behind));
                let cure = format!(
                    "Pushbutton's pages begin at /, so it needs its own host name, such as https://push.example.com, \
                     or its own port: {scheme}{host}:8443"
                );
                return fault(title, cure);
            }
        }
        if url[..scheme.len()] != *scheme {
            return fault(format!("`{}` begins with a scheme in capitals", shown(url)), format!("write {bare}"));
        }
        Ok(Self { secure, host: host.to_ascii_lowercase(), port })
    }

    /// Where to listen when the file does not say it: at the very address, when that is this machine's own and nobody
    /// speaks TLS before us.
    pub fn listen(&self) -> Option<SocketAddr> {
        let name = self.host.trim_start_matches('[').trim_end_matches(']');
        let ip = match name {
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            _ => name.parse().ok()?,
        };
        (ip.is_loopback() && !self.secure).then(|| SocketAddr::new(ip, self.port))
    }
}

/// Host and port; an IPv6 address holds colons itself, so only what follows its bracket is a port.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') && (!host.contains(':') || host.ends_with(']')) => {
            (host, Some(port))
        }
        _ => (authority, None),
    }
}

/// Refuses what is no host, and what a browser would write in another way than it stands there.
fn refuse_host(host: &str) -> Result<(), Fault> {
    let shown_host = shown(host);
    if host.is_empty() {
        return fault("`url` names no host", "write the name that people type: https://push.example.com");
    }
    if let Some(inside) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return match inside.parse::<Ipv6Addr>() {
            Ok(address) if address.is_unspecified() => nowhere(host),
            Ok(address) if address.to_string() == inside.to_ascii_lowercase() => Ok(()),
            Ok(address) => {
                fault(format!("a browser writes `{shown_host}` in another way"), format!("write [{address}]"))
            }
            Err(_) => {
                fault(format!("`{shown_host}` is not an IPv6 address"), "write it as in http://[2001:db8::1]:8090")
            }
        };
    }
    if host.parse::<Ipv6Addr>().is_ok() {
        let cure = "write it in brackets, and the port after them: http://[::1]:8090";
        return fault(format!("`{shown_host}` is an IPv6 address without brackets"), cure);
    }
    if !host.is_ascii() {
        let cure =
            "write the name as browsers send it, in ASCII: they show it in its xn--… form in their network tools";
        return fault(format!("`{shown_host}` has letters that browsers do not send"), cure);
    }
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if let Some(bad) = host.chars().find(|c| !good(*c)) {
        let title = format!("`{shown_host}` is not a host's name: it holds `{}`", shown(&bad.to_string()));
        return fault(title, "a name has letters, digits, - and dots: https://push.example.com");
    }
    if host.ends_with('.') {
        return fault(format!("`{shown_host}` ends with a dot"), format!("write {}", host.trim_end_matches('.')));
    }
    if host.len() > 253 || host.split('.').any(|label| label.is_empty() || label.len() > 63) {
        let title = format!("`{shown_host}` is not a host's name");
        return fault(title, "between its dots are 1 to 63 letters, and at most 253 in all");
    }
    match Host::parse(host) {
        Ok(Host::Domain(_) | Host::Ipv6(_)) => Ok(()),
        Ok(Host::Ipv4(address)) if address.to_string() != host => {
            let title = format!("`{shown_host}` is not an IPv4 address, and a browser takes it for one");
            fault(title, format!("write the address with its four parts, {address}, or a name"))
        }
        Ok(Host::Ipv4(address)) if address.is_unspecified() => nowhere(host),
        Ok(Host::Ipv4(_)) => Ok(()),
        Err(error) => {
            let title = format!("`{shown_host}` is no host to a browser: {error}");
            fault(title, "write the name that people type: https://push.example.com")
        }
    }
}

fn nowhere(host: &str) -> Result<(), Fault> {
    let cure = "that is where to listen; write what people type: the machine's name, or http://127.0.0.1:8090";
    fault(format!("nobody can type `{}`", shown(host)), cure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_site_is_what_a_browser_will_say() {
        for url in [
            "https://push.example.com",
            "https://Push.Example.com:443",
            "http://push",
            "http://127.0.0.1:8090",
            "http://[::1]:8090",
            "https://[2001:db8::1]",
            "https://xn--bcher-kva.example",
            "https://my_host.example.com:8443",
        ] {
            assert!(Site::parse(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn what_is_no_address_of_a_site_is_refused_with_what_to_write() {
        let told = |url: &str| {
            let fault = Site::parse(url).expect_err(url);
            format!("{}: {}\n", fault.title, fault.cure)
        };
        let all: String = [
            "https://push.example.com/deploy",
            "https://push.example.com:8443/deploy/",
            "https://push.example.com/",
            "https://push.example.com?x=1",
            "https://push.example.com#top",
            "https://mary:secret@push.example.com",
            "push.example.com",
            "ftp://push.example.com",
            "https://",
            "https:// push",
            "HTTPS://push.example.com",
            "https://push.example.com:",
            "https://push.example.com:0",
            "https://push.example.com:99999",
            "https://bücher.example",
            "https://push.example.com.",
            "https://push..com",
            "https://push,example.com",
            "http://127.1:8090",
            "http://0x7f000001:8090",
            "http://300.1.2.3:8090",
            "https://xn--a-ecp.example",
            "http://0.0.0.0:8090",
            "http://[::]:8090",
            "http://[0:0::1]:8090",
            "http://::1:8090",
            "http://::1",
            "http://[::1",
        ]
        .into_iter()
        .map(told)
        .collect();
        assert!(!all.contains("secret"), "{all}");
        insta::assert_snapshot!(all, @r#"
        a path in `url` is not supported: `/deploy`: Pushbutton's pages begin at /, so it needs its own host name, such as https://push.example.com, or its own port: https://push.example.com:8443
        a path in `url` is not supported: `/deploy/`: Pushbutton's pages begin at /, so it needs its own host name, such as https://push.example.com, or its own port: https://push.example.com:8443
        `https://push.example.com/` ends with /: write https://push.example.com
        `url` is the address of the site, and `?x=1` is part of the address of a page: write https://push.example.com
        `url` is the address of the site, and `#top` is part of the address of a page: write https://push.example.com
        `url` holds a name or a password before its @: people sign in on the page: write https://push.example.com
        `push.example.com` is not an address of a site: it must begin with http:// or https://, as people see it in their browser
        `ftp://push.example.com` is not an address of a site: it must begin with http:// or https://, as people see it in their browser
        `url` names no host: write the name that people type: https://push.example.com
        `https:// push` is not an address of a site: it must begin with http:// or https://, as people see it in their browser
        `HTTPS://push.example.com` begins with a scheme in capitals: write https://push.example.com
        `` is not a port: a port is a number from 1 to 65535
        `0` is not a port: a port is a number from 1 to 65535
        `99999` is not a port: a port is a number from 1 to 65535
        `bücher.example` has letters that browsers do not send: write the name as browsers send it, in ASCII: they show it in its xn--… form in their network tools
        `push.example.com.` ends with a dot: write push.example.com
        `push..com` is not a host's name: between its dots are 1 to 63 letters, and at most 253 in all
        `push,example.com` is not a host's name: it holds `,`: a name has letters, digits, - and dots: https://push.example.com
        `127.1` is not an IPv4 address, and a browser takes it for one: write the address with its four parts, 127.0.0.1, or a name
        `0x7f000001` is not an IPv4 address, and a browser takes it for one: write the address with its four parts, 127.0.0.1, or a name
        `300.1.2.3` is no host to a browser: invalid IPv4 address: write the name that people type: https://push.example.com
        `xn--a-ecp.example` is no host to a browser: invalid international domain name: write the name that people type: https://push.example.com
        nobody can type `0.0.0.0`: that is where to listen; write what people type: the machine's name, or http://127.0.0.1:8090
        nobody can type `[::]`: that is where to listen; write what people type: the machine's name, or http://127.0.0.1:8090
        a browser writes `[0:0::1]` in another way: write [::1]
        `::1:8090` is an IPv6 address without brackets: write it in brackets, and the port after them: http://[::1]:8090
        `::1` is an IPv6 address without brackets: write it in brackets, and the port after them: http://[::1]:8090
        `[::1` is not a host's name: it holds `[`: a name has letters, digits, - and dots: https://push.example.com
        "#);
    }

    #[test]
    fn where_to_listen_follows_from_an_address_of_this_machine() {
        for (url, listen) in [
            ("http://127.0.0.1:9000", Some("127.0.0.1:9000")),
            ("http://127.1.2.3:9000", Some("127.1.2.3:9000")),
            ("http://localhost:9000", Some("127.0.0.1:9000")),
            ("http://LOCALHOST", Some("127.0.0.1:80")),
            ("http://[::1]:9000", Some("[::1]:9000")),
            ("https://127.0.0.1:9000", None),
            ("https://localhost", None),
            ("http://192.0.2.1:9000", None),
            ("https://push.example.com", None),
        ] {
            let listen = listen.map(|text| text.parse::<SocketAddr>().unwrap());
            assert_eq!(Site::parse(url).unwrap().listen(), listen, "{url}");
        }
    }
}
