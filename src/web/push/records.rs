//! What a push page reads of the journal: how far the connections are, and the last lines. It must never read more than its limits.

use crate::desk::JournalEnd;
use crate::journal::{Connecting, Event, Record};
use crate::stack::PushNumber;
use crate::time::At;
use crate::web::app::App;
use crate::web::http::problem::Problem;
use crate::web::output::cursor::{first_records, last_records};

/// Bytes of the journal that are read for them.
const TAIL_BYTES: u64 = 256 * 1024;

/// Bytes of the journal before its first command, at most: the plan's hosts and commands by name, and how they were connected to.
const HEAD_BYTES: u64 = 1 << 20;

/// How far the connections to the hosts of a push are, and when that was said: none in journals of older runners.
pub(super) fn connecting_of(head: &[Record]) -> Option<(At, Connecting)> {
    head.iter().rev().find_map(|record| Some((record.at, Connecting::of(&record.event)?)))
}

/// How far the connections to the hosts of a push are, as its journal says.
///
/// # Errors
/// When the journal cannot be read.
pub(super) async fn connecting(app: &App, id: PushNumber) -> Result<Option<Connecting>, Problem> {
    let (head, _) = journal_of(app, id, 0).await?;
    Ok(connecting_of(&head).map(|(_, connecting)| connecting))
}

/// The records of a push's journal before its first command, and the last ones.
pub(super) async fn journal_of(app: &App, id: PushNumber, lines: usize) -> Result<(Vec<Record>, Vec<Record>), Problem> {
    let end = app.desk.journal_end(id).await.map_or(JournalEnd::default(), |end| *end.borrow());
    if end.len == 0 {
        return Ok((Vec::new(), Vec::new()));
    }
    let path = app.desk.journal_path(id);
    let read = tokio::task::spawn_blocking(move || {
        let begins = |record: &Record| matches!(record.event, Event::CommandStarted { .. });
        let head = first_records(&path, end.len, HEAD_BYTES, begins)?;
        let tail = if lines > 0 { last_records(&path, end.len, lines, TAIL_BYTES)? } else { Vec::new() };
        Ok::<_, std::io::Error>((head, tail))
    });
    read.await.map_err(Problem::broken)?.map_err(Problem::broken)
}
