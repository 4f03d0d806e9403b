//! Mail over SMTP. It must never send a header that is not made of typed values, never a body with a carriage return
//! of its own (the words have none), and never wait for a server longer than its limit.

mod bounded;
mod helo;
mod smtp;

use super::channel::{Begin, Channel, Delivered, Trouble};
use super::delivery::deliver;
use super::words;
use crate::config::{self, ChannelKind, MailTls};
use crate::ledger::outbox::{Announced, Announcement, Moment};
use lettre::message::header::{
    ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue, InReplyTo, References,
};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use smtp::{Failure, Server, chain, is_ascii};
use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;
use url::Url;

/// How long a mail may take in all; lettre's own timeout does not cover a server that accepts and then is silent.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Why an address with other letters than ASCII's cannot be used, and what to do.
const NO_UTF8: &str = "it does not offer SMTPUTF8, which an address with non-ASCII letters needs; write the address in \
    ASCII (for the domain: xn--…)";

/// What begins the channel, when its table can be used; `url` is where the pages are.
pub(super) fn ready(config: &config::Email, url: &str) -> Result<Begin, String> {
    let mail = Mail::new(config, url)?;
    Ok(Box::new(move |with, tasks| {
        let (health, stop) = (with.health.clone(), with.stop.clone());
        tasks.spawn(health.keep("announce by mail", stop, move || deliver(mail.clone(), with.clone())));
    }))
}

/// Connects, secures the connection and signs in, and sends nothing: whether mails would be taken.
pub(super) async fn look(config: &config::Email, url: &str) -> Result<String, String> {
    let mail = Mail::new(config, url)?;
    let Server { host, port, credentials, .. } = &mail.server;
    let late = || Err(Failure::Broken(format!("{host} did not answer within {} s", SEND_TIMEOUT.as_secs())));
    match tokio::time::timeout(SEND_TIMEOUT, mail.server.look(SEND_TIMEOUT)).await.unwrap_or_else(|_| late()) {
        Ok(()) if credentials.is_some() => Ok(format!("{host}:{port}, signed in")),
        Ok(()) => Ok(format!("{host}:{port}, without signing in")),
        Err(Failure::Final(why) | Failure::Later(why) | Failure::Broken(why)) => Err(why),
    }
}

/// A mail server and those who are told through it.
#[derive(Clone)]
struct Mail {
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
    /// Takes the table, whose words the configuration has checked, and reads its secret.
    fn new(config: &config::Email, url: &str) -> Result<Self, String> {
        let mailbox = |name: &str, text: &str| {
            text.parse::<Mailbox>()
                .map_err(|error| format!("{name} has {text:?}, which is not a mail address: {error}"))
        };
        Ok(Self {
            server: server(config)?,
            from: mailbox("from", &config.from)?,
            to: config.to.iter().map(|text| mailbox("to", text)).collect::<Result<_, _>>()?,
            host: host_of(url),
            begun: HashMap::new(),
        })
    }

    /// Remembers who has the mail already, so that nobody is told twice.
    fn later(&mut self, key: String, begun: Begun, trouble: Trouble) -> Result<Delivered, Trouble> {
        if (begun.told || !begun.refused.is_empty()) && self.begun.len() < MOST_BEGUN {
            self.begun.insert(key, begun);
        }
        Err(trouble)
    }

    /// Sends the mail to those who are left, and notes who has it and whom it was refused for. It is well when nobody is
    /// left.
    async fn try_to_send(
        &self,
        announcement: &Announced,
        words: &words::MailWords,
        begun: &mut Begun,
    ) -> Result<(), Failure> {
        let connection = self.server.connect(SEND_TIMEOUT).await?;
        let (host, utf8) = (&self.server.host, connection.utf8);
        if !utf8 && !is_ascii(&self.from.email) {
            return Err(Failure::Broken(format!("{host} refuses the sender {}: {NO_UTF8}", self.from.email)));
        }
        let may_have = |mailbox: &&Mailbox| utf8 || is_ascii(&mailbox.email);
        // Where an address may not be said, it may not stand in the head of the mail either.
        let shown: Vec<&Mailbox> = self.to.iter().filter(may_have).collect();
        let to: Vec<_> = begun.left.iter().filter(may_have).map(|mailbox| mailbox.email.clone()).collect();
        let unsayable: Vec<String> =
            begun.left.iter().filter(|mailbox| !may_have(mailbox)).map(|mailbox| mailbox.email.to_string()).collect();
        if let (Some(first), true) = (unsayable.first(), to.is_empty() && !begun.told) {
            return Err(Failure::Broken(format!("{host} cannot take the address {first}: {NO_UTF8}")));
        }
        let message = self.message(announcement, words, &shown);
        let message = message.map_err(|error| Failure::Final(chain(&error)))?.formatted();
        let refused = match to.is_empty() {
            true => Vec::new(),
            false => self.server.send(connection, &self.from.email, &to, &message).await?,
        };
        begun.told |= refused.len() < to.len();
        begun.refused.extend(unsayable.iter().map(|address| format!("{address}: {host} cannot take it: {NO_UTF8}")));
        begun.left.clear();
        let mut waiting = None;
        for refused in refused {
            match refused.failure {
                Failure::Final(why) => begun.refused.push(format!("{}: {why}", refused.address)),
                Failure::Later(_) | Failure::Broken(_) => {
                    let left = self.to.iter().find(|mailbox| mailbox.email == refused.address);
                    begun.left.extend(left.cloned());
                    waiting.get_or_insert(refused);
                }
            }
        }
        let Some(first) = waiting else { return Ok(()) };
        let why = |why: &str| format!("{host} does not take {} yet: {why}", first.address);
        Err(match &first.failure {
            Failure::Broken(said) if !begun.told => Failure::Broken(why(said)),
            Failure::Broken(said) | Failure::Later(said) | Failure::Final(said) => Failure::Later(why(said)),
        })
    }

