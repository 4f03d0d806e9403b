//! `[hosts]` and a stage's `hosts`: groups, ranges and references become plain lists in which no host stands twice.
//! It must never look a name up. Called by `parse`.

use super::groups::{Entry, Groups};
use super::reader::{Reader, Text, Value, later};
use super::{Host, ranges};
use crate::diagnostic::{Mistake, shown};
use std::collections::BTreeMap;
use std::ops::Range;
use toml::de::DeValue;

/// A host and where it is written.
pub(super) type Placed = (Host, Range<usize>);

/// Reads `[hosts]`.
pub(super) fn read_groups(reader: &mut Reader<'_>, section: Option<&Value<'_>>) -> Groups<Placed> {
    let mut groups = Groups::new("host group", "[hosts]");
    let Some(table) = section.and_then(|section| reader.table(section)) else { return groups };
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        if name.parse::<super::StageName>().is_err() {
            reader.refuse(
                Mistake::new(key.span(), format!("host group `{}` is not allowed", shown(name)))
                    .cure("write letters a-z, digits, _ and -, at most 63"),
            );
        }
        let entries = read_entries(reader, value).unwrap_or_default();
        groups.insert(name.to_owned(), entries);
    }
    for name in groups.names() {
        let hosts = groups.named(reader, &name, 0..0).unwrap_or_default();
        unique(reader, hosts);
    }
    groups
}

/// Reads a stage's `hosts`: the name of a group, or hosts themselves. `None` when something was noted instead.
pub(super) fn read_stage_hosts(
    reader: &mut Reader<'_>,
    groups: &mut Groups<Placed>,
    value: &Value<'_>,
) -> Option<Vec<Host>> {
    let before = reader.mistakes.len();
    let hosts = match value.get_ref() {
        DeValue::String(name) if name.contains(['.', '[', ':']) => {
            let cure = format!("to name hosts, write a list: hosts = [\"{}\"]", shown(name));
            reader.refuse(Mistake::new(value.span(), "`hosts` is the name of a group, or a list").cure(cure));
            return None;
        }
        DeValue::String(name) => groups.named(reader, name.strip_prefix('@').unwrap_or(name), value.span())?,
        _ => {
            let entries = read_entries(reader, value)?;
            groups.flat(reader, &entries)
        }
    };
    let hosts = unique(reader, hosts);
    match reader.mistakes.len() == before && !hosts.is_empty() {
        true => Some(hosts),
        false => None,
    }
}

fn read_entries(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Vec<Entry<Placed>>> {
    match value.get_ref() {
        DeValue::Table(_) => {
            reader.refuse(later(value.span(), "a command that lists the hosts"));
            return None;
        }
        DeValue::String(text) => {
            let cure = format!("write a list: [\"{}\"]", shown(text));
            reader.refuse(Mistake::new(value.span(), "this must be a list of hosts").cure(cure));
            return None;
        }
        DeValue::Array(array) if array.is_empty() => {
            reader.refuse(Mistake::new(value.span(), "there are no hosts here").cure("name at least one host"));
            return None;
        }
        _ => {}
    }
    let texts = reader.texts(value)?;
    Some(texts.iter().flat_map(|text| read_hosts(reader, text)).collect())
}

/// The hosts of one string: a range, a host, or the name of a group.
fn read_hosts(reader: &mut Reader<'_>, text: &Text) -> Vec<Entry<Placed>> {
    if let Some(name) = text.value.strip_prefix('@') {
        return vec![Entry::Reference { name: name.to_owned(), at: text.at.clone() }];
    }
    let names = match ranges::expand(&text.value) {
        Ok(names) => names,
        Err(bad) => {
            let at = reader.part(text, &bad.at);
            reader.refuse(Mistake::new(at, bad.title).cure(bad.cure));
            return Vec::new();
        }
    };
    let mut hosts = Vec::with_capacity(names.len());
    for name in names {
        // One bad name of a range says all that there is to say about the range.
        let Some(host) = reader.parsed_text(text, |_| Ok(name.parse::<Host>()?)) else { break };
        hosts.push(Entry::Item((host, text.at.clone())));
    }
    hosts
}

/// Drops and notes what stands twice. Two spellings of one name (`a`, `deploy@a:2222`) are one host: pages, logs and
/// journals know it by its name alone.
fn unique(reader: &mut Reader<'_>, hosts: Vec<Placed>) -> Vec<Host> {
    let mut first: BTreeMap<String, Placed> = BTreeMap::new();
    let mut kept = Vec::with_capacity(hosts.len());
    for (host, at) in hosts {
        let name = host.name().to_ascii_lowercase();
        let Some((other, place)) = first.get(&name) else {
            first.insert(name, (host.clone(), at));
            kept.push(host);
            continue;
        };
        // The later place is the one to look at, wherever the walk came from.
        let (earlier, later) = match place.start <= at.start {
            true => (place.clone(), at),
            false => (at, place.clone()),
        };
        let line = reader.line(&earlier);
        let cure = match *other == host {
            true => format!("it is already named on line {line}"),
            false => format!("`{other}` on line {line} has the same name; user and port do not make it another host"),
        };
        reader.refuse(Mistake::new(later, format!("host `{host}` is named twice")).cure(cure));
    }
    kept
}
