//! Writes what a week brought into the outbox, for mail, when the week is over: once for each week, whatever restarts or clocks do in between, since
//! the week's own day is the key. It must never tell a week that is not over.

use crate::config::{ChannelConfig, ChannelSettings, Weekly};
use crate::desk::Desk;
use crate::ledger::measures::week;
use crate::ledger::outbox::{self, Week};
use crate::ledger::{LedgerResult, audit, seal};
use crate::stack::Destination;
use crate::time::At;
use std::time::Duration;

/// How often it is looked whether a week is over.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Digits of the audit's head that announcements carry.
const HEAD_DIGITS: usize = 12;

impl Desk {
    /// Writes each week when it is over, as long as the desk lives; not at all where the file names no time.
    pub(crate) async fn keep_writing_weeks(&self) {
        let weekly = |channel: &ChannelConfig| match &channel.settings {
            ChannelSettings::Email(email) => {
                Some((Weekly::parse(email.weekly.as_deref()?)?, Destination::from(channel.name.clone())))
            }
            ChannelSettings::Irc(_)
            | ChannelSettings::Webhook(_)
            | ChannelSettings::Http(_)
            | ChannelSettings::Grafana(_)
            | ChannelSettings::Graphite(_)
            | ChannelSettings::Github(_)
            | ChannelSettings::Jira(_) => None,
        };
        let weekly: Vec<(Weekly, Destination)> = self.config.channels.iter().filter_map(weekly).collect();
        if weekly.is_empty() {
            return self.stop.cancelled().await;
        }
        loop {
            for (weekly, to) in &weekly {
                match self.write_week(weekly, to, At::now()).await {
                    Ok(true) => self.changed(),
                    Ok(false) => {}
                    Err(error) => tracing::warn!(%error, "the weekly mail was not written, and is tried again"),
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Writes the week that was over last, unless it is there already; whether it was written.
    async fn write_week(&self, weekly: &Weekly, to_whom: &Destination, now: At) -> LedgerResult<bool> {
        let (day, to) = weekly.last(now);
        let (from, _) = weekly.around(day);
        let key = format!("weekly-{day}");
        let (known, of) = (key.clone(), to_whom.clone());
        if self.ledger.read(move |connection| outbox::has_week(connection, &known, &of)).await? {
            return Ok(false);
        }
        let last = At::from_millis(to.millis() - 1).to_string();
        let pushes = format!("{}/pushes?since={}&until={}", self.config.url, &from.to_string()[..10], &last[..10]);
        let of = to_whom.clone();
        let written = self.ledger.write(move |tx| {
            // Another server's look may have come first.
            if outbox::has_week(tx, &key, &of)? {
                return Ok(false);
            }
            let sum = week::sum(tx, from, to)?;
            // What is told is sealed first, so that nobody can change it behind the head that people were told.
            seal::seal(tx)?;
            let head = audit::head(tx)?;
            let week = Week {
                week: day.to_string(),
                key,
                from: from.to_string(),
                to: to.to_string(),
                stages: sum.stages,
                bad: sum.bad,
                more_bad: sum.more_bad,
                at: now.to_string(),
                url: pushes,
                audit_head: head.chars().take(HEAD_DIGITS).collect(),
            };
            outbox::write_week(tx, &week, &of, now)?;
            Ok(true)
        });
        written.await
    }
}
