//! One mail over SMTP, each recipient asked for on its own: an address that the server does not take must not keep the mail
//! from all the others. It must never send a mail to nobody, never without the encryption that was asked for, and never
//! call a word final that was not about the mail, but about us.

use super::bounded::Bounded;
use crate::advice::smtp;
use crate::announce::clean;
use lettre::address::Address;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Tls};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::{Error, response::Code};
use std::error::Error as _;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;

/// A mail server.
#[derive(Clone)]
pub(super) struct Server {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub tls: Tls,
    /// Who we are there.
    pub credentials: Option<Credentials>,
    /// The name that we call ourselves by; none finds it out.
    pub helo: Option<ClientId>,
}

/// A connection, signed in.
pub(super) struct Connection {
    inner: AsyncSmtpConnection,
    /// Whether the server takes addresses that are not ASCII.
    pub utf8: bool,
}

/// A recipient that the server did not take, and what it said.
pub(super) struct Refused {
    /// Who.
    pub address: Address,
    /// What it said, and whether that is its last word.
    pub failure: Failure,
}

/// Why something was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The word was about this mail, or this recipient, and it was the last one.
    Final(String),
    /// About this mail, or this recipient; it may be taken later.
    Later(String),
    /// About us, the server, or the way to it: no mail goes through until that changes.
    Broken(String),
}

/// At which step something was said: what a refusal is about depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Connection, greeting, EHLO, STARTTLS.
    Hello,
    /// AUTH.
    SignIn,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA.
    Data,
    /// The mail itself.
    Content,
}

impl Server {
    /// Connects, greets, secures the connection and signs in.
    ///
    /// # Errors
    /// What the server or the connection said.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the ways of TLS of the mail library are not ours")]
    pub async fn connect(&self, limit: Duration) -> Result<Connection, Failure> {
        let name = match &self.helo {
            Some(name) => name.clone(),
            None => super::helo::own_name(&self.host, self.port).await,
        };
        let failed = |step| move |error: Error| self.failure(step, &error);
        let to = (self.host.as_str(), self.port);
        let connected = match &self.tls {
            Tls::Wrapper(parameters) => {
                AsyncSmtpConnection::connect_tokio1(to, Some(limit), &name, Some(parameters.clone()), None).await
            }
            _ => {
                let connected = tokio::time::timeout(limit, TcpStream::connect(to)).await;
                let stream = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
                let stream = Bounded::new(stream.map_err(|error| self.unreachable(&error))?);
                AsyncSmtpConnection::connect_with_transport(Box::new(stream), &name).await
            }
        };
        let mut inner = connected.map_err(failed(Step::Hello))?;
        if let Tls::Required(parameters) = &self.tls {
            inner.starttls(parameters.clone(), &name).await.map_err(failed(Step::Hello))?;
        }
        if let Some(credentials) = &self.credentials {
            inner.auth(DEFAULT_MECHANISMS, credentials).await.map_err(failed(Step::SignIn))?;
        }
        let utf8 = inner.server_info().supports_feature(Extension::SmtpUtfEight);
        Ok(Connection { inner, utf8 })
    }

    /// Does all that comes before a mail, and says goodbye.
    ///
    /// # Errors
    /// As [`Server::connect`].
    pub async fn look(&self, limit: Duration) -> Result<(), Failure> {
        let mut connection = self.connect(limit).await?;
        // Politeness; what it answers changes nothing.
        let _ = connection.inner.quit().await;
        Ok(())
    }

    /// Sends a mail; returns the recipients that were not taken. When none was, nothing is sent.
    ///
    /// # Errors
    /// What the server said to the mail as a whole, or to us, or the connection.
    pub async fn send(
        &self,
        mut connection: Connection,
        from: &Address,
        to: &[Address],
        mail: &[u8],
    ) -> Result<Vec<Refused>, Failure> {
        let sent = self.transact(&mut connection, from, to, mail).await;
        // Politeness; what it answers changes nothing.
        let _ = connection.inner.quit().await;
        sent
    }

    async fn transact(
        &self,
        connection: &mut Connection,
        from: &Address,
        to: &[Address],
        mail: &[u8],
    ) -> Result<Vec<Refused>, Failure> {
        let failed = |step| move |error: Error| self.failure(step, &error);
        let utf8 = !mail.is_ascii() || std::iter::once(from).chain(to).any(|address| !is_ascii(address));
        let options = if utf8 { vec![MailParameter::SmtpUtfEight] } else { Vec::new() };
        let inner = &mut connection.inner;
        inner.command(Mail::new(Some(from.clone()), options)).await.map_err(failed(Step::Sender))?;
        let mut refused = Vec::new();
        for address in to {
            match inner.command(Rcpt::new(address.clone(), Vec::new())).await {
                Ok(_) => {}
                Err(error) if error.status().is_some() => {
                    let failure = self.failure(Step::Recipient, &error);
                    refused.push(Refused { address: address.clone(), failure });
                }
                Err(error) => return Err(self.failure(Step::Recipient, &error)),
            }
        }
        if refused.len() < to.len() {
            inner.command(Data).await.map_err(failed(Step::Data))?;
            inner.message(mail).await.map_err(failed(Step::Content))?;
        }
        Ok(refused)
    }

