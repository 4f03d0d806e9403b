//! How a host is: connecting, answered, failed, and when *ready* is over. What we lost ourselves is no host's silence. Pure but for the
//! clock that says how long ago something was.

use crate::desk::view::NotReady;
use crate::stack::Host;
use crate::time::At;
use std::time::{Duration, Instant};

/// *Ready* means a round trip not longer ago than this (TRUST section 4).
const READY: Duration = Duration::from_secs(15);
/// Losing so much time within one try of a host, we may have slept through its answer.
const LATE: Duration = Duration::from_secs(1);
/// After so many tries of that kind a host counts as silent all the same: on a machine that is always too busy, nobody else would
/// ever find out.
const LATE_TRIES: u32 = 5;

/// How a host is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The first try has not ended.
    Connecting,
    /// It answered then, when we had lost so much time ourselves.
    Answered(Instant, At, Duration),
    /// It cannot be reached, in words, and since when.
    Failed(String, At),
}

impl Standing {
    /// Whether it has answered lately; `lost` is how much time we have lost ourselves by now: what we slept through is not its
    /// silence.
    pub(crate) fn is_ready(&self, lost: Duration) -> bool {
        match self {
            Self::Answered(when, _, before) => when.elapsed() <= READY + lost.saturating_sub(*before),
            Self::Connecting | Self::Failed(..) => false,
        }
    }

    /// Why it is not ready, and since when; none when it is, or is not known yet.
    pub(crate) fn not_ready(&self, host: &Host, lost: Duration) -> Option<NotReady> {
        let (why, since) = match self {
            Self::Connecting => return None,
            Self::Answered(..) if self.is_ready(lost) => return None,
            Self::Answered(_, at, _) => (format!("{host} has stopped answering"), at),
            Self::Failed(why, at) => (why.clone(), at),
        };
        Some(NotReady { host: host.name().to_owned(), why, since: since.to_string() })
    }
}

/// Whether a try failed because we were late ourselves: we lost so much time in it, and it is not the same again and again.
pub(crate) fn is_ours(failed: bool, lost: Duration, before: u32) -> bool {
    failed && lost >= LATE && before < LATE_TRIES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_ready_only_for_a_while_after_it_answered() {
        let host: Host = "deploy@web1".parse().unwrap();
        let at = At::from_millis(1_795_255_200_000);
        let none = Duration::ZERO;
        let ready = Standing::Answered(Instant::now(), at, none);
        assert!(ready.is_ready(none) && ready.not_ready(&host, none).is_none());
        let Some(long_ago) = Instant::now().checked_sub(READY * 2) else { return };
        let silent = Standing::Answered(long_ago, at, none).not_ready(&host, none).unwrap();
        assert_eq!((silent.host.as_str(), silent.why.as_str()), ("web1", "deploy@web1 has stopped answering"));
        assert_eq!(silent.since, at.to_string());
        assert!(!Standing::Connecting.is_ready(none) && Standing::Connecting.not_ready(&host, none).is_none());
    }

    #[test]
    fn time_that_we_lost_ourselves_is_not_taken_for_a_hosts_silence() {
        let (host, at): (Host, _) = ("web1".parse().unwrap(), At::from_millis(0));
        let Some(long_ago) = Instant::now().checked_sub(READY * 2) else { return };
        let lost = |seconds| Duration::from_secs(seconds);
        let answered = Standing::Answered(long_ago, at, lost(100));
        assert!(answered.not_ready(&host, lost(100)).is_some(), "we were awake all the time");
        assert!(answered.not_ready(&host, lost(110)).is_some(), "and silent for longer than we slept");
        assert!(answered.not_ready(&host, lost(120)).is_none(), "for most of that time we could not have heard it");

        assert!(!is_ours(true, lost(0), 0) && !is_ours(false, lost(60), 0));
        assert!(is_ours(true, lost(3), 0) && is_ours(true, lost(3), LATE_TRIES - 1));
        assert!(!is_ours(true, lost(3), LATE_TRIES), "not forever");
    }
}
