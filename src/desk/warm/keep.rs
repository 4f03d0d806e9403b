//! The tasks that keep hosts connected: one a host, which tries it again and again, and one that sees which hosts are to be kept. They
//! must never end what runs over a connection.

use super::pause::{Pause, pause_after};
use super::standing::{Standing, is_ours};
use super::{Kept, Warm};
use crate::desk::Desk;
use crate::desk::lateness::TICK;
use crate::stack::Host;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How often it is looked which hosts are to be kept, and whether one has fallen silent.
const LOOK: Duration = Duration::from_secs(1);
/// Hosts change by the dozen: those of one moment are told together.
const GATHER: Duration = Duration::from_millis(100);

impl Warm {
    /// Has the hosts tried at once that a push, or anybody else, has just heard.
    fn try_who_was_heard(&self) {
        let Ok(masters) = &self.masters else { return };
        let lost = self.lost();
        let failed = |(host, kept): (&Host, &Kept)| {
            let failed = kept.standing != Standing::Connecting && !kept.standing.is_ready(lost);
            failed.then(|| (host.clone(), Arc::clone(&kept.at_once)))
        };
        let failed: Vec<_> = self.state().hosts.iter().filter_map(failed).collect();
        for (_, at_once) in failed.iter().filter(|(host, _)| masters.was_heard(host)) {
            at_once.notify_one();
        }
    }

    /// Lets the clock tick for ever.
    async fn keep_time(&self) {
        loop {
            self.clock.tick(Instant::now());
            tokio::time::sleep(TICK).await;
        }
    }

    /// Checks one host for ever; `is_looked_at` says whether anybody has a page open.
    async fn keep(&self, host: Host, at_once: Arc<Notify>, is_looked_at: impl Fn() -> bool) {
        let Ok(masters) = &self.masters else { return };
        let (mut failures, mut ours) = (0, 0);
        loop {
            let before = self.lost();
            let tried = masters.try_connect(&host).await.map(drop);
            ours = if is_ours(tried.is_err(), self.lost().saturating_sub(before), ours) { ours + 1 } else { 0 };
            if ours > 0 {
                // It says nothing about the host, so what was known of it stands; it is asked again at once.
                tracing::warn!(%host, "this machine was too busy to hear whether a host answers; it is asked again");
                continue;
            }
            self.note(&host, &tried);
            let pause = match tried {
                Ok(()) => {
                    failures = 0;
                    Pause { looked_at: self.every, unseen: self.every }
                }
                Err(failure) => {
                    failures += 1;
                    pause_after(failures, failure.again)
                }
            };
            tokio::select! {
                () = pause.pass(&is_looked_at) => {}
                () = at_once.notified() => failures = 0,
            }
        }
    }
}

impl Desk {
    /// Counts somebody who has a page open, until what is returned is dropped.
    pub fn looking(&self) -> Arc<()> {
        Arc::clone(&self.looking)
    }

    /// Whether anybody has a page open, of whatever stack: those of a hidden tab are not.
    fn is_looked_at(&self) -> bool {
        Arc::strong_count(&self.looking) > 1
    }

    /// Keeps one checking task for each host of the stacks in use, until `stop`.
    pub(in crate::desk) async fn keep_warm(&self, stop: CancellationToken) {
        if self.warm.most == 0 {
            return;
        }
        let mut told = None;
        let clock = self.me.upgrade().map(|desk| {
            let stop = stop.child_token();
            let end_with_us = stop.clone().drop_guard();
            self.spawn(async move {
                tokio::select! { () = stop.cancelled() => {}, () = desk.warm.keep_time() => {} }
            });
            end_with_us
        });
        let _clock = clock;
        loop {
            for (host, at_once, token) in self.warm.decide(&self.shelf(), &stop) {
                let Some(desk) = self.me.upgrade() else { return };
                let until = token.clone();
                self.spawn(self.health.clone().finish("keep a host connected", token, move || {
                    let (desk, host, at_once, token) = (Arc::clone(&desk), host.clone(), Arc::clone(&at_once), until.clone());
                    async move {
                        tokio::select! { biased; () = token.cancelled() => {}, () = desk.warm.keep(host, at_once, || desk.is_looked_at()) => {} }
                    }
                }));
            }
            let shown = Some(self.warm.shown());
            if told != shown {
                told = shown;
                self.changed();
            }
            self.probe_what_is_due();
            self.warm.try_who_was_heard();
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
                () = self.warm.nudge.notified() => tokio::time::sleep(GATHER).await,
            }
        }
    }
}
