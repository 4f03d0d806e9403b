//! Every sentence that IRC and mail are told: pure functions from an announcement to words. All values are cleaned
//! here. It must never read the clock, and never put text from outside where it could be more than text.
//! One file per form: the IRC line, the mail, its facts, its HTML; and one for what is told of a stage. Called by the channels.

mod announced;
mod facts;
mod html;
mod line;
mod mail;
mod pause;
mod piled;
mod stage;
mod trial;
mod week;

pub(super) use announced::{letter_of, line_of, line_of_push, text_of_push, title_of_push};
pub use line::irc_line;
pub use mail::{MailWords, mail};
pub use piled::piled_up;
pub use trial::Trial;

use super::clean;
use crate::journal::{Ended, PushState};
use crate::ledger::outbox::{
    Announced, AnnouncedLink, AnnouncedQuestion, Announcement, BadHost, MOST_BAD_HOSTS, Moment,
};
use crate::plan::PushKind;
use crate::stack::PushNumber;
use crate::time::{At, ago_words, duration_words};

/// An announcement told later than this says so: a channel was down, and nobody is pushing now.
const LATE_MS: i64 = 5 * 60_000;

/// When that happened which is told of.
pub(super) fn moment(announced: &Announced) -> Option<At> {
    match announced {
        Announced::Push(announcement) => moment_of_push(announcement),
        Announced::Stage(news) => news.at.parse().ok(),
        Announced::Week(week) => week.at.parse().ok(),
    }
}

/// When the change of a push that is told of happened.
fn moment_of_push(announcement: &Announcement) -> Option<At> {
    let push = &announcement.push;
    if let Some(question) = asked(announcement) {
        return question.asked_at.parse().ok();
    }
    if let Some(pause) = &announcement.pause {
        return pause.at.parse().ok();
    }
    let ended = push.ended_at.as_deref().filter(|_| !begins(announcement));
    ended.unwrap_or(&push.pressed_at).parse().ok()
}

/// `3 h ago`, when it is told late.
fn late(announcement: &Announcement, now: At) -> Option<String> {
    let age = now.millis_since(moment_of_push(announcement)?);
    (age >= LATE_MS).then(|| ago_words(age))
}

/// The same of an instant.
fn late_by(at: &str, now: At) -> Option<String> {
    let age = now.millis_since(at.parse().ok()?);
    (age >= LATE_MS).then(|| ago_words(age))
}

/// `approved by joe`, or `WITHOUT approval: the site is down`; nothing where none was needed.
fn approval(announcement: &Announcement, bytes: usize) -> Option<String> {
    let push = &announcement.push;
    match (&push.override_why, &push.approved_by) {
        (Some(why), _) => Some(format!("WITHOUT approval: {}", clean::short(why, bytes))),
        (None, Some(who)) => Some(format!("approved by {}", clean::short(who, bytes))),
        (None, None) => None,
    }
}

/// How a push is told to end: the word, and how loud it is.
struct Outcome {
    /// `succeeded`, `FAILED`, `cancelled by joe` …
    word: String,
    /// What a mail's subject begins with; empty for a good end.
    mark: &'static str,
    /// What follows from it for people, where something does.
    then: Option<String>,
}

fn outcome(announcement: &Announcement) -> Outcome {
    let push = &announcement.push;
    let then =
        announcement.held.then(|| format!("{} is held until someone decides", clean::short(push.stack.as_str(), 64)));
    let by = |word: &str| match push.ended_by.as_deref() {
        Some(who) => format!("{word} by {}", clean::short(who, 40)),
        None => word.to_owned(),
    };
    let (word, mark) = match push.state {
        PushState::Ended(Ended::Succeeded) => (push.state.to_string(), ""),
        PushState::Ended(Ended::Degraded) => ("DEGRADED".to_owned(), "DEGRADED"),
        PushState::Ended(Ended::Failed) => ("FAILED".to_owned(), "FAILED"),
        PushState::Ended(Ended::Cancelled) => (by(push.state.word()), "CANCELLED"),
        PushState::Ended(Ended::RolledBack) => match push.old_sha.as_deref() {
            Some(old) => (format!("ROLLED BACK to {}", short_sha(old)), "ROLLED BACK"),
            None => ("ROLLED BACK".to_owned(), "ROLLED BACK"),
        },
        PushState::Ended(Ended::Interrupted) => ("INTERRUPTED".to_owned(), "INTERRUPTED"),
        PushState::Running => (push.state.to_string(), "ENDED"),
    };
    Outcome { word, mark, then }
}

/// Whether this tells of the beginning.
fn begins(announcement: &Announcement) -> bool {
    announcement.event == Moment::Started
}

/// The question, where this tells of one.
fn asked(announcement: &Announcement) -> Option<&AnnouncedQuestion> {
    announcement.question.as_ref().filter(|_| announcement.event == Moment::Asked)
}

/// `14:32 UTC`: until when a question may be answered.
fn until(question: &AnnouncedQuestion) -> String {
    let at = question.ends_at.parse::<At>().ok();
    at.map_or_else(|| clean::short(&question.ends_at, 40), |at| at.timestamp().strftime("%H:%M UTC").to_string())
}

