//! `pushbutton announce test`: sends a message that announces nothing through every channel, and says for each what arrived or what is
//! wrong and how to mend it. It speaks for itself, not through the server: with this user and this environment. It must never write into the outbox.

use crate::announce::{Trial, try_out};
use crate::cli::say;
use crate::cli::server::{self, Person, must_be_ours};
use crate::config::Config;
use crate::diagnostic::nearest;
use crate::stack::Destination;
use crate::time::At;
use anyhow::{bail, ensure};
use std::path::Path;
use std::process::ExitCode;

/// `pushbutton announce`
#[derive(Debug, clap::Args)]
pub struct Announce {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Sends a test message through all channels, or through one, and says what arrived.
    Test(Test),
}

#[derive(Debug, clap::Args)]
struct Test {
    /// A channel of the configuration, or a place in it: `irc`, `slack-web`, `irc:#web`; without it all of them.
    channel: Option<String>,
    #[command(flatten)]
    person: Person,
}

impl Announce {
    /// Runs it: exit code 1 when something did not arrive.
    ///
    /// # Errors
    /// When the configuration cannot be used, or has no such channel.
    pub fn main(self, file: &Path) -> anyhow::Result<ExitCode> {
        let What::Test(test) = self.what;
        let config = server::config(file)?;
        must_be_ours(&config.data)?;
        let to = destinations(&config, test.channel.as_deref())?;
        let url = format!("{}/announcements", config.url);
        let trial = Trial { who: test.person.reader().to_string(), at: At::now(), url };
        server::run(async {
            let tried = to.iter().map(|to| one(&config, to, &trial));
            let arrived = futures::future::join_all(tried).await;
            Ok(if arrived.iter().all(|arrived| *arrived) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        })
    }
}

/// Tries one, and says what became of it at once; whether it arrived.
async fn one(config: &Config, to: &Destination, trial: &Trial) -> bool {
    let Some(channel) = config.channel(&to.channel) else { return false };
    match try_out(channel, to.place.as_deref(), config, trial).await {
        Ok(words) => {
            say::line(&format!("ok    {to}: {words}"));
            true
        }
        Err(why) => {
            say::line(&format!("wrong {to}: {why}"));
            say::line(&format!("      hint: see {} in config.toml, and docs/announcements.md", channel.table()));
            false
        }
    }
}

/// Every place that announcements go to by the configuration alone, or the one that is named.
fn destinations(config: &Config, named: Option<&str>) -> anyhow::Result<Vec<Destination>> {
    let all = config.places();
    ensure!(
        !all.is_empty(),
        "no channel is configured, so nothing is announced; hint: docs/announcements.md shows how"
    );
    let Some(named) = named else { return Ok(all) };
    match named.parse::<Destination>() {
        Ok(to) if config.channel(&to.channel).is_some() => Ok(vec![to]),
        Ok(_) | Err(_) => {
            let names: Vec<&str> = config.channels.iter().map(|channel| channel.name.as_str()).collect();
            match nearest(named, names.iter().copied()) {
                Some(near) => bail!("there is no channel {named}; hint: did you mean {near}?"),
                None => bail!("there is no channel {named}; hint: there are {}", names.join(", ")),
            }
        }
    }
}
