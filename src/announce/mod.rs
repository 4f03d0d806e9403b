//! Turns the ledger's outbox into IRC and mail: one task a channel, woken by changes or by the next due time.
//! It must never decide what is announced (the fold wrote that down), never tell what the ledger does not hold, and
//! never let one channel wait for another. `cli::serve` starts it.

pub mod clean;
pub mod crypto;
mod delivery;
mod helo;
mod irc;
mod mail;
mod smtp;
pub mod words;

pub use crypto::install_crypto;

use crate::config::Config;
use crate::desk::Channels;
use crate::ledger::Ledger;
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
/// What keeps a channel as a whole from working stands in `channels` as long as it does.
///
/// # Errors
/// When a table of the configuration cannot be used: a name that is no address, a secret that cannot be read.
pub fn start(
    config: &Config,
    ledger: Ledger,
    channels: Channels,
    changes: watch::Receiver<u64>,
    stop: CancellationToken,
) -> Result<TaskTracker, AnnounceError> {
    install_crypto();
    let tasks = TaskTracker::new();
    let irc = config.irc.as_ref().map(irc::Settings::new).transpose();
    let irc = irc.map_err(|why| AnnounceError { table: "irc", why })?;
    let mail = config.email.as_ref().map(|email| mail::Mail::new(email, &config.url)).transpose();
    let mail = mail.map_err(|why| AnnounceError { table: "email", why })?;
    if let Some(settings) = irc {
        let irc = irc::Irc::start(settings, channels.clone(), &tasks);
        tasks.spawn(delivery::deliver(irc, ledger.clone(), channels.clone(), changes.clone(), stop.clone()));
    }
    if let Some(mail) = mail {
        tasks.spawn(delivery::deliver(mail, ledger, channels, changes, stop));
    }
    tasks.close();
    Ok(tasks)
}
