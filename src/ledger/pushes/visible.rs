//! Which pushes one reader of lists may see: those of the stages that their rights show them. It must never leave a filter away because
//! a reader's rights could not be read. Used by the push log, the statistics and the list of announcements.

use crate::ledger::LedgerResult;
use crate::stack::{Access, StackName, StageName};
use rusqlite::Connection;
use rusqlite::types::{ToSql, ToSqlOutput, Value};

/// The condition that a [`Visible`] is the value of, for a push `p`, at `?5`.
pub const IS_VISIBLE: &str = "(?5 IS NULL OR (p.stack || '/' || p.stage) IN (SELECT value FROM json_each(?5)))";

/// What a reader sees; by default everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visible(Option<Vec<String>>);

impl Visible {
    /// What a caller may see of what was ever pushed.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn to(connection: &Connection, access: &Access) -> LedgerResult<Self> {
        if access.sees_all() {
            return Ok(Self::default());
        }
        let mut ask = connection.prepare_cached("SELECT DISTINCT stack, stage FROM pushes")?;
        let rows =
            ask.query_map([], |row| Ok((row.get::<_, StackName>("stack")?, row.get::<_, StageName>("stage")?)))?;
        let mut seen = Vec::new();
        for row in rows {
            let (stack, stage) = row?;
            if access.sees(&stack, &stage) {
                seen.push(format!("{stack}/{stage}"));
            }
        }
        Ok(Self(Some(seen)))
    }

    /// As the value of a condition over `json_each`; none where nothing is hidden.
    pub fn value(&self) -> Option<Value> {
        self.0.as_ref().map(|seen| Value::Text(serde_json::json!(seen).to_string()))
    }

    /// Whether a stage of any stack is in it; asked with the stages that were ever pushed to.
    pub fn has_stage(&self, stage: &str) -> bool {
        self.0
            .as_ref()
            .is_none_or(|seen| seen.iter().any(|one| one.split_once('/').is_some_and(|(_, name)| name == stage)))
    }

    /// Whether a stage of a stack is in it.
    pub fn has(&self, stack: &StackName, stage: &str) -> bool {
        self.0.as_ref().is_none_or(|seen| seen.contains(&format!("{stack}/{stage}")))
    }
}

impl ToSql for Visible {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(self.value().unwrap_or(Value::Null)))
    }
}
