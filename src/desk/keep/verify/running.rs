//! A push that runs is not sealed yet: its rows are made again from what was pressed and from its journal, by the very fold that made
//! them, in a ledger in memory, and held against what stands in the ledger.

use super::files;
use crate::journal::{Cursor, PushDir, Reader};
use crate::ledger::{LedgerResult, fold, replay};
use crate::stack::PushNumber;
use std::path::Path;

/// Bytes of a journal that are read at once.
const CHUNK: usize = 1 << 20;

/// What the ledger says of a push that runs.
pub(super) struct Running {
    /// Its number.
    pub number: PushNumber,
    /// How far its journal is folded in.
    folded: Cursor,
    /// Its rows.
    rows: replay::Rows,
    /// The plan, as it was written.
    plan: String,
}

impl Running {
    /// Reads it.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn of(connection: &rusqlite::Connection, number: PushNumber) -> LedgerResult<Self> {
        let folded = fold::place(connection, number)?.unwrap_or_default();
        let plan = crate::ledger::pushes::plan_text(connection, number)?.unwrap_or_default();
        Ok(Self { number, folded, rows: replay::rows(connection, number)?, plan })
    }
}

/// What of a push that runs is not what its journal says. Its files may not be there yet, as long as nothing was folded in.
pub(super) fn differences(data: &Path, push: &Running) -> Vec<String> {
    let dir = PushDir::of(data, push.number);
    let mut wrong: Vec<String> = files::plan(&dir, &push.plan, push.folded.n > 0).err().into_iter().collect();
    match replayed(&dir, push) {
        Ok(differences) => wrong.extend(differences),
        Err(why) => wrong.push(why),
    }
    wrong
}

fn replayed(dir: &PushDir, push: &Running) -> Result<Vec<String>, String> {
    let text = |error: crate::ledger::LedgerError| error.to_string();
    let mut again = push.rows.begin(push.number).map_err(text)?;
    if push.folded.n > 0 {
        let reader = Reader::open(&dir.journal()).map_err(|error| format!("its journal cannot be read: {error}"))?;
        let mut at = Cursor::default();
        while at.offset < push.folded.offset {
            let batch = reader.read_from(at, CHUNK).map_err(|error| format!("its journal cannot be read: {error}"))?;
            let end = batch.cursor(at);
            let known: Vec<_> = batch.records.iter().take_while(|read| read.end <= push.folded.offset).collect();
            if known.is_empty() {
                return Err("its journal is shorter than what the ledger has read of it, or damaged".to_owned());
            }
            again.fold(push.number, &known).map_err(text)?;
            at = end;
        }
        if again.read_to() != push.folded {
            return Err("the ledger has read its journal up to a place where no record ends".to_owned());
        }
    }
    again.differences(&push.rows).map_err(text)
}
