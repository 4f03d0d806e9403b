//! The server that a command speaks to, over the socket in the data directory: the one that runs; or, when none does, this
//! very process, which opens the desk and listens on that socket as long as the command lasts (promise 21). So there is
//! one way of doing things, and a second terminal can cancel what the first one pushes, with a server or without.
//! It must never take the data directory from a server that lives, and never write into another user's.

mod log;
pub mod prepare;
pub mod serve;

use crate::announce;
use crate::client::http::{Client, RequestBody};
use crate::config::Config;
use crate::desk::{Desk, DeskError, Refusal};
use crate::ledger::outbox;
use crate::socket;
use crate::stack::{StackName, Who};
use crate::web;
use crate::web::push_host;
use anyhow::{Context, anyhow, bail, ensure};
use serde_json::Value;
use serve::ANOTHER_SERVER;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A server that starts has the lock before it listens; another command of this kind ends some time.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How often it is looked whether someone listens by now.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a command that is the server itself stays to tell what is to be announced; the next server tells the rest.
const TELL_LIMIT: Duration = Duration::from_secs(10);

/// A server that can be asked.
pub struct Server {
    /// Speaks to it.
    pub client: Client,
    own: Option<Own>,
}

/// This process as the server.
struct Own {
    desk: Arc<Desk>,
    stop: CancellationToken,
    served: JoinHandle<std::io::Result<()>>,
    announcing: Option<TaskTracker>,
}

/// Why a server did not do as asked.
#[derive(Debug, thiserror::Error)]
#[error("{message}{}", hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default())]
pub struct Refused {
    message: String,
    hint: Option<String>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { message: refusal.to_string(), hint: Some(refusal.cure().to_owned()) }
    }
}

/// Where a name comes from that is not given, the most telling first.
const NAMED_BY: [&str; 4] = ["PUSHBUTTON_WHO", "SUDO_USER", "USER", "LOGNAME"];

/// Who acts, as the history says it. Whoever only reads needs no name.
#[derive(Debug, clap::Args)]
pub struct Person {
    /// Your name in the history; default: $PUSHBUTTON_WHO, or the user of this terminal.
    #[arg(long = "as", value_name = "NAME", global = true)]
    who: Option<Who>,
}

impl Person {
    /// Who changes something: as given, the user who called sudo, or the user.
    ///
    /// # Errors
    /// When nothing says who, or the name is none: the history never names someone else instead.
    pub fn who(&self) -> anyhow::Result<Who> {
        if let Some(who) = &self.who {
            return Ok(who.clone());
        }
        let mut said = NAMED_BY.into_iter().filter_map(|from| Some((from, name_in(from)?)));
        let (from, name) = said.next().context("your name is not known; hint: --as NAME")?;
        name.parse().map_err(|bad| anyhow!("${from} cannot be used as a name in the history: {bad}; hint: --as NAME"))
    }

    /// Who reads. Nothing is written about it, so no name is asked for: where none is given that can be one, as under cron or for
    /// `DOM\user`, it is the number of the user.
    pub fn reader(&self) -> Who {
        let named = || NAMED_BY.into_iter().find_map(|from| name_in(from)?.parse().ok());
        self.who.clone().or_else(named).unwrap_or_else(|| {
            let number = format!("uid-{}", nix::unistd::geteuid());
            number.parse().expect("letters, a dash and digits are a name")
        })
    }
}

/// What a variable of the environment says, if anything.
fn name_in(variable: &str) -> Option<String> {
    let name = std::env::var_os(variable)?.to_string_lossy().into_owned();
    (!name.is_empty()).then_some(name)
}

