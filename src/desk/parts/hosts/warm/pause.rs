//! How long the warm fleet waits between two tries of a host: short while someone looks, so that one that is back is ready within
//! 20 s, whatever kept it away; seldom where a person must fix something and nobody looks. Pure but for the waiting. It must never
//! pester an `sshd` that refuses our key. Called by the tasks that keep the hosts.

use std::time::{Duration, Instant};

/// The longest pause between two tries of a host that may come back by itself: with a try of 10 s before it, one that is back is
/// ready within 20 s. Only hosts that someone looks at are tried at all.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// The pause after what a person must fix: a wrong key, a login shell that talks. Who fixes it looks whether it is: with a try
/// before and behind it, such a host is ready within 20 s too. sshd holds each refused key against us for 5 s, and lets nobody in
/// from 15 s on (PerSourcePenalties).
const MENDING_PAUSE: Duration = Duration::from_secs(10);
/// After so many such tries, and while nobody has a page open, nobody is fixing it: then sshd, and what reads its log, is asked
/// seldom.
const MENDING_TRIES: u32 = 8;
const SELDOM: Duration = Duration::from_secs(60);
/// How often it is looked whether someone looks.
const LOOK: Duration = Duration::from_secs(1);

/// How long to wait before the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    /// While someone looks.
    pub(crate) looked_at: Duration,
    /// While nobody does; not less.
    pub(crate) unseen: Duration,
}

impl Pause {
    /// Waits; it is over early when someone comes to look.
    pub(crate) async fn pass(self, is_looked_at: impl Fn() -> bool) {
        tokio::time::sleep(spread(self.looked_at)).await;
        let end = Instant::now() + self.unseen.saturating_sub(self.looked_at);
        while Instant::now() < end && !is_looked_at() {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// How long to wait after the n-th failure in a row: 1, 2, 4, 8 s; a wrong key does not fix itself.
pub(crate) fn pause_after(failures: u32, again: bool) -> Pause {
    let looked_at = match again {
        true => Duration::from_secs(1 << failures.saturating_sub(1).min(6)).min(LONGEST_PAUSE),
        false => MENDING_PAUSE,
    };
    Pause { looked_at, unseen: if again || failures <= MENDING_TRIES { looked_at } else { SELDOM } }
}

/// A pause, up to a fifth shorter, so that many hosts are not asked in the same moment.
fn spread(pause: Duration) -> Duration {
    let mut byte = [0];
    // Without random numbers the pause is just not spread.
    let _ = getrandom::fill(&mut byte);
    pause.mul_f64(1.0 - f64::from(byte[0]) / 1280.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_looked_at_is_ready_within_20_s_and_one_with_a_wrong_key_is_not_pestered() {
        /// As long as a try of a host that does not answer takes: ssh's ConnectTimeout.
        const TRY: u64 = 10;
        let seconds = |failures, again| {
            let pause = pause_after(failures, again);
            (pause.looked_at.as_secs(), pause.unseen.as_secs())
        };
        // (the n-th failure in a row, whether it may pass by itself): the pause while someone looks, and while nobody does
        for (failures, again, pause) in [
            (1, true, (1, 1)),
            (2, true, (2, 2)),
            (3, true, (4, 4)),
            (4, true, (8, 8)),
            (u32::MAX, true, (8, 8)),
            (1, false, (10, 10)),
            (8, false, (10, 10)),
            (9, false, (10, 60)),
            (u32::MAX, false, (10, 60)),
        ] {
            assert_eq!(seconds(failures, again), pause, "{failures} {again}");
        }
        for again in [true, false] {
            for failures in (1..=100).chain([u32::MAX]) {
                let (looked_at, unseen) = seconds(failures, again);
                assert!(TRY + looked_at <= 20 && looked_at <= unseen, "failure {failures}, again: {again}");
            }
        }
        // Each refused key counts for 5 s with sshd, from 15 s on it refuses all: one at a time is forgotten before the next.
        let shortest = pause_after(1, false).looked_at.mul_f64(1.0 - 255.0 / 1280.0);
        assert!(shortest > Duration::from_secs(5), "{shortest:?}");
        for _ in 0..100 {
            let pause = spread(Duration::from_secs(10));
            assert!((Duration::from_secs(8)..=Duration::from_secs(10)).contains(&pause), "{pause:?}");
        }
    }

    #[tokio::test]
    async fn a_long_pause_is_over_when_somebody_comes_to_look() {
        let pause = Pause { looked_at: Duration::from_millis(10), unseen: Duration::from_secs(3600) };
        let came = tokio::time::timeout(Duration::from_secs(60), pause.pass(|| true)).await;
        assert!(came.is_ok(), "nobody waits for the rest of it");
        let alone = tokio::time::timeout(Duration::from_millis(200), pause.pass(|| false)).await;
        assert!(alone.is_err(), "it goes on while nobody looks");
    }
}
