//! What the server, the ledger and the command line say of themselves: the data directory, history that is not as it was written, who
//! may sign in, what was typed.

use crate::advice::Case;

/// What our own code says of them.
pub const CASES: &[Case] = &[
    // A start.
    Case {
        marks: &["the data directory {path} cannot be used", "the stack files in {path} cannot be read"],
        cause: "a directory in the server's configuration does not exist, or the server's user has no permission to use it",
        cure: "do what the line below the reason says; `pushbutton check` checks everything without starting the server",
        again: false,
    },
    Case {
        marks: &["is in use by another pushbutton"],
        cause: "a data directory can be used by one server only, so that a stack has one push at a time",
        cure: "stop the other server (its process id is shown), or give this one its own data directory",
        again: false,
    },
    Case {
        marks: &["of an earlier server cannot be followed"],
        cause: "a push was running when the server stopped, and its journal can be neither followed nor closed",
        cure: "check the file that the reason names: is its disk full, or does it belong to another user? Then start the server again; nothing of the push is lost",
        again: false,
    },
    Case {
        marks: &["this data directory belongs to {name}", "this data directory was copied from the machine"],
        cause: "the data directory was restored from a backup or copied, and two servers that push to the same hosts would overwrite each other's releases",
        cure: "make sure that the other server is stopped for good, then run `pushbutton take-over --reason TEXT`",
        again: false,
    },
    Case {
        marks: &["its data directory is new, or was lost", "data directory is an older copy"],
        cause: "hosts have seen pushes with higher numbers than this server's next push",
        cure: "look for another Pushbutton server that pushes there; if this is the only one, run `pushbutton number-above STACK --reason TEXT`",
        again: false,
    },
    Case {
        marks: &["cannot listen on {listen}"],
        cause: "the address in the server's configuration is in use, does not belong to this machine, or needs more permissions",
        cure: "do what the line below the reason says",
        again: false,
    },
    Case {
        marks: &["ssh does not accept its configuration", "ssh cannot be run: {error}"],
        cause: "ssh cannot read the file in `config` under [ssh], or this machine has no OpenSSH client",
        cure: "fix the line that ssh names (`ssh -F FILE -G HOST` tests it), or install the package `openssh-client`",
        again: false,
    },
    // A runner.
    Case {
        marks: &["the runner ended before it started"],
        cause: "the process of the push could not be started, or ended at once; no host was changed",
        cure: "find the cause in the server's log (memory, process limit), then push again",
        again: false,
    },
    Case {
        marks: &["the runner ended in the middle of the push"],
        cause: "the process of the push was killed, or the machine was shut down",
        cure: "check the hosts that are listed as unknown, then resume the push or roll back on its page",
        again: false,
    },
    Case {
        marks: &["the runner made an error, and was stopped"],
        cause: "a bug in Pushbutton: the runner tried to record something that may not happen at this point; it was not recorded",
        cure: "check the hosts that are listed as unknown, then resume the push or roll back; please report the bug with the push's log",
        again: false,
    },
    Case {
        marks: &["of its log does not go into the history", "its log is whole, and ends with"],
        cause: "the results of the push could not be written to the server's database; the push's own log is complete",
        cure: "run `pushbutton verify`, which shows what is damaged; then resume the push, or roll back",
        again: false,
    },
    Case {
        marks: &["plan of push {of}: {bad}", "no {what} of push"],
        cause: "the plan of an earlier push is missing or damaged in the ledger",
        cure: "push again instead of resuming; `pushbutton verify` shows what else is damaged",
        again: false,
    },
    Case {
        marks: &["has no stage {stage} any more", "{name}.toml is missing"],
        cause: "the stack file was deleted or renamed, or the stage was removed from it",
        cure: "restore the file or the stage under its old name; its pushes stay in the history",
        again: false,
    },
    Case {
        marks: &["was not completed there", "no push has deployed"],
        cause: "the host missed pushes of its stage, so it does not run the stage's build",
        cure: "start a catch-up: use the button on the stack's page, or `pushbutton catch-up STACK STAGE`",
        again: false,
    },
    Case {
        marks: &["{run} another build than {their} stage"],
        cause: "someone changed `current` on the host, or the host missed a push",
        cure: "the stack's page shows what it runs, and starts a catch-up",
        again: false,
    },
    Case {
        marks: &["cannot be reached; each stack's page"],
        cause: "many hosts do not answer; usually there is one cause: the network, a jump host or Pushbutton's key",
        cure: "`pushbutton hosts check STACK` shows the reason for each host",
        again: false,
    },
    // History.
    Case {
        marks: &["the ledger cannot be copied", "tar could not write the backup"],
        cause: "the backup was not completed, and its file was removed",
        cure: "free space there, or choose another place; if the ledger cannot be read, `pushbutton verify` shows what is damaged",
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
        cause: "rows of the ledger were changed, added or removed by something other than Pushbutton, or the disk is damaged",
        cure: "keep a copy of the data directory, compare it with the last backup that passes `verify`, and find out who was on the machine",
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
        cause: "a file under pushes/ in the data directory was changed or damaged",
        cure: "restore the file from a backup; the push's history is still in the ledger",
        again: false,
    },
    Case {
        marks: &[
            "its files are missing, and the ledger",
            "the ledger gives it a name that no build has",
            "its manifest is gone",
            "its manifest has the root",
            "its files cannot be read: {error}",
            "its files are not those of its manifest",
        ],
        cause: "a build on the push host was changed or damaged, so it cannot be pushed or rolled back to",
        cure: "restore builds/STACK/ID from a backup, or push its revision again, which makes a new build",
        again: false,
    },
    Case {
        marks: &["pushes/{name} was not made by pushbutton", "its files are here, but the ledger has no such"],
        cause: "the data directory contains something that is not in the ledger: someone put it there, or the ledger is older than the files",
        cure: "was only the ledger restored from a backup? Then restore the whole backup; otherwise move these files elsewhere",
        again: false,
    },
    // The command line.
    Case {
        marks: &[
            "cannot speak to the server by",
            "it does not answer on",
            "the server stopped answering",
            "the server gave no number",
        ],
        cause: "a server uses the data directory, but does not answer the command line: it is stopping, hangs, or has another version",
        cure: "check it (`systemctl status pushbutton`, its log) and try again; running pushes continue",
        again: false,
    },
    Case {
        marks: &["the server's answer is not json", "the server's answer is not one of this version"],
        cause: "what answered is not a Pushbutton server of this version",
        cure: "use the same `pushbutton` file that the server runs, or restart the server after an upgrade",
        again: false,
    },
    Case {
        marks: &["push {push} cannot be followed: {why}"],
        cause: "the server stopped, or the connection to it was lost, while the command line showed a push; the push continues",
        cure: "`pushbutton follow N` shows it again from its first line",
        again: false,
    },
    Case {
        marks: &["push {} is not waiting for an answer"],
        cause: "the question was answered in the meantime, or it timed out",
        cure: "`pushbutton status` shows which pushes wait for an answer",
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
        cause: "a file on the command line, or the standard input, is missing or of the wrong kind",
        cure: "read `pushbutton COMMAND --help`, then run it again",
        again: false,
    },
    Case {
        marks: &["a head has {head_digits} to 64 hexadecimal digits"],
        cause: "`--head` takes the head hash of the audit, as an announcement or an earlier `verify` showed it",
        cure: "copy it again; the first characters are enough",
        again: false,
    },
    Case {
        marks: &["it must be a day or an instant"],
        cause: "`--since` and `--until` take a day, or a day with its time",
        cure: "write it so: --since 2026-11-14",
        again: false,
    },
    Case {
        marks: &["the two passwords are not the same", "cancelled; nothing was changed"],
        cause: "a password must be typed twice, so that a typing error locks nobody out",
        cure: "run the command again",
        again: false,
    },
    Case {
        marks: &["presents another key than the known one"],
        cause: "the host was reinstalled, or someone intercepts the connection",
        cure: "ask the host's administrator for the fingerprint (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` there); only then remove the old key as shown",
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
        cause: "the system did not give the command what every program needs: threads, signals, its own file or the terminal",
        cure: "check limits (`ulimit -a`) and mounts; the system's own message follows",
        again: false,
    },
    Case {
        marks: &["no demo is running in"],
        cause: "the demo's commands need a running demo",
        cure: "start one with `script/demo` in another terminal, then run the command again",
        again: false,
    },
    Case {
        marks: &["what was fetched before is shown"],
        cause: "the newest commits could not be fetched before the plan was shown",
        cure: "nothing to do if the plan shown is what you want; otherwise fix the cause shown after it and try again",
        again: false,
    },
    Case {
        marks: &["announcements wait for the next server"],
        cause: "a push ended without a server, and not all its announcements could be sent in the time that the command line waits",
        cure: "start the server: it sends them",
        again: false,
    },
    Case {
        marks: &["what the server said last"],
        cause: "the demo's server has stopped, or did not start",
        cure: "read its last lines below; usually a port is in use or a program is not installed",
        again: false,
    },
];
