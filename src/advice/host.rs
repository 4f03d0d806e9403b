//! What a host's own tools say when a command fails there: shells, mkdir, mv, find, sudo, systemctl, the kernel. The push host
//! runs commands too, so the words fit both. Called by whoever ran the command.
//!
//! In cause and cure `{host}` is the host, `{file}` the first file that the line names.

use super::{Advice, Case};

/// What tools say, the most special first.
pub const CASES: &[Case] = &[
    Case {
        marks: &[
            "sudo: a password is required",
            "sudo: a terminal is required",
            "no tty present and no askpass",
            "must have a tty to run sudo",
            "sudo: interactive authentication",
        ],
        cause: "sudo on {host} asks for a password, and nobody can type one",
        cure: "allow exactly this command without a password, in /etc/sudoers.d there: USER ALL=(root) NOPASSWD: /usr/bin/systemctl reload nginx (and Defaults:USER !requiretty)",
        again: false,
    },
    Case {
        marks: &["is not in the sudoers file", "is not allowed to execute", "may not run sudo"],
        cause: "the account on {host} may not do this with sudo",
        cure: "allow exactly this command in /etc/sudoers.d there: USER ALL=(root) NOPASSWD: /usr/bin/systemctl reload nginx",
        again: false,
    },
    Case {
        marks: &[
            "interactive authentication required",
            "access denied as the requested operation requires",
            "not authorized to perform operation",
        ],
        cause: "the account on {host} may not do this without a person at the terminal",
        cure: "run it with `sudo -n`, and allow exactly that command in /etc/sudoers.d there (NOPASSWD)",
        again: false,
    },
    Case {
        marks: &[
            "permission denied while trying to connect to the docker",
            "dial unix /var/run/docker.sock: connect: permission denied",
        ],
        cause: "the account on {host} may not use Docker",
        cure: "add it to the group there (usermod -aG docker USER), then run `pushbutton hosts reconnect STACK`, since groups change only at sign-in",
        again: false,
    },
    Case {
        marks: &["no space left on device"],
        cause: "the disk of {host} is full, or has no inodes left",
        cure: "check with df -h and df -i there; free space, or lower `keep` of the release",
        again: true,
    },
    Case {
        marks: &["disk quota exceeded"],
        cause: "the account has used up its quota on {host}",
        cure: "check with quota -s there; free space, or raise the quota",
        again: true,
    },
    Case {
        marks: &["read-only file system"],
        cause: "that file system of {host} is mounted read-only: by fstab or the container, or by the kernel after a disk error",
        cure: "check with findmnt -T {file} and dmesg there; then mount -o remount,rw",
        again: false,
    },
    Case {
        marks: &[
            "input/output error",
            "stale file handle",
            "transport endpoint is not connected",
            "structure needs cleaning",
        ],
        cause: "a disk or network file system of {host} is broken",
        cure: "check with dmesg and findmnt -T {file} there",
        again: true,
    },
    Case {
        marks: &["argument list too long"],
        cause: "the command has more arguments than the kernel of {host} allows",
        cure: "let it read a list of files (xargs, --files-from) instead of `*`",
        again: false,
    },
    Case {
        marks: &[
            "cannot allocate memory",
            "out of memory",
            "killed process",
            "cannot fork",
            "fork: retry",
            "fork failed",
            "resource temporarily unavailable",
        ],
        cause: "{host} has no memory left, or the process limit of this account is reached",
        cure: "check there: free -h, ulimit -u, journalctl -k",
        again: true,
    },
    Case {
        marks: &["too many open files", "file table overflow"],
        cause: "too many files are open on {host}",
        cure: "raise the limit there (ulimit -n, LimitNOFILE)",
        again: true,
    },
    Case {
        marks: &["text file busy"],
        cause: "that program is running on {host}, so its file cannot be overwritten",
        cure: "write a new file and rename it over the old one (mv), or stop the program first",
        again: true,
    },
    Case {
        marks: &["exec format error"],
        cause: "that program was built for another architecture than {host}'s, or is a script without #!",
        cure: "compare `uname -m` there with what `file` shows for the program",
        again: false,
    },
    Case {
        marks: &["bad interpreter", "\\r': no such file", "\r': no such file"],
        cause: "the program that the first line (#!) of the script names is not on {host}, or the line has a Windows line end",
        cure: "install it there, or keep the script with plain line ends (.gitattributes: *.sh eol=lf)",
        again: false,
    },
    Case {
        marks: &[
            "unrecognized option",
            "unrecognized: -",
            "unknown option",
            "illegal option",
            "invalid option --",
            "unknown predicate",
            "bad arg",
        ],
        cause: "a tool on {host} does not have this option: a release needs GNU find, coreutils and util-linux there",
        cure: "install them: apk add findutils coreutils util-linux flock",
        again: false,
    },
    Case {
        marks: &["file exists", "not a directory", "is a directory"],
        cause: "something else already exists at that path on {host}",
        cure: "check it with ls -ld {file} there, and move it elsewhere if nobody needs it",
        again: false,
    },
    Case {
        marks: &["operation not permitted"],
        cause: "{file} on {host} belongs to someone else, or cannot be changed (lsattr)",
        cure: "make the deploy user its owner: chown -R USER {file} there, as root",
        again: false,
    },
    Case {
        marks: &["permission denied"],
        cause: "the deploy user has no permission to do that on {host}",
        cure: "make it the owner of the directory, once, as root there: install -d -o USER {file}; for files already in it: chown -R USER {file}",
        again: false,
    },
];