    /// What an error of the connection means, in words that end with what to do.
    fn unreachable(&self, error: &dyn std::error::Error) -> Failure {
        let said = chain(error);
        let words = smtp::advice(&said).map_or(said, |advice| advice.words());
        Failure::Broken(format!("cannot reach {}:{}: {}", self.host, self.port, clean::short(&words, 500)))
    }

    /// What an error of a step means, in words that end with what to do.
    fn failure(&self, step: Step, error: &Error) -> Failure {
        let Some(code) = error.status() else { return self.unreachable(error) };
        let text = error.source().map(ToString::to_string).unwrap_or_default();
        let said = format!("{code} {text}");
        let advice = smtp::advice_of(code.into(), &said);
        let words = clean::short(&advice.as_ref().map_or(said, |advice| advice.words()), 500);
        let about_us = advice.is_some() || !step.is_about_the_mail();
        let words = match step {
            Step::Hello => format!("{} refuses us: {words}", self.host),
            Step::SignIn => format!("{} refuses our sign-in: {words}", self.host),
            Step::Sender => format!("{} refuses the sender: {words}", self.host),
            Step::Recipient => words,
            Step::Data | Step::Content => format!("{} refuses the mail: {words}", self.host),
        };
        match is_last_word(step, code, &text) {
            true if !about_us => Failure::Final(words),
            _ if about_us => Failure::Broken(words),
            _ => Failure::Later(words),
        }
    }
}

impl Step {
    fn is_about_the_mail(self) -> bool {
        match self {
            Self::Hello | Self::SignIn | Self::Sender | Self::Data => false,
            Self::Recipient | Self::Content => true,
        }
    }
}

pub(super) fn is_ascii(address: &Address) -> bool {
    AsRef::<str>::as_ref(address).is_ascii()
}

/// Whether an answer is the server's last word on the mail or its recipient (RFC 5321 4.2, RFC 3463): 5xx, but for those that
/// say that it did not understand us, or wants something of us first.
fn is_last_word(step: Step, code: Code, text: &str) -> bool {
    let code: u16 = code.into();
    // 500 to 504, 555: a command; 521: the whole machine; 530 to 538: sign-in.
    let of_a_mail = matches!(code, 550..=554 | 556);
    let subject_says = match enhanced(text) {
        // An address: but 5.1.7 and 5.1.8 are the sender's.
        Some((1, detail)) => !matches!(detail, 7 | 8),
        // The server itself: but 5.3.4 is a mail that is too big for it.
        Some((3, detail)) => detail == 4,
        // The protocol.
        Some((5, _)) => false,
        _ => true,
    };
    step.is_about_the_mail() && of_a_mail && subject_says
}

/// Subject and detail of an enhanced status code (RFC 3463), `5.1.1 no such user`.
fn enhanced(text: &str) -> Option<(u16, u16)> {
    let mut parts = text.split_whitespace().next()?.split('.');
    let class: u16 = parts.next()?.parse().ok()?;
    let (subject, detail) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    (matches!(class, 2 | 4 | 5) && parts.next().is_none()).then_some((subject, detail))
}

/// An error with its causes, as one clean line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_word_about_the_mail_or_its_recipient_is_the_last_one() {
        use Step::{Content, Data, Hello, Recipient, Sender, SignIn};
        for (step, code, text, last_word) in [
            (Hello, 554, "no SMTP service here", false),
            (Hello, 550, "5.7.1 go away", false),
            (Hello, 502, "what is EHLO", false),
            (SignIn, 535, "5.7.8 bad password", false),
            (SignIn, 550, "5.7.1 disabled", false),
            (Sender, 550, "5.1.0 not you", false),
            (Sender, 553, "bad sender", false),
            (Data, 554, "no valid recipients", false),
            (Recipient, 550, "no such user", true),
            (Recipient, 550, "5.1.1 no such user", true),
            (Recipient, 556, "5.1.10 takes no mail", true),
            (Recipient, 550, "5.1.8 bad sender's system", false),
            (Recipient, 552, "5.2.2 full", true),
            (Recipient, 550, "5.4.1 access denied", true),
            (Recipient, 554, "5.3.2 system not accepting", false),
            (Recipient, 452, "4.2.2 full", false),
            (Recipient, 530, "5.7.0 sign in", false),
            (Recipient, 503, "5.5.1 not now", false),
            (Recipient, 550, "5.5.3 too many recipients", false),
            (Content, 550, "no", true),
            (Content, 554, "5.7.1 spam", true),
            (Content, 552, "5.3.4 too big", true),
            (Content, 554, "5.3.0 broken", false),
            (Content, 451, "later", false),
            (Content, 500, "what", false),
        ] {
            let digits = code.to_string();
            let (_, parsed) = lettre_code(&digits);
            assert_eq!(is_last_word(step, parsed, text), last_word, "{step:?} {code} {text}");
        }
    }

    /// A code as lettre reads it.
    fn lettre_code(digits: &str) -> (String, Code) {
        use lettre::transport::smtp::response::Response;
        let response: Response = format!("{digits} x\r\n").parse().unwrap();
        (digits.to_owned(), response.code())
    }
}
