//! Which words an announcement has: those of a push, or those of a stage. Called by the channels.

use super::line::irc_line;
use super::mail::{MailWords, mail};
use super::{stage, week};
use crate::ledger::outbox::{Announced, Announcement};
use crate::time::At;

/// The line that IRC is told.
pub(in crate::announce) fn line_of(announced: &Announced, now: At) -> String {
    match announced {
        Announced::Push(announcement) => irc_line(announcement, now),
        Announced::Stage(news) => stage::line(news, now),
        Announced::Week(of) => week::line(of),
    }
}

/// The mail.
pub(in crate::announce) fn letter_of(announced: &Announced) -> MailWords {
    match announced {
        Announced::Push(announcement) => mail(announcement),
        Announced::Stage(news) => stage::letter(news),
        Announced::Week(of) => week::letter(of),
    }
}

/// The line of a push, as it is told at once.
pub(in crate::announce) fn line_of_push(announcement: &Announcement) -> String {
    let at = super::moment_of_push(announcement).unwrap_or(At::from_millis(0));
    irc_line(announcement, at)
}

/// A push in short: the subject of its mail without what every subject begins with.
pub(in crate::announce) fn title_of_push(announcement: &Announcement) -> String {
    let subject = mail(announcement).subject;
    subject.strip_prefix("[push] ").map_or_else(|| subject.clone(), str::to_owned)
}

/// All that a mail says of a push, as plain text.
pub(in crate::announce) fn text_of_push(announcement: &Announcement) -> String {
    mail(announcement).text
}
