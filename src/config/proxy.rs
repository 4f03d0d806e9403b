//! `[proxy]`: a proxy that signs people in, and says in a header who asks. It has a listener of its own: whoever reaches that may be anyone. It
//! must never be one that other machines reach.

use super::Config;
use super::broken_rules::Rules;
use super::key::{Key, Kind, key, needed};
use crate::diagnostic::shown;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Who may connect to the socket, when the file does not say it: our user and our group.
const SOCKET_MODE: u32 = 0o660;
/// Others than our user and our group.
const OTHERS: u32 = 0o007;

/// `[proxy]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// Where the proxy connects to: the path of a Unix socket, or an address of this machine.
    listen: String,
    /// Who may connect to the socket, as `chmod` takes it.
    socket_mode: Option<String>,
    /// The header that says who asks.
    pub user_header: String,
    /// The one that says of which groups they are, with commas between.
    pub groups_header: Option<String>,
}

/// Where the proxy connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyListen {
    /// A Unix socket, and who may connect to it.
    Socket(PathBuf, u32),
    /// An address of this machine.
    Address(SocketAddr),
}

/// The keys of the table.
pub(super) const KEYS: &[Key] = &[
    needed("listen", Kind::Text, "/run/pushbutton/proxy.sock"),
    key("socket_mode", Kind::Text),
    needed("user_header", Kind::Text, "X-Remote-User"),
    key("groups_header", Kind::Text),
];

/// Headers that mean something else already, or to somebody on the way.
const OTHER_HEADERS: [&str; 12] = [
    "host",
    "cookie",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "origin",
    "transfer-encoding",
    "user-agent",
    "forwarded",
    "x-forwarded-for",
    "x-pushbutton-who",
];

impl Proxy {
    /// Where the proxy connects to.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn listen(&self) -> Result<ProxyListen, (String, &'static str)> {
        if self.listen.starts_with('/') {
            let mode = self.socket_mode.as_deref().map_or(Some(SOCKET_MODE), |text| u32::from_str_radix(text, 8).ok());
            return match mode {
                Some(mode) if mode & !0o777 == 0 && mode & OTHERS == 0 => {
                    Ok(ProxyListen::Socket(Path::new(&self.listen).to_owned(), mode))
                }
                Some(_) | None => {
                    let title =
                        "whoever may connect to the socket may be anyone, so it is for a user and a group alone";
                    Err((
                        title.to_owned(),
                        "write socket_mode = \"0660\", and make the proxy's user a member of the group",
                    ))
                }
            };
        }
        match self.listen.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() && address.port() != 0 => Ok(ProxyListen::Address(address)),
            Ok(address) => {
                let title =
                    format!("whoever reaches {address} may be anyone, so it must be an address of this machine");
                Err((title, "let the proxy connect to a Unix socket: listen = \"/run/pushbutton/proxy.sock\""))
            }
            Err(_) => {
                let title = format!("`{}` is neither the path of a socket nor an address", shown(&self.listen));
                Err((title, "write an absolute path: listen = \"/run/pushbutton/proxy.sock\""))
            }
        }
    }

    /// The headers that say who asks, in lower case.
    pub fn headers(&self) -> impl Iterator<Item = String> {
        [Some(&self.user_header), self.groups_header.as_ref()]
            .into_iter()
            .flatten()
            .map(|name| name.to_ascii_lowercase())
    }

    /// What is well written and still must not be.
    pub(super) fn judge(&self, config: &Config, rules: &mut Rules<'_>) {
        match self.listen() {
            Err((title, cure)) => rules.refuse(&["proxy", "listen"], title, cure),
            Ok(ProxyListen::Address(address)) if address == config.listen => {
                let title = format!("the server listens on {address} itself, where nobody may say who they are");
                rules.refuse(&["proxy", "listen"], title, "name another port, or a Unix socket");
            }
            Ok(ProxyListen::Address(_) | ProxyListen::Socket(..)) => {}
        }
        let names: Vec<String> = self.headers().collect();
        for (key, name) in ["user_header", "groups_header"].into_iter().zip(&names) {
            let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            if !plain || OTHER_HEADERS.contains(&name.as_str()) || name.starts_with("sec-") {
                let title = format!("`{}` cannot be the header that says who asks", shown(name));
                rules.refuse(&["proxy", key], title, "a name of its own, of letters, digits and -: X-Remote-User");
            }
        }
        if names.len() == 2 && names[0] == names[1] {
            rules.refuse(&["proxy", "groups_header"], "both headers have the same name", "give each its own");
        }
    }
}
