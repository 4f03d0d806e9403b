//! The outbox: announcements, written in the same transaction as the change that they tell of, then delivered.
//! It must never be written by whoever delivers, but for how a delivery went.
//! The fold writes rows (in its own transaction); `announce` delivers them; pages show what was told where.

pub mod again;
mod announced;
pub mod deliveries;
mod delivery_state;
mod moment;
mod stage_news;
mod week;
pub mod without_channel;

use crate::config::{About, ChannelEvent};
use crate::ledger::{LedgerError, LedgerResult};
use crate::stack::{ChannelName, Destination, PushNumber};
use crate::time::At;
pub use announced::{AnnouncedCommit, AnnouncedLink, AnnouncedPaused, AnnouncedPush, AnnouncedQuestion, BadHost};
pub use delivery_state::{DeliveryState, NoDeliveryState};
pub use moment::{Moment, Pause};
use rusqlite::{Connection, Row, Transaction, named_params, params};
use serde::{Deserialize, Serialize};
pub use stage_news::{StageEvent, StageNews};
pub use week::{BadPush, Week, WeekOfStage, has_week, write_week};

/// How many bad hosts an announcement names.
pub const MOST_BAD_HOSTS: usize = 20;
/// No honest try is due later than this: a row further ahead comes from a clock that was put back, and is due now.
const FURTHEST_MS: i64 = 16 * 60_000;
/// Rows of a channel, wherever in it they go: `irc`, `irc:#web`.
const OF_CHANNEL: &str = "(o.channel = :channel OR (o.channel > :channel || ':' AND o.channel < :channel || ';'))";
/// The words in which the beginning of a row's push was told at the same place.
const BEGUN: &str = "(SELECT b.told FROM outbox b
    WHERE b.push = o.push AND b.event = 'started' AND b.channel = o.channel AND b.id <> o.id)";
/// Rows that may be told: waiting, and not behind an earlier announcement of the same push at the same place, so
/// that nobody reads the end before the beginning.
const NEXT_IN_LINE: &str = "o.state = 'waiting' AND NOT EXISTS (
    SELECT 1 FROM outbox e
    WHERE e.push = o.push AND e.channel = o.channel AND e.state = 'waiting' AND e.id < o.id)";

/// The key of an announcement, and the head of the audit that it carries; its number, and why it cannot be read.
pub type Head = Result<(String, String), (i64, String)>;

/// The head of the audit that each announcement carries, by the announcement's key; by its number, and why, where it cannot be read.
///
/// # Errors
/// What SQLite said.
pub fn heads(connection: &Connection) -> LedgerResult<Vec<Head>> {
    let mut ask = connection.prepare("SELECT id, payload FROM outbox ORDER BY id")?;
    let rows = ask.query_map([], |row| {
        let (id, payload): (i64, String) = (row.get("id")?, row.get("payload")?);
        let announced = Announced::read(&payload).map_err(|error| (id, error.to_string()));
        Ok(announced.map(|announced| (announced.key(), announced.audit_head().to_owned())))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many announcements nobody has tried to tell yet.
///
/// # Errors
/// What SQLite said.
pub fn untried(connection: &Connection) -> LedgerResult<i64> {
    let mut ask = connection.prepare_cached("SELECT count(*) FROM outbox WHERE state = 'waiting' AND tries = 0")?;
    Ok(ask.query_row([], |row| row.get(0))?)
}

/// What a channel tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Announced {
    /// A moment of a push.
    Push(Box<Announcement>),
    /// What happened on a stage while nothing was pushed.
    Stage(Box<StageNews>),
    /// What a week brought; of mail alone.
    Week(Box<Week>),
}

impl Announced {
    fn read(payload: &str) -> Result<Self, serde_json::Error> {
        /// What tells the one from the other.
        #[derive(Deserialize)]
        struct Kind {
            news: Option<serde::de::IgnoredAny>,
            week: Option<serde::de::IgnoredAny>,
        }
        let Kind { news, week } = serde_json::from_str(payload)?;
        Ok(match (news, week) {
            (_, Some(_)) => Self::Week(serde_json::from_str(payload)?),
            (Some(_), None) => Self::Stage(serde_json::from_str(payload)?),
            (None, None) => Self::Push(serde_json::from_str(payload)?),
        })
    }

    /// The key that tells a repeat.
    pub fn key(&self) -> String {
        match self {
            Self::Push(announcement) => announcement.key(),
            Self::Stage(news) => news.key.clone(),
            Self::Week(week) => week.key.clone(),
        }
    }

    /// What it is about; nothing where it is about the whole server.
    pub fn about(&self) -> Option<About<'_>> {
        match self {
            Self::Push(announcement) => Some(announcement.about()),
            Self::Stage(news) => Some(news.about()),
            Self::Week(_) => None,
        }
    }

    fn audit_head(&self) -> &str {
        match self {
            Self::Push(announcement) => &announcement.audit_head,
            Self::Stage(news) => &news.audit_head,
            Self::Week(week) => &week.audit_head,
        }
    }
}

/// Everything that a channel needs to tell of a push; frozen when the change was folded in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    /// Which moment.
    pub event: Moment,
    /// The push as it then was.
    pub push: AnnouncedPush,
    /// What the stage's button says.
    pub button: String,
    /// The commits that it brings, newest first; at most 50.
    pub commits: Vec<AnnouncedCommit>,
    /// How many commits there are in all.
    pub commit_count: usize,
    /// The hosts that did not end well: name, result, why; at most 20.
    pub bad_hosts: Vec<BadHost>,
    /// What the push linked to.
    #[serde(default)]
    pub links: Vec<AnnouncedLink>,
    /// What it asks, where that is told.
    #[serde(default)]
    pub question: Option<AnnouncedQuestion>,
    /// The pause that is told of, when it is one, or its end.
    #[serde(default)]
    pub pause: Option<Pause>,
    /// Whether the push left a hold that only a person releases.
    #[serde(default)]
    pub held: bool,
    /// The address of the push's page.
    pub url: String,
    /// The first 12 digits of the audit's head, so that history cannot be changed unnoticed.
    pub audit_head: String,
}

