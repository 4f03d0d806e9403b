//! `pushbutton demo`: starts everything that a push needs on this machine, says how to play with it, and cleans up.

use crate::demo::scene::{DemoOptions, Scene, irc_log_in, mails_in, runs_in, shop_in};
use crate::demo::{control, irc, proof, repo::Shop, trouble::How};
use crate::reading;
use anyhow::{Context, bail};
use clap::Subcommand;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Who presses in `--press`.
const PRESSER: &str = "demo";
/// How often `demo irc` looks for new lines.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// `pushbutton demo`
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = false)]
pub struct Demo {
    /// The number of hosts: one for QA, one for princess, the rest for prod.
    #[arg(long, default_value_t = 26, value_parser = clap::value_parser!(u16).range(3..=500))]
    hosts: u16,
    /// Pushes to all stages, verifies the result, and ends: exit code 0 only if everything is right.
    #[arg(long)]
    press: bool,
    /// The directory for all files; emptied at the start, removed at the end.
    #[arg(long, global = true, default_value = ".demo")]
    dir: PathBuf,
    /// The server's port; default: 8090 if it is free, otherwise any free port.
    #[arg(long)]
    port: Option<u16>,
    /// Keeps the directory at the end.
    #[arg(long)]
    keep: bool,
    #[command(subcommand)]
    order: Option<Order>,
}

/// What a second terminal can do while a demo runs.
#[derive(Debug, Subcommand)]
enum Order {
    /// Makes a new commit to push.
    Commit,
    /// Breaks a host: slow, hung, full, readonly, dead, torn (its rsync dies) or rekeyed (another host key).
    Break {
        /// The host: qa1, princess1, web001 …
        host: String,
        /// The fault: slow, hung, full, readonly, dead, torn, rekeyed.
        how: How,
    },
    /// Repairs a host that was broken.
    Mend {
        /// The host.
        host: String,
    },
    /// Kills the server or the runners of all running pushes, as `kill -9` would.
    Kill {
        /// server or runner.
        #[arg(value_parser = ["server", "runner"])]
        what: String,
    },
    /// Shows what is written on IRC, and follows it.
    Irc,
    /// Shows the received mails.
    Mail,
}

impl Demo {
    /// Runs it.
    ///
    /// # Errors
    /// What went wrong, for the person at the terminal.
    pub fn main(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Runtime::new().context("cannot start the async runtime")?;
        runtime.block_on(async {
            match &self.order {
                None => self.run().await,
                Some(order) => order.give(&self.dir).await,
            }
        })
    }

    /// Starts, shows, and ends by itself (`--press`), or when told to by a signal.
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let wanted = DemoOptions {
            dir: self.dir.clone(),
            hosts: usize::from(self.hosts),
            port: self.port,
            binary: std::env::current_exe().context("cannot find this program's file")?,
            keep: self.keep,
        };
        let mut told_to_end = std::pin::pin!(told_to_end()?);
        println!("starting {} sshd hosts, a git repository, IRC, a mailbox and the server …", wanted.hosts);
        let mut scene = tokio::select! {
            scene = Scene::start(&wanted) => scene?,
            () = &mut told_to_end => return Ok(ExitCode::FAILURE),
        };
        if !self.press {
            println!("{}", self.welcome(&scene));
            told_to_end.await;
            println!("\nending …");
            return Ok(ExitCode::SUCCESS);
        }
        let proved = tokio::select! {
            proved = proof::press_and_prove(&scene, PRESSER, &|line| println!("{line}")) => proved,
            () = &mut told_to_end => return Ok(ExitCode::FAILURE),
        };
        let Err(problems) = proved else {
            println!(
                "\neverything is right: every stage was pushed, every host runs what QA ran, everyone was notified"
            );
            return Ok(ExitCode::SUCCESS);
        };
        scene.keep_dir();
        eprintln!("\nnot right:");
        problems.iter().for_each(|problem| eprintln!("  {problem}"));
        eprintln!(
            "what the server said last:\n{}\nall files are left in {}",
            scene.server_said(),
            scene.dir().display()
        );
        Ok(ExitCode::FAILURE)
    }

    fn welcome(&self, scene: &Scene) -> String {
        let dir = if self.dir == Path::new(".demo") { String::new() } else { format!(" --dir {}", self.dir.display()) };
        let again = |order: &str, what: &str| format!("  script/demo{dir} {order:<20} {what}\n");
        let last = scene.fleet.hosts().last().map_or("", |host| host.name());
        let orders: String = [
            ("commit", "make a new commit to push"),
            ("irc", "follow the channel"),
            ("mail", "show the mails"),
            (&format!("break {last} full"), "break a host: slow, hung, full, readonly, dead, torn or rekeyed"),
            (&format!("mend {last}"), "repair it"),
            ("kill server", "kill -9 the server in the middle of a push (or: runner); it is started again"),
        ]
        .map(|(order, what)| again(order, what))
        .concat();
        format!(
            "
  Open {}/stacks/web and press the three buttons.

In a second terminal:
{orders}
With your own programs:
  IRC   {} channel {}
  ssh   ssh -F {} web001
  git   {}

Ctrl-C ends everything.",
            scene.url(),
            scene.irc.address(),
            irc::CHANNEL,
            scene.fleet.ssh_config().display(),
            scene.shop.dir().display(),
        )
    }
}

impl Order {
    async fn give(&self, dir: &Path) -> anyhow::Result<ExitCode> {
        if !runs_in(dir) {
            bail!(
                "no demo is running in {}: start one with script/demo, or give its directory with --dir",
                dir.display()
            );
        }
        let order = match self {
            Self::Commit => {
                let shop = Shop::in_dir(&shop_in(dir));
                shop.commit(shop.commits().await?).await?;
                println!("{}", shop.newest().await?);
                return Ok(ExitCode::SUCCESS);
            }
            Self::Mail => {
                let mails = mails_in(dir);
                mails.iter().for_each(|mail| println!("{mail}\n{}\n", "─".repeat(80)));
                println!("{} mails", mails.len());
                return Ok(ExitCode::SUCCESS);
            }
            Self::Irc => {
                follow_irc(dir).await;
                return Ok(ExitCode::SUCCESS);
            }
            Self::Break { host, how } => format!("break {host} {how}"),
            Self::Mend { host } => format!("mend {host}"),
            Self::Kill { what } => format!("kill {what}"),
        };
        match control::order(dir, &order).await? {
            Ok(done) => println!("{done}"),
            Err(why) => bail!("{why}"),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Prints what the witness heard, then what it hears, until the demo ends.
async fn follow_irc(dir: &Path) {
    let mut shown = 0;
    while runs_in(dir) {
        let log = reading::text(irc_log_in(dir), reading::LIST).unwrap_or_default();
        // The witness may be in the middle of writing the last line.
        let whole = log.rfind('\n').map_or(0, |end| end + 1);
        log[shown..whole].lines().filter_map(irc::spoken).for_each(|(nick, words)| println!("<{nick}> {words}"));
        shown = whole;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Becomes ready when a person or the system wants us to end.
fn told_to_end() -> anyhow::Result<impl Future<Output = ()>> {
    let all = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let signals = all.map(signal).into_iter().collect::<Result<Vec<_>, _>>().context("cannot listen for signals")?;
    Ok(async move {
        let ended = signals.into_iter().map(|mut signal| Box::pin(async move { signal.recv().await }));
        futures::future::select_all(ended).await;
    })
}
