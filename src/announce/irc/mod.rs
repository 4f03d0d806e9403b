//! IRC: one supervising task keeps a connection to the server and a seat in the channel, and says what it is given.
//! It must never do what someone on IRC says (what is said to the bot it hands on, `presence`), never say a line that is not cleaned, and never call a line told before
//! the server answered the PING sent behind it. The `irc` crate frames and parses; it never reconnects: we do.

mod lines;
mod link;
mod pace;
mod presence;
mod register;
mod rooms;
mod said;
mod session;

use super::channel::{Begin, Channel, Delivered, Trouble};
use super::delivery::deliver;
use super::incoming::IncomingMessage;
use super::words::Trial;
use super::{clean, words};
use crate::config::{self, ChannelConfig, ChannelKind};
use crate::desk::Channels;
use crate::ledger::outbox::{Announced, Announcement};
use crate::stack::ChannelName;
use crate::time::At;
use link::{Line, Link, Settings};
use session::End;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Lines that wait for the connection. The delivery tells one at a time; when it is full, it waits.
const WAITING_LINES: usize = 1;
/// The waits between two connections.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A connection that lasted this long was a good one: after it the waits begin anew.
const GOOD_CONNECTION: Duration = Duration::from_secs(60);
/// How long a line may take in all: the wait for its turn, the server's answer.
const TELL_TIMEOUT: Duration = Duration::from_secs(60);

/// What begins the channel, when its table can be used.
pub(super) fn ready(name: ChannelName, config: &config::Irc) -> Result<Begin, String> {
    let settings = Arc::new(Settings::new(config)?);
    Ok(Box::new(move |with, tasks| {
        let (health, stop) = (with.health.clone(), with.stop.clone());
        tasks.spawn(health.keep("announce on IRC", stop, move || {
            let (irc, connection) =
                Irc::new(name.clone(), Arc::clone(&settings), with.channels.clone(), with.incoming.clone());
            let told = deliver(irc, name.clone(), with.clone());
            async move {
                // Together: neither is of use without the other, and the connection ends when nobody tells any more.
                tokio::join!(told, connection);
            }
        }));
    }))
}

/// Enters the channel and leaves it again, without a word: whether announcements would be told there.
pub(super) async fn look(config: &config::Irc) -> Result<String, String> {
    let settings = Settings::new(config)?;
    // Nothing is ever said through it; it stays open, since its end would be ours.
    let (_lines, mut waiting) = mpsc::channel(WAITING_LINES);
    let (link, mut seen) = watch::channel(Link::Connecting);
    let gone = CancellationToken::new();
    let session = session::run(&settings, &mut waiting, &link, &gone, None);
    tokio::pin!(session);
    let entered = async { seen.wait_for(|link| *link != Link::Connecting).await.map(|link| link.clone()) };
    let link = tokio::select! {
        end = &mut session => match end {
            End::Gone => return Err("the connection to IRC has ended".to_owned()),
            End::Lost(why) => return Err(clean::short(&why, 500)),
        },
        link = entered => link,
    };
    gone.cancel();
    session.await;
    match link {
        Ok(Link::Up) => Ok(format!("{}:{}, in {}", settings.server, settings.port, settings.channel)),
        Ok(Link::Outside(why) | Link::Down(why)) => Err(why),
        Ok(Link::Connecting) | Err(_) => Err("the connection to IRC has ended".to_owned()),
    }
}

/// Says a message in a channel: where it arrived.
pub(super) async fn trial(
    channel: &ChannelConfig,
    config: &config::Irc,
    place: Option<&str>,
    trial: &Trial,
) -> Result<String, String> {
    let settings = Arc::new(Settings::new(config)?);
    let (mut irc, connection) =
        Irc::new(channel.name.clone(), Arc::clone(&settings), Channels::new(watch::Sender::new(0)), None);
    let said = async move { irc.tell_line(place, trial.line(), trial.key()).await };
    // The connection ends when the handle has gone: with a goodbye.
    let (said, ()) = tokio::join!(said, connection);
    match said {
        Ok(_) => {
            let room = place.unwrap_or(&settings.channel);
            Ok(format!("said in {room} on {}:{}", settings.server, settings.port))
        }
        Err(trouble) => Err(trouble.why()),
    }
}

/// The handle of the supervising task; when it is dropped, the bot says goodbye.
struct Irc {
    settings: Arc<Settings>,
    lines: mpsc::Sender<Line>,
    link: watch::Receiver<Link>,
    _gone: DropGuard,
}

