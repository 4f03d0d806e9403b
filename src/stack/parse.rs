//! From the text of a stack file to a [`Stack`]: the one door. Every mistake is found and told at once.
//! It must never take what it does not understand: an unknown key is an error. Called by the desk and by `check`.

pub(super) mod graphs;

use super::commands::{self, policies, questions};
use super::conditions::{approval, auto, needs};
use super::draft::{self, Draft, Limits};
use super::form::kind::{Around, FormKind};
use super::hosts::groups::Groups;
use super::hosts::{self, GroupEntry, HostContext, StageHosts};
use super::reader::{Keys, Reader, Value};
use super::source::{self, Refs, Source, tickets};
use super::variables::{BUILT_IN, Place, Scope};
use super::{Answers, Stack, StackName, Stage, StageName, secrets, values};
use crate::diagnostic::{Diagnostic, Mistake, shown, toml_mistakes};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// The longest stack file: it must stay a page that anybody can read, and lists of hosts fit easily.
const LONGEST: usize = 1024 * 1024;

/// The most commands of one stage.
const MOST_COMMANDS: usize = 1000;

pub(super) const STACK: Keys = Keys {
    of: "a stack file",
    known: &[
        "title",
        "source",
        "build",
        "network",
        "cache",
        "ship",
        "diff",
        "tickets",
        "graphs",
        "tell",
        "refs",
        "chunk",
        "timeout",
        "tries",
        "every",
        "max_failed",
        "on_failure",
        "max_dropped",
        "fan_out",
        "relay",
        "compress",
        "vars",
        "secrets",
        "jump",
        "hosts",
        "lists",
        "stage",
    ],
    later: &["before", "finally", "allow_skip"],
};

pub(super) const STAGE: Keys = Keys {
    of: "a stage",
    known: &[
        "name",
        "button",
        "refs",
        "approval",
        "approval_expires",
        "needs",
        "auto",
        "auto_after",
        "auto_window",
        "hosts",
        "before",
        "commands",
        "finally",
        "chunk",
        "timeout",
        "tries",
        "every",
        "max_failed",
        "on_failure",
        "drop",
        "max_dropped",
        "fan_out",
        "relay",
        "compress",
    ],
    later: &["allow_skip"],
};

/// Reads a stack file. `file` is its path as it is shown. Hosts that a command lists are not known yet.
///
/// # Errors
/// Everything that is wrong with it, in the file's order.
pub fn parse(name: StackName, file: &str, text: &str) -> Result<Stack, Vec<Diagnostic>> {
    parse_with(name, file, text, &Answers::new())
}

/// The same with what the commands that list hosts have answered. A bad answer is no mistake of the file: it closes the
/// stages that need it, and nothing else.
///
/// # Errors
/// As [`parse`].
pub fn parse_with(name: StackName, file: &str, text: &str, answers: &Answers) -> Result<Stack, Vec<Diagnostic>> {
    if text.len() > LONGEST {
        let mistake = Mistake::new(0..0, format!("this file is longer than {LONGEST} bytes"))
            .cure("name lists of hosts by a command, and put long scripts into the repository");
        return Err(vec![Diagnostic::new(file, "", &mistake)]);
    }
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What stands behind broken TOML is not what its author meant, so nothing more is said of it.
        return Err(Diagnostic::all(file, text, toml_mistakes(&errors)));
    }
    let mut reader = Reader::new(text);
    let stack = read_stack(&mut reader, name, root.get_ref(), text, answers);
    match stack {
        Some(stack) if reader.mistakes.is_empty() => Ok(stack),
        _ => Err(Diagnostic::all(file, text, reader.mistakes)),
    }
}

/// `None` only after a mistake was noted.
fn read_stack(
    reader: &mut Reader<'_>,
    name: StackName,
    root: &DeTable<'_>,
    text: &str,
    answers: &Answers,
) -> Option<Stack> {
    reader.check_keys(root, &STACK);
    let title = root.get("title").and_then(|value| reader.parsed(value, values::line));
    let source = source::read(reader, root);
    let shrink = source::read_shrink(reader, root);
    let refs = source::read_refs(reader, root, source.as_ref());
    let ship = root.get("ship").and_then(|value| reader.parsed(value, values::inner_path));
    let diff = root.get("diff").and_then(|value| reader.parsed(value, values::diff_url));
    let tickets = tickets::read(reader, root.get("tickets"));
    let tell = values::destination::read(reader, root.get("tell"));
    let limits = Limits::read(reader, root);
    let build_timeout = limits.timeout.unwrap_or(draft::TIMEOUT);
    let (vars, own) = read_vars(reader, root.get("vars"));
    let (secrets, hidden) = secrets::read(reader, &own, root.get("secrets"));
    let build_scope = Scope { place: Place::Build, own: &own, secrets: &hidden, vars: &vars };
    let graphs = graphs::read(reader, build_scope, name.as_str(), root.get("graphs"));
    let build = root.get("build").map(|value| commands::read_build(reader, build_scope, value)).unwrap_or_default();
    let network = root.get("network").and_then(|value| reader.boolean(value)).unwrap_or(false);
    let cache = commands::caches::read(reader, root.get("cache"));
    let jump = root.get("jump").and_then(|value| reader.parsed(value, values::jump)).flatten();
    let ways = HostContext { jump: jump.as_ref(), answers };
    let mut groups = hosts::read_groups(reader, ways, root.get("hosts"));
    let scope = Scope { place: Place::Stage, own: &own, secrets: &hidden, vars: &vars };
    let mut lists = commands::read_lists(reader, scope, root.get("lists"));
    let (of, refs) = (source.as_ref(), refs.as_ref());
    let mut rest = StageContext { scope, limits, ways, groups: &mut groups, lists: &mut lists, source: of, refs };
    let stages = read_stages(reader, root, &mut rest)?;
    check_branch(reader, root, source.as_ref(), &stages[0]);
    let title = title.unwrap_or_else(|| name.to_string());
    let ship = ship.map(|ship| ship.trim_start_matches("./").trim_end_matches('/').to_owned());
    let ship = ship.filter(|ship| !ship.is_empty() && ship != ".");
    let text_hash = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    Some(Stack {
        name,
        title,
        source: source?,
        shrink,
        build,
        network,
        cache,
        build_timeout,
        ship,
        diff,
        tickets,
        graphs,
        tell,
        vars,
        secrets,
        stages,
        text_hash,
    })
}

