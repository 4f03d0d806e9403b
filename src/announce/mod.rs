//! Turns the ledger's outbox into IRC, mail and webhooks: one task a channel, woken by changes or by the next due time; and sends the audit on.
//! It must never decide what is announced (the fold wrote that down), never tell what the ledger does not hold, and
//! never let one channel wait for another. `cli::server::serve` starts it; `cli::doctor` looks whether it would work.

mod audit;
mod channel;
pub mod clean;
pub mod crypto;
mod delivery;
pub mod heard;
mod irc;
mod mail;
mod webhook;
pub mod words;

pub use crypto::install_crypto;

use crate::config::{ChannelKind, Config};
use crate::desk::Channels;
use crate::ledger::Ledger;
use crate::supervise::Health;
use channel::{Begin, Surroundings};
use heard::Heard;
use tokio::sync::{mpsc, watch};
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
    start_hearing(config, ledger, channels, changes, (health, stop), None)
}

/// The same, where what people say to the bot on IRC is handed on.
///
/// # Errors
/// As [`start`].
pub fn start_hearing(
    config: &Config,
    ledger: Ledger,
    channels: Channels,
    changes: watch::Receiver<u64>,
    (health, stop): (&Health, CancellationToken),
    heard: Option<mpsc::Sender<Heard>>,
) -> Result<TaskTracker, AnnounceError> {
    install_crypto();
    // All of them first: nothing is announced by a server that does not start.
    let ready = ChannelKind::ALL.into_iter().map(|kind| ready(kind, config)).collect::<Result<Vec<_>, _>>()?;
    let with = Surroundings { ledger, channels, changes, health: health.clone(), stop, heard };
    let tasks = TaskTracker::new();
    for begin in ready.into_iter().flatten() {
        begin(with.clone(), &tasks);
    }
    audit::begin(config, &with, &tasks);
    tasks.close();
    Ok(tasks)
}

/// What begins a channel; nothing where the configuration does not have it.
fn ready(kind: ChannelKind, config: &Config) -> Result<Option<Begin>, AnnounceError> {
    let ready = match kind {
        ChannelKind::Irc => config.irc.as_ref().map(irc::ready).transpose(),
        ChannelKind::Email => config.email.as_ref().map(|email| mail::ready(email, &config.url)).transpose(),
        ChannelKind::Webhook => config.webhook.as_ref().map(|webhook| webhook::ready(webhook, &config.url)).transpose(),
    };
    ready.map_err(|why| AnnounceError { table: kind.name(), why })
}

/// Whether a channel would tell: connects and signs in, and says nothing; with where that was. None where the configuration does not have
/// the channel. It takes at most a minute.
pub async fn look(kind: ChannelKind, config: &Config) -> Option<Result<String, String>> {
    install_crypto();
    match kind {
        ChannelKind::Irc => Some(irc::look(config.irc.as_ref()?).await),
        ChannelKind::Email => Some(mail::look(config.email.as_ref()?, &config.url).await),
        ChannelKind::Webhook => Some(webhook::look(config.webhook.as_ref()?).await),
    }
}