impl Irc {
    /// The handle, and what it needs to run beside it: that ends soon after the handle has gone.
    fn new(
        name: ChannelName,
        settings: Arc<Settings>,
        channels: Channels,
        incoming: Option<mpsc::Sender<IncomingMessage>>,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (lines, waiting) = mpsc::channel(WAITING_LINES);
        let (link, seen) = watch::channel(Link::Connecting);
        let gone = CancellationToken::new();
        let (reported, stopped) = (seen.clone(), gone.clone());
        let irc = Self { settings: Arc::clone(&settings), lines, link: seen, _gone: gone.drop_guard() };
        let connection = async move {
            tokio::join!(report(name, reported, channels), supervise(&settings, waiting, link, (stopped, incoming)));
        };
        (irc, connection)
    }

    /// Says a line; in the channel of the server's file where there is no other place.
    async fn say(&mut self, place: Option<&str>, text: String, key: String) -> Result<(), Trouble> {
        let link = self.link.wait_for(|link| *link != Link::Connecting).await.map_err(|_| ended())?.clone();
        match (link, place) {
            (Link::Down(why), _) | (Link::Outside(why), None) => return Err(Trouble::Broken(why)),
            (Link::Connecting | Link::Up, _) | (Link::Outside(_), Some(_)) => {}
        }
        let room = place.unwrap_or(&self.settings.channel).to_owned();
        let (answer, answered) = oneshot::channel();
        self.lines.send(Line { room, text, key, answer }).await.map_err(|_| ended())?;
        // Whatever IRC says to a line, it is never about this line alone: it has the form that every line has. But a channel that a
        // stack names is not the whole connection.
        let about = |why| match place {
            Some(_) => Trouble::Later(why),
            None => Trouble::Broken(why),
        };
        answered.await.map_err(|_| ended())?.map_err(about)
    }

    async fn tell_line(&mut self, place: Option<&str>, text: String, key: String) -> Result<Delivered, Trouble> {
        if let Some(place) = place.filter(|place| !config::is_irc_channel(place)) {
            return Err(Trouble::no_such_place(place));
        }
        let said = timeout(TELL_TIMEOUT, self.say(place, text.clone(), key)).await;
        let late = || Err(Trouble::Broken(format!("not sent within {} s", TELL_TIMEOUT.as_secs())));
        said.unwrap_or_else(|_| late()).map(|()| Delivered { words: text, problem: None })
    }
}

fn ended() -> Trouble {
    Trouble::Later("the connection to IRC has ended".to_owned())
}

/// Keeps the state of the channel known, also while there is nothing to tell.
async fn report(name: ChannelName, mut link: watch::Receiver<Link>, channels: Channels) {
    loop {
        match &*link.borrow_and_update() {
            Link::Connecting => {}
            Link::Up => channels.works(&name),
            Link::Outside(why) | Link::Down(why) => channels.is_broken(&name, why, At::now()),
        }
        if link.changed().await.is_err() {
            return;
        }
    }
}

impl Channel for Irc {
    const KIND: ChannelKind = ChannelKind::Irc;

    async fn tell(
        &mut self,
        place: Option<&str>,
        announced: &Announced,
        _begun: Option<&str>,
    ) -> Result<Delivered, Trouble> {
        self.tell_line(place, words::line_of(announced, At::now()), announced.key()).await
    }

    async fn tell_piled(&mut self, place: Option<&str>, piled: &[Announcement]) -> Result<Delivered, Trouble> {
        let key = piled.last().map(Announcement::key).unwrap_or_default();
        self.tell_line(place, words::piled_up(piled, At::now()), key).await
    }

    async fn recovered(&mut self) {
        while self.link.changed().await.is_ok() {
            if *self.link.borrow_and_update() == Link::Up {
                return;
            }
        }
        std::future::pending().await
    }
}

/// Connects, again and again, until the handle is gone.
async fn supervise(
    settings: &Settings,
    mut lines: mpsc::Receiver<Line>,
    link: watch::Sender<Link>,
    (gone, incoming): (CancellationToken, Option<mpsc::Sender<IncomingMessage>>),
) {
    let mut wait = FIRST_WAIT;
    loop {
        let began = Instant::now();
        let why = match session::run(settings, &mut lines, &link, &gone, incoming.as_ref()).await {
            End::Gone => return,
            End::Lost(why) => clean::short(&why, 500),
        };
        if began.elapsed() >= GOOD_CONNECTION {
            wait = FIRST_WAIT;
        }
        tracing::warn!(server = settings.server, why, wait_s = wait.as_secs(), "no connection to IRC");
        link.send_replace(Link::Down(why));
        tokio::select! {
            () = gone.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
