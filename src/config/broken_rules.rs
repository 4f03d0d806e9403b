//! What is against the rules, as it is found, each with its place in the file and what to write; and the rules that tables share. It must
//! never look at the machine. Used by the rules of the file and by those of each channel.

use crate::diagnostic::{Mistake, shown};
use std::net::IpAddr;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The file, and what was found in it.
pub(super) struct Rules<'a> {
    pub root: &'a DeTable<'a>,
    pub found: Vec<Mistake>,
}

impl Rules<'_> {
    /// Notes what is wrong at a key.
    pub fn refuse(&mut self, at: &[&str], title: impl Into<String>, cure: impl Into<String>) {
        self.found.push(Mistake::new(place(self.root, at), title).cure(cure));
    }
}

/// The rules of one table, wherever it stands.
pub(super) struct TableRules<'a, 'r> {
    pub rules: &'a mut Rules<'r>,
    /// `["irc"]`, or `["channel", "0"]`.
    pub path: &'a [&'a str],
    /// What messages call it.
    pub of: String,
}

impl TableRules<'_, '_> {
    /// Notes what is wrong at a key; at the table itself without one.
    pub fn refuse(&mut self, key: &str, title: impl Into<String>, cure: impl Into<String>) {
        let at: Vec<&str> = self.path.iter().copied().chain(Some(key).filter(|key| !key.is_empty())).collect();
        self.rules.refuse(&at, title, cure);
    }

    /// Whether the file has a key in this table.
    pub fn has(&self, key: &str) -> bool {
        table_at(self.rules.root, self.path).is_some_and(|table| table.contains_key(key))
    }

    /// A server is a name or an address, without scheme, port or user.
    pub fn server(&mut self, server: &str) {
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let good = !server.is_empty() && server.len() <= 253 && server.chars().all(name);
        if !good && server.parse::<IpAddr>().is_err() {
            let title = format!("`{}` is not the name of a server", shown(server));
            let cure = "write its name or its address alone; a port has a key of its own: port = …";
            self.refuse("server", title, cure);
        }
    }

    /// A password has one place.
    pub fn one_password(&mut self) {
        self.one_of("password_file", "password_env");
    }

    /// A token must be named.
    pub fn token(&mut self, file: &str) {
        if !self.has("password_file") && !self.has("password_env") {
            let title = format!("{} has no token", self.of);
            self.refuse("", title, format!("name the file that holds it: password_file = \"{file}\""));
        }
        self.one_password();
    }

    /// What may be said in one of two ways is said in one.
    pub fn one_of(&mut self, one: &str, other: &str) {
        if self.has(one) && self.has(other) {
            self.refuse(other, format!("{one} and {other} are both set"), "keep one");
        }
    }
}

/// What a part of a path leads to: a key of a table, or a place in a list.
fn within<'v, 'a>(value: &'v DeValue<'a>, name: &str) -> Option<&'v Spanned<DeValue<'a>>> {
    match (value.as_table(), value.as_array()) {
        (Some(table), _) => table.get(name),
        (None, Some(list)) => list.get(name.parse::<usize>().ok()?),
        (None, None) => None,
    }
}

/// The table at a path.
fn table_at<'v, 'a>(root: &'v DeTable<'a>, path: &[&str]) -> Option<&'v DeTable<'a>> {
    let (first, rest) = path.split_first()?;
    let mut value = root.get(*first)?;
    for name in rest {
        value = within(value.get_ref(), name)?;
    }
    value.get_ref().as_table()
}

/// Where a value stands: the deepest part of its path that there is.
pub(super) fn place(root: &DeTable<'_>, path: &[&str]) -> Range<usize> {
    let Some((first, rest)) = path.split_first() else { return 0..0 };
    let Some(mut value) = root.get(*first) else { return 0..0 };
    for name in rest {
        let Some(inner) = within(value.get_ref(), name) else { break };
        value = inner;
    }
    value.span()
}
