//! One connection to an IRC server, from the first byte to its end: registers, joins, says lines, notices when it is
//! thrown out. It must never answer by itself: what is said to the bot is handed on (`presence`), and what comes back is said.

use super::lines::Lines;
use super::link::{Line, Link, Settings};
use super::pace::Pace;
use super::presence::{self, Presence};
use super::register::{Identity, client_config};
use super::rooms::{ENTER_TIMEOUT, JOIN_EVERY, Rooms, Standing};
use super::said::{cleaned, words};
use crate::announce::clean;
use crate::announce::incoming::{IncomingMessage, Reply};
use irc::client::prelude::{Client, Command, Message, Response};
use irc::error::Error;
use irc::proto::command::CapSubCommand;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// How long a server may take to accept the connection, TLS and names included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long it may take to answer the PING behind a line.
const PONG_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a goodbye may take.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);
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
    incoming: Option<&mpsc::Sender<IncomingMessage>>,
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
    match Session::new(settings, client, link, incoming) {
        Ok(mut session) => {
            let end = session.talk(lines, gone).await;
            session.close(&end);
            end
        }
        Err(error) => End::Lost(words(&error)),
    }
}

/// A line that was said, and waits for the server's PONG.
struct UnconfirmedLine {
    room: String,
    key: String,
    until: Instant,
    answer: oneshot::Sender<Result<(), String>>,
}

struct Session<'a> {
    settings: &'a Settings,
    link: &'a watch::Sender<Link>,
    client: Client,
    stream: Lines,
    identity: Identity,
    rooms: Rooms,
    /// When the connection is given up if the server has not welcomed us.
    give_up: Instant,
    /// A line whose channel the bot is being let into.
    waiting: Option<Line>,
    said: Option<UnconfirmedLine>,
    pace: Pace,
    /// What the server last complained of.
    complaint: Option<String>,
    /// What hears what is said to the bot, and the answers; none where nobody wants to know.
    presence: Option<Presence>,
    replies: Option<mpsc::Receiver<Reply>>,
    /// The stream ends once after a line that is not UTF-8, although the connection goes on.
    unreadable: bool,
}

impl<'a> Session<'a> {
    fn new(
        settings: &'a Settings,
        mut client: Client,
        link: &'a watch::Sender<Link>,
        incoming: Option<&mpsc::Sender<IncomingMessage>>,
    ) -> Result<Self, Error> {
        let identity = Identity::begin(settings, &client)?;
        let stream = Lines::new(client.stream()?);
        let now = Instant::now();
        let (presence, replies) = incoming.map(|incoming| Presence::new(&settings.server, incoming.clone())).unzip();
        Ok(Self {
            settings,
            link,
            client,
            stream,
            identity,
            rooms: Rooms::new(std::iter::once(&settings.channel).chain(&settings.also), now),
            give_up: now + ENTER_TIMEOUT,
            waiting: None,
            said: None,
            pace: Pace::new(now),
            complaint: None,
            presence,
            replies,
            unreadable: false,
        })
    }

