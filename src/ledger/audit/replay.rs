//! The rows of a push, made again from what was pressed and from its journal, in a ledger in memory: for `verify`, which holds them
//! against those of a push that runs. It must never write to the ledger itself.

use super::seal::PRESSED;
use crate::journal::{Cursor, PushState, State, StoredRecord};
use crate::ledger::{LedgerResult, fold, schema};
use crate::stack::PushNumber;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};
use std::collections::BTreeMap;

/// What the fold writes of a push, with the column that has its number.
const MADE: [(&str, &str, &str); 7] = [
    ("pushes", "id", "its row"),
    ("commands", "push", "its commands"),
    ("results", "push", "what became of it on its hosts"),
    ("links", "push", "its links"),
    ("measurements", "push", "what it has measured"),
    ("questions", "push", "its questions and answers"),
    ("builds", "push", "the build that it made"),
];
/// What a ledger of schema 1 did not know, or counted in another way, of a push that goes on over the migration.
const NOT_COMPARED: [&str; 3] = ["hosts_ok", "waited_ms", "waits_since"];
/// The same, of a column that can only be compared where it says something.
const COMPARED_WHERE_KNOWN: &str = "before_drop";

/// A row, by its columns.
type Row = BTreeMap<String, Value>;

/// The rows of a push, by table, and the root of its build as the builds say it.
pub struct Rows {
    tables: BTreeMap<&'static str, Vec<Row>>,
    root: Option<String>,
}

/// A ledger in memory that has one push in it.
pub struct Replay {
    connection: Connection,
    push: PushNumber,
    state: State,
    to: Cursor,
}

/// The rows of a push as they are.
///
/// # Errors
/// What SQLite said.
pub fn rows(connection: &Connection, push: PushNumber) -> LedgerResult<Rows> {
    let mut tables = BTreeMap::new();
    for (table, number, _) in MADE {
        let mut ask = connection.prepare(&format!("SELECT * FROM {table} WHERE {number} = ?1 ORDER BY 1, 2, 3"))?;
        let names: Vec<String> = ask.column_names().map(str::to_owned).collect();
        let found = ask.query_map([push], |row| {
            let values = names.iter().enumerate().map(|(at, name)| Ok((name.clone(), row.get::<_, Value>(at)?)));
            values.collect::<rusqlite::Result<Row>>()
        })?;
        tables.insert(table, found.collect::<Result<_, _>>()?);
    }
    let root = "SELECT b.root FROM pushes p JOIN builds b ON b.stack = p.stack AND b.id = p.build WHERE p.id = ?1";
    let root = connection.query_row(root, [push], |row| row.get(0)).optional()?;
    Ok(Rows { tables, root })
}

impl Rows {
    /// A ledger that has the push as it was pressed, and nothing more.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn begin(&self, push: PushNumber) -> LedgerResult<Replay> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch(schema::SQL)?;
        for row in self.tables.get("pushes").into_iter().flatten() {
            let pressed = PRESSED.iter().filter_map(|(name, _)| Some((*name, row.get(*name)?)));
            let (names, values): (Vec<&str>, Vec<&Value>) = pressed.unzip();
            let places = vec!["?"; names.len()].join(", ");
            let sql = format!(
                "INSERT INTO pushes (state, hosts_total, {}) VALUES ('{}', 0, {places})",
                names.join(", "),
                PushState::Running
            );
            connection.execute(&sql, params_from_iter(values))?;
            connection.execute("UPDATE pushes SET hosts_total = json_array_length(plan, '$.plan.hosts')", [])?;
            // A rollback and a catch-up know the root of their build before they begin; a push gets it with its build.
            let made = self.tables.get("builds").is_some_and(|builds| !builds.is_empty());
            if let (Some(root), false) = (&self.root, made) {
                connection.execute("UPDATE pushes SET root = ?1", [root])?;
            }
        }
        Ok(Replay { connection, push, state: State::default(), to: Cursor::default() })
    }
}

impl Replay {
    /// Folds records of the journal.
    ///
    /// # Errors
    /// When a record may not follow; or what SQLite said.
    pub fn fold(&mut self, push: PushNumber, records: &[&StoredRecord]) -> LedgerResult<()> {
        let tx = self.connection.transaction()?;
        for read in records {
            fold::apply(&tx, push, &read.record, &mut self.state)?;
            self.to = Cursor { offset: read.end, n: read.record.n };
        }
        if self.state.ended.is_none() {
            fold::count(&tx, push, &self.state)?;
        }
        Ok(tx.commit()?)
    }

    /// How far it was folded.
    pub fn read_to(&self) -> Cursor {
        self.to
    }

    /// What of the rows as they stand in the ledger is not what the journal says.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn differences(&self, found: &Rows) -> LedgerResult<Vec<String>> {
        let mut again = rows(&self.connection, self.push)?;
        for (table, rows) in &mut again.tables {
            for (row, known) in rows.iter_mut().zip(found.tables.get(table).into_iter().flatten()) {
                if known.get(COMPARED_WHERE_KNOWN) == Some(&Value::Null) {
                    row.insert(COMPARED_WHERE_KNOWN.to_owned(), Value::Null);
                }
            }
        }
        let compared = |rows: Option<&Vec<Row>>| -> Vec<Row> {
            let mut rows = rows.cloned().unwrap_or_default();
            rows.iter_mut().for_each(|row| row.retain(|name, _| !NOT_COMPARED.contains(&name.as_str())));
            rows
        };
        let mut wrong = Vec::new();
        for (table, _, words) in MADE {
            if compared(again.tables.get(table)) != compared(found.tables.get(table)) {
                wrong.push(format!("{words} in the ledger is not what its journal says"));
            }
        }
        Ok(wrong)
    }
}
