//! `pushbutton serve`: puts the rooms together and runs them until a signal.

use super::prepare::{self, For, cannot_listen, listen_cure};
use crate::announce;
use crate::desk::{Desk, DeskError};
use crate::source::git;
use crate::web::Server;
use anyhow::anyhow;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code of a server that found another one on its data directory (TRUST promise 1).
pub const ANOTHER_SERVER: u8 = 3;

/// Runs the server until SIGTERM or Ctrl-C; running pushes continue without it.
///
/// # Errors
/// Why it could not start.
pub fn main(config: &Path) -> anyhow::Result<ExitCode> {
    super::log::start("info,actix_server=warn,irc=info");
    actix_web::rt::System::new().block_on(run(config))
}

async fn run(config: &Path) -> anyhow::Result<ExitCode> {
    let config = Arc::new(prepare::prepare(config, For::Serve).await?.finish()?);
    let desk = match Desk::open(Arc::clone(&config)).await {
        Ok(desk) => desk,
        Err(error @ DeskError::Taken { .. }) => {
            eprintln!("pushbutton: {error}");
            return Ok(ExitCode::from(ANOTHER_SERVER));
        }
        Err(error) => return Err(error.into()),
    };
    let stop = CancellationToken::new();
    let mut server = Server::bind(Arc::clone(&desk), bound(config.listen)?)?;
    if let Some(metrics) = config.metrics {
        server = server.with_metrics(bound(metrics.listen)?);
    }
    let (ledger, channels, changes) = (desk.ledger().clone(), desk.channels().clone(), desk.changes());
    // Nobody hears what is said to the bot, unless the operator wants it to answer.
    let (sender, receiver) = config.chat.as_ref().map(|_| announce::incoming::pair()).unzip();
    if let Some(receiver) = receiver {
        server = server.with_chat(receiver);
    }
    let alive = (desk.health(), stop.clone());
    let announcing = announce::start_hearing(&config, ledger, channels, changes, alive, sender)?;
    let working = desk.background(stop.clone());
    stop_on_signals(stop.clone())?;
    tokio::spawn(async {
        if let Some(complaint) = git::version::complaint().await {
            tracing::warn!("{complaint}");
        }
    });
    tracing::info!(url = %config.url, listen = %config.listen, data = %config.data.display(), "pushbutton is ready");
    server.run_until(stop.clone()).await?;
    stop.cancel();
    announcing.wait().await;
    working.await?;
    tracing::info!("pushbutton has stopped; running pushes continue");
    Ok(ExitCode::SUCCESS)
}

fn bound(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).map_err(|error| {
        let (title, cure) = (cannot_listen(listen, &error), listen_cure(listen, &error));
        anyhow!("{title}\nhint: {cure}")
    })
}

fn stop_on_signals(stop: CancellationToken) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}
