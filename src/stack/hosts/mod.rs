//! `[hosts]` and a stage's `hosts`: groups, ranges, references and the answers of commands become plain lists in which no
//! host stands twice. It must never look a name up, nor run a command. Called by `parse`.

pub(super) mod groups;
pub mod host;
pub mod inventory;
pub(super) mod ranges;

use super::reader::{Keys, Reader, Text, Value};
use super::variables::{Place, Scope};
use super::{Host, shell, values};
use crate::diagnostic::{Mistake, shown};
use groups::{Entry, Groups};
use inventory::{Answers, Inventory};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

pub(super) const GROUP: Keys =
    Keys { of: "a host group", known: &["hosts", "command", "min", "timeout", "shrink", "jump"], later: &[] };

/// An entry of a group that is no reference.
#[derive(Clone, Debug)]
pub(super) enum GroupEntry {
    /// A host, and where it is written.
    Written(Host, Range<usize>),
    /// All that a command lists, for the group of this name.
    Listed(String, Inventory),
}

/// The hosts of a stage, as far as they are known.
#[derive(Clone, Debug, Default)]
pub(super) struct StageHosts {
    pub hosts: Vec<Host>,
    pub inventories: Vec<Inventory>,
    /// Why they are not known well enough to push to them.
    pub unlisted: Option<String>,
}

/// What all hosts of a file share.
#[derive(Clone, Copy)]
pub(super) struct HostContext<'a> {
    /// The jump host of those that name none.
    pub jump: Option<&'a Host>,
    /// What the commands that list hosts have answered.
    pub answers: &'a Answers,
}

/// Reads `[hosts]`.
pub(super) fn read_groups(
    reader: &mut Reader<'_>,
    ways: HostContext<'_>,
    section: Option<&Value<'_>>,
) -> Groups<GroupEntry> {
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
        let entries = read_entries(reader, ways, name, value).unwrap_or_default();
        groups.insert(name.to_owned(), entries);
    }
    for name in groups.names() {
        let placed = groups.named(reader, &name, 0..0).unwrap_or_default();
        settle(reader, ways, placed);
    }
    groups
}

