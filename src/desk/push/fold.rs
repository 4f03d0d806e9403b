//! The fold: a journal's records become history, announcements, and an open or a held stack, in one transaction, each
//! record exactly once (TRUST section 2). It must never be given records that are not durable.

use crate::desk::parts::notify_targets::{NotifyTargets, SERVER};
use crate::desk::parts::recent_plans::listed;
use crate::journal::{Cursor, Ended, Event, Record, State, StoredRecord};
use crate::ledger::holds::{self, Hold};
use crate::ledger::outbox::{self, Announcement, Moment, Pause};
use crate::ledger::pushes::{self, PushRow};
use crate::ledger::{LedgerError, LedgerResult, audit, current, desired, fold, questions, seal};
use crate::plan::PushKind;
use crate::stack::{PushNumber, Who};
use crate::time::At;
use rusqlite::Transaction;

/// Bad hosts that one announcement names; the rest is on the page.
const NAMED_HOSTS: usize = 20;

/// What a fold did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Folded {
    /// Nothing: these records are in the ledger already.
    Already,
    /// The records are in the ledger.
    Open,
    /// The records are in the ledger, and the last one was the end.
    Ended,
}

/// Folds the records that follow `from`, where `state` is what those before it say; it is then what all of them say.
///
/// # Errors
/// When a record may not follow, or what SQLite said; then the transaction must not be committed, and `state` is of no use any more.
pub(crate) fn fold(
    tx: &Transaction<'_>,
    push: PushNumber,
    from: Cursor,
    records: &[StoredRecord],
    state: &mut State,
    targets: &NotifyTargets,
) -> LedgerResult<Folded> {
    let Some(last) = records.last() else { return Ok(Folded::Open) };
    let to = Cursor { offset: last.end, n: last.record.n };
    if !fold::advance(tx, push, from, to)? {
        return Ok(Folded::Already);
    }
    let mut folded = Folded::Open;
    for read in records {
        // What is announced says how many lines and hosts there were then, and nothing changes behind the end.
        if is_announced(&read.record.event) {
            fold::count(tx, push, state)?;
        }
        let paused = was_paused(tx, push, &read.record.event)?;
        fold::apply(tx, push, &read.record, state)?;
        match &read.record.event {
            Event::PushStarted { .. } => announce(tx, push, News::of(Moment::Started), targets, read.record.at)?,
            Event::Asked { .. } => announce(tx, push, News::of(Moment::Asked), targets, read.record.at)?,
            Event::Paused { who, .. } => {
                let pause = pause_row(&read.record, who, None);
                announce(tx, push, News { pause: Some(pause), ..News::of(Moment::Paused) }, targets, read.record.at)?;
            }
            Event::Resumed { who } => {
                let pause = pause_row(&read.record, who, paused);
                announce(tx, push, News { pause: Some(pause), ..News::of(Moment::Resumed) }, targets, read.record.at)?;
            }
            Event::PushEnded { state, unknown, sha256, .. } => {
                let row = row(tx, push)?;
                let caught_up = row.kind == PushKind::CatchUp;
                if *state == Ended::Succeeded && caught_up {
                    // What the stage runs stays what it was, unless the last hosts of a degraded push have it now.
                    desired::settle(tx, row.id)?;
                } else if *state == Ended::Succeeded {
                    current::set(tx, &row.stack, &row.stage, &row.build, row.id)?;
                    settle(tx, push, &row, read.record.at)?;
                }
                let held = *state == Ended::Interrupted || !unknown.is_empty();
                if held {
                    hold(tx, push, &row, unknown, read.record.at)?;
                }
                let audit_text =
                    format!("push {push} of {} to {} {}, journal {sha256}", row.stack, row.stage, row.state);
                let who = row.ended_by.as_deref().unwrap_or(SERVER);
                let object = format!("{}/{}", row.stack, row.stage);
                audit::note(tx, read.record.at, who, "push ended", &object, &audit_text)?;
                announce(tx, push, News { held, ..News::of(Moment::Ended) }, targets, read.record.at)?;
                folded = Folded::Ended;
            }
            // Rows alone.
            Event::Connecting(_)
            | Event::Connected(_)
            | Event::CommandStarted { .. }
            | Event::HostStarted { .. }
            | Event::Line { .. }
            | Event::HostEnded { .. }
            | Event::BuildMade { .. }
            | Event::Answered { .. }
            | Event::Link { .. }
            | Event::Measured { .. }
            | Event::CommandEnded { .. }
            | Event::HostDropped { .. }
            | Event::UndoStarted { .. } => {}
        }
    }
    if folded == Folded::Open {
        fold::count(tx, push, state)?;
    }
    Ok(folded)
}

/// Whether a record is announced.
fn is_announced(event: &Event) -> bool {
    matches!(
        event,
        Event::PushStarted { .. }
            | Event::Asked { .. }
            | Event::Paused { .. }
            | Event::Resumed { .. }
            | Event::PushEnded { .. }
    )
}

