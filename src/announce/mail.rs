//! Mail over SMTP. It must never send a header that is not made of typed values, never a body with a carriage return
//! of its own (the words have none), and never wait for a server longer than its limit.

use super::delivery::{Channel, Trouble};
use super::{clean, words};
use crate::config::{self, MailTls};
use crate::ledger::outbox::{self, Announcement, Moment};
use lettre::message::header::{
    ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue, InReplyTo, References,
};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::error::Error;
use std::time::Duration;

/// How long a mail may take in all; lettre's own timeout does not cover a server that accepts and then is silent.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// A mail server and those who are told through it.
pub(super) struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
    /// The right side of Message-IDs: the host of the server's address.
    host: String,
}

impl Mail {
    /// Checks the table and reads its secret.
    pub(super) fn new(config: &config::Email, url: &str) -> Result<Self, String> {
        let mailbox = |name: &str, text: &str| {
            text.parse::<Mailbox>().map_err(|error| format!("{name} has {text:?}, which is no mail address: {error}"))
        };
        if config.to.is_empty() {
            return Err("to is empty: nobody would be told".to_owned());
        }
        Ok(Self {
            transport: transport(config)?,
            from: mailbox("from", &config.from)?,
            to: config.to.iter().map(|text| mailbox("to", text)).collect::<Result<_, _>>()?,
            host: host_of(url),
        })
    }

    fn message(&self, announcement: &Announcement, words: words::MailWords) -> Result<Message, lettre::error::Error> {
        let part = |kind: ContentType, body: String| {
            SinglePart::builder().header(kind).header(ContentTransferEncoding::QuotedPrintable).body(body)
        };
        let id = |key: &str| format!("<{key}@{}>", self.host);
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(words.subject)
            .message_id(Some(id(&announcement.key())))
            .header(AutoSubmitted);
        for to in &self.to {
            message = message.to(to.clone());
        }
        if announcement.event != Moment::Started {
            let start = id(&format!("push-{}-{}", announcement.push.id, Moment::Started.name()));
            message = message.header(InReplyTo::from(start.clone())).header(References::from(start));
        }
        message.multipart(
            MultiPart::alternative()
                .singlepart(part(ContentType::TEXT_PLAIN, words.text))
                .singlepart(part(ContentType::TEXT_HTML, words.html)),
        )
    }
}

fn transport(config: &config::Email) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let tls = || TlsParameters::new(config.server.clone()).map_err(|error| format!("TLS: {}", chain(&error)));
    let tls = match config.tls {
        MailTls::Starttls => Tls::Required(tls()?),
        MailTls::Tls => Tls::Wrapper(tls()?),
        MailTls::None => Tls::None,
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.server)
        .port(config.port)
        .tls(tls)
        .timeout(Some(SEND_TIMEOUT));
    match (&config.user, config.password.read()?) {
        (None, None) => {}
        (Some(user), Some(secret)) => {
            builder = builder.credentials(Credentials::new(user.clone(), secret.reveal().to_owned()));
        }
        (Some(user), None) => return Err(format!("user = {user:?} has no password_file or password_env")),
        (None, Some(_)) => return Err("a password is named, but no user".to_owned()),
    }
    Ok(builder.build())
}

/// `push.example.com` of `https://push.example.com:8443`.
fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    let host: String =
        host.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '-' }).collect();
    if host.is_empty() { "pushbutton.invalid".to_owned() } else { host }
}

impl Channel for Mail {
    const NAME: &'static str = outbox::EMAIL;

    async fn tell(&mut self, announcement: &Announcement) -> Result<String, Trouble> {
        let words = words::mail(announcement);
        let told = format!("{}\n\n{}", words.subject, words.text);
        let message = self.message(announcement, words).map_err(|error| Trouble::Never(chain(&error)))?;
        match tokio::time::timeout(SEND_TIMEOUT, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(told),
            Ok(Err(error)) if error.status().is_some_and(|code| is_final(code.into())) => {
                Err(Trouble::Never(chain(&error)))
            }
            Ok(Err(error)) => Err(Trouble::Later(chain(&error))),
            Err(_) => {
                Err(Trouble::Later(format!("the mail server did not answer within {} s", SEND_TIMEOUT.as_secs())))
            }
        }
    }

    async fn recovered(&mut self) {
        // Each mail is a connection of its own: there is nothing to recover.
        std::future::pending().await
    }
}

/// Whether a server's answer is its last word on a mail: 5xx, but for those that refuse our sign-in (RFC 4954), which
/// an operator can set right.
fn is_final(code: u16) -> bool {
    (500..600).contains(&code) && ![530, 534, 535, 538].contains(&code)
}

/// An error with its causes, as one clean line.
fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_words = cause.to_string();
        if !words.contains(&cause_words) {
            words.push_str(": ");
            words.push_str(&cause_words);
        }
        source = cause.source();
    }
    clean::short(&words, 300)
}

/// Says that no person wrote the mail, so that no absence notice answers it (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_text: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refused_mail_is_given_up_not_a_refused_password() {
        for (code, last_word) in [(421, false), (451, false), (535, false), (530, false), (550, true), (554, true)] {
            assert_eq!(is_final(code), last_word, "{code}");
        }
    }

    #[test]
    fn a_message_id_ends_with_the_host_of_the_server() {
        for (url, host) in [
            ("https://push.example.com", "push.example.com"),
            ("http://push.example.com:8090/x", "push.example.com"),
            ("http://[::1]:8090", "--1"),
            ("http://127.0.0.1:8090", "127.0.0.1"),
            ("http://", "pushbutton.invalid"),
        ] {
            assert_eq!(host_of(url), host, "{url}");
        }
    }
}
