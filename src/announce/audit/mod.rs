//! Sends the audit on: a line for each row to a syslog daemon and to a file, where the server's file asks for it. Rows are sent when they are
//! committed, in order; how far each target has them stands in the ledger, so that one which is away gets the rest later, also after a
//! restart. It must never hold anybody up who writes, and never lose a row: one is counted as sent when it was handed over, so that a kill
//! in between repeats it. Seals, which are for `verify`, are not sent. Begun by `announce` beside the channels.

mod file;
mod line;
mod syslog;
mod target;

use super::channel::Surroundings;
use crate::config::{Config, Syslog};
use crate::ledger::LedgerResult;
use crate::ledger::audit::rows;
use crate::ledger::audit::sent;
use crate::time::At;
use std::time::Duration;
use target::Target;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

/// Rows that are handed over at once.
const ROWS: usize = 100;
/// Rows that other processes wrote, as `pushbutton user`, are looked for that often.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The first pause after a failure; it doubles…
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// … up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How long a server that stops still tries to hand over what is there.
const LAST_LIMIT: Duration = Duration::from_secs(2);

/// Begins a task for each target of the configuration.
pub(super) fn begin(config: &Config, with: &Surroundings, tasks: &TaskTracker) {
    let syslog = config.audit.syslog.as_deref().and_then(Syslog::parse);
    let host = url::Url::parse(&config.url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let host = host.unwrap_or_else(|| "-".to_owned());
    if let Some(daemon) = syslog {
        let with = with.clone();
        let task = with.health.clone().keep("send the audit to syslog", with.stop.clone(), move || {
            keep(syslog::Daemon::new(daemon.clone(), host.clone()), with.clone())
        });
        tasks.spawn(task);
    }
    if let Some(path) = config.audit.file.clone() {
        let with = with.clone();
        let task = with.health.clone().keep("write the audit to a file", with.stop.clone(), move || {
            keep(file::File::new(path.clone()), with.clone())
        });
        tasks.spawn(task);
    }
}

async fn keep(mut target: impl Target, with: Surroundings) {
    let name = target.name();
    let (mut written, mut wait) = (with.ledger.written(), FIRST_WAIT);
    loop {
        written.mark_unchanged();
        let pause = match step(&mut target, &with).await {
            Ok(Step::More) => Duration::ZERO,
            Ok(Step::All) => {
                with.channels.audit_works(name);
                wait = FIRST_WAIT;
                LOOK_EVERY
            }
            Err(why) => {
                target.look_again();
                tracing::warn!(target = name, %why, again_in_s = wait.as_secs(), "the audit cannot be sent on");
                with.channels.audit_is_behind(name, &why, At::now());
                let pause = wait;
                wait = (wait * 2).min(LONGEST_WAIT);
                tokio::select! { () = with.stop.cancelled() => return, () = sleep(pause) => {} }
                continue;
            }
        };
        tokio::select! {
            () = with.stop.cancelled() => break,
            () = sleep(pause) => {}
            _ = written.changed() => {}
        }
    }
    // What was done last, as the end of a session, goes out before the server does.
    let rest = async { while let Ok(Step::More) = step(&mut target, &with).await {} };
    let _ = timeout(LAST_LIMIT, rest).await;
}

/// What there was to do.
enum Step {
    More,
    All,
}

/// Hands the next rows over, and keeps how far it has come.
async fn step(target: &mut impl Target, with: &Surroundings) -> Result<Step, String> {
    let name = target.name();
    let known: LedgerResult<i64> = with.ledger.read(move |connection| sent::up_to(connection, name)).await;
    let known = known.map_err(|error| error.to_string())?;
    let has = target.has().map_err(|error| error.to_string())?;
    let rows = with.ledger.read(move |connection| {
        let from = match has {
            // A ledger that was restored may have another row of this number.
            Some((number, hash)) if rows::has(connection, number, &hash)? => number.max(known),
            Some(_) | None => known,
        };
        rows::deeds_after(connection, from, ROWS)
    });
    let rows = rows.await;
    let rows = rows.map_err(|error| error.to_string())?;
    if rows.is_empty() {
        return Ok(Step::All);
    }
    let handed = target.send(&rows).await;
    if let Some(last) = handed.rows.checked_sub(1).and_then(|last| rows.get(last)) {
        let number = last.number;
        let kept = with.ledger.write(move |tx| sent::note(tx, name, number)).await;
        kept.map_err(|error| error.to_string())?;
    }
    match handed.trouble {
        Some(error) => Err(error.to_string()),
        None => Ok(Step::More),
    }
}
