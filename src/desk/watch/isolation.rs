//! Tries whether this machine can isolate committers' code, at the start and, while it cannot, again: the log and every page say so
//! before somebody pushes. It must never decide what runs: each push tries again for itself.

use crate::desk::Desk;
use crate::isolation::{self, Isolation};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Until an operator has installed or allowed what is missing.
const TRY_AGAIN: Duration = Duration::from_secs(30);

impl Desk {
    /// Why committers' code is not isolated, if so, in a sentence.
    pub fn isolation_trouble(&self) -> Option<String> {
        match self.config.build.isolation {
            Isolation::None => Some(
                "Commands on this server are not isolated ([build] isolation = \"none\"): whoever can commit can do what this server can"
                    .to_owned(),
            ),
            Isolation::Namespaces => {
                let why = self.not_isolated.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
                Some(format!("This server cannot isolate commands, so builds and other commands on it fail: {why}"))
            }
        }
    }

    /// Tries it until it can be had, or the desk stops.
    pub(crate) async fn keep_trying_to_isolate(self: &Arc<Self>) {
        match self.config.build.isolation {
            Isolation::None => self.say_how_isolated(),
            Isolation::Namespaces => {
                while !self.try_to_isolate().await {
                    tokio::select! {
                        () = self.stop.cancelled() => return,
                        () = tokio::time::sleep(TRY_AGAIN) => {}
                    }
                }
            }
        }
        self.stop.cancelled().await;
    }

    /// Whether it can be had now; what changed is said.
    async fn try_to_isolate(&self) -> bool {
        let found = isolation::ready(&self.config.build, &self.config.data).await.err();
        let is_well = found.is_none();
        let before = std::mem::replace(&mut *self.not_isolated.lock().unwrap_or_else(PoisonError::into_inner), found);
        if is_well || before.is_none() {
            self.say_how_isolated();
            self.changed();
        }
        is_well
    }

    fn say_how_isolated(&self) {
        match self.isolation_trouble() {
            Some(words) => tracing::warn!("{words}"),
            None => tracing::info!("commands on this server are isolated"),
        }
    }
}
