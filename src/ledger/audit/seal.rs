//! Seals: whatever is written to the ledger is hashed in the same transaction, row by row, into the audit, whose chain
//! nobody can change unnoticed (TRUST promise 20). So a row that was changed, added, renumbered or removed by another hand is
//! found: its seal in the audit is another, or there is none. It must never depend on whoever writes to remember it: triggers
//! of the writer's own connection note what a transaction touched, and [`seal`] writes it down before the commit.
//!
//! A column without a value counts as one that is not there: so a column that a later schema adds, and that is NULL in rows of
//! before, leaves their seals as they are.

mod kinds;

use crate::journal::write::hex;
use crate::ledger::{LedgerError, LedgerResult, audit};
use crate::time::At;
pub(in crate::ledger) use kinds::PRESSED;
use kinds::{KINDS, Kind, Watch};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Transaction};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Who writes seals.
const WHO: &str = "pushbutton";
/// What such a row of the audit is called.
pub const SEAL: &str = "seal";
/// Things that one row of the audit seals, when a whole ledger is sealed.
const IN_A_ROW: usize = 500;

/// One seal as the audit writes it: kind, key, and the hash; none of what is gone.
type Seal = (String, Vec<Part>, Option<String>);

/// The last seals of one kind: the hash of each thing, none of what is gone.
type Last = BTreeMap<Vec<Part>, Option<String>>;

/// A part of a key: a name or a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
enum Part {
    Number(i64),
    Name(String),
}

/// Has the connection note what its transactions touch.
///
/// # Errors
/// What SQLite said.
pub fn watch(connection: &Connection) -> LedgerResult<()> {
    let mut sql = "CREATE TEMP TABLE touched (kind TEXT NOT NULL, key TEXT NOT NULL) STRICT;".to_owned();
    for kind in &KINDS {
        let key = |of: &str| {
            let parts: Vec<String> = kind.key.iter().map(|column| format!("{of}.{column}")).collect();
            format!("INSERT INTO touched VALUES ('{}', json_array({}));", kind.name, parts.join(", "))
        };
        let mut trigger = |event: &str, table: &str, when: &str, body: &str| {
            let name = format!("touched_{}_{event}", kind.name);
            sql.push_str(&format!(
                "CREATE TEMP TRIGGER {name} AFTER {event} ON main.{table} WHEN {when} BEGIN {body} END;"
            ));
        };
        match kind.watch {
            Watch::Written => trigger("INSERT", kind.table, "1", &key("NEW")),
            Watch::Rows(changed) => {
                trigger("INSERT", kind.table, "1", &key("NEW"));
                trigger("DELETE", kind.table, "1", &key("OLD"));
                trigger("UPDATE", kind.table, changed, &[key("OLD"), key("NEW")].concat());
            }
            Watch::End => {
                let body = format!("INSERT INTO touched VALUES ('{}', json_array(NEW.id));", kind.name);
                trigger("UPDATE", "pushes", "NEW.ended_at IS NOT NULL", &body);
            }
        }
    }
    Ok(connection.execute_batch(&sql)?)
}

/// Seals what the transaction has touched so far. Called before each commit, and before a head of the audit is told to people,
/// so that the head covers what is told.
///
/// # Errors
/// What SQLite said.
pub fn seal(tx: &Transaction<'_>) -> LedgerResult<()> {
    let touched: Vec<(String, String)> = {
        let mut ask = tx.prepare_cached("SELECT DISTINCT kind, key FROM temp.touched ORDER BY kind, key")?;
        ask.query_map([], |row| Ok((row.get("kind")?, row.get("key")?)))?.collect::<Result<_, _>>()?
    };
    if touched.is_empty() {
        return Ok(());
    }
    tx.execute("DELETE FROM temp.touched", [])?;
    let mut seals: Vec<Seal> = Vec::with_capacity(touched.len());
    for (name, key) in touched {
        let kind = Kind::named(&name).ok_or_else(|| LedgerError::Corrupt(format!("{name:?} as something to seal")))?;
        let hash = hashes(tx, kind, Some(&key))?.into_values().next();
        // A push without a question has nothing to seal, and never had.
        if hash.is_some() || !matches!(kind.watch, Watch::End) {
            seals.push((name, serde_json::from_str(&key)?, hash));
        }
    }
    note(tx, &seals)
}

/// Seals everything that there is: for a ledger of before there were seals.
///
/// # Errors
/// What SQLite said.
pub(in crate::ledger) fn seal_all(tx: &Transaction<'_>) -> LedgerResult<()> {
    let mut seals: Vec<Seal> = Vec::new();
    for kind in &KINDS {
        for (key, hash) in hashes(tx, kind, None)? {
            seals.push((kind.name.to_owned(), key, Some(hash)));
        }
    }
    seals.chunks(IN_A_ROW).try_for_each(|some| note(tx, some))
}

