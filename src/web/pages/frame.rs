//! What all pages show around themselves: header, navigation, notices, footer.

use super::parts::{Moment, Person};
use crate::desk::Broken;
use crate::ledger::outbox;
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
    /// What everybody should know, a sentence each: a broken stack file, a full disk.
    pub notices: Vec<String>,
    /// Where in the navigation the page is.
    pub section: Section,
    /// Whether people only say their name (`mode = "open"`).
    pub open_mode: bool,
}

/// A frame as templates take it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Shell {
    who: Option<Person>,
    running: usize,
    /// How many of them wait for an answer.
    asking: usize,
    running_href: String,
    nonce: String,
    channels: Vec<Channel>,
    notices: Vec<String>,
    section: &'static str,
    open_mode: bool,
    now_ms: i64,
    release: &'static str,
    assets: String,
}

impl Shell {
    pub(super) fn new(frame: &Frame, assets: &str) -> Self {
        let asking: Vec<&PushRow> = frame.running.iter().filter(|push| push.question.is_some()).collect();
        let running_href = match (asking.as_slice(), frame.running.as_slice()) {
            ([first, ..], _) => format!("/pushes/{}", first.id),
            ([], [one]) => format!("/pushes/{}", one.id),
            ([], _) => "/".to_owned(),
        };
        Self {
            who: frame.full_name.as_deref().or(frame.who.as_deref()).map(Person::new),
            running: frame.running.len(),
            asking: asking.len(),
            running_href,
            nonce: frame.nonce.clone(),
            channels: frame.channels.iter().map(|broken| Channel::new(broken, frame.now)).collect(),
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

/// A channel that does not work, as it stands on every page.
#[derive(Clone, Debug, Serialize)]
struct Channel {
    channel: &'static str,
    words: &'static str,
    since: Moment,
    why: String,
}

impl Channel {
    fn new(broken: &Broken, now: At) -> Self {
        Self {
            channel: broken.channel,
            words: match broken.channel {
                outbox::IRC => "No announcements on IRC",
                outbox::EMAIL => "No announcements by mail",
                _ => "No announcements",
            },
            since: Moment::until(&broken.since.to_string(), now),
            why: broken.why.clone(),
        }
    }
}
