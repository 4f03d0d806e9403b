//! How a second terminal tells a running demo to break something: one line each way over a socket in its directory.
//! It must never be reachable by anybody but the user who runs the demo (the directory's and the socket's rights).

use super::fleet::Fleet;
use super::lifeline::Lifeline;
use super::trouble::How;
use super::{DemoError, tried};
use crate::socket;
use rustix::process::Signal;
use std::path::Path;
use std::sync::{Arc, Weak};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

/// No order is longer.
const LONGEST: u64 = 1000;

/// Takes orders until it is dropped.
#[derive(Debug)]
pub struct Control {
    listener: tokio::task::JoinHandle<()>,
    _listening: socket::Listening,
}

/// The socket's name in the demo's directory.
const SOCKET: &str = "control.sock";

impl Control {
    pub(super) fn listen(dir: &Path, fleet: &Arc<Fleet>, server: &Arc<Lifeline>) -> Result<Self, DemoError> {
        let bind = || {
            let listening = socket::listen(&dir.join(SOCKET))?;
            listening.listener.set_nonblocking(true)?;
            let listener = UnixListener::from_std(listening.listener.try_clone()?)?;
            Ok((listening, listener))
        };
        let (listening, listener) = bind().map_err(tried("making the control socket"))?;
        // Weak: who listens for orders must not keep alive what they are about.
        let (fleet, server): (Weak<Fleet>, Weak<Lifeline>) = (Arc::downgrade(fleet), Arc::downgrade(server));
        let listener = tokio::spawn(async move {
            // Orders are taken one after the other: two at once on one host would meet in the middle.
            while let Ok((stream, _)) = listener.accept().await {
                let (Some(fleet), Some(server)) = (fleet.upgrade(), server.upgrade()) else { return };
                // Who asked may be gone before the answer.
                let _ = answer(stream, &fleet, &server).await;
            }
        });
        Ok(Self { listener, _listening: listening })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn answer(stream: UnixStream, fleet: &Fleet, server: &Lifeline) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut order = String::new();
    (&mut stream).take(LONGEST).read_line(&mut order).await?;
    let answer = match obey(order.trim(), fleet, server).await {
        Ok(done) => format!("ok {done}\n"),
        Err(why) => format!("no {why}\n"),
    };
    stream.write_all(answer.as_bytes()).await
}

async fn obey(order: &str, fleet: &Fleet, server: &Lifeline) -> Result<String, String> {
    let words: Vec<&str> = order.split(' ').collect();
    let host = |name: &str| {
        let (first, last) = (fleet.hosts().first(), fleet.hosts().last());
        let between = first.zip(last).map(|(first, last)| format!("{} … {}", first.name(), last.name()));
        fleet.host(name).ok_or_else(|| format!("{name:?} is no host of the demo ({})", between.unwrap_or_default()))
    };
    match words[..] {
        ["break", name, how] => {
            let how: How = how.parse()?;
            host(name)?.break_(how).await.map_err(|error| error.to_string())?;
            Ok(format!("{name} is {how}, until: mend {name}"))
        }
        ["mend", name] => {
            host(name)?.mend().await.map_err(|error| error.to_string())?;
            Ok(format!("{name} is well"))
        }
        ["kill", what @ ("server" | "runner")] => kill_all(server, what),
        _ => Err(format!("{order:?} is not understood")),
    }
}

/// Kills those processes of the server's namespace that are `pushbutton serve` or `pushbutton runner`.
fn kill_all(server: &Lifeline, what: &str) -> Result<String, String> {
    let subcommand = if what == "server" { "serve" } else { what };
    let is_it = |pid: &nix::unistd::Pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        // The shell that starts the server again has the server's command line in its own, but is not it.
        words.first().is_some_and(|program| !program.ends_with(b"/sh")) && words.contains(&subcommand.as_bytes())
    };
    let pids: Vec<_> = server.pids().into_iter().filter(is_it).collect();
    if pids.is_empty() {
        return Err(format!("no {what} runs"));
    }
    for pid in &pids {
        server.signal(*pid, Signal::KILL).map_err(|error| format!("killing {pid}: {error}"))?;
    }
    Ok(format!("the {what} was killed ({})", pids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")))
}

/// Gives an order to the demo that runs in `dir`; what it did, or why it did not.
///
/// # Errors
/// When no demo runs there.
pub async fn order(dir: &Path, words: &str) -> Result<Result<String, String>, DemoError> {
    let ask = async {
        let mut stream = socket::connect(&dir.join(SOCKET)).await?;
        stream.write_all(format!("{words}\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.map(|_| answer)
    };
    let answer: std::io::Result<String> = ask.await;
    let answer = answer.map_err(tried(format!("asking the demo in {}", dir.display())))?;
    let (verdict, words) = answer.trim_end().split_once(' ').unwrap_or(("no", "it went away"));
    Ok(if verdict == "ok" { Ok(words.to_owned()) } else { Err(words.to_owned()) })
}
