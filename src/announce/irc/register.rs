//! The first words to a server: the password, signing in by SASL, the nick, and the way back to the nick that the file says. It must never send
//! the password of SASL before the server has asked for it.

use super::link::Settings;
use super::said::words;
use crate::announce::clean;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use irc::client::prelude::{Client, Command, Config, Response};
use irc::error::Error;
use irc::proto::CapSubCommand;
use std::time::Duration;
use tokio::time::Instant;

/// How long the bot waits before it asks for its own nick again; it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(16 * 60);
/// What one line of AUTHENTICATE carries at most.
const CHUNK: usize = 400;

/// Seconds between the PINGs that notice a dead connection, and how long their answer may take.
const KEEPALIVE_S: u32 = 30;
const KEEPALIVE_TIMEOUT_S: u32 = 20;

/// What the `irc` crate is to do: speak TLS or not, and nothing else. That it knows no other nick lets us choose: it tells us when ours is refused.
pub(super) fn client_config(settings: &Settings) -> Config {
    Config {
        server: Some(settings.server.clone()),
        port: Some(settings.port),
        use_tls: Some(settings.tls),
        nickname: Some(settings.nick.clone()),
        username: Some("pushbutton".to_owned()),
        realname: Some("Pushbutton".to_owned()),
        password: settings.password.as_ref().map(|secret| secret.reveal().to_owned()),
        ping_time: Some(KEEPALIVE_S),
        ping_timeout: Some(KEEPALIVE_TIMEOUT_S),
        ..Config::default()
    }
}

/// How far signing in is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SignIn {
    /// Nobody signs in.
    None,
    /// The server was asked whether it can.
    Asked,
    /// It waits for the password, or has it.
    Begun,
    /// It knows us.
    Done,
}

/// Who the bot is on the server.
pub(super) struct Identity {
    /// The nick that the server knows us by.
    pub nick: String,
    wanted: String,
    /// Others to try while the server does not know us yet.
    others: std::vec::IntoIter<String>,
    sign_in: SignIn,
    registered: bool,
    /// When to ask for our own nick again.
    regain_at: Option<Instant>,
    wait: Duration,
}

impl Identity {
    /// Says the first words.
    pub(super) fn begin(settings: &Settings, client: &Client) -> Result<Self, Error> {
        let sign_in = match &settings.sasl {
            None => {
                client.identify()?;
                SignIn::None
            }
            Some(_) => {
                if let Some(password) = &settings.password {
                    client.send(Command::PASS(password.reveal().to_owned()))?;
                }
                client.send(Command::CAP(None, CapSubCommand::REQ, None, Some("sasl".to_owned())))?;
                client.send(Command::NICK(settings.nick.clone()))?;
                client.send(Command::USER("pushbutton".to_owned(), "0".to_owned(), "Pushbutton".to_owned()))?;
                SignIn::Asked
            }
        };
        Ok(Self {
            nick: settings.nick.clone(),
            wanted: settings.nick.clone(),
            others: other_nicks(&settings.nick).into_iter(),
            sign_in,
            registered: false,
            regain_at: None,
            wait: FIRST_WAIT,
        })
    }

    /// Whether the server knows us, so that lines may be said.
    pub(super) fn is_registered(&self) -> bool {
        self.registered
    }

    /// The server welcomes us.
    pub(super) fn welcomed(&mut self, nick: Option<&String>, now: Instant) -> Result<(), String> {
        if let SignIn::Asked | SignIn::Begun = self.sign_in {
            return Err(
                "the server does not offer to sign in by SASL: remove sasl_user, or ask its operators".to_owned()
            );
        }
        self.registered = true;
        if let Some(nick) = nick {
            self.named(nick, now);
        }
        Ok(())
    }

    /// The server calls us so from now on.
    pub(super) fn named(&mut self, nick: &str, now: Instant) {
        nick.clone_into(&mut self.nick);
        let ours = self.nick.eq_ignore_ascii_case(&self.wanted);
        self.regain_at = (!ours).then(|| now + self.wait);
        if ours {
            self.wait = FIRST_WAIT;
        }
    }

