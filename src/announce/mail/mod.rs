//! Mail over SMTP, or by a program that sends. It must never send a header that is not made of typed values, never a body with a carriage return
//! of its own (the words have none), and never wait for a server longer than its limit.

mod bounded;
mod helo;
mod letter;
mod sendmail;
mod smtp;

use super::channel::{Begin, Channel, Delivered, Trouble};
use super::delivery::deliver;
use super::words::Trial;
use crate::config::{self, ChannelKind, MailTls};
use crate::ledger::outbox::{Announced, Announcement};
use crate::stack::ChannelName;
use letter::{AutoSubmitted, Letter};
use lettre::address::Address;
use lettre::message::header::{ContentTransferEncoding, ContentType, InReplyTo, References};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use sendmail::Sendmail;
use smtp::{Failure, Server, chain, is_ascii};
use std::collections::HashMap;
use std::time::Duration;
use url::Url;

/// How long a mail may take in all; lettre's own timeout does not cover a server that accepts and then is silent.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Why an address with other letters than ASCII's cannot be used, and what to do.
const NO_UTF8: &str = "it does not offer SMTPUTF8, which an address with non-ASCII letters needs; write the address in \
    ASCII (for the domain: xn--…)";

/// What begins the channel, when its table can be used; `url` is where the pages are.
pub(super) fn ready(name: ChannelName, config: &config::Email, url: &str) -> Result<Begin, String> {
    let mail = Mail::new(config, url)?;
    Ok(Box::new(move |with, tasks| {
        let (health, stop) = (with.health.clone(), with.stop.clone());
        tasks.spawn(health.keep("announce by mail", stop, move || deliver(mail.clone(), name.clone(), with.clone())));
    }))
}

/// Connects, secures the connection and signs in, and sends nothing: whether mails would be taken.
pub(super) async fn look(config: &config::Email, url: &str) -> Result<String, String> {
    let mail = Mail::new(config, url)?;
    let server = match &mail.carrier {
        Carrier::Server(server) => server,
        Carrier::Program(program) => return program.look().map(|()| format!("{} is there", program.name())),
    };
    let Server { host, port, credentials, .. } = &**server;
    let late = || Err(Failure::Broken(format!("{host} did not answer within {} s", SEND_TIMEOUT.as_secs())));
    match tokio::time::timeout(SEND_TIMEOUT, server.look(SEND_TIMEOUT)).await.unwrap_or_else(|_| late()) {
        Ok(()) if credentials.is_some() => Ok(format!("{host}:{port}, signed in")),
        Ok(()) => Ok(format!("{host}:{port}, without signing in")),
        Err(Failure::Final(why) | Failure::Later(why) | Failure::Broken(why)) => Err(why),
    }
}

/// Sends a message: to whom, and how many of them the server took it for.
pub(super) async fn trial(
    config: &config::Email,
    url: &str,
    place: Option<&str>,
    trial: &Trial,
) -> Result<String, String> {
    let mail = Mail::new(config, url)?;
    let to = mail.addressed(place).map_err(|trouble| trouble.why())?;
    let letter = Letter { key: trial.key(), replies_to: None, words: trial.letter() };
    let mut begun = Begun { left: to.clone(), ..Begun::default() };
    let late =
        || Err(Failure::Broken(format!("{} did not answer within {} s", mail.carrier.host(), SEND_TIMEOUT.as_secs())));
    let sent = tokio::time::timeout(SEND_TIMEOUT, mail.try_to_send(&letter, &to, &mut begun));
    match (sent.await.unwrap_or_else(|_| late()), begun.refused.is_empty()) {
        (Err(Failure::Final(why) | Failure::Later(why) | Failure::Broken(why)), _) => Err(why),
        (Ok(()), false) => Err(format!("refused for {}", begun.refused.join("; "))),
        (Ok(()), true) => {
            let to: Vec<String> = to.iter().map(|to| to.email.to_string()).collect();
            Ok(format!("taken by {} for {}", mail.carrier.name(), to.join(", ")))
        }
    }
}

