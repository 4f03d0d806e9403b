//! What ssh says when it does not get in, and what a login shell says that runs no commands. It must never take a wrong key for
//! a passing trouble: those are not tried again. Called by the masters.
//!
//! In cause and cure `{host}` is the host, `{file}` the first file that ssh's line names. `STACK` is for whoever knows the stack:
//! see [`super::of_stack`].

use super::host::file;
use super::{Advice, Case};

/// What ssh says, the most telling first: what comes after a wrong key is only what follows from it.
pub const CASES: &[Case] = &[
    // Our own side: nothing was sent.
    Case {
        marks: &["bad owner or permissions on"],
        cause: "ssh on the push host refuses its own configuration",
        cure: "that file must belong to the user that Pushbutton runs as, and must not be writable by others: chown it, then chmod 600",
        again: false,
    },
    Case {
        marks: &[
            "bad configuration option",
            "missing argument.",
            "extra arguments at end of line",
            "unsupported option \"",
            "terminating, ",
            "garbage at end of line",
            "no argument after keyword",
        ],
        cause: "ssh's configuration on the push host has a mistake",
        cure: "fix that line; `ssh -G NAME` there checks the file and shows the error",
        again: false,
    },
    Case {
        marks: &["no user exists for uid", "you don't exist, go away"],
        cause: "the user that Pushbutton runs as has no entry in /etc/passwd of the push host",
        cure: "add one, with a home directory (in a container: a line in /etc/passwd for this number)",
        again: false,
    },
    Case {
        marks: &["controlpath too long", "too long for unix domain socket"],
        cause: "the path of the data directory is too long for ssh's sockets",
        cure: "use a shorter `data` in config.toml",
        again: false,
    },
    // The host's key.
    Case {
        marks: &["is marked as revoked", "was revoked and you have requested", "revoked by file"],
        cause: "{host} presents a revoked host key: someone may be intercepting the connection with a stolen key; nothing was sent",
        cure: "give the machine a new host key and trust that; remove the revocation (@revoked in known_hosts, RevokedHostKeys) only if you know that it was wrong",
        again: false,
    },
    Case {
        marks: &["in revoked keys file"],
        cause: "the list of revoked host keys on the push host cannot be read",
        cure: "fix or create that file (RevokedHostKeys in ssh's configuration)",
        again: false,
    },
    Case {
        marks: &["remote host identification has changed", "has changed and you have requested strict"],
        cause: "the host key of {host} has changed: someone may be intercepting the connection, or the machine was reinstalled; nothing was sent",
        cure: "when you know why, replace its line in known_hosts: `pushbutton hosts trust STACK` shows which",
        again: false,
    },
    Case {
        marks: &["certificate invalid: expired"],
        cause: "the host certificate of {host} has expired",
        cure: "sign its host key again with your CA (ssh-keygen -s CA -h -V +52w …) and reload its sshd",
        again: false,
    },
    Case {
        marks: &["certificate invalid: not yet valid"],
        cause: "the host certificate of {host} is not valid yet",
        cure: "compare the clocks of the push host and of {host}; otherwise sign its host key again with an earlier start time",
        again: false,
    },
    Case {
        marks: &["certificate invalid: name is not a listed principal"],
        cause: "the host certificate of {host} is for other names",
        cure: "use a host name from the certificate in the stack file (ssh-keygen -Lf there shows them), or sign it again with -n",
        again: false,
    },
    Case {
        marks: &["certificate invalid:", "certificate lacks principal", "ca key is not", "no matching ca found"],
        cause: "the host certificate of {host} is not accepted",
        cure: "inspect it there (ssh-keygen -Lf /etc/ssh/ssh_host_ed25519_key-cert.pub) and at the @cert-authority line in known_hosts here",
        again: false,
    },
    Case {
        marks: &["host key is known for", "host key verification failed"],
        cause: "the host key of {host} is not known on the push host",
        cure: "compare it with the machine's own (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there): `pushbutton hosts trust STACK` shows and keeps it",
        again: false,
    },
    // What both sides can.
    Case {
        marks: &["no matching host key type found"],
        cause: "{host} has only host key types that ssh on the push host no longer accepts",
        cure: "create a newer one there (ssh-keygen -A) or, for an old machine, allow its type in ssh's configuration for this host: HostKeyAlgorithms +ssh-rsa",
        again: false,
    },
    Case {
        marks: &["no matching key exchange method", "no matching cipher", "no matching mac"],
        cause: "{host} and ssh on the push host have no encryption algorithm in common",
        cure: "update its sshd or, for an old machine, allow one that it offers in ssh's configuration for this host (KexAlgorithms, Ciphers or MACs, with a + in front)",
        again: false,
    },
    Case {
        marks: &["no mutual signature", "bad server host key: invalid key length"],
        cause: "{host} and ssh on the push host have no key type in common that both accept",
        cure: "use an ed25519 key (ssh-keygen -t ed25519), or update the older of the two",
        again: false,
    },
    // Our key.
    Case {
        marks: &["too many authentication failures"],
        cause: "{host} refused the sign-in before our key was tried: ssh offers more keys than MaxAuthTries allows",
        cure: "set the right key in ssh's configuration for this host, IdentityFile ~/.ssh/KEY and IdentitiesOnly yes, or remove keys from the agent",
        again: false,
    },
    Case {
        marks: &["are too open."],
        cause: "ssh does not use our private key, because other users on the push host can read it",
        cure: "chmod 600 {file}",
        again: false,
    },
    Case {
        marks: &["\": permission denied"],
        cause: "our private key cannot be read by the user that Pushbutton runs as",
        cure: "make that user the owner of the key on the push host (chown), then chmod 600 {file}",
        again: false,
    },
    Case {
        marks: &["agent refused operation", "communication with agent failed", "agent key refused"],
        cause: "the agent on the push host holds our key but does not sign with it",
        cure: "unlock it there (`ssh-add -X`), or add the key again without a question for each use (`ssh-add` without -c), or use a key file without a passphrase",
        again: false,
    },
    Case {
        marks: &[
            "\": invalid format",
            "\": error in libcrypto",
            "\": unsupported",
            "\": bad permissions",
            "\": incorrect passphrase",
            "no separate private key for certificate",
            "key is invalid",
        ],
        cause: "our private key cannot be used",
        cure: "try it on the push host as the user that Pushbutton runs as: `ssh-keygen -y -f {file}` must print its public half without asking anything",
        again: false,
    },
    Case {
        marks: &["no such identity:", "identity file "],
        cause: "the key that ssh's configuration names is not on the push host",
        cure: "put it there, readable only by the user that Pushbutton runs as, or fix IdentityFile",
        again: false,
    },
    // The account. These words come from PAM, before or instead of a session.
    Case {
        marks: &["your account has expired", "account is expired", "account expired"],
        cause: "the account on {host} has expired",
        cure: "ask its administrator to extend it: chage -E -1 USER there",
        again: false,
    },
    Case {
        marks: &[
            "password has expired",
            "password change required",
            "must change your password",
            "password is expired",
            "required to change your password",
        ],
        cause: "the password of the account on {host} has expired, and its sshd refuses sign-in until it is changed",
        cure: "change it, or let it never expire (chage -M -1 USER there): a key needs no password",
        again: false,
    },
    Case {
        marks: &[
            "system is booting up",
            "system is going down",
            "unprivileged users are not permitted",
            "pam_nologin",
            "logins are disabled",
            "the system is shutting down",
        ],
        cause: "{host} lets only root sign in now: it is booting or shutting down, or has a file /etc/nologin",
        cure: "wait until it is up; if it is, remove /etc/nologin (or /run/nologin) there",
        again: true,
    },
    Case {
        marks: &[
            "permission denied (password",
            "permission denied (keyboard-interactive",
            "permission denied ()",
            "permission denied (gssapi",
        ],
        cause: "{host} does not accept a key alone: it also asks for something that a person must type",
        cure: "let its sshd accept keys for this account: PubkeyAuthentication yes, and AuthenticationMethods publickey in a Match block for the user",
        again: false,
    },
    Case {
        marks: &["permission denied (", "permission denied, please try again"],
        cause: "{host} refuses our key",
        cure: "is the user right, may it sign in there (AllowUsers, its shell in /etc/shells), and is our public key in its authorized_keys? (the key comes from an agent or IdentityFile)",
        again: false,
    },
    // The door.
    Case {
        marks: &["temporary failure in name resolution"],
        cause: "the name of {host} cannot be resolved now: the push host's DNS server does not answer",
        cure: "check /etc/resolv.conf and the network there",
        again: true,
    },
    Case {
        marks: &["could not resolve hostname"],
        cause: "the name of {host} is not known",
        cure: "check its spelling in the stack file, and DNS on the push host",
        again: true,
    },
    Case {
        marks: &["connection refused"],
        cause: "{host} refuses connections",
        cure: "is sshd running there, and the port right?",
        again: true,
    },
    Case {
        marks: &[
            "banner line contains invalid characters",
            "invalid format",
            "protocol major versions differ",
            "bad remote protocol version",
            "could not read protocol version",
            "banner line too long",
            "no ssh identification string",
        ],
        cause: "the server on that port of {host} is not an ssh server",
        cure: "write the port of its sshd after the host, {host}:2222, or in ssh's configuration",
        again: false,
    },
    Case {
        marks: &["exceeded maxstartups", "not allowed at this time"],
        cause: "{host} accepts no more sign-ins now, from anyone or from this address",
        cure: "raise MaxStartups in its sshd_config, and find out there why earlier sign-ins failed (PerSourcePenalties)",
        again: true,
    },
    Case {
        marks: &["timed out during banner exchange"],
        cause: "{host} accepts the connection but does not answer as an ssh server",
        cure: "is it overloaded or hung, or does something else listen on that port?",
        again: true,
    },
    Case {
        marks: &["network is unreachable", "address family not supported", "cannot assign requested address"],
        cause: "there is no route from the push host to the network of {host}, so it does not answer",
        cure: "check the routes on the push host (ip route get ADDRESS); an IPv6 address needs IPv6 there",
        again: true,
    },
    Case {
        marks: &["port 22: invalid argument", ": invalid argument"],
        cause: "the address of {host} is incomplete",
        cure: "an address that begins with fe80 needs its interface: fe80::1%eth0",
        again: false,
    },
    Case {
        marks: &[
            "timed out",
            "no route to host",
            "host is down",
            "operation not permitted",
            "port 22: permission denied",
            ": network is down",
        ],
        cause: "{host} does not answer",
        cure: "is it up, and reachable from the push host (network, firewall)?",
        again: true,
    },
    Case {
        marks: &["exec: ", "proxycommand"],
        cause: "the ProxyCommand of ssh's configuration cannot be started",
        cure: "install that program on the push host, or fix ProxyCommand for this host",
        again: false,
    },
    Case {
        marks: &["connection closed by unknown port 65535", "connection reset by unknown port 65535"],
        cause: "the ProxyCommand or ProxyJump of ssh's configuration ended before {host} was reached",
        cure: "test it on the push host: ssh -v NAME",
        again: true,
    },
    Case {
        marks: &["kex_exchange_identification:", "ssh_exchange_identification:"],
        cause: "{host} closes the connection before it identifies itself",
        cure: "does it block this machine (fail2ban, hosts.deny, PerSourcePenalties), are there too many sign-ins at once (MaxStartups), or can its sshd not start sessions? See its log (journalctl -u ssh)",
        again: true,
    },
    Case {
        marks: &[
            "connection closed by",
            "connection reset by",
            "broken pipe",
            "connection corrupted",
            "message authentication code incorrect",
        ],
        cause: "{host} or the network closed the connection during sign-in",
        cure: "see its log (journalctl -u ssh there): a full disk, no memory, a failing PAM module",
        again: true,
    },
];

