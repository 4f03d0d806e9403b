//! What the push log asks: the pushes that pass a filter, a page at a time, older and newer, by number. Numbers only grow, so
//! a page's edge stays where it is while new pushes arrive: nothing is skipped, nothing repeated. It must never read more
//! than a page holds because there are many pushes: each filter has an index (`tests/history.rs` looks at the query plans).

use super::push::{COLUMNS, PushRow, row};
use super::visible::Visible;
use crate::journal::PushState;
use crate::ledger::{LedgerError, LedgerResult};
use crate::stack::{Access, PushNumber, StackName, StageName};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// Pushes are numbered in the order of their presses, but for a clock that was set back: so many numbers around a moment
/// are looked at one by one.
const UNTIDY: usize = 1000;
/// The longest beginning of a word that the index holds (`prefix` in `schema.sql`): without it, a word that every push has
/// would be gathered from all of them before the first is shown.
const LONGEST_BEGIN: usize = 8;

/// Which pushes a list shows; an empty filter shows all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this stack.
    pub stack: Option<StackName>,
    /// To this stage.
    pub stage: Option<StageName>,
    /// Pressed by this person.
    pub who: Option<String>,
    /// In this state.
    pub state: Option<PushState>,
    /// With words that begin like these in a name, revision, reason or commit; case and accents do not matter.
    pub word: Option<String>,
    /// Pressed at this instant or later, RFC 3339 in UTC with milliseconds.
    pub since: Option<String>,
    /// Pressed before this instant, written alike.
    pub until: Option<String>,
    /// Where the page begins; none for the newest pushes.
    pub from: Option<Edge>,
    /// Who reads the list; none when it is the server itself.
    pub reader: Option<Access>,
}

/// The edge of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The newest pushes that are older than the one of this number.
    Before(i64),
    /// The oldest pushes that are newer than the one of this number.
    After(i64),
}

/// The pushes that `filter` lets through, newest first, at most `most`.
///
/// # Errors
/// What SQLite said.
pub fn list(connection: &Connection, filter: &Filter, most: usize) -> LedgerResult<Vec<PushRow>> {
    let Some(query) = Query::of(connection, filter)? else { return Ok(Vec::new()) };
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut ask = connection.prepare_cached(&query.text)?;
    let values = query.values.into_iter().chain([Value::Integer(most)]);
    let mut rows: Vec<PushRow> = ask.query_map(params_from_iter(values), row)?.collect::<Result<_, _>>()?;
    if matches!(filter.from, Some(Edge::After(_))) {
        rows.reverse();
    }
    Ok(rows)
}

/// How SQLite would find these pushes, a step a line: for the tests that hold the indexes to their work.
///
/// # Errors
/// What SQLite said.
pub fn explained(connection: &Connection, filter: &Filter) -> LedgerResult<Vec<String>> {
    let Some(query) = Query::of(connection, filter)? else { return Ok(Vec::new()) };
    let mut ask = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", query.text))?;
    let values = query.values.into_iter().chain([Value::Integer(1)]);
    let steps = ask.query_map(params_from_iter(values), |row| row.get::<_, String>("detail"))?;
    Ok(steps.collect::<Result<_, _>>()?)
}

/// A question with its values. Its text is put together from constant pieces only.
struct Query {
    text: String,
    values: Vec<Value>,
}

