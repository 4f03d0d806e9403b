//! One host as a stack file names it: `[user@]name[:port]`, and the jump host that leads to it: `web1 via bastion`. It must
//! never hold anything but plain names, so that they are safe as words of ssh's argument list and in a page.

use super::name::BadName;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A host to push to. Written as `[user@]name[:port]`, what ssh reads as a destination; ` via [user@]name[:port]` behind it
/// names the jump host. The same machine by another way is another host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host {
    user: Option<String>,
    name: String,
    port: Option<u16>,
    /// Never one with a jump host of its own.
    jump: Option<Box<Host>>,
}

impl Host {
    /// The name or address alone: what pages, logs and `{host}` show.
    pub fn name(&self) -> &str {
        &self.name
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

    /// The same host by way of `jump`, unless it names its own way already, or is that very machine.
    pub fn or_via(mut self, jump: Option<&Host>) -> Self {
        if self.jump.is_none() {
            self.jump = jump.filter(|jump| jump.name != self.name).cloned().map(Box::new);
        }
        self
    }
}

const RULE: &str = "it must be [user@]name[:port], the name of letters, digits, dots and hyphens, or an address; a jump \
                    host stands behind it: web1 via bastion.example.com";

/// What stands between a host and its jump host.
const VIA: &str = " via ";

/// A host without its way.
struct Place<'a>(&'a Host);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.0.user {
            write!(f, "{user}@")?;
        }
        f.write_str(&self.0.name)?;
        match self.0.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Host {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let refuse = || BadName { what: "host", value: text.chars().take(80).collect(), rule: RULE };
        let (place, jump) = match text.split_once(VIA) {
            Some((place, jump)) => (place.trim_end(), Some(jump.trim_start().parse::<Self>().map_err(|_| refuse())?)),
            None => (text, None),
        };
        let (user, rest) = match place.split_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, place),
        };
        let (name, port) = match rest.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse::<u16>().map_err(|_| refuse())?)),
            None => (rest, None),
        };
        let name_ok = (1..=253).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
            && name.as_bytes()[0].is_ascii_alphanumeric();
        let user_ok = user.is_none_or(|u| {
            (1..=32).contains(&u.len())
                && !u.starts_with('-')
                && u.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        });
        let jump_ok = jump.as_ref().is_none_or(|jump| jump.jump.is_none() && jump.name != name);
        match name_ok && user_ok && jump_ok && port != Some(0) {
            true => Ok(Self { user: user.map(str::to_owned), name: name.to_owned(), port, jump: jump.map(Box::new) }),
            false => Err(refuse()),
        }
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
        for text in ["web1 via ", " via b", "web1 via b via c", "web1 via -oProxyCommand=x", "web1 via web1", "a b"] {
            assert!(text.parse::<Host>().is_err(), "{text}");
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
