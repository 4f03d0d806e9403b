//! What is said of a host: of commands there, of the connection to it, of the list that it stands in.

use crate::advice::Case;

/// What our own code says of them.
pub const CASES: &[Case] = &[
    // Commands on hosts.
    Case {
        marks: &["has already seen push"],
        cause: "the host has seen a push of this stack with a higher number: another Pushbutton pushes there too, or the data here is an older backup",
        cure: "find out which Pushbutton is the right one; when it is this one, `pushbutton number-above STACK --reason TEXT` lets its numbers go on above",
        again: false,
    },
    Case {
        marks: &["held its lock on"],
        cause: "another command of this stack runs on that host",
        cure: "see which (`fuser` on the lock), and let it end or end it; then resume",
        again: false,
    },
    Case {
        marks: &["`flock` is not installed", "cannot wait (busybox)"],
        cause: "the host lacks util-linux's `flock`, with which two pushes keep apart",
        cure: "apt install util-linux, or apk add flock",
        again: false,
    },
    Case {
        marks: &["`setsid` is not installed"],
        cause: "the host lacks `setsid`, with which a command is ended as a whole",
        cure: "apt install util-linux, or apk add setsid",
        again: false,
    },
    Case {
        marks: &["is not on the path of commands", "/proc cannot be read"],
        cause: "the host lacks what a command under Pushbutton needs",
        cure: "install or mount there what the reason names",
        again: false,
    },
    Case {
        marks: &["the account's home directory"],
        cause: "the account that pushes has no home directory on the host",
        cure: "make it, as root, with the line that the reason shows",
        again: false,
    },
    Case {
        marks: &["cannot write the lock", "is its disk full or read-only"],
        cause: "the lock below ~/.pushbutton cannot be written on the host",
        cure: "make room there, or give the home directory to the account that pushes",
        again: false,
    },
    Case {
        marks: &["refused the command"],
        cause: "the host's guard did not begin the command, for the reason that is shown",
        cure: "fix that on the host, then resume",
        again: false,
    },
    Case {
        marks: &[
            "heard nothing from here any more",
            "the connection to {place} broke",
            "was told to end the command, but",
        ],
        cause: "the connection broke while a command ran, so the host ended it by itself, or nobody knows how it ended",
        cure: "look at the host; a resume runs the command there again",
        again: false,
    },
    Case {
        marks: &["left running by this command", "a process that this command left running", "its output on {place}"],
        cause: "a background process keeps the command's output open, and is ended by its next word",
        cure: "start it with >/dev/null 2>&1, with its own log file, or as a service",
        again: false,
    },
    Case {
        marks: &["cannot be the name of a variable", "which no environment can carry", "of a command must be letters"],
        cause: "a value of the stack file cannot be handed to a command",
        cure: "write it as the reason says",
        again: false,
    },
    Case {
        marks: &["did not run our questions", "it had not answered after"],
        cause: "the host did not answer the look-over (`check --hosts`) to its end",
        cure: "look whether its login shell, disks and network file systems are well",
        again: false,
    },
    // Connections.
    Case {
        marks: &[
            "no way to {host}",
            "no way to {place}",
            "opens no channel",
            "no more channels to",
            "cannot lock the ssh sockets",
            "lets us in but opens no session",
        ],
        cause: "ssh does not get through to the host, or opens nothing there",
        cure: "`ssh HOST true` by hand as the server's user says the same; fix that first",
        again: false,
    },
    Case {
        marks: &["takes no more sessions", "takes few sessions at once"],
        cause: "`sshd` there allows fewer sessions over one connection than are wanted (MaxSessions)",
        cure: "nothing must be done, further connections are made; to be quicker, raise MaxSessions to 10",
        again: false,
    },
    Case {
        marks: &["the jump host {jump}", "the jump host of ssh's"],
        cause: "the jump host cannot reach the host, or lets nobody through",
        cure: "fix what the reason names on the jump host",
        again: false,
    },
    Case {
        marks: &["the login shell on"],
        cause: "a start-up file on the host prints something, or the account has no real shell",
        cure: "let .bashrc and its kin print only when interactive; give the account a shell",
        again: false,
    },
    Case {
        marks: &["takes the connection but does not answer"],
        cause: "the host is overloaded, or hangs",
        cure: "look at its console",
        again: false,
    },
    Case {
        marks: &["ssh is not installed", "cannot start ssh", "ssh cannot be used", "ssh directory cannot be used"],
        cause: "the push host has no OpenSSH client that works",
        cure: "apt install openssh-client there; look at what the reason names",
        again: false,
    },
    Case {
        marks: &["holds no password"],
        cause: "the file of a token or password is empty",
        cure: "put it into the first line of the file that is named",
        again: false,
    },
    Case {
        marks: &[
            "no agent runs",
            "the agent holds no key",
            "there is no key on the push host",
            "may not read it",
            "our private key {shown}",
            "ssh does not use our private key",
            "the user that pushbutton runs as",
        ],
        cause: "the push host has no key to sign in with, or one that ssh does not take",
        cure: "make or fix the key as the reason says, and put its public half into the host's authorized_keys",
        again: false,
    },
    Case {
        marks: &["our certificate {}", "expired at {text}", "is valid from", "is for {} and not"],
        cause: "the certificate of our key is not good at this time or for this account",
        cure: "get another from your CA",
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
            "ssh-keygen reads no key",
        ],
        cause: "the host's key could not be taken into, or read from, a known_hosts file",
        cure: "look at the file that the reason names; `pushbutton hosts trust STACK` takes a host in",
        again: false,
    },
    Case {
        marks: &[
            "too long for ssh's sockets",
            "cannot hold ssh's sockets",
            "the ssh configuration {}",
            "the ssh configuration's path",
        ],
        cause: "the data directory, or the ssh configuration that the server's file names, has a path that ssh cannot take",
        cure: "choose a shorter path of letters, digits and _./@+,:=-",
        again: false,
    },
    // What lists hosts, drift.
    Case {
        marks: &["had not ended after", "did not run:"],
        cause: "the command that lists the hosts of a stage failed, or did not end",
        cure: "fix the command; `pushbutton check` runs it and shows what it says",
        again: false,
    },
    Case {
        marks: &["pushbutton broke while it asked"],
        cause: "a fault of Pushbutton stopped it while it asked the command that lists hosts",
        cure: "push again; if it stays so, tell who runs this server: its log has the cause",
        again: false,
    },
    Case {
        marks: &["of them belong", "one of them: {}", "old releases stay", "old releases may be left"],
        cause: "old releases could not be removed: mostly what is in them belongs to another user; the push itself went well",
        cure: "give it to the account that pushes, or remove it as root; the next push tries again",
        again: false,
    },
];
