//! What git and its helpers (ssh, curl's library, git-lfs) say when they fail, and what we advise. Pure. It must never hide what git said.
//! Called by whatever ran git.

use crate::advice::{Advice, Case, Table};

/// What is listed of git in `docs/operating.md`.
pub const TABLES: &[Table] = &[("git", CASES)];

/// Lines that say nothing of the cause.
const NOISE: [&str; 9] = [
    "hint:",
    "please make sure you have",
    "and the repository exists",
    "to add an exception",
    "git config --global",
    "warning:",
    "remote: enumerating",
    "could not read from remote repository",
    "did not send all necessary objects",
];

/// Reads what git said.
pub fn of(said: &str) -> Advice {
    Advice::of(said, CASES, &NOISE)
}

/// Whether git speaks of the files of the repository that it works in, as it does of a copy that was damaged: never of the
/// other side.
pub fn is_damage(said: &str) -> bool {
    const MARKS: [&str; 30] = [
        "corrupt",
        "inflate:",
        "is too small",
        "is too large",
        "non-monotonic index",
        "far too short to be a packfile",
        "not a packfile",
        "wrong index v",
        "does not match index",
        "bad config line",
        "bad config variable",
        "fatal: not a git repository",
        "unexpected line in",
        "unterminated line in",
        "bad shallow line",
        "broken ref",
        "reference broken",
        "bad ref ",
        "bad object refs/",
        "invalid gitfile format",
        "missing object",
        "missing blob",
        "unable to read",
        "could not read tree",
        "could not parse commit",
        "unable to unpack",
        "hash mismatch",
        "garbage at end of",
        "refusing to fetch into branch",
        ".lock': file exists",
    ];
    let said = said.to_lowercase();
    MARKS.iter().any(|mark| said.contains(mark)) || said.contains("expected '") && said.contains("git repo version")
}

