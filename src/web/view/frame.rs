//! What all pages show around themselves: header, navigation, notices, footer.

use super::parts::{Moment, Person};
use crate::config::ChannelKinds;
use crate::desk::Broken;
use crate::ledger::Trouble;
use crate::ledger::pushes::PushRow;
use crate::time::At;
use serde::Serialize;

/// Which part of the navigation a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// All stacks, and each of them.
    Stacks,
    /// The push log, and each push.
    Pushes,
    /// What the past says in numbers.
    Stats,
    /// None of them: signing in, errors.
    Nowhere,
}

/// What all pages show around themselves.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Who is asking; `None` before signing in.
    pub who: Option<String>,
    /// Their full name, when it is known.
    pub full_name: Option<String>,
    /// Now: what "12 min ago" counts from.
    pub now: At,
    /// The pushes that run now.
    pub running: Vec<PushRow>,
    /// The nonce for this page's forms: a press's idempotency key. Each form adds its stage's name to it.
    pub nonce: String,
    /// The channels of announcements that do not work.
    pub channels: Vec<Broken>,
    /// The kind of each channel that there is.
    pub kinds: ChannelKinds,
    /// Why the history cannot be written, if so.
    pub ledger: Option<Trouble>,
    /// Why the server's disk has no room for a push, if so.
    pub disk: Option<Trouble>,
    /// Whose data directory this is, when it is a copy that nobody has taken over.
    pub copied: Option<String>,
    /// Whether the caller is an administrator.
    pub admin: bool,
    /// Why the caller may not take it over, if so.
    pub no_take_over: Option<String>,
    /// What everybody should know, a sentence each: a broken stack file.
    pub notices: Vec<String>,
    /// Where in the navigation the page is.
    pub section: Section,
    /// Whether people only say their name.
    pub open_mode: bool,
}

/// A frame as templates take it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Shell {
    who: Option<Person>,
    /// The name that the history has.
    reader: String,
    running: usize,
    /// How many of them wait for an answer.
    asking: usize,
    running_href: String,
    nonce: String,
    channels: Vec<Channel>,
    troubles: Vec<ServerTrouble>,
    copied: Option<String>,
    admin: bool,
    no_take_over: Option<String>,
    notices: Vec<String>,
    section: &'static str,
    open_mode: bool,
    now_ms: i64,
    release: &'static str,
    assets: String,
}

impl Shell {
    pub(crate) fn new(frame: &Frame, assets: &str) -> Self {
        let asking: Vec<&PushRow> = frame.running.iter().filter(|push| push.question.is_some()).collect();
        let running_href = match (asking.as_slice(), frame.running.as_slice()) {
            ([first, ..], _) => format!("/pushes/{}", first.id),
            ([], [one]) => format!("/pushes/{}", one.id),
            ([], _) => "/".to_owned(),
        };
        Self {
            who: frame.full_name.as_deref().or(frame.who.as_deref()).map(Person::new),
            reader: frame.who.clone().unwrap_or_default(),
            running: frame.running.len(),
            asking: asking.len(),
            running_href,
            nonce: frame.nonce.clone(),
            channels: frame.channels.iter().map(|broken| Channel::new(broken, frame)).collect(),
            troubles: ServerTrouble::of(frame),
            copied: frame.copied.clone(),
            admin: frame.admin,
            no_take_over: frame.no_take_over.clone(),
            notices: frame.notices.clone(),
            section: match frame.section {
                Section::Stacks => "stacks",
                Section::Pushes => "pushes",
                Section::Stats => "stats",
                Section::Nowhere => "nowhere",
            },
            open_mode: frame.open_mode,
            now_ms: frame.now.millis(),
            release: env!("CARGO_PKG_VERSION"),
            assets: assets.to_owned(),
        }
    }
}

/// What keeps the server itself from working, as it stands on every page.
#[derive(Clone, Debug, Serialize)]
struct ServerTrouble {
    words: &'static str,
    since: Moment,
    why: String,
    /// What goes on all the same.
    goes_on: &'static str,
}

impl ServerTrouble {
    fn of(frame: &Frame) -> Vec<Self> {
        let trouble = |trouble: &Trouble, words, goes_on| Self {
            words,
            since: Moment::until(&trouble.since.to_string(), frame.now),
            why: trouble.why.clone(),
            goes_on,
        };
        let ledger = frame.ledger.as_ref().map(|found| {
            let goes_on = "Running pushes continue, and can be paused, answered and cancelled. Nothing else can be pushed, held or \
                           changed until this is fixed; pages may be out of date.";
            trouble(found, "Pushbutton cannot write its history", goes_on)
        });
        let disk = frame.disk.as_ref().map(|found| {
            trouble(
                found,
                "Not enough disk space for a push",
                "Running pushes continue. No other can start until there is space.",
            )
        });
        ledger.into_iter().chain(disk).collect()
    }
}

/// A channel that does not work, as it stands on every page.
#[derive(Clone, Debug, Serialize)]
struct Channel {
    channel: String,
    words: String,
    since: Moment,
    why: String,
}

impl Channel {
    fn new(broken: &Broken, frame: &Frame) -> Self {
        Self {
            channel: broken.channel.to_string(),
            words: format!("No announcements {}", frame.kinds.way(&broken.channel)),
            since: Moment::until(&broken.since.to_string(), frame.now),
            why: broken.why.clone(),
        }
    }
}
