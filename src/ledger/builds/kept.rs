//! How much the builds hold whose files are still kept, by stack: what uses the disk, and how fast that grows. It must never look at a file.

use crate::ledger::LedgerResult;
use crate::time::At;
use rusqlite::Connection;

/// What the builds of a stack hold. Files that two builds have in common are counted in both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptBuilds {
    /// The stack.
    pub stack: String,
    /// How many builds are kept.
    pub count: u64,
    /// How many bytes their files have.
    pub bytes: u64,
    /// How many bytes of these came since the given moment.
    pub new_bytes: u64,
}

/// All stacks that have builds, by name; `since` says from when on a build is new.
///
/// # Errors
/// What SQLite said.
pub fn all(connection: &Connection, since: At) -> LedgerResult<Vec<KeptBuilds>> {
    let mut ask = connection.prepare_cached(
        "SELECT stack, count(*) AS count, sum(bytes) AS bytes, sum(CASE WHEN made_at >= ?1 THEN bytes ELSE 0 END) AS new_bytes
         FROM builds WHERE pruned_at IS NULL GROUP BY stack ORDER BY stack",
    )?;
    let rows = ask.query_map([since.to_string()], |row| {
        let number = |name: &str| Ok::<_, rusqlite::Error>(u64::try_from(row.get::<_, i64>(name)?).unwrap_or(0));
        Ok(KeptBuilds {
            stack: row.get("stack")?,
            count: number("count")?,
            bytes: number("bytes")?,
            new_bytes: number("new_bytes")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many published builds each stack has that nobody has pushed, by name of the stack: of these only the newest are kept.
///
/// # Errors
/// What SQLite said.
pub fn unpushed(connection: &Connection) -> LedgerResult<Vec<(String, u64)>> {
    let mut ask = connection.prepare_cached(
        "SELECT stack, count(*) AS count FROM published p
         WHERE NOT EXISTS (SELECT 1 FROM pushes WHERE pushes.stack = p.stack AND pushes.build = p.build)
         GROUP BY stack ORDER BY stack",
    )?;
    let rows =
        ask.query_map([], |row| Ok((row.get("stack")?, u64::try_from(row.get::<_, i64>("count")?).unwrap_or(0))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