fn note(tx: &Transaction<'_>, seals: &[Seal]) -> LedgerResult<()> {
    match seals {
        [] => Ok(()),
        seals => audit::note(tx, At::now(), WHO, SEAL, "ledger", &serde_json::to_string(seals)?),
    }
}

/// Holds the ledger against its seals, and the seals against the ledger: one sentence for each thing that is not as it was
/// written, and how many are.
///
/// # Errors
/// What SQLite said, or a seal that cannot be read.
pub fn compare(connection: &Connection) -> LedgerResult<(usize, Vec<String>)> {
    let mut sealed = sealed(connection)?;
    let (mut whole, mut wrong) = (0, Vec::new());
    for kind in &KINDS {
        let mut last = sealed.remove(kind.name).unwrap_or_default();
        for (key, hash) in hashes(connection, kind, None)? {
            let words = match last.remove(&key) {
                Some(Some(written)) if written == hash => {
                    whole += 1;
                    continue;
                }
                Some(Some(_)) => "not as it was written",
                Some(None) => "taken away, and in the ledger again",
                None => "in the ledger, and nobody wrote it",
            };
            wrong.push(format!("{}: {words}", kind.words(&shown(&key))));
        }
        let missing = last.into_iter().filter(|(_, hash)| hash.is_some());
        wrong.extend(missing.map(|(key, _)| format!("{}: written, and missing now", kind.words(&shown(&key)))));
    }
    wrong.extend(
        sealed.into_keys().map(|kind| format!("the audit seals {kind:?}, which this pushbutton does not know")),
    );
    Ok((whole, wrong))
}

fn shown(key: &[Part]) -> Vec<String> {
    let words = key.iter().map(|part| match part {
        Part::Number(number) => number.to_string(),
        Part::Name(name) => name.clone(),
    });
    words.collect()
}

/// The last seal of each thing, by its kind.
fn sealed(connection: &Connection) -> LedgerResult<BTreeMap<String, Last>> {
    let mut ask = connection.prepare("SELECT id, detail FROM audit WHERE who = ?1 AND what = ?2 ORDER BY id")?;
    let mut rows = ask.query([WHO, SEAL])?;
    let mut last: BTreeMap<String, Last> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        // A row that cannot be read was changed, and the chain says so.
        let seals: Vec<Seal> = serde_json::from_str(&row.get::<_, String>("detail")?).unwrap_or_default();
        for (kind, key, hash) in seals {
            last.entry(kind).or_default().insert(key, hash);
        }
    }
    Ok(last)
}

/// The hashes of the things of a kind, by their keys; of one, or of all.
fn hashes(connection: &Connection, kind: &Kind, one: Option<&str>) -> LedgerResult<BTreeMap<Vec<Part>, String>> {
    let columns: Vec<(String, String)> = match kind.columns {
        [] => all_columns(connection, kind.table)?
            .into_iter()
            .map(|name| (name.clone(), format!("t.\"{name}\"")))
            .collect(),
        some => some.iter().map(|(name, sql)| ((*name).to_owned(), (*sql).to_owned())).collect(),
    };
    let keys: Vec<String> = kind.key.iter().map(|column| format!("t.{column}")).collect();
    let this_one = match one {
        None => String::new(),
        Some(_) => (0..).zip(&keys).map(|(at, key)| format!(" AND {key} = json_extract(?1, '$[{at}]')")).collect(),
    };
    let sql = format!(
        "SELECT json_array({}), {} FROM {} t WHERE {}{this_one} ORDER BY {}, {}",
        keys.join(", "),
        columns.iter().map(|(_, sql)| sql.as_str()).collect::<Vec<_>>().join(", "),
        kind.table,
        kind.only,
        keys.join(", "),
        kind.order,
    );
    let mut ask = connection.prepare_cached(&sql)?;
    let mut rows = ask.query(rusqlite::params_from_iter(one))?;
    let mut found: BTreeMap<Vec<Part>, Sha256> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let key: Vec<Part> = serde_json::from_str(&row.get::<_, String>(0)?)?;
        let hash = found.entry(key).or_default();
        for (at, (name, _)) in (1..).zip(&columns) {
            take_in(hash, name, row.get_ref(at)?);
        }
        hash.update([0]);
    }
    Ok(found.into_iter().map(|(key, hash)| (key, hex(&hash.finalize()))).collect())
}

