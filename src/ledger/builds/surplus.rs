//! Which builds nobody needs any more, where the server's file says how many of a stack are kept; and that their files went. It must never name one that
//! a stage runs, that a rollback, a resume or an approval may still take, that someone marked, or that somebody else made and
//! published.

use super::good_builds;
use crate::ledger::{LedgerResult, audit};
use crate::size::bytes_words;
use crate::stack::{StackName, StageName};
use crate::time::At;
use rusqlite::{Connection, Transaction, params};
use std::collections::BTreeSet;

/// The newest pushes of each stage whose builds stay, whatever became of them: one of them may be resumed.
const LAST_PUSHES: i64 = 10;

/// A build that can go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surplus {
    /// Its stack.
    pub stack: StackName,
    /// The build.
    pub build: String,
    /// How many bytes its files have; those that newer builds share stay.
    pub bytes: u64,
}

/// Those of each stack beyond the newest `kept`, the oldest first; of each stage the last `offered` that succeeded stay.
///
/// # Errors
/// What SQLite said, or a row that cannot be read.
pub fn list(connection: &Connection, kept: usize, offered: usize) -> LedgerResult<Vec<Surplus>> {
    let mut ask = connection.prepare_cached(
        "WITH newest AS (SELECT stack, build, old_build FROM (
             SELECT stack, build, old_build, row_number() OVER (PARTITION BY stack, stage ORDER BY id DESC) AS place FROM pushes)
           WHERE place <= ?2
           UNION SELECT stack, build, old_build FROM pushes
           WHERE ended_at IS NULL OR id IN (SELECT push FROM unresolved_pushes)),
         ranked AS (SELECT stack, id, bytes, made_at, row_number() OVER (PARTITION BY stack ORDER BY made_at DESC, id) AS place
           FROM builds WHERE push IS NOT NULL AND pruned_at IS NULL)
         SELECT stack, id, bytes FROM ranked b WHERE place > ?1
         AND NOT EXISTS (SELECT 1 FROM current c WHERE c.stack = b.stack AND c.build = b.id)
         AND NOT EXISTS (SELECT 1 FROM newest n WHERE n.stack = b.stack AND b.id IN (n.build, n.old_build))
         AND NOT EXISTS (SELECT 1 FROM marks m WHERE m.stack = b.stack AND m.build = b.id)
         AND NOT EXISTS (SELECT 1 FROM approval_requests r WHERE r.stack = b.stack AND r.seen = b.id AND r.state = 'open')
         ORDER BY made_at, id",
    )?;
    let most = i64::try_from(kept).unwrap_or(i64::MAX);
    let rows = ask.query_map(params![most, LAST_PUSHES], |row| {
        let bytes: i64 = row.get("bytes")?;
        Ok(Surplus { stack: row.get("stack")?, build: row.get("id")?, bytes: bytes.unsigned_abs() })
    })?;
    let found: Vec<Surplus> = rows.collect::<Result<_, _>>()?;
    let stacks: BTreeSet<StackName> = found.iter().map(|surplus| surplus.stack.clone()).collect();
    let mut needed = BTreeSet::new();
    for stack in &stacks {
        for stage in stages(connection, stack)? {
            let good = good_builds::list(connection, stack, &stage, offered)?;
            needed.extend(good.into_iter().map(|good| (stack.clone(), good.build)));
        }
    }
    let is_needed = |surplus: &Surplus| needed.contains(&(surplus.stack.clone(), surplus.build.clone()));
    Ok(found.into_iter().filter(|surplus| !is_needed(surplus)).collect())
}

