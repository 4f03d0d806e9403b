//! Is the ledger made as this binary makes it? Its tables and columns, its triggers, which keep what has ended from being
//! changed, and what is made of other tables. It must never change anything. Called by `verify`.

use crate::ledger::LedgerResult;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// What differs from a new ledger of this schema, one sentence each.
///
/// # Errors
/// What SQLite said.
pub fn differences(connection: &Connection) -> LedgerResult<Vec<String>> {
    let new = Connection::open_in_memory()?;
    new.execute_batch(super::SQL)?;
    let mut wrong = Vec::new();
    for kind in ["trigger", "view"] {
        let (ours, found) = (texts(&new, kind)?, texts(connection, kind)?);
        for (name, text) in &ours {
            match found.get(name) {
                None => wrong.push(format!("the {kind} {name} of the ledger is missing")),
                Some(other) if other != text => wrong.push(format!("the {kind} {name} of the ledger was changed")),
                Some(_) => {}
            }
        }
        let added = found.keys().filter(|name| !ours.contains_key(*name));
        wrong.extend(added.map(|name| format!("the {kind} {name} stands in the ledger, and is not ours")));
    }
    let tables = |connection: &Connection| -> LedgerResult<BTreeSet<String>> {
        Ok(texts(connection, "table")?.into_keys().filter(|name| !name.starts_with("sqlite_")).collect())
    };
    let (ours, found) = (tables(&new)?, tables(connection)?);
    wrong.extend(ours.difference(&found).map(|name| format!("the table {name} of the ledger is missing")));
    wrong.extend(found.difference(&ours).map(|name| format!("the table {name} stands in the ledger, and is not ours")));
    for table in ours.intersection(&found) {
        if columns(&new, table)? != columns(connection, table)? {
            wrong.push(format!("the columns of the table {table} of the ledger were changed"));
        }
    }
    Ok(wrong)
}

/// What belongs to other tables and does not agree with them, one sentence each: rows of a push that is not there, the counts of
/// announcements, the words of the push log's search.
///
/// # Errors
/// What SQLite said.
pub fn derived(connection: &Connection) -> LedgerResult<Vec<String>> {
    let mut wrong = Vec::new();
    let counted = "SELECT channel, state, sum(n) FROM (
                       SELECT channel, state, announcements AS n FROM outbox_counts
                       UNION ALL SELECT channel, state, -count(*) FROM outbox GROUP BY channel, state)
                   GROUP BY channel, state HAVING sum(n) <> 0";
    let mut ask = connection.prepare(counted)?;
    let off: Vec<(String, String)> =
        ask.query_map([], |row| Ok((row.get("channel")?, row.get("state")?)))?.collect::<Result<_, _>>()?;
    let words = |(channel, state)| format!("the count of announcements on {channel} that are {state} is not theirs");
    wrong.extend(off.into_iter().map(words));
    let mut ask = connection.prepare("SELECT \"table\", rowid, parent FROM pragma_foreign_key_check")?;
    let orphans = ask.query_map([], |row| {
        let (table, row, parent): (String, Option<i64>, String) =
            (row.get("table")?, row.get("rowid")?, row.get("parent")?);
        Ok(format!("row {} of {table} is of one of the {parent} that is not there", row.unwrap_or_default()))
    })?;
    wrong.extend(orphans.collect::<Result<Vec<_>, _>>()?);
    let searched = "SELECT rowid FROM words EXCEPT SELECT id FROM pushes";
    let lost = "SELECT id FROM pushes EXCEPT SELECT rowid FROM words";
    for (sql, words) in [(searched, "are found by the search, and not there"), (lost, "are not found by the search")] {
        let numbers: Vec<i64> = connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        if !numbers.is_empty() {
            let shown: Vec<String> = numbers.iter().take(10).map(i64::to_string).collect();
            wrong.push(format!("pushes {words}: {}", shown.join(", ")));
        }
    }
    Ok(wrong)
}

fn texts(connection: &Connection, kind: &str) -> LedgerResult<BTreeMap<String, String>> {
    let mut ask = connection.prepare("SELECT name, coalesce(sql, '') AS sql FROM sqlite_schema WHERE type = ?1")?;
    Ok(ask.query_map([kind], |row| Ok((row.get("name")?, row.get("sql")?)))?.collect::<Result<_, _>>()?)
}

/// A column: name, type, whether it must have a value, its default, its place in the primary key.
type Column = (String, String, bool, Option<String>, i64);

/// In whatever order: a column that a migration added stands last.
fn columns(connection: &Connection, table: &str) -> LedgerResult<BTreeSet<Column>> {
    let mut ask = connection.prepare("SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info(?1)")?;
    let rows = ask.query_map([table], |row| {
        Ok((row.get("name")?, row.get("type")?, row.get("notnull")?, row.get("dflt_value")?, row.get("pk")?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
