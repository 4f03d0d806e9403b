//! What the announcements page asks: all announcements, newest first, and how each channel is doing.
//! It must never change one; delivering is the outbox's.

use super::{DeliveryState, OutboxRow, row};
use crate::ledger::LedgerResult;
use crate::ledger::history::Edge;
use crate::ledger::visible::Visible;
use crate::stack::{Destination, StackName, StageName};
use rusqlite::{Connection, params};

/// The stack and the stage that an announcement is about: those of its push, or its own; who sees a stage of a stack sees what is about all of them.
const STACK: &str = "coalesce(p.stack, o.payload ->> '$.stack')";
const STAGE: &str = "coalesce(p.stage, o.payload ->> '$.stage')";

/// An announcement in the list of all.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedAnnouncement {
    /// The announcement.
    pub row: OutboxRow,
    /// The stack that it is about; none where it is about all of them, which only those see who see everything.
    pub stack: Option<StackName>,
    /// The stage; none where it is about all of them.
    pub stage: Option<StageName>,
    /// When that happened which it tells of.
    pub made_at: String,
}

/// How a channel is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelState {
    /// Which.
    pub channel: Destination,
    /// How many announcements arrived.
    pub delivered: i64,
    /// How many wait.
    pub waiting: i64,
    /// How many of them have been tried and did not go through.
    pub waiting_tried: i64,
    /// How many were given up.
    pub given_up: i64,
    /// When the last one arrived.
    pub last_delivered: Option<String>,
}

/// Announcements, newest first: of a channel, in a state, at most `most` from an edge on, as the push log has
/// them; only those that a reader may see.
///
/// # Errors
/// What SQLite said.
pub fn list(
    connection: &Connection,
    channel: Option<&Destination>,
    state: Option<DeliveryState>,
    from: Option<Edge>,
    most: usize,
    visible: &Visible,
) -> LedgerResult<Vec<ListedAnnouncement>> {
    // Each filter has an index of its own; a condition that may be switched off would use none.
    let only = match (channel.is_some(), state.is_some()) {
        (false, false) => "?1 IS NULL AND ?2 IS NULL",
        (true, false) => "o.channel = ?1 AND ?2 IS NULL",
        (false, true) => "?1 IS NULL AND o.state = ?2",
        (true, true) => "o.channel = ?1 AND o.state = ?2",
    };
    let (from, edge, order) = match from {
        None => ("o.id < ?3", i64::MAX, "DESC"),
        Some(Edge::Before(id)) => ("o.id < ?3", id, "DESC"),
        Some(Edge::After(id)) => ("o.id > ?3", id, "ASC"),
    };
    let mut ask = connection.prepare_cached(&format!(
        "SELECT o.id, o.push, o.event, o.channel, o.state, o.tries, o.next_at, o.told_at, o.told, o.problem,
                {STACK} AS stack, {STAGE} AS stage,
                coalesce(o.payload ->> '$.at', CASE o.event WHEN 'ended' THEN p.ended_at ELSE p.started_at END, p.pressed_at) AS made_at
         FROM outbox o LEFT JOIN pushes p ON p.id = o.push
         WHERE {only} AND {from} AND (?5 IS NULL OR EXISTS (
               SELECT 1 FROM json_each(?5) v WHERE v.value = {STACK} || '/' || {STAGE}
               OR ({STAGE} IS NULL AND substr(v.value, 1, length({STACK}) + 1) = {STACK} || '/')))
         ORDER BY o.id {order} LIMIT ?4"
    ))?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = ask.query_map(params![channel, state, edge, most, visible], |found| {
        Ok(ListedAnnouncement {
            row: row(found)?,
            stack: found.get("stack")?,
            stage: found.get("stage")?,
            made_at: found.get("made_at")?,
        })
    })?;
    let mut listed: Vec<ListedAnnouncement> = rows.collect::<Result<_, _>>()?;
    if order == "ASC" {
        listed.reverse();
    }
    Ok(listed)
}

/// How each channel is doing that was ever used.
///
/// # Errors
/// What SQLite said.
pub fn channels(connection: &Connection) -> LedgerResult<Vec<ChannelState>> {
    let mut ask = connection.prepare_cached(
        "SELECT t.channel, sum(announcements * (state = 'told')) AS delivered,
                sum(announcements * (state = 'waiting')) AS waiting,
                (SELECT count(*) FROM outbox o WHERE o.state = 'waiting' AND o.channel = t.channel AND o.tries > 0)
                    AS waiting_tried,
                sum(announcements * (state = 'given up')) AS given_up,
                (SELECT max(told_at) FROM outbox o WHERE o.channel = t.channel) AS last_delivered
         FROM outbox_counts t GROUP BY t.channel ORDER BY t.channel DESC",
    )?;
    let rows = ask.query_map([], |row| {
        Ok(ChannelState {
            channel: row.get("channel")?,
            delivered: row.get("delivered")?,
            waiting: row.get("waiting")?,
            waiting_tried: row.get("waiting_tried")?,
            given_up: row.get("given_up")?,
            last_delivered: row.get("last_delivered")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