/// What a login shell says, on both of its streams, that did not run `echo ready`.
pub const SHELL: &[Case] = &[
    Case {
        marks: &["account is currently not available", "account is not available", "/nologin: no such file"],
        cause: "the account on {host} may sign in, but its shell (nologin) runs no commands",
        cure: "give it a real shell: chsh -s /bin/sh USER there, or sign in as another user",
        again: false,
    },
    Case {
        marks: &["your account has expired", "account has expired"],
        cause: "the account on {host} has expired",
        cure: "ask its administrator to extend it: chage -E -1 USER there",
        again: false,
    },
    Case {
        marks: &[
            "password has expired",
            "password change required",
            "must change your password",
            "required to change your password",
        ],
        cause: "the password of the account on {host} has expired, and no command runs until it is changed",
        cure: "change it, or let it never expire (chage -M -1 USER there): a key needs no password",
        again: false,
    },
    Case {
        marks: &["allows sftp connections only", "sftp connections only"],
        cause: "{host} lets this account only copy files (sftp), not run commands",
        cure: "remove ForceCommand internal-sftp for this user in its sshd_config: a push runs commands there",
        again: false,
    },
    Case {
        marks: &[
            "unrecognized command",
            "command not allowed",
            "not allowed by policy",
            "rssh",
            "invalid command",
            "interactive git shell",
        ],
        cause: "{host} lets this key or account run only certain commands",
        cure: "remove the restriction there: command=\"…\" before the key in authorized_keys, ForceCommand, or a shell such as git-shell",
        again: false,
    },
    Case {
        marks: &["restricted"],
        cause: "the login shell on {host} is restricted",
        cure: "give the account a normal one: chsh -s /bin/sh USER there",
        again: false,
    },
    Case {
        marks: &["no space left on device", "disk quota exceeded"],
        cause: "the disk of {host} is full, so its login shell cannot start",
        cure: "free space there: df -h, df -i",
        again: true,
    },
    Case {
        marks: &["resource temporarily unavailable", "cannot allocate memory", "cannot fork", "fork failed"],
        cause: "the process limit of this account on {host} is reached",
        cure: "check there: free -h, ps -u USER, ulimit -u",
        again: true,
    },
    Case {
        marks: &["sudo: a password is required", "sudo: a terminal is required", "you must have a tty"],
        cause: "the startup file of the login shell on {host} calls sudo, which asks for a password",
        cure: "make it do so only in interactive shells: case $- in *i*) …;; esac",
        again: false,
    },
];

