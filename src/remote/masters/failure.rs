//! Why a connection failed, in words that say what to do. It must never take a wrong key for a passing trouble: those are
//! not tried again. Called by the masters.

use crate::advice::{Advice, ssh as advised};
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
        match (host.jump(), is_of_the_way(complaint)) {
            (Some(jump), true) => Self::on_the_way(host, jump, complaint),
            (None, true) if !is_a_bad_proxy(complaint) => {
                // The operator's own ProxyJump: ssh's line names whom it spoke to, we do not know.
                let Self { words, again } = Self::at(OWN_WAY, complaint);
                Self { words: format!("cannot connect to {host}: {words}"), again }
            }
            (None, true) | (_, false) => Self::at(&host.to_string(), complaint),
        }
    }

    /// The jump host does not let us through, or not even in.
    fn on_the_way(host: &Host, jump: &Host, complaint: &str) -> Self {
        let place = host.place();
        let forwarding = complaint.lines().find_map(|line| line.split_once("open failed: "));
        if let Some((_, why)) = forwarding {
            let why = why.trim();
            let (words, again) = match why.contains("prohibited") {
                true => (
                    format!(
                        "the jump host {jump} does not allow forwarding to {place} ({why}): allow it in its sshd_config, \
                         AllowTcpForwarding yes and PermitOpen"
                    ),
                    false,
                ),
                false => (
                    format!(
                        "the jump host {jump} cannot reach {place}: {why}; is that host up, its port right, and can the jump \
                         host resolve its name?"
                    ),
                    true,
                ),
            };
            return Self { words, again };
        }
        let Self { words, again } = Self::at(&jump.to_string(), complaint);
        Self { words: format!("cannot connect to {place} through its jump host: {words}"), again }
    }

    fn at(host: &str, complaint: &str) -> Self {
        let advice = Advice::of(complaint, advised::CASES, advised::NOISE);
        Self { words: advised::words(&advice, host), again: advice.again() }
    }

    /// Takes what this machine knows about its own keys in place of a general cure.
    pub(super) fn because(mut self, wrong: Option<String>) -> Self {
        if let Some((wrong, (said, _))) = wrong.zip(self.words.split_once("): ")) {
            self.words = format!("{said}): {wrong}");
        }
        self
    }

    /// The login shell prints before any command does, or runs none.
    pub(super) fn noise(host: &Host, out: &str, err: &str) -> Self {
        let advice = Advice::of(&format!("{out}\n{err}"), advised::SHELL, &[]);
        if advice.case.is_some() {
            return Self { words: advised::words(&advice, &host.to_string()), again: advice.again() };
        }
        let shown = |text: &str| text.trim().chars().take(60).collect::<String>();
        let words = match out.trim_end().strip_suffix("ready") {
            Some(before) => format!(
                "the login shell on {host} does not run commands cleanly, it answers {:?}: make its startup file (.bashrc, \
                 .zshenv, .cshrc) print only in interactive shells",
                shown(before)
            ),
            None => {
                let all = [shown(out), shown(err)].into_iter().find(|text| !text.is_empty());
                let said = all.map_or("nothing".to_owned(), |text| format!("{text:?}"));
                format!(
                    "the login shell on {host} runs no commands, to `echo ready` it answers {said}: is it a real shell (getent \
                     passwd USER there; /bin/false and nologin are none), and does no startup file (.bashrc, .zshenv) exit or start \
                     another program?"
                )
            }
        };
        Self { words, again: false }
    }

    /// It let us in, or not even that, and then said nothing.
    pub(super) fn silent(host: &Host) -> Self {
        let words = format!("{host} accepts the connection but does not answer: is it overloaded or hung?");
        Self { words, again: true }
    }

    /// The sockets cannot be locked here.
    pub(super) fn no_lock(dir: &Path, error: &std::io::Error) -> Self {
        Self { words: format!("cannot lock the ssh sockets under {}: {error}", dir.display()), again: true }
    }

    /// Its `sshd` lets no session be opened, on a connection that had none.
    pub(super) fn no_sessions(host: &Host) -> Self {
        let words = format!(
            "{host} accepts the sign-in but opens no session: is MaxSessions 0 in its sshd_config? Set it to 1 or more there"
        );
        Self { words, again: false }
    }

    /// All sessions that it takes were in use for too long.
    pub(super) fn no_room(host: &Host) -> Self {
        let words = format!(
            "{host} allows no more sessions (MaxSessions in its sshd_config), and the open ones did not end: what is running \
             there?"
        );
        Self { words, again: true }
    }

    /// There is no ssh here.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the system's kinds of errors are not ours")]
    pub(super) fn no_ssh(error: &std::io::Error) -> Self {
        let words = match error.kind() {
            std::io::ErrorKind::NotFound => {
                "ssh is not installed on the push host, or not on the server's PATH: apt install openssh-client"
                    .to_owned()
            }
            _ => format!("cannot start ssh on the push host: {error}"),
        };
        Self { words, again: false }
    }
}

/// What stands between, when the operator's file says so and the stack file does not.
const OWN_WAY: &str = "the jump host of ssh's configuration";

/// Whether the connection broke before it came to the host: then ssh does not know whom it spoke to.
pub(super) fn is_of_the_way(complaint: &str) -> bool {
    complaint.contains("stdio forwarding failed") || complaint.contains("UNKNOWN port 65535")
}

/// Whether the program that ssh's configuration names as the way cannot be started.
fn is_a_bad_proxy(complaint: &str) -> bool {
    complaint.contains("exec: ") || !complaint.lines().any(|line| !line.trim().is_empty() && !is_closing(line))
}

/// What ssh says once whatever was the way has ended.
fn is_closing(line: &str) -> bool {
    line.contains("UNKNOWN port 65535") || line.contains("kex_exchange_identification: Connection closed")
}

/// Whether a complaint is that the host refuses our key, and no more.
pub(super) fn is_of_keys(complaint: &str) -> bool {
    let advice = Advice::of(complaint, advised::CASES, advised::NOISE);
    advice.case.is_some_and(|case| case.marks.contains(&"permission denied (")) && !is_of_the_way(complaint)
}

/// Why a host could not be reached, in words for the person who presses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(pub String);

impl From<Failure> for Unreachable {
    fn from(failure: Failure) -> Self {
        Self(failure.words)
    }
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
                "cannot connect to deploy@web1 through its jump host: ops@bastion refuses connections",
                true,
            ),
            (
                format!("REMOTE HOST IDENTIFICATION HAS CHANGED!\nHost key verification failed.{closed}"),
                "cannot connect to deploy@web1 through its jump host: the host key of ops@bastion has changed",
                false,
            ),
            (
                format!("ops@bastion: Permission denied (publickey).{closed}"),
                "cannot connect to deploy@web1 through its jump host: ops@bastion refuses our key",
                false,
            ),
            (
                format!("channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed{closed}"),
                "the jump host ops@bastion cannot reach deploy@web1: connect failed: Connection refused",
                true,
            ),
            (
                format!("channel 0: open failed: administratively prohibited: x\nstdio forwarding failed{closed}"),
                "the jump host ops@bastion does not allow forwarding to deploy@web1",
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
            ("ssh: Could not resolve hostname web1: Name or service not known", "is not known (", true),
            (
                "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
                "has changed",
                false,
            ),
            (
                "No ED25519 host key is known for web1 and you have requested strict checking.\nHost key verification failed.",
                "is not known on the push host",
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
        assert_eq!(seen.len(), table.len(), "ssh's own line is part of the words");
    }
}
