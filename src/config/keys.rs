//! The keys of the server's file, table by table: their names, what kind of value each takes, which must be there; those of a channel
//! are in its file. It finds every mistake of
//! that sort at once, and patches what it found, so that the rest of the file can be judged as well. It must never know
//! what a value means. Called by `config` only.

use super::AuthMode;
use super::channels::ChannelKind;
use super::key::{COUNT, Key, Kind, MIB, SECONDS, key, needed};
use crate::address::password_in;
use crate::diagnostic::{Mistake, nearest, shown};
use crate::isolation::Isolation;
use std::borrow::Cow;
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

/// Tables that the file will have, and this version has not.
const LATER: &[&str] = &["graphite"];

/// Every key that the file may have, by table; the root is `""`, and has the table of each channel.
pub(super) fn tables() -> Vec<(&'static str, Vec<Key>)> {
    let mut tables: Vec<(&str, Vec<Key>)> = KEYS.iter().map(|(table, keys)| (*table, keys.to_vec())).collect();
    for kind in ChannelKind::ALL {
        tables[0].1.push(key(kind.name(), Kind::Table));
        tables.push((kind.name(), kind.keys().to_vec()));
    }
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
                    mend_table(keys, table, at, &known, &mut found);
                }
            }
        }
    }
    found
}

fn mend_table(keys: &mut DeTable<'_>, table: &str, at: Range<usize>, known: &[Key], found: &mut Vec<Mistake>) {
    let of = if table.is_empty() { "this file".to_owned() } else { format!("[{table}]") };
    let mut bad = Vec::new();
    for (key, value) in keys.iter() {
        let name = key.get_ref().as_ref();
        let mistake = match known.iter().find(|known| known.name == name) {
            Some(known) => known.kind.refuse(name, value),
            None => Some(unknown(key, &of, table, known)),
        };
        if let Some(mistake) = mistake {
            bad.push(name.to_owned());
            found.push(mistake);
        }
    }
    for name in &bad {
        keys.remove(name.as_str());
    }
    for key in known {
        let (Some(stand_in), false) = (key.needed, keys.contains_key(key.name)) else { continue };
        if !bad.iter().any(|name| name == key.name) {
            let title = format!("{of} does not say `{}`", key.name);
            found.push(Mistake::new(at.clone(), title).cure(format!("{} = {}", key.name, key.kind.written(stand_in))));
        }
        keys.insert(
            Spanned::new(at.clone(), Cow::Borrowed(key.name)),
            Spanned::new(at.clone(), key.kind.value(stand_in)),
        );
    }
}

fn unknown(key: &Spanned<Cow<'_, str>>, of: &str, table: &str, known: &[Key]) -> Mistake {
    let name = key.get_ref().as_ref();
    let names = || known.iter().map(|key| key.name);
    match (LATER.contains(&name) && table.is_empty(), name) {
        (true, _) => Mistake::new(key.span(), format!("this version of Pushbutton does not have [{name}] yet"))
            .cure("remove it for now: it would have no effect"),
        (_, "client_secret") => Mistake::new(key.span(), "a secret is never written in this file")
            .cure("write it into its own file, mode 0600, and refer to that: client_secret_file = \"…\""),
        (_, "password") => Mistake::new(key.span(), "a secret is never written in this file")
            .cure("write it into its own file, mode 0600, and refer to that: password_file = \"…\""),
        _ => Mistake::new(key.span(), format!("unknown key `{}` in {of}", shown(name))).cure(
            match nearest(name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("{of} may have: {}", names().collect::<Vec<_>>().join(", ")),
            },
        ),
    }
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