/// The stages that a stack ever had a push to.
fn stages(connection: &Connection, stack: &StackName) -> LedgerResult<Vec<StageName>> {
    let mut ask = connection.prepare_cached("SELECT DISTINCT stage FROM pushes WHERE stack = ?1")?;
    let rows = ask.query_map([stack], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Writes down that the files of a build go, with its line in the audit; its history stays.
///
/// # Errors
/// What SQLite said.
pub fn prune(tx: &Transaction<'_>, surplus: &Surplus, kept: usize, at: At) -> LedgerResult<()> {
    let Surplus { stack, build, bytes } = surplus;
    tx.prepare_cached("UPDATE builds SET pruned_at = ?3 WHERE stack = ?1 AND id = ?2 AND pruned_at IS NULL")?
        .execute(params![stack, build, at.to_string()])?;
    let detail = format!("the files of build {build}, {}: builds_kept = {kept}", bytes_words(*bytes));
    audit::note(tx, at, "pushbutton", "build prune", stack.as_str(), &detail)
}

/// The builds whose files went, or are to go.
///
/// # Errors
/// What SQLite said.
pub fn pruned(connection: &Connection) -> LedgerResult<Vec<(StackName, String)>> {
    let mut ask =
        connection.prepare_cached("SELECT stack, id FROM builds WHERE pruned_at IS NOT NULL AND push IS NOT NULL")?;
    let rows = ask.query_map([], |row| Ok((row.get("stack")?, row.get("id")?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ledger with twenty pushes of `web` to `qa`, each with a build of its own, the last of which runs there.
    fn ledger() -> Connection {
        let ledger = Connection::open_in_memory().unwrap();
        ledger.execute_batch(crate::ledger::schema::SQL).unwrap();
        for n in 1..=20 {
            let at = format!("2026-11-21T10:00:{n:02}.000Z");
            ledger
                .execute(
                    "INSERT INTO pushes (id, stack, stage, build, sha, branch, who, state, plan_hash, plan, pressed_at, ended_at, hosts_total)
                     VALUES (?1, 'web', 'qa', ?2, 's', 'main', 'mary', ?3, 'p', '{}', ?4, ?4, 1)",
                    params![n, format!("b{n:02}"), if n == 3 { "failed" } else { "succeeded" }, at],
                )
                .unwrap();
            ledger
                .execute(
                    "INSERT INTO builds (id, stack, sha, branch, root, files, bytes, push, made_at) VALUES (?1, 'web', 's', 'main', 'r', 1, 1000, ?2, ?3)",
                    params![format!("b{n:02}"), n, at],
                )
                .unwrap();
        }
        ledger
            .execute_batch("INSERT INTO current (stack, stage, build, push) VALUES ('web', 'qa', 'b20', 20)")
            .unwrap();
        ledger
    }

    fn found(ledger: &Connection, kept: usize, offered: usize) -> Vec<String> {
        list(ledger, kept, offered).unwrap().into_iter().map(|surplus| surplus.build).collect()
    }

    #[test]
    fn the_oldest_go_and_whatever_someone_may_still_need_stays() {
        let mut ledger = ledger();
        assert_eq!(found(&ledger, 20, 1), Vec::<String>::new());
        // The last ten pushes of the stage stay, however few are kept.
        let ten: Vec<String> = (1..=10).map(|n| format!("b{n:02}")).collect();
        assert_eq!(found(&ledger, 2, 1), ten);
        assert_eq!(found(&ledger, 15, 1), ["b01", "b02", "b03", "b04", "b05"]);
        assert_eq!(found(&ledger, 2, 15), ["b01", "b02", "b03", "b04", "b05"], "what a rollback offers");
        assert_eq!(found(&ledger, 2, 18), ["b01", "b03"], "a push that failed is none of those");
        ledger
            .execute_batch(
                "INSERT INTO current (stack, stage, build, push) VALUES ('web', 'prod', 'b01', 1);
                 INSERT INTO marks (stack, build, stage, who, at) VALUES ('web', 'b02', 'qa', 'joe', 't');
                 INSERT INTO unresolved_pushes (push, stack, stage) VALUES (3, 'web', 'qa');
                 INSERT INTO approval_requests (stack, stage, plan_hash, plan, seen, sha, who, at, ends_at, state)
                 VALUES ('web', 'prod', 'p', '{}', 'b04', 's', 'mary', 't', 't', 'open');
                 UPDATE builds SET push = NULL WHERE id = 'b05';",
            )
            .unwrap();
        assert_eq!(found(&ledger, 2, 1), ["b06", "b07", "b08", "b09", "b10"]);
        let surplus = list(&ledger, 2, 1).unwrap();
        let tx = ledger.transaction().unwrap();
        prune(&tx, &surplus[0], 2, At::from_millis(1_795_255_200_000)).unwrap();
        tx.commit().unwrap();
        assert_eq!(found(&ledger, 2, 1), ["b07", "b08", "b09", "b10"]);
        assert_eq!(pruned(&ledger).unwrap(), [("web".parse().unwrap(), "b06".to_owned())]);
    }
}
