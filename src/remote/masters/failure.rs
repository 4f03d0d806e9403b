//! Why a connection failed, in words that say what to do. It must never take a wrong key for a passing trouble: those are
//! not tried again. Called by the masters.

use crate::stack::Host;
use std::path::Path;

/// A try to connect that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct Failure {
    /// For the person who presses.
    pub words: String,
    /// Whether another try may help soon: not with a wrong key, nor with a login shell that talks.
    pub again: bool,
}

impl Failure {
    /// Reads what ssh complained of.
    pub(super) fn from_ssh(host: &Host, complaint: &str) -> Self {
        match host.jump().filter(|_| is_of_the_way(complaint)) {
            Some(jump) => Self::on_the_way(host, jump, complaint),
            None => Self::at_the_host(host, complaint),
        }
    }

    /// The jump host does not let us through, or not even in.
    fn on_the_way(host: &Host, jump: &Host, complaint: &str) -> Self {
        let place = host.place();
        let forwarding = complaint.lines().find_map(|line| line.split_once("open failed: "));
        if let Some((_, why)) = forwarding {
            let why = last_line(why);
            let (words, again) = match why.contains("prohibited") {
                true => {
                    (format!("the jump host {jump} lets nobody through to {place} (AllowTcpForwarding there)"), false)
                }
                false => (format!("the jump host {jump} cannot reach {place}: {why}"), true),
            };
            return Self { words, again };
        }
        let Self { words, again } = Self::at_the_host(jump, complaint);
        Self { words: format!("no way to {place} through its jump host: {words}"), again }
    }

    fn at_the_host(host: &Host, complaint: &str) -> Self {
        let says = |part: &str| complaint.contains(part);
        let (words, again) = if says("HOST IDENTIFICATION HAS CHANGED") || says("REVOKED HOST KEY") {
            let words = format!(
                "the host key of {host} has changed: somebody may stand in between, or the machine was set up anew; \
                 nothing was sent. When you know why, replace its line in known_hosts (`pushbutton hosts enrol` says which)"
            );
            (words, false)
        } else if says("Host key verification failed") || says("host key is known for") {
            let words = format!(
                "the host key of {host} is not known here: compare it with the machine's own \
                 (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there): `pushbutton hosts enrol` shows and keeps it"
            );
            (words, false)
        } else if says("Permission denied") || says("Too many authentication failures") {
            let words = format!(
                "{host} refuses our key: is the user right, and our public key in its authorized_keys? (an agent or \
                 IdentityFile gives the key)"
            );
            (words, false)
        } else if says("Could not resolve hostname") {
            let words =
                format!("the name of {host} is not known: check its spelling in the stack file, and the DNS here");
            (words, true)
        } else if says("Connection refused") {
            let words = format!("{host} refuses connections: is sshd running there, and the port right?");
            (words, true)
        } else if says("timed out") || says("No route to host") || says("Network is unreachable") {
            (format!("{host} does not answer: is it up, and reachable from here (network, firewall)?"), true)
        } else {
            (format!("cannot connect to {host}: {}", last_line(complaint)), true)
        };
        Self { words, again }
    }

    /// The login shell prints before any command does.
    pub(super) fn noise(host: &Host, text: &str) -> Self {
        let shown: String = text.trim_end().trim_end_matches("ready").trim().chars().take(60).collect();
        let words = format!(
            "the login shell on {host} does not run commands cleanly, it answers {shown:?}: let its start-up file \
             (.bashrc, .zshenv, .cshrc) print only when interactive"
        );
        Self { words, again: false }
    }

    /// It let us in, or not even that, and then said nothing.
    pub(super) fn silent(host: &Host) -> Self {
        let words = format!("{host} takes the connection but does not answer: is it overloaded or hung?");
        Self { words, again: true }
    }

    /// The sockets cannot be locked here.
    pub(super) fn no_lock(dir: &Path, error: &std::io::Error) -> Self {
        Self { words: format!("cannot lock the ssh sockets under {}: {error}", dir.display()), again: true }
    }

