//! `[secrets]`: names for what a command needs and nobody may see. A stack file says where a secret is found and never
//! what it is. It must never read one: the runner does, at its start (TRUST section 3). Called by `parse`.

use super::reader::{Keys, Reader, Value};
use super::values;
use super::variables::BUILT_IN;
use crate::diagnostic::{Mistake, shown};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Where a secret is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// An environment variable of the server.
    Env(String),
    /// A file on the push host that belongs to the server's user, mode 0600 or stricter.
    File(String),
    /// A credential of systemd: a file in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

pub(super) const SECRET: Keys = Keys { of: "a secret", known: &["env", "file", "credential"], later: &[] };
const EXAMPLE: &str = "say where it is found: token = { file = \"/etc/pushbutton/token\" }";

/// Reads `[secrets]`: the good ones, and the names of all. `own` are the names of `[vars]`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    own: &BTreeSet<String>,
    section: Option<&Value<'_>>,
) -> (BTreeMap<String, SecretSource>, BTreeSet<String>) {
    let (mut secrets, mut names) = (BTreeMap::new(), BTreeSet::new());
    let table = section.and_then(|section| reader.table(section));
    for (key, value) in table.into_iter().flatten() {
        let name = key.get_ref().as_ref();
        let plain = values::is_variable_name(name) && !name.bytes().any(|b| b.is_ascii_uppercase()) && name.len() <= 63;
        let title = match name {
            _ if BUILT_IN.iter().any(|(known, _)| *known == name) => {
                Some(format!("`{name}` is a variable of Pushbutton itself"))
            }
            _ if own.contains(name) => Some(format!("`{name}` is a variable in [vars] already")),
            _ if !plain => Some(format!("secret `{}` is not allowed", shown(name))),
            _ => None,
        };
        if let Some(title) = title {
            reader.refuse(Mistake::new(key.span(), title).cure("write a name of its own: letters a-z, digits and _"));
        }
        names.insert(name.to_owned());
        if let Some(source) = read_source(reader, value) {
            secrets.insert(name.to_owned(), source);
        }
    }
    (secrets, names)
}

fn read_source(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<SecretSource> {
    if value.get_ref().is_str() {
        let mistake = Mistake::new(value.span(), "a secret is never written in this file");
        reader.refuse(mistake.cure(EXAMPLE));
        return None;
    }
    let table = reader.table(value)?;
    reader.check_keys(table, &SECRET);
    let said: Vec<_> = table.iter().filter(|(key, _)| SECRET.known.contains(&key.get_ref().as_ref())).collect();
    let [(key, found)] = said.as_slice() else {
        if said.len() > 1 || table.is_empty() {
            reader.refuse(Mistake::new(value.span(), "a secret is found in exactly one place").cure(EXAMPLE));
        }
        return None;
    };
    match key.get_ref().as_ref() {
        "env" => reader.parsed(found, values::env_name).map(SecretSource::Env),
        "file" => reader.parsed(found, values::absolute_path).map(SecretSource::File),
        _ => reader.parsed(found, values::credential).map(SecretSource::Credential),
    }
}
