//! What piled up while nobody could be told, folded into one line: a channel is for people, and a flood is not read.

use super::{begins, clean, irc_line, late, outcome, short_sha};
use crate::journal::{Ended, PushState};
use crate::ledger::outbox::{Announcement, Moment};
use crate::time::At;

/// Bytes of the pushes that a line names; the rest is a number, and the log has them all.
const NAMED_BYTES: usize = 280;

/// One line for announcements in the order in which they were written: of each push only how it stands now counts. A single
/// push is told in its own words.
pub fn piled_up(announcements: &[Announcement], now: At) -> String {
    let newest = newest_of_each(announcements);
    let [first, .., _] = newest.as_slice() else {
        return newest.first().map(|only| irc_line(only, now)).unwrap_or_default();
    };
    let log = first.url.rsplit_once('/').map_or(first.url.as_str(), |(log, _)| log);
    let mut words = format!("[pushbutton] {} pushes could not be announced", newest.len());
    // How many are told: the bad ends first, since they are what someone has to look at, and then the newest.
    let mut order: Vec<(bool, usize)> =
        newest.iter().enumerate().map(|(at, announcement)| (is_good(announcement), at)).collect();
    order.sort_by_key(|(good, at)| (*good, std::cmp::Reverse(*at)));
    let mut named = 0;
    for (_, at) in &order {
        let part = one(newest[*at], now);
        if words.len() + part.len() > NAMED_BYTES {
            break;
        }
        words.push_str(" · ");
        words.push_str(&part);
        named += 1;
    }
    if named < newest.len() {
        words.push_str(&format!(" · +{} more", newest.len() - named));
    }
    clean::irc_line(&words, &[log])
}

/// `web PROD 51d0c3e FAILED (push 214 by mary, 2 h ago)`
fn one(announcement: &Announcement, now: At) -> String {
    let push = &announcement.push;
    let state = match announcement.event {
        Moment::Paused => "is paused".to_owned(),
        Moment::Started | Moment::Resumed => "is being pushed".to_owned(),
        Moment::Asked => "waits for an answer".to_owned(),
        Moment::Ended => outcome(announcement).word,
    };
    let ago = late(announcement, now).map(|ago| format!(", {ago}")).unwrap_or_default();
    format!(
        "{} {} {} {state} (push {} by {}{ago})",
        clean::short(push.stack.as_str(), 40),
        clean::short(push.stage.as_str(), 40).to_uppercase(),
        short_sha(&push.sha),
        push.id,
        clean::short(&push.who, 40),
    )
}

fn is_good(announcement: &Announcement) -> bool {
    begins(announcement) || matches!(announcement.push.state, PushState::Running | PushState::Ended(Ended::Succeeded))
}

/// The last announcement of each push, in the order in which they were written.
fn newest_of_each(announcements: &[Announcement]) -> Vec<&Announcement> {
    let is_last =
        |(at, one): &(usize, &Announcement)| announcements[at + 1..].iter().all(|later| later.push.id != one.push.id);
    announcements.iter().enumerate().filter(is_last).map(|(_, announcement)| announcement).collect()
}
