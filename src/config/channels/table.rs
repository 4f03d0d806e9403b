//! From a table of the server's file to a channel: its name, its kind, its filter, and the rest to its kind. Every mistake is found at once. It
//! must never let two channels have one name, since the ledger knows them by it.

use super::filter::{ChannelEvent, Filter, RESULTS};
use super::kind::ChannelKind;
use super::settings::{ChannelSettings, keys_of};
use crate::config::broken_rules::{Rules, TableRules};
use crate::config::key::{Key, Kind, key, mend_table, needed};
use crate::diagnostic::{Mistake, shown};
use crate::stack::ChannelName;
use serde::Deserialize;
use std::borrow::Cow;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, Error};

/// The keys of `[[channel]]` that are not its kind's.
const COMMON: &[Key] = &[
    needed("name", Kind::Text, "channel"),
    needed("kind", Kind::Word(&ChannelKind::WORDS), "irc"),
    key("stacks", Kind::Texts),
    key("stages", Kind::Texts),
    key("events", Kind::Texts),
    key("results", Kind::Texts),
];

/// A channel of the server's file.
#[derive(Clone, Debug)]
pub struct ChannelConfig {
    /// Its name, in the ledger too: `irc` for `[irc]`.
    pub name: ChannelName,
    /// Which announcements it gets.
    pub filter: Filter,
    /// The keys of its kind.
    pub settings: ChannelSettings,
    /// Where it stands: `["irc"]`, or `["channel", "0"]`.
    pub path: Vec<String>,
}

impl ChannelConfig {
    /// How messages call its table: `[irc]`, or `` [[channel]] `web` ``.
    pub fn table(&self) -> String {
        match self.path.as_slice() {
            [table] => format!("[{table}]"),
            _ => format!("[[channel]] `{}`", self.name),
        }
    }

    /// Notes what is against the rules.
    pub(in crate::config) fn judge(&self, rules: &mut Rules<'_>) {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        self.settings.judge(&mut TableRules { rules, path: &path, of: self.table() });
    }
}

/// Paths count from the directory of the server's file.
pub(in crate::config) fn resolve(channels: &mut [ChannelConfig], here: &Path) {
    channels.iter_mut().for_each(|channel| channel.settings.resolve(here));
}

/// The tables that the file may have for channels, with their keys; `channel` for each kind.
pub(in crate::config) fn keys() -> Vec<(&'static str, Vec<Key>)> {
    let own = ChannelKind::ALL.into_iter().filter(|kind| kind.has_own_table());
    own.map(|kind| (kind.name(), keys_of(kind).to_vec())).collect()
}

/// The keys of each kind.
#[cfg(test)]
pub(in crate::config) fn keys_of_kinds() -> Vec<(ChannelKind, Vec<Key>)> {
    ChannelKind::ALL.into_iter().map(|kind| (kind, channel_keys(kind))).collect()
}

/// The keys of a `[[channel]]` of this kind.
fn channel_keys(kind: ChannelKind) -> Vec<Key> {
    COMMON.iter().chain(keys_of(kind)).cloned().collect()
}

/// Takes out of each `[[channel]]` what is wrong with names and kinds of values, and what is no table at all.
pub(in crate::config) fn mend(root: &mut DeTable<'_>, found: &mut Vec<Mistake>) {
    let Some(DeValue::Array(all)) = root.get_mut("channel").map(Spanned::get_mut) else { return };
    for value in all.iter_mut() {
        let at = value.span();
        let DeValue::Table(table) = value.get_mut() else { continue };
        let said = table.get("kind").and_then(|kind| kind.get_ref().as_str()).and_then(ChannelKind::named);
        match said {
            Some(kind) => mend_table(table, "[[channel]]", at, &channel_keys(kind), found),
            None => {
                // Any key might be its own; which must be there nobody knows.
                let optional = |key: &Key| Key { needed: None, ..key.clone() };
                let of_kinds = ChannelKind::ALL.into_iter().flat_map(keys_of).map(optional);
                let known: Vec<Key> = COMMON.iter().cloned().chain(of_kinds).collect();
                mend_table(table, "[[channel]]", at, &known, found);
                // What is no table is left out.
                *value.get_mut() = DeValue::Boolean(false);
            }
        }
    }
}

/// What every `[[channel]]` says.
#[derive(Deserialize)]
struct Common {
    name: Spanned<String>,
    kind: String,
    stacks: Option<Vec<Spanned<String>>>,
    stages: Option<Vec<Spanned<String>>>,
    events: Option<Vec<Spanned<String>>>,
    results: Option<Vec<Spanned<String>>>,
}

