//! What rsync says when it fails, and the ssh below it. Called by whoever looks why a transfer failed.
//!
//! In cause and cure `{host}` is the host, `{file}` the first file that the line names. Disks and rights are the host's matter:
//! see `host`.

use super::{Advice, Case};

/// What rsync says, the most special first.
pub const CASES: &[Case] = &[
    Case {
        marks: &[
            "rsync: command not found",
            "rsync: not found",
            "rsync: no such file or directory",
            "remote command not found",
            "rsync: cannot execute",
            "unknown command: rsync",
        ],
        cause: "rsync is not installed on {host}, or not on the PATH of a non-interactive login",
        cure: "install it there: apt install rsync, dnf install rsync, apk add rsync",
        again: false,
    },
    Case {
        marks: &["is your shell clean", "protocol version mismatch", "protocol incompatibility"],
        cause: "the login shell on {host} prints something before rsync starts, or its rsync is too old",
        cure: "make its startup file (.bashrc, .zshenv, .cshrc) print only in interactive shells; `ssh HOST true` must print nothing",
        again: false,
    },
    Case {
        marks: &["--mkpath: unknown option", "on remote machine: -", "unknown option", "unrecognized option"],
        cause: "the rsync on {host} is older than 3.2.3, or is another program with this name",
        cure: "update it there (rsync --version)",
        again: false,
    },
    Case {
        marks: &["session open refused by peer", "session request failed", "open failed"],
        cause: "{host} allows no more sessions over one connection (MaxSessions in its sshd_config)",
        cure: "raise MaxSessions there to 10, its default; push again",
        again: true,
    },
    Case {
        marks: &["io timeout after", "timeout in data send", "timeout waiting for daemon"],
        cause: "no data reached {host} for a minute: a hung disk there, or a network failure",
        cure: "check {host} and the network; then push again",
        again: true,
    },
    Case {
        marks: &["failed verification -- update discarded"],
        cause: "a file changed while it was copied, or a disk of {host} is faulty",
        cure: "check whether someone else writes there, and its disk (dmesg)",
        again: true,
    },
    Case {
        marks: &["cannot delete non-empty directory", "could not make way for"],
        cause: "{host} has a directory, which is not empty, where the build has a file or a link",
        cure: "move it elsewhere if nobody needs its content; with delete = true rsync removes the content, except what `exclude` matches",
        again: false,
    },
    Case {
        marks: &["change_dir \"", "link_stat \""],
        cause: "that path is not in the build",
        cure: "fix `rsync` in the stack file, or the build",
        again: false,
    },
    Case {
        marks: &["failed: file exists", "failed: not a directory", "destination must be a directory"],
        cause: "{host} has a file, or a broken link, where rsync needs a directory",
        cure: "check `to` there, and the directories above it, with ls -ld; move elsewhere what nobody needs, or fix `to` in the stack file",
        again: false,
    },
    Case {
        marks: &["failed to set times on", "failed to set permissions on", "chgrp \"", "chown \""],
        cause: "files in that directory on {host} belong to another user, and only their owner may do this",
        cure: "make the deploy user their owner: chown -R USER {file} there, as root",
        again: false,
    },
];

/// Whether a line tells of something that stays as it is until someone does something: to try again is in vain.
pub fn is_lasting(line: &str) -> bool {
    let known = |cases| Advice::of(line, cases, &[]).case.map(|case| case.again);
    known(CASES).or_else(|| known(super::host::CASES)) == Some(false)
}

/// What rsync says behind the reason.
pub const NOISE: &[&str] =
    &["rsync error:", "connection unexpectedly closed", "warning:", "could not chdir to home directory"];

#[cfg(test)]
mod tests {
    use super::super::host;
    use super::*;

    #[test]
    fn each_complaint_of_rsync_has_its_cause_and_cure() {
        let closed = "rsync: connection unexpectedly closed (0 bytes received so far) [sender]\nrsync error: error in rsync protocol data stream (code 12) at io.c(231) [sender=3.5.0]";
        for (said, part) in [
            (format!("bash: line 1: rsync: command not found\n{closed}"), "(rsync is not installed on web1"),
            (format!("sh: 1: rsync: not found\n{closed}"), "apt install rsync"),
            ("protocol version mismatch -- is your shell clean?\n(see the rsync manpage for an explanation)".to_owned(), ".bashrc"),
            (format!("rsync: on remote machine: --mkpath: unknown option\n{closed}"), "older than 3.2.3"),
            (format!("mux_client_request_session: session request failed: Session open refused by peer\n{closed}"), "MaxSessions"),
            ("rsync error: timeout in data send/receive (code 30) at io.c(200) [sender=3.5.0]".to_owned(), "for a minute"),
            ("could not make way for new regular file: x\nrsync error: some files (code 23)".to_owned(), "with delete = true rsync removes the content"),
            (format!("rsync: [Receiver] mkdir \"/srv/x\" failed: File exists (17)\n{closed}"), "web1 has a file, or a broken link"),
            (format!("rsync: [Receiver] mkdir \"/srv/x/y/\" failed: Not a directory (20)\n{closed}"), "the directories above it"),
            (format!("ERROR: destination must be a directory when copying more than 1 file\n{closed}"), "fix `to`"),
            ("rsync: [sender] change_dir \"/data/builds/x/tree/dist\" failed: No such file or directory (2)\nrsync error: some files (code 23)".to_owned(), "not in the build"),
            ("rsync: [generator] failed to set times on \"/srv/web/.\": Operation not permitted (1)".to_owned(), "chown -R USER /srv/web/ there"),
        ] {
            let told = host::words(&Advice::of(&said, CASES, NOISE), "web1");
            assert!(told.contains(part), "{said}\n  gave: {told}");
        }
        for (line, lasts) in [
            ("could not make way for new regular file: x", true),
            ("cannot delete non-empty directory: x", true),
            ("rsync: [Receiver] mkdir \"/srv/x\" failed: File exists (17)", true),
            ("ERROR: x failed verification -- update discarded.", false),
            ("rsync error: some files/attrs were not transferred (code 23)", false),
        ] {
            assert_eq!(is_lasting(line), lasts, "{line}");
        }
        let full = format!("rsync: [receiver] mkstemp \"/srv/web/.a.X\" failed: Permission denied (13)\n{closed}");
        assert_eq!(Advice::of(&full, CASES, NOISE).said, full.lines().next().unwrap_or_default());
    }
}
