//! The end of a push whose runner died: written by the server, under the runner's lock. It must never touch the journal
//! of a runner that may live.

use super::runner;
use crate::desk::parts::durable::sync_dir;
use crate::desk::parts::runner_lock::take_lock;
use crate::journal::{PushDir, State, Writer};
use crate::ledger::pushes::PushRow;
use crate::time::At;
use std::io;

/// What was found behind the runner's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunnerState {
    /// The lock is held: the runner lives.
    Alive,
    /// The runner had written the end.
    Ended,
    /// The runner had died before the end; the server has just written it.
    Interrupted,
}

/// Ends the push of a dead runner as *interrupted*: the torn tail is cut, the end appended and durable. Blocking.
///
/// # Errors
/// What the system said, such as a full disk; it may be called again.
pub(super) fn interrupt(dir: &PushDir, row: &PushRow, cause: Option<&str>, at: At) -> io::Result<RunnerState> {
    runner::make_dir(dir)?;
    let Some(_lock) = take_lock(dir)? else { return Ok(RunnerState::Alive) };
    // Nobody else gives it back any more, and on a full disk the end is written into its room. Mostly it is not there.
    let _ = std::fs::remove_file(dir.reserve());
    let (mut writer, illegal) = Writer::take_up(dir)?;
    if let Some(illegal) = illegal {
        tracing::error!(dir = %dir.dir().display(), error = %illegal, "a journal holds a step that no push takes");
    }
    let state = writer.state();
    if state.ended.is_some() {
        return Ok(RunnerState::Ended);
    }
    let hosts_total = u32::try_from(row.hosts_total).unwrap_or_default();
    let began = row.pressed_at.parse::<At>().unwrap_or(at);
    let duration_ms = u64::try_from(at.millis_since(began)).unwrap_or_default();
    let end = state.interrupted(why(state, &state.unknown_hosts(), cause), hosts_total, duration_ms);
    writer.add(at, end).map_err(io::Error::other)?;
    writer.flush()?;
    writer.sync()?;
    sync_dir(dir.dir())?;
    // A socket that nobody answers; that it may not be there is the ordinary case.
    let _ = std::fs::remove_file(dir.control());
    Ok(RunnerState::Interrupted)
}

/// Why the push was interrupted, for the person who pressed.
fn why(state: &State, unknown: &[String], cause: Option<&str>) -> String {
    match (cause, state.commands.is_empty(), unknown) {
        (Some(cause), true, _) => format!("the runner could not be started, so nothing ran: {cause}"),
        (_, true, _) => "the runner ended before it started, so nothing ran".to_owned(),
        (_, false, []) => "the runner ended in the middle of the push".to_owned(),
        (_, false, [host]) => format!("the runner ended in the middle of the push; the state of {host} is unknown"),
        (_, false, hosts) => {
            format!("the runner ended in the middle of the push; the state of {} hosts is unknown", hosts.len())
        }
    }
}
