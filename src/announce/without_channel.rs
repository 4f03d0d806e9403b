//! What waits for a channel that the server's file has no more, or that a stack misspelled: it is given up, with the reason, so that it neither
//! waits for ever nor goes out of date when a channel of that name comes back. It must never touch what a channel of the file has to tell.

use super::channel::Surroundings;
use crate::config::Config;
use crate::ledger::LedgerError;
use crate::ledger::outbox::without_channel;
use crate::stack::ChannelName;
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// The wait before the ledger is asked again after it refused.
const LEDGER_WAIT: Duration = Duration::from_secs(1);
/// A stack may name what is not there at any time: so often it is looked at the latest.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Why such an announcement was not sent.
const PROBLEM: &str = "not sent: config.toml has no channel of this name";

/// Begins the task that gives it up.
pub(super) fn begin(config: &Config, with: &Surroundings, tasks: &TaskTracker) {
    let names: Vec<ChannelName> = config.channels.iter().map(|channel| channel.name.clone()).collect();
    let (with, stop, health) = (with.clone(), with.stop.clone(), with.health.clone());
    tasks.spawn(
        health.keep("give up announcements without a channel", stop, move || give_up(names.clone(), with.clone())),
    );
}

async fn give_up(names: Vec<ChannelName>, Surroundings { ledger, mut changes, stop, .. }: Surroundings) {
    while !stop.is_cancelled() {
        let of = names.clone();
        // Nothing is written where nothing is to be given up.
        let found = match ledger.read(move |conn| without_channel::waits(conn, &of)).await {
            Ok(true) => {
                let of = names.clone();
                ledger.write(move |tx| without_channel::give_up(tx, &of, PROBLEM)).await
            }
            Ok(false) => Ok(0),
            Err(error) => Err(error),
        };
        let wait = match found {
            Ok(0) => LOOK_EVERY,
            Ok(announcements) => {
                tracing::warn!(announcements, "given up: config.toml has no channel of that name");
                LOOK_EVERY
            }
            Err(LedgerError::Closed) => return,
            Err(error) => {
                tracing::error!(%error, "cannot give up announcements without a channel");
                LEDGER_WAIT
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
            Ok(()) = changes.changed() => {}
        }
    }
}