impl Announcement {
    /// What it is about, for the filters of channels.
    pub fn about(&self) -> About<'_> {
        let (event, push) = (self.event.event(), &self.push);
        let result = (event == ChannelEvent::Ended).then(|| push.state.word());
        About { stack: &push.stack, stage: Some(&push.stage), event, result }
    }

    /// The key that tells a repeat: `push-214-ended`, `push-214-paused-57`, `push-214-asked-1`.
    pub fn key(&self) -> String {
        format!("push-{}-{}", self.push.id, self.moment())
    }

    /// The moment's name in the ledger; a push may be paused, and may ask, more than once.
    fn moment(&self) -> String {
        match (&self.pause, &self.question) {
            (Some(pause), _) => format!("{}-{}", self.event.name(), pause.n),
            (None, Some(question)) => format!("{}-{}", self.event.name(), question.ask),
            (None, None) => self.event.name().to_owned(),
        }
    }
}

/// One announcement for one channel, as the ledger keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    /// Its number.
    pub id: i64,
    /// The push; none of what happened while nothing was pushed.
    pub push: Option<PushNumber>,
    /// `started`, `ended`, `asked-1` (with the question's number), `paused-57` or `resumed-63` (with the journal record's); `approval-7-asked`
    /// without a push.
    pub event: String,
    /// Where it is told.
    pub channel: Destination,
    /// How far it is.
    pub state: DeliveryState,
    /// How many tries there were.
    pub tries: i64,
    /// When the next try is due.
    pub next_at: String,
    /// When it was told.
    pub told_at: Option<String>,
    /// The very words that were told.
    pub told: Option<String>,
    /// Why the last try failed.
    pub problem: Option<String>,
}

/// An announcement that is to be told now.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    /// The row's number.
    pub id: i64,
    /// Where it is told.
    pub to: Destination,
    /// How many tries failed before.
    pub tries: i64,
    /// The words in which the beginning of the same push was told there.
    pub begun: Option<String>,
    /// What is to be told, or why it cannot be read: one bad row must not stop the channel.
    pub announcement: Result<Announced, String>,
}

/// Writes an announcement for each destination; a repeat of the same push, event and destination changes nothing.
///
/// # Errors
/// What SQLite said.
pub fn write(tx: &Transaction<'_>, announcement: &Announcement, to: &[Destination], at: At) -> LedgerResult<()> {
    let payload = serde_json::to_string(announcement)?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO outbox (push, event, channel, payload, next_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (push, event, channel) DO NOTHING",
    )?;
    for to in to {
        insert.execute(params![announcement.push.id, announcement.moment(), to, payload, at.to_string()])?;
    }
    Ok(())
}

/// Writes what happened on a stage for each destination.
///
/// # Errors
/// What SQLite said.
pub fn write_news(tx: &Transaction<'_>, news: &StageNews, to: &[Destination], at: At) -> LedgerResult<()> {
    let payload = serde_json::to_string(news)?;
    let mut insert =
        tx.prepare_cached("INSERT INTO outbox (push, event, channel, payload, next_at) VALUES (NULL, ?1, ?2, ?3, ?4)")?;
    for to in to {
        insert.execute(params![news.key, to, payload, at.to_string()])?;
    }
    Ok(())
}

/// What `channel` is to tell at `now`, oldest first, at most `most`.
///
/// # Errors
/// What SQLite said.
pub fn due(conn: &Connection, channel: &ChannelName, now: At, most: usize) -> LedgerResult<Vec<Due>> {
    let mut ask = conn.prepare_cached(&format!(
        "SELECT o.id, o.channel, o.tries, o.payload, {BEGUN} AS begun FROM outbox o
         WHERE {OF_CHANNEL} AND {NEXT_IN_LINE} AND (o.next_at <= :now OR o.next_at > :furthest) ORDER BY o.id LIMIT :most"
    ))?;
    read_due(&mut ask, channel, now, most)
}

