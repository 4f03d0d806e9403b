//! A probe of a host: a channel over its master, which the host's `sshd` grants, for a service that it does not have. It
//! is a round trip over the network to the very `sshd` that would run a command, and starts nothing there, where `echo` costs
//! the host a login shell. The host's log gets a line that says so. It must never be taken for a word of the login shell.
//! Called by the masters.
//!
//! The master's proxy mode would do it without that line, but a client that goes before its channel is granted, as a runner
//! does that is killed, makes OpenSSH's master end itself, with all that others run over it.

use super::refusal::is_refusal;
use openssh::{Session, Stdio};
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;

/// What came of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// The host has granted a channel.
    Answered,
    /// Neither yes nor no in time.
    Silent,
    /// The host answers, but takes no more sessions on this connection now.
    Full,
    /// No channel, or no master: who wants to know more asks the login shell.
    Refused,
}

/// How long it may take: nothing is started for it, so whoever needs longer is asked by a new connection.
const LIMIT: Duration = Duration::from_secs(5);

/// A service that no host has, and a name that explains the line in its log.
const NOTHING: &str = "pushbutton-knock";

/// Probes the host over the master behind `socket`.
pub(super) async fn probe(socket: &Path) -> Probe {
    let session = Session::resume_mux(socket.into(), None);
    let mut asked = session.subsystem(NOTHING);
    asked.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // The master says that a channel is open when the host has granted it, whatever comes of the service.
    match timeout(LIMIT, asked.spawn()).await {
        Ok(Ok(_granted)) => Probe::Answered,
        Ok(Err(error)) if is_refusal(&error) => Probe::Full,
        Ok(Err(_)) => Probe::Refused,
        Err(_) => Probe::Silent,
    }
}
