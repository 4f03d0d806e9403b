//! The pushes that are over for good: nothing of them runs, waits for anybody's decision, or may be resumed. It must never name one of which
//! more may come.

use crate::journal::Ended;
use crate::ledger::LedgerResult;
use crate::stack::PushNumber;
use crate::time::At;
use rusqlite::Connection;

/// A push that is over for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Its number.
    pub push: PushNumber,
    /// When it ended.
    pub ended_at: At,
}

/// Those that ended before a moment, the oldest first. One that did not end well may be resumed as long as no other came to its stage.
///
/// # Errors
/// What SQLite said, or a row that cannot be read.
pub fn list(connection: &Connection, before: At) -> LedgerResult<Vec<Settled>> {
    let mut ask = connection.prepare_cached(
        "WITH newest AS (SELECT max(id) AS id FROM pushes GROUP BY stack, stage)
         SELECT id, ended_at FROM pushes p WHERE ended_at IS NOT NULL AND ended_at < ?1
         AND (state IN (?2, ?3) OR id NOT IN (SELECT id FROM newest))
         AND id NOT IN (SELECT push FROM unresolved_pushes) ORDER BY id",
    )?;
    let done = [Ended::Succeeded, Ended::RolledBack].map(Ended::word);
    let rows = ask.query_map([&before.to_string(), done[0], done[1]], |row| {
        Ok((row.get("id")?, row.get::<_, String>("ended_at")?))
    })?;
    let mut settled = Vec::new();
    for row in rows {
        let (push, ended_at) = row?;
        // What is no time was never written by us; `verify` names it.
        if let Ok(ended_at) = ended_at.parse() {
            settled.push(Settled { push, ended_at });
        }
    }
    Ok(settled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::PushState;

    #[test]
    fn what_runs_waits_or_may_be_resumed_is_not_over() {
        let ledger = Connection::open_in_memory().unwrap();
        ledger.execute_batch(crate::ledger::schema::SQL).unwrap();
        let push = |id: i64, stage: &str, state: &str, ended: Option<&str>| {
            ledger
                .execute(
                    "INSERT INTO pushes (id, stack, stage, build, sha, branch, who, state, plan_hash, plan, pressed_at, ended_at, hosts_total)
                     VALUES (?1, 'web', ?2, 'b', 's', 'main', 'mary', ?3, 'p', '{}', '2026-11-21T10:00:00.000Z', ?4, 1)",
                    rusqlite::params![id, stage, state, ended],
                )
                .unwrap();
        };
        let (old, new) = (Some("2026-11-21T10:01:00.000Z"), Some("2026-11-28T10:01:00.000Z"));
        push(1, "qa", Ended::Succeeded.word(), old);
        push(2, "qa", Ended::Failed.word(), old);
        push(3, "qa", Ended::Interrupted.word(), old);
        push(4, "qa", Ended::Succeeded.word(), new);
        push(5, "qa", PushState::Running.word(), None);
        // Nothing came after these.
        push(6, "prod", Ended::Degraded.word(), old);
        push(7, "princess", Ended::RolledBack.word(), old);
        ledger.execute_batch("INSERT INTO unresolved_pushes (push, stack, stage) VALUES (3, 'web', 'qa')").unwrap();
        let found = |before: &str| -> Vec<i64> {
            let settled = list(&ledger, before.parse().unwrap()).unwrap();
            settled.into_iter().map(|settled| settled.push.get()).collect()
        };
        assert_eq!(found("2026-11-28T00:00:00.000Z"), [1, 2, 7]);
        assert_eq!(found("2026-11-30T00:00:00.000Z"), [1, 2, 4, 7]);
        assert_eq!(found("2026-11-21T10:01:00.000Z"), [0_i64; 0]);
    }
}