/// The good variables, and the names of all: a command that uses a bad one is not told twice.
fn read_vars(reader: &mut Reader<'_>, section: Option<&Value<'_>>) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let mut vars = BTreeMap::new();
    let mut names = BTreeSet::new();
    let table = section.and_then(|section| reader.table(section));
    for (key, value) in table.into_iter().flatten() {
        let name = key.get_ref().as_ref();
        let built_in = BUILT_IN.iter().any(|(known, _)| *known == name);
        let plain = values::is_variable_name(name) && !name.bytes().any(|b| b.is_ascii_uppercase()) && name.len() <= 63;
        if built_in || !plain {
            let title = match built_in {
                true => format!("`{name}` is a variable of Pushbutton itself"),
                false => format!("variable `{}` is not allowed", shown(name)),
            };
            reader.refuse(Mistake::new(key.span(), title).cure("write a name of your own: letters a-z, digits and _"));
        }
        names.insert(name.to_owned());
        if let Some(value) = reader.parsed(value, values::var) {
            vars.insert(name.to_owned(), value);
        }
    }
    (vars, names)
}

/// What the stages refer to.
struct StageContext<'a> {
    scope: Scope<'a>,
    limits: Limits,
    ways: HostContext<'a>,
    groups: &'a mut Groups<GroupEntry>,
    lists: &'a mut Groups<Draft>,
    source: Option<&'a Source>,
    refs: Option<&'a Refs>,
}

fn read_stages(reader: &mut Reader<'_>, root: &DeTable<'_>, rest: &mut StageContext<'_>) -> Option<Vec<Stage>> {
    const EXAMPLE: &str = "begin each stage with [[stage]]: name, hosts, commands";
    let Some((key, value)) = root.get_key_value("stage") else {
        reader.refuse(Mistake::new(0..0, "the stack has no stages").cure(EXAMPLE));
        return None;
    };
    let DeValue::Array(array) = value.get_ref() else {
        reader.refuse(Mistake::new(key.span(), "there may be many stages, so each has double brackets").cure(EXAMPLE));
        return None;
    };
    if array.is_empty() {
        reader.refuse(Mistake::new(value.span(), "the stack has no stages").cure(EXAMPLE));
        return None;
    }
    let mut names = BTreeMap::new();
    let placed = array.iter().enumerate();
    let stages: Vec<_> = placed.map(|at| read_stage(reader, at, rest, &mut names)).collect();
    stages.into_iter().collect()
}