/// Reads a stage's `hosts`: the name of a group, or hosts themselves. `None` when something was noted instead.
#[expect(clippy::wildcard_enum_match_arm, reason = "the kinds of values of TOML are not ours")]
pub(super) fn read_stage_hosts(
    reader: &mut Reader<'_>,
    ways: HostContext<'_>,
    groups: &mut Groups<GroupEntry>,
    value: &Value<'_>,
) -> Option<StageHosts> {
    let before = reader.mistakes.len();
    let placed = match value.get_ref() {
        DeValue::String(name) if name.contains(['.', '[', ':']) => {
            let cure = format!("to name hosts, write a list: hosts = [\"{}\"]", shown(name));
            reader.refuse(Mistake::new(value.span(), "`hosts` is the name of a group, or a list").cure(cure));
            return None;
        }
        DeValue::String(name) => groups.named(reader, name.strip_prefix('@').unwrap_or(name), value.span())?,
        _ => {
            let entries = read_entries(reader, ways, "of the stage", value)?;
            groups.flat(reader, &entries)
        }
    };
    let hosts = settle(reader, ways, placed);
    let known = !hosts.hosts.is_empty() || hosts.unlisted.is_some();
    (reader.mistakes.len() == before && known).then_some(hosts)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the kinds of values of TOML are not ours")]
fn read_entries(
    reader: &mut Reader<'_>,
    ways: HostContext<'_>,
    group: &str,
    value: &Value<'_>,
) -> Option<Vec<Entry<GroupEntry>>> {
    match value.get_ref() {
        DeValue::Table(table) => return read_table(reader, ways, group, table, value.span()),
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
    Some(texts.iter().flat_map(|text| read_hosts(reader, ways.jump, text)).collect())
}

/// `{ hosts = ["web[1-3]"], jump = "bastion" }` or `{ command = "./inventory prod" }`.
fn read_table(
    reader: &mut Reader<'_>,
    ways: HostContext<'_>,
    group: &str,
    table: &DeTable<'_>,
    at: Range<usize>,
) -> Option<Vec<Entry<GroupEntry>>> {
    reader.check_keys(table, &GROUP);
    let jump = match table.get("jump") {
        Some(value) => reader.parsed(value, values::jump)?,
        None => ways.jump.cloned(),
    };
    match (table.get("hosts"), table.get_key_value("command")) {
        (Some(hosts), None) => {
            for key in ["min", "timeout", "shrink"] {
                if let Some((key, _)) = table.get_key_value(key) {
                    let title = format!("`{}` belongs to a command that lists hosts", key.get_ref());
                    reader.refuse(Mistake::new(key.span(), title).cure("take it out"));
                }
            }
            if hosts.get_ref().is_table() {
                let cure = "write hosts = [\"web[001-040].example.com\"]";
                reader.refuse(Mistake::new(hosts.span(), "this must be a list of hosts").cure(cure));
                return None;
            }
            read_entries(reader, HostContext { jump: jump.as_ref(), ..ways }, group, hosts)
        }
        (None, Some((_, command))) => {
            let inventory = read_inventory(reader, table, command, jump)?;
            Some(vec![Entry::Item(GroupEntry::Listed(group.to_owned(), inventory))])
        }
        _ => {
            let cure = "write { hosts = [\"web1\"], jump = \"bastion\" } or { command = \"./inventory prod\" }";
            reader.refuse(Mistake::new(at, "a host group has either `hosts` or a `command`").cure(cure));
            None
        }
    }
}

fn read_inventory(
    reader: &mut Reader<'_>,
    table: &DeTable<'_>,
    command: &Value<'_>,
    jump: Option<Host>,
) -> Option<Inventory> {
    let text = reader.text(command)?;
    // It is asked before there is a push, so nothing has a value yet.
    let none = BTreeSet::new();
    let scope = Scope { place: Place::Build, own: &none, secrets: &none, vars: &BTreeMap::new() };
    let script = match shell::compile(&text.value, scope) {
        Ok(script) => script,
        Err(flaws) => {
            for flaw in flaws {
                let at = reader.part(&text, &flaw.at);
                reader.refuse(Mistake { at, title: flaw.title, cures: flaw.cures });
            }
            return None;
        }
    };
    if script.pieces.iter().any(|piece| matches!(piece, super::script::Piece::Var(_))) {
        let title = "a command that lists hosts has no variables: it runs before there is a push";
        reader.refuse(Mistake::new(text.at, title).cure("write the value out; plain braces are written {{ and }}"));
        return None;
    }
    let min = table.get("min").map_or(Some(1), |value| reader.number(value, 1..=ranges::MOST));
    let timeout = table.get("timeout").map_or(Some(inventory::TIMEOUT), |value| reader.parsed(value, values::timeout));
    let shrink = table.get("shrink").map_or(Some(inventory::SHRINK), |value| reader.parsed(value, values::shrink));
    Some(Inventory { command: script.text, min: min?, timeout: timeout?, shrink: shrink?, jump })
}

/// The hosts of one string: a range, a host, or the name of a group.
fn read_hosts(reader: &mut Reader<'_>, jump: Option<&Host>, text: &Text) -> Vec<Entry<GroupEntry>> {
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
        hosts.push(Entry::Item(GroupEntry::Written(host.or_via(jump), text.at.clone())));
    }
    hosts
}

/// Where a host comes from.
#[derive(Clone)]
enum Origin {
    Written(Range<usize>),
    Listed(String),
}

/// Puts the answers of the commands in, and drops what stands twice: a mistake of the file where the file says both, and
/// the stage's trouble where a command does. Two spellings of one name (`a`, `deploy@a`) are one host: pages, logs and journals
/// know it by its name alone. Another port is another name.
fn settle(reader: &mut Reader<'_>, ways: HostContext<'_>, placed: Vec<GroupEntry>) -> StageHosts {
    let mut first: BTreeMap<String, (Host, Origin)> = BTreeMap::new();
    let mut settled = StageHosts::default();
    for (host, origin) in listed(ways, placed, &mut settled) {
        let name = host.name().to_ascii_lowercase();
        let Some((other, known)) = first.get(&name).cloned() else {
            first.insert(name, (host.clone(), origin));
            settled.hosts.push(host);
            continue;
        };
        match (known, origin) {
            (Origin::Written(place), Origin::Written(at)) => twice(reader, (&other, place), (&host, at)),
            (known, origin) => {
                let where_ = |origin: &Origin| match origin {
                    Origin::Written(at) => format!("on line {}", reader.line(at)),
                    Origin::Listed(group) => format!("by the command {}", of(group)),
                };
                let why = format!("host {} is named twice: {} and {}", host.name(), where_(&known), where_(&origin));
                settled.unlisted.get_or_insert(why);
            }
        }
    }
    settled
}

/// All hosts with their origins; notes the commands, and which of them has no good answer.
fn listed(ways: HostContext<'_>, placed: Vec<GroupEntry>, settled: &mut StageHosts) -> Vec<(Host, Origin)> {
    let mut all = Vec::with_capacity(placed.len());
    for placed in placed {
        let (group, inventory) = match placed {
            GroupEntry::Written(host, at) => {
                all.push((host, Origin::Written(at)));
                continue;
            }
            GroupEntry::Listed(group, inventory) => (group, inventory),
        };
        let answer = ways.answers.get(&inventory);
        let problem = match answer {
            None => Some("has not been asked yet".to_owned()),
            Some(answer) => answer.problem.clone(),
        };
        if let Some(problem) = problem {
            let why = format!("the hosts {} are not known: `{}` {problem}", of(&group), shown(&inventory.command));
            settled.unlisted.get_or_insert(why);
        }
        let hosts = answer.map(|answer| answer.hosts.clone()).unwrap_or_default();
        all.extend(hosts.into_iter().map(|host| (host, Origin::Listed(group.clone()))));
        settled.inventories.push(inventory);
    }
    all
}

/// `of group web`; a command in the stage itself has no group.
fn of(group: &str) -> String {
    match group.contains(' ') {
        true => group.to_owned(),
        false => format!("of group {group}"),
    }
}

/// Notes a host that the file names twice.
fn twice(reader: &mut Reader<'_>, (other, place): (&Host, Range<usize>), (host, at): (&Host, Range<usize>)) {
    // The later place is the one to look at, wherever the walk came from.
    let (earlier, later) = if place.start <= at.start { (place, at) } else { (at, place) };
    let line = reader.line(&earlier);
    let cure = match other == host {
        true => format!("it is already named on line {line}"),
        false => {
            format!(
                "`{other}` on line {line} has the same name; another user or jump host does not make it another host"
            )
        }
    };
    reader.refuse(Mistake::new(later, format!("host `{host}` is named twice")).cure(cure));
}

#[cfg(test)]
mod tests;
