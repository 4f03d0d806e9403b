//! What is said of a host: of commands there, of the connection to it, of the list that it stands in.

use crate::advice::Case;

/// What our own code says of them.
pub const CASES: &[Case] = &[
    // Commands on hosts.
    Case {
        marks: &["has already seen push"],
        cause: "the host has seen a push of this stack with a higher number: another Pushbutton pushes there too, or the data here is an older backup",
        cure: "find out which server should push there; if it is this one, let its numbers continue above: `pushbutton number-above STACK --reason TEXT`",
        again: false,
    },
    Case {
        marks: &["held its lock on"],
        cause: "another command of this stack is running on that host",
        cure: "find it (`fuser` on the lock file), wait for it or end it, then resume",
        again: false,
    },
    Case {
        marks: &["`flock` is not installed", "cannot wait (busybox)"],
        cause: "the host has no `flock` (util-linux), which keeps two pushes from running at once",
        cure: "apt install util-linux, or apk add flock",
        again: false,
    },
    Case {
        marks: &["`setsid` is not installed"],
        cause: "the host has no `setsid` (util-linux), which is needed to end a command with all its processes",
        cure: "apt install util-linux, or apk add setsid",
        again: false,
    },
    Case {
        marks: &["is not on the path of commands", "/proc cannot be read"],
        cause: "something that Pushbutton needs to run a command is missing on the host",
        cure: "install or mount what the reason names",
        again: false,
    },
    Case {
        marks: &["the account's home directory"],
        cause: "the deploy user has no home directory on the host",
        cure: "create it as root, with the command in the reason",
        again: false,
    },
    Case {
        marks: &["cannot write the lock", "is its disk full or read-only"],
        cause: "the lock file under ~/.pushbutton cannot be written on the host",
        cure: "free space there, or make the deploy user the owner of the home directory",
        again: false,
    },
    Case {
        marks: &["refused the command"],
        cause: "the host's guard did not start the command, for the reason shown",
        cure: "fix that on the host, then resume",
        again: false,
    },
    Case {
        marks: &[
            "lost contact with the push host",
            "the connection to {place} was lost",
            "was told to end the command, but",
        ],
        cause: "the connection was lost while a command ran: the host ended the command, or its result is unknown",
        cure: "check the host; resume runs the command there again",
        again: false,
    },
    Case {
        marks: &["left running by this command", "a process that this command left running", "its output on {place}"],
        cause: "a background process keeps the command's output open; it is ended when it next writes to it",
        cure: "redirect its output (>/dev/null 2>&1, or to a log file), or run it as a service",
        again: false,
    },
    Case {
        marks: &["cannot be the name of a variable", "which no environment can carry", "of a command must be letters"],
        cause: "a value of the stack file cannot be passed to a command",
        cure: "change it as the reason says",
        again: false,
    },
    Case {
        marks: &["did not run our questions", "it had not answered after"],
        cause: "the host did not complete the check (`check --hosts`)",
        cure: "check its login shell, disks and network file systems",
        again: false,
    },
    // Connections.
    Case {
        marks: &[
            "cannot connect to {host}",
            "cannot connect to {place}",
            "opens no channel",
            "no more channels to",
            "cannot lock the ssh sockets",
            "accepts the sign-in but opens no session",
        ],
        cause: "ssh cannot connect to the host, or cannot open a session there",
        cure: "run `ssh HOST true` as the server's user: it shows the same error; fix that first",
        again: false,
    },
    Case {
        marks: &["allows no more sessions", "allows few sessions at once"],
        cause: "`sshd` there allows fewer sessions over one connection than are wanted (MaxSessions)",
        cure: "nothing to do, more connections are opened; to be faster, raise MaxSessions to 10",
        again: false,
    },
    Case {
        marks: &["the jump host {jump}", "the jump host of ssh's"],
        cause: "the jump host cannot reach the host, or does not allow forwarding",
        cure: "fix what the reason names on the jump host",
        again: false,
    },
    Case {
        marks: &["the login shell on"],
        cause: "a startup file on the host prints something, or the account has no usable shell",
        cure: "make .bashrc and similar files print only in interactive shells; give the account a shell",
        again: false,
    },
    Case {
        marks: &["accepts the connection but does not answer:"],
        cause: "the host is overloaded, or hangs",
        cure: "check its load and its console",
        again: false,
    },
    Case {
        marks: &["ssh is not installed", "cannot start ssh", "ssh cannot be used", "ssh directory cannot be used"],
        cause: "the push host has no working OpenSSH client",
        cure: "apt install openssh-client there; check what the reason names",
        again: false,
    },
    Case {
        marks: &["holds no password"],
        cause: "the file of a token or password is empty",
        cure: "write it into the first line of that file",
        again: false,
    },
    Case {
        marks: &[
            "no agent runs",
            "the agent holds no key",
            "the push host has no ssh key",
            "cannot read it: chown",
            "our private key {shown}",
            "ssh does not use our private key",
            "the user that pushbutton runs as",
        ],
        cause: "the push host has no ssh key, or one that ssh does not accept",
        cure: "create or fix the key as the reason says, and add its public key to the host's authorized_keys",
        again: false,
    },
    Case {
        marks: &["our certificate {}", "expired at {text}", "is not valid before", "is for {} and not"],
        cause: "the certificate of Pushbutton's key is not valid now, or not for this account",
        cure: "get a new one from your CA",
        again: false,
    },
    Case {
        marks: &[
            "no known_hosts here",
            "ssh names no known_hosts",
            "known_hosts cannot be read",
            "a line of known_hosts",
            "ssh has no known_hosts",
            "what ssh wrote cannot be read",
            "one that ssh does not show",
            "ssh-keygen cannot read the key",
        ],
        cause: "the host's key could not be written to, or read from, a known_hosts file",
        cure: "check the file that the reason names; `pushbutton hosts trust STACK` adds a host key",
        again: false,
    },
    Case {
        marks: &[
            "too long for ssh's sockets",
            "cannot hold ssh's sockets",
            "the ssh configuration {}",
            "the ssh configuration's path",
        ],
        cause: "the path of the data directory, or of the ssh configuration in the server's configuration, cannot be used by ssh",
        cure: "choose a shorter path of letters, digits and _./@+,:=-",
        again: false,
    },
    // What lists hosts, drift.
    Case {
        marks: &["did not end within", "did not run:"],
        cause: "the command that lists the hosts of a stage failed or timed out",
        cure: "fix the command; `pushbutton check` runs it and shows its output",
        again: false,
    },
    Case {
        marks: &["pushbutton failed while it asked"],
        cause: "a bug in Pushbutton interrupted the command that lists hosts",
        cure: "push again; if that does not help, tell the administrator: the server's log has the cause",
        again: false,
    },
    Case {
        marks: &[
            "of them belong",
            "one of them: {}",
            "old releases were not removed",
            "old releases may not have been removed",
        ],
        cause: "old releases could not be removed, usually because files in them belong to another user; the push itself succeeded",
        cure: "change their owner to the deploy user, or remove them as root; the next push tries again",
        again: false,
    },
];
