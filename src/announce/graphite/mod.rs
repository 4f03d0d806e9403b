//! Graphite: a point at the start and at the end of each push, by carbon's plaintext protocol, so that graphs draw them as lines. It must never send a name that
//! is not plain: a dot or a blank would make another metric of it. The same point sent twice is one.

use crate::announce::channel::{Begin, Trouble};
use crate::announce::record::{self, Record};
use crate::config::{self, ChannelConfig, ChannelKind};
use crate::ledger::outbox::Announcement;
use crate::time::At;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// For connecting and sending.
const PATIENCE: Duration = Duration::from_secs(20);

/// A carbon.
#[derive(Clone)]
pub(super) struct Graphite {
    server: String,
    port: u16,
    prefix: String,
}

impl Graphite {
    /// As the table says.
    pub(super) fn new(config: &config::Graphite) -> Self {
        Self { server: config.server.clone(), port: config.port, prefix: config.prefix.clone() }
    }

    /// What begins the channel.
    pub(super) fn ready(self, channel: &ChannelConfig) -> Begin {
        record::ready(channel.name.clone(), self)
    }

    /// Connects, and says nothing.
    pub(super) async fn look(&self) -> Result<String, String> {
        self.within(self.connect()).await?;
        Ok(format!("{} can be reached", self.place()))
    }

    /// Sends one point of a metric of its own.
    pub(super) async fn trial(&self) -> Result<String, String> {
        let name = format!("{}.test", self.prefix);
        self.send(&point(&name, 1, At::now())).await?;
        Ok(format!("{} took a point of {name}", self.place()))
    }

    fn place(&self) -> String {
        format!("{}:{}", self.server, self.port)
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        TcpStream::connect((self.server.as_str(), self.port)).await
    }

    async fn within<T>(&self, work: impl Future<Output = io::Result<T>>) -> Result<T, String> {
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(done) => done.map_err(|error| format!("cannot send to {}: {error}", self.place())),
            Err(_) => Err(format!("{} took nothing within {} s", self.place(), PATIENCE.as_secs())),
        }
    }

    /// Sends lines, and waits until the other side has taken them: it closes when we do.
    async fn send(&self, lines: &str) -> Result<(), String> {
        let sending = async {
            let mut carbon = self.connect().await?;
            carbon.write_all(lines.as_bytes()).await?;
            carbon.shutdown().await?;
            // It has nothing to say; a connection that is reset is one whose lines nobody has.
            carbon.read(&mut [0; 1]).await.map(drop)
        };
        self.within(sending).await
    }

    fn metric(&self, push: &Announcement, what: &str) -> String {
        format!("{}.{}.{}.{what}", self.prefix, push.push.stack, push.push.stage)
    }
}

impl Record for Graphite {
    const KIND: ChannelKind = ChannelKind::Graphite;

    async fn begin(&self, push: &Announcement) -> Result<String, Trouble> {
        let name = self.metric(push, "started");
        let at = moment(push.push.started_at.as_deref().unwrap_or(&push.push.pressed_at));
        self.send(&point(&name, 1, at)).await.map_err(Trouble::Broken)?;
        Ok(name)
    }

    async fn end(&self, push: &Announcement, _: Option<&str>) -> Result<String, Trouble> {
        let name = self.metric(push, &push.push.state.word().replace(' ', "_"));
        let at = moment(push.push.ended_at.as_deref().unwrap_or(&push.push.pressed_at));
        let mut lines = point(&name, 1, at);
        let began = moment(push.push.started_at.as_deref().unwrap_or(&push.push.pressed_at));
        lines.push_str(&point(&self.metric(push, "duration_ms"), at.millis_since(began).max(0), at));
        self.send(&lines).await.map_err(Trouble::Broken)?;
        Ok(name)
    }
}

/// One line of carbon's plaintext protocol.
fn point(name: &str, value: i64, at: At) -> String {
    format!("{name} {value} {}\n", at.millis().div_euclid(1000))
}

fn moment(text: &str) -> At {
    text.parse().unwrap_or_else(|_| At::now())
}
