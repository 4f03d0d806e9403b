//! Which words an announcement has: those of a push, or those of a stage. Called by the channels.

use super::line::irc_line;
use super::mail::{MailWords, mail};
use super::{stage, week};
use crate::ledger::outbox::Announced;
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
