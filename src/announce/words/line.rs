//! The line that IRC is told.

use super::{
    Action, action, approval, asked, back_names, bad_host_words, begins, behind_words, clean, commits_words, duration,
    hosts_words, late, link_source, link_title, more_bad_hosts, outcome, pause, short_sha, until,
};
use crate::ledger::outbox::{AnnouncedLink, AnnouncedQuestion, Announcement};
use crate::time::At;

/// How many bad hosts a line names; the page has them all.
const HOSTS: usize = 3;
/// How many links of `before` and `finally` a line gives, and how long their titles are; the page has them all.
const LINKS: usize = 3;
const TITLE_BYTES: usize = 40;
/// Bytes of why a push, and a rollback, did not go well; the page has all.
const WHY: usize = 100;
const WHY_OF_ROLLBACK: usize = 160;

/// One clean line of at most 400 bytes, links whole:
/// `[web] mary pushed 3f2c1ab → 9d8e7f6 to PROD: succeeded, 41 hosts, 38 s · 4 commits · DIFF · PAGE`.
/// `[web] mary rolled PROD back to 3f2c1ab (from 9d8e7f6): succeeded, …` for the rollback.
/// `[web] mary brought 2 hosts of PROD to 9d8e7f6: succeeded, …` for hosts that were behind.
/// What is told late says how late: `[web] (3 h ago) mary pushed …`.
pub fn irc_line(announcement: &Announcement, now: At) -> String {
    if let Some(question) = asked(announcement) {
        return question_line(announcement, question, now);
    }
    if let Some(pause) = &announcement.pause {
        return clean::irc_line(&pause::line(announcement, pause, now), &[announcement.url.as_str()]);
    }
    let push = &announcement.push;
    let stage = clean::short(push.stage.as_str(), 40).to_uppercase();
    let (from_to, behind, sha) = (from_to(announcement), behind_words(announcement), short_sha(&push.sha));
    let did = match (action(announcement), begins(announcement)) {
        (Action::Push, true) => format!("is pushing {from_to} to {stage}"),
        (Action::Push, false) => format!("pushed {from_to} to {stage}"),
        (Action::Resume(of), true) => format!("is resuming push {of}, {from_to} to {stage}"),
        (Action::Resume(of), false) => format!("resumed push {of}, {from_to} to {stage}"),
        (Action::CatchUp, true) => format!("is updating {behind} of {stage} to {sha}"),
        (Action::CatchUp, false) => format!("updated {behind} of {stage} to {sha}"),
        (Action::Rollback, true) => format!("is rolling {stage} back to {}", back_to(announcement)),
        (Action::Rollback, false) => format!("rolled {stage} back to {}", back_to(announcement)),
    };
    let what = format!(
        "[{stack}]{late} {who} {did}",
        stack = clean::short(push.stack.as_str(), 40),
        late = late(announcement, now).map(|ago| format!(" ({ago})")).unwrap_or_default(),
        who = clean::short(&push.who, 40),
    );
    let commits = commits_words(announcement);
    let reason = push.reason.as_deref().map(|reason| clean::short(reason, 100)).filter(|reason| !reason.is_empty());
    let reason = reason.map(|reason| format!(" · {reason}")).unwrap_or_default();
    let approval = approval(announcement, 100).map(|words| format!(" · {words}")).unwrap_or_default();
    let head = if begins(announcement) {
        format!("{what}: {commits}{approval}{reason}")
    } else if action(announcement) == Action::Rollback {
        // Why something was taken back is what everybody asks.
        format!("{what}: {} · {commits}{reason}", ended(announcement))
    } else {
        format!("{what}: {} · {commits}{approval}", ended(announcement))
    };
    let given: Vec<String> = announcement.links.iter().take(LINKS).filter_map(given).collect();
    let ours = push.diff.as_deref().into_iter().chain([announcement.url.as_str()]);
    let links: Vec<&str> = given.iter().map(String::as_str).chain(ours).collect();
    clean::irc_line(&head, &links)
}

/// `[web] push 214 of 9d8e7f6 to PROD waits for an answer until 14:32 UTC: Graphs calm? · PAGE`.
fn question_line(announcement: &Announcement, question: &AnnouncedQuestion, now: At) -> String {
    let push = &announcement.push;
    let head = format!(
        "[{stack}]{late} push {id} of {sha} to {stage} by {who} waits for an answer{of_another} until {until}: {text}",
        stack = clean::short(push.stack.as_str(), 40),
        late = late(announcement, now).map(|ago| format!(" ({ago})")).unwrap_or_default(),
        id = push.id,
        sha = short_sha(&push.sha),
        stage = clean::short(push.stage.as_str(), 40).to_uppercase(),
        who = clean::short(&push.who, 40),
        of_another = if question.another { " of someone else" } else { "" },
        until = until(question),
        text = clean::short(&question.question, 150),
    );
    clean::irc_line(&head, &[announcement.url.as_str()])
}

/// `web001 says: Ticket OPS-7 https://tickets.example.com/OPS-7`
fn given(link: &AnnouncedLink) -> Option<String> {
    let (address, by) = (clean::link(&link.url)?, link_source(link));
    let title = clean::short(&link_title(link), TITLE_BYTES);
    Some(match title.is_empty() || title == address {
        true => format!("{by}: {address}"),
        false => format!("{by}: {title} {address}"),
    })
}

/// `3f2c1ab → 9d8e7f6`; the first push of a stage has nothing to come from.
fn from_to(announcement: &Announcement) -> String {
    let push = &announcement.push;
    let sha = short_sha(&push.sha);
    match push.old_sha.as_deref() {
        None => sha,
        Some(old) if old == push.sha => format!("{sha} again"),
        Some(old) => format!("{} → {sha}", short_sha(old)),
    }
}

/// `3f2c1ab (from 9d8e7f6)`.
fn back_to(announcement: &Announcement) -> String {
    match back_names(announcement) {
        (to, Some(from)) => format!("{to} (from {from})"),
        (to, None) => to,
    }
}

/// `FAILED, 39 of 41 hosts have 9d8e7f6, 38 s · why · web003 failed (exit 1), +2 more · what follows`.
fn ended(announcement: &Announcement) -> String {
    let outcome = outcome(announcement);
    // What hosts run when a rollback failed is more than a cause.
    let most = if action(announcement) == Action::Rollback { WHY_OF_ROLLBACK } else { WHY };
    let mut words = format!("{}, {}", outcome.word, hosts_words(announcement));
    if let Some(duration) = duration(announcement) {
        words.push_str(", ");
        words.push_str(&duration);
    }
    let mut more: Vec<String> = Vec::new();
    more.extend(outcome.then);
    more.extend(announcement.push.why.as_deref().map(|why| clean::short(why, most)).filter(|why| !why.is_empty()));
    let mut hosts: Vec<String> = announcement.bad_hosts.iter().take(HOSTS).map(|bad| bad_host_words(bad, 40)).collect();
    hosts.extend(more_bad_hosts(announcement, hosts.len()));
    if !hosts.is_empty() {
        more.push(hosts.join(", "));
    }
    for part in more {
        words.push_str(" · ");
        words.push_str(&part);
    }
    words
}
