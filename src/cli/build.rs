//! `pushbutton build publish`: a directory that was built elsewhere becomes a build of a stack, and `withdraw`, which takes
//! one back. The directory is packed as it lies there; whether it may be a build the server decides.

use super::say;
use super::server::{Person, Refused, Server, Target, run};
use crate::address::encoded;
use crate::client::http::RequestBody;
use crate::desk::Reason;
use crate::size::counted;
use crate::stack::{BuildId, Revision, StackName};
use anyhow::{Context, ensure};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `pushbutton build`
#[derive(Debug, clap::Args)]
pub struct Build {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Publishes a directory as the build of a revision.
    Publish(Publish),
    /// Withdraws a published build that nobody has pushed; its revision can then be published again.
    Withdraw(Withdraw),
}

#[derive(Debug, clap::Args)]
struct Publish {
    /// The stack; its file says source = { published = true }.
    stack: StackName,
    /// The directory to deploy.
    dir: PathBuf,
    /// The revision that it was built from: 40 or 64 hexadecimal digits, or a Subversion revision number.
    #[arg(long)]
    sha: Revision,
    /// The branch that it was built from.
    #[arg(long = "ref", value_name = "REF", default_value = "")]
    branch: String,
    /// A title, in one line.
    #[arg(long, default_value = "")]
    title: String,
    /// Accepts a build with far fewer files than the previous one.
    #[arg(long)]
    fewer: bool,
    #[command(flatten)]
    person: Person,
}

#[derive(Debug, clap::Args)]
struct Withdraw {
    /// The stack.
    stack: StackName,
    /// The build, as `build publish` and the pages call it: 3f2c1ab9d004-p.
    build: BuildId,
    /// Why; it is kept in the audit.
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    person: Person,
}

impl Build {
    /// Runs it.
    ///
    /// # Errors
    /// Why nothing was published.
    pub fn main(self, target: &Target) -> anyhow::Result<ExitCode> {
        let person = match &self.command {
            Command::Publish(publish) => &publish.person,
            Command::Withdraw(withdraw) => &withdraw.person,
        };
        let place = target.acting(person)?;
        run(async {
            let mut server = Server::open(&place).await?;
            let done = match &self.command {
                Command::Publish(publish) => publish.send(&mut server).await,
                Command::Withdraw(withdraw) => withdraw.send(&mut server).await,
            };
            server.close().await?;
            say::line(&done?);
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl Publish {
    async fn send(&self, server: &mut Server) -> anyhow::Result<String> {
        let shown = self.dir.display();
        ensure!(self.dir.is_dir(), "{shown} is not a directory");
        let mut tar = pack(&self.dir).with_context(|| format!("{shown} cannot be packed"))?;
        let length = tar.stream_position()?;
        tar.rewind()?;
        let path = format!(
            "/api/v1/stacks/{}/builds?sha={}&ref={}&title={}{}",
            self.stack,
            self.sha,
            encoded(&self.branch),
            encoded(&self.title),
            if self.fewer { "&fewer=yes" } else { "" }
        );
        let answer = server.send("POST", &path, RequestBody::File(&tar, length)).await?;
        let build = &answer["build"];
        let text = |key: &str| build[key].as_str().unwrap_or_default().to_owned();
        let news = if answer["new"] == true { "published" } else { "was already published" };
        Ok(format!(
            "build {} of {}: {news}, {}, content hash {}",
            text("build"),
            self.stack,
            counted(build["files"].as_u64().unwrap_or_default(), "file"),
            text("root")
        ))
    }
}

impl Withdraw {
    async fn send(&self, server: &mut Server) -> anyhow::Result<String> {
        let reason = Reason::parse(Some(&self.reason)).map_err(Refused::from)?;
        let reason = encoded(reason.as_ref().map_or("", Reason::as_str));
        let path = format!("/api/v1/stacks/{}/builds/{}?reason={reason}", self.stack, self.build);
        server.ask("DELETE", &path, None).await?;
        Ok(format!("build {} of {} is withdrawn; its revision can be published again", self.build, self.stack))
    }
}

/// Packs a directory into a file that nobody else sees, its end written and its position at the end.
fn pack(dir: &Path) -> std::io::Result<std::fs::File> {
    let mut builder = tar::Builder::new(tempfile::tempfile()?);
    builder.follow_symlinks(false);
    builder.append_dir_all(".", dir)?;
    let mut file = builder.into_inner()?;
    file.flush()?;
    Ok(file)
}
