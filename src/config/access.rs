//! `[groups]` and `[rights]` of the server's file. Their keys are names of the reader's own, so they have no table of keys. It must never
//! let a line count that it did not understand. Called by the draft.

use super::broken_rules::Rules;
use super::key::Kind;
use super::{AuthMode, Config};
use crate::diagnostic::{Mistake, nearest};
use crate::stack::{BadRight, Rights, Verb};
use toml::de::{DeTable, DeValue};

/// Tables whose keys are free.
const TABLES: [&str; 2] = ["groups", "rights"];

/// All values that are no lists of names; they are taken out of `root`, so that the rest can be understood.
pub(super) fn mend(root: &mut DeTable<'_>) -> Vec<Mistake> {
    let mut found = Vec::new();
    for table in TABLES {
        let Some(DeValue::Table(lines)) = root.get_mut(table).map(toml::Spanned::get_mut) else { continue };
        let mut bad = Vec::new();
        for (name, value) in lines.iter() {
            if let Some(mistake) = Kind::Texts.refuse(name.get_ref(), value) {
                bad.push(name.get_ref().to_string());
                found.push(mistake);
            }
        }
        for name in &bad {
            lines.remove(name.as_str());
        }
    }
    found
}

/// The rights that the file gives, and what is wrong with them.
pub(super) fn rights(config: &Config, rules: &mut Rules<'_>) -> Rights {
    let mut rights = Rights::default();
    for (name, members) in &config.groups {
        if let Err(bad) = rights.add_group(name, members) {
            rules.refuse(&["groups", name], bad.to_string(), "a group is a list of names: ops = [\"mary\", \"joe\"]");
        }
    }
    let only_own = !brings_groups(config.auth.mode);
    for (key, to) in &config.rights {
        if let Err(bad) = rights.add_rule(key, to, only_own) {
            let cure = cure(&bad, key, config);
            rules.refuse(&["rights", key], bad.to_string(), cure);
        }
    }
    rights
}

/// Whether who signs people in may say which groups they are in.
const fn brings_groups(mode: AuthMode) -> bool {
    match mode {
        AuthMode::Oidc | AuthMode::Proxy => true,
        AuthMode::Password | AuthMode::Open => false,
    }
}

fn cure(bad: &BadRight, key: &str, config: &Config) -> String {
    match bad {
        BadRight::Key(_) => {
            let verbs = Verb::ALL.into_iter().map(Verb::word).chain(["admin"]);
            let (verb, place) = key.split_at(key.find(':').unwrap_or(key.len()));
            match nearest(verb, verbs) {
                Some(near) if near != verb => format!("did you mean \"{near}{place}\"?"),
                Some(_) | None => "write push for all stacks, \"push:web\" for one, \"push:web/prod\" for a stage, or \
                                   \"push:*/prod\" for a stage of all stacks"
                    .to_owned(),
            }
        }
        BadRight::NoGroup(group) => {
            let group = group.to_string();
            match nearest(&group, config.groups.keys().map(String::as_str)) {
                Some(near) => format!("did you mean \"@{near}\"?"),
                None => format!("add it: [groups] {group} = [\"mary\"]"),
            }
        }
        BadRight::Admin => "write admin = [\"@ops\"]".to_owned(),
        BadRight::Publish(stack) => format!("write \"publish:{stack}\" = [\"ci (token of mary)\"]"),
        BadRight::Grantee(_) | BadRight::Member(_) => {
            "a name has letters, digits and _.@+-, such as \"mary\"".to_owned()
        }
    }
}
