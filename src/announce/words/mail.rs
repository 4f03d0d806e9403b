//! The mail: subject and plain text of its facts. The same facts as HTML are in `html`.

use super::facts::Facts;
use super::{Action, action, asked, back_names, begins, behind_words, clean, html, large, outcome, pause, short_sha};
use crate::ledger::outbox::Announcement;

/// Bytes of a subject: what mail programs show in a list, and some more.
pub(super) const SUBJECT_BYTES: usize = 180;
/// What a mail says. None of it holds a carriage return; the subject is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailWords {
    /// `[push] web Prod: 8f31c2e to 51d0c3e by mary`; `[push] FAILED web Prod: …` for a bad end.
    pub subject: String,
    /// The plain text, lines ended by `\n`.
    pub text: String,
    /// The same as HTML, without anything from outside of it.
    pub html: String,
}

/// The words of a mail.
pub fn mail(announcement: &Announcement) -> MailWords {
    let facts = Facts::of(announcement);
    MailWords { subject: subject(announcement), text: text(&facts), html: html::page(&facts) }
}

fn subject(announcement: &Announcement) -> String {
    let push = &announcement.push;
    let name = format!("{} {}", clean::short(push.stack.as_str(), 40), large(&clean::short(push.stage.as_str(), 40)));
    let from_to = match push.old_sha.as_deref() {
        _ if action(announcement) == Action::Rollback => format!("rolled back to {}", back_names(announcement).0),
        _ if action(announcement) == Action::CatchUp => {
            format!("{} updated to {}", behind_words(announcement), short_sha(&push.sha))
        }
        None => short_sha(&push.sha),
        Some(old) if old == push.sha => format!("{} again", short_sha(&push.sha)),
        Some(old) => format!("{} to {}", short_sha(old), short_sha(&push.sha)),
    };
    let who = clean::short(&push.who, 40);
    if let Some(question) = asked(announcement) {
        let words = clean::short(&question.question, 100);
        return clean::cut(&format!("[push] ANSWER NEEDED {name}: {words}"), SUBJECT_BYTES);
    }
    if let Some(pause) = &announcement.pause {
        let words = pause::short(announcement, pause);
        return clean::cut(&format!("[push] {words} {name}: {from_to}"), SUBJECT_BYTES);
    }
    if begins(announcement) {
        let started = if push.override_why.is_some() { "started WITHOUT APPROVAL" } else { "started" };
        return clean::cut(&format!("[push] {started} {name}: {from_to} by {who}"), SUBJECT_BYTES);
    }
    let mark = outcome(announcement).mark;
    // Who reads subjects alone must not miss it.
    let mark = match (&push.override_why, mark) {
        (Some(_), "") => "WITHOUT APPROVAL",
        (Some(_) | None, mark) => mark,
    };
    let space = if mark.is_empty() { "" } else { " " };
    clean::cut(&format!("[push] {mark}{space}{name}: {from_to} by {who}{}", step(announcement)), SUBJECT_BYTES)
}

/// ` (apachectl graceful on web003 +2)`: the step and the hosts that spoilt it.
fn step(announcement: &Announcement) -> String {
    let Some(first) = announcement.bad_hosts.first() else { return String::new() };
    let more = match announcement.bad_hosts.len() {
        1 => String::new(),
        n => format!(" +{}", n - 1),
    };
    format!(" ({} on {}{more})", clean::short(&first.command, 50), super::host_name(first))
}

pub(super) fn text(facts: &Facts) -> String {
    let mut lines = vec![facts.headline.clone()];
    lines.extend(facts.then.as_ref().map(|then| format!("{}.", large(then))));
    lines.push(String::new());
    lines.extend(facts.rows.iter().map(|(name, value)| format!("{name:<9} {value}")));
    if !facts.bad_hosts.is_empty() {
        lines.extend([String::new(), "What did not succeed:".to_owned()]);
        lines.extend(facts.bad_hosts.iter().map(|(host, command)| format!("  {host}: {command}")));
        lines.extend(facts.more_hosts.iter().map(|more| format!("  {more}")));
    }
    if !facts.commits_title.is_empty() {
        let colon = if facts.commits.is_empty() { "." } else { ":" };
        lines.extend([String::new(), format!("{}{colon}", facts.commits_title)]);
    }
    lines.extend(facts.commits.iter().map(|(sha, subject, author)| format!("  {sha} {subject} ({author})")));
    lines.extend(facts.more_commits.iter().map(|more| format!("  {more}")));
    lines.push(String::new());
    lines.extend(facts.links.iter().map(|(name, address)| format!("{name}: {address}")));
    lines.extend([String::new(), format!("Audit head: {}", facts.audit_head), String::new()]);
    lines.join("\n")
}
