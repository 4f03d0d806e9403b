//! What is against the rules, as it is found, each with its place in the file and what to write; and the rules that tables share. It must
//! never look at the machine. Used by the rules of the file and by those of each channel.

use crate::diagnostic::{Mistake, shown};
use std::net::IpAddr;
use std::ops::Range;
use toml::de::DeTable;

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

    /// Whether the file has a key in a table.
    pub fn has(&self, at: &[&str; 2]) -> bool {
        let table = self.root.get(at[0]).and_then(|table| table.get_ref().as_table());
        table.is_some_and(|table| table.contains_key(at[1]))
    }

    /// A server is a name or an address, without scheme, port or user.
    pub fn server(&mut self, table: &str, server: &str) {
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let good = !server.is_empty() && server.len() <= 253 && server.chars().all(name);
        if !good && server.parse::<IpAddr>().is_err() {
            let title = format!("`{}` is not the name of a server", shown(server));
            let cure = "write its name or its address alone; a port has a key of its own: port = …";
            self.refuse(&[table, "server"], title, cure);
        }
    }

    /// A password has one place.
    pub fn one_password(&mut self, table: &str) {
        if self.has(&[table, "password_file"]) && self.has(&[table, "password_env"]) {
            self.refuse(&[table, "password_env"], "password_file and password_env are both set", "keep one");
        }
    }
}

/// Where a value stands: the deepest part of its path that there is.
pub(super) fn place(root: &DeTable<'_>, path: &[&str]) -> Range<usize> {
    let mut at = 0..0;
    let mut table = Some(root);
    for name in path {
        let Some(value) = table.and_then(|table| table.get(*name)) else { break };
        at = value.span();
        table = value.get_ref().as_table();
    }
    at
}
