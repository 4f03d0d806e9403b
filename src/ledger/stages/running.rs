//! How far a running push is: the step that it is at. It must never guess: before the first command has begun, nothing is
//! said.

use crate::ledger::LedgerResult;
use crate::stack::PushNumber;
use rusqlite::{Connection, OptionalExtension};
use std::collections::HashMap;

/// The step that a running push is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepNow {
    /// Its place in the plan, from 1.
    pub number: i64,
    /// How many there are, without those that run only when something goes wrong.
    pub of: i64,
    /// What it is called.
    pub title: String,
}

/// The step that a push is at; none before its first command has begun.
///
/// # Errors
/// What SQLite said.
pub fn step(connection: &Connection, push: PushNumber) -> LedgerResult<Option<StepNow>> {
    let mut ask = connection.prepare_cached(
        "SELECT c.command, c.title,
                (SELECT count(*) FROM pushes p, json_each(p.plan, '$.plan.commands') k
                 WHERE p.id = c.push AND coalesce(json_extract(k.value, '$.part'), 'main') NOT IN ('drop', 'undo')) AS steps
         FROM commands c WHERE c.push = ?1 AND c.started_at IS NOT NULL
         ORDER BY c.result IS NOT NULL, CASE WHEN c.result IS NULL THEN c.command ELSE -c.command END LIMIT 1",
    )?;
    let step = ask.query_row([push], |row| {
        let (number, of): (i64, i64) = (row.get("command")?, row.get("steps")?);
        Ok(StepNow { number, of: of.max(number), title: row.get("title")? })
    });
    Ok(step.optional()?)
}

/// The steps that all running pushes are at, by push.
///
/// # Errors
/// What SQLite said.
pub fn steps(connection: &Connection) -> LedgerResult<HashMap<PushNumber, StepNow>> {
    let mut ask = connection.prepare_cached(
        "SELECT push, command, title, steps FROM (
             SELECT c.push, c.command, c.title,
                    (SELECT count(*) FROM json_each(p.plan, '$.plan.commands') k
                     WHERE coalesce(json_extract(k.value, '$.part'), 'main') NOT IN ('drop', 'undo')) AS steps,
                    row_number() OVER (PARTITION BY c.push ORDER BY c.result IS NOT NULL,
                                       CASE WHEN c.result IS NULL THEN c.command ELSE -c.command END) AS place
             FROM locks l JOIN pushes p ON p.id = l.push JOIN commands c ON c.push = p.id
             WHERE c.started_at IS NOT NULL) WHERE place = 1",
    )?;
    let rows = ask.query_map([], |row| {
        let (number, of): (i64, i64) = (row.get("command")?, row.get("steps")?);
        Ok((row.get("push")?, StepNow { number, of: of.max(number), title: row.get("title")? }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_is_at_its_first_command_that_has_not_ended_or_at_the_last_one_that_has() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(crate::ledger::schema::SQL).unwrap();
        let seven = PushNumber::new(7).unwrap();
        let plan = r#"{"plan":{"commands":[{"part":"before"},{},{"part":"main"},{"part":"drop"}]}}"#;
        let insert = "INSERT INTO pushes (id, stack, stage, build, sha, branch, who, state, plan_hash, plan, pressed_at, hosts_total)
                      VALUES (7, 'web', 'qa', 'b', 's', 'main', 'mary', 'running', '', ?1, '', 1)";
        connection.execute(insert, [plan]).unwrap();
        assert_eq!(step(&connection, seven).unwrap(), None, "nothing has begun");
        let begin = |command: i64| {
            let begin =
                "INSERT INTO commands (push, command, title, hosts, started_at) VALUES (7, ?1, 'c' || ?1, 1, 'now')";
            connection.execute(begin, [command]).unwrap();
        };
        let at = |number: i64| Some(StepNow { number, of: 3, title: format!("c{number}") });
        begin(1);
        assert_eq!(step(&connection, seven).unwrap(), at(1));
        connection.execute("UPDATE commands SET result = 'ok'", []).unwrap();
        assert_eq!(step(&connection, seven).unwrap(), at(1), "between two commands");
        begin(2);
        assert_eq!(step(&connection, seven).unwrap(), at(2));
        assert!(steps(&connection).unwrap().is_empty(), "it holds no lock");
        connection.execute("INSERT INTO locks (stack, push) VALUES ('web', 7)", []).unwrap();
        assert_eq!(steps(&connection).unwrap().remove(&seven), at(2), "asked for all, it is said alike");
    }
}