/// Takes the channels out of the file, in the order in which people read them.
///
/// # Errors
/// When a value is of a kind that the table of keys does not know well enough.
pub(in crate::config) fn take(root: &mut DeTable<'_>, found: &mut Vec<Mistake>) -> Result<Vec<ChannelConfig>, Error> {
    let mut channels: Vec<ChannelConfig> = Vec::new();
    for kind in ChannelKind::ALL.into_iter().filter(|kind| kind.has_own_table()) {
        let Some(value) = root.remove(kind.name()) else { continue };
        let (at, DeValue::Table(table)) = (value.span(), value.into_inner()) else { continue };
        let settings = ChannelSettings::read(kind, Deserializer::from(Spanned::new(at, table)))?;
        let Ok(name) = kind.name().parse() else { continue };
        channels.push(ChannelConfig { name, filter: Filter::default(), settings, path: vec![kind.name().to_owned()] });
    }
    let Some(DeValue::Array(all)) = root.remove("channel").map(Spanned::into_inner) else { return Ok(channels) };
    for (place, value) in all.into_iter().enumerate() {
        let (at, DeValue::Table(mut table)) = (value.span(), value.into_inner()) else { continue };
        let common = Common::deserialize(Deserializer::from(Spanned::new(at.clone(), common_of(&mut table))))?;
        let Some(kind) = ChannelKind::named(&common.kind) else { continue };
        let settings = ChannelSettings::read(kind, Deserializer::from(Spanned::new(at, table)))?;
        let Some(name) = name_of(&common.name, kind, &channels, found) else { continue };
        let path = vec!["channel".to_owned(), place.to_string()];
        channels.push(ChannelConfig { name, filter: filter_of(common, kind, found), settings, path });
    }
    Ok(channels)
}

/// The keys that all kinds have, taken out of a table.
fn common_of<'a>(table: &mut DeTable<'a>) -> DeTable<'a> {
    let mut common = DeTable::new();
    for key in COMMON {
        if let Some(value) = table.remove(key.name) {
            common.insert(Spanned::new(value.span(), Cow::Borrowed(key.name)), value);
        }
    }
    common
}

/// The channel's name, when it may have it.
fn name_of(
    said: &Spanned<String>,
    kind: ChannelKind,
    channels: &[ChannelConfig],
    found: &mut Vec<Mistake>,
) -> Option<ChannelName> {
    let mut refuse = |title: String, cure: String| found.push(Mistake::new(said.span(), title).cure(cure));
    let name: ChannelName = match said.get_ref().parse() {
        Ok(name) => name,
        Err(bad) => {
            refuse(bad.to_string(), "such as name = \"web-irc\"".to_owned());
            return None;
        }
    };
    if let Some(other) = channels.iter().find(|other| other.name == name) {
        let where_it_is = match other.path.as_slice() {
            [table] => format!("[{table}] has it"),
            _ => "another [[channel]] has it".to_owned(),
        };
        refuse(format!("there are two channels named `{name}`"), format!("{where_it_is}: choose another name"));
        return None;
    }
    match ChannelKind::named(name.as_str()) {
        // What waits in the ledger under this name was meant for a channel of that kind.
        Some(own) if own != kind => {
            let cure = "choose another name: announcements that wait under this one would be sent elsewhere";
            refuse(format!("`{name}` is the name of the table [{name}]"), cure.to_owned());
            None
        }
        _ => Some(name),
    }
}

fn filter_of(common: Common, kind: ChannelKind, found: &mut Vec<Mistake>) -> Filter {
    const OF_RECORDS: [ChannelEvent; 2] = [ChannelEvent::Started, ChannelEvent::Ended];
    let known = if kind.keeps_records() { &OF_RECORDS[..] } else { &ChannelEvent::ALL[..] };
    let words: Vec<&str> = known.iter().map(|event| event.word()).collect();
    let events = common.events.map(|texts| words_of(texts, "an event", &words, found));
    let events = events.map(|words| words.into_iter().filter_map(ChannelEvent::named).collect());
    Filter {
        stacks: common.stacks.map(|texts| names(texts, found)),
        stages: common.stages.map(|texts| names(texts, found)),
        events: events.or_else(|| kind.keeps_records().then(|| OF_RECORDS.to_vec())),
        results: common.results.map(|texts| words_of(texts, "a result of a push", &RESULTS, found)),
    }
}

fn names<T: std::str::FromStr<Err = crate::stack::BadName>>(
    texts: Vec<Spanned<String>>,
    found: &mut Vec<Mistake>,
) -> Vec<T> {
    let mut good = Vec::new();
    for text in texts {
        match text.get_ref().parse::<T>() {
            Ok(name) => good.push(name),
            Err(bad) => found.push(Mistake::new(text.span(), bad.to_string())),
        }
    }
    good
}

fn words_of(
    texts: Vec<Spanned<String>>,
    what: &str,
    known: &[&'static str],
    found: &mut Vec<Mistake>,
) -> Vec<&'static str> {
    let mut good = Vec::new();
    for text in texts {
        match known.iter().find(|word| **word == text.get_ref().as_str()) {
            Some(word) => good.push(*word),
            None => {
                let cure = match crate::diagnostic::nearest(text.get_ref(), known.iter().copied()) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("it is one of: {}", known.join(", ")),
                };
                let title = format!("`{}` is not {what}", shown(text.get_ref()));
                found.push(Mistake::new(text.span(), title).cure(cure));
            }
        }
    }
    good
}
