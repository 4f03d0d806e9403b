//! The audit as a file that a third party verifies without this server: a row a line, and a last line that says how many there are and
//! how the last one is sealed (`docs/audit.md`). It must never believe the file that it looks at: all that a row says goes into its hash,
//! and a hash that somebody noted elsewhere says whether it is still the same history. Called by the command line, and by `web` for the
//! download.

use super::rows::{self, AuditRow, BEGINNING};
use crate::ledger::{Ledger, LedgerResult};
use crate::size::counted;
use crate::time::At;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Read};

/// Rows that are read at once.
const ROWS: usize = 500;
/// The longest line that is read, in bytes: no row of ours is as long.
const LONGEST_LINE: u64 = 16 << 20;
/// Sentences about one file, at most.
const MOST_PROBLEMS: usize = 20;

/// The last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// How many rows stand before it.
    pub rows: i64,
    /// The hash of the last one; what it would be chained to where there is none.
    pub head: String,
    /// When it was written.
    pub exported_at: String,
}

/// An export that goes on from where it has come to.
#[derive(Clone, Debug)]
pub struct Export {
    before: i64,
    last: i64,
    end: End,
    done: bool,
}

impl Export {
    /// What was written in a time, up to now at most.
    ///
    /// # Errors
    /// What SQLite said.
    pub async fn begin(ledger: &Ledger, since: Option<At>, until: Option<At>) -> LedgerResult<Self> {
        let found = ledger.read(move |connection| rows::between(connection, since, until)).await?;
        let (first, last) = found.unwrap_or((1, 0));
        let end = End { rows: 0, head: BEGINNING.to_owned(), exported_at: At::now().to_string() };
        Ok(Self { before: first - 1, last, end, done: false })
    }

    /// The next lines; none after the last one.
    ///
    /// # Errors
    /// What SQLite said.
    pub async fn next(&mut self, ledger: &Ledger) -> LedgerResult<Option<String>> {
        if self.done {
            return Ok(None);
        }
        let (before, last) = (self.before, self.last);
        let rows = match before < last {
            true => ledger.read(move |connection| rows::after(connection, before, ROWS)).await?,
            false => Vec::new(),
        };
        let mut text = String::new();
        for row in rows.iter().take_while(|row| row.number <= last) {
            text.push_str(&serde_json::to_string(row)?);
            text.push('\n');
            self.before = row.number;
            self.end.rows += 1;
            self.end.head.clone_from(&row.hash);
        }
        if text.is_empty() {
            self.done = true;
            text = format!("{}\n", serde_json::to_string(&self.end)?);
        }
        Ok(Some(text))
    }

    /// What its last line says.
    pub fn end(&self) -> &End {
        &self.end
    }
}

/// What a file of an export is found to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// How many rows it has.
    pub rows: i64,
    /// The number of the first and of the last one.
    pub numbers: Option<(i64, i64)>,
    /// The hash of the last one.
    pub head: String,
    /// What is wrong with it, one sentence each.
    pub problems: Vec<String>,
}

/// Reads an export and says whether it is one chain, whole to its last line, which has the heads that were noted elsewhere.
///
/// # Errors
/// When it cannot be read.
pub fn verify(mut file: impl BufRead, heads: &[String]) -> io::Result<Found> {
    let mut found = Found { head: BEGINNING.to_owned(), ..Found::default() };
    let mut missing: Vec<&String> = heads.iter().collect();
    let (mut line, mut at, mut end) = (Vec::new(), 0, None);
    loop {
        line.clear();
        let read = (&mut file).take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        if read == 0 || found.problems.len() >= MOST_PROBLEMS {
            break;
        }
        at += 1;
        let whole = line.last() == Some(&b'\n');
        if end.is_some() {
            found.problems.push(format!("line {at}: it stands after the end"));
        } else if let (true, Ok(row)) = (whole, serde_json::from_slice::<AuditRow>(&line)) {
            found.take_in(at, &row);
            missing.retain(|head| !row.hash.starts_with(head.as_str()));
        } else if let (true, Ok(last)) = (whole, serde_json::from_slice::<End>(&line)) {
            end = Some(last);
        } else {
            found.problems.push(format!("line {at}: it is no row of the audit, or was cut"));
        }
    }
    match end {
        None => found.problems.push("its last line is missing: it was cut, or is still being written".to_owned()),
        Some(end) if end.rows != found.rows || end.head != found.head => found.problems.push(format!(
            "its last line speaks of {} up to {:.12}; there are {} up to {:.12}",
            counted(end.rows.unsigned_abs(), "row"),
            end.head,
            found.rows,
            found.head
        )),
        Some(_) => {}
    }
    found.problems.extend(missing.into_iter().map(|head| {
        format!("it does not have the head {head} that was noted: rows are missing, or the whole chain was rewritten")
    }));
    Ok(found)
}

impl Found {
    fn take_in(&mut self, at: i64, row: &AuditRow) {
        let number = row.number;
        match self.numbers {
            Some((_, last)) if number != last + 1 => self
                .problems
                .push(format!("line {at}: row {number} follows row {last}: rows were removed, added or moved")),
            Some(_) if row.previous != self.head => {
                self.problems.push(format!("line {at}: row {number} is not chained to the row before it"));
            }
            None if number == 1 && row.previous != BEGINNING => {
                self.problems.push(format!("line {at}: row 1 is chained to a row that there is not"));
            }
            Some(_) | None => {}
        }
        if row.hash != row.hash_again() {
            self.problems.push(format!("line {at}: row {number} is not as it was written"));
        }
        self.numbers = Some((self.numbers.map_or(number, |(first, _)| first), number));
        self.rows += 1;
        self.head.clone_from(&row.hash);
    }
}
