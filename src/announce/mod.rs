//! Turns the ledger's outbox into IRC, mail and webhooks: one task a channel, woken by changes or by the next due time; and sends the audit on.
//! It must never decide what is announced (the fold wrote that down), never tell what the ledger does not hold, and
//! never let one channel wait for another. `cli::server::serve` starts it; `cli::doctor` looks whether it would work.

mod answer;
mod audit;
mod channel;
pub mod clean;
pub mod crypto;
mod delivery;
mod github;
mod grafana;
mod graphite;
mod http;
pub mod incoming;
mod irc;
mod jira;
mod mail;
mod peer;
mod record;
mod webhook;
mod without_channel;
pub mod words;

pub use crypto::install_crypto;
pub use words::Trial;

use crate::config::{ChannelConfig, ChannelSettings, Config};
use crate::desk::Channels;
use crate::ledger::Ledger;
use crate::supervise::Health;
use channel::{Begin, Surroundings};
use incoming::IncomingMessage;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Why a channel cannot be set up as the configuration says.
#[derive(Debug, thiserror::Error)]
#[error("{table} in config.toml: {why}")]
pub struct AnnounceError {
    table: String,
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
    incoming: Option<mpsc::Sender<IncomingMessage>>,
) -> Result<TaskTracker, AnnounceError> {
    install_crypto();
    // All of them first: nothing is announced by a server that does not start.
    let ready = config.channels.iter().map(|channel| ready(channel, config)).collect::<Result<Vec<_>, _>>()?;
    let with = Surroundings { ledger, channels, changes, health: health.clone(), stop, incoming };
    let tasks = TaskTracker::new();
    for begin in ready {
        begin(with.clone(), &tasks);
    }
    without_channel::begin(config, &with, &tasks);
    audit::begin(config, &with, &tasks);
    tasks.close();
    Ok(tasks)
}

/// What begins a channel.
fn ready(channel: &ChannelConfig, config: &Config) -> Result<Begin, AnnounceError> {
    let name = channel.name.clone();
    let ready = match &channel.settings {
        ChannelSettings::Irc(irc) => irc::ready(name, irc),
        ChannelSettings::Email(email) => mail::ready(name, email, &config.url),
        ChannelSettings::Webhook(webhook) => webhook::ready(channel, webhook, &config.url),
        ChannelSettings::Http(http) => http::Http::new(channel, http, &config.url).map(|http| http.ready(channel)),
        ChannelSettings::Grafana(grafana) => grafana::Grafana::new(channel, grafana).map(|it| it.ready(channel)),
        ChannelSettings::Graphite(graphite) => Ok(graphite::Graphite::new(graphite).ready(channel)),
        ChannelSettings::Github(github) => github::Github::new(channel, github).map(|it| it.ready(channel)),
        ChannelSettings::Jira(jira) => jira::Jira::new(channel, jira).map(|it| it.ready(channel)),
    };
    ready.map_err(|why| AnnounceError { table: channel.table(), why })
}

/// Whether a channel would tell: connects and signs in, and says nothing; with where that was. It takes at most a minute.
///
/// # Errors
/// Why it would not.
pub async fn look(channel: &ChannelConfig, config: &Config) -> Result<String, String> {
    install_crypto();
    match &channel.settings {
        ChannelSettings::Irc(irc) => irc::look(irc).await,
        ChannelSettings::Email(email) => mail::look(email, &config.url).await,
        ChannelSettings::Webhook(webhook) => webhook::look(webhook).await,
        ChannelSettings::Http(http) => http::Http::new(channel, http, &config.url)?.look().await,
        ChannelSettings::Grafana(grafana) => grafana::Grafana::new(channel, grafana)?.look().await,
        ChannelSettings::Graphite(graphite) => graphite::Graphite::new(graphite).look().await,
        ChannelSettings::Github(github) => github::Github::new(channel, github)?.look().await,
        ChannelSettings::Jira(jira) => jira::Jira::new(channel, jira)?.look().await,
    }
}

/// Sends a message that announces nothing through a channel, or to a place in it: what became of it.
///
/// # Errors
/// Why it did not arrive, and what to do.
pub async fn try_out(
    channel: &ChannelConfig,
    place: Option<&str>,
    config: &Config,
    trial: &Trial,
) -> Result<String, String> {
    install_crypto();
    if let Some(why) = place.and_then(|place| channel.settings.refuse_place(place)) {
        return Err(why);
    }
    match &channel.settings {
        ChannelSettings::Irc(irc) => irc::trial(channel, irc, place, trial).await,
        ChannelSettings::Email(email) => mail::trial(email, &config.url, place, trial).await,
        ChannelSettings::Webhook(webhook) => webhook::trial(channel, webhook, &config.url, trial).await,
        ChannelSettings::Http(http) => http::Http::new(channel, http, &config.url)?.trial(trial).await,
        ChannelSettings::Grafana(grafana) => grafana::Grafana::new(channel, grafana)?.trial().await,
        ChannelSettings::Graphite(graphite) => graphite::Graphite::new(graphite).trial().await,
        ChannelSettings::Github(github) => github::Github::new(channel, github)?.trial().await,
        ChannelSettings::Jira(jira) => jira::Jira::new(channel, jira)?.trial().await,
    }
}
