use super::*;
use crate::ledger::{Ledger, holding, shape};
use crate::plan::{Assignment, BuildFrom, Proof};
use crate::stack::PushNumber;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A ledger of schema 1 as the last version before schema 2 left it: real pushes, made by its own program (tests/fixtures/README.md).
const OLD: &str = include_str!("../../../../tests/fixtures/ledger-1.sql");

fn old(dir: &Path) -> PathBuf {
    let path = dir.join("pushbutton.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(OLD).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    path
}

/// Tables of schema 1 that have another name since.
const RENAMED: [(&str, &str); 3] =
    [("doubts", "unresolved_pushes"), ("tallies", "outbox_counts"), ("wholes", "completed_stages")];

/// Every value of every column that a ledger of schema 1 has, under the names of its tables there.
fn content(path: &Path) -> Vec<String> {
    let new = Connection::open(path).unwrap();
    let old = Connection::open_in_memory().unwrap();
    old.execute_batch(OLD).unwrap();
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%STRICT%' ORDER BY name";
    let mut ask = old.prepare(tables).unwrap();
    let tables: Vec<String> = ask.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut found = Vec::new();
    for table in tables {
        let mut ask = old
            .prepare("SELECT group_concat('quote(' || name || ')', ' || '','' || ') FROM pragma_table_info(?1)")
            .unwrap();
        let columns: String = ask.query_row([&table], |row| row.get(0)).unwrap();
        let renamed = RENAMED.iter().find(|(before, _)| *before == table && version(&new).unwrap() > 1);
        let name = renamed.map_or(table.as_str(), |(_, since)| since);
        let mut ask = new.prepare(&format!("SELECT {columns} FROM {name} ORDER BY 1")).unwrap();
        found.extend(
            ask.query_map([], |row| row.get(0))
                .unwrap()
                .map(|row: Result<String, _>| format!("{table}: {}", row.unwrap())),
        );
    }
    found
}

#[test]
fn a_ledger_of_schema_1_is_brought_here_with_all_it_holds_and_a_copy_of_it_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = old(dir.path());
    let before = content(&path);
    for table in [
        "pushes",
        "commits",
        "commands",
        "results",
        "links",
        "questions",
        "outbox",
        "audit",
        "users",
        "sessions",
        "holds",
        "builds",
        "current",
        "locks",
        "doubts",
        "tallies",
    ] {
        assert!(before.iter().any(|row| row.starts_with(&format!("{table}: "))), "the fixture has a row of {table}");
    }
    let refused = Ledger::open_beside(&path).err().unwrap().to_string();
    assert!(refused.contains("schema is version 1") && refused.contains("pushbutton serve"), "{refused}");
    assert_eq!(content(&path), before, "who is not the server changes nothing");

    drop(Ledger::open(&path).unwrap());
    let after: Vec<String> = content(&path);
    let (audit, rest): (Vec<&String>, Vec<&String>) = after.iter().partition(|row| row.starts_with("audit: "));
    let (audit_before, rest_before): (Vec<&String>, Vec<&String>) =
        before.iter().partition(|row| row.starts_with("audit: "));
    assert_eq!(rest, rest_before);
    assert!(audit_before.iter().all(|row| audit.contains(row)));
    assert!(audit.iter().any(|row| row.contains("'the ledger from schema 1 to 2'")), "{audit:#?}");
    let ledger = Connection::open(&path).unwrap();
    assert_eq!(version(&ledger).unwrap(), SCHEMA);
    assert_eq!(shape::differences(&ledger).unwrap(), Vec::<String>::new(), "it is made as a new one is");
    assert_eq!(audit::verify(&ledger).unwrap(), None);
    assert_eq!(seal::compare(&ledger).unwrap().1, Vec::<String>::new());
    let copy = dir.path().join("pushbutton.db.schema-1");
    assert_eq!((content(&copy), copy.metadata().unwrap().permissions().mode() & 0o777), (before, 0o600));
    // Once is enough.
    drop(Ledger::open(&path).unwrap());
    assert_eq!(content(&path), after);
}

#[test]
fn the_hosts_of_each_push_are_taken_from_its_plan_and_one_that_cannot_be_read_has_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = old(dir.path());
    let old = Connection::open(&path).unwrap();
    old.execute_batch("DROP TRIGGER pushes_ended_never_change; UPDATE pushes SET plan = '{' WHERE id = 1").unwrap();
    drop(old);
    drop(Ledger::open(&path).unwrap());
    let ledger = Connection::open(&path).unwrap();
    let read = |sql: &str| -> Vec<(i64, i64, String)> {
        let mut ask = ledger.prepare(sql).unwrap();
        let rows = ask.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let found = read("SELECT push, place, host FROM push_hosts ORDER BY push, place");
    let planned = read(
        "SELECT p.id, h.key + 1, h.value FROM pushes p, json_each(p.plan, '$.plan.hosts') h WHERE p.id > 1 ORDER BY 1, 2",
    );
    assert!(!found.is_empty() && found == planned, "{found:?}");
    let lost = push_hosts::names(&ledger, PushNumber::new(1).unwrap()).unwrap_err().to_string();
    assert!(lost.contains("of the") && lost.contains("hosts of push 1"), "{lost}");
    assert_eq!(push_hosts::names(&ledger, PushNumber::new(found[0].0).unwrap()).unwrap()[0], found[0].2);
}

