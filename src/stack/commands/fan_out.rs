//! How a release reaches the hosts: from the push host to each of them, or from host to host. Read at the stack, a stage or
//! a release, and settled with the other limits. It must never decide who feeds whom: the runner does. Called by `limits`.

use crate::diagnostic::{Mistake, shown};
use crate::stack::reader::{Keys, Reader, Value};
use crate::stack::values::{self, Refused};
use serde::{Deserialize, Serialize};
use toml::de::DeTable;

/// How many hosts one host feeds at once, when nobody says anything: with one, all it has goes to one, which soonest
/// becomes a source itself.
const WIDTH: usize = 1;
/// How often the push host sends a build, when nobody says anything: the second copy leaves while the first host begins to
/// pass its own on; after that the hosts are more and quicker than the uplink.
const SEEDS: usize = 2;

pub(in crate::stack) const RELAY: Keys =
    Keys { of: "`relay`", known: &["key", "agent", "user", "width", "seeds"], later: &[] };

/// How a release reaches the hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FanOut {
    /// From the push host to each.
    #[default]
    Direct,
    /// Hosts that hold the verified release feed others.
    Relay(Relay),
}

impl FanOut {
    /// Whether it is from the push host to each.
    pub fn is_direct(&self) -> bool {
        *self == Self::Direct
    }
}

/// How hosts feed each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relay {
    /// The identity file that hosts sign in to each other with, a path on the hosts; none leaves it to their own ssh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The socket of an agent on the hosts; never the push host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Who they sign in as; none is who the push host signs in as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// How many others one host feeds at once.
    pub width: usize,
    /// How often the push host sends the build, as long as hosts can pass it on.
    pub seeds: usize,
}

impl Default for Relay {
    fn default() -> Self {
        Self { key: None, agent: None, user: None, width: WIDTH, seeds: SEEDS }
    }
}

/// The way alone: the rest of a relay may be said further out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Direct,
    Relay,
}

/// What one table says of it; what it leaves open comes from further out.
#[derive(Clone, Debug, Default)]
pub(in crate::stack) struct FanOutDraft {
    way: Option<Route>,
    relay: Option<Relay>,
    compress: Option<bool>,
}

impl FanOutDraft {
    /// What a table says.
    pub fn read(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Self {
        Self {
            way: table.get("fan_out").and_then(|value| read_way(reader, value)),
            relay: table.get("relay").and_then(|value| read_relay(reader, value)),
            compress: table.get("compress").and_then(|value| reader.boolean(value)),
        }
    }

    /// What is said here, and what is left open from `outer`.
    pub fn within(self, outer: &Self) -> Self {
        Self {
            way: self.way.or(outer.way),
            relay: self.relay.or_else(|| outer.relay.clone()),
            compress: self.compress.or(outer.compress),
        }
    }

    /// The way, as a release has it; what only a relay needs comes from here too.
    pub fn fan_out(&self) -> FanOut {
        match self.way {
            Some(Route::Relay) => FanOut::Relay(self.relay.clone().unwrap_or_default()),
            Some(Route::Direct) | None => FanOut::Direct,
        }
    }

    /// Whether files are compressed on the way, where somebody says it.
    pub fn compress(&self) -> Option<bool> {
        self.compress
    }
}

fn read_way(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Route> {
    let text = reader.text(value)?;
    match text.value.as_str() {
        "direct" => Some(Route::Direct),
        "relay" => Some(Route::Relay),
        other => {
            let mistake =
                Mistake::new(text.at, format!("`{}` is not a way for a release to reach hosts", shown(other)))
                    .nearest(other, ["direct", "relay"]);
            reader.refuse(match mistake.cures.is_empty() {
                true => mistake.cure("write \"direct\" (from the push host to each) or \"relay\" (from host to host)"),
                false => mistake,
            });
            None
        }
    }
}

fn read_relay(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Relay> {
    let table = reader.table(value)?;
    reader.check_keys(table, &RELAY);
    let key = table.get("key").and_then(|value| reader.parsed(value, path_on_hosts));
    let agent = table.get("agent").and_then(|value| reader.parsed(value, path_on_hosts));
    let user = table.get("user").and_then(|value| reader.parsed(value, user));
    let width = table.get("width").map_or(Some(WIDTH), |value| reader.number(value, 1..=10));
    let seeds =
        table.get("seeds").map_or(Some(SEEDS), |value| reader.number(value, 1..=crate::stack::hosts::ranges::MOST));
    Some(Relay { key, agent, user, width: width?, seeds: seeds? })
}

/// A path on the hosts, absolute or below the home of who signs in; a word of ssh's configuration.
fn path_on_hosts(text: &str) -> Result<String, Refused> {
    let absolute = text.strip_prefix("~/").map(|rest| format!("/{rest}"));
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+@/~".contains(c);
    match values::absolute_path(absolute.as_deref().unwrap_or(text)) {
        Ok(_) if text.chars().all(plain) && !text.ends_with('/') => Ok(text.to_owned()),
        Ok(_) | Err(_) => Err(Refused {
            at: None,
            title: format!("path `{}` is not allowed", shown(text)),
            cures: vec![
                "write the path of a file on the hosts, of plain letters: \"/etc/push/relay_key\" or \"~/.ssh/relay_key\""
                    .to_owned(),
            ],
        }),
    }
}

/// The name of a user, as a host has it.
fn user(text: &str) -> Result<String, Refused> {
    // The same rule as for the user of a host.
    match format!("{text}@host").parse::<crate::stack::Host>() {
        Ok(host) if host.user() == Some(text) => Ok(text.to_owned()),
        Ok(_) | Err(_) => Err(Refused {
            at: None,
            title: format!("user `{}` is not allowed", shown(text)),
            cures: vec!["write the name of a user on the hosts: \"deploy\"".to_owned()],
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_on_the_hosts_is_one_plain_word() {
        for (text, good) in [
            ("/etc/push/relay_key", true),
            ("~/.ssh/relay_key", true),
            ("relay_key", false),
            ("~root/key", false),
            ("/a/../b", false),
            ("/a b", false),
            ("/a%h", false),
            ("/a/", false),
            ("~/", false),
            ("/a\nProxyCommand x", false),
        ] {
            assert_eq!(path_on_hosts(text).is_ok(), good, "{text:?}");
        }
    }
}