/// What the exit code alone says of a command that a person wrote.
const CODES: &[(i32, Case)] = &[
    (
        126,
        Case {
            marks: &["permission denied", "cannot execute", "is a directory"],
            cause: "that file cannot be executed on {host}: it has no execute permission, or its disk is mounted noexec",
            cure: "git update-index --chmod=+x FILE, or name its interpreter: sh FILE",
            again: false,
        },
    ),
    (
        127,
        Case {
            marks: &["not found", "no such file"],
            cause: "the command is not on the PATH on {host}, which is that of a non-interactive login",
            cure: "write its full path, or set the PATH at the start of the command: PATH=$HOME/.local/bin:$PATH",
            again: false,
        },
    ),
    (129, signal("it was ended by signal 1 (HUP): its terminal or session went away")),
    (130, signal("it was ended by signal 2 (INT)")),
    (132, signal("it crashed: signal 4 (ILL); it was built for another processor")),
    (134, signal("it gave itself up: signal 6 (ABRT)")),
    (135, signal("it crashed: signal 7 (BUS); a full or broken disk under a mapped file")),
    (136, signal("it crashed: signal 8 (FPE)")),
    (
        137,
        Case {
            marks: &[],
            cause: "it was killed on {host} (signal 9), often by the kernel because memory ran out",
            cure: "check there: journalctl -k | grep -i 'out of memory', or the memory limit of its service or container",
            again: true,
        },
    ),
    (139, signal("it crashed: signal 11 (SEGV)")),
    (141, signal("it wrote to a pipe that nobody reads any more: signal 13 (PIPE)")),
    (143, signal("someone ended it: signal 15 (TERM)")),
    (152, signal("it used up its processor time: signal 24 (XCPU), see ulimit -t")),
    (153, signal("it wrote a larger file than it may: signal 25 (XFSZ), see ulimit -f")),
];

const fn signal(cause: &'static str) -> Case {
    Case { marks: &[], cause, cure: "its own log, or journalctl on {host}, has the details", again: true }
}

/// How lines end a failure that say nothing of it: what make, npm and their like print behind the reason.
const CLOSING: &[&str] = &[
    "make: ***",
    "make[",
    "gmake: ***",
    "npm err! a complete log",
    "npm error a complete log",
    "npm err! code elifecycle",
    "npm err! errno",
    "npm error code elifecycle",
    "npm error lifecycle script",
    "error: script returned",
    "error command failed with exit code",
    "rsync error:",
    "node.js v",
    "at ",
    "#",
    "+ ",
    "could not chdir to home directory",
    "info visit https://yarnpkg",
    "note: run with `rust_backtrace",
];

/// How the first line of a reason begins, where tools say it clearly.
const OPENING: &[&str] = &["error:", "error[", "fatal:", "fatal error", "panic:", "[error]", "e: "];

/// The line of a person's command that says why it failed: the first that calls itself an error, else the last that says anything
/// of the failure. Which lines are reasons nobody knows but the command.
pub fn telling<'a>(lines: impl DoubleEndedIterator<Item = &'a str> + Clone) -> &'a str {
    let lines = lines.map(str::trim).filter(|line| !line.is_empty());
    let begins = |line: &str, with: &[&str]| {
        let line = line.to_lowercase();
        with.iter().any(|part| line.starts_with(part))
    };
    let closing = |line: &&str| begins(line, CLOSING);
    let mut said = lines.clone().filter(|line| !closing(line));
    let opening = said.clone().find(|line| begins(line, OPENING));
    opening.or_else(|| said.next_back()).or_else(|| lines.clone().next_back()).unwrap_or_default()
}

/// Why a person's command failed: its own telling line, and what we know of this line or of the code.
pub fn of_command<'a>(code: i32, lines: impl DoubleEndedIterator<Item = &'a str> + Clone) -> Advice {
    let by_code = CODES.iter().find(|(known, _)| *known == code).map(|(_, case)| case);
    // A shell says which command it did not find, whatever came before and after.
    let named = by_code.and_then(|case| lines.clone().rfind(|line| case.is_said_by(line)).map(|line| (line, case)));
    let (line, case) = match named {
        Some((line, case)) => (line, Some(case)),
        None => (telling(lines), by_code),
    };
    let said = Advice::of(line, CASES, &[]);
    let special = said.case.filter(|_| named.is_none() || line.contains("interpreter") || line.contains("\\r'"));
    Advice { said: said.said, case: special.or(case) }
}

