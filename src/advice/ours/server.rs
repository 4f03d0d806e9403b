//! What the server, the ledger and the command line say of themselves: the data directory, history that is not as it was written, who
//! may sign in, what was typed.

use crate::advice::Case;

/// What our own code says of them.
pub const CASES: &[Case] = &[
    // A start.
    Case {
        marks: &["the data directory {path} cannot be used", "the stack files in {path} cannot be read"],
        cause: "the server's file names a directory that is not there, or that the server's user may not use",
        cure: "do as the line below the reason says; `pushbutton check` looks at all of it without starting anything",
        again: false,
    },
    Case {
        marks: &["is in use by another pushbutton"],
        cause: "one data directory is of one server, so that one stack has one push at a time",
        cure: "stop the server that is named (its process id stands there), or give this one a data directory of its own",
        again: false,
    },
    Case {
        marks: &["of an earlier server cannot be taken up"],
        cause: "a push ran when the server ended, and what it wrote down can be neither followed nor closed",
        cure: "look at the file that the reason names: is its disk full, or does it belong to another user? Then start again; nothing of the push is lost",
        again: false,
    },
    Case {
        marks: &["this data directory is that of {name}", "this data directory was copied from the machine"],
        cause: "the data directory was restored from a backup or copied, and two servers that push to the same hosts would undo each other's work",
        cure: "see that the other server is stopped and stays so, then `pushbutton take-over --reason TEXT`",
        again: false,
    },
    Case {
        marks: &["its data directory is new, or was lost", "data directory is an older copy"],
        cause: "hosts have seen pushes with higher numbers than this server would give its next",
        cure: "look for another Pushbutton that pushes there; when this one is the only one, `pushbutton number-above STACK --reason TEXT`",
        again: false,
    },
    Case {
        marks: &["cannot listen on {listen}"],
        cause: "the address that the server's file names is taken, not this machine's, or not for this user",
        cure: "do as the line below the reason says",
        again: false,
    },
    Case {
        marks: &["ssh does not take its configuration", "ssh cannot be run: {error}"],
        cause: "`config` under [ssh] names a file that ssh does not read, or this machine has no OpenSSH client",
        cure: "fix the line that ssh names (`ssh -F FILE -G HOST` tries it), or install the package `openssh-client`",
        again: false,
    },
    // A runner.
    Case {
        marks: &["the runner ended before it began"],
        cause: "the process of the push could not be started, or ended at once; no host was touched",
        cure: "look at the server's log for the cause (memory, a limit on processes), then push again",
        again: false,
    },
    Case {
        marks: &["the runner ended in the middle of the push"],
        cause: "the process of the push was killed, or the machine went down",
        cure: "look at the hosts that are named as unknown, then resume the push or roll back; both are on its page",
        again: false,
    },
    Case {
        marks: &["the runner went wrong, and was stopped"],
        cause: "a fault of Pushbutton: the runner did something that its own log does not allow; nothing of it was recorded",
        cure: "look at the hosts that are named as unknown, then resume the push or roll back; and tell us, with the push's log",
        again: false,
    },
    Case {
        marks: &["of its log does not go into the history", "its log is whole, and ends with"],
        cause: "the server's database did not take what the push wrote down; the log of the push is whole",
        cure: "`pushbutton verify` names what is damaged; then resume the push, or roll back",
        again: false,
    },
    Case {
        marks: &["plan of push {of}: {bad}", "no {what} of push"],
        cause: "the plan of an earlier push is not in the ledger as it was written",
        cure: "push again instead of resuming; `pushbutton verify` names what else is damaged",
        again: false,
    },
    Case {
        marks: &["has no stage {stage} any more", "{name}.toml is gone"],
        cause: "the stack file was removed or renamed, or the stage was taken out of it",
        cure: "put the file or the stage back under its old name; what it pushed stays in the history",
        again: false,
    },
    Case {
        marks: &["did not come to its end there", "no push has brought it to"],
        cause: "the host missed pushes of its stage, so it does not run the stage's build",
        cure: "bring it to the build of its stage: the button on the stack's page, or `pushbutton catch-up STACK STAGE`",
        again: false,
    },
    Case {
        marks: &["{run} another build than {their} stage"],
        cause: "someone changed `current` on the host, or the host missed a push",
        cure: "see on the stack's page what it runs, and bring it to the build of its stage there",
        again: false,
    },
    Case {
        marks: &["cannot be reached; each stack's page"],
        cause: "many hosts do not answer, which is mostly one cause: the network, a jump host or our key",
        cure: "`pushbutton hosts check STACK` says why, host by host",
        again: false,
    },
    // History.
    Case {
        marks: &["the ledger cannot be copied", "tar could not write the backup"],
        cause: "a backup was not written to its end, and its file was taken away again",
        cure: "make room where it goes, or name another place; if the ledger cannot be read, `pushbutton verify` says what is damaged",
        again: false,
    },
    Case {
        marks: &[
            "the audit is not what was written",
            "was announced with the audit's head",
            "the audit does not have the head",
            "the audit does not say that it",
            "the audit says: {words}",
            "announcement {id} cannot be read",
            "push {}, which runs: {why}",
        ],
        cause: "rows of the ledger were changed, added or removed by another hand than Pushbutton's, or by damage to the disk",
        cure: "keep a copy of the data directory as it is, compare it with the last backup that verifies, and ask who was on the machine",
        again: false,
    },
    Case {
        marks: &[
            "its journal has the hash",
            "the journal's last record",
            "its journal does not end with its end",
            "the end in its journal is not",
            "its journal cannot be read",
            "its journal is shorter than",
            "the ledger has read its journal up to",
            "its plan.json is not the plan",
            "{} cannot be read: {error}",
        ],
        cause: "a file below pushes/ in the data directory is not what was written there",
        cure: "put the file back from a backup; the history of the push stands in the ledger all the same",
        again: false,
    },
    Case {
        marks: &[
            "its files are gone, and the ledger",
            "the ledger gives it a name that no build has",
            "its manifest is gone",
            "its manifest has the root",
            "its files cannot be read: {error}",
            "its files are not those of its manifest",
        ],
        cause: "a build on the push host is not what was packed, so it cannot be pushed or rolled back to as it is",
        cure: "put builds/STACK/ID back from a backup, or push its revision again, which makes a new build",
        again: false,
    },
    Case {
        marks: &["pushes/{name} is not ours", "its files are here, and the ledger knows no such"],
        cause: "something lies in the data directory that this ledger knows nothing of: another hand put it there, or the ledger is older than the files",
        cure: "was the ledger alone put back from a backup? Then take the whole backup; else move what is named away",
        again: false,
    },
    // The command line.
    Case {
        marks: &[
            "cannot speak to the server by",
            "it does not answer on",
            "the server went away",
            "the server gave no number",
        ],
        cause: "a server holds the data directory and does not answer the command line: it is stopping, hangs, or is of another version",
        cure: "look at it (`systemctl status pushbutton`, its log) and try again; pushes that run go on",
        again: false,
    },
    Case {
        marks: &["the server's answer is not json", "the server's answer is not one of this version"],
        cause: "something else answers than a Pushbutton of this version",
        cure: "call the `pushbutton` that the server is (the same file), or restart the server after an upgrade",
        again: false,
    },
    Case {
        marks: &["push {push} cannot be followed: {why}"],
        cause: "the server ended, or the connection to it broke, while the command line showed a push; the push goes on",
        cure: "`pushbutton follow N` shows it again from its first line",
        again: false,
    },
    Case {
        marks: &["push {} is not waiting for an answer"],
        cause: "the question was answered meanwhile, or its time is over",
        cure: "`pushbutton status` shows what waits for an answer",
        again: false,
    },
    Case {
        marks: &[
            "{shown} is a directory",
            "{shown} is not a directory",
            "{shown} cannot be packed",
            "there is no {shown}",
            "cannot read {shown}",
            "a stack file ends with .toml",
            "the file's name is the stack's name",
            "cannot read the password",
            "there is no password on standard input",
            "the password is not utf-8",
        ],
        cause: "what was named on the command line, or given on standard input, is not there or not of the right kind",
        cure: "compare it with `pushbutton COMMAND --help`, and call it again",
        again: false,
    },
    Case {
        marks: &["a head has {head_digits} to 64 hexadecimal digits"],
        cause: "`--head` takes the head of the audit as an announcement or an earlier `verify` showed it",
        cure: "copy it again, whole or its beginning",
        again: false,
    },
    Case {
        marks: &["the two passwords are not the same", "cancelled; nothing was changed"],
        cause: "a password is typed twice, so that a slip of the finger locks nobody out",
        cure: "call the command again",
        again: false,
    },
    Case {
        marks: &["shows another key than the one that is known"],
        cause: "the host was set up anew, or someone stands between it and the push host",
        cure: "ask who looks after the host for the fingerprint (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` there); only then take the old key out as shown",
        again: false,
    },
    Case {
        marks: &[
            "cannot start the async runtime",
            "cannot find this program's file",
            "cannot listen for signals",
            "cannot ask the terminal",
            "cannot silence the terminal",
        ],
        cause: "the system refused the command what every program needs: threads, signals, its own file or the terminal",
        cure: "look at limits (`ulimit -a`) and at what is mounted; the system's own words stand behind it",
        again: false,
    },
    Case {
        marks: &["no demo runs in"],
        cause: "the orders of the demo speak to one that runs",
        cure: "start one with `script/demo` in another terminal, then give the order again",
        again: false,
    },
    Case {
        marks: &["what was fetched before is shown"],
        cause: "the command line could not have the newest of the source before it showed the plan",
        cure: "nothing must be done when what is shown is what you want; else fix what stands behind it and ask again",
        again: false,
    },
    Case {
        marks: &["announcements wait for the next server"],
        cause: "a push ended without a server, and its announcements could not all be told in the time that the command line waits",
        cure: "start the server: it tells them",
        again: false,
    },
    Case {
        marks: &["what the server said last"],
        cause: "the demo's server ended, or did not begin",
        cure: "read its last lines below; mostly a port is taken or a program is not installed",
        again: false,
    },
];
