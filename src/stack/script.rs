//! Shell text with variables. `{sha}` is short for a reference to an environment variable, so the text that a shell
//! reads is constant and a value can never be code (TRUST section 5). It must never put a value into a script.

use super::variables::SECRET_ENV;
use crate::address::encoded;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A checked piece of shell text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// What the shell reads: constant text in which each variable is `"$PUSH_SHA"` or, within double quotes, `${PUSH_SHA}`.
    pub text: String,
    /// The same as its author wrote it, cut at its variables, for showing.
    pub pieces: Vec<Piece>,
}

/// A part of a script as its author wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// Plain text.
    Text(String),
    /// A variable, by the name of its environment variable: `PUSH_SHA`.
    Var(String),
}

/// A web address with variables, whose values are percent-encoded when they are put in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// As its author wrote it, cut at its variables.
    pub pieces: Vec<Piece>,
}

impl Address {
    /// The address with its values in place.
    pub fn filled(&self, values: &BTreeMap<String, String>) -> String {
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Var(name) => {
                    let value = values.get(name).map_or("", String::as_str);
                    let is_place = filled.ends_with("://");
                    filled.push_str(&if is_place { placed(value) } else { encoded(value) });
                }
            }
        }
        filled
    }

    /// The address for eyes: with its values as they are.
    pub fn show(&self, values: &BTreeMap<String, String>) -> String {
        show(&self.pieces, values)
    }

    /// Whether the address names `{host}`, and so is asked once per host.
    pub fn names_host(&self) -> bool {
        names_host(&self.pieces)
    }
}

/// A value where the host of an address stands: an IPv6 address in its brackets (RFC 3986 section 3.2.2, RFC 6874).
fn placed(value: &str) -> String {
    let (address, zone) = value.split_once('%').map_or((value, None), |(address, zone)| (address, Some(zone)));
    match address.parse::<std::net::Ipv6Addr>() {
        Ok(_) => format!("[{address}{}]", zone.map(|zone| format!("%25{}", encoded(zone))).unwrap_or_default()),
        Err(_) => encoded(value),
    }
}

impl Script {
    /// The script with its values in place, for eyes only: never run this.
    pub fn show(&self, values: &BTreeMap<String, String>) -> String {
        show(&self.pieces, values)
    }

    /// Whether the script takes a variable of the environment: as `{name}`, or by its own name.
    pub fn takes(&self, env: &str) -> bool {
        self.text.contains(env)
    }

    /// Whether the script names `{host}`, and so runs once per host.
    pub fn names_host(&self) -> bool {
        names_host(&self.pieces)
    }
}

fn show(pieces: &[Piece], values: &BTreeMap<String, String>) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            // What a reader may not see has no value here, and must not get one by mistake.
            Piece::Var(name) if name.starts_with(SECRET_ENV) => "***",
            Piece::Var(name) => values.get(name).map_or("…", String::as_str),
        })
        .collect()
}

fn names_host(pieces: &[Piece]) -> bool {
    pieces.iter().any(|piece| *piece == Piece::Var("PUSH_HOST".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_ipv6_address_stands_in_brackets_where_a_host_does_and_nowhere_else() {
        let var = || Piece::Var("PUSH_HOST".to_owned());
        let pieces = vec![Piece::Text("http://".to_owned()), var(), Piece::Text(":8080/?h=".to_owned()), var()];
        for (host, filled) in [
            ("2001:db8::1", "http://[2001:db8::1]:8080/?h=2001%3Adb8%3A%3A1"),
            ("fe80::1%eth0", "http://[fe80::1%25eth0]:8080/?h=fe80%3A%3A1%25eth0"),
            ("web_1", "http://web_1:8080/?h=web_1"),
        ] {
            let values = BTreeMap::from([("PUSH_HOST".to_owned(), host.to_owned())]);
            assert_eq!(Address { pieces: pieces.clone() }.filled(&values), filled);
        }
    }

    proptest! {
        #[test]
        fn no_value_changes_the_shape_of_an_address(value in "\\PC{0,40}") {
            // An IPv6 address is a host with colons, and comes in brackets.
            let address = value.split('%').next().unwrap_or_default();
            prop_assume!(address.parse::<std::net::Ipv6Addr>().is_err());
            let pieces = vec![
                Piece::Text("https://".to_owned()),
                Piece::Var("PUSH_HOST".to_owned()),
                Piece::Text("/a?b=".to_owned()),
                Piece::Var("PUSH_HOST".to_owned()),
            ];
            let filled = Address { pieces }.filled(&BTreeMap::from([("PUSH_HOST".to_owned(), value)]));
            let rest = filled.strip_prefix("https://").unwrap();
            prop_assert_eq!(rest.matches('/').count(), 1);
            prop_assert_eq!(rest.matches('?').count(), 1);
            prop_assert!(rest.bytes().all(|b| b.is_ascii_graphic() && !b"@#:\\\"'<>`$".contains(&b)));
        }
    }
}
