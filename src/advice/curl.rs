//! What curl says when an address does not answer. It says the telling thing first, and then a paragraph about certificates
//! in general. Called by the check over HTTP.

use super::{Advice, Case};

/// What a question can fail with, by curl's own words (7.68 to 8.x, with OpenSSL or GnuTLS).
pub const CASES: &[Case] = &[
    Case {
        marks: &["certificate has expired", "expired certificate", "certificate expired"],
        cause: "its certificate has run out",
        cure: "have it renewed there, and look whether this machine's clock is right",
        again: false,
    },
    Case {
        marks: &["certificate is not yet valid", "not yet activated"],
        cause: "its certificate is not valid yet",
        cure: "look whether this machine's clock is right",
        again: false,
    },
    Case {
        marks: &["self-signed certificate", "self signed certificate"],
        cause: "nobody that this machine knows vouches for its certificate",
        cure: "make the certificate, or who signed it, known on the push host (/usr/local/share/ca-certificates, \
               update-ca-certificates), or check by http://",
        again: false,
    },
    Case {
        marks: &[
            "unable to get local issuer certificate",
            "unable to get issuer certificate",
            "unknown ca",
            "signer not found",
        ],
        cause: "the push host does not know who signed its certificate, or it does not send the certificates between",
        cure: "make the signer known on the push host (/usr/local/share/ca-certificates, update-ca-certificates), or have it \
               send its whole chain",
        again: false,
    },
    Case {
        marks: &[
            "no alternative certificate subject name matches",
            "does not match target host name",
            "subject name does not match",
        ],
        cause: "its certificate is for another name",
        cure: "check by the name that stands in the certificate",
        again: false,
    },
    Case {
        marks: &["certificate revoked"],
        cause: "its certificate was revoked",
        cure: "have it renewed there",
        again: false,
    },
    Case {
        marks: &["ssl certificate problem", "server certificate verification failed", "(60)"],
        cause: "its certificate cannot be believed",
        cure: "look at it: openssl s_client -connect HOST:443 -showcerts",
        again: false,
    },
    Case {
        marks: &["error setting certificate", "error adding trust anchors", "(77)"],
        cause: "the push host has no list of known authorities",
        cure: "install ca-certificates on the push host",
        again: false,
    },
    Case {
        marks: &["wrong version number", "unexpected packet", "packet length too long", "http/0.9", "(35) "],
        cause: "TLS did not come about: often one side speaks TLS and the other does not",
        cure: "look whether the address should begin with http:// or https://, and at its port",
        again: true,
    },
    Case {
        marks: &["could not resolve host"],
        cause: "the push host does not know the name",
        cure: "look at the name, and at this machine's DNS: getent hosts NAME",
        again: true,
    },
    Case {
        marks: &["connection refused", "could not connect to server", "couldn't connect to server"],
        cause: "nothing listens there, or not yet",
        cure: "look whether the service has started there, and at the port",
        again: true,
    },
    Case {
        marks: &["no route to host", "network is unreachable", "host is unreachable"],
        cause: "there is no way to it from the push host",
        cure: "look at its network, and at firewalls between",
        again: true,
    },
    Case {
        marks: &["timed out", "timeout was reached"],
        cause: "it did not answer in time",
        cure: "look whether it hangs; `timeout` of the check gives it more time",
        again: true,
    },
    Case {
        marks: &["empty reply from server", "connection reset", "recv failure"],
        cause: "it closed the connection without an answer",
        cure: "look at its own log: it may have crashed, or speak another protocol there",
        again: true,
    },
    Case {
        marks: &["unsupported protocol", "protocol \"", "url rejected", "malformed"],
        cause: "curl does not take the address",
        cure: "look at the check's address in the stack file",
        again: false,
    },
];

/// What came, and what to do: its first telling line.
pub fn advice(said: &str) -> Advice {
    let said: String = said.lines().map(|line| line.trim_start_matches("curl: ").to_owned() + "\n").collect();
    Advice::of(&said, CASES, &["warning: ", "more details here", "curl failed to verify", "how to fix it"])
}

#[cfg(test)]
mod tests {
    use super::*;

    const MORE: &str = "More details here: https://curl.se/docs/sslcerts.html\n\ncurl failed to verify the legitimacy of the \
        server and therefore could not\nestablish a secure connection to it. To learn more about this situation and\nhow to \
        fix it, please visit the web page mentioned above.\n";

    #[test]
    fn the_reason_is_the_first_telling_line_and_the_cure_goes_with_it() {
        for (said, cause) in [
            ("(60) SSL certificate problem: self-signed certificate", "nobody that this machine knows vouches"),
            (
                "(60) SSL certificate problem: self signed certificate in certificate chain",
                "nobody that this machine knows",
            ),
            ("(60) SSL certificate problem: certificate has expired", "its certificate has run out"),
            (
                "(60) SSL certificate problem: unable to get local issuer certificate",
                "the push host does not know who signed",
            ),
            (
                "(60) SSL: no alternative certificate subject name matches target host name 'x'",
                "its certificate is for another",
            ),
            ("(60) SSL certificate problem: certificate is not yet valid", "its certificate is not valid yet"),
            ("(60) SSL certificate problem: EE certificate key too weak", "its certificate cannot be believed"),
            ("(35) OpenSSL/3.0: error:0A00010B:SSL routines::wrong version number", "TLS did not come about"),
            ("(1) Received HTTP/0.9 when not allowed", "TLS did not come about"),
            ("(6) Could not resolve host: x", "the push host does not know the name"),
            (
                "(7) Failed to connect to 127.0.0.1 port 1 after 0 ms: Couldn't connect to server",
                "nothing listens there",
            ),
            ("(7) Failed to connect to 192.0.2.1 port 80: No route to host", "there is no way to it"),
            ("(28) Operation timed out after 1001 milliseconds with 0 bytes received", "it did not answer in time"),
            ("(52) Empty reply from server", "it closed the connection without an answer"),
            ("(56) Recv failure: Connection reset by peer", "it closed the connection without an answer"),
            ("(77) error setting certificate verify locations", "the push host has no list"),
        ] {
            let advice = advice(&format!("curl: {said}\n{MORE}"));
            assert_eq!(advice.said, said);
            assert!(advice.case.is_some_and(|case| case.cause.starts_with(cause)), "{said}: {:?}", advice.case);
        }
        assert_eq!(advice(MORE.trim_start_matches("More details here: ")).case, None);
        assert_eq!(advice(&format!("curl: (99) new\n{MORE}")).words(), "(99) new");
    }
}