fn read_due(
    ask: &mut rusqlite::CachedStatement<'_>,
    channel: &ChannelName,
    now: At,
    most: usize,
) -> LedgerResult<Vec<Due>> {
    let furthest = At::from_millis(now.millis().saturating_add(FURTHEST_MS));
    let mut rows = ask.query(named_params! {
        ":channel": channel.as_str(),
        ":now": now.to_string(),
        ":furthest": furthest.to_string(),
        ":most": i64::try_from(most).unwrap_or(i64::MAX),
    })?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        let payload: String = row.get("payload")?;
        let announcement = Announced::read(&payload).map_err(|error| format!("cannot be read: {error}"));
        due.push(Due {
            id: row.get("id")?,
            to: row.get("channel")?,
            tries: row.get("tries")?,
            begun: row.get("begun")?,
            announcement,
        });
    }
    Ok(due)
}

/// What `channel` is to tell at `now` and what waits behind that, oldest first, at most `most`: of each push as much as can
/// be told in its order.
///
/// # Errors
/// What SQLite said.
pub fn piled(conn: &Connection, channel: &ChannelName, now: At, most: usize) -> LedgerResult<Vec<Due>> {
    let mut ask = conn.prepare_cached(&format!(
        "SELECT o.id, o.channel, o.tries, o.payload, {BEGUN} AS begun FROM outbox o
         WHERE {OF_CHANNEL} AND o.state = 'waiting' AND (o.next_at <= :now OR o.next_at > :furthest)
           AND NOT EXISTS (SELECT 1 FROM outbox e
                           WHERE e.push = o.push AND e.channel = o.channel AND e.state = 'waiting' AND e.id < o.id
                             AND e.next_at > :now AND e.next_at <= :furthest)
         ORDER BY o.id LIMIT :most"
    ))?;
    read_due(&mut ask, channel, now, most)
}

/// When `channel` has something to tell next; `None` when nothing waits.
///
/// # Errors
/// What SQLite said.
pub fn next_due(conn: &Connection, channel: &ChannelName) -> LedgerResult<Option<At>> {
    let mut ask =
        conn.prepare_cached(&format!("SELECT min(o.next_at) FROM outbox o WHERE {OF_CHANNEL} AND {NEXT_IN_LINE}"))?;
    let next: Option<String> = ask.query_row(named_params! { ":channel": channel.as_str() }, |row| row.get(0))?;
    next.map(|text| text.parse().map_err(|_| LedgerError::Corrupt(format!("outbox.next_at {text:?}")))).transpose()
}

/// Notes that a row was told, with the very words, and what was not well with it all the same (an address was refused).
///
/// # Errors
/// What SQLite said.
pub fn delivered(tx: &Transaction<'_>, id: i64, words: &str, problem: Option<&str>, at: At) -> LedgerResult<()> {
    tx.prepare_cached(
        "UPDATE outbox SET state = 'told', tries = tries + 1, told_at = ?2, told = ?3, problem = ?4
         WHERE id = ?1 AND state = 'waiting'",
    )?
    .execute(params![id, at.to_string(), words, problem])?;
    Ok(())
}

/// Notes that a try failed and when the next one is due; without a next one the row is given up.
///
/// # Errors
/// What SQLite said.
pub fn failed(tx: &Transaction<'_>, id: i64, problem: &str, next: Option<At>) -> LedgerResult<()> {
    tx.prepare_cached(
        "UPDATE outbox SET tries = tries + 1, problem = ?2, next_at = coalesce(?3, next_at),
             state = CASE WHEN ?3 IS NULL THEN 'given up' ELSE 'waiting' END
         WHERE id = ?1 AND state = 'waiting'",
    )?
    .execute(params![id, problem, next.map(|at| at.to_string())])?;
    Ok(())
}

/// What was told of a push, or will be, in the order of writing.
///
/// # Errors
/// What SQLite said.
pub fn of_push(conn: &Connection, push: PushNumber) -> LedgerResult<Vec<OutboxRow>> {
    let mut ask = conn.prepare_cached(
        "SELECT id, push, event, channel, state, tries, next_at, told_at, told, problem
         FROM outbox WHERE push = ?1 ORDER BY id",
    )?;
    let rows = ask.query_map([push], row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn row(row: &Row<'_>) -> rusqlite::Result<OutboxRow> {
    Ok(OutboxRow {
        id: row.get("id")?,
        push: row.get("push")?,
        event: row.get("event")?,
        channel: row.get("channel")?,
        state: row.get("state")?,
        tries: row.get("tries")?,
        next_at: row.get("next_at")?,
        told_at: row.get("told_at")?,
        told: row.get("told")?,
        problem: row.get("problem")?,
    })
}

#[cfg(test)]
mod tests;
