//! `pushbutton log`: the raw log of a push, as far as it has come. It must never hold more of it in memory than a line.

use crate::address::encoded;
use crate::cli::say;
use crate::cli::server::{Person, Server, Target, run};
use crate::client::http::Body;
use crate::client::terminal;
use crate::stack::PushNumber;
use anyhow::Context;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::timeout;

/// No line of a log is longer; what is, is printed in parts.
const LONGEST_LINE: usize = 4 << 20;

/// How long a server may take for the next part.
const SILENT_LIMIT: Duration = Duration::from_secs(60);

/// `pushbutton log`
#[derive(Debug, clap::Args)]
pub struct Log {
    /// The push's number.
    push: PushNumber,
    /// Only this host; `-` is the push host.
    #[arg(long, value_name = "HOST", allow_hyphen_values = true)]
    host: Option<String>,
    /// Only this command, by its number in the plan.
    #[arg(long, value_name = "NUMBER")]
    command: Option<u32>,
    /// Prints the records of the push as JSON, an object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    person: Person,
}

impl Log {
    /// Runs it.
    ///
    /// # Errors
    /// Why there is no log.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let place = target.reading(&self.person)?;
        run(async {
            let mut server = Server::open(&place).await?;
            let log = server.stream(&self.address()).await;
            let printed = match log {
                Ok(log) => self.print(log).await,
                Err(why) => Err(why),
            };
            server.close().await?;
            printed.map(|()| ExitCode::SUCCESS)
        })
    }

    fn address(&self) -> String {
        let host = self.host.as_ref().map(|host| format!("&host={}", encoded(host)));
        let command = self.command.map(|command| format!("&command={command}"));
        let json = self.json.then(|| "&format=journal".to_owned());
        let query: String = [host, command, json].into_iter().flatten().collect();
        format!("/api/v1/pushes/{}/log?{}", self.push, query.trim_start_matches('&')).trim_end_matches('?').to_owned()
    }

    async fn print(&self, mut log: Body) -> anyhow::Result<()> {
        let mut unread: Vec<u8> = Vec::new();
        loop {
            let next = timeout(SILENT_LIMIT, log.next()).await.map_err(std::io::Error::from).flatten();
            let Some(part) = next.context("the log broke off before its end")? else { break };
            unread.extend(part);
            while let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = unread.drain(..=end).collect();
                self.line(&line[..end]);
            }
            if unread.len() > LONGEST_LINE {
                self.line(&std::mem::take(&mut unread));
            }
        }
        if !unread.is_empty() {
            self.line(&unread);
        }
        Ok(())
    }

    fn line(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        if self.json {
            say::json(&text);
        } else {
            say::raw(&format!("{}\n", terminal::clean(&text, say::colours())));
        }
    }
}
