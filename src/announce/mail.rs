//! Mail over SMTP. It must never send a header that is not made of typed values, never a body with a carriage return
//! of its own (the words have none), and never wait for a server longer than its limit.

use super::delivery::{Channel, Told, Trouble};
use super::smtp::{Server, is_final};
use super::{clean, words};
use crate::config::{self, MailTls};
use crate::ledger::outbox::{self, Announcement, Moment};
use lettre::message::header::{
    ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue, InReplyTo, References,
};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

/// How long a mail may take in all; lettre's own timeout does not cover a server that accepts and then is silent.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// A mail server and those who are told through it.
pub(super) struct Mail {
    server: Server,
    from: Mailbox,
    to: Vec<Mailbox>,
    /// The right side of Message-IDs: the host of the server's address.
    host: String,
    /// Mails that some have and others not yet, by key. Lost with the server: then all are told once more.
    begun: HashMap<String, Begun>,
}

/// A mail that some have already.
#[derive(Clone, Debug, Default)]
struct Begun {
    /// Who is still to be told.
    left: Vec<Mailbox>,
    /// Whom the server refused for good, and why.
    refused: Vec<String>,
    /// Whether anybody has it.
    told: bool,
}

/// Mails that are remembered as begun; more are not, and are told to all once more.
const MOST_BEGUN: usize = 1000;

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
            server: server(config)?,
            from: mailbox("from", &config.from)?,
            to: config.to.iter().map(|text| mailbox("to", text)).collect::<Result<_, _>>()?,
            host: host_of(url),
            begun: HashMap::new(),
        })
    }

    /// Remembers who has the mail already, so that nobody is told twice.
    fn later(&mut self, key: String, begun: Begun, problem: String) -> Result<Told, Trouble> {
        if (begun.told || !begun.refused.is_empty()) && self.begun.len() < MOST_BEGUN {
            self.begun.insert(key, begun);
        }
        Err(Trouble::Later(problem))
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

fn server(config: &config::Email) -> Result<Server, String> {
    let tls = || TlsParameters::new(config.server.clone()).map_err(|error| format!("TLS: {}", chain(&error)));
    let tls = match config.tls {
        MailTls::Starttls => Tls::Required(tls()?),
        MailTls::Tls => Tls::Wrapper(tls()?),
        MailTls::None => Tls::None,
    };
    let credentials = match (&config.user, config.password.read()?) {
        (None, None) => None,
        (Some(user), Some(secret)) => Some(Credentials::new(user.clone(), secret.reveal().to_owned())),
        (Some(user), None) => return Err(format!("user = {user:?} has no password_file or password_env")),
        (None, Some(_)) => return Err("a password is named, but no user".to_owned()),
    };
    Ok(Server { host: config.server.clone(), port: config.port, tls, credentials })
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

    const FOLDS_FROM: Option<usize> = None;

    async fn tell(&mut self, announcement: &Announcement) -> Result<Told, Trouble> {
        let key = announcement.key();
        let words = words::mail(announcement);
        let told = format!("{}\n\n{}", words.subject, words.text);
        let message = self.message(announcement, words).map_err(|error| Trouble::Never(chain(&error)))?.formatted();
        let all = Begun { left: self.to.clone(), ..Begun::default() };
        let mut begun = self.begun.remove(&key).unwrap_or(all);
        let to: Vec<_> = begun.left.iter().map(|mailbox| mailbox.email.clone()).collect();
        let sent = self.server.send(&self.from.email, &to, &message, SEND_TIMEOUT);
        let late = || format!("the mail server did not answer within {} s", SEND_TIMEOUT.as_secs());
        let refused = match tokio::time::timeout(SEND_TIMEOUT, sent).await {
            Ok(Ok(refused)) => refused,
            Ok(Err(error)) if error.status().is_some_and(is_final) && !begun.told => {
                return Err(Trouble::Never(chain(&error)));
            }
            Ok(Err(error)) => return self.later(key, begun, chain(&error)),
            Err(_) => return self.later(key, begun, late()),
        };
        begun.told |= refused.len() < to.len();
        let (never, later): (Vec<_>, Vec<_>) =
            refused.into_iter().partition(|refused| refused.error.status().is_some_and(is_final));
        begun.refused.extend(never.iter().map(|refused| format!("{}: {}", refused.address, chain(&refused.error))));
        begun.left.retain(|mailbox| later.iter().any(|refused| refused.address == mailbox.email));
        if let Some(first) = later.first() {
            let problem = format!("{} does not take it yet: {}", first.address, chain(&first.error));
            return self.later(key, begun, problem);
        }
        let problem = (!begun.refused.is_empty()).then(|| format!("refused for {}", begun.refused.join("; ")));
        match (begun.told, problem) {
            (false, Some(problem)) => Err(Trouble::Never(problem)),
            (_, problem) => Ok(Told { words: told, problem }),
        }
    }

    async fn tell_piled(&mut self, piled: &[Announcement]) -> Result<Told, Trouble> {
        match piled {
            [only] => self.tell(only).await,
            _ => Err(Trouble::Later("mails are told each on its own".to_owned())),
        }
    }

    async fn recovered(&mut self) {
        // Each mail is a connection of its own: there is nothing to recover.
        std::future::pending().await
    }
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
