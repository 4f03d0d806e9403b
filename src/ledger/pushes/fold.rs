//! What a journal's records mean for the ledger's rows. How a push, its commands and its hosts stand is read from the one fold
//! ([`State`]), and never concluded here a second time. It must never take a record twice: [`advance`] moves the fold's place only
//! from where the caller read, in the same transaction as the effects.

use super::{history, questions};
use crate::journal::{Cursor, Event, HostResult, PushState, Record, State};
use crate::ledger::outbox::BadHost;
use crate::ledger::{LedgerError, LedgerResult};
use crate::stack::PushNumber;
use crate::time::At;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// How far the journal of a push is folded in; none when there is no such push.
///
/// # Errors
/// What SQLite said.
pub fn place(connection: &Connection, push: PushNumber) -> LedgerResult<Option<Cursor>> {
    let mut ask = connection.prepare_cached("SELECT offset, n FROM fold WHERE push = ?1")?;
    let found: Option<(i64, i64)> = ask.query_row([push], |row| Ok((row.get("offset")?, row.get("n")?))).optional()?;
    let whole = |number: i64| {
        u64::try_from(number).map_err(|_| LedgerError::Corrupt(format!("{number} as a place in a journal")))
    };
    found.map(|(offset, n)| Ok(Cursor { offset: whole(offset)?, n: whole(n)? })).transpose()
}

/// Moves the fold's place; false when it was not at `from`, so that these records are folded in already.
///
/// # Errors
/// What SQLite said.
pub fn advance(tx: &Transaction<'_>, push: PushNumber, from: Cursor, to: Cursor) -> LedgerResult<bool> {
    let moved = tx
        .prepare_cached("UPDATE fold SET offset = ?1, n = ?2 WHERE push = ?3 AND offset = ?4")?
        .execute(params![whole(to.offset), whole(to.n), push, whole(from.offset)])?;
    Ok(moved == 1)
}

