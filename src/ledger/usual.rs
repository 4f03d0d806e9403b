//! How long each step of a stage usually takes, from the pushes that went well. It must never count a push that did not.

use super::Answer;
use super::pushes::PushRow;
use rusqlite::{Connection, params};

/// How long one step of an earlier good push took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsualStep {
    /// Its number in that push.
    pub command: i64,
    /// What it was called there.
    pub title: String,
    /// Milliseconds.
    pub ms: i64,
}

/// The steps of the last `most` good pushes to the stage of a push, itself left out.
///
/// # Errors
/// What SQLite said.
pub fn steps(connection: &Connection, of: &PushRow, most: usize) -> Answer<Vec<UsualStep>> {
    let mut ask = connection.prepare_cached(
        "SELECT command, title, duration_ms FROM commands WHERE result = 'ok' AND duration_ms IS NOT NULL AND push IN
         (SELECT id FROM pushes WHERE stack = ?1 AND stage = ?2 AND state = 'succeeded' AND kind = 'push' AND id <> ?3
          ORDER BY id DESC LIMIT ?4)",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = ask.query_map(params![of.stack, of.stage, of.id, most], |row| {
        Ok(UsualStep { command: row.get(0)?, title: row.get(1)?, ms: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether two titles are of the same step: revisions in them may differ.
pub fn same_step(one: &str, other: &str) -> bool {
    let is_revision = |word: &&str| word.len() >= 7 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = |title| str::split_whitespace(title).filter(|word| !is_revision(word)).collect::<Vec<_>>();
    words(one) == words(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_the_same_whatever_revision_it_names() {
        assert!(same_step("check out 9ef9799 of main", "check out 51d0c3e of main"));
        assert!(!same_step("check out 9ef9799 of main", "check out 9ef9799 of hot"));
        assert!(!same_step("release /srv/web", "activate /srv/web"));
    }
}
