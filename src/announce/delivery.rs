//! The delivery of one channel: takes what is due from the outbox, oldest first, tells it, and notes how it went.
//! It must never forget a row, never tell one again that it could note as told, and never wait for another channel.

use super::channel::{Channel, Delivered, Surroundings, Trouble};
use super::words;
use crate::desk::Channels;
use crate::ledger::outbox::{self, Announced, Announcement, Due};
use crate::ledger::{Ledger, LedgerError};
use crate::stack::ChannelName;
use crate::supervise::unbroken;
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
/// What waited longer than this, or was tried before, has piled up.
const PILED_MS: i64 = 60_000;
/// The most announcements that become one.
const MOST_PILED: usize = 200;
/// The wait before the ledger is asked again after it refused.
const LEDGER_WAIT: Duration = Duration::from_secs(1);

/// How a channel as a whole is doing, by how a try went.
fn report(channels: &Channels, name: &ChannelName, told: &Result<Delivered, Trouble>) {
    match told {
        Err(Trouble::Broken(why)) => channels.is_broken(name, why, At::now()),
        Ok(_) | Err(Trouble::Later(_) | Trouble::Never(_)) => channels.works(name),
    }
}

/// Delivers for one channel until `stop`.
pub(super) async fn deliver<C: Channel>(
    mut channel: C,
    name: ChannelName,
    Surroundings { ledger, channels, mut changes, stop, .. }: Surroundings,
) {
    // Rows up to this moment are due; ahead of now only while what piled up goes out.
    let mut until = At::now();
    while !stop.is_cancelled() {
        until = until.max(At::now());
        match tell_pile(&mut channel, &name, &ledger, &channels, until, &stop).await {
            Some(true) => continue,
            Some(false) => {
                until = At::now();
                continue;
            }
            None => {}
        }
        // One at a time: telling one may make an older one due, the end of the same push.
        let of = name.clone();
        match ledger.read(move |conn| Ok(outbox::due(conn, &of, until, 1)?.pop())).await {
            Ok(Some(row)) => {
                if !tell_one(&mut channel, &name, &ledger, &channels, row, &stop).await {
                    until = At::now();
                }
            }
            Ok(None) => {
                until = match sleep(&mut channel, &name, &ledger, &mut changes, &stop).await {
                    Woken::Recovered => At::from_millis(At::now().millis() + LONGEST_WAIT_MS),
                    Woken::Due => At::now(),
                };
            }
            Err(LedgerError::Closed) => return,
            Err(error) => {
                tracing::error!(channel = %name, %error, "cannot read the outbox");
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
    name: &ChannelName,
    ledger: &Ledger,
    changes: &mut watch::Receiver<u64>,
    stop: &CancellationToken,
) -> Woken {
    let of = name.clone();
    let next = ledger.read(move |conn| outbox::next_due(conn, &of)).await.ok().flatten();
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

/// Tells what piled up as one, where the channel does so; whether it was told, none when nothing has piled up.
async fn tell_pile<C: Channel>(
    channel: &mut C,
    name: &ChannelName,
    ledger: &Ledger,
    channels: &Channels,
    until: At,
    stop: &CancellationToken,
) -> Option<bool> {
    let least = C::KIND.limits().folds_from?;
    let of = name.clone();
    let due = ledger.read(move |conn| outbox::piled(conn, &of, until, MOST_PILED)).await.ok()?;
    let now = At::now();
    let piled = |row: &Due| match &row.announcement {
        Ok(announced @ Announced::Push(_)) => {
            row.tries > 0 || words::moment(announced).is_some_and(|at| now.millis_since(at) > PILED_MS)
        }
        // What someone is asked to do is told in its own words; what cannot be read is given up on its own.
        Ok(Announced::Stage(_) | Announced::Week(_)) | Err(_) => false,
    };
    let mut rows: Vec<Due> = due.into_iter().filter(piled).collect();
    // One place at a time: the first that has enough.
    let to =
        rows.iter().map(|row| &row.to).find(|to| rows.iter().filter(|row| row.to == **to).count() >= least)?.clone();
    rows.retain(|row| row.to == to);
    if rows.len() < least || stop.is_cancelled() {
        return None;
    }
    let announcements: Vec<Announcement> = rows.iter().filter_map(of_push).collect();
    let told = tokio::select! {
        told = unbroken("tell announcements", channel.tell_piled(to.place.as_deref(), &announcements)) => told.unwrap_or_else(broke),
        () = async { stop.cancelled().await; tokio::time::sleep(STOP_GRACE).await } => return Some(false),
    };
    report(channels, name, &told);
    let was_told = told.is_ok();
    let now = At::now();
    let mut notes = Vec::with_capacity(rows.len());
    for row in rows {
        let moment = row.announcement.as_ref().ok().and_then(words::moment);
        let note = note(told.clone(), row.tries, moment, now);
        log(&row, &note);
        notes.push((row.id, note));
    }
    write_down(ledger, notes, now, stop).await;
    Some(was_told)
}

fn of_push(row: &Due) -> Option<Announcement> {
    match row.announcement.as_ref().ok()? {
        Announced::Push(announcement) => Some(Announcement::clone(announcement)),
        Announced::Stage(_) | Announced::Week(_) => None,
    }
}

/// Tells one row and notes how it went; whether it was told.
async fn tell_one<C: Channel>(
    channel: &mut C,
    name: &ChannelName,
    ledger: &Ledger,
    channels: &Channels,
    row: Due,
    stop: &CancellationToken,
) -> bool {
    if stop.is_cancelled() {
        return false;
    }
    let (told, moment) = match &row.announcement {
        Err(why) => (Err(Trouble::Never(why.clone())), None),
        Ok(announcement) => {
            let told = tokio::select! {
                told = unbroken("send an announcement", channel.tell(row.to.place.as_deref(), announcement, row.begun.as_deref())) => told.unwrap_or_else(broke),
                () = async { stop.cancelled().await; tokio::time::sleep(STOP_GRACE).await } => return false,
            };
            report(channels, name, &told);
            (told, words::moment(announcement))
        }
    };
    let now = At::now();
    let note = note(told, row.tries, moment, now);
    let was_told = matches!(note, Note::Told(_));
    log(&row, &note);
    write_down(ledger, vec![(row.id, note)], now, stop).await;
    was_told
}

/// Words that break their teller must not keep those behind them from being told.
fn broke() -> Result<Delivered, Trouble> {
    Err(Trouble::Later("Pushbutton failed while it sent this (a bug); see the server's log".to_owned()))
}

fn note(told: Result<Delivered, Trouble>, tries: i64, moment: Option<At>, now: At) -> Note {
    match told {
        Ok(told) => Note::Told(told),
        Err(Trouble::Never(problem)) => Note::Failed(problem, None),
        Err(Trouble::Later(problem) | Trouble::Broken(problem)) => Note::Failed(problem, next_try(tries, moment, now)),
    }
}

/// How a try went.
#[derive(Clone)]
enum Note {
    Told(Delivered),
    Failed(String, Option<At>),
}

fn log(row: &Due, note: &Note) {
    let key = row.announcement.as_ref().map(Announced::key).unwrap_or_default();
    match note {
        Note::Told(_) => tracing::info!(channel = %row.to, key, tries = row.tries + 1, "announced"),
        Note::Failed(problem, Some(next)) => {
            tracing::warn!(channel = %row.to, key, tries = row.tries + 1, problem, %next, "not announced yet");
        }
        Note::Failed(problem, None) => {
            tracing::error!(channel = %row.to, key, tries = row.tries + 1, problem, "announcement given up");
        }
    }
}

/// Writes the note down, however long the ledger refuses: a told row that is not noted would be told again.
async fn write_down(ledger: &Ledger, notes: Vec<(i64, Note)>, now: At, stop: &CancellationToken) {
    loop {
        let notes_now = notes.clone();
        let written = ledger.write(move |tx| {
            notes_now.into_iter().try_for_each(|(id, note)| match note {
                Note::Told(told) => outbox::delivered(tx, id, &told.words, told.problem.as_deref(), now),
                Note::Failed(problem, next) => outbox::failed(tx, id, &problem, next),
            })
        });
        match written.await {
            Ok(()) | Err(LedgerError::Closed) => return,
            Err(error) => tracing::error!(%error, "cannot note in the outbox how an announcement went"),
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
