//! The limits that a command may have, as a table says them: chunk, timeout, tries, and what its failures mean. What it leaves open
//! is settled by `draft`. It must never know a form by name: `form` says what each refuses.
//! Called by `commands` and `parse`.

use super::commands::fan_out::FanOutDraft;
use super::commands::policies;
use super::draft::Limits;
use super::form::kind::FormKind;
use super::reader::{Reader, Value};
use super::values::{self, Chunk, Share};
use crate::diagnostic::Mistake;
use toml::de::{DeTable, DeValue};

/// More tries than this are a loop, not patience.
const MOST_TRIES: usize = 1000;

impl Limits {
    /// What a table says.
    pub fn read(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Self {
        Self {
            chunk: table.get("chunk").and_then(|value| read_chunk(reader, value)),
            timeout: table.get("timeout").and_then(|value| reader.parsed(value, values::timeout)),
            tries: table
                .get("tries")
                .and_then(|value| reader.number(value, 1..=MOST_TRIES))
                .and_then(|tries| u32::try_from(tries).ok()),
            every: table.get("every").and_then(|value| reader.parsed(value, values::every)),
            max_failed: table.get("max_failed").and_then(|value| read_max_failed(reader, value)),
            on_failure: table.get("on_failure").and_then(|value| policies::read_on_failure(reader, value)),
            max_dropped: table.get("max_dropped").and_then(|value| policies::read_max_dropped(reader, value)),
            spread: FanOutDraft::read(reader, table),
        }
    }
}

/// Refuses limits that a form cannot have.
pub(super) fn check_form(reader: &mut Reader<'_>, table: &DeTable<'_>, form: FormKind) {
    let refused =
        [(form.refused_fan_out(), "take it out, or say it for the stage"), (form.refused_limits(), "take it out")];
    for (keys, cure) in refused {
        for (key, why) in keys {
            if let Some((key, _)) = table.get_key_value(*key) {
                let title = format!("`{}` has no `{}`: {why}", form.word(), key.get_ref());
                reader.refuse(Mistake::new(key.span(), title).cure(cure));
            }
        }
    }
}

/// `chunk`: a number of hosts, a percentage, or a list of both that grows.
fn read_chunk(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Chunk> {
    let DeValue::Array(array) = value.get_ref() else {
        return Some(Chunk { first: Vec::new(), rest: read_share(reader, value)? });
    };
    let shares: Vec<Share> = array.iter().filter_map(|value| read_share(reader, value)).collect();
    match shares.split_last() {
        Some((rest, first)) if shares.len() == array.len() => Some(Chunk { first: first.to_vec(), rest: *rest }),
        Some(_) => None,
        None => {
            let cure = "write the sizes one after the other; the last one is used to the end: chunk = [1, 10, \"25%\"]";
            if array.is_empty() {
                reader.refuse(Mistake::new(value.span(), "this chunk has no size").cure(cure));
            }
            None
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the kinds of values of TOML are not ours")]
fn read_share(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Share> {
    match value.get_ref() {
        DeValue::Integer(_) => reader.number(value, 1..=super::hosts::ranges::MOST).map(Share::Hosts),
        DeValue::String(_) => reader.parsed(value, values::percent),
        other => reader.wrong(value, "a number of hosts, or a percentage like \"25%\"", other),
    }
}

/// `max_failed`: a number of hosts, or a percentage of the frozen list, rounded down.
#[expect(clippy::wildcard_enum_match_arm, reason = "the kinds of values of TOML are not ours")]
fn read_max_failed(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Share> {
    match value.get_ref() {
        DeValue::Integer(_) => reader.number(value, 0..=super::hosts::ranges::MOST).map(Share::Hosts),
        DeValue::String(_) => reader.parsed(value, values::max_failed),
        other => reader.wrong(value, "a number of hosts, or a percentage like \"5%\"", other),
    }
}
