//! What a mail tells, cleaned, in the order of reading: the plain text and the HTML say the same facts. It must never hold a value
//! as it came from outside. Called by `mail`.

use super::{
    Action, action, asked, back_names, bad_host_words, begins, behind_words, clean, commits_words, duration, large,
    link_words, outcome, pause, short_sha, until,
};
use crate::ledger::outbox::{Announcement, Moment};
use serde::Serialize;

/// Bytes of a value in the body: a line that a person reads.
const VALUE_BYTES: usize = 500;

/// All that a mail tells, cleaned, in the order of reading.
#[derive(Serialize)]
pub(super) struct Facts {
    /// One sentence: what happened.
    pub headline: String,
    /// Whether it is a bad end.
    pub bad: bool,
    /// What follows from it.
    pub then: Option<String>,
    /// Name and value.
    pub rows: Vec<(&'static str, String)>,
    /// What did not succeed: the host with its result and why, and the command.
    pub bad_hosts: Vec<(String, String)>,
    /// What more hosts there are.
    pub more_hosts: Option<String>,
    /// The title of the commits.
    pub commits_title: String,
    /// Revision, subject, author.
    pub commits: Vec<(String, String, String)>,
    /// How many commits the list leaves out.
    pub more_commits: Option<String>,
    /// What it links to: name and address.
    pub links: Vec<(String, String)>,
    /// The audit's head.
    pub audit_head: String,
}

impl Facts {
    /// Those of an announcement.
    pub fn of(announcement: &Announcement) -> Self {
        let push = &announcement.push;
        let outcome = outcome(announcement);
        let value = |text: &str| clean::short(text, VALUE_BYTES);
        let given = |name: &'static str, text: Option<String>| text.filter(|t| !t.is_empty()).map(|t| (name, t));
        let ended = announcement.event == Moment::Ended;
        let paused_why =
            push.paused.as_ref().filter(|_| announcement.pause.is_some()).and_then(|p| p.reason.as_deref());
        let hosts = match ended {
            true => format!("{} of {} have {}", push.hosts_ok, push.hosts_total, back_names(announcement).0),
            false => push.hosts_total.to_string(),
        };
        let when =
            super::moment_of_push(announcement).map(|at| at.timestamp().strftime("%Y-%m-%d %H:%M UTC").to_string());
        let rows = [
            given("Who", Some(value(&push.who))),
            given("When", when),
            given("Stack", Some(value(push.stack.as_str()))),
            given("Stage", Some(value(push.stage.as_str()))),
            given("From", push.old_sha.as_deref().map(value)),
            given("To", Some(value(&push.sha))),
            given("Branch", Some(value(&push.branch))),
            given("Reason", push.reason.as_deref().map(value)),
            given("Approval", super::approval(announcement, VALUE_BYTES)),
            given("Question", asked(announcement).map(|question| value(&question.question))),
            given("Until", asked(announcement).map(until)),
            given("Paused", paused_why.map(value)),
            given("Result", ended.then(|| outcome.word.clone())),
            given("Why", push.why.as_deref().filter(|_| ended).map(value)),
            given("Hosts", Some(hosts)),
            given("Duration", duration(announcement).filter(|_| ended)),
        ];
        Self {
            headline: headline(announcement, &outcome.word),
            bad: ended && !outcome.mark.is_empty(),
            then: outcome.then.filter(|_| ended),
            rows: rows.into_iter().flatten().collect(),
            bad_hosts: announcement
                .bad_hosts
                .iter()
                .map(|bad| (bad_host_words(bad, VALUE_BYTES), value(&bad.command)))
                .collect(),
            more_hosts: super::more_bad_hosts(announcement, announcement.bad_hosts.len()),
            commits_title: large(&commits_words(announcement)),
            commits: announcement
                .commits
                .iter()
                .map(|commit| (short_sha(&commit.sha), value(&commit.subject), clean::short(&commit.author, 100)))
                .collect(),
            more_commits: match announcement.commit_count.saturating_sub(announcement.commits.len()) {
                0 => None,
                more => Some(format!("and {more} more")),
            },
            links: [("Difference", push.diff.as_deref()), ("The push", Some(announcement.url.as_str()))]
                .into_iter()
                .map(|(name, address)| (name.to_owned(), address))
                .chain(announcement.links.iter().map(|link| (value(&link_words(link)), Some(link.url.as_str()))))
                .filter_map(|(name, address)| Some((name, clean::link(address?)?.to_owned())))
                .collect(),
            audit_head: clean::short(&announcement.audit_head, 64),
        }
    }
}

/// `mary pushed web to Prod: FAILED.`
fn headline(announcement: &Announcement, word: &str) -> String {
    if let Some(pause) = &announcement.pause {
        return pause::sentence(announcement, pause);
    }
    let push = &announcement.push;
    let (who, stack) = (clean::short(&push.who, 40), clean::short(push.stack.as_str(), 40));
    let stage = large(&clean::short(push.stage.as_str(), 40));
    let (sha, behind) = (short_sha(&push.sha), behind_words(announcement));
    let back = back_names(announcement).0;
    if let Some(question) = asked(announcement) {
        let words = clean::short(&question.question, VALUE_BYTES);
        return format!("Push {} of {stack} to {stage} waits for an answer: {words}", push.id);
    }
    match (action(announcement), begins(announcement)) {
        (Action::Push, true) => format!("{who} is pushing {stack} to {stage}."),
        (Action::Push, false) => format!("{who} pushed {stack} to {stage}: {word}."),
        (Action::Resume(of), true) => format!("{who} is resuming push {of} of {stack} to {stage}."),
        (Action::Resume(of), false) => format!("{who} resumed push {of} of {stack} to {stage}: {word}."),
        (Action::CatchUp, true) => format!("{who} is updating {behind} of {stage} to {sha} of {stack}."),
        (Action::CatchUp, false) => format!("{behind} of {stage} updated to {sha} of {stack} by {who}: {word}."),
        (Action::Rollback, true) => format!("{who} is rolling {stack} on {stage} back to {back}."),
        (Action::Rollback, false) => format!("{stack} on {stage} was rolled back to {back} by {who}: {word}."),
    }
}
