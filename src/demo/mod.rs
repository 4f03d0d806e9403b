//! A fleet of real `sshd` hosts on this machine, for the demo and the journeys, and all else that a push needs: a shop in
//! a git repository, an IRC server, a mailbox, and the server itself.
//! It must never be reached by the server or a runner: they know its hosts only through ssh.

pub mod control;
pub mod fleet;
pub mod irc;
mod key;
pub mod lifeline;
pub mod machine;
pub mod mail;
mod port;
pub mod press;
pub mod proof;
pub mod repo;
pub mod scene;
pub mod trouble;

pub use crate::client::http;

use std::net::SocketAddrV4;
use std::path::Path;

/// Why a part of the demo does not do as it is told.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file or a program could not be used.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A program said no.
    #[error("{what}: {said}")]
    Refused {
        /// What was tried.
        what: String,
        /// What it said.
        said: String,
    },
    /// A program is not installed.
    #[error("{0} is not there: script/bootstrap installs what is missing")]
    Missing(String),
    /// The kernel does not let us have namespaces.
    #[error("no namespace for a host: {0} (be root, or let users have namespaces: sysctl user.max_user_namespaces)")]
    NoNamespace(String),
    /// Another process took the host's address first.
    #[error("{0} is taken by another process")]
    AddressTaken(SocketAddrV4),
    /// The host is switched off.
    #[error("{0} is switched off")]
    Off(String),
}

/// Puts what was tried before what the system said.
fn tried(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> DemoError {
    move |source| DemoError::Io { what: what.into(), source }
}

fn write(path: &Path, text: &str) -> Result<(), DemoError> {
    std::fs::write(path, text).map_err(tried(format!("writing {}", path.display())))
}

/// Refuses early, and with the cure, what would fail later for want of a program.
fn must_be_there(program: &str) -> Result<(), DemoError> {
    match Path::new(program).exists() {
        true => Ok(()),
        false => Err(DemoError::Missing(program.to_owned())),
    }
}

/// The last lines of a log, as many as someone reads; nothing when there is no log.
fn last_lines(log: &Path) -> String {
    let log = std::fs::read(log).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
