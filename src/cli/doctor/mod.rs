//! `pushbutton doctor`: is everything as a push needs it, on this machine and on the hosts? Each check says what it found and, where that is
//! not right, how to mend it. It must never change anything, never announce anything, and never wait for anybody without end.
//!
//! `report` is what is said; `machine`, `keys`, `disk`, `channels` and `hosts` are those who look, each on its own: what one finds keeps
//! no other from looking.

pub mod announce;
mod channels;
mod disk;
mod hosts;
mod isolation;
mod keys;
mod machine;
mod report;

use super::say;
use super::server::prepare::{For, prepare};
use super::server::{self, Person, must_be_ours};
use crate::config::{Config, ConfigError};
use report::{Area, Check, Report};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// `pushbutton doctor`
#[derive(Debug, clap::Args)]
pub struct Doctor {
    /// Connects to nobody: neither to hosts, nor to IRC and mail servers.
    #[arg(long)]
    offline: bool,
    /// Prints the results as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    person: Person,
}

impl Doctor {
    /// Runs it: exit code 1 when something is wrong; a warning does not count.
    ///
    /// # Errors
    /// When this is not the server's user: another one has other keys, another agent, other rights.
    pub fn main(self, file: &Path) -> anyhow::Result<ExitCode> {
        server::run(async {
            let mut report = Report::default();
            match configuration(file, &mut report).await {
                Some(config) => {
                    must_be_ours(&config.data)?;
                    self.look(&Arc::new(config), &mut report).await;
                }
                None => report.extend(machine::look(None).await),
            }
            match self.json {
                true => say::json(&report.to_json().to_string()),
                false => report.lines().iter().for_each(|line| say::line(line)),
            }
            Ok(if report.is_wrong() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        })
    }

    async fn look(&self, config: &Arc<Config>, report: &mut Report) {
        report.extend(machine::look(Some(config)).await);
        report.extend(disk::look(config).await);
        report.extend(keys::look(config).await);
        if self.offline {
            return;
        }
        let who = self.person.reader();
        let (channels, hosts) = tokio::join!(channels::look(config), hosts::look(config, &who));
        report.extend(channels);
        report.extend(hosts);
    }
}

/// Reads the server's file as `check` and `serve` do; none when it cannot be used, which the report then says.
async fn configuration(file: &Path, report: &mut Report) -> Option<Config> {
    let check = |state: fn(Area, &str, String, &str) -> Check, found: String, cure: &str| {
        state(Area::Configuration, &file.display().to_string(), found, cure)
    };
    if !file.exists() {
        let cure = "name it with --config FILE, or copy config.example.toml";
        report.extend([check(Check::wrong, "it is not there".to_owned(), cure)]);
        return None;
    }
    let read = match prepare(file, For::Check).await {
        Ok(draft) => draft.finish(),
        Err(error) => Err(error),
    };
    match read {
        Ok(config) => {
            report.extend([Check::ok(Area::Configuration, &file.display().to_string(), "can be used".to_owned())]);
            Some(config)
        }
        Err(ConfigError::Bad { diagnostics, .. }) => {
            let cure = "`pushbutton check` shows the line, and what to write";
            report.extend(diagnostics.iter().map(|bad| check(Check::wrong, bad.summary(), cure)));
            None
        }
        Err(error @ ConfigError::Read { .. }) => {
            let cure = "it must be readable for the server's user";
            report.extend([check(Check::wrong, error.to_string(), cure)]);
            None
        }
    }
}