    async fn talk(&mut self, lines: &mut mpsc::Receiver<Line>, gone: &CancellationToken) -> End {
        loop {
            let now = Instant::now();
            let wake_at = self.wake_at(now);
            let may_speak = self.identity.is_registered()
                && self.waiting.is_none()
                && self.said.is_none()
                && self.pace.ready_at() <= now;
            let may_reply = self.identity.is_registered() && self.pace.ready_at() <= now;
            let outcome = tokio::select! {
                () = gone.cancelled() => {
                    self.quit().await;
                    return End::Gone;
                }
                message = self.stream.next() => match message {
                    Some(message) => self.on_message(message),
                    None => Err(NO_END.to_owned()),
                },
                Some(line) = lines.recv(), if may_speak => self.take(line),
                Some(reply) = next_reply(&mut self.replies), if may_reply => self.reply(reply),
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
        } else if self.pace.ready_at() > now {
            wake = wake.min(self.pace.ready_at());
        }
        match self.identity.is_registered() {
            true => wake.min(self.rooms.next().unwrap_or(wake)).min(self.identity.regain_at().unwrap_or(wake)),
            false => wake.min(self.give_up),
        }
    }

    fn look_at_the_clock(&mut self) -> Result<(), String> {
        let now = Instant::now();
        if self.said.as_ref().is_some_and(|said| said.until <= now) {
            return Err(format!("the server did not answer within {} s", PONG_TIMEOUT.as_secs()));
        }
        if !self.identity.is_registered() {
            let late = || Err(format!("the server did not welcome us within {} s", ENTER_TIMEOUT.as_secs()));
            return if self.give_up <= now { late() } else { Ok(()) };
        }
        for room in self.rooms.late(now) {
            let why = format!("could not join {room} within {} s", ENTER_TIMEOUT.as_secs());
            // Who does not answer at all has not heard of us.
            if self.rooms.is_first(&room) {
                return Err(why);
            }
            self.leave(&room, &why);
        }
        self.identity.regain(&self.client, now)?;
        self.join_due()
    }

    /// Takes a line; it is said once the bot is in its channel.
    fn take(&mut self, line: Line) -> Result<(), String> {
        // Whoever gave up waiting will come again.
        if line.answer.is_closed() {
            return Ok(());
        }
        let now = Instant::now();
        match self.rooms.standing(&line.room, now) {
            Standing::Inside => self.say(line),
            Standing::Outside(why, next) if next > now => {
                // Whoever gave up waiting needs no answer.
                let _ = line.answer.send(Err(why));
                Ok(())
            }
            Standing::Joining(_) | Standing::Outside(..) => {
                self.waiting = Some(line);
                self.join_due()
            }
        }
    }

    fn say(&mut self, line: Line) -> Result<(), String> {
        let now = Instant::now();
        self.pace.say(now);
        let sent = self
            .client
            .send_privmsg(&line.room, &line.text)
            .and_then(|()| self.client.send(Command::PING(line.key.clone(), None)));
        let Line { room, key, answer, .. } = line;
        self.said = Some(UnconfirmedLine { room, key, until: now + PONG_TIMEOUT, answer });
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
                if let Some(presence) = &mut self.presence {
                    presence.prove(&nick, stay, who);
                }
                Ok(())
            }
        }
    }

    fn on_message(&mut self, message: Option<Result<Message, Error>>) -> Result<(), String> {
        match message {
            Some(Ok(message)) => self.understand(&message),
            Some(Err(Error::NoUsableNick)) => self.identity.nick_refused(&self.client),
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
        let now = Instant::now();
        let from = message.source_nickname().unwrap_or_default();
        let ours = |nick: &str| nick.eq_ignore_ascii_case(&self.identity.nick);
        if let Some(presence) = &mut self.presence {
            presence.listen(message, &self.identity.nick, |name| self.rooms.known(name).is_some());
        }
        match &message.command {
            Command::PONG(first, second) => self.answered(first, second.as_deref()),
            Command::Response(response, arguments) => {
                self.identity.signs_in(self.settings, &self.client, &message.command)?;
                return self.response(*response, arguments);
            }
            Command::CAP(..) | Command::AUTHENTICATE(_) => {
                return self.identity.signs_in(self.settings, &self.client, &message.command);
            }
            Command::NICK(nick) if ours(from) => self.identity.named(nick, now),
            Command::NICK(_) | Command::QUIT(_) if !ours(from) => {
                self.identity.left(from, now);
                return self.identity.regain(&self.client, now);
            }
            Command::JOIN(channel, ..) if ours(from) => return self.enter(channel),
            Command::PART(channel, _) if ours(from) => self.leave(channel, "the server removed the bot"),
            Command::KICK(channel, nick, _) if ours(nick) => {
                let by = if from.is_empty() { "someone" } else { from };
                self.leave(channel, &format!("kicked by {by}"));
            }
            Command::ERROR(text) => self.complaint = Some(format!("the server said: {}", cleaned(text))),
            // A number that the crate does not know: 489, "secure connection required".
            Command::Raw(number, arguments) if number.len() == 3 && number.starts_with(['4', '5']) => {
                self.refused(arguments, false);
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
            Response::RPL_WELCOME => return self.identity.welcomed(arguments.first(), Instant::now()),
            Response::RPL_ENDOFMOTD | Response::ERR_NOMOTD => {
                self.ask_for_accounts()?;
                return self.join_due();
            }
            Response::ERR_PASSWDMISMATCH | Response::ERR_YOUREBANNEDCREEP => {
                self.complaint = Some(format!("the server refused us: {}", text()));
            }
            Response::ERR_NOSUCHNICK
            | Response::ERR_NOSUCHCHANNEL
            | Response::ERR_CANNOTSENDTOCHAN
            | Response::ERR_NOTONCHANNEL
                if self.said.as_ref().is_some_and(|said| names(arguments, &said.room)) =>
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
            | Response::ERR_BADCHANNELKEY => self.refused(arguments, true),
            // Whatever else a server has against our coming in: it names the channel.
            _ if response.is_error() => self.refused(arguments, false),
            _ => {}
        }
        Ok(())
    }

    /// Asks that each line says whose account of the network it is. A server that has no such thing says no.
    fn ask_for_accounts(&self) -> Result<(), String> {
        if self.presence.is_none() {
            return Ok(());
        }
        let asking = Command::CAP(None, CapSubCommand::REQ, None, Some(presence::ACCOUNTS.to_owned()));
        self.client.send(asking).map_err(|error| words(&error))
    }

    /// The server does not let us in: into the channel that it names, or, when it is about joining at all, the one that we wait for.
    fn refused(&mut self, arguments: &[String], about_joining: bool) {
        let named = arguments.get(1).and_then(|name| self.rooms.known(name)).map(str::to_owned);
        let Some(room) = named.or_else(|| self.rooms.joining().filter(|_| about_joining)) else { return };
        if let Standing::Joining(_) = self.rooms.standing(&room, Instant::now()) {
            self.leave(&room, &cleaned(arguments.last().map_or("", String::as_str)));
        }
    }

    /// Asks to be let into each channel whose time has come.
    fn join_due(&mut self) -> Result<(), String> {
        let now = Instant::now();
        for room in self.rooms.due(now) {
            self.rooms.asks(&room, now);
            let key = self.settings.keys.get(&room.to_ascii_lowercase()).map(|key| key.reveal().to_owned());
            self.client.send(Command::JOIN(room, key, None)).map_err(|error| words(&error))?;
        }
        Ok(())
    }

    fn enter(&mut self, room: &str) -> Result<(), String> {
        let nick = &self.identity.nick;
        tracing::info!(server = self.settings.server, channel = clean::short(room, 100), nick, "on IRC");
        self.rooms.enters(room);
        if self.rooms.is_first(room) {
            self.complaint = None;
            self.link.send_replace(Link::Up);
        }
        match self.waiting.take() {
            Some(line) if line.room.eq_ignore_ascii_case(room) => self.say(line),
            other => {
                self.waiting = other;
                Ok(())
            }
        }
    }

    /// Notes that the bot is outside; it asks to be let in again, but not too often.
    fn leave(&mut self, room: &str, why: &str) {
        let Some(room) = self.rooms.known(room).map(str::to_owned) else { return };
        let why = format!("not in {room}: {}", clean::short(why, 500));
        tracing::warn!(server = self.settings.server, why, "out of the IRC channel");
        self.rooms.leaves(&room, why.clone(), Instant::now());
        if self.said.as_ref().is_some_and(|said| said.room.eq_ignore_ascii_case(&room)) {
            self.answer(Err(why.clone()));
        }
        if let Some(line) = self.waiting.take_if(|line| line.room.eq_ignore_ascii_case(&room)) {
            // Whoever gave up waiting needs no answer.
            let _ = line.answer.send(Err(why.clone()));
        }
        if self.rooms.is_first(&room) {
            self.link.send_replace(Link::Outside(why));
        }
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
        let End::Lost(why) = end else { return };
        let why = clean::short(why, 500);
        if let Some(line) = self.waiting.take() {
            // Whoever gave up waiting needs no answer.
            let _ = line.answer.send(Err(why.clone()));
        }
        self.answer(Err(why));
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

/// Whether a refusal names this channel.
fn names(arguments: &[String], room: &str) -> bool {
    arguments.get(1).is_some_and(|name| name.eq_ignore_ascii_case(room))
}

/// The next answer; never one where nobody answers.
async fn next_reply(replies: &mut Option<mpsc::Receiver<Reply>>) -> Option<Reply> {
    match replies {
        Some(replies) => replies.recv().await,
        None => std::future::pending().await,
    }
}