impl Query {
    /// None when nothing can pass.
    fn of(connection: &Connection, filter: &Filter) -> LedgerResult<Option<Self>> {
        let mut values = Vec::new();
        let mut pieces = Vec::new();
        let mut put = |piece: &'static str, value: Value| {
            pieces.push(piece);
            values.push(value);
        };
        // The number by which the rows come: the words' own, where words are looked for.
        let number = match filter.word.as_deref().map(words) {
            None => "p.id",
            Some(None) => return Ok(None),
            Some(Some(words)) => {
                put("words MATCH ?", Value::Text(words));
                "words.rowid"
            }
        };
        let same = [
            ("p.stack = ?", filter.stack.as_ref().map(StackName::as_str)),
            ("p.stage = ?", filter.stage.as_ref().map(StageName::as_str)),
            ("p.who = ?", filter.who.as_deref()),
            ("p.state = ?", filter.state.map(PushState::word)),
            ("p.pressed_at >= ?", filter.since.as_deref()),
            ("p.pressed_at < ?", filter.until.as_deref()),
        ];
        for (piece, value) in same {
            if let Some(value) = value {
                put(piece, Value::Text(value.to_owned()));
            }
        }
        let visible = filter.reader.as_ref().map(|reader| Visible::to(connection, reader)).transpose()?;
        if let Some(seen) = visible.as_ref().and_then(Visible::value) {
            put("(p.stack || '/' || p.stage) IN (SELECT value FROM json_each(?))", seen);
        }
        let (mut above, mut below) = edges(connection, filter)?;
        match filter.from {
            Some(Edge::Before(id)) => below = Some(below.unwrap_or(i64::MAX).min(id)),
            Some(Edge::After(id)) => above = Some(above.unwrap_or(0).max(id)),
            None => {}
        }
        let by_words = number != "p.id";
        for (edge, by_id, by_word) in [(above, "p.id > ?", "words.rowid > ?"), (below, "p.id < ?", "words.rowid < ?")] {
            if let Some(edge) = edge {
                put(if by_words { by_word } else { by_id }, Value::Integer(edge));
            }
        }
        let tables = if by_words { "words CROSS JOIN pushes p ON p.id = words.rowid" } else { "pushes p" };
        let only = if pieces.is_empty() { String::new() } else { format!("WHERE {}", pieces.join(" AND ")) };
        let order = if matches!(filter.from, Some(Edge::After(_))) { "ASC" } else { "DESC" };
        let text = format!("SELECT {COLUMNS} FROM {tables} {only} ORDER BY {number} {order} LIMIT ?");
        Ok(Some(Self { text, values }))
    }
}

/// The numbers outside of which nothing was pressed in the filter's time: a page of last year is found without reading
/// this one.
fn edges(connection: &Connection, filter: &Filter) -> LedgerResult<(Option<i64>, Option<i64>)> {
    let edge = |text: &str, at: &Option<String>| -> LedgerResult<Option<i64>> {
        let Some(at) = at else { return Ok(None) };
        let mut ask = connection.prepare_cached(text)?;
        let most = i64::try_from(UNTIDY).unwrap_or(i64::MAX);
        Ok(ask.query_row((at, most), |row| row.get::<_, Option<i64>>(0))?)
    };
    let lowest = edge(
        "SELECT min(id) - 1 FROM (SELECT id FROM pushes WHERE pressed_at >= ?1 ORDER BY pressed_at LIMIT ?2)",
        &filter.since,
    )?;
    let highest = edge(
        "SELECT max(id) + 1 FROM (SELECT id FROM pushes WHERE pressed_at < ?1 ORDER BY pressed_at DESC LIMIT ?2)",
        &filter.until,
    )?;
    Ok((lowest, highest))
}

/// What is looked for, as the index takes it: every part of the text must begin a word, or the words of a part follow each
/// other (`51d0c3e-12`). What is longer than the beginnings in the index is a whole word, but for revisions, of which no two
/// begin alike. None when the text holds no letter and no digit.
fn words(text: &str) -> Option<String> {
    let parts: Vec<String> = text
        .split_whitespace()
        .filter(|part| part.chars().any(char::is_alphanumeric))
        .map(|part| {
            let begins = part.chars().count() <= LONGEST_BEGIN || part.contains(|c: char| c.is_ascii_digit());
            format!("\"{}\"{}", part.replace('"', "\"\""), if begins { " *" } else { "" })
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join(" AND "))
}

/// Takes the words of a push into the index, in place of what was there: what it is, who pressed, why, its commits, and why
/// it did not end well.
///
/// # Errors
/// What SQLite said.
pub fn index(connection: &Connection, push: PushNumber) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO words (rowid, text)
             SELECT p.id, concat_ws(' ', p.stack, p.stage, p.build, p.sha, p.branch, p.who, p.reason, p.why, p.ended_by,
                    (SELECT group_concat(concat_ws(' ', c.sha, c.author, c.subject), ' ') FROM commits c WHERE c.push = p.id))
             FROM pushes p WHERE p.id = ?1",
        )?
        .execute([push])?;
    Ok(())
}

#[cfg(test)]
mod tests {

    #[test]
    fn what_is_looked_for_is_never_a_question_in_the_indexs_own_tongue() {
        for (text, words) in [
            ("gift", Some("\"gift\" *")),
            ("Gift wrap", Some("\"Gift\" * AND \"wrap\" *")),
            ("a\"b OR c*", Some("\"a\"\"b\" * AND \"OR\" * AND \"c*\" *")),
            ("interrupted", Some("\"interrupted\"")),
            ("51d0c3e-12 —", Some("\"51d0c3e-12\" *")),
            (" -- \" ", None),
        ] {
            assert_eq!(super::words(text).as_deref(), words, "{text}");
        }
    }
}
