//! Commands as the file writes them: `build`, `[lists]` and a stage's `commands`. What depends on the stage (a percentage
//! of its hosts, its own defaults) stays open in a [`Draft`]. It must never run anything. Called by `parse`.

pub(super) mod caches;
pub(super) mod fan_out;
pub(super) mod policies;
pub(super) mod questions;
mod rolls;

use super::draft::{Draft, Limits};
use super::form::kind::FormKind;
use super::form::read::script;
use super::hosts::groups::{Entry, Groups};
use super::reader::{Keys, Reader, Text, Value};
use super::variables::Scope;
use super::{Form, RunsAs, Script, limits, values};
use crate::diagnostic::{Mistake, shown};
use std::ops::Range;
use std::time::Duration;
use toml::de::{DeTable, DeValue};

pub(super) const COMMAND: Keys = Keys { of: "a command", known: &COMMAND_KEYS, later: &["hosts"] };

/// What any command may say beside its form.
const COMMON: [&str; 10] =
    ["name", "chunk", "timeout", "quiet", "tries", "every", "on_failure", "max_failed", "fan_out", "compress"];

/// The words of the forms, what belongs to one of them, and what any command may say.
const COMMAND_KEYS: [&str; KEYS] = command_keys();

const KEYS: usize = {
    let (mut of_forms, mut at) = (0, 0);
    while at < FormKind::ALL.len() {
        of_forms += 1 + FormKind::ALL[at].own_keys().len();
        at += 1;
    }
    of_forms + COMMON.len()
};

const fn command_keys() -> [&'static str; KEYS] {
    let (mut keys, mut length, mut at) = ([""; KEYS], 0, 0);
    while at < FormKind::ALL.len() {
        keys[length] = FormKind::ALL[at].word();
        (length, at) = (length + 1, at + 1);
    }
    at = 0;
    while at < FormKind::ALL.len() {
        let (own, mut of_own) = (FormKind::ALL[at].own_keys(), 0);
        while of_own < own.len() {
            keys[length] = own[of_own];
            (length, of_own) = (length + 1, of_own + 1);
        }
        at += 1;
    }
    at = 0;
    while at < COMMON.len() {
        keys[length] = COMMON[at];
        (length, at) = (length + 1, at + 1);
    }
    keys
}

/// Reads `build`.
pub(super) fn read_build(reader: &mut Reader<'_>, scope: Scope<'_>, value: &Value<'_>) -> Vec<Script> {
    if let DeValue::String(text) = value.get_ref() {
        let cure = format!("write a list: build = [\"{}\"]", shown(text));
        reader.refuse(Mistake::new(value.span(), "`build` must be a list of commands").cure(cure));
        return Vec::new();
    }
    let texts = reader.texts(value).unwrap_or_default();
    let mut scripts = Vec::with_capacity(texts.len());
    for text in texts {
        if text.value.starts_with('@') {
            let mistake = Mistake::new(text.at, "`build` cannot use a list of [lists]");
            reader.refuse(mistake.cure("write its commands out: they run once, on the push host"));
        } else {
            scripts.extend(script(reader, scope, &text));
        }
    }
    scripts
}

/// Reads `[lists]`.
pub(super) fn read_lists(reader: &mut Reader<'_>, scope: Scope<'_>, section: Option<&Value<'_>>) -> Groups<Draft> {
    let mut lists = Groups::new("command list", "[lists]");
    let Some(table) = section.and_then(|section| reader.table(section)) else { return lists };
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        if name.parse::<super::StageName>().is_err() {
            reader.refuse(
                Mistake::new(key.span(), format!("command list `{}` is not allowed", shown(name)))
                    .cure("write letters a-z, digits, _ and -, at most 63"),
            );
        }
        let entries = read_entries(reader, scope, value);
        lists.insert(name.to_owned(), entries);
    }
    for name in lists.names() {
        let drafts = lists.named(reader, &name, 0..0).unwrap_or_default();
        rolls::unfold(reader, &mut lists, drafts);
    }
    lists
}

/// Reads a stage's `commands`, `before` or `finally`: the name of a list, or commands.
#[expect(clippy::wildcard_enum_match_arm, reason = "the kinds of values of TOML are not ours")]
pub(super) fn read_stage_commands(
    reader: &mut Reader<'_>,
    scope: Scope<'_>,
    lists: &mut Groups<Draft>,
    key: &str,
    value: &Value<'_>,
) -> Vec<Draft> {
    let drafts = match value.get_ref() {
        DeValue::String(text) if text.contains(' ') => {
            let cure = format!("commands must be in a list: {key} = [\"{}\"]", shown(text));
            let title = format!("`{key}` must be a list of commands, or the name of one");
            reader.refuse(Mistake::new(value.span(), title).cure(cure));
            Vec::new()
        }
        DeValue::String(name) => {
            lists.named(reader, name.strip_prefix('@').unwrap_or(name), value.span()).unwrap_or_default()
        }
        _ => {
            let entries = read_entries(reader, scope, value);
            lists.flat(reader, &entries)
        }
    };
    rolls::unfold(reader, lists, drafts)
}

