//! `roll`: a list that each host walks through as a whole, in whole batches. References to shared lists are followed here,
//! and what a roll cannot hold is refused. It must never change the order of a list. Called by `commands` and `parse`.

use crate::diagnostic::Mistake;
use crate::stack::draft::Draft;
use crate::stack::hosts::groups::{Entry, Groups};
use crate::stack::reader::Reader;

/// Follows the references inside of rolls; every roll holds items only afterwards.
pub(in crate::stack) fn unfold(reader: &mut Reader<'_>, lists: &mut Groups<Draft>, drafts: Vec<Draft>) -> Vec<Draft> {
    let mut unfolded = Vec::with_capacity(drafts.len());
    for mut draft in drafts {
        if draft.form.list().is_some() {
            let inside = lists.flat(reader, &draft.inside);
            inside.iter().for_each(|inner| check_inner(reader, inner));
            draft.inside = inside.into_iter().map(Entry::Item).collect();
        }
        unfolded.push(draft);
    }
    unfolded
}

fn check_inner(reader: &mut Reader<'_>, inner: &Draft) {
    if let Some((title, cure)) = inner.form.kind().refused_in_a_roll() {
        reader.refuse(Mistake::new(inner.at.clone(), title).cure(cure));
    }
    let limits = &inner.limits;
    for (key, there) in [
        ("chunk", limits.chunk.is_some()),
        ("max_failed", limits.max_failed.is_some()),
        ("on_failure", limits.on_failure.is_some()),
        ("confirm", inner.confirm.is_some()),
        ("watch", inner.watch.is_some()),
    ] {
        if there {
            let title = format!("a command inside a roll has no `{key}`: its hosts go in the batches of the roll");
            reader.refuse(Mistake::new(inner.at.clone(), title).cure(format!("write `{key}` at the roll")));
        }
    }
}