    /// There is no ssh here.
    pub(super) fn no_ssh(error: &std::io::Error) -> Self {
        Self { words: format!("cannot start ssh on the push host: {error}"), again: false }
    }
}

/// Whether the connection broke before it came to the host: then ssh does not know whom it spoke to.
pub(super) fn is_of_the_way(complaint: &str) -> bool {
    complaint.contains("stdio forwarding failed") || complaint.contains("UNKNOWN port 65535")
}

/// The last line that says something, without control characters, short.
fn last_line(complaint: &str) -> String {
    let line = complaint.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("ssh gives no reason");
    line.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_on_the_way_is_told_apart_from_trouble_at_the_host() {
        let host: Host = "deploy@web1 via ops@bastion".parse().unwrap();
        let closed =
            "\nkex_exchange_identification: Connection closed by remote host\nConnection closed by UNKNOWN port 65535";
        for (complaint, words, again) in [
            (
                format!("ssh: connect to host bastion port 22: Connection refused{closed}"),
                "no way to deploy@web1 through its jump host: ops@bastion refuses connections",
                true,
            ),
            (
                format!("REMOTE HOST IDENTIFICATION HAS CHANGED!\nHost key verification failed.{closed}"),
                "no way to deploy@web1 through its jump host: the host key of ops@bastion has changed",
                false,
            ),
            (
                format!("ops@bastion: Permission denied (publickey).{closed}"),
                "no way to deploy@web1 through its jump host: ops@bastion refuses our key",
                false,
            ),
            (
                format!("channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed{closed}"),
                "the jump host ops@bastion cannot reach deploy@web1: connect failed: Connection refused",
                true,
            ),
            (
                format!("channel 0: open failed: administratively prohibited: x\nstdio forwarding failed{closed}"),
                "the jump host ops@bastion lets nobody through to deploy@web1",
                false,
            ),
            (
                "REMOTE HOST IDENTIFICATION HAS CHANGED!\nHost key verification failed.".to_owned(),
                "the host key of deploy@web1 via ops@bastion has changed",
                false,
            ),
            (
                "deploy@web1: Permission denied (publickey).".to_owned(),
                "deploy@web1 via ops@bastion refuses our key",
                false,
            ),
        ] {
            let failure = Failure::from_ssh(&host, &complaint);
            assert!(failure.words.starts_with(words), "{}", failure.words);
            assert_eq!(failure.again, again, "{complaint}");
        }
    }

    #[test]
    fn each_complaint_has_its_own_words_and_wrong_keys_are_not_tried_again() {
        let host: Host = "deploy@web1:2222".parse().unwrap();
        let table = [
            ("ssh: connect to host web1 port 2222: Connection refused", "refuses connections", true),
            ("ssh: connect to host web1 port 22: Connection timed out\r", "does not answer", true),
            ("Connection timed out during banner exchange", "does not answer", true),
            (
                "ssh: Could not resolve hostname web1: Name or service not known",
                "is not known: check its spelling",
                true,
            ),
            (
                "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
                "has changed",
                false,
            ),
            (
                "No ED25519 host key is known for web1 and you have requested strict checking.\nHost key verification failed.",
                "is not known here",
                false,
            ),
            ("deploy@web1: Permission denied (publickey).", "refuses our key", false),
            ("kex_exchange_identification: read: Connection reset by peer\n\n", "Connection reset by peer", true),
            ("", "ssh gives no reason", true),
        ];
        let mut seen = std::collections::BTreeSet::new();
        for (complaint, words, again) in table {
            let failure = Failure::from_ssh(&host, complaint);
            assert!(failure.words.contains(words) && failure.words.contains("deploy@web1:2222"), "{}", failure.words);
            assert_eq!(failure.again, again, "{complaint}");
            seen.insert(failure.words);
        }
        assert_eq!(seen.len(), table.len() - 1, "only the two time-outs share their words");
    }
}
