//! One host as a stack file names it: `[user@]name[:port]`, and the jump host that leads to it: `web1 via bastion`. It must
//! never hold anything but plain names and addresses, so that they are safe as words of ssh's argument list and in a page.

use crate::stack::StackName;
use crate::stack::name::BadName;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// A host to push to. Written as `[user@]name[:port]`, what ssh reads as a destination, with an IPv6 address in brackets where a
/// port follows; ` via [user@]name[:port]` behind it names the jump host. The same machine by another way is another host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host {
    user: Option<String>,
    /// The name or address as ssh takes it: an IPv6 address without brackets.
    address: String,
    /// What it is called: see [`Host::name`].
    name: String,
    port: Option<u16>,
    /// Never one with a jump host of its own.
    jump: Option<Box<Host>>,
}

/// ssh's own port: a host that names it is called as one that names none.
const USUAL_PORT: u16 = 22;

impl Host {
    /// What pages, logs, journals and history call it: its name or address, with the port where the stack file says another than
    /// 22. Two machines behind one address have two names.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name or address alone: what ssh is given, and what `{host}` is.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The address where a path or port follows behind a colon: an IPv6 address in brackets.
    pub fn bracketed(&self) -> String {
        bracketed(&self.address)
    }

    /// The name as a plain word for a file on the host.
    fn lock_name(&self) -> String {
        self.name.replace(['[', ']'], "").replace('%', "-")
    }

    /// The name of a stack's lock on it, `web@web041`.
    pub fn lock_of(&self, stack: &StackName) -> String {
        format!("{stack}@{}", self.lock_name())
    }

    /// The user to sign in as, when the stack file says one.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The port, when the stack file says one.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The jump host (bastion) that leads to it, when the stack file names one.
    pub fn jump(&self) -> Option<&Host> {
        self.jump.as_deref()
    }

    /// Where it is, without the way to it: `[user@]name[:port]`.
    pub fn place(&self) -> String {
        Place(self).to_string()
    }

    /// The place as `ProxyJump` wants it: ssh makes a shell command of it, which takes one backslash away, and `%` begins a token there.
    pub fn jump_word(&self) -> String {
        let user = self.user.as_ref().map(|user| format!("{}@", user.replace('\\', "\\\\"))).unwrap_or_default();
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{user}{}{port}", self.bracketed().replace('%', "%%"))
    }

    /// The same host by way of `jump`, unless it names its own way already, or is that very machine.
    pub fn or_via(mut self, jump: Option<&Host>) -> Self {
        if self.jump.is_none() {
            self.jump = jump.filter(|jump| jump.address != self.address).cloned().map(Box::new);
        }
        self
    }
}

const RULE: &str = "it must be [user@]name[:port], the name of letters, digits, dots, hyphens and _, or an address, an IPv6 one in \
                    brackets before a port: [2001:db8::1]:2222; a jump host comes after it: web1 via bastion.example.com";

/// What stands between a host and its jump host.
const VIA: &str = " via ";

/// A host without its way.
struct Place<'a>(&'a Host);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.0.user {
            write!(f, "{user}@")?;
        }
        match self.0.port {
            Some(port) => write!(f, "{}:{port}", self.0.bracketed()),
            None => f.write_str(&self.0.address),
        }
    }
}

fn bracketed(address: &str) -> String {
    if address.contains(':') { format!("[{address}]") } else { address.to_owned() }
}

/// Cuts `name:port`; an IPv6 address has its port behind brackets only. None when it is neither.
fn cut(text: &str) -> Option<(&str, Option<u16>)> {
    let port = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let port = match rest.strip_prefix(':') {
            Some(digits) => Some(port(digits)?),
            None => rest.is_empty().then_some(None)?,
        };
        return is_ipv6(address).then_some((address, port));
    }
    if is_ipv6(text) {
        return Some((text, None));
    }
    match text.rsplit_once(':') {
        Some((name, digits)) => is_name(name).then_some((name, Some(port(digits)?))),
        None => is_name(text).then_some((text, None)),
    }
}

/// Letters, digits, dots, hyphens and `_`, as ssh takes them; what DNS forbids may stand in /etc/hosts or in ssh's configuration.
fn is_name(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        && !text.starts_with(['.', '-'])
}

/// An IPv6 address, also with the interface that one of the link itself needs: `fe80::1%eth0`.
fn is_ipv6(text: &str) -> bool {
    let (address, zone) = text.split_once('%').unwrap_or((text, "lo"));
    let zone_ok =
        (1..=15).contains(&zone.len()) && zone.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    zone_ok && address.parse::<Ipv6Addr>().is_ok()
}