/// What ssh says beside the reason.
pub const NOISE: &[&str] = &[
    "warning:",
    "@@@@",
    "** ",
    "pseudo-terminal will not",
    "failed to add the host",
    "could not create directory",
    "disconnected from",
    "connection closed by unknown",
    "hostkeys_",
    "ssh_askpass",
    "load_hostkeys",
];

/// The words for a person: what is wrong with the host, what ssh said, what to do.
pub fn words(advice: &Advice, host: &str) -> String {
    let said = advice.said.strip_prefix("ssh: ").unwrap_or(&advice.said);
    let filled = |text: &str| text.replace("{host}", host).replace("{file}", file(said));
    match advice.case {
        Some(case) => format!("{} ({said}): {}", filled(case.cause), filled(case.cure)),
        None if said.is_empty() => format!("cannot connect to {host}: ssh gives no reason"),
        None => format!("cannot connect to {host}: {said}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (String, bool) {
        let advice = Advice::of(text, CASES, NOISE);
        (super::super::of_stack(&words(&advice, "web1"), "hello"), advice.again())
    }

    /// What OpenSSH says, what we make of it, whether another try may help. Only what `tests/advised.rs` brings about comes from a
    /// real ssh, that of the machine which runs it; names and addresses are ours. The rest is written after OpenSSH's source and
    /// what people report, not captured from each version.
    #[test]
    fn each_complaint_of_ssh_has_its_own_cause_and_cure_chosen_by_its_first_telling_line() {
        const CLOSED: &str =
            "kex_exchange_identification: Connection closed by remote host\nConnection closed by UNKNOWN port 65535";
        let known = "ED25519 host key is known for [127.0.0.1]:22 and you have requested strict checking.\nHost key verification failed.";
        let table: Vec<(String, &[&str], bool)> = vec![
            ("@@@\n@       WARNING: REVOKED HOST KEY DETECTED!               @\n@@@\nThe ED25519 host key for web1 is marked as revoked.\nThis could mean that a stolen key is being used to\nimpersonate this host.\nED25519 host key for web1 was revoked and you have requested strict checking.\nHost key verification failed.".into(), &["web1 presents a revoked host key", "(The ED25519 host key for web1 is marked as revoked.)", "new host key"], false),
            ("Error checking host key ED25519 SHA256:x in revoked keys file /etc/ssh/krl: No such file or directory\nHost key verification failed.".into(), &["revoked host keys on the push host cannot be read", "/etc/ssh/krl"], false),
            ("@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nIT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\nHost key for web1 has changed and you have requested strict checking.\nHost key verification failed.".into(), &["the host key of web1 has changed", "`pushbutton hosts trust hello` shows which"], false),
            (format!("Certificate invalid: expired\nNo {known}"), &["certificate of web1 has expired", "sign its host key again"], false),
            (format!("Certificate invalid: not yet valid\nNo {known}"), &["not valid yet", "clocks"], false),
            (format!("Certificate invalid: name is not a listed principal\nNo {known}"), &["is for other names"], false),
            (format!("No {known}"), &["is not known on the push host (No ED25519 host key is known for", "`pushbutton hosts trust hello` shows and keeps it"], false),
            ("Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures\nDisconnected from 10.0.0.1 port 22".into(), &["before our key was tried", "IdentitiesOnly yes"], false),
            ("@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\nPermissions 0644 for '/home/p/.ssh/id' are too open.\nThis private key will be ignored.\nLoad key \"/home/p/.ssh/id\": bad permissions\nd@web1: Permission denied (publickey).".into(), &["other users on the push host can read it", ": chmod 600 /home/p/.ssh/id"], false),
            ("Load key \"/home/p/.ssh/id\": Permission denied\nd@web1: Permission denied (publickey).".into(), &["cannot be read by the user that Pushbutton runs as", "chmod 600 /home/p/.ssh/id"], false),
            ("Load key \"/k\": error in libcrypto\nd@web1: Permission denied (publickey).".into(), &["our private key cannot be used", "ssh-keygen -y -f /k"], false),
            ("no such identity: /k: No such file or directory\nd@web1: Permission denied (publickey).".into(), &["is not on the push host (no such identity: /k: "], false),
            ("sign_and_send_pubkey: signing failed for ED25519 \"k\" from agent: agent refused operation\nd@web1: Permission denied (publickey).".into(), &["does not sign with it", "ssh-add"], false),
            ("d@web1: Permission denied (publickey,password).".into(), &["web1 refuses our key (d@web1: Permission denied (publickey,password).)"], false),
            ("d@web1: Permission denied (keyboard-interactive).".into(), &["does not accept a key alone"], false),
            ("Your account has expired; please contact your system administrator.\nConnection closed by 10.0.0.1 port 22".into(), &["has expired", "chage -E"], false),
            ("\"System is booting up. Unprivileged users are not permitted to log in yet. Please come back later.\"\nConnection closed by 10.0.0.1 port 22".into(), &["lets only root sign in now", "/etc/nologin"], true),
            ("Bad owner or permissions on /home/p/.ssh/config".into(), &["refuses its own configuration", "chmod 600"], false),
            ("/home/p/.ssh/config: line 3: Bad configuration option: hosst\n/home/p/.ssh/config: terminating, 1 bad configuration options".into(), &["has a mistake (/home/p/.ssh/config: line 3"], false),
            ("Unable to negotiate with 10.0.0.1 port 22: no matching host key type found. Their offer: ssh-rsa,ssh-dss".into(), &["only host key types", "Their offer: ssh-rsa", "HostKeyAlgorithms +ssh-rsa"], false),
            ("Unable to negotiate with 10.0.0.1 port 22: no matching key exchange method found. Their offer: x".into(), &["no encryption algorithm in common", "KexAlgorithms"], false),
            ("Unable to negotiate with 10.0.0.1 port 22: no matching cipher found. Their offer: x".into(), &["no encryption algorithm in common", "Ciphers"], false),
            ("kex_exchange_identification: banner line contains invalid characters\nbanner exchange: Connection to 10.0.0.1 port 80: invalid format".into(), &["is not an ssh server", "web1:2222"], false),
            ("Protocol major versions differ: 2 vs. 1\nbanner exchange: Connection to 10.0.0.1 port 22: could not read protocol version".into(), &["is not an ssh server"], false),
            ("kex_exchange_identification: Connection closed by remote host\nConnection closed by 10.0.0.1 port 22".into(), &["closes the connection before it identifies itself", "fail2ban", "MaxStartups"], true),
            ("kex_exchange_identification: read: Connection reset by peer\nConnection reset by 10.0.0.1 port 22".into(), &["closes the connection before", "hosts.deny"], true),
            ("Connection timed out during banner exchange\nConnection to 10.0.0.1 port 25 timed out".into(), &["does not answer as an ssh server"], true),
            ("ssh: connect to host web1 port 22: Connection refused".into(), &["web1 refuses connections (connect to host web1 port 22: Connection refused): is sshd running"], true),
            ("ssh: connect to host web1 port 22: Connection timed out\r".into(), &["web1 does not answer (connect to host web1 port 22: Connection timed out): is it up"], true),
            ("ssh: connect to host 2001:db8::1 port 22: Network is unreachable".into(), &["does not answer", "IPv6"], true),
            ("ssh: connect to host fe80::1 port 22: Invalid argument".into(), &["fe80::1%eth0"], false),
            ("ssh: Could not resolve hostname web1: Name or service not known".into(), &["the name of web1 is not known", "spelling"], true),
            ("ssh: Could not resolve hostname web1: Temporary failure in name resolution".into(), &["the push host's DNS server"], true),
            (format!("/bin/sh: 1: exec: nc: not found\n{CLOSED}"), &["ProxyCommand of ssh's configuration cannot be started (/bin/sh: 1: exec: nc: not found)"], false),
            (CLOSED.into(), &["ended before web1 was reached"], true),
            ("No user exists for uid 1001".into(), &["no entry in /etc/passwd"], false),
            ("Connection closed by 10.0.0.1 port 22".into(), &["closed the connection during sign-in", "journalctl"], true),
            // A banner of lawyers is no reason, whatever stands in it.
            ("ACCESS DENIED to everybody else.\nd@web1: Permission denied (publickey).".into(), &["refuses our key (d@web1"], false),
            ("WARNING: something new\nnobody has seen this".into(), &["cannot connect to web1: nobody has seen this"], true),
            (String::new(), &["cannot connect to web1: ssh gives no reason"], true),
        ];
        for (text, parts, again) in table {
            let (said, may) = told(&text);
            assert!(parts.iter().all(|part| said.contains(part)), "{text}\n  gave: {said}");
            assert!(!said.contains(['{', '}']), "{said}");
            assert_eq!(may, again, "{said}");
        }
    }

    #[test]
    fn a_login_shell_that_runs_no_commands_says_why() {
        for (text, part) in [
            ("This account is currently not available.\n", "chsh -s /bin/sh"),
            ("This service allows sftp connections only.\n", "ForceCommand internal-sftp"),
            ("fatal: unrecognized command 'echo ready'\n", "git-shell"),
            ("WARNING: Your password has expired.\nPassword change required but no TTY available.\n", "chage -M -1"),
            ("-bash: cannot create temp file for here-document: No space left on device\n", "df -h"),
            ("bash: fork: retry: Resource temporarily unavailable\n", "ulimit -u"),
        ] {
            let said = words(&Advice::of(text, SHELL, &[]), "web1");
            assert!(said.contains(part), "{text}: {said}");
        }
    }
}
