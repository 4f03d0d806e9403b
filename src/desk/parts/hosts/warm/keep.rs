//! The tasks that keep hosts connected: one a host, which tries it again and again, and one that sees which hosts are to be kept. They
//! must never end what runs over a connection.

use super::pause::{Pause, pause_after};
use super::standing::{Standing, is_ours};
use super::{Warm, WarmHost};
use crate::desk::parts::hosts::lateness::TICK;
use crate::stack::Host;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Notify;

impl Warm {
    /// Has the hosts tried at once that a push, or anybody else, has just heard.
    pub(crate) fn try_after_contact(&self) {
        let Ok(masters) = &self.masters else { return };
        let lost = self.lost();
        let failed = |(host, kept): (&Host, &WarmHost)| {
            let failed = kept.standing != Standing::Connecting && !kept.standing.is_ready(lost);
            failed.then(|| (host.clone(), Arc::clone(&kept.at_once)))
        };
        let failed: Vec<_> = self.state().hosts.iter().filter_map(failed).collect();
        for (_, at_once) in failed.iter().filter(|(host, _)| masters.answered_lately(host)) {
            at_once.notify_one();
        }
    }

    /// Lets the clock tick forever.
    pub(crate) async fn keep_time(&self) {
        loop {
            self.clock.tick(Instant::now());
            tokio::time::sleep(TICK).await;
        }
    }

    /// Checks one host forever; `is_looked_at` says whether anybody has a page open.
    pub(crate) async fn keep(&self, host: Host, at_once: Arc<Notify>, is_looked_at: impl Fn() -> bool) {
        let Ok(masters) = &self.masters else { return };
        let (mut failures, mut ours) = (0, 0);
        loop {
            let before = self.lost();
            let tried = masters.try_connect(&host).await.map(drop);
            ours = if is_ours(tried.is_err(), self.lost().saturating_sub(before), ours) { ours + 1 } else { 0 };
            if ours > 0 {
                // It says nothing about the host, so what was known of it stands; it is asked again at once.
                tracing::warn!(%host, "this machine was too busy to see whether a host answers; it is asked again");
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
