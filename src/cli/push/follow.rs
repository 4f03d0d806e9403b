//! `pushbutton follow`, and what `--follow` does: shows a push to its end, on a terminal with a grid of its hosts, for programs as JSON. It
//! must never say that a push has ended well when that was not seen, nor end it: whoever stops watching leaves it running.

use super::screen::Screen;
use crate::cli::say;
use crate::cli::server::{Person, Place, Server, Target, run};
use crate::client::follow::{Trouble, Viewer};
use crate::client::grid::Grid;
use crate::client::terminal;
use crate::journal::{Ended, Record};
use crate::stack::PushNumber;
use anyhow::bail;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Exit code of who stopped watching, and of a push that was cancelled: what shells say of what was interrupted.
const CANCELLED: u8 = 130;
/// Exit code when a push cannot be followed any more: it goes on, and nobody here knows how it ends.
const LOST: u8 = 14;
/// How long a server on another machine may be away until it is given up.
const AWAY_LIMIT: Duration = Duration::from_secs(300);

/// `pushbutton follow`
#[derive(Debug, clap::Args)]
pub struct Follow {
    /// The push's number.
    push: PushNumber,
    /// Prints each record of the push as JSON, an object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    person: Person,
}

/// How a push is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// As lines for people, on a terminal with a grid of the hosts below.
    Words,
    /// As the records that it consists of.
    Json,
}

impl Follow {
    /// Runs it.
    ///
    /// # Errors
    /// Why it cannot be followed.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let place = target.reading(&self.person)?;
        let show = if self.json { Show::Json } else { Show::Words };
        run(async {
            let server = Server::open(&place).await?;
            follow(&place, server, self.push, show).await
        })
    }
}

/// Follows to the end, also past the death of the server: on the push host this process takes its place then; a server on another machine is
/// waited for.
///
/// # Errors
/// Why it cannot be followed.
pub async fn follow(place: &Place, mut server: Server, push: PushNumber, show: Show) -> anyhow::Result<ExitCode> {
    let screen = Mutex::new(match show {
        Show::Words if say::terminal().is_some() => Screen::on(Grid::new(typical_ms(&mut server, push).await)),
        Show::Words | Show::Json => Screen::none(),
    });
    let colours = say::colours();
    let take = |record: &Record| {
        let mut screen = screen.lock().unwrap_or_else(PoisonError::into_inner);
        match show {
            Show::Json => say::json(&serde_json::to_string(record).unwrap_or_default()),
            Show::Words => screen.take(record, terminal::words(push.get(), &record.event, colours)),
        }
    };
    let ended = watch(place, &mut server, push, &screen, take).await;
    screen.lock().unwrap_or_else(PoisonError::into_inner).finish();
    match ended {
        Ok(Watched::Ended(ended)) => {
            server.close().await?;
            Ok(ExitCode::from(code_of(ended)))
        }
        Ok(Watched::Left) => {
            say::aside(&format!("the push continues; hint: pushbutton follow {push}, pushbutton cancel {push}"));
            Ok(ExitCode::from(CANCELLED))
        }
        Ok(Watched::Lost(why)) => {
            say::aside(&format!(
                "pushbutton: push {push} cannot be followed any more: {why}; it continues, and how it ends nobody here \
                 knows; hint: pushbutton follow {push}"
            ));
            Ok(ExitCode::from(LOST))
        }
        Err(why) => {
            server.close().await?;
            Err(why)
        }
    }
}

/// How watching ended.
enum Watched {
    Ended(Ended),
    Left,
    Lost(String),
}

async fn watch(
    place: &Place,
    server: &mut Server,
    push: PushNumber,
    screen: &Mutex<Screen>,
    mut take: impl FnMut(&Record) + Send,
) -> anyhow::Result<Watched> {
    let mut viewer = Viewer::default();
    let (mut opened, mut since) = (0, Instant::now());
    loop {
        let followed = tokio::select! {
            followed = viewer.follow(&mut server.client, push.get(), &mut take) => followed,
            never = Screen::redraw(screen) => match never {},
            _ = tokio::signal::ctrl_c() => return Ok(Watched::Left),
        };
        let why = match followed {
            Ok(ended) => return Ok(Watched::Ended(ended)),
            Err(Trouble::Wrong(why)) => bail!("push {push} cannot be followed: {why}"),
            Err(Trouble::Broken(why)) if server.is_us() => bail!("push {push} cannot be followed: {why}"),
            Err(Trouble::Broken(why)) => why,
        };
        if server.elsewhere().is_none() {
            *server = Server::open(place).await?;
            continue;
        }
        if viewer.opened() > opened {
            (opened, since) = (viewer.opened(), Instant::now());
        }
        if since.elapsed() > AWAY_LIMIT {
            return Ok(Watched::Lost(why));
        }
        screen.lock().unwrap_or_else(PoisonError::into_inner).finish();
        say::aside(&format!("{why}; trying again, and the push continues"));
    }
}

/// How long pushes like this one usually take, where the server knows it; it is for the eye alone.
async fn typical_ms(server: &mut Server, push: PushNumber) -> Option<i64> {
    let row = server.ask("GET", &format!("/api/v1/pushes/{push}"), None).await.ok()?;
    let (stack, stage) = (row["push"]["stack"].as_str()?, &row["push"]["stage"]);
    let stack = server.ask("GET", &format!("/api/v1/stacks/{stack}"), None).await.ok()?;
    let stage = stack["stages"].as_array()?.iter().find(|one| one["name"] == *stage)?;
    let mut usual: Vec<i64> = stage["usual_ms"].as_array()?.iter().filter_map(serde_json::Value::as_i64).collect();
    usual.sort_unstable();
    usual.get(usual.len() / 2).copied()
}

/// The exit code that says how a push ended, as `docs/cli.md` lists them.
pub fn code_of(ended: Ended) -> u8 {
    match ended {
        Ended::Succeeded => 0,
        Ended::Failed => 10,
        Ended::Degraded => 11,
        Ended::RolledBack => 12,
        Ended::Interrupted => 13,
        Ended::Cancelled => CANCELLED,
    }
}