impl Server {
    /// Finds the server that runs, or becomes it.
    ///
    /// # Errors
    /// When the data directory is another user's, or another pushbutton has it and does not answer.
    pub async fn open(config: &Arc<Config>, who: &Who) -> anyhow::Result<Self> {
        let path = push_host::socket_in(&config.data);
        let client = || Client::on_socket(&path, (push_host::WHO_NAME, who.as_str()));
        let deadline = Instant::now() + START_LIMIT;
        loop {
            match socket::connect(&path).await {
                Ok(_) => return Ok(Self { client: client(), own: None }),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {}
                Err(error) => {
                    must_be_ours(&config.data)?;
                    return Err(error).with_context(|| format!("cannot speak to the server by {}", path.display()));
                }
            }
            must_be_ours(&config.data)?;
            match Desk::open(Arc::clone(config)).await {
                Ok(desk) => return Ok(Self { client: client(), own: Some(Own::begin(desk).await?) }),
                Err(error @ DeskError::Taken { .. }) if Instant::now() > deadline => {
                    eprintln!("pushbutton: {error}; it does not answer on {}", path.display());
                    std::process::exit(ANOTHER_SERVER.into());
                }
                Err(DeskError::Taken { .. }) => tokio::time::sleep(LOOK_EVERY).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether this process is the server, so that nobody else follows what it begins.
    pub fn is_us(&self) -> bool {
        self.own.is_some()
    }

    /// Sees to it that a stack's newest commit is known; a server that runs has seen to it.
    pub async fn fetch(&self, stack: &StackName) {
        if let Some(own) = &self.own
            && let Err(refusal) = own.desk.fetch(stack).await
        {
            eprintln!("pushbutton: what was fetched before is shown: {refusal}");
        }
    }

    /// Asks, and takes the answer; an empty one is null.
    ///
    /// # Errors
    /// [`Refused`], or what the connection said.
    pub async fn ask(&mut self, method: &str, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let text = self.ask_text(method, path, body).await?;
        match text.is_empty() {
            true => Ok(Value::Null),
            false => {
                serde_json::from_str(&text).with_context(|| format!("the server's answer is not JSON: {text:.200}"))
            }
        }
    }

    /// Asks, and takes the answer as it is.
    ///
    /// # Errors
    /// [`Refused`], or what the connection said.
    pub async fn ask_text(&mut self, method: &str, path: &str, body: Option<Value>) -> anyhow::Result<String> {
        let text = body.map(|body| body.to_string());
        let sent = text.as_deref().map_or(RequestBody::Nothing, RequestBody::Json);
        self.answer_text(method, path, sent).await
    }

    /// Sends what is no JSON, and takes the answer.
    ///
    /// # Errors
    /// As [`Server::ask`].
    pub async fn send(&mut self, method: &str, path: &str, sent: RequestBody<'_>) -> anyhow::Result<Value> {
        let text = self.answer_text(method, path, sent).await?;
        serde_json::from_str(&text).with_context(|| format!("the server's answer is not JSON: {text:.200}"))
    }

    async fn answer_text(&mut self, method: &str, path: &str, sent: RequestBody<'_>) -> anyhow::Result<String> {
        let answer = self.client.send(method, path, sent, &[]).await.context("the server stopped answering")?;
        let status = answer.status;
        let text = answer.text().await.context("the server stopped answering before its answer was complete")?;
        match status {
            200..300 => Ok(text),
            _ => Err(refused(status, &text).into()),
        }
    }

    /// Ends what this process did as the server; what is to be announced has some seconds to be told.
    ///
    /// # Errors
    /// What the system said.
    pub async fn close(self) -> anyhow::Result<()> {
        let Some(own) = self.own else { return Ok(()) };
        let deadline = Instant::now() + TELL_LIMIT;
        while own.announcing.is_some()
            && Instant::now() < deadline
            && own.desk.ledger().read(outbox::untried).await? > 0
        {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        own.stop.cancel();
        if let Some(announcing) = own.announcing {
            announcing.wait().await;
        }
        Ok(own.served.await??)
    }
}

impl Own {
    async fn begin(desk: Arc<Desk>) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        desk.look_at_branches().await;
        let server = web::Server::for_push_host(Arc::clone(&desk))?;
        let (config, ledger) = (Arc::clone(desk.config()), desk.ledger().clone());
        // The server's secrets may not be ours to read: then the next server tells.
        let (channels, changes, health) = (desk.channels().clone(), desk.changes(), desk.health());
        let announcing = match announce::start(&config, ledger, channels, changes, health, stop.clone()) {
            Ok(announcing) => Some(announcing),
            Err(error) => {
                eprintln!("pushbutton: announcements wait for the next server: {error}");
                None
            }
        };
        let served = actix_web::rt::spawn(server.run_until(stop.clone()));
        Ok(Self { desk, stop, served, announcing })
    }
}

/// Refuses to touch another user's data directory.
///
/// # Errors
/// Whose it is, and how to go on.
pub fn must_be_ours(data: &Path) -> anyhow::Result<()> {
    let Ok(meta) = data.metadata() else { return Ok(()) };
    let (owner, us, shown) = (meta.uid(), nix::unistd::geteuid().as_raw(), data.display());
    // Root could, but would leave files there that the server cannot write to.
    ensure!(
        owner == us,
        "{shown} belongs to user {owner}, and this is user {us}; hint: sudo -u '#{owner}' pushbutton …"
    );
    Ok(())
}

fn refused(status: u16, text: &str) -> Refused {
    let answer: Value = serde_json::from_str(text).unwrap_or_default();
    let error = &answer["error"];
    let message = error["message"].as_str().map_or_else(|| format!("the server answered {status}"), str::to_owned);
    let cure = error["cure"].as_str();
    let command = error["hint"].as_str().map(str::to_owned);
    let hint = match (cure, command) {
        (Some(cure), Some(command)) => Some(format!("{command}\nhint: {cure}")),
        (cure, command) => command.or_else(|| cure.map(str::to_owned)),
    };
    Refused { message, hint }
}

/// Runs a command that asks a server.
///
/// # Errors
/// What the command says.
pub fn run<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    log::start("warn,pushbutton::desk=error,actix_server=error,irc=error");
    actix_web::rt::System::new().block_on(command)
}

/// The configuration of the server.
///
/// # Errors
/// What is wrong with it.
pub fn config(path: &Path) -> anyhow::Result<Arc<Config>> {
    match path.exists() {
        true => Ok(Arc::new(Config::load(path)?)),
        false => {
            bail!("there is no {}; hint: --config FILE, or run it in the directory of config.toml", path.display())
        }
    }
}
