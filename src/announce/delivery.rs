//! The delivery of one channel: takes what is due from the outbox, oldest first, tells it, and notes how it went.
//! It must never forget a row, never tell one again that it could note as told, and never wait for another channel.

use super::words;
use crate::ledger::outbox::{self, Announcement, Due};
use crate::ledger::{Ledger, LedgerError};
use crate::time::At;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The first wait after a failed try; it doubles up to [`LONGEST_WAIT_MS`] (TRUST section 8).
const FIRST_WAIT_MS: i64 = 5_000;
const LONGEST_WAIT_MS: i64 = 15 * 60_000;
/// When a row is given up (TRUST section 8)…
const GIVEN_UP_AFTER_MS: i64 = 72 * 3_600_000;
/// … but never before this many tries, so that neither a clock that jumped nor a server that was away gives one up.
const LEAST_TRIES: i64 = 20;
/// The longest sleep: a clock that jumps, or a wake-up that was missed, costs no more than this.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// How long a channel may finish what it is telling when the server stops; cut off, it would be told twice.
const STOP_GRACE: Duration = Duration::from_secs(3);
/// The wait before the ledger is asked again after it refused.
const LEDGER_WAIT: Duration = Duration::from_secs(1);

/// Somewhere announcements are told: IRC, mail; in tests, a script.
pub(super) trait Channel: Send + 'static {
    /// The channel's name in the ledger.
    const NAME: &'static str;

    /// Tells it, and answers the very words once the other side has taken them.
    fn tell(&mut self, announcement: &Announcement) -> impl Future<Output = Result<String, Trouble>> + Send;

    /// Returns when the channel works again after it did not, so that what waits goes out at once.
    fn recovered(&mut self) -> impl Future<Output = ()> + Send;
}

/// Why something was not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It may work later.
    Later(String),
    /// It never will.
    Never(String),
}

/// Delivers for one channel until `stop`.
pub(super) async fn deliver<C: Channel>(
    mut channel: C,
    ledger: Ledger,
    mut changes: watch::Receiver<u64>,
    stop: CancellationToken,
) {
    // Rows up to this moment are due; ahead of now only while what piled up goes out.
    let mut until = At::now();
    while !stop.is_cancelled() {
        until = until.max(At::now());
        // One at a time: telling one may make an older one due, the end of the same push.
        match ledger.read(move |conn| Ok(outbox::due(conn, C::NAME, until, 1)?.pop())).await {
            Ok(Some(row)) => {
                if !tell_one(&mut channel, &ledger, row, &stop).await {
                    until = At::now();
                }
            }
            Ok(None) => {
                until = match sleep(&mut channel, &ledger, &mut changes, &stop).await {
                    Woken::Recovered => At::from_millis(At::now().millis() + LONGEST_WAIT_MS),
                    Woken::Due => At::now(),
                };
            }
            Err(LedgerError::Closed) => return,
            Err(error) => {
                tracing::error!(channel = C::NAME, %error, "cannot read the outbox");
                pause(LEDGER_WAIT, &stop).await;
            }
        }
    }
}

/// Why the delivery goes on.
enum Woken {
    /// Something may be due.
    Due,
    /// The channel works again: all that waits is due.
    Recovered,
}

async fn sleep<C: Channel>(
    channel: &mut C,
    ledger: &Ledger,
    changes: &mut watch::Receiver<u64>,
    stop: &CancellationToken,
) -> Woken {
    let next = ledger.read(|conn| outbox::next_due(conn, C::NAME)).await.ok().flatten();
    let wait = next.map_or(LONGEST_SLEEP, |at| {
        // One millisecond more: due times are compared to a clock cut to milliseconds.
        let ms = u64::try_from(at.millis_since(At::now())).unwrap_or_default() + 1;
        Duration::from_millis(ms).min(LONGEST_SLEEP)
    });
    tokio::select! {
        () = stop.cancelled() => Woken::Due,
        () = tokio::time::sleep(wait) => Woken::Due,
        () = channel.recovered() => Woken::Recovered,
        () = changed(changes) => Woken::Due,
    }
}

/// Returns at the next change; never, when nobody can change anything any more.
async fn changed(changes: &mut watch::Receiver<u64>) {
    if changes.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn pause(wait: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(wait) => {}
    }
}

