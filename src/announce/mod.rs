//! Turns the ledger's outbox into IRC and mail: one task a channel, woken by changes or by the next due time.
//! It must never decide what is announced (the fold wrote that down), never tell what the ledger does not hold, and
//! never let one channel wait for another. `cli::serve` starts it.

pub mod clean;
pub mod crypto;
mod delivery;
mod irc;
mod mail;
pub mod words;

pub use crypto::install_crypto;

use crate::config::Config;
use crate::desk::Channels;
use crate::ledger::Ledger;
use crate::supervise::Health;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Why a channel cannot be set up as the configuration says.
#[derive(Debug, thiserror::Error)]
#[error("[{table}] in config.toml: {why}")]
pub struct AnnounceError {
    table: &'static str,
    why: String,
}

/// Starts a task for each channel of the configuration. All of them end soon after `stop`; the tracker, closed, tells
/// when they have.
///
/// What keeps a channel as a whole from working stands in `channels` as long as it does; a task that breaks is started again
/// and stands in `health` meanwhile.
///
/// # Errors
/// When a table of the configuration cannot be used: a name that is no address, a secret that cannot be read.
pub fn start(
    config: &Config,
    ledger: Ledger,
    channels: Channels,
    changes: watch::Receiver<u64>,
    health: &Health,
    stop: CancellationToken,
) -> Result<TaskTracker, AnnounceError> {
    install_crypto();
    let tasks = TaskTracker::new();
    let irc = config.irc.as_ref().map(irc::Settings::new).transpose();
    let irc = irc.map_err(|why| AnnounceError { table: "irc", why })?;
    let mail = config.email.as_ref().map(|email| mail::Mail::new(email, &config.url)).transpose();
    let mail = mail.map_err(|why| AnnounceError { table: "email", why })?;
    if let Some(settings) = irc.map(Arc::new) {
        let (ledger, channels, changes, until) = (ledger.clone(), channels.clone(), changes.clone(), stop.clone());
        tasks.spawn(health.clone().keep("announce on IRC", stop.clone(), move || {
            let (irc, connection) = irc::Irc::new(Arc::clone(&settings), channels.clone());
            let told = delivery::deliver(irc, ledger.clone(), channels.clone(), changes.clone(), until.clone());
            async move {
                // Together: neither is of use without the other, and the connection ends when nobody tells any more.
                tokio::join!(told, connection);
            }
        }));
    }
    if let Some(mail) = mail {
        let until = stop.clone();
        tasks.spawn(health.clone().keep("announce by mail", stop, move || {
            delivery::deliver(mail.clone(), ledger.clone(), channels.clone(), changes.clone(), until.clone())
        }));
    }
    tasks.close();
    Ok(tasks)
}
