//! What TLS says when a server's certificate, or the server, is not what it should be: in the words of rustls, which IRC and
//! mail speak through. Called by whoever opened the connection.

use super::{Advice, Case};

/// What a TLS connection can fail with. Certificates first: what the server says afterwards follows from our refusal.
pub const CASES: &[Case] = &[
    Case {
        marks: &["certificate expired", "peer certificate: expired"],
        cause: "the server's certificate has expired",
        cure: "renew it on the server, and check this machine's clock",
        again: false,
    },
    Case {
        marks: &["certificate not valid yet", "peer certificate: notvalidyet"],
        cause: "the server's certificate is not valid yet",
        cure: "check this machine's clock",
        again: false,
    },
    Case {
        marks: &["certificate not valid for name", "notvalidforname"],
        cause: "the server's certificate is for another name",
        cure: "write the name from the certificate as server = \"…\"",
        again: false,
    },
    Case {
        marks: &["causedasendentity"],
        cause: "the server's certificate is self-signed, so it is not trusted",
        cure: "give the server a certificate from a known authority, or add your own authority here (/usr/local/share/ca-certificates, \
               update-ca-certificates); then restart pushbutton",
        again: false,
    },
    Case {
        marks: &["unknownissuer"],
        cause: "this machine does not know the authority of the server's certificate, or the server does not send \
                the intermediate certificates",
        cure: "add the authority here (/usr/local/share/ca-certificates, update-ca-certificates) and restart \
               pushbutton, or configure the server to send the full chain",
        again: false,
    },
    Case {
        marks: &["peer certificate: revoked"],
        cause: "the server's certificate was revoked",
        cure: "renew it on the server",
        again: false,
    },
    Case {
        marks: &["invalid peer certificate", "no valid native root ca", "unable to load a certificate"],
        cause: "the server's certificate cannot be verified",
        cure: "inspect it: openssl s_client -connect SERVER:PORT -showcerts",
        again: false,
    },
    Case {
        marks: &[
            "invalidcontenttype",
            "corrupt message of type",
            "received corrupt message",
            "first message too large",
        ],
        cause: "the server does not use TLS on this port",
        cure: "use its TLS port (6697 for IRC, 465 for mail), or turn TLS off with `tls` in the table",
        again: false,
    },
    Case {
        marks: &["protocolversion", "peer is incompatible", "handshakefailure", "handshake failure", "no_cipher"],
        cause: "the server supports no TLS version that is safe today",
        cure: "it must support TLS 1.2 or 1.3",
        again: false,
    },
    Case {
        marks: &["certificaterequired", "certificate required"],
        cause: "the server asks for a client certificate",
        cure: "use a port where it does not ask for one",
        again: false,
    },
];

/// What is to be done about what was said; none when it was not about TLS.
pub fn advice(said: &str) -> Option<Advice> {
    // The library's own wrapping, as it prints what it has no words for.
    let said = match said.split_once("Other(OtherError(") {
        Some((before, inside)) => format!("{before}{}", inside.replacen("))", "", 1)),
        None => said.to_owned(),
    };
    let advice = Advice::of(&said, CASES, &[]);
    advice.case.is_some().then_some(advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::{ServerName, UnixTime};
    use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, OtherError, PeerIncompatible};
    use std::sync::Arc;
    use std::time::Duration;

    /// As the verifier's own errors print: their `Debug` is what `Other` shows.
    #[derive(Debug, thiserror::Error)]
    enum Webpki {
        #[error("CaUsedAsEndEntity")]
        CaUsedAsEndEntity,
        #[error("UnsupportedCertVersion")]
        UnsupportedCertVersion,
    }

    fn other(error: Webpki) -> CertificateError {
        CertificateError::Other(OtherError(Arc::new(error)))
    }

    #[test]
    fn every_certificate_that_rustls_refuses_is_told_in_words_with_a_cure() {
        let at = |s| UnixTime::since_unix_epoch(Duration::from_secs(s));
        let name = |name: &str| ServerName::try_from(name.to_owned()).unwrap();
        let expired = "the server's certificate has expired";
        let early = "the server's certificate is not valid yet";
        let wrong_name = "the server's certificate is for another name";
        for (error, cause) in [
            (CertificateError::Expired, expired),
            (CertificateError::ExpiredContext { time: at(20), not_after: at(10) }, expired),
            (CertificateError::NotValidYet, early),
            (CertificateError::NotValidYetContext { time: at(10), not_before: at(20) }, early),
            (CertificateError::NotValidForName, wrong_name),
            (
                CertificateError::NotValidForNameContext {
                    expected: name("irc.example.com"),
                    presented: vec!["DnsName(\"other.example\")".to_owned()],
                },
                wrong_name,
            ),
            (other(Webpki::CaUsedAsEndEntity), "the server's certificate is self-signed, so it is not trusted"),
            (
                CertificateError::UnknownIssuer,
                "this machine does not know the authority of the server's certificate, or the server does not send \
                 the intermediate certificates",
            ),
            (CertificateError::Revoked, "the server's certificate was revoked"),
            (CertificateError::BadEncoding, "the server's certificate cannot be verified"),
            (other(Webpki::UnsupportedCertVersion), "the server's certificate cannot be verified"),
        ] {
            let said = Error::InvalidCertificate(error).to_string();
            let found = advice(&format!("cannot reach it: {said}")).unwrap_or_else(|| panic!("{said} has no case"));
            assert_eq!(found.case.map(|case| case.cause), Some(cause), "{said}");
            assert!(!found.said.contains("Other"), "{}", found.said);
        }
    }

    #[test]
    fn a_port_that_speaks_no_tls_and_a_server_that_is_too_old_are_told_apart() {
        for (error, cause) in [
            (Error::InvalidMessage(InvalidMessage::InvalidContentType), "the server does not use TLS on this port"),
            (
                Error::AlertReceived(AlertDescription::HandshakeFailure),
                "the server supports no TLS version that is safe today",
            ),
            (
                Error::AlertReceived(AlertDescription::ProtocolVersion),
                "the server supports no TLS version that is safe today",
            ),
            (
                Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
                "the server supports no TLS version that is safe today",
            ),
            (Error::AlertReceived(AlertDescription::CertificateRequired), "the server asks for a client certificate"),
        ] {
            let found = advice(&error.to_string()).unwrap_or_else(|| panic!("{error} has no case"));
            assert_eq!(found.case.map(|case| case.cause), Some(cause), "{error}");
        }
        assert_eq!(advice("Connection refused"), None);
    }
}