/// A revision as people write it: seven digits of a hash; a short one (Subversion's numbers) as it is.
fn short_sha(sha: &str) -> String {
    let sha = clean::line(sha);
    match sha.char_indices().nth(7) {
        Some((end, _)) if sha.len() >= 40 => sha[..end].to_owned(),
        _ => clean::cut(&sha, 16),
    }
}

/// `4 commits`, `1 commit`, `no new commits`; of a rollback `4 commits taken back`, `nothing rolled back`.
fn commits_words(announcement: &Announcement) -> String {
    match (action(announcement), announcement.commit_count) {
        (Action::Rollback, 0) => "nothing rolled back".to_owned(),
        (Action::Rollback, 1) => "1 commit rolled back".to_owned(),
        (Action::Rollback, n) => format!("{n} commits rolled back"),
        (_, 0) => "no new commits".to_owned(),
        (_, 1) => "1 commit".to_owned(),
        (_, n) => format!("{n} commits"),
    }
}

/// What someone did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Push,
    /// Rolled back to an earlier build.
    Rollback,
    /// Went on with the push of this number.
    Resume(PushNumber),
    /// Brought hosts that were behind to the stage's build.
    CatchUp,
}

fn action(announcement: &Announcement) -> Action {
    let push = &announcement.push;
    match (push.kind, push.resumes) {
        (PushKind::Rollback, _) => Action::Rollback,
        (PushKind::CatchUp, _) => Action::CatchUp,
        (PushKind::Resume, Some(of)) => Action::Resume(of),
        (PushKind::Resume, None) | (PushKind::Push, _) => Action::Push,
    }
}

/// `41 hosts`, `1 host` where all of them have the build; `39 of 41 hosts have 9d8e7f6`: the number that pages and commands
/// say, too.
fn hosts_words(announcement: &Announcement) -> String {
    let push = &announcement.push;
    let (ok, total) = (push.hosts_ok, push.hosts_total);
    let (hosts, verb) = if total == 1 { ("host", "has") } else { ("hosts", "have") };
    match ok == total && push.state == Ended::Succeeded {
        true => format!("{total} {hosts}"),
        false => format!("{ok} of {total} {hosts} {verb} {}", back_names(announcement).0),
    }
}

/// What goes out, and what was there before where that is something else: revisions, or builds where both are of one revision.
fn back_names(announcement: &Announcement) -> (String, Option<String>) {
    let push = &announcement.push;
    match (push.old_sha.as_deref(), push.old_build.as_deref()) {
        (Some(sha), Some(old)) if sha == push.sha && old != push.build => {
            (clean::short(&push.build, 64), Some(clean::short(old, 64)))
        }
        (old, _) => (short_sha(&push.sha), old.filter(|old| *old != push.sha).map(short_sha)),
    }
}

/// `1 host`, `3 hosts`: those that a catch-up is about.
fn behind_words(announcement: &Announcement) -> String {
    match announcement.push.hosts_total {
        1 => "1 host".to_owned(),
        total => format!("{total} hosts"),
    }
}

/// `38 s`, when it is known.
fn duration(announcement: &Announcement) -> Option<String> {
    announcement.push.duration_ms.map(duration_words)
}

/// The name of a host; commands of the push host itself have none.
fn host_name(bad: &BadHost) -> String {
    if bad.host.is_empty() { "the push host".to_owned() } else { clean::short(&bad.host, 64) }
}

/// `web001 says`: whose word a link is. A host writes what it likes, and nobody here has looked at it.
fn link_source(link: &AnnouncedLink) -> String {
    match link.host.as_deref() {
        Some(host) => format!("{} says", clean::short(host, 64)),
        None => "the push host says".to_owned(),
    }
}

/// The title of a link, without what separates the parts of a line: it must not pass for another part.
fn link_title(link: &AnnouncedLink) -> String {
    link.title.replace('·', "-")
}

/// `web001 says: Ticket OPS-7`.
fn link_words(link: &AnnouncedLink) -> String {
    format!("{}: {}", link_source(link), link_title(link))
}

/// `web003 failed (exit 1)`.
fn bad_host_words(bad: &BadHost, why_bytes: usize) -> String {
    let name = host_name(bad);
    let result = bad.result.word();
    match bad.why.as_deref().map(|why| clean::short(why, why_bytes)).filter(|why| !why.is_empty() && why != result) {
        Some(why) => format!("{name} {result} ({why})"),
        None => format!("{name} {result}"),
    }
}

/// `+3 more`, when there are more than `shown`; the list itself ends at [`MOST_BAD_HOSTS`].
fn more_bad_hosts(announcement: &Announcement, shown: usize) -> Option<String> {
    let all = announcement.bad_hosts.len();
    match all.saturating_sub(shown) {
        0 if shown >= MOST_BAD_HOSTS => Some("and perhaps more".to_owned()),
        0 => None,
        more if all >= MOST_BAD_HOSTS => Some(format!("+{more} or more")),
        more => Some(format!("+{more} more")),
    }
}

/// A text with its first letter large: `Prod`.
fn large(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
