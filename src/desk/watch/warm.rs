//! The hosts of the stacks in use are kept connected, as a task of the desk. It must never make a page or a push wait.

use crate::desk::Desk;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it is looked which hosts are to be kept, and whether one has fallen silent.
const LOOK: Duration = Duration::from_secs(1);

/// Hosts change by the dozen: those of one moment are told together.
const GATHER: Duration = Duration::from_millis(100);

impl Desk {
    /// Counts someone who has a page open, until what is returned is dropped.
    pub fn looking(&self) -> Arc<()> {
        Arc::clone(&self.looking)
    }

    /// Whether anybody has a page open, of whatever stack: those of a hidden tab are not.
    fn is_looked_at(&self) -> bool {
        Arc::strong_count(&self.looking) > 1
    }

    /// Keeps one checking task for each host of the stacks in use, until `stop`.
    pub(crate) async fn keep_warm(&self, stop: CancellationToken) {
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
            for (host, at_once, token) in self.warm.decide(&self.stack_files(), &stop) {
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
            self.warm.try_after_contact();
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
                () = self.warm.nudge.notified() => tokio::time::sleep(GATHER).await,
            }
        }
    }
}