/// Tells one row and notes how it went; whether it was told.
async fn tell_one<C: Channel>(channel: &mut C, ledger: &Ledger, row: Due, stop: &CancellationToken) -> bool {
    if stop.is_cancelled() {
        return false;
    }
    let (told, moment) = match &row.announcement {
        Err(why) => (Err(Trouble::Never(why.clone())), None),
        Ok(announcement) => {
            let told = tokio::select! {
                told = channel.tell(announcement) => told,
                () = async { stop.cancelled().await; tokio::time::sleep(STOP_GRACE).await } => return false,
            };
            (told, words::moment(announcement))
        }
    };
    let now = At::now();
    let note = match told {
        Ok(words) => Note::Told(words),
        Err(Trouble::Never(problem)) => Note::Failed(problem, None),
        Err(Trouble::Later(problem)) => Note::Failed(problem, next_try(row.tries, moment, now)),
    };
    let was_told = matches!(note, Note::Told(_));
    log::<C>(&row, &note);
    write_down(ledger, row.id, note, now, stop).await;
    was_told
}

/// How a try went.
#[derive(Clone)]
enum Note {
    Told(String),
    Failed(String, Option<At>),
}

fn log<C: Channel>(row: &Due, note: &Note) {
    let key = row.announcement.as_ref().map(Announcement::key).unwrap_or_default();
    match note {
        Note::Told(_) => tracing::info!(channel = C::NAME, key, tries = row.tries + 1, "announced"),
        Note::Failed(problem, Some(next)) => {
            tracing::warn!(channel = C::NAME, key, tries = row.tries + 1, problem, %next, "not announced yet");
        }
        Note::Failed(problem, None) => {
            tracing::error!(channel = C::NAME, key, tries = row.tries + 1, problem, "announcement given up");
        }
    }
}

/// Writes the note down, however long the ledger refuses: a told row that is not noted would be told again.
async fn write_down(ledger: &Ledger, id: i64, note: Note, now: At, stop: &CancellationToken) {
    loop {
        let note = note.clone();
        let written = ledger.write(move |tx| match note {
            Note::Told(words) => outbox::told(tx, id, &words, now),
            Note::Failed(problem, next) => outbox::failed(tx, id, &problem, next),
        });
        match written.await {
            Ok(()) | Err(LedgerError::Closed) => return,
            Err(error) => tracing::error!(%error, row = id, "cannot note in the outbox how an announcement went"),
        }
        if stop.is_cancelled() {
            return;
        }
        pause(LEDGER_WAIT, stop).await;
    }
}

/// When the next try is due after `tries` failed ones and one more; `None` gives up.
fn next_try(tries: i64, moment: Option<At>, now: At) -> Option<At> {
    let age = moment.map_or(0, |moment| now.millis_since(moment));
    if age >= GIVEN_UP_AFTER_MS && tries + 1 >= LEAST_TRIES {
        return None;
    }
    let doublings = u32::try_from(tries.clamp(0, 10)).unwrap_or_default();
    let wait = (FIRST_WAIT_MS << doublings).min(LONGEST_WAIT_MS);
    Some(At::from_millis(now.millis() + wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_255_200_000;

    #[test]
    fn tries_back_off_from_five_seconds_to_fifteen_minutes() {
        let now = At::from_millis(NOW);
        for (tries, seconds) in [(0, 5), (1, 10), (2, 20), (7, 640), (8, 900), (9, 900), (5_000, 900)] {
            let next = next_try(tries, Some(now), now).unwrap();
            assert_eq!(next.millis_since(now), seconds * 1000, "after {tries} tries");
        }
    }

    #[test]
    fn what_cannot_be_told_for_three_days_is_given_up_but_never_at_a_first_try() {
        let now = At::from_millis(NOW);
        let long_ago = At::from_millis(NOW - GIVEN_UP_AFTER_MS);
        assert_eq!(next_try(290, Some(long_ago), now), None);
        assert!(next_try(0, Some(long_ago), now).is_some(), "the server was away for a week");
        assert!(next_try(290, Some(At::from_millis(NOW - GIVEN_UP_AFTER_MS + 1)), now).is_some());
    }
}
