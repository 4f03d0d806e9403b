use super::*;
use rusqlite::TransactionBehavior;

fn ledger_with_three_rows() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(crate::ledger::schema::SQL).unwrap();
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    for (who, what) in [("mary", "press"), ("pushbutton", "push ended"), ("joe", "hold")] {
        note(&tx, At::from_millis(0), who, what, "web/qa", "push 1").unwrap();
    }
    tx.commit().unwrap();
    connection
}

#[test]
fn an_untouched_chain_is_whole_and_its_head_is_its_last_hash() {
    let connection = ledger_with_three_rows();
    assert_eq!(verify(&connection).unwrap(), None);
    let last: String = connection.query_row("SELECT hash FROM audit WHERE id = 3", [], |row| row.get(0)).unwrap();
    assert_eq!(head(&connection).unwrap(), last);
    assert_eq!(head(&empty()).unwrap(), BEGINNING);
}

fn empty() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(crate::ledger::schema::SQL).unwrap();
    connection
}

#[test]
fn a_row_of_the_audit_can_be_neither_changed_nor_removed() {
    let connection = ledger_with_three_rows();
    for sql in ["UPDATE audit SET who = 'joe' WHERE id = 1", "DELETE FROM audit WHERE id = 3"] {
        assert!(connection.execute(sql, []).is_err(), "{sql}");
    }
}

#[test]
fn who_goes_around_the_triggers_is_found_at_the_row_that_was_touched() {
    for (sql, found) in [
        ("UPDATE audit SET who = 'marx' WHERE id = 1", 1),
        ("UPDATE audit SET detail = 'push 2' WHERE id = 3", 3),
        ("UPDATE audit SET at = '1970-01-01T00:00:00.001Z' WHERE id = 2", 2),
        ("UPDATE audit SET who = 'pres', what = 'smary' WHERE id = 1", 1),
        ("DELETE FROM audit WHERE id = 1", 2),
        ("DELETE FROM audit WHERE id = 2", 3),
        ("UPDATE audit SET place = 'push host' WHERE id = 2", 2),
        ("UPDATE audit SET object = 'web/prod' WHERE id = 3", 3),
        ("UPDATE audit SET object = NULL WHERE id = 3", 3),
        ("INSERT INTO audit VALUES (4, '', '', '', '', '00', '', '')", 4),
    ] {
        let connection = ledger_with_three_rows();
        connection.execute_batch("DROP TRIGGER audit_never_changes; DROP TRIGGER audit_never_goes;").unwrap();
        connection.execute(sql, []).unwrap();
        assert_eq!(verify(&connection).unwrap(), Some(found), "{sql}");
    }
}
