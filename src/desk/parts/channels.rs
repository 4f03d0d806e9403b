//! Which channel of announcements does not work as a whole at this moment, since when, and why: so that people see it before
//! they miss what was not told; and where the audit does not get to that is sent on. It must never hold what becomes of one announcement (the ledger has that), nor outlive the
//! server. `announce` writes it, every page reads it.

use crate::stack::ChannelName;
use crate::time::At;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// A channel that is away for less than this is not worth a word on every page: a server that is started anew.
const SHOWN_AFTER: Duration = Duration::from_secs(60);

/// A channel that does not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub channel: ChannelName,
    /// Since when.
    pub since: At,
    /// Why, and what to do.
    pub why: String,
}

/// All channels. Clones share what they know.
#[derive(Clone, Debug)]
pub struct Channels {
    /// A std mutex: never held across an await.
    broken: Arc<Mutex<BTreeMap<ChannelName, Broken>>>,
    /// Where the audit is sent to and does not get, since when, and why.
    audit: Arc<Mutex<BTreeMap<&'static str, (At, String)>>>,
    /// Rung when a page would look otherwise.
    bell: watch::Sender<u64>,
}

impl Channels {
    /// Channels of which nothing bad is known. The bell wakes those who show pages.
    pub fn new(bell: watch::Sender<u64>) -> Self {
        Self { broken: Arc::default(), audit: Arc::default(), bell }
    }

    /// Notes that a channel does not work; since when counts from the first time. Must be called within a runtime.
    pub fn is_broken(&self, channel: &ChannelName, why: &str, now: At) {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !broken.contains_key(channel);
        let new = || Broken { channel: channel.clone(), since: now, why: String::new() };
        let entry = broken.entry(channel.clone()).or_insert_with(new);
        why.clone_into(&mut entry.why);
        if is_new {
            self.ring_when_shown();
        }
    }

    fn ring_when_shown(&self) {
        let bell = self.bell.clone();
        tokio::spawn(async move {
            tokio::time::sleep(SHOWN_AFTER + Duration::from_millis(10)).await;
            bell.send_modify(|n| *n += 1);
        });
    }

    /// Notes that the audit does not get to where it is sent to. Must be called within a runtime.
    pub fn audit_is_behind(&self, target: &'static str, why: &str, now: At) {
        let mut behind = self.audit.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !behind.contains_key(target);
        let (_, last) = behind.entry(target).or_insert_with(|| (now, String::new()));
        why.clone_into(last);
        if is_new {
            self.ring_when_shown();
        }
    }

    /// Notes that it gets there.
    pub fn audit_works(&self, target: &'static str) {
        let gone = self.audit.lock().unwrap_or_else(PoisonError::into_inner).remove(target);
        if gone.is_some() {
            self.bell.send_modify(|n| *n += 1);
        }
    }

    /// Where the audit has not got to for a while, since when, and why.
    pub fn audit_shown(&self, now: At) -> Vec<(&'static str, At, String)> {
        let least = i64::try_from(SHOWN_AFTER.as_millis()).unwrap_or(i64::MAX);
        let behind = self.audit.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = behind.iter().filter(|(_, (since, _))| now.millis_since(*since) >= least);
        shown.map(|(target, (since, why))| (*target, *since, why.clone())).collect()
    }

    /// Notes that a channel works.
    pub fn works(&self, channel: &ChannelName) {
        let gone = self.broken.lock().unwrap_or_else(PoisonError::into_inner).remove(channel);
        if gone.is_some() {
            self.bell.send_modify(|n| *n += 1);
        }
    }

    /// The channels that have not worked for a while.
    pub fn shown(&self, now: At) -> Vec<Broken> {
        let least = i64::try_from(SHOWN_AFTER.as_millis()).unwrap_or(i64::MAX);
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken.values().filter(|one| now.millis_since(one.since) >= least).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_channel_that_stays_broken_is_shown_with_its_first_moment_and_its_last_reason() {
        let bell = watch::channel(0).0;
        let channels = Channels::new(bell.clone());
        let at = |s: i64| At::from_millis(1_795_255_200_000 + s * 1000);
        let (irc, email): (ChannelName, ChannelName) = ("irc".parse().unwrap(), "email".parse().unwrap());
        channels.is_broken(&irc, "refused", at(0));
        channels.is_broken(&irc, "timed out", at(50));
        channels.is_broken(&email, "535", at(50));
        assert_eq!(channels.shown(at(59)), []);
        let broken = Broken { channel: irc.clone(), since: at(0), why: "timed out".to_owned() };
        assert_eq!(channels.shown(at(60)), [broken]);
        assert_eq!(channels.shown(at(110)).len(), 2);
        channels.works(&irc);
        assert_eq!(*bell.borrow(), 1, "pages are drawn anew when it works again");
        assert_eq!(channels.shown(at(110)).len(), 1);
        channels.is_broken(&irc, "refused", at(200));
        assert_eq!(channels.shown(at(259)).len(), 1, "it counts anew");
        channels.audit_is_behind("syslog", "refused", at(0));
        channels.audit_is_behind("syslog", "timed out", at(50));
        assert_eq!(channels.audit_shown(at(59)), []);
        assert_eq!(channels.audit_shown(at(60)), [("syslog", at(0), "timed out".to_owned())]);
        channels.audit_works("syslog");
        assert_eq!(channels.audit_shown(at(60)), []);
    }
}
