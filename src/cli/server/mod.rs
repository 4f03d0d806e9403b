//! The server that a command speaks to, over the socket in the data directory: the one that runs; or, when none does, this
//! very process, which opens the desk and listens on that socket as long as the command lasts (promise 21). So there is
//! one way of doing things, and a second terminal can cancel what the first one pushes, with a server or without. Or a server on
//! another machine, over the network with a token (`target.rs` says which): the same calls, and never this process in its place.
//! It must never take the data directory from a server that lives, and never write into another user's.

mod client_file;
mod log;
mod person;
pub mod prepare;
mod refused;
pub mod serve;
mod target;

pub use person::Person;
pub use refused::Refused;
pub use target::{Place, Target, config};

use crate::announce;
use crate::client::http::{Body, Client, RequestBody};
use crate::config::Config;
use crate::desk::{Desk, DeskError};
use crate::ledger::outbox;
use crate::socket;
use crate::stack::{StackName, Who};
use crate::web;
use crate::web::push_host;
use anyhow::{Context, ensure};
use serde_json::Value;
use serve::ANOTHER_SERVER;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use target::Elsewhere;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A server that starts has the lock before it listens; another command of this kind ends some time.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How often it is looked whether someone listens by now.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a command that is the server itself stays to tell what is to be announced; the next server tells the rest.
const TELL_LIMIT: Duration = Duration::from_secs(10);

/// How long an order is sent again whose answer was lost, and how long between: a server that is restarted is back by then.
const SEND_AGAIN: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(1));

/// A server that can be asked.
pub struct Server {
    /// Speaks to it.
    pub client: Client,
    own: Option<Own>,
    elsewhere: Option<Arc<Elsewhere>>,
}

/// This process as the server.
struct Own {
    desk: Arc<Desk>,
    stop: CancellationToken,
    served: JoinHandle<std::io::Result<()>>,
    announcing: Option<TaskTracker>,
}

impl Server {
    /// Finds the server that runs, or becomes it. One on another machine is not asked yet.
    ///
    /// # Errors
    /// When the data directory is another user's, or another pushbutton has it and does not answer.
    pub async fn open(place: &Place) -> anyhow::Result<Self> {
        match place {
            Place::Here(config, who) => Self::open_here(config, who).await,
            Place::Elsewhere(elsewhere) => {
                let client = Client::away(Arc::clone(&elsewhere.away));
                Ok(Self { client, own: None, elsewhere: Some(Arc::clone(elsewhere)) })
            }
        }
    }

    async fn open_here(config: &Arc<Config>, who: &Who) -> anyhow::Result<Self> {
        let path = push_host::socket_in(&config.data);
        let client = || Client::on_socket(&path, (push_host::WHO_NAME, who.as_str()));
        let deadline = Instant::now() + START_LIMIT;
        loop {
            match socket::connect(&path).await {
                Ok(_) => return Ok(Self { client: client(), own: None, elsewhere: None }),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {}
                Err(error) => {
                    must_be_ours(&config.data)?;
                    return Err(error).with_context(|| format!("cannot speak to the server by {}", path.display()));
                }
            }
            must_be_ours(&config.data)?;
            match Desk::open(Arc::clone(config)).await {
                Ok(desk) => {
                    let own = Some(Own::begin(desk).await?);
                    return Ok(Self { client: client(), own, elsewhere: None });
                }
                Err(error @ DeskError::Taken { .. }) if Instant::now() > deadline => {
                    eprintln!("pushbutton: {error}; it does not answer on {}", path.display());
                    std::process::exit(ANOTHER_SERVER.into());
                }
                Err(DeskError::Taken { .. }) => tokio::time::sleep(LOOK_EVERY).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The server, when it is on another machine.
    pub fn elsewhere(&self) -> Option<&Elsewhere> {
        self.elsewhere.as_deref()
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

    /// Asks for what is read as it comes.
    ///
    /// # Errors
    /// [`Refused`], or what the connection said.
    pub async fn stream(&mut self, path: &str) -> anyhow::Result<Body> {
        let answer = self.client.send("GET", path, RequestBody::Nothing, &[]).await;
        let answer = match self.elsewhere() {
            Some(elsewhere) => answer.with_context(|| format!("cannot reach {}", elsewhere.named()))?,
            None => answer.context("the server stopped answering")?,
        };
        if answer.status == 200 {
            return Ok(answer.body);
        }
        let (status, headers) = (answer.status, answer.headers.clone());
        let text = answer.text().await.context("the server stopped answering before its answer was complete")?;
        Err(Refused::of(self.elsewhere(), status, &headers, &text).into())
    }

    async fn answer_text(&mut self, method: &str, path: &str, sent: RequestBody<'_>) -> anyhow::Result<String> {
        let Some(elsewhere) = self.elsewhere.clone() else {
            let answer = self.client.send(method, path, sent, &[]).await.context("the server stopped answering")?;
            let (status, headers) = (answer.status, answer.headers.clone());
            let text = answer.text().await.context("the server stopped answering before its answer was complete")?;
            return good(None, status, &headers, text);
        };
        // The same name each time that it is sent: so it is done once.
        let name = order_name()?;
        let named = [("Idempotency-Key", name.as_str())];
        let more: &[(&str, &str)] = if method == "POST" { &named } else { &[] };
        let deadline = Instant::now() + SEND_AGAIN.0;
        loop {
            let answered = self.once(method, path, sent, more).await;
            let may_again = method == "POST" && Instant::now() < deadline;
            match answered {
                Ok((status, headers, text)) if !may_again || !is_passing(status, &text) => {
                    return good(Some(&elsewhere), status, &headers, text);
                }
                Err(error) if !may_again || !is_of_the_way(error.kind()) => {
                    return Err(error).with_context(|| format!("cannot reach {}", elsewhere.named()));
                }
                Ok(_) | Err(_) => tokio::time::sleep(SEND_AGAIN.1).await,
            }
        }
    }

    async fn once(
        &mut self,
        method: &str,
        path: &str,
        sent: RequestBody<'_>,
        more: &[(&str, &str)],
    ) -> std::io::Result<(u16, BTreeMap<String, String>, String)> {
        if let RequestBody::File(mut file, _) = sent {
            file.rewind()?;
        }
        let answer = self.client.send(method, path, sent, more).await?;
        let (status, headers) = (answer.status, answer.headers.clone());
        Ok((status, headers, answer.text().await?))
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

/// What an order is called, so that it is done once however often it is sent.
fn order_name() -> anyhow::Result<String> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(|why| anyhow::anyhow!("the system gave no random numbers: {why}"))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What the way to a server does: the server itself may be well, or back in a moment.
fn is_of_the_way(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionAborted
            | ErrorKind::UnexpectedEof
            | ErrorKind::BrokenPipe
            | ErrorKind::TimedOut
    )
}

/// An answer that says nothing of the order: a proxy whose server is gone for a moment, or the same order under way.
fn is_passing(status: u16, text: &str) -> bool {
    let case = || serde_json::from_str::<Value>(text).unwrap_or_default()["code"] == "under_way";
    matches!(status, 502 | 504) || (status == 409 && case())
}

fn good(
    elsewhere: Option<&Elsewhere>,
    status: u16,
    headers: &BTreeMap<String, String>,
    text: String,
) -> anyhow::Result<String> {
    match status {
        200..300 => Ok(text),
        _ => Err(Refused::of(elsewhere, status, headers, &text).into()),
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

/// Runs a command that asks a server.
///
/// # Errors
/// What the command says.
pub fn run<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    log::start("warn,pushbutton::desk=error,actix_server=error,irc=error");
    actix_web::rt::System::new().block_on(command)
}
