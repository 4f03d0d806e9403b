//! What curl says when an address does not answer. It says the telling thing first, and then a paragraph about certificates
//! in general. Called by the check over HTTP.

use super::{Advice, Case};

/// What a question can fail with, by curl's own words (7.68 to 8.x, with OpenSSL or GnuTLS).
pub const CASES: &[Case] = &[
    Case {
        marks: &["certificate has expired", "expired certificate", "certificate expired"],
        cause: "its certificate has expired",
        cure: "renew it there, and check this machine's clock",
        again: false,
    },
    Case {
        marks: &["certificate is not yet valid", "not yet activated"],
        cause: "its certificate is not valid yet",
        cure: "check this machine's clock",
        again: false,
    },
    Case {
        marks: &["self-signed certificate", "self signed certificate"],
        cause: "its certificate is self-signed, so it is not trusted",
        cure: "add the certificate, or its authority, on the push host (/usr/local/share/ca-certificates, \
               update-ca-certificates), or check over http://",
        again: false,
    },
    Case {
        marks: &[
            "unable to get local issuer certificate",
            "unable to get issuer certificate",
            "unknown ca",
            "signer not found",
        ],
        cause: "the push host does not know the authority of its certificate, or the intermediate certificates are not sent",
        cure: "add the authority on the push host (/usr/local/share/ca-certificates, update-ca-certificates), or configure \
               the server to send the full chain",
        again: false,
    },
    Case {
        marks: &[
            "no alternative certificate subject name matches",
            "does not match target host name",
            "subject name does not match",
        ],
        cause: "its certificate is for another name",
        cure: "check the address by the name in the certificate",
        again: false,
    },
    Case {
        marks: &["certificate revoked"],
        cause: "its certificate was revoked",
        cure: "renew it there",
        again: false,
    },
    Case {
        marks: &["ssl certificate problem", "server certificate verification failed", "(60)"],
        cause: "its certificate cannot be verified",
        cure: "inspect it: openssl s_client -connect HOST:443 -showcerts",
        again: false,
    },
    Case {
        marks: &["error setting certificate", "error adding trust anchors", "(77)"],
        cause: "the push host has no list of trusted authorities",
        cure: "install ca-certificates on the push host",
        again: false,
    },
    Case {
        marks: &["wrong version number", "unexpected packet", "packet length too long", "http/0.9", "(35) "],
        cause: "the TLS handshake failed: often one side uses TLS and the other does not",
        cure: "check whether the address should begin with http:// or https://, and its port",
        again: true,
    },
    Case {
        marks: &["could not resolve host"],
        cause: "the push host cannot resolve the name",
        cure: "check the name, and this machine's DNS: getent hosts NAME",
        again: true,
    },
    Case {
        marks: &["connection refused", "could not connect to server", "couldn't connect to server"],
        cause: "nothing listens on that port, or not yet",
        cure: "check whether the service has started there, and the port",
        again: true,
    },
    Case {
        marks: &["no route to host", "network is unreachable", "host is unreachable"],
        cause: "there is no network route to it from the push host",
        cure: "check the network and the firewalls in between",
        again: true,
    },
    Case {
        marks: &["timed out", "timeout was reached"],
        cause: "it did not answer in time",
        cure: "check whether it hangs; a longer `timeout` of the check gives it more time",
        again: true,
    },
    Case {
        marks: &["empty reply from server", "connection reset", "recv failure"],
        cause: "it closed the connection without an answer",
        cure: "read its log: it may have crashed, or use another protocol on that port",
        again: true,
    },
    Case {
        marks: &["unsupported protocol", "protocol \"", "url rejected", "malformed"],
        cause: "curl does not accept the address",
        cure: "correct the address of the check in the stack file",
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
            ("(60) SSL certificate problem: self-signed certificate", "its certificate is self-signed"),
            (
                "(60) SSL certificate problem: self signed certificate in certificate chain",
                "its certificate is self-signed",
            ),
            ("(60) SSL certificate problem: certificate has expired", "its certificate has expired"),
            (
                "(60) SSL certificate problem: unable to get local issuer certificate",
                "the push host does not know the authority",
            ),
            (
                "(60) SSL: no alternative certificate subject name matches target host name 'x'",
                "its certificate is for another",
            ),
            ("(60) SSL certificate problem: certificate is not yet valid", "its certificate is not valid yet"),
            ("(60) SSL certificate problem: EE certificate key too weak", "its certificate cannot be verified"),
            ("(35) OpenSSL/3.0: error:0A00010B:SSL routines::wrong version number", "the TLS handshake failed"),
            ("(1) Received HTTP/0.9 when not allowed", "the TLS handshake failed"),
            ("(6) Could not resolve host: x", "the push host cannot resolve the name"),
            (
                "(7) Failed to connect to 127.0.0.1 port 1 after 0 ms: Couldn't connect to server",
                "nothing listens on that port",
            ),
            ("(7) Failed to connect to 192.0.2.1 port 80: No route to host", "there is no network route to it"),
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