fn all_columns(connection: &Connection, table: &str) -> LedgerResult<Vec<String>> {
    let mut ask = connection.prepare_cached("SELECT name FROM pragma_table_info(?1) ORDER BY name")?;
    Ok(ask.query_map([table], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Names and values go in with their lengths and kinds, so that no two rows read the same.
fn take_in(hash: &mut Sha256, name: &str, value: ValueRef<'_>) {
    let (kind, bytes) = match value {
        ValueRef::Null => return,
        ValueRef::Integer(number) => (b'i', number.to_be_bytes().to_vec()),
        ValueRef::Real(number) => (b'r', number.to_be_bytes().to_vec()),
        ValueRef::Text(text) => (b't', text.to_vec()),
        ValueRef::Blob(bytes) => (b'b', bytes.to_vec()),
    };
    for part in [name.as_bytes(), &bytes] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.update([kind]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_sealed_or_made_of_what_is() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(crate::ledger::schema::SQL).unwrap();
        let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'words\\_%' ESCAPE '\\' ORDER BY name";
        let mut ask = connection.prepare(tables).unwrap();
        let found: Vec<String> = ask.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let mut known: Vec<&str> = KINDS.iter().map(|kind| kind.table).chain(kinds::NOT_SEALED).collect();
        known.sort_unstable();
        known.dedup();
        assert_eq!(found, known);
    }

    #[test]
    fn all_that_the_writer_changes_is_sealed_and_what_another_hand_changes_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.db");
        let mut connection = Connection::open(&path).unwrap();
        connection.execute_batch(crate::ledger::schema::SQL).unwrap();
        watch(&connection).unwrap();
        let mut write = |sql: &str| {
            let tx = connection.transaction().unwrap();
            tx.execute_batch(sql).unwrap();
            seal(&tx).unwrap();
            tx.commit().unwrap();
        };
        write(
            "INSERT INTO holds (scope, who, reason, at) VALUES ('web', 'mary', 'why', 'now'), ('api', 'mary', 'why', 'now')",
        );
        write("UPDATE holds SET reason = 'why; more' WHERE scope = 'web'");
        write("DELETE FROM holds WHERE scope = 'api'");
        write(
            "INSERT INTO sessions VALUES ('aa', 'mary', '1', '1', NULL, NULL, NULL, NULL, NULL); UPDATE sessions SET seen_at = '2'",
        );
        // A connection that does not watch is another hand.
        let other = Connection::open(&path).unwrap();
        assert_eq!(compare(&other).unwrap(), (2, Vec::new()));
        for (sql, words) in [
            ("UPDATE holds SET reason = 'why; morf'", "the hold on web: not as it was written"),
            ("UPDATE holds SET until = 'never'", "the hold on web: not as it was written"),
            ("DELETE FROM holds", "the hold on web: written, and missing now"),
            (
                "INSERT INTO holds (scope, who, reason, at) VALUES ('db', 'eve', '', '')",
                "the hold on db: in the ledger, and nobody wrote it",
            ),
            (
                "INSERT INTO holds (scope, who, reason, at) VALUES ('api', 'mary', 'why', 'now')",
                "the hold on api: taken away, and in the ledger again",
            ),
            ("UPDATE sessions SET who = 'eve'", "the session aa: not as it was written"),
        ] {
            other.execute_batch(&format!("SAVEPOINT s; {sql}")).unwrap();
            assert_eq!(compare(&other).unwrap().1, [words], "{sql}");
            other.execute_batch("ROLLBACK TO s; RELEASE s").unwrap();
        }
        // When it was last used is no secret and no right.
        other.execute_batch("UPDATE sessions SET seen_at = '3'").unwrap();
        assert_eq!(compare(&other).unwrap().1, Vec::<String>::new());
    }

    #[test]
    fn no_two_rows_read_the_same() {
        let hash = |values: &[(&str, ValueRef<'_>)]| {
            let mut hash = Sha256::new();
            values.iter().for_each(|(name, value)| take_in(&mut hash, name, *value));
            hex(&hash.finalize())
        };
        let text = |text: &'static str| ValueRef::Text(text.as_bytes());
        let rows = [
            hash(&[("a", text("b")), ("c", text("d"))]),
            hash(&[("a", text("bc")), ("", text("d"))]),
            hash(&[("ab", text("")), ("c", text("d"))]),
            hash(&[("a", text("1"))]),
            hash(&[("a", ValueRef::Integer(1))]),
            hash(&[]),
        ];
        assert_eq!(rows.iter().collect::<std::collections::BTreeSet<_>>().len(), rows.len());
        assert_eq!(hash(&[("a", text("1")), ("new", ValueRef::Null)]), hash(&[("a", text("1"))]));
    }
}