/// The pushes whose end the ledger does not know, oldest first.
///
/// # Errors
/// What SQLite said.
pub fn unfinished(connection: &Connection) -> LedgerResult<Vec<PushNumber>> {
    let mut ask = connection.prepare_cached("SELECT id FROM pushes WHERE ended_at IS NULL ORDER BY id")?;
    let rows = ask.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Takes the next record of a push, and writes what it says into the rows. Lines are only counted (see [`count`]).
///
/// # Errors
/// When the record may not follow; or what SQLite said. Then `state` is of no use any more.
pub fn apply(tx: &Transaction<'_>, push: PushNumber, record: &Record, state: &mut State) -> LedgerResult<()> {
    state.apply(record)?;
    if !record.event.is_state() {
        return Ok(());
    }
    let (id, at) = (push, record.at.to_string());
    match &record.event {
        Event::PushStarted { commands, .. } => {
            tx.prepare_cached("UPDATE pushes SET started_at = ?1 WHERE id = ?2")?.execute(params![at, id])?;
            for (place, title) in (1_i64..).zip(commands) {
                tx.prepare_cached("INSERT INTO commands (push, command, title, hosts) VALUES (?1, ?2, ?3, 0)")?
                    .execute(params![id, place, title])?;
            }
        }
        Event::CommandStarted { command, title, hosts } => {
            tx.prepare_cached(
                "INSERT INTO commands (push, command, title, hosts, started_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (push, command) DO UPDATE
                 SET title = excluded.title, hosts = excluded.hosts, result = NULL,
                     started_at = coalesce(started_at, excluded.started_at)",
            )?
            .execute(params![id, command, title, hosts, at])?;
        }
        Event::HostStarted { command, host } => {
            tx.prepare_cached("INSERT INTO results (push, command, host, started_at) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![id, command, host.as_deref().unwrap_or_default(), at])?;
        }
        Event::HostEnded { command, host, code, why, duration_ms, .. } => {
            // A host on which nothing ran ends without a beginning, and took no time.
            tx.prepare_cached(
                "INSERT INTO results (push, command, host, result, code, why, started_at, duration_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL)
                 ON CONFLICT (push, command, host) DO UPDATE SET result = excluded.result, code = excluded.code,
                                                                 why = excluded.why, duration_ms = ?8",
            )?
            .execute(params![
                id,
                command,
                host.as_deref().unwrap_or_default(),
                state.host(*command, host.as_deref()).result(),
                code,
                why,
                at,
                whole(*duration_ms)
            ])?;
        }
        Event::BuildMade { build, root, files, bytes, .. } => {
            tx.prepare_cached(
                "INSERT INTO builds (id, stack, sha, branch, root, files, bytes, push, made_at)
                 SELECT ?1, stack, sha, branch, ?2, ?3, ?4, id, ?5 FROM pushes WHERE id = ?6",
            )?
            .execute(params![build.as_str(), root.as_str(), whole(*files), whole(*bytes), at, id])?;
            tx.prepare_cached("UPDATE pushes SET root = ?1 WHERE id = ?2")?.execute(params![root.as_str(), id])?;
        }
        Event::Link { title, url, host, .. } => {
            tx.prepare_cached(
                "INSERT INTO links (push, place, title, url, host)
                 SELECT ?1, 1 + count(*), ?2, ?3, ?4 FROM links WHERE push = ?1",
            )?
            .execute(params![id, title, url, host])?;
        }
        Event::Measured { command, value, max, min, before } => {
            tx.prepare_cached(
                "INSERT INTO measurements (push, place, command, at, value, max, min, before)
                 SELECT ?1, 1 + count(*), ?2, ?3, ?4, ?5, ?6, ?7 FROM measurements WHERE push = ?1",
            )?
            .execute(params![id, command, at, value, max, min, before])?;
        }
        Event::CommandEnded { command, ok, not_ok, duration_ms, skew_ms, .. } => {
            let result = state.commands.get(command).and_then(|command| command.result);
            tx.prepare_cached(
                "UPDATE commands SET result = ?1, ok = ?2, not_ok = ?3, duration_ms = ?4, skew_ms = ?7
                 WHERE push = ?5 AND command = ?6",
            )?
            .execute(params![result, ok, not_ok, whole(*duration_ms), id, command, skew_ms.map(whole)])?;
        }
        Event::HostDropped { command, host } => {
            let at = state.host(*command, Some(host));
            tx.prepare_cached(
                "UPDATE results SET result = ?4, before_drop = ?5 WHERE push = ?1 AND command = ?2 AND host = ?3",
            )?
            .execute(params![id, command, host, at.result(), at.ended])?;
        }
        Event::Paused { who, reason } => {
            tx.prepare_cached("UPDATE pushes SET paused_by = ?1, paused_at = ?2, paused_why = ?3 WHERE id = ?4")?
                .execute(params![who.as_str(), at, reason, id])?;
        }
        Event::Resumed { .. } => {
            tx.prepare_cached("UPDATE pushes SET paused_by = NULL, paused_at = NULL, paused_why = NULL WHERE id = ?1")?
                .execute([id])?;
        }
        Event::Line { .. } | Event::UndoStarted { .. } | Event::Connecting(_) | Event::Connected(_) => {}
        Event::Asked { .. } | Event::Answered { .. } => questions::apply(tx, push, record)?,
        Event::PushEnded { .. } => {
            questions::apply(tx, push, record)?;
            cut_off(tx, id, state)?;
            end(tx, id, &at, &record.event)?;
        }
    }
    if let Event::Asked { .. } | Event::Answered { .. } | Event::Paused { .. } | Event::Resumed { .. } = record.event {
        waits(tx, id, record.at)?;
    }
    Ok(())
}

/// Notes since when a push waits for a person, and adds up how long it did: paused and asking at once count once.
fn waits(tx: &Transaction<'_>, id: PushNumber, at: At) -> LedgerResult<()> {
    let mut ask = tx.prepare_cached(
        "SELECT waits_since, paused_at IS NOT NULL
                OR EXISTS (SELECT 1 FROM questions q WHERE q.push = p.id AND q.answer IS NULL) AS waits
         FROM pushes p WHERE id = ?1",
    )?;
    let (since, waits): (Option<String>, bool) =
        ask.query_row([id], |row| Ok((row.get("waits_since")?, row.get("waits")?)))?;
    let (since, waited) = match (since, waits) {
        (None, true) => (Some(at.to_string()), 0),
        (Some(since), false) => (None, since.parse::<At>().map_or(0, |since| at.millis_since(since).max(0))),
        (since, _) => (since, 0),
    };
    tx.prepare_cached("UPDATE pushes SET waits_since = ?1, waited_ms = waited_ms + ?2 WHERE id = ?3")?
        .execute(params![since, waited, id])?;
    Ok(())
}

/// Writes down how many lines there are, and on how many hosts the build of a running push is by now.
///
/// # Errors
/// What SQLite said.
pub fn count(tx: &Transaction<'_>, push: PushNumber, state: &State) -> LedgerResult<()> {
    tx.prepare_cached("UPDATE pushes SET lines = ?1, hosts_ok = ?2 WHERE id = ?3")?.execute(params![
        whole(state.lines),
        state.holding(),
        push
    ])?;
    Ok(())
}

/// The hosts of a push that did not end well, at most `most`.
///
/// # Errors
/// What SQLite said.
pub fn bad_hosts(connection: &Connection, push: PushNumber, most: usize) -> LedgerResult<Vec<BadHost>> {
    let mut ask = connection.prepare_cached(
        "SELECT r.host, r.result, r.why, c.title
         FROM results r JOIN commands c ON c.push = r.push AND c.command = r.command
         WHERE r.push = ?1 AND r.host <> '' AND r.result IS NOT NULL AND r.result NOT IN (?3, ?4)
         ORDER BY r.command, r.host LIMIT ?2",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = ask.query_map(params![push, most, HostResult::Ok, HostResult::Skipped], |row| {
        Ok(BadHost {
            host: row.get("host")?,
            result: row.get("result")?,
            why: row.get("why")?,
            command: row.get("title")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Commands and hosts whose end no record has said, as the fold says it when the push is over.
fn cut_off(tx: &Transaction<'_>, id: PushNumber, state: &State) -> LedgerResult<()> {
    let mut of_command =
        tx.prepare_cached("UPDATE commands SET result = ?3 WHERE push = ?1 AND command = ?2 AND result IS NULL")?;
    let mut of_host = tx.prepare_cached(
        "UPDATE results SET result = ?4 WHERE push = ?1 AND command = ?2 AND host = ?3 AND result IS NULL",
    )?;
    for (number, command) in &state.commands {
        of_command.execute(params![id, number, command.result])?;
        for (host, at) in command.hosts.iter().filter(|(_, at)| at.result() == Some(HostResult::Unknown)) {
            of_host.execute(params![id, number, host.as_deref().unwrap_or_default(), at.result()])?;
        }
    }
    Ok(())
}

/// The end: the row gets its last words, the lock is free.
fn end(tx: &Transaction<'_>, id: PushNumber, at: &str, event: &Event) -> LedgerResult<()> {
    let Event::PushEnded { state, why, who, hosts_ok, hosts_total, duration_ms, sha256, .. } = event else {
        return Ok(());
    };
    tx.prepare_cached(
        "UPDATE pushes SET state = ?1, why = ?2, ended_by = ?3, hosts_ok = ?4, hosts_total = ?5, ended_at = ?6,
                           duration_ms = ?7, journal_hash = ?8, paused_by = NULL, paused_at = NULL, paused_why = NULL,
                           waits_since = NULL
         WHERE id = ?9",
    )?
    .execute(params![
        PushState::from(*state),
        why,
        who.as_ref().map(|who| who.as_str()),
        hosts_ok,
        hosts_total,
        at,
        whole(*duration_ms),
        sha256,
        id
    ])?;
    tx.prepare_cached("DELETE FROM locks WHERE push = ?1")?.execute([id])?;
    history::index(tx, id)
}

/// SQLite has no unsigned numbers; nothing that is counted here comes near the edge.
fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