/// What takes mails.
#[derive(Clone)]
enum Carrier {
    /// A mail server.
    Server(Box<Server>),
    /// A program of this machine.
    Program(Sendmail),
}

impl Carrier {
    /// What messages call it.
    fn name(&self) -> String {
        match self {
            Self::Server(server) => format!("{}:{}", server.host, server.port),
            Self::Program(program) => program.name(),
        }
    }

    /// The same without a port.
    fn host(&self) -> String {
        match self {
            Self::Server(server) => server.host.clone(),
            Self::Program(program) => program.name(),
        }
    }
}

/// A mail server and those who are told through it.
#[derive(Clone)]
struct Mail {
    carrier: Carrier,
    from: Mailbox,
    to: Vec<Mailbox>,
    /// Which authors of commits are told, too.
    config: config::Email,
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

/// Authors of one push that are told; an announcement names no more commits.
const MOST_AUTHORS: usize = 50;

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
            carrier: carrier(config)?,
            from: mailbox("from", &config.from)?,
            to: config.to.iter().map(|text| mailbox("to", text)).collect::<Result<_, _>>()?,
            config: config.clone(),
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
    async fn try_to_send(&self, letter: &Letter, all: &[Mailbox], begun: &mut Begun) -> Result<(), Failure> {
        let server = match &self.carrier {
            Carrier::Server(server) => server,
            Carrier::Program(program) => {
                let to: Vec<Address> = begun.left.iter().map(|mailbox| mailbox.email.clone()).collect();
                let message = self.message(letter, &all.iter().collect::<Vec<_>>());
                let message = message.map_err(|error| Failure::Final(chain(&error)))?.formatted();
                program.send(&self.from.email, &to, &message, SEND_TIMEOUT).await?;
                begun.told = true;
                begun.left.clear();
                return Ok(());
            }
        };
        let connection = server.connect(SEND_TIMEOUT).await?;
        let (host, utf8) = (&server.host, connection.utf8);
        if !utf8 && !is_ascii(&self.from.email) {
            return Err(Failure::Broken(format!("{host} refuses the sender {}: {NO_UTF8}", self.from.email)));
        }
        let may_have = |mailbox: &&Mailbox| utf8 || is_ascii(&mailbox.email);
        // Where an address may not be said, it may not stand in the head of the mail either.
        let shown: Vec<&Mailbox> = all.iter().filter(may_have).collect();
        let to: Vec<_> = begun.left.iter().filter(may_have).map(|mailbox| mailbox.email.clone()).collect();
        let unsayable: Vec<String> =
            begun.left.iter().filter(|mailbox| !may_have(mailbox)).map(|mailbox| mailbox.email.to_string()).collect();
        if let (Some(first), true) = (unsayable.first(), to.is_empty() && !begun.told) {
            return Err(Failure::Broken(format!("{host} cannot take the address {first}: {NO_UTF8}")));
        }
        let message = self.message(letter, &shown);
        let message = message.map_err(|error| Failure::Final(chain(&error)))?.formatted();
        let refused = match to.is_empty() {
            true => Vec::new(),
            false => server.send(connection, &self.from.email, &to, &message).await?,
        };
        begun.told |= refused.len() < to.len();
        begun.refused.extend(unsayable.iter().map(|address| format!("{address}: {host} cannot take it: {NO_UTF8}")));
        begun.left.clear();
        let mut waiting = None;
        for refused in refused {
            match refused.failure {
                Failure::Final(why) => begun.refused.push(format!("{}: {why}", refused.address)),
                Failure::Later(_) | Failure::Broken(_) => {
                    let left = all.iter().find(|mailbox| mailbox.email == refused.address);
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
    fn message(&self, letter: &Letter, to: &[&Mailbox]) -> Result<Message, lettre::error::Error> {
        let part = |kind: ContentType, body: String| {
            SinglePart::builder().header(kind).header(ContentTransferEncoding::QuotedPrintable).body(body)
        };
        let id = |key: &str| format!("<{key}@{}>", self.host);
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(letter.words.subject.clone())
            .message_id(Some(id(&letter.key)))
            .header(AutoSubmitted);
        for to in to {
            message = message.to(Mailbox::clone(to));
        }
        if let Some(start) = letter.replies_to.as_deref().map(id) {
            message = message.header(InReplyTo::from(start.clone())).header(References::from(start));
        }
        message.multipart(
            MultiPart::alternative()
                .singlepart(part(ContentType::TEXT_PLAIN, letter.words.text.clone()))
                .singlepart(part(ContentType::TEXT_HTML, letter.words.html.clone())),
        )
    }

    /// The authors of a push's commits who are told of it, and are not in the list of all.
    fn authors_of(&self, announced: &Announced, all: &[Mailbox]) -> Vec<Mailbox> {
        let Announced::Push(announcement) = announced else { return Vec::new() };
        let mut authors: Vec<Mailbox> = Vec::new();
        for commit in announcement.commits.iter().filter(|commit| self.config.tells_author(&commit.email)) {
            // Their name is what a commit says: the address alone is used.
            let Ok(author) = commit.email.parse::<Address>().map(|address| Mailbox::new(None, address)) else {
                continue;
            };
            if authors.len() < MOST_AUTHORS && !all.iter().chain(&authors).any(|known| known.email == author.email) {
                authors.push(author);
            }
        }
        authors
    }

    /// Whom a mail goes to: those of the server's file, or the address that a stack names.
    fn addressed(&self, place: Option<&str>) -> Result<Vec<Mailbox>, Trouble> {
        match place {
            None => Ok(self.to.clone()),
            Some(place) => Ok(vec![place.parse().map_err(|_| Trouble::no_such_place(place))?]),
        }
    }
}

fn carrier(config: &config::Email) -> Result<Carrier, String> {
    match &config.sendmail {
        Some(program) => Ok(Carrier::Program(Sendmail::new(program))),
        None => Ok(Carrier::Server(Box::new(server(config)?))),
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

    async fn tell(
        &mut self,
        place: Option<&str>,
        announcement: &Announced,
        _begun: Option<&str>,
    ) -> Result<Delivered, Trouble> {
        let mut all = self.addressed(place)?;
        if place.is_none() {
            all.extend(self.authors_of(announcement, &all));
        }
        let key = format!("{} {}", announcement.key(), place.unwrap_or_default());
        let fresh = Begun { left: all.clone(), ..Begun::default() };
        let mut begun = self.begun.remove(&key).unwrap_or(fresh);
        let letter = Letter::of(announcement);
        match tokio::time::timeout(SEND_TIMEOUT, self.try_to_send(&letter, &all, &mut begun)).await {
            Ok(Ok(())) => {}
            // Someone has it: for the others it is tried again.
            Ok(Err(Failure::Final(why))) if begun.told => return self.later(key, begun, Trouble::Later(why)),
            Ok(Err(Failure::Final(why))) => return Err(Trouble::Never(why)),
            Ok(Err(Failure::Later(why))) => return self.later(key, begun, Trouble::Later(why)),
            Ok(Err(Failure::Broken(why))) => return self.later(key, begun, Trouble::Broken(why)),
            Err(_) => {
                let (host, seconds) = (self.carrier.host(), SEND_TIMEOUT.as_secs());
                let why = format!("{host} did not answer within {seconds} s");
                return self.later(key, begun, Trouble::Broken(why));
            }
        }
        let problem = (!begun.refused.is_empty()).then(|| format!("refused for {}", begun.refused.join("; ")));
        match (begun.told, problem) {
            (false, Some(problem)) => Err(Trouble::Never(problem)),
            (_, problem) => {
                Ok(Delivered { words: format!("{}\n\n{}", letter.words.subject, letter.words.text), problem })
            }
        }
    }

    async fn tell_piled(&mut self, place: Option<&str>, piled: &[Announcement]) -> Result<Delivered, Trouble> {
        match piled {
            [only] => self.tell(place, &Announced::Push(Box::new(only.clone())), None).await,
            _ => Err(Trouble::Later("mails are told each on its own".to_owned())),
        }
    }

    async fn recovered(&mut self) {
        // Each mail is a connection of its own: there is nothing to recover.
        std::future::pending().await
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