#[test]
fn the_proof_of_each_push_is_taken_from_its_plan_and_one_that_cannot_be_read_has_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = old(dir.path());
    let old = Connection::open(&path).unwrap();
    let trigger = "SELECT sql FROM sqlite_schema WHERE name = 'pushes_ended_never_change'";
    let trigger: String = old.query_row(trigger, [], |row| row.get(0)).unwrap();
    old.execute_batch("DROP TRIGGER pushes_ended_never_change; UPDATE pushes SET plan = '{' WHERE id = 1").unwrap();
    old.execute_batch(&trigger).unwrap();
    drop(old);
    drop(Ledger::open(&path).unwrap());
    let ledger = Connection::open(&path).unwrap();
    let mut ask = ledger.prepare("SELECT id, plan, proof, build, root, old_build FROM pushes WHERE id > 1").unwrap();
    let mut rows = ask.query([]).unwrap();
    let mut found = 0;
    while let Some(row) = rows.next().unwrap() {
        let plan: String = row.get("plan").unwrap();
        let assignment: Assignment = serde_json::from_str(&plan).unwrap();
        assert_eq!(row.get::<_, Proof>("proof").unwrap(), assignment.proof());
        // What else is known of what its hosts hold is the same in columns, too.
        assert_eq!(row.get::<_, String>("build").unwrap(), assignment.build.as_str());
        if let BuildFrom::Existing { root, .. } = &assignment.plan.build {
            assert_eq!(row.get::<_, String>("root").unwrap(), root.as_str());
        }
        let old = assignment.plan.old.map(|old| old.id.to_string());
        assert_eq!(row.get::<_, Option<String>>("old_build").unwrap(), old);
        found += 1;
    }
    assert_eq!(found, 2);
    let lost = holding::left_with(&ledger, PushNumber::new(1).unwrap()).unwrap_err().to_string();
    assert_eq!(lost, "the ledger holds a bad value: no proof of push 1, since its plan could not be read");
    let changed = ledger.execute("UPDATE pushes SET proof = NULL WHERE id = 2", []).unwrap_err().to_string();
    assert!(changed.contains("a push that ended never changes"), "{changed}");
}

#[test]
fn who_breaks_off_at_any_point_of_a_migration_finds_the_ledger_as_it_was_and_migrates_it_then() {
    let dir = tempfile::tempdir().unwrap();
    let path = old(dir.path());
    let before = content(&path);
    let mut at = 1;
    let mut broken = 0;
    loop {
        // The very file for each try, so that one that is left damaged would be found.
        let mut connection = crate::ledger::connect(&path).unwrap();
        let left = Arc::new(AtomicI64::new(at));
        let count = Arc::clone(&left);
        connection.progress_handler(50, Some(move || count.fetch_sub(1, Ordering::SeqCst) <= 0)).unwrap();
        let done = migrate(&mut connection, &path);
        connection.progress_handler(0, None::<fn() -> bool>).unwrap();
        match done {
            Ok(()) => break,
            Err(_) => broken += 1,
        }
        drop(connection);
        assert_eq!(version(&Connection::open(&path).unwrap()).unwrap(), 1, "at {at}");
        assert_eq!(content(&path), before, "at {at}");
        at += at / 8 + 1;
    }
    assert!(broken > 10, "{broken} points");
    assert_eq!(seal::compare(&Connection::open(&path).unwrap()).unwrap().1, Vec::<String>::new());
}

#[test]
fn the_disk_of_a_killed_migration_is_the_ledger_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = old(dir.path());
    let before = content(&path);
    let mut connection = crate::ledger::connect(&path).unwrap();
    // So small a cache that the changes are on the disk before they are committed.
    connection.pragma_update(None, "cache_size", 1).unwrap();
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    step_up(&tx, 1).unwrap();
    let killed = tempfile::tempdir().unwrap();
    for name in ["pushbutton.db", "pushbutton.db-wal"] {
        std::fs::copy(dir.path().join(name), killed.path().join(name)).unwrap();
    }
    let log = killed.path().join("pushbutton.db-wal").metadata().unwrap().len();
    assert!(log > 10_000, "half of it is on the disk: {log} bytes");
    let left = killed.path().join("pushbutton.db");
    assert_eq!(content(&left), before);
    drop(Ledger::open(&left).unwrap());
    assert_eq!(version(&Connection::open(&left).unwrap()).unwrap(), SCHEMA);
    assert!(killed.path().join("pushbutton.db.schema-1").exists());
}

#[test]
fn without_room_for_the_copy_nothing_is_changed() {
    let dir = tempfile::tempdir().unwrap();
    let path = old(dir.path());
    let before = content(&path);
    std::fs::create_dir_all(dir.path().join("pushbutton.db.schema-1.partial/in-the-way")).unwrap();
    let refused = Ledger::open(&path).err().unwrap().to_string();
    assert!(refused.contains("nothing was changed") && refused.contains("pushbutton.db.schema-1"), "{refused}");
    assert_eq!(content(&path), before);
}