fn read_stage(
    reader: &mut Reader<'_>,
    (place, value): (usize, &Value<'_>),
    rest: &mut StageContext<'_>,
    names: &mut BTreeMap<String, Range<usize>>,
) -> Option<Stage> {
    let table = reader.table(value)?;
    reader.check_keys(table, &STAGE);
    let at = value.span();
    let name = match table.get("name") {
        Some(value) => read_stage_name(reader, value, names),
        None => {
            reader.missing(at.clone(), "this stage", "name", "name it: name = \"qa\"");
            None
        }
    };
    let button = table.get("button").and_then(|value| reader.parsed(value, values::line));
    let hosts = match table.get("hosts") {
        Some(value) => hosts::read_stage_hosts(reader, rest.ways, rest.groups, value),
        None => {
            let cure = "name a group of [hosts], or the hosts: hosts = [\"qa1.example.com\"]";
            reader.missing(at.clone(), "this stage", "hosts", cure);
            None
        }
    };
    let drafts = match table.get("commands") {
        Some(value) => commands::read_stage_commands(reader, rest.scope, rest.lists, "commands", value),
        None => {
            let cure = "name a list of [lists], or write the commands: commands = [{ run = \"…\" }]";
            reader.missing(at.clone(), "this stage", "commands", cure);
            Vec::new()
        }
    };
    let before = read_around(reader, table, Around::Before, rest);
    let finally = read_around(reader, table, Around::Finally, rest);
    let drop = read_around(reader, table, Around::Drop, rest);
    let limits = Limits::read(reader, table).within(&rest.limits);
    check_commands(reader, &drafts, &at);
    policies::check(reader, table, &at, &limits, &drafts, &drop);
    questions::check(reader, &drafts, &limits);
    let refs = source::read_refs(reader, table, rest.source).or_else(|| rest.refs.cloned());
    let (approval, needs) = (approval::read(reader, table), needs::read(reader, table, place));
    let auto = auto::read(reader, table, place);
    let (name, StageHosts { hosts, inventories, unlisted }) = (name?, hosts?);
    let settled = |drafts: Vec<Draft>| drafts.into_iter().map(|draft| draft.settle(&limits, hosts.len())).collect();
    let (before, commands, finally, drop) = (settled(before), settled(drafts), settled(finally), settled(drop));
    let button = button.unwrap_or_else(|| format!("Push to {name}"));
    let policy = limits.policy(hosts.len());
    Some(Stage {
        name,
        button,
        refs,
        approval,
        needs,
        auto,
        hosts,
        inventories,
        unlisted,
        before,
        commands,
        finally,
        drop,
        policy,
    })
}

/// Reads `before`, `finally` or `drop`: commands that bring nothing, and whose failures have a meaning of their own.
fn read_around(reader: &mut Reader<'_>, table: &DeTable<'_>, list: Around, rest: &mut StageContext<'_>) -> Vec<Draft> {
    let key = list.word();
    let Some(value) = table.get(key) else { return Vec::new() };
    let drafts = commands::read_stage_commands(reader, rest.scope, rest.lists, key, value);
    for draft in &drafts {
        if !draft.form.kind().may_stand_in(list) {
            let title = format!("`{key}` takes {} only", forms_in(list));
            reader.refuse(Mistake::new(draft.at.clone(), title).cure("what goes to the hosts belongs into `commands`"));
        }
        if draft.limits.max_failed.is_some() || draft.limits.on_failure.is_some() {
            let title = match list {
                Around::Before => "a failure in `before` always ends the push",
                Around::Drop => "a host that cannot be dropped has failed",
                Around::Finally => "all of `finally` runs, whatever fails",
            };
            reader.refuse(Mistake::new(draft.at.clone(), title).cure("take `max_failed` and `on_failure` out"));
        }
    }
    drafts
}

/// The forms that a list around the commands takes: `` `local`, `run` and `check` ``.
fn forms_in(list: Around) -> String {
    let forms = FormKind::ALL.into_iter().filter(|kind| kind.may_stand_in(list));
    let words: Vec<String> = forms.map(|kind| format!("`{}`", kind.word())).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some(_) | None => words.concat(),
    }
}

fn read_stage_name(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    names: &mut BTreeMap<String, Range<usize>>,
) -> Option<StageName> {
    let name = reader.parsed(value, |text| Ok(text.parse::<StageName>()?))?;
    match names.insert(name.to_string(), value.span()) {
        None => Some(name),
        Some(first) => {
            let cure = format!("the first one is on line {}", reader.line(&first));
            reader.refuse(Mistake::new(value.span(), format!("there are two stages named `{name}`")).cure(cure));
            None
        }
    }
}

/// A first stage that may not push the stack's own branch has a button that can never be pressed.
fn check_branch(reader: &mut Reader<'_>, root: &DeTable<'_>, source: Option<&Source>, first: &Stage) {
    let (Some(branch), Some(refs)) = (source.and_then(Source::own_branch), &first.refs) else { return };
    if !refs.allow(branch) {
        let at = root.get("source").map_or(0..0, |value| value.span());
        let title = format!("{} may push {refs}, and so never the branch `{}`", first.name, shown(branch));
        reader.refuse(Mistake::new(at, title).cure(format!("add it: refs = [\"{}\", …]", shown(branch))));
    }
}

/// What only the whole list shows: too many commands, or a flip to what was not brought.
fn check_commands(reader: &mut Reader<'_>, drafts: &[Draft], stage: &Range<usize>) {
    let all: Vec<&Draft> =
        drafts.iter().flat_map(|draft| std::iter::once(draft).chain(draft::items(&draft.inside))).collect();
    if all.len() > MOST_COMMANDS {
        let title = format!("this stage has {} commands, more than {MOST_COMMANDS}", all.len());
        reader.refuse(Mistake::new(stage.clone(), title).cure("put what belongs together into a script of the build"));
    }
    let mut brought = BTreeSet::new();
    for draft in all {
        brought.extend(draft.form.release().map(|release| release.dir.as_str()));
        if let Some(dir) = draft.form.flips()
            && !brought.contains(dir)
        {
            let title = format!("`{}` is activated before it was uploaded", shown(dir));
            let cure = format!("put {{ release = \"{}\" }} before it", shown(dir));
            reader.refuse(Mistake::new(draft.at.clone(), title).cure(cure));
        }
    }
}

#[cfg(test)]
mod tests;
