//! What the page of the audit asks: the rows that pass a filter, newest first, a page at a time by number. Seals are left out: they say
//! nothing to people. It must never answer with more than was asked for.

use super::rows::{AuditRow, COLUMNS, read};
use crate::ledger::LedgerResult;
use crate::ledger::history::Edge;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// Which rows a list shows; an empty filter shows all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this person, program, or the server.
    pub who: Option<String>,
    /// Of this action.
    pub action: Option<String>,
    /// With this text in what was done, to what, or from where; case does not matter in ASCII.
    pub text: Option<String>,
    /// At this instant or later, RFC 3339 in UTC with milliseconds.
    pub since: Option<String>,
    /// Before this instant, written alike.
    pub until: Option<String>,
    /// Where the page begins; none for the newest rows.
    pub from: Option<Edge>,
}

/// The rows that `filter` lets through, newest first, at most `most`.
///
/// # Errors
/// What SQLite said.
pub fn list(connection: &Connection, filter: &Filter, most: usize) -> LedgerResult<Vec<AuditRow>> {
    let mut values = Vec::new();
    let mut pieces = vec!["a.what <> 'seal'"];
    let pattern = filter.text.as_deref().map(|text| {
        let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        format!("%{escaped}%")
    });
    for (piece, value) in [
        ("a.who = ?", filter.who.as_deref()),
        ("a.what = ?", filter.action.as_deref()),
        ("a.at >= ?", filter.since.as_deref()),
        ("a.at < ?", filter.until.as_deref()),
        (
            "a.detail || ' ' || coalesce(a.object, '') || ' ' || coalesce(a.place, '') LIKE ? ESCAPE '\\'",
            pattern.as_deref(),
        ),
    ] {
        if let Some(value) = value {
            pieces.push(piece);
            values.push(Value::Text(value.to_owned()));
        }
    }
    let order = match filter.from {
        Some(Edge::Before(edge)) => {
            pieces.push("a.id < ?");
            values.push(Value::Integer(edge));
            "DESC"
        }
        Some(Edge::After(edge)) => {
            pieces.push("a.id > ?");
            values.push(Value::Integer(edge));
            "ASC"
        }
        None => "DESC",
    };
    values.push(Value::Integer(i64::try_from(most).unwrap_or(i64::MAX)));
    let sql = format!("SELECT {COLUMNS} FROM audit a WHERE {} ORDER BY a.id {order} LIMIT ?", pieces.join(" AND "));
    let mut ask = connection.prepare_cached(&sql)?;
    let mut rows: Vec<AuditRow> = ask.query_map(params_from_iter(values), read)?.collect::<Result<_, _>>()?;
    if order == "ASC" {
        rows.reverse();
    }
    Ok(rows)
}

/// What there is that was done, by name.
///
/// # Errors
/// What SQLite said.
pub fn actions(connection: &Connection) -> LedgerResult<Vec<String>> {
    // From one name to the next by the index, so that it does not cost more because there are more rows.
    let mut ask = connection.prepare_cached(
        "WITH RECURSIVE names (what) AS (
             SELECT min(what) FROM audit WHERE what <> 'seal'
             UNION ALL SELECT (SELECT min(a.what) FROM audit a WHERE a.what > names.what AND a.what <> 'seal')
             FROM names WHERE names.what IS NOT NULL)
         SELECT what FROM names WHERE what IS NOT NULL ORDER BY what",
    )?;
    let rows = ask.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
