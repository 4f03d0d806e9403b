//! One connection to an IRC server, from the first byte to its end: registers, joins, says lines, notices when it is
//! thrown out. It must never answer by itself: what is said to the bot is handed on (`ears`), and what comes back is said.

use super::ears::{self, Ears};
use super::lines::Lines;
use super::link::{Line, Link, Settings};
use super::pace::Pace;
use crate::advice::irc::words as advised;
use crate::announce::clean;
use crate::announce::heard::{Heard, Reply};
use irc::client::prelude::{Client, Command, Config, Message, Response};
use irc::error::Error;
use irc::proto::command::CapSubCommand;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// How long a server may take to accept the connection, TLS and names included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long it may then take until the bot is in the channel.
const ENTER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long it may take to answer the PING behind a line.
const PONG_TIMEOUT: Duration = Duration::from_secs(20);
/// At most one attempt to join in this time (TRUST section 8).
const JOIN_EVERY: Duration = Duration::from_secs(60);
/// How long a goodbye may take.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);
/// Seconds between the PINGs that notice a dead connection, and how long their answer may take.
const KEEPALIVE_S: u32 = 30;
const KEEPALIVE_TIMEOUT_S: u32 = 20;

/// What is said of a server whose line has no end.
const NO_END: &str = "the server sends an endless line: is it an IRC server?";

/// Why a connection ended.
pub(super) enum End {
    /// The handle is gone: the server stops.
    Gone,
    /// It broke, or was never made.
    Lost(String),
}

/// Connects and stays until the connection ends.
pub(super) async fn run(
    settings: &Settings,
    lines: &mut mpsc::Receiver<Line>,
    link: &watch::Sender<Link>,
    gone: &CancellationToken,
    heard: Option<&mpsc::Sender<Heard>>,
) -> End {
    let address = format!("{}:{}", settings.server, settings.port);
    let connected = tokio::select! {
        () = gone.cancelled() => return End::Gone,
        connected = timeout(CONNECT_TIMEOUT, Client::from_config(client_config(settings))) => connected,
    };
    let client = match connected {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => return End::Lost(format!("cannot reach {address}: {}", words(&error))),
        Err(_) => return End::Lost(format!("cannot reach {address} within {} s", CONNECT_TIMEOUT.as_secs())),
    };
    match Session::new(settings, client, link, heard) {
        Ok(mut session) => {
            let end = session.talk(lines, gone).await;
            session.close(&end);
            end
        }
        Err(error) => End::Lost(words(&error)),
    }
}

