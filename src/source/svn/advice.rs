//! What Subversion says when it fails, and what we advise; and what we say of it ourselves. Pure. It must never hide what svn said.
//! Called by `svn`.

use crate::advice::{Advice, Case, Table};

/// What is listed of Subversion in `docs/operating.md`.
pub const TABLES: &[Table] = &[("svn", CASES), ("Pushbutton (build, source)", OURS)];

/// Reads what svn said.
pub fn of(said: &str) -> Advice {
    Advice::of(said, CASES, &["unable to connect to a repository at url", "additional errors:"])
}

/// What Subversion is known to say.
pub const CASES: &[Case] = &[
    Case {
        marks: &["no space left", "disk quota exceeded"],
        cause: "the push host's data disk has no space or no inodes left",
        cure: "free space on the push host's data disk: `df -h` and `df -i` show which of them is used up",
        again: false,
    },
    Case {
        marks: &["host key verification failed", "host key is known for", "host identification has changed"],
        cause: "this svn server's host key is not trusted yet",
        cure: "add the svn server's host key to known_hosts of the user that runs Pushbutton (`pushbutton hosts trust` is \
               for the hosts of stacks)",
        again: false,
    },
    Case {
        marks: &["permission denied (publickey", "permission denied (password"],
        cause: "the svn server refused the push host's ssh key",
        cure: "give the push host's ssh key read access to the repository",
        again: false,
    },
    Case {
        marks: &["e170001", "e215004", "authorization failed", "no more credentials", "e175013"],
        cause: "the server wants a user with read permission",
        cure: "use svn+ssh with a key, or a repository that may be read without a password",
        again: false,
    },
    Case {
        marks: &["e230001", "certificate verification failed", "e120171"],
        cause: "the push host does not trust the server's certificate",
        cure: "the server's certificate is not trusted: add its authority on the push host \
               (update-ca-certificates)",
        again: false,
    },
    Case {
        marks: &["e175003", "does not support the http/dav", "e175009", "xml parsing failed", "e130003", "e175011"],
        cause: "a web page answered, for example to sign in, and not Subversion",
        cure: "use the address for `svn checkout`",
        again: false,
    },
    Case {
        marks: &["e170013: unable to connect to a repository at url 'svn+", "e210002"],
        cause: "the ssh connection was closed before svn answered",
        cure: "does ssh to this server work as the user that runs Pushbutton, and is svnserve installed?",
        again: true,
    },
    Case {
        marks: &["e670002", "e731001", "name or service not known", "e670008"],
        cause: "the host name cannot be resolved",
        cure: "is the name in the stack's address right, and does DNS work on the push host?",
        again: true,
    },
    Case {
        marks: &["connection refused", "e000111"],
        cause: "nothing listens there",
        cure: "is the svn server up, and the port right?",
        again: true,
    },
    Case {
        marks: &["timed out", "no route to host", "network is unreachable", "e000110", "e000113"],
        cause: "the server cannot be reached from here",
        cure: "is the svn server up, and can the push host reach it (firewall)?",
        again: true,
    },
    Case {
        marks: &["e175002", "connection closed unexpectedly", "e120106", "connection reset", "e000104"],
        cause: "the connection was lost, so nothing was fetched",
        cure: "wait a minute; if it happens again, tell the administrator of the svn server",
        again: true,
    },
    Case {
        marks: &["e160013", "e200009", "path not found", "non-existent in revision", "e195012"],
        cause: "the repository has no such directory",
        cure: "is the path in the stack's address right?",
        again: false,
    },
    Case {
        marks: &["e160006", "no such revision"],
        cause: "the repository is empty, or does not have this revision yet",
        cure: "was it recreated? check svn log of the stack's address",
        again: false,
    },
    Case {
        marks: &["e180001", "e210005", "no repository found"],
        cause: "there is no such repository, or the push host may not read it",
        cure: "is the stack's address right, and may the push host read it?",
        again: false,
    },
];

/// What we say of it ourselves.
const OURS: &[Case] = &[Case {
    marks: &[
        "svn is not installed",
        "svn could not be run",
        "svn's answer is not a complete log",
        "nothing was ever committed",
        "is not a revision of subversion",
        "is no place for a checkout",
    ],
    cause: "the Subversion repository gave an error or an unexpected answer",
    cure: "install `subversion` on the push host, or fix the address; it is retried automatically",
    again: false,
}];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_svns_own_line_and_the_advice_fits_it() {
        for (said, line, cure) in [
            (
                "svn: E170013: Unable to connect to a repository at URL 'svn://h/x'\nsvn: E000111: Can't connect to host 'h': Connection refused",
                "E000111",
                "is the svn server up, and the port right?",
            ),
            (
                "svn: E170013: Unable to connect to a repository at URL 'https://h/x'\nsvn: E230001: Server SSL certificate verification failed: issuer is not trusted",
                "E230001",
                "update-ca-certificates",
            ),
            (
                "svn: E170013: Unable to connect to a repository at URL 'http://h/x'\nsvn: E175003: The server at 'http://h/x' does not support the HTTP/DAV protocol",
                "E175003",
                "svn checkout",
            ),
            (
                "svn: E160013: File not found: revision 3, path '/trank'",
                "E160013",
                "is the path in the stack's address right?",
            ),
            ("svn: E170001: Authorization failed", "E170001", "svn+ssh with a key"),
        ] {
            let advice = of(said);
            assert!(
                advice.said.contains(line) && advice.words().ends_with(cure) || advice.words().contains(cure),
                "{}",
                advice.words()
            );
        }
    }
}