/// A user as directories have them too: `DOM\user`, `user@example.com`.
fn is_user(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-+@\\".contains(&b))
        && !text.ends_with(['\\', '@'])
}

impl FromStr for Host {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let refuse = || BadName { what: "host", value: text.chars().take(80).collect(), rule: RULE };
        let (place, jump) = match text.split_once(VIA) {
            Some((place, jump)) => (place.trim_end(), Some(jump.trim_start().parse::<Self>().map_err(|_| refuse())?)),
            None => (text, None),
        };
        let (user, rest) = match place.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, place),
        };
        let (address, port) = cut(rest).ok_or_else(refuse)?;
        let jump_ok = jump.as_ref().is_none_or(|jump| jump.jump.is_none() && jump.address != address);
        if !user.is_none_or(is_user) || !jump_ok || port == Some(0) {
            return Err(refuse());
        }
        let name = match port.filter(|port| *port != USUAL_PORT) {
            Some(port) => format!("{}:{port}", bracketed(address)),
            None => address.to_owned(),
        };
        let (user, jump) = (user.map(str::to_owned), jump.map(Box::new));
        Ok(Self { user, address: address.to_owned(), name, port, jump })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Place(self).fmt(f)?;
        match &self.jump {
            Some(jump) => write!(f, "{VIA}{}", Place(jump)),
            None => Ok(()),
        }
    }
}

impl TryFrom<String> for Host {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<Host> for String {
    fn from(host: Host) -> String {
        host.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_comes_back_from_its_text_with_the_way_to_it() {
        for text in ["web1", "deploy@web1:2222", "web1 via bastion", "a@web1:1 via ops@bastion.example.com:22"] {
            let host: Host = text.parse().unwrap();
            assert_eq!(host.to_string(), text);
            assert_eq!(serde_json::to_string(&host).unwrap(), format!("{text:?}"));
            assert_eq!(host.place(), text.split(VIA).next().unwrap());
        }
        for text in
            ["2001:db8::1", "[2001:db8::1]:2222", "u@fe80::1%eth0", "my_host", "DOM\\user@web1", "u@ex.com@[::1]:22"]
        {
            assert_eq!(text.parse::<Host>().unwrap().to_string(), text);
        }
        assert_eq!("[::1]".parse::<Host>().unwrap().to_string(), "::1", "without a port the brackets say nothing");
        for text in [
            "[web1]:22",
            "[::1]x",
            "[::1",
            "::1]",
            "1:2:3",
            "g::h",
            "u\\@h",
            "-u@h",
            "_h:x",
            "h:+1",
            "::1%",
            "::1%a b",
            ".h",
        ] {
            assert!(text.parse::<Host>().is_err(), "{text}");
        }
        for text in ["web1 via ", " via b", "web1 via b via c", "web1 via -oProxyCommand=x", "web1 via web1", "a b"] {
            assert!(text.parse::<Host>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_host_has_one_name_for_people_and_the_words_that_each_program_needs() {
        for (text, name, address, bracketed, lock, jump) in [
            ("u@web1", "web1", "web1", "web1", "web1", "u@web1"),
            ("web1:22", "web1", "web1", "web1", "web1", "web1:22"),
            ("web1:2201", "web1:2201", "web1", "web1", "web1:2201", "web1:2201"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::1", "[2001:db8::1]", "2001:db8::1", "[2001:db8::1]"),
            ("[::1]:2201", "[::1]:2201", "::1", "[::1]", "::1:2201", "[::1]:2201"),
            ("fe80::1%eth0", "fe80::1%eth0", "fe80::1%eth0", "[fe80::1%eth0]", "fe80::1-eth0", "[fe80::1%%eth0]"),
            ("DOM\\u@web1", "web1", "web1", "web1", "web1", "DOM\\\\u@web1"),
        ] {
            let host: Host = text.parse().unwrap();
            assert_eq!((host.name(), host.address()), (name, address), "{text}");
            assert_eq!(
                (host.bracketed(), host.lock_name(), host.jump_word()),
                (bracketed.into(), lock.into(), jump.into())
            );
        }
    }

    #[test]
    fn the_way_that_a_host_names_itself_comes_first_and_none_leads_to_itself() {
        let bastion: Host = "ops@bastion".parse().unwrap();
        for (host, by_way) in
            [("web1", "web1 via ops@bastion"), ("web1 via other", "web1 via other"), ("bastion", "bastion")]
        {
            assert_eq!(host.parse::<Host>().unwrap().or_via(Some(&bastion)).to_string(), by_way);
            assert_eq!(host.parse::<Host>().unwrap().or_via(None).to_string(), host);
        }
    }
}