fn row(tx: &Transaction<'_>, push: PushNumber) -> LedgerResult<PushRow> {
    pushes::get(tx, push)?.ok_or_else(|| LedgerError::Corrupt(format!("push {push} has a fold but no row")))
}

/// Nothing is let go in silence: the stack stays closed until a person has looked.
fn hold(tx: &Transaction<'_>, push: PushNumber, row: &PushRow, unknown: &[String], at: At) -> LedgerResult<()> {
    let began = !pushes::results(tx, push)?.is_empty();
    let reason = held_words(row, unknown, began);
    let hold = Hold {
        scope: holds::scope(&row.stack, None),
        who: SERVER.to_owned(),
        reason: reason.clone(),
        at: at.to_string(),
        push: Some(row.id),
        until: None,
    };
    crate::desk::holds::end(tx, at)?;
    holds::set(tx, &hold)?;
    holds::leave_unresolved(tx, row.id, &row.stack, &row.stage)?;
    audit::note(tx, at, SERVER, "hold", row.stack.as_str(), &format!("{}: {reason}", row.stack))
}

/// A resume or a rollback that succeeded has been on every host: what a bad push had left in doubt there is known now.
fn settle(tx: &Transaction<'_>, push: PushNumber, row: &PushRow, at: At) -> LedgerResult<()> {
    let Some(hold) = holds::settle(tx, &row.stack, &row.stage, SERVER)? else { return Ok(()) };
    let audit_text = format!("{}, settled by push {push}, a {}; it was: {}", hold.scope, row.kind, hold.reason);
    audit::note(tx, at, SERVER, "release hold", &hold.scope, &audit_text)
}

/// Why a push left a hold, and what to do.
fn held_words(row: &PushRow, unknown: &[String], began: bool) -> String {
    let (id, stage, state) = (row.id, &row.stage, &row.state);
    match (unknown, began) {
        ([], false) => {
            format!(
                "push {id} to {stage} was {state} before anything ran; see why on its page, then resume it, roll back, or release the hold"
            )
        }
        ([], true) => format!(
            "push {id} to {stage} was {state} before all steps were done; see its page, then resume it, roll back, or release the hold"
        ),
        ([host], _) => format!(
            "push {id} to {stage} was {state}, and the state of {host} is unknown; check it, then resume the push, roll back, or release the hold"
        ),
        (hosts, _) => format!(
            "push {id} to {stage} was {state}, and the state of {} hosts is unknown ({}); check them, then resume the push, roll back, or release the hold",
            hosts.len(),
            listed(hosts)
        ),
    }
}

/// Since when the push is paused that now goes on.
fn was_paused(tx: &Transaction<'_>, push: PushNumber, event: &Event) -> LedgerResult<Option<At>> {
    if let Event::Resumed { .. } = event {
        return Ok(row(tx, push)?.paused.and_then(|paused| paused.at.parse().ok()));
    }
    Ok(None)
}

fn pause_row(record: &Record, who: &Who, since: Option<At>) -> Pause {
    let lasted_ms = since.map(|since| record.at.millis_since(since));
    Pause { n: record.n, at: record.at.to_string(), who: who.to_string(), lasted_ms }
}

/// What is announced of a push beside what its row says.
struct News {
    event: Moment,
    pause: Option<Pause>,
    /// Whether it left a hold.
    held: bool,
}

impl News {
    fn of(event: Moment) -> Self {
        Self { event, pause: None, held: false }
    }
}

fn announce(
    tx: &Transaction<'_>,
    push: PushNumber,
    News { event, pause, held }: News,
    targets: &NotifyTargets,
    at: At,
) -> LedgerResult<()> {
    // What is told is sealed first, so that nobody can change it behind the head that people were told.
    seal::seal(tx)?;
    let head = audit::head(tx)?;
    let row = row(tx, push)?;
    let announcement = Announcement {
        event,
        button: pushes::button(tx, push)?,
        commits: pushes::commits(tx, push)?.into_iter().map(Into::into).collect(),
        commit_count: usize::try_from(row.commit_count).unwrap_or_default(),
        push: row.into(),
        bad_hosts: fold::bad_hosts(tx, push, NAMED_HOSTS)?,
        links: pushes::links(tx, push)?.into_iter().map(Into::into).collect(),
        question: match event {
            Moment::Asked => questions::of_push(tx, push)?.pop().map(Into::into),
            Moment::Started | Moment::Paused | Moment::Resumed | Moment::Ended => None,
        },
        pause,
        held,
        url: format!("{}/pushes/{push}", targets.url()),
        audit_head: head.chars().take(12).collect(),
    };
    outbox::write(tx, &announcement, &targets.of(announcement.about()), at)
}

#[cfg(test)]
mod tests;
