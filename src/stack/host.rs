//! One host as a stack file names it: `[user@]name[:port]`. It must never hold anything but a plain name, so that it is
//! safe as a word of ssh's argument list and in a page.

use super::name::BadName;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A host to push to. Written as `[user@]name[:port]`; what ssh reads as a destination.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host {
    user: Option<String>,
    name: String,
    port: Option<u16>,
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
}

const RULE: &str = "it must be [user@]name[:port], the name of letters, digits, dots and hyphens, or an address";

impl FromStr for Host {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let refuse = || BadName { what: "host", value: text.chars().take(80).collect(), rule: RULE };
        let (user, rest) = match text.split_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, text),
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
        match name_ok && user_ok && port != Some(0) {
            true => Ok(Self { user: user.map(str::to_owned), name: name.to_owned(), port }),
            false => Err(refuse()),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        f.write_str(&self.name)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
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