/// The words for a person: `LINE (CAUSE): CURE`, about this host.
pub fn words(advice: &Advice, host: &str) -> String {
    let Some(case) = advice.case else { return advice.said.clone() };
    let file = file(&advice.said);
    let filled = |text: &str| text.replace("{host}", host).replace("{file}", file);
    let about = format!("({}): {}", filled(case.cause), filled(case.cure));
    if advice.said.is_empty() { about } else { format!("{} {about}", advice.said) }
}

/// The first absolute path that a line names, in quotes or plain.
pub fn file(line: &str) -> &str {
    let quotes = ['\'', '"', '\u{2018}', '\u{2019}', '`'];
    let quoted = line.split(quotes).skip(1).step_by(2).find(|part| part.starts_with('/'));
    let plain = || line.split([' ', ':']).find(|word| word.len() > 1 && word.starts_with('/'));
    quoted.or_else(plain).unwrap_or("FILE").trim_end_matches([',', '.', ';'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_telling_line_of_a_command_is_its_first_error_else_its_last_word() {
        for (said, line) in [
            ("no such file\ncannot go on\n", "cannot go on"),
            (
                "error[E0382]: use of moved value\n --> src/a.rs\nerror: could not compile `x`\n",
                "error[E0382]: use of moved value",
            ),
            ("cc: a.c: bad\nmake: *** [Makefile:2: all] Error 1\n", "cc: a.c: bad"),
            ("Traceback (most recent call last):\n  File \"x\"\nValueError: no port\n", "ValueError: no port"),
            (
                "Error: Cannot find module 'x'\n    at Module._load (node:1)\n\nNode.js v20.1.0\n",
                "Error: Cannot find module 'x'",
            ),
            ("make: *** [all] Error 1\n", "make: *** [all] Error 1"),
            ("", ""),
        ] {
            assert_eq!(telling(said.lines()), line, "{said}");
        }
    }

    #[test]
    fn each_failure_of_a_hosts_tools_has_its_cause_and_cure() {
        for (code, said, parts) in [
            (
                127,
                "bash: line 1: composer: command not found",
                &["bash: line 1: composer: command not found (the command is not on the PATH", "on web1"][..],
            ),
            (
                127,
                "/bin/sh: 1: deploy: not found\nlater words",
                &["/bin/sh: 1: deploy: not found (", "PATH=$HOME/.local/bin:$PATH"],
            ),
            (127, "env: 'bash\\r': No such file or directory", &["Windows line end"]),
            (126, "sh: 1: ./post.sh: Permission denied", &["no execute permission", "--chmod=+x"]),
            (126, "sh: 1: ./post.sh: /bin/zsh: bad interpreter: No such file or directory", &["(#!)"]),
            (2, "sh: 1: ./tool: Exec format error", &["another architecture", "uname -m"]),
            (137, "", &["(it was killed on web1 (signal 9)", "out of memory"]),
            (137, "building", &["building (it was killed"]),
            (139, "", &["SEGV"]),
            (
                1,
                "sudo: a password is required",
                &["sudo: a password is required (sudo on web1 asks for a password", "NOPASSWD"],
            ),
            (
                1,
                "sudo: a terminal is required to read the password; either use the -S option to read from standard input",
                &["NOPASSWD"],
            ),
            (1, "sudo: sorry, you must have a tty to run sudo", &["!requiretty"]),
            (1, "Failed to reload nginx.service: Interactive authentication required.", &["sudo -n"]),
            (1, "cp: cannot create regular file '/srv/web/x': No space left on device", &["no inodes left", "df -i"]),
            (1, "mkdir: cannot create directory '/srv/web': Permission denied", &["install -d -o USER /srv/web;"]),
            (
                1,
                "mkdir: cannot create directory \u{2018}/srv/web\u{2019}: Permission denied",
                &["install -d -o USER /srv/web;"],
            ),
            (1, "mkdir: cannot create directory '/srv/web': Read-only file system", &["findmnt -T /srv/web"]),
            (1, "mkdir: cannot create directory '/srv/web/releases': Not a directory", &["ls -ld /srv/web/releases"]),
            (1, "touch: setting times of '/srv/x': Disk quota exceeded", &["quota -s"]),
            (1, "find: unrecognized: -printf", &["GNU find"]),
            (126, "sh: 1: ls: Argument list too long", &["xargs"]),
        ] {
            let told = words(&of_command(code, said.lines()), "web1");
            assert!(parts.iter().all(|part| told.contains(part)), "{said}\n  gave: {told}");
            assert!(!told.contains("{host}") && !told.contains("{file}"), "{told}");
        }
        assert_eq!(words(&of_command(7, "it broke".lines()), "web1"), "it broke", "without a case nothing is guessed");
        let harmless = "find: '/root': Permission denied\nassertion of page 3 does not hold\n";
        assert_eq!(words(&of_command(1, harmless.lines()), "web1"), "assertion of page 3 does not hold");
    }
}