/// What git is known to say.
pub const CASES: &[Case] = &[
    Case {
        marks: &["no space left", "disk quota exceeded"],
        cause: "the push host's data disk has no space or no inodes left",
        cure: "free space: `df -h` and `df -i` on the data directory show which of them is used up",
        again: false,
    },
    Case {
        marks: &["the mirror is larger than"],
        cause: "that is the limit for one source",
        cure: "raise source_mib in [limits] of the server's configuration, or make the repository smaller",
        again: false,
    },
    Case {
        marks: &["dubious ownership"],
        cause: "it belongs to another user of this machine, and git trusts only its own",
        cure: "the repository belongs to another user of this machine: make the push host's user its owner (chown -R), or fetch it over ssh",
        again: false,
    },
    Case {
        marks: &["remote host identification has changed", "host key for", "offending"],
        cause: "the git server shows another host key than the one that is known",
        cure: "the git server's host key changed: find out why before you trust the new one; then remove the old line \
               with ssh-keygen -R HOST and add the new one to known_hosts",
        again: false,
    },
    Case {
        marks: &["host key is known for", "host key verification failed"],
        cause: "this git server's host key is not trusted yet",
        cure: "add the git server's host key to known_hosts of the user that runs Pushbutton: ssh-keyscan HOST shows it; \
               compare it with the one that the git server's provider publishes (`pushbutton hosts trust` is for the hosts of stacks, \
               not for git servers)",
        again: false,
    },
    Case {
        marks: &["too many authentication failures"],
        cause: "ssh offered more keys than the server accepts attempts",
        cure: "name the one key in the ssh configuration: IdentityFile and IdentitiesOnly yes for this host",
        again: false,
    },
    Case {
        marks: &["unprotected private key", "bad permissions", "are too open"],
        cause: "ssh does not use a private key that other users can read",
        cure: "chmod 600 the key on the push host",
        again: false,
    },
    Case {
        marks: &["permission denied (publickey", "permission denied (password", "permission denied (keyboard"],
        cause: "the git server refused the push host's ssh key",
        cure: "give the push host's ssh key read access to the repository, as a deploy key; test it with ssh -T git@HOST \
               as the user that runs Pushbutton",
        again: false,
    },
    Case {
        marks: &["remote missing object", "does not exist on the server", "object does not exist"],
        cause: "the repository has the LFS pointer, but its LFS server does not have the content",
        cure: "push the content from where it was committed: git lfs push --all origin",
        again: false,
    },
    Case {
        marks: &["is not a git command"],
        cause: "git-lfs is not installed",
        cure: "install the package `git-lfs` on the push host",
        again: false,
    },
    Case {
        marks: &[
            "shallow roots are not allowed",
            "shallow update not allowed",
            "repository is shallow",
            "from a shallow",
        ],
        cause: "the source is a shallow clone, so its history is incomplete",
        cure: "complete it there with git fetch --unshallow, or use the repository that it was cloned from",
        again: false,
    },
    Case {
        marks: &["returned error: 429", "too many requests", "rate limit", "secondary limit"],
        cause: "the git server limits the number of requests",
        cure: "wait; raise fetch_every_s in [limits], or use an ssh address, which has other limits",
        again: true,
    },
    Case {
        marks: &["terminal prompts disabled", "could not read username", "could not read password"],
        cause: "the git server asks for a name and a password, and nobody can type them",
        cure: "use a file with a token that has read access (token_file in the stack's source), or an ssh address with a key",
        again: false,
    },
    Case {
        marks: &["authentication failed", "invalid credentials", "invalid username or", "returned error: 401"],
        cause: "the git server did not accept the name or token",
        cure: "the name or token in the stack's address is wrong or has expired: renew it, or use an ssh address with a key",
        again: false,
    },
    Case {
        marks: &["returned error: 403", "access denied", "you don't have permission", "insufficient permission to"],
        cause: "the git server accepted the key or token, but it has no read permission",
        cure: "give the push host's key or token read access to the repository",
        again: false,
    },
    Case {
        marks: &["unable to update url base from redirection"],
        cause: "the server redirected git to another page, for example to sign in",
        cure: "this is a web page, not a repository: use the address for `git clone`, and an ssh address if the repository \
               is not public",
        again: false,
    },
    Case {
        marks: &["is this a git repository?"],
        cause: "a web page answered, for example to sign in, and not git",
        cure: "is the stack's address right? Use the address for `git clone`, and an ssh address if the repository is not \
               public",
        again: false,
    },
    Case {
        marks: &["bad line length character", "protocol error"],
        cause: "something other than git answered: the login shell or a banner on the git server",
        cure: "make .bashrc and similar files there print only in interactive shells",
        again: false,
    },
    Case {
        marks: &[
            "ssl certificate problem",
            "server certificate verification failed",
            "certificate verify failed",
            "self-signed certificate",
            "self signed certificate",
            "no alternative certificate",
            "certificate has expired",
            "certificate subject name",
            "x509:",
        ],
        cause: "the push host does not trust the git server's certificate",
        cure: "add its authority on the push host (Debian: /usr/local/share/ca-certificates, then \
               update-ca-certificates); if it has expired or is for another host, fix it on the git server",
        again: false,
    },
    Case {
        marks: &["ssl_connect", "gnutls_handshake", "ssl routines", "tls connect error", "wrong version number"],
        cause: "the two sides do not agree on TLS",
        cure: "is it the https port, and does the git server support TLS 1.2 or newer?",
        again: true,
    },
    Case {
        marks: &["could not resolve host", "name or service not known", "temporary failure in name", "no such host"],
        cause: "the host name cannot be resolved",
        cure: "is the name in the stack's address right, and does DNS work on the push host?",
        again: true,
    },
    Case {
        marks: &["could not resolve proxy", "from proxy after connect", "proxy connect aborted"],
        cause: "a proxy refused the connection",
        cure: "is the git server reachable from the push host without one? Pushbutton's git reads no proxy settings",
        again: true,
    },
    Case {
        marks: &["' not allowed", "is not allowed by"],
        cause: "protocols that could run a program are not allowed",
        cure: "addresses may be https, http, ssh, git, file, or an absolute path",
        again: false,
    },
    Case {
        marks: &["' blocked"],
        cause: "the address looks like an ssh option",
        cure: "is the stack's address right?",
        again: false,
    },
    Case {
        marks: &["connection refused", "couldn't connect to server", "failed to connect"],
        cause: "nothing listens there",
        cure: "is the git server up, and the port right?",
        again: true,
    },
    Case {
        marks: &["timed out", "no route to host", "network is unreachable"],
        cause: "the git server cannot be reached from here",
        cure: "is the git server up, and can the push host reach it (firewall)?",
        again: true,
    },
    Case {
        marks: &[
            "connection reset",
            "connection closed by",
            "early eof",
            "unexpected disconnect",
            "hung up unexpectedly",
            "rpc failed",
            "returned error: 5",
        ],
        cause: "the connection was lost, so nothing was fetched",
        cure: "wait a minute; if it happens again, tell the administrator of the git server",
        again: true,
    },
    Case {
        marks: &[
            "hasdot",
            "zeropaddedfilemode",
            "missingspacebeforedate",
            "missingemail",
            "badtimezone",
            "baddate",
            "nullsha1",
            "gitmodules",
            "duplicateentries",
            "fsck error",
        ],
        cause: "git's own check (fsck) refuses it",
        cure: "the repository contains objects that git's own check refuses: repair it with `git fsck`",
        again: false,
    },
    Case {
        marks: &[
            "does not appear to be a git repository",
            "' not found",
            "repository not found",
            "could not be found",
            "does not exist",
            "returned error: 404",
            "no such file or directory",
        ],
        cause: "there is no such repository, or the push host may not read it",
        cure: "is the stack's address right, and may the push host read it?",
        again: false,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_a_failed_fetch_is_gits_own_line_and_the_advice_fits_it() {
        for (said, line, cure) in [
            (
                "fatal: http://h/web.git/info/refs not valid: is this a git repository?",
                "info/refs not valid",
                "Use the address for `git clone`",
            ),
            (
                "fatal: unable to update url base from redirection:\n  asked for: http://h/x\n   redirect: http://h/users/sign_in",
                "unable to update url base",
                "this is a web page",
            ),
            (
                "fatal: unable to access 'https://h/': SSL certificate problem: self-signed certificate",
                "self-signed",
                "update-ca-certificates",
            ),
            ("fatal: unable to access 'https://h/': The requested URL returned error: 429", "429", "fetch_every_s"),
            ("fatal: unable to access 'https://h/': The requested URL returned error: 503", "503", "wait a minute"),
            (
                "warning: rejected refs/heads/main because shallow roots are not allowed to be updated",
                "shallow roots",
                "--unshallow",
            ),
            ("fatal: write error: No space left on device", "No space left", "df -i"),
            (
                "No ED25519 host key is known for h and you have requested strict checking.\nHost key verification failed.\nfatal: Could not read from remote repository.",
                "No ED25519 host key",
                "not for git servers",
            ),
            (
                "@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.",
                "REMOTE HOST IDENTIFICATION",
                "ssh-keygen -R",
            ),
            (
                "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.",
                "Permission denied",
                "deploy key",
            ),
            ("fatal: protocol error: bad line length character: Welc", "Welc", "print only in interactive shells"),
            (
                "remote: Repository not found.\nfatal: repository 'https://h/x/' not found",
                "Repository not found",
                "is the stack's address right",
            ),
            (
                "ssh: Could not resolve hostname nope: Name or service not known\nfatal: Could not read from remote repository.",
                "Could not resolve hostname",
                "does DNS work",
            ),
            ("fatal: detected dubious ownership in repository at '/srv/x'", "dubious", "chown -R"),
            (
                "fatal: could not read Username for 'https://h': terminal prompts disabled",
                "terminal prompts",
                "ssh address with a key",
            ),
        ] {
            let advice = of(said);
            assert!(advice.said.contains(line), "{said}: {advice:?}");
            assert!(advice.words().contains(cure), "{said}: {}", advice.words());
            assert!(!is_damage(said), "{said}");
        }
    }

    #[test]
    fn a_damaged_copy_is_told_from_a_trouble_of_the_other_side() {
        for said in [
            "fatal: bad object refs/heads/main\nerror: /srv/repo did not send all necessary objects",
            "fatal: not a git repository: '/data/mirrors/web.git'",
            "fatal: refusing to fetch into branch 'refs/heads/main' checked out at '/data/mirrors/web.git'",
            "fatal: bad config line 1 in file /data/mirrors/web.git/config",
            "error: index file x.idx is too small",
            "error: cannot lock ref 'refs/heads/main': Unable to create '/data/mirrors/web.git/refs/heads/main.lock': File exists.",
            "fatal: unexpected line in web.git/packed-refs: garbage",
            "fatal: missing object 5f12 for refs/heads/main",
            "fatal: bad shallow line: zz",
        ] {
            assert!(is_damage(said) && of(said).case.is_none(), "{said}: {:?}", of(said));
        }
    }
}
