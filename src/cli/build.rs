//! `pushbutton build publish`: a directory that was built elsewhere becomes a build of a stack. The directory is packed as it
//! lies there; whether it may be a build the server decides.

use super::say;
use super::server::{Person, Server, config, run};
use crate::client::http::{Sent, form_value};
use crate::stack::{Revision, StackName};
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
}

#[derive(Debug, clap::Args)]
struct Publish {
    /// The stack; its file says source = { published = true }.
    stack: StackName,
    /// The directory that goes out.
    dir: PathBuf,
    /// The revision that it was made of: 40 or 64 hexadecimal digits, or a number of Subversion's.
    #[arg(long)]
    sha: Revision,
    /// The branch that it was made from.
    #[arg(long = "ref", value_name = "REF", default_value = "")]
    branch: String,
    /// What it is, in one line.
    #[arg(long, default_value = "")]
    title: String,
    #[command(flatten)]
    person: Person,
}

impl Build {
    /// Runs it.
    ///
    /// # Errors
    /// Why nothing was published.
    pub fn main(self, file: &Path) -> anyhow::Result<ExitCode> {
        let Command::Publish(publish) = self.command;
        let (config, who) = (config(file)?, publish.person.who()?);
        run(async {
            let mut server = Server::open(&config, &who).await?;
            let published = publish.send(&mut server).await;
            server.close().await?;
            say::line(&published?);
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
            "/api/v1/stacks/{}/builds?sha={}&ref={}&title={}",
            self.stack,
            self.sha,
            form_value(&self.branch),
            form_value(&self.title)
        );
        let answer = server.send("POST", &path, Sent::File(&tar, length)).await?;
        let build = &answer["build"];
        let text = |key: &str| build[key].as_str().unwrap_or_default().to_owned();
        let news = if answer["new"] == true { "published" } else { "was published already" };
        Ok(format!(
            "build {} of {}: {news}, {} files, root {}",
            text("build"),
            self.stack,
            build["files"],
            text("root")
        ))
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