    /// Somebody has left, or is called otherwise now: our own nick may be free.
    pub(super) fn left(&mut self, nick: &str, now: Instant) {
        if self.regain_at.is_some() && nick.eq_ignore_ascii_case(&self.wanted) {
            self.regain_at = Some(now);
        }
    }

    /// When to ask for our own nick.
    pub(super) fn regain_at(&self) -> Option<Instant> {
        self.regain_at.filter(|_| self.registered)
    }

    /// Asks for it, if it is time.
    pub(super) fn regain(&mut self, client: &Client, now: Instant) -> Result<(), String> {
        if self.regain_at().is_none_or(|at| at > now) {
            return Ok(());
        }
        self.regain_at = Some(now + self.wait);
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        client.send(Command::NICK(self.wanted.clone())).map_err(|error| words(&error))
    }

    /// The nick that we asked for is taken, or not allowed.
    pub(super) fn nick_refused(&mut self, client: &Client) -> Result<(), String> {
        if self.registered {
            // The next time is set already.
            return Ok(());
        }
        let nick = self.others.next().ok_or("the nick and all its variants are taken")?;
        self.nick.clone_from(&nick);
        client.send(Command::NICK(nick)).map_err(|error| words(&error))
    }

    /// Goes on with signing in, where the server's words are about that.
    pub(super) fn signs_in(&mut self, settings: &Settings, client: &Client, command: &Command) -> Result<(), String> {
        let Some((user, password)) = &settings.sasl else { return Ok(()) };
        let sent = match (self.sign_in, command) {
            (SignIn::Asked, Command::CAP(_, CapSubCommand::ACK, ..)) => {
                self.sign_in = SignIn::Begun;
                client.send_sasl_plain()
            }
            (SignIn::Asked, Command::CAP(_, CapSubCommand::NAK, ..)) => {
                return Err(
                    "the server does not offer to sign in by SASL: remove sasl_user, or ask its operators".to_owned()
                );
            }
            (SignIn::Begun, Command::AUTHENTICATE(said)) if said == "+" => {
                let secret = STANDARD.encode(format!("{user}\0{user}\0{}", password.reveal()));
                send_in_chunks(client, &secret)
            }
            (SignIn::Begun, Command::Response(Response::RPL_SASLSUCCESS, _)) => {
                self.sign_in = SignIn::Done;
                client.send(Command::CAP(None, CapSubCommand::END, None, None))
            }
            (
                SignIn::Begun,
                Command::Response(
                    Response::ERR_NICKLOCKED
                    | Response::ERR_SASLFAIL
                    | Response::ERR_SASLTOOLONG
                    | Response::ERR_SASLABORT
                    | Response::RPL_SASLMECHS,
                    arguments,
                ),
            ) => {
                let said = clean::short(arguments.last().map_or("", String::as_str), 200);
                return Err(format!(
                    "the server refuses our sign-in as {user}: {said}: correct sasl_user and its password"
                ));
            }
            _ => return Ok(()),
        };
        sent.map_err(|error| words(&error))
    }
}

/// A line that is full says that more follows; one that says so and is the last is followed by `+`.
fn send_in_chunks(client: &Client, secret: &str) -> Result<(), Error> {
    let mut rest = secret;
    loop {
        let (chunk, more) = rest.split_at(rest.len().min(CHUNK));
        client.send_sasl(if chunk.is_empty() { "+" } else { chunk })?;
        if chunk.len() < CHUNK {
            return Ok(());
        }
        rest = more;
    }
}

/// The nicks to try when ours is taken or too long; servers allow at least nine characters (RFC 2812).
fn other_nicks(nick: &str) -> Vec<String> {
    let first = |count: usize| nick.chars().take(count).collect::<String>();
    let mut nicks = vec![format!("{nick}_"), first(9), format!("{}_", first(8))];
    nicks.extend((2..10).map(|n| format!("{}_{n}", first(7))));
    nicks.retain(|other| other != nick);
    nicks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_short_nick_for_servers_that_allow_nine_characters() {
        let nicks = other_nicks("pushbutton");
        assert_eq!(nicks[..4], ["pushbutton_", "pushbutto", "pushbutt_", "pushbut_2"]);
        assert_eq!(other_nicks("push")[..3], ["push_", "push_", "push_2"]);
        assert!(!other_nicks("push").contains(&"push".to_owned()));
    }
}
