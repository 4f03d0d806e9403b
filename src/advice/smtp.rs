//! What a mail server says when it will not have us: our sign-in, our machine, our sender, our way of speaking. None of it is
//! about one mail, so that the same mail goes out once it is fixed. Called by the mail, which keeps what is about a mail
//! or an address apart by it.

use super::{Advice, Case, tls};

const BAD_SIGN_IN: Case = Case {
    marks: &[
        "authentication failed",
        "authentication credentials invalid",
        "username and password not accepted",
        "authentication unsuccessful",
        "invalid credentials",
        "invalid login",
        "bad credentials",
    ],
    cause: "the server does not accept the user and password",
    cure: "correct user and password of [email]; the password may have expired, or the server may need an app password",
    again: false,
};
const WANTS_SIGN_IN: Case = Case {
    marks: &[
        "authentication required",
        "must authenticate",
        "authentication is required",
        "requires authentication",
        "not authenticated",
        "authenticate first",
    ],
    cause: "the server requires sign-in",
    cure: "set user and password_file (or password_env) in [email]",
    again: false,
};

/// What is wrong between a mail server and us.
pub const CASES: &[Case] = &[
    Case {
        marks: &["must issue a starttls", "starttls first", "encryption required", "starttls required", "tls required"],
        cause: "the server requires TLS",
        cure: "write tls = \"starttls\" in [email], or tls = \"tls\" with port 465",
        again: false,
    },
    Case {
        marks: &["starttls is not supported"],
        cause: "the server offers no TLS on this port",
        cure: "use its submission port (587 with tls = \"starttls\", or 465 with tls = \"tls\"); tls = \"none\" \
               only for a server on this machine",
        again: false,
    },
    Case {
        marks: &["no compatible authentication mechanism"],
        cause: "the server offers no supported sign-in method on this connection",
        cure: "most servers offer it over TLS only: write tls = \"starttls\", or remove user and password from [email]",
        again: false,
    },
    BAD_SIGN_IN,
    WANTS_SIGN_IN,
    Case {
        marks: &[
            "relay access denied",
            "relaying denied",
            "relay not permitted",
            "relaying not allowed",
            "relaying is not",
            "not permitted to relay",
            "unable to relay",
            "do not relay",
            "relay denied",
            "authorized to relay",
        ],
        cause: "the server does not relay mail for unknown senders",
        cure: "set user and password in [email], or allow this machine's address on the server",
        again: false,
    },
    Case {
        marks: &[
            "helo command rejected",
            "helo/ehlo",
            "invalid helo",
            "helo required",
            "invalid ehlo",
            "bad helo",
            "fully-qualified hostname",
        ],
        cause: "the server does not accept the name in our HELO",
        cure: "write this machine's full host name as helo = \"push.example.com\" in [email]",
        again: false,
    },
    Case {
        marks: &[
            "sender address rejected",
            "not owned by user",
            "sendasdenied",
            "send as this sender",
            "sender denied",
            "not authorized to send as",
            "sender verify failed",
            "sender rejected",
            "bad sender",
        ],
        cause: "the server does not allow sending from this address",
        cure: "set `from` in [email] to an address that this account may send from",
        again: false,
    },
    Case {
        marks: &["unauthenticated sender", "spf ", "dkim", "dmarc"],
        cause: "the server does not accept that this machine sends for the sender's domain",
        cure: "send through the domain's own mail server, or correct SPF and DKIM of the domain",
        again: false,
    },
    Case {
        marks: &["cannot find your hostname", "reverse hostname", "reverse dns", "ptr record"],
        cause: "this machine's address has no reverse DNS name",
        cure: "add one (a PTR record), or send through your own mail server",
        again: false,
    },
    Case {
        marks: &[
            "client host rejected",
            "blocked using",
            "blacklist",
            "blocklist",
            "your ip",
            "ip address",
            "ip you're using",
        ],
        cause: "the server rejects this machine's address",
        cure: "allow the address there, or send through another server",
        again: false,
    },
    Case {
        marks: &[
            "too many connections",
            "too many errors",
            "rate limit",
            "too many messages",
            "service not available",
            "service unavailable",
        ],
        cause: "the server is temporarily unavailable or limits the rate",
        cure: "it is retried automatically",
        again: true,
    },
    Case {
        marks: &[
            "failed to lookup address",
            "name or service not known",
            "could not resolve to any",
            "temporary failure in name resolution",
        ],
        cause: "this machine cannot resolve the mail server's name",
        cure: "check `server` in [email], and this machine's DNS: getent hosts NAME",
        again: true,
    },
    Case {
        marks: &["connection refused"],
        cause: "no mail server listens there",
        cure: "check `server` and `port` in [email], and whether the server is running",
        again: true,
    },
    Case {
        marks: &["timed out", "did not answer within", "no route to host", "network is unreachable"],
        cause: "there is no network route to the mail server, or it hangs",
        cure: "check the network and the firewalls: many block port 25 and allow 587",
        again: true,
    },
];

/// What is to be done about an answer of a mail server: some codes say it alone (RFC 4954), in whatever words.
pub fn advice_of(code: u16, said: &str) -> Option<Advice> {
    let by_code = match code {
        530 => Some(&WANTS_SIGN_IN),
        534 | 535 | 538 => Some(&BAD_SIGN_IN),
        _ => None,
    };
    advice(said).or_else(|| by_code.map(|case| Advice { case: Some(case), ..Advice::of(said, &[], &[]) }))
}

/// What is to be done about what a mail server said, or about the connection; none when it is not about us.
pub fn advice(said: &str) -> Option<Advice> {
    let advice = Advice::of(said, CASES, &[]);
    match advice.case {
        Some(_) => Some(advice),
        None => tls::advice(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_between_a_server_and_us_is_told_from_what_is_wrong_with_an_address() {
        for (said, cause) in [
            (
                "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6",
                Some("the server does not accept the user and password"),
            ),
            ("535 5.7.8 nein", Some("the server does not accept the user and password")),
            ("530 5.7.0 nein", Some("the server requires sign-in")),
            ("530 5.7.0 Must issue a STARTTLS command first", Some("the server requires TLS")),
            ("530 5.7.0 Authentication required", Some("the server requires sign-in")),
            (
                "554 5.7.1 <a@b.example>: Relay access denied",
                Some("the server does not relay mail for unknown senders"),
            ),
            ("550 5.7.1 Unable to relay", Some("the server does not relay mail for unknown senders")),
            (
                "504 5.5.2 <push>: Helo command rejected: need fully-qualified hostname",
                Some("the server does not accept the name in our HELO"),
            ),
            (
                "553 5.7.1 <a@b>: Sender address rejected: not owned by user push",
                Some("the server does not allow sending from this address"),
            ),
            (
                "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example",
                Some("the server rejects this machine's address"),
            ),
            ("550 5.1.1 <a@b>: Recipient address rejected: User unknown in relay recipient table", None),
            ("550 no such person", None),
            ("552 5.2.2 Mailbox full", None),
            ("554 5.6.0 Message contains invalid header", None),
        ] {
            let code = said.split(' ').next().unwrap().parse().unwrap();
            assert_eq!(advice_of(code, said).and_then(|advice| advice.case).map(|case| case.cause), cause, "{said}");
        }
    }
}
