//! What was announced, on which channel, and whether it arrived: newest first, older and newer ones by cursor.
//! It must never hide an announcement that was given up: those are counted at the top.

use crate::address::encoded;
use crate::config::ChannelKinds;
use crate::ledger::deliveries::{ChannelState, ListedAnnouncement};
use crate::ledger::outbox::DeliveryState;
use crate::stack::{Destination, PushNumber};
use crate::web::view::frame::Frame;
use crate::web::view::notified::{Notification, notification};
use crate::web::view::pages::Pages;
use crate::web::view::parts::{Mark, Moment, StageTag};
use crate::web::view::templates::PageError;
use crate::web::view::words;
use serde::Serialize;
use std::collections::BTreeSet;

/// The announcements.
#[derive(Clone, Debug)]
pub struct AnnouncementsPage {
    /// How each channel is doing.
    pub channels: Vec<ChannelState>,
    /// One page of them, newest first.
    pub rows: Vec<ListedAnnouncement>,
    /// Those that the reader may have sent again.
    pub may_send: BTreeSet<i64>,
    /// What was asked for.
    pub filter: ToldFilter,
    /// Older ones are before this number, if there are any.
    pub older: Option<i64>,
    /// Newer ones are after this number, if there may be any.
    pub newer: Option<i64>,
}

/// Which announcements are shown; nothing set shows all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToldFilter {
    /// One channel.
    pub channel: Option<Destination>,
    /// One state, as it was written.
    pub state: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct AnnouncementsView {
    channels: Vec<Channel>,
    rows: Vec<Row>,
    of_channels: Vec<Choice>,
    of_states: Vec<Choice>,
    newest: Option<String>,
    newer: Option<String>,
    older: Option<String>,
    filtered: bool,
}

#[derive(Debug, Serialize)]
struct Channel {
    mark: Mark,
    name: String,
    words: String,
    last: Option<Moment>,
}

#[derive(Debug, Serialize)]
struct Choice {
    words: String,
    href: String,
    chosen: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    push: Option<i64>,
    stack: Option<String>,
    stage: Option<StageTag>,
    told: Notification,
    day: Moment,
    at: Moment,
}

impl AnnouncementsView {
    pub(crate) fn new(frame: &Frame, page: &AnnouncementsPage) -> Self {
        let state = |words, state: Option<DeliveryState>| {
            let filter = ToldFilter { state: state.map(|state| state.word().to_owned()), ..page.filter.clone() };
            Choice { words: String::from(words), href: address(&filter, None), chosen: filter == page.filter }
        };
        let channel = |channel: Option<Destination>| {
            let words = channel.as_ref().map_or_else(|| "All channels".to_owned(), |to| frame.kinds.title(to));
            let filter = ToldFilter { channel, ..page.filter.clone() };
            Choice { words, href: address(&filter, None), chosen: filter == page.filter }
        };
        let row = |listed: &ListedAnnouncement| Row {
            push: listed.row.push.map(PushNumber::get),
            stack: listed.stack.as_ref().map(ToString::to_string),
            stage: listed.stage.as_ref().map(|stage| StageTag::named(stage.as_str())),
            told: notification(&listed.row, &frame.kinds, page.may_send.contains(&listed.row.id), frame.now),
            day: Moment::day(&listed.made_at),
            at: Moment::minute(&listed.made_at),
        };
        Self {
            channels: page.channels.iter().map(|channel| Channel::new(frame, channel)).collect(),
            rows: page.rows.iter().map(row).collect(),
            of_channels: std::iter::once(None)
                .chain(places(&frame.kinds, page).into_iter().map(Some))
                .map(channel)
                .collect(),
            of_states: vec![
                state("All", None),
                state("Waiting", Some(DeliveryState::Waiting)),
                state("Sent", Some(DeliveryState::Told)),
                state("Given up", Some(DeliveryState::GivenUp)),
            ],
            newest: page.newer.map(|_| address(&page.filter, None)),
            newer: page.newer.map(|after| address(&page.filter, Some(("after", after)))),
            older: page.older.map(|before| address(&page.filter, Some(("before", before)))),
            filtered: page.filter != ToldFilter::default(),
        }
    }
}

/// Every destination that there is or was, by name.
fn places(kinds: &ChannelKinds, page: &AnnouncementsPage) -> BTreeSet<Destination> {
    let known = kinds.names().map(|name| Destination::from(name.clone()));
    let used = page.channels.iter().map(|state| state.channel.clone());
    known.chain(used).chain(page.filter.channel.clone()).collect()
}

impl Channel {
    fn new(frame: &Frame, channel: &ChannelState) -> Self {
        let count = |number: i64, word: &str| (number > 0).then(|| format!("{} {word}", words::thousands(number)));
        let counts =
            [count(channel.waiting, "waiting"), count(channel.given_up, "given up"), count(channel.delivered, "sent")];
        let counts: Vec<String> = counts.into_iter().flatten().collect();
        let mark = match (channel.waiting_tried, channel.given_up) {
            (0, 0) => ("ok", "working"),
            (0, _) => ("warn", "some were given up"),
            _ => ("warn", "not reached"),
        };
        Self {
            mark: Mark::new(mark),
            name: frame.kinds.title(&channel.channel),
            words: if counts.is_empty() { "nothing yet".to_owned() } else { counts.join(", ") },
            last: channel.last_delivered.as_deref().map(|at| Moment::ago(at, frame.now)),
        }
    }
}

/// The page of these announcements. States are words of ours: only their space needs care.
fn address(filter: &ToldFilter, cursor: Option<(&str, i64)>) -> String {
    let (name, cursor) = cursor.map_or(("", None), |(name, number)| (name, Some(number.to_string())));
    let channel = filter.channel.as_ref().map(|to| encoded(to.to_string()));
    let parts = [("channel", &channel), ("state", &filter.state), (name, &cursor)];
    let parts = parts.iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?.replace(' ', "+"))));
    let query = parts.collect::<Vec<_>>().join("&");
    if query.is_empty() { "/announcements".to_owned() } else { format!("/announcements?{query}") }
}

impl Pages {
    /// What was told where, and whether it arrived.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn announcements(&self, frame: &Frame, page: &AnnouncementsPage) -> Result<String, PageError> {
        self.draw(frame, "announcements.html", &AnnouncementsView::new(frame, page))
    }
}