pub(super) fn read_entries(reader: &mut Reader<'_>, scope: Scope<'_>, value: &Value<'_>) -> Vec<Entry<Draft>> {
    let Some(array) = reader.array(value) else { return Vec::new() };
    if array.is_empty() {
        reader.refuse(Mistake::new(value.span(), "there are no commands here").cure("write at least one command"));
    }
    array.iter().filter_map(|entry| read_entry(reader, scope, entry)).collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the kinds of values of TOML are not ours")]
fn read_entry(reader: &mut Reader<'_>, scope: Scope<'_>, value: &Value<'_>) -> Option<Entry<Draft>> {
    match value.get_ref() {
        DeValue::String(text) if text.starts_with('@') => {
            Some(Entry::Reference { name: text[1..].to_owned(), at: value.span() })
        }
        DeValue::String(text) => {
            let text = Text { value: text.to_string(), at: value.span() };
            let form = Form::Local(script(reader, scope, &text)?);
            Some(Entry::Item(Draft {
                form,
                name: None,
                limits: Limits::default(),
                quiet: false,
                confirm: None,
                watch: None,
                runs_as: RunsAs::Committer,
                inside: Vec::new(),
                at: text.at,
            }))
        }
        DeValue::Table(table) => read_table(reader, scope, table, value.span()).map(Entry::Item),
        other => reader.wrong(value, "a command: text, or a table like { run = \"…\" }", other),
    }
}

fn read_table(reader: &mut Reader<'_>, scope: Scope<'_>, table: &DeTable<'_>, at: Range<usize>) -> Option<Draft> {
    reader.check_keys(table, &COMMAND);
    let mut forms: Vec<FormKind> = FormKind::ALL.into_iter().filter(|form| table.contains_key(form.word())).collect();
    if forms.iter().any(|form| !form.may_stand_beside()) {
        // Beside another form these are what is asked and watched before that one's batches grow.
        forms.retain(|form| !form.may_stand_beside());
    }
    let form = match forms.as_slice() {
        [form] => Some(*form),
        [] => {
            let cure = format!("it needs one of `{}`", FormKind::ALL.map(FormKind::word).join("`, `"));
            reader.refuse(Mistake::new(at.clone(), "this command does not say what to do").cure(cure));
            None
        }
        [first, second, ..] => {
            let title = format!("one command cannot be both `{}` and `{}`", first.word(), second.word());
            reader.refuse(Mistake::new(at.clone(), title).cure("write two commands, one after the other"));
            None
        }
    };
    let beside = form.filter(|form| *form != FormKind::Watch).and_then(|_| table.get("watch"));
    let watch = beside.and_then(|value| questions::read_watch(reader, scope, value, &at));
    if let Some(form) = form {
        check_own_keys(reader, table, form);
    }
    let name = table.get("name").and_then(|value| reader.parsed(value, values::line));
    let mut limits = Limits::read(reader, table);
    let quiet = table.get("quiet").and_then(|value| reader.boolean(value)).unwrap_or(false);
    let confirm = table.get("confirm").and_then(|value| questions::read(reader, value));
    let inside = table.get("roll").map(|value| read_entries(reader, scope, value)).unwrap_or_default();
    limits::check_form(reader, table, form?);
    if form? == FormKind::Confirm {
        let question = confirm?;
        limits.timeout.get_or_insert(Duration::from_secs(question.timeout_s));
        let form = Form::Confirm(question.text.clone());
        // What anyone may answer is the form alone, as it always was.
        let confirm = Some(question).filter(|question| !question.by.is_anyone());
        let runs_as = RunsAs::Committer;
        return Some(Draft { form, name, limits, quiet, confirm, watch: None, runs_as, inside, at });
    }
    let form = Form::read(form?, reader, scope, table, &at)?;
    let runs_as = RunsAs::read(reader, table.get("as"), form.local_script());
    let watch = watch.map(Box::new);
    Some(Draft { form, name, limits, quiet, confirm, watch, runs_as, inside, at })
}

/// Refuses the keys that belong to another form.
fn check_own_keys(reader: &mut Reader<'_>, table: &DeTable<'_>, form: FormKind) {
    for owner in FormKind::ALL.into_iter().filter(|owner| *owner != form) {
        for (key, _) in owner.own_keys().iter().filter_map(|key| table.get_key_value(*key)) {
            let (key_name, owner) = (key.get_ref(), owner.word());
            let title = format!("`{key_name}` belongs to `{owner}`, not to `{}`", form.word());
            let cure = format!("take `{key_name}` out here; a command with `{owner}` may have it");
            reader.refuse(Mistake::new(key.span(), title).cure(cure));
        }
    }
}
