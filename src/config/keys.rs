//! The keys of the server's file by name, to tell all unknown ones at once, and to find the place of a value.
//! It must never know what a value means. Called by `config` only.

use crate::diagnostic::{Mistake, nearest, shown};
use std::ops::Range;
use toml::de::DeTable;

/// Every key that the file may have, by table; the root is `""`.
pub(super) const KEYS: &[(&str, &[&str])] = &[
    ("", &["listen", "url", "data", "stacks", "insecure_http", "auth", "ssh", "irc", "email", "limits"]),
    ("auth", &["mode"]),
    ("ssh", &["config", "lease_s", "grace_s"]),
    ("irc", &["server", "port", "tls", "nick", "channel", "password_file", "password_env"]),
    ("email", &["server", "port", "tls", "from", "to", "user", "password_file", "password_env"]),
    (
        "limits",
        &[
            "fetch_every_s",
            "free_mib",
            "connections_per_address",
            "warm_hosts",
            "check_every_s",
            "probe_every_s",
            "inventory_every_s",
            "source_mib",
            "source_entries",
            "upload_mib",
            "published_kept",
        ],
    ),
];

/// Tables that the file will have, and this version has not.
const LATER: &[&str] = &["webhook", "graphite", "retention"];

/// All keys that are not known. serde would stop at the first one, and not know where it stands.
pub(super) fn unknown_keys(root: &DeTable<'_>) -> Vec<Mistake> {
    let mut found = Vec::new();
    for (table, known) in KEYS {
        let keys = match *table {
            "" => Some(root),
            name => root.get(name).and_then(|value| value.get_ref().as_table()),
        };
        for key in keys.into_iter().flat_map(|keys| keys.keys()) {
            let name = key.get_ref().as_ref();
            if known.contains(&name) {
                continue;
            }
            let of = if table.is_empty() { "this file".to_owned() } else { format!("[{table}]") };
            let mistake = match (LATER.contains(&name) && table.is_empty(), name) {
                (true, _) => Mistake::new(key.span(), format!("this version of Pushbutton does not have [{name}] yet"))
                    .cure("take it out for now: what it promises would not happen"),
                (_, "password") => Mistake::new(key.span(), "a secret is never written in this file")
                    .cure("write it into a file of its own, mode 0600, and name that: password_file = \"…\""),
                _ => Mistake::new(key.span(), format!("unknown key `{}` in {of}", shown(name))).cure(
                    match nearest(name, known.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("{of} may have: {}", known.join(", ")),
                    },
                ),
            };
            found.push(mistake);
        }
    }
    found
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
