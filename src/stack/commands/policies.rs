//! What failures mean, as the file says it: `on_failure`, `max_dropped`, a stage's `drop` list, and what of it cannot work
//! together. It must never decide about a push. Called by `limits` and `parse`.

use crate::diagnostic::{Mistake, shown};
use crate::stack::OnFailure;
use crate::stack::draft::{Draft, Limits};
use crate::stack::reader::{Reader, Value};
use crate::stack::values::{self, Share};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// The words of `on_failure`, as the file writes them.
const WORDS: [(&str, OnFailure); 4] = [
    ("stop", OnFailure::Stop),
    ("continue", OnFailure::Continue),
    ("rollback", OnFailure::Rollback),
    ("drop", OnFailure::Drop),
];

/// `on_failure`.
pub(in crate::stack) fn read_on_failure(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<OnFailure> {
    let text = reader.text(value)?;
    if let Some((_, found)) = WORDS.iter().find(|(word, _)| *word == text.value) {
        return Some(*found);
    }
    let mistake = Mistake::new(text.at, format!("`{}` is not what can happen on a failure", shown(&text.value)));
    let mistake = mistake.nearest(&text.value, WORDS.map(|(word, _)| word));
    reader.refuse(match mistake.cures.is_empty() {
        true => mistake.cure(
            "write \"stop\" (no later command), \"continue\" (with the other hosts), \"rollback\" (to what was live) \
             or \"drop\" (remove the host, continue with the others)",
        ),
        false => mistake,
    });
    None
}

/// `max_dropped`: a number of hosts, or a percentage of the frozen list, rounded down.
#[expect(clippy::wildcard_enum_match_arm, reason = "the kinds of values of TOML are not ours")]
pub(in crate::stack) fn read_max_dropped(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Share> {
    match value.get_ref() {
        DeValue::Integer(_) => reader.number(value, 1..=crate::stack::hosts::ranges::MOST).map(Share::Hosts),
        DeValue::String(_) => reader.parsed(value, values::max_dropped),
        other => reader.wrong(value, "a number of hosts, or a percentage like \"10%\"", other),
    }
}

/// Refuses what cannot work: hosts that are to leave without a way out, a way out that is never taken, leaving and going
/// back at once, and either where no host can fail.
pub(in crate::stack) fn check(
    reader: &mut Reader<'_>,
    table: &DeTable<'_>,
    stage: &Range<usize>,
    limits: &Limits,
    commands: &[Draft],
    drop: &[Draft],
) {
    check_drop(reader, drop);
    if commands.is_empty() {
        // Whatever is wrong with them was told already.
        return;
    }
    let key = |name: &str| table.get_key_value(name).map(|(key, _)| key.span());
    let said = |wanted: OnFailure| -> Option<Range<usize>> {
        let own = commands.iter().find(|draft| draft.limits.on_failure == Some(wanted)).map(|draft| draft.at.clone());
        let outer = || (limits.on_failure == Some(wanted)).then(|| key("on_failure").unwrap_or_else(|| stage.clone()));
        own.or_else(outer)
    };
    let (drops, rolls_back) = (said(OnFailure::Drop), said(OnFailure::Rollback));
    match (&drops, key("drop")) {
        (Some(at), None) => {
            let mistake = Mistake::new(at.clone(), "hosts should be dropped here, but this stage does not say how");
            reader.refuse(mistake.cure("say it in a list: drop = [\"./balancer.sh out {host}\"]"));
        }
        (None, Some(at)) => {
            let mistake = Mistake::new(at, "`drop` is never used: nothing in this stage says on_failure = \"drop\"");
            reader.refuse(mistake.cure("write on_failure = \"drop\" next to it, or remove the list"));
        }
        _ => {}
    }
    if let (None, Some(at)) = (&drops, key("max_dropped")) {
        let mistake = Mistake::new(at, "no host is ever dropped in this stage");
        reader.refuse(mistake.cure("write on_failure = \"drop\" next to it, or remove it"));
    }
    if let (Some(_), Some(at)) = (&drops, &rolls_back) {
        let mistake = Mistake::new(at.clone(), "one stage cannot both drop hosts and roll back");
        reader.refuse(mistake.cure("choose one: a dropped host would not be rolled back with the others"));
    }
    let per_host = commands.iter().any(|draft| draft.form.is_per_host());
    for (word, at) in [("drop", drops), ("rollback", rolls_back)] {
        if let (Some(at), false) = (at, per_host) {
            let title = format!("on_failure = \"{word}\" can do nothing here: no command works on the hosts");
            reader.refuse(Mistake::new(at, title).cure("write \"stop\" or \"continue\""));
        }
    }
}

/// A `drop` list works on the host that leaves, and on nothing else.
fn check_drop(reader: &mut Reader<'_>, drop: &[Draft]) {
    for draft in drop.iter().filter(|draft| !draft.form.is_per_host()) {
        let mistake = Mistake::new(draft.at.clone(), "this command of `drop` does not say which host to drop");
        reader.refuse(mistake.cure("name it with {host}"));
    }
}

#[cfg(test)]
mod tests;
