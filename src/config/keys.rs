//! The keys of the server's file, table by table: their names, what kind of value each takes, which must be there; those of a channel
//! are in its file. It finds every mistake of
//! that sort at once, and patches what it found, so that the rest of the file can be judged as well. It must never know
//! what a value means. Called by `config` only.

use super::AuthMode;
use super::channels;
use super::key::{COUNT, Key, Kind, MIB, SECONDS, key, mend_table, needed};
use crate::address::password_in;
use crate::diagnostic::Mistake;
use crate::isolation::Isolation;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Every key that the file may have, by table, but those of channels; the root is `""`.
const KEYS: &[(&str, &[Key])] = &[
    (
        "",
        &[
            key("listen", Kind::Socket),
            needed("url", Kind::Text, "http://127.0.0.1:8090"),
            key("data", Kind::Text),
            key("stacks", Kind::Text),
            key("insecure_http", Kind::Flag),
            key("trusted_proxies", Kind::Texts),
            key("auth", Kind::Table),
            key("oidc", Kind::Table),
            key("proxy", Kind::Table),
            key("ssh", Kind::Table),
            key("metrics", Kind::Table),
            key("artifacts", Kind::Table),
            key("hooks", Kind::Table),
            key("chat", Kind::Table),
            key("audit", Kind::Table),
            key("groups", Kind::Table),
            key("rights", Kind::Table),
            key("build", Kind::Table),
            key("limits", Kind::Table),
            key("retention", Kind::Table),
        ],
    ),
    ("auth", &[key("mode", Kind::Word(&AuthMode::WORDS)), key("ask", Kind::Text)]),
    ("oidc", super::oidc::KEYS),
    ("proxy", super::proxy::KEYS),
    ("ssh", &[key("config", Kind::Text), key("lease_s", SECONDS), key("grace_s", SECONDS)]),
    ("artifacts", super::artifacts::KEYS),
    ("hooks", super::hooks::KEYS),
    ("chat", super::hooks::chat::KEYS),
    ("audit", super::audit::KEYS),
    (
        "build",
        &[
            key("isolation", Kind::Word(&Isolation::WORDS)),
            key("memory_mib", Kind::Number(64..=1 << 30)),
            key("processes", Kind::Number(32..=1_000_000)),
            key("disk_mib", Kind::Number(1..=1 << 40)),
            key("cpu_s", Kind::Number(1..=86_400)),
            key("read_only", Kind::Texts),
        ],
    ),
    ("metrics", &[needed("listen", Kind::Socket, "127.0.0.1:9091"), key("open", Kind::Flag)]),
    (
        "limits",
        &[
            key("fetch_every_s", SECONDS),
            key("free_mib", MIB),
            key("connections", Kind::Number(2..=1_000_000)),
            key("connections_per_address", Kind::Number(1..=1_000_000)),
            key("warm_hosts", COUNT),
            key("check_every_s", SECONDS),
            key("probe_every_s", SECONDS),
            key("inventory_every_s", SECONDS),
            key("source_mib", Kind::Number(1..=1 << 40)),
            key("source_entries", Kind::Number(1..=1_000_000_000)),
            key("upload_mib", MIB),
            key("published_kept", COUNT),
            key("builds_kept", COUNT),
        ],
    ),
    ("retention", super::limits::RETENTION_KEYS),
];

/// Every key that the file may have, by table; the root is `""`, and has the table of each channel that may stand alone.
pub(super) fn tables() -> Vec<(&'static str, Vec<Key>)> {
    let mut tables: Vec<(&str, Vec<Key>)> = KEYS.iter().map(|(table, keys)| (*table, keys.to_vec())).collect();
    for (name, keys) in channels::keys() {
        tables[0].1.push(key(name, Kind::Table));
        tables.push((name, keys));
    }
    tables[0].1.push(key("channel", Kind::Tables));
    tables
}

/// All mistakes of names and kinds. What is wrong is taken out of `root`, and what must be there is put in its place, so that
/// the rest can be understood. serde would stop at the first mistake.
pub(super) fn mend(root: &mut DeTable<'_>) -> Vec<Mistake> {
    let mut found = Vec::new();
    for (table, known) in tables() {
        match table {
            "" => mend_table(root, table, 0..0, &known, &mut found),
            name => {
                let Some(value) = root.get_mut(name) else { continue };
                let at = value.span();
                // A table that is none was taken out with the root's keys.
                if let DeValue::Table(keys) = value.get_mut() {
                    mend_table(keys, &format!("[{table}]"), at, &known, &mut found);
                }
            }
        }
    }
    channels::mend(root, &mut found);
    found
}

/// Every value that holds an address with a password in it, whatever its key: its place, and what is wrong.
#[expect(clippy::wildcard_enum_match_arm, reason = "the kinds of values of TOML are not ours")]
pub(super) fn passwords(root: &DeTable<'_>) -> Vec<(Range<usize>, Mistake)> {
    let mut found = Vec::new();
    let mut waiting: Vec<&Spanned<DeValue<'_>>> = root.values().collect();
    while let Some(value) = waiting.pop() {
        match value.get_ref() {
            DeValue::Table(table) => waiting.extend(table.values()),
            DeValue::Array(array) => waiting.extend(array.iter()),
            DeValue::String(text) => found.extend(password_in(text).map(|flaw| {
                let cure = "write it into its own file, mode 0600, and refer to that: password_file = \"…\"";
                (value.span(), Mistake::new(value.span(), flaw.title).cure(cure))
            })),
            _ => {}
        }
    }
    found
}