    /// The mail; `to` stands in its head, also where someone has it already.
    fn message(
        &self,
        announced: &Announced,
        words: &words::MailWords,
        to: &[&Mailbox],
    ) -> Result<Message, lettre::error::Error> {
        let part = |kind: ContentType, body: String| {
            SinglePart::builder().header(kind).header(ContentTransferEncoding::QuotedPrintable).body(body)
        };
        let id = |key: &str| format!("<{key}@{}>", self.host);
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(words.subject.clone())
            .message_id(Some(id(&announced.key())))
            .header(AutoSubmitted);
        for to in to {
            message = message.to(Mailbox::clone(to));
        }
        if let Announced::Push(announcement) = announced
            && announcement.event != Moment::Started
        {
            let start = id(&format!("push-{}-{}", announcement.push.id, Moment::Started.name()));
            message = message.header(InReplyTo::from(start.clone())).header(References::from(start));
        }
        message.multipart(
            MultiPart::alternative()
                .singlepart(part(ContentType::TEXT_PLAIN, words.text.clone()))
                .singlepart(part(ContentType::TEXT_HTML, words.html.clone())),
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
    let secret = config.password.read().map_err(|why| format!("{why}: {}", why.cure()))?;
    let credentials = match (&config.user, secret) {
        (None, None) => None,
        (Some(user), Some(secret)) => Some(Credentials::new(user.clone(), secret.reveal().to_owned())),
        (Some(user), None) => return Err(format!("user = {user:?} has no password_file or password_env")),
        (None, Some(_)) => return Err("a password is set, but no user".to_owned()),
    };
    let helo = config.helo.as_deref().map(helo::of_config);
    Ok(Server { host: config.server.clone(), port: config.port, tls, credentials, helo })
}

/// `push.example.com` of `https://push.example.com:8443`.
fn host_of(url: &str) -> String {
    let url = Url::parse(url).ok();
    let Some(host) = url.as_ref().and_then(Url::host_str) else { return "pushbutton.invalid".to_owned() };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '-' }).collect()
}

impl Channel for Mail {
    const KIND: ChannelKind = ChannelKind::Email;

    async fn tell(&mut self, announcement: &Announced) -> Result<Delivered, Trouble> {
        let key = announcement.key();
        let all = Begun { left: self.to.clone(), ..Begun::default() };
        let mut begun = self.begun.remove(&key).unwrap_or(all);
        let words = words::letter_of(announcement);
        match tokio::time::timeout(SEND_TIMEOUT, self.try_to_send(announcement, &words, &mut begun)).await {
            Ok(Ok(())) => {}
            // Someone has it: for the others it is tried again.
            Ok(Err(Failure::Final(why))) if begun.told => return self.later(key, begun, Trouble::Later(why)),
            Ok(Err(Failure::Final(why))) => return Err(Trouble::Never(why)),
            Ok(Err(Failure::Later(why))) => return self.later(key, begun, Trouble::Later(why)),
            Ok(Err(Failure::Broken(why))) => return self.later(key, begun, Trouble::Broken(why)),
            Err(_) => {
                let (host, seconds) = (&self.server.host, SEND_TIMEOUT.as_secs());
                let why = format!("{host} did not answer within {seconds} s");
                return self.later(key, begun, Trouble::Broken(why));
            }
        }
        let problem = (!begun.refused.is_empty()).then(|| format!("refused for {}", begun.refused.join("; ")));
        match (begun.told, problem) {
            (false, Some(problem)) => Err(Trouble::Never(problem)),
            (_, problem) => Ok(Delivered { words: format!("{}\n\n{}", words.subject, words.text), problem }),
        }
    }

    async fn tell_piled(&mut self, piled: &[Announcement]) -> Result<Delivered, Trouble> {
        match piled {
            [only] => self.tell(&Announced::Push(Box::new(only.clone()))).await,
            _ => Err(Trouble::Later("mails are told each on its own".to_owned())),
        }
    }

    async fn recovered(&mut self) {
        // Each mail is a connection of its own: there is nothing to recover.
        std::future::pending().await
    }
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
