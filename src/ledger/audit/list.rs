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
    let (sql, values) = query(filter, most);
    let mut ask = connection.prepare_cached(&sql)?;
    let mut rows: Vec<AuditRow> = ask.query_map(params_from_iter(values), read)?.collect::<Result<_, _>>()?;
    if matches!(filter.from, Some(Edge::After(_))) {
        rows.reverse();
    }
    Ok(rows)
}

/// The question with its values. Its text is put together from constant pieces only.
fn query(filter: &Filter, most: usize) -> (String, Vec<Value>) {
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
    (sql, values)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_by_an_index_in_its_order_however_many_rows_there_are() {
        let ledger = Connection::open_in_memory().unwrap();
        ledger.execute_batch(crate::ledger::schema::SQL).unwrap();
        let (who, action) = (|| Some("mary".to_owned()), || Some("hold".to_owned()));
        for (filter, index) in [
            (Filter::default(), "audit_read"),
            (Filter { who: who(), ..Filter::default() }, "audit_by_who"),
            (Filter { action: action(), ..Filter::default() }, "audit_by_what"),
            (Filter { who: who(), action: action(), ..Filter::default() }, "audit_by_"),
            (Filter { text: who(), since: who(), until: who(), ..Filter::default() }, "audit_read"),
        ] {
            for from in [None, Some(Edge::Before(7)), Some(Edge::After(7))] {
                let filter = Filter { from, ..filter.clone() };
                let (sql, values) = query(&filter, 100);
                let mut ask = ledger.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                let steps = ask.query_map(params_from_iter(values), |row| row.get::<_, String>("detail")).unwrap();
                let plan = steps.map(Result::unwrap).collect::<Vec<_>>().join("\n");
                assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{filter:?}: {plan}");
            }
        }
    }
}