/// What the `irc` crate is to do: speak TLS or not, take another nick when ours is refused, and nothing else.
fn client_config(settings: &Settings) -> Config {
    Config {
        server: Some(settings.server.clone()),
        port: Some(settings.port),
        use_tls: Some(settings.tls),
        nickname: Some(settings.nick.clone()),
        alt_nicks: other_nicks(&settings.nick),
        username: Some("pushbutton".to_owned()),
        realname: Some("Pushbutton".to_owned()),
        password: settings.password.as_ref().map(|secret| secret.reveal().to_owned()),
        ping_time: Some(KEEPALIVE_S),
        ping_timeout: Some(KEEPALIVE_TIMEOUT_S),
        ..Config::default()
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

/// What went wrong, and what to do where that is known.
#[expect(clippy::wildcard_enum_match_arm, reason = "the messages and errors of IRC are not ours")]
fn words(error: &Error) -> String {
    advised(&match error {
        Error::Io(error) => error.to_string(),
        Error::Tls(error) => error.to_string(),
        Error::NoUsableNick => "the nick and all its variants are taken".to_owned(),
        Error::PingTimeout => "the server stopped answering".to_owned(),
        error => error.to_string(),
    })
}

/// What the server said, clean, and what to do where that is known.
fn cleaned(text: &str) -> String {
    advised(&clean::short(text, 200))
}

/// A line that was said, and waits for the server's PONG.
struct UnconfirmedLine {
    key: String,
    until: Instant,
    answer: oneshot::Sender<Result<(), String>>,
}

struct Session<'a> {
    settings: &'a Settings,
    link: &'a watch::Sender<Link>,
    client: Client,
    stream: Lines,
    /// The nick that the server knows us by.
    nick: String,
    inside: bool,
    /// When the next attempt to join is due, or the connection is given up if the bot never was asked in.
    next: Deadline,
    last_join: Option<Instant>,
    said: Option<UnconfirmedLine>,
    pace: Pace,
    /// What the server last complained of.
    complaint: Option<String>,
    /// What hears what is said to the bot, and the answers; none where nobody wants to know.
    ears: Option<Ears>,
    replies: Option<mpsc::Receiver<Reply>>,
    /// The stream ends once after a line that is not UTF-8, although the connection goes on.
    unreadable: bool,
}

/// What is to be done by when while the bot is outside.
#[derive(Clone, Copy)]
enum Deadline {
    GiveUp(Instant),
    Join(Instant),
}

impl<'a> Session<'a> {
    fn new(
        settings: &'a Settings,
        mut client: Client,
        link: &'a watch::Sender<Link>,
        heard: Option<&mpsc::Sender<Heard>>,
    ) -> Result<Self, Error> {
        client.identify()?;
        let stream = Lines::new(client.stream()?);
        let now = Instant::now();
        let (ears, replies) = heard.map(|heard| Ears::new(&settings.server, heard.clone())).unzip();
        Ok(Self {
            settings,
            link,
            client,
            stream,
            nick: settings.nick.clone(),
            inside: false,
            next: Deadline::GiveUp(now + ENTER_TIMEOUT),
            last_join: None,
            said: None,
            pace: Pace::new(now),
            complaint: None,
            ears,
            replies,
            unreadable: false,
        })
    }

    async fn talk(&mut self, lines: &mut mpsc::Receiver<Line>, gone: &CancellationToken) -> End {
        loop {
            let now = Instant::now();
            let wake_at = self.wake_at(now);
            let may_speak = self.inside && self.said.is_none() && self.pace.ready_at() <= now;
            let outcome = tokio::select! {
                () = gone.cancelled() => {
                    self.quit().await;
                    return End::Gone;
                }
                message = self.stream.next() => match message {
                    Some(message) => self.on_message(message),
                    None => Err(NO_END.to_owned()),
                },
                Some(line) = lines.recv(), if may_speak => self.say(line),
                Some(reply) = next_reply(&mut self.replies), if self.inside && self.pace.ready_at() <= now => self.reply(reply),
                () = sleep_until(wake_at) => self.look_at_the_clock(),
            };
            if let Err(why) = outcome {
                return End::Lost(self.complaint.take().unwrap_or(why));
            }
        }
    }

    /// The next moment at which something is to be done even if nothing comes in.
    fn wake_at(&self, now: Instant) -> Instant {
        let mut wake = now + JOIN_EVERY;
        if let Some(said) = &self.said {
            wake = wake.min(said.until);
        } else if self.inside && self.pace.ready_at() > now {
            wake = wake.min(self.pace.ready_at());
        }
        match self.next {
            _ if self.inside => wake,
            Deadline::GiveUp(at) | Deadline::Join(at) => wake.min(at),
        }
    }

    fn look_at_the_clock(&mut self) -> Result<(), String> {
        let now = Instant::now();
        if self.said.as_ref().is_some_and(|said| said.until <= now) {
            return Err(format!("the server did not answer within {} s", PONG_TIMEOUT.as_secs()));
        }
        match self.next {
            _ if self.inside => Ok(()),
            Deadline::Join(at) | Deadline::GiveUp(at) if at > now => Ok(()),
            Deadline::Join(_) => self.join(),
            Deadline::GiveUp(_) => {
                Err(format!("could not join {} within {} s", self.settings.channel, ENTER_TIMEOUT.as_secs()))
            }
        }
    }

    fn say(&mut self, line: Line) -> Result<(), String> {
        // Whoever gave up waiting will come again.
        if line.answer.is_closed() {
            return Ok(());
        }
        let now = Instant::now();
        self.pace.say(now);
        let sent = self
            .client
            .send_privmsg(&self.settings.channel, &line.text)
            .and_then(|()| self.client.send(Command::PING(line.key.clone(), None)));
        self.said = Some(UnconfirmedLine { key: line.key, until: now + PONG_TIMEOUT, answer: line.answer });
        sent.map_err(|error| words(&error))
    }

    /// Says what comes back of what was said to the bot. No server is asked whether it took it: who asked sees.
    fn reply(&mut self, reply: Reply) -> Result<(), String> {
        match reply {
            Reply::Say { to, text } => {
                self.pace.say(Instant::now());
                self.client.send_notice(&to, &text).map_err(|error| words(&error))
            }
            Reply::Proven { nick, stay, who } => {
                if let Some(ears) = &mut self.ears {
                    ears.prove(&nick, stay, who);
                }
                Ok(())
            }
        }
    }

    fn on_message(&mut self, message: Option<Result<Message, Error>>) -> Result<(), String> {
        match message {
            Some(Ok(message)) => self.understand(&message),
            // A line that is not UTF-8, or not IRC: anybody in the channel can write one, so it must not end anything.
            Some(Err(Error::InvalidMessage { .. })) => self.skip_unreadable(),
            Some(Err(Error::Io(error))) if error.kind() == std::io::ErrorKind::InvalidInput => self.skip_unreadable(),
            Some(Err(error)) => Err(words(&error)),
            None if std::mem::take(&mut self.unreadable) => Ok(()),
            None => Err("the server closed the connection".to_owned()),
        }
    }

    /// The codec reads on only when more comes in, so an answer that came together with the unreadable line would
    /// be stuck: asking again makes the server send more.
    fn skip_unreadable(&mut self) -> Result<(), String> {
        self.unreadable = true;
        match &self.said {
            Some(said) => self.client.send(Command::PING(said.key.clone(), None)).map_err(|error| words(&error)),
            None => Ok(()),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the messages and errors of IRC are not ours")]
    fn understand(&mut self, message: &Message) -> Result<(), String> {
        let ours = message.source_nickname().is_some_and(|nick| nick.eq_ignore_ascii_case(&self.nick));
        if let Some(ears) = &mut self.ears {
            let channel = &self.settings.channel;
            ears.listen(message, &self.nick, |name| name.eq_ignore_ascii_case(channel));
        }
        match &message.command {
            Command::PONG(first, second) => self.answered(first, second.as_deref()),
            Command::Response(response, arguments) => return self.response(*response, arguments),
            Command::NICK(nick) if ours => self.nick.clone_from(nick),
            Command::JOIN(channel, ..) if ours && self.is_ours(channel) => self.enter(),
            Command::PART(channel, _) if ours && self.is_ours(channel) => self.leave("the server removed the bot"),
            Command::KICK(channel, nick, _) if self.is_ours(channel) && nick.eq_ignore_ascii_case(&self.nick) => {
                let by = message.source_nickname().unwrap_or("someone");
                self.leave(&format!("kicked by {by}"));
            }
            Command::ERROR(text) => self.complaint = Some(format!("the server said: {}", cleaned(text))),
            // A number that the crate does not know: 489, "secure connection required".
            Command::Raw(number, arguments)
                if !self.inside
                    && number.len() == 3
                    && number.starts_with(['4', '5'])
                    && arguments.get(1).is_some_and(|name| self.is_ours(name)) =>
            {
                self.leave(&cleaned(arguments.last().map_or("", String::as_str)));
            }
            // Everything else, whoever says it, is nothing to us.
            _ => {}
        }
        Ok(())
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the messages and errors of IRC are not ours")]
    fn response(&mut self, response: Response, arguments: &[String]) -> Result<(), String> {
        let text = || cleaned(arguments.last().map_or("", String::as_str));
        match response {
            Response::RPL_WELCOME => {
                if let Some(nick) = arguments.first() {
                    self.nick.clone_from(nick);
                }
            }
            Response::RPL_ENDOFMOTD | Response::ERR_NOMOTD => {
                self.ask_for_accounts()?;
                return self.join();
            }
            Response::ERR_PASSWDMISMATCH | Response::ERR_YOUREBANNEDCREEP => {
                self.complaint = Some(format!("the server refused us: {}", text()));
            }
            Response::ERR_NOSUCHNICK
            | Response::ERR_NOSUCHCHANNEL
            | Response::ERR_CANNOTSENDTOCHAN
            | Response::ERR_NOTONCHANNEL
                if self.said.is_some() =>
            {
                let why = format!("the server refused the line: {}", text());
                self.answer(Err(why));
            }
            Response::ERR_NOSUCHCHANNEL
            | Response::ERR_TOOMANYCHANNELS
            | Response::ERR_UNAVAILRESOURCE
            | Response::ERR_CHANNELISFULL
            | Response::ERR_INVITEONLYCHAN
            | Response::ERR_BANNEDFROMCHAN
            | Response::ERR_BADCHANNELKEY
                if !self.inside =>
            {
                self.leave(&text());
            }
            // Whatever else a server has against our coming in: it names the channel.
            _ if !self.inside && response.is_error() && arguments.get(1).is_some_and(|name| self.is_ours(name)) => {
                self.leave(&text());
            }
            _ => {}
        }
        Ok(())
    }

    fn is_ours(&self, channel: &str) -> bool {
        channel.eq_ignore_ascii_case(&self.settings.channel)
    }

    /// Asks that each line says whose account of the network it is. A server that has no such thing says no.
    fn ask_for_accounts(&self) -> Result<(), String> {
        if self.ears.is_none() {
            return Ok(());
        }
        let asking = Command::CAP(None, CapSubCommand::REQ, None, Some(ears::ACCOUNTS.to_owned()));
        self.client.send(asking).map_err(|error| words(&error))
    }

    fn join(&mut self) -> Result<(), String> {
        let now = Instant::now();
        self.last_join = Some(now);
        self.next = Deadline::GiveUp(now + ENTER_TIMEOUT);
        self.client.send_join(&self.settings.channel).map_err(|error| words(&error))
    }

    fn enter(&mut self) {
        self.inside = true;
        self.complaint = None;
        tracing::info!(server = self.settings.server, channel = self.settings.channel, nick = self.nick, "on IRC");
        self.link.send_replace(Link::Up);
    }

    /// Notes that the bot is outside; it asks to be let in again, at most once a minute.
    fn leave(&mut self, why: &str) {
        let why = format!("not in {}: {}", self.settings.channel, clean::short(why, 500));
        tracing::warn!(server = self.settings.server, why, "out of the IRC channel");
        self.inside = false;
        let now = Instant::now();
        self.next = Deadline::Join(self.last_join.map_or(now, |last| (last + JOIN_EVERY).max(now)));
        self.answer(Err(why.clone()));
        self.link.send_replace(Link::Down(why));
    }

    /// `PONG server :key`, or with its arguments the other way round.
    fn answered(&mut self, first: &str, second: Option<&str>) {
        if self.said.as_ref().is_some_and(|said| said.key == first || Some(said.key.as_str()) == second) {
            self.answer(Ok(()));
        }
    }

    fn answer(&mut self, outcome: Result<(), String>) {
        if let Some(said) = self.said.take() {
            // Whoever gave up waiting needs no answer.
            let _ = said.answer.send(outcome);
        }
    }

    fn close(&mut self, end: &End) {
        if let End::Lost(why) = end {
            self.answer(Err(clean::short(why, 500)));
        }
    }

    /// Says goodbye, and waits a moment for it to go out.
    async fn quit(&mut self) {
        if self.client.send_quit("Pushbutton stops").is_ok() {
            let goodbye = async { while let Some(Some(Ok(_))) = self.stream.next().await {} };
            // A server that does not close the connection is left as it is.
            let _ = timeout(QUIT_TIMEOUT, goodbye).await;
        }
    }
}

/// The next answer; never one where nobody answers.
async fn next_reply(replies: &mut Option<mpsc::Receiver<Reply>>) -> Option<Reply> {
    match replies {
        Some(replies) => replies.recv().await,
        None => std::future::pending().await,
    }
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
