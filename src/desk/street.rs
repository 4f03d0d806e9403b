//! What a stack's page shows: the whole one-way street, read in one go and cheap enough for every refresh. What it offers
//! is decided by the very function that decides a press. It must never change anything, and never wait for a fetch.

use super::gate::{self, Facts, Offer};
use super::view::{Next, StageView, Street, Trunk};
use super::{Decision, Desk, Refusal, first_line};
use crate::ledger::holds::{self, Hold};
use crate::ledger::pushes::{self, Filter, PushRow};
use crate::ledger::Answer;
use crate::stack::{Revision, Source, Stack, StackName};
use rusqlite::Connection;
use std::sync::Arc;

/// Pushes that a stack's page lists.
const RECENT: usize = 8;
/// Good pushes that say how long one usually takes.
const USUAL: usize = 20;

/// What the ledger says of a stack.
struct Read {
    lock: Option<PushRow>,
    hold: Option<Hold>,
    recent: Vec<PushRow>,
    stages: Vec<StageRead>,
}

struct StageRead {
    facts: Facts,
    last: Option<PushRow>,
    usual_ms: Vec<i64>,
}

impl Desk {
    /// Everything that the page of one stack shows.
    ///
    /// # Errors
    /// When there is no such stack, or its file was never right.
    pub async fn street(&self, name: &StackName) -> Decision<Street> {
        let (stack, problem) = self.shelved(name)?;
        let known = self.branches.known(name);
        let head = known.head.as_ref().map(|(head, _)| head.clone());
        let asked = Arc::clone(&stack);
        let read = self.ledger.read(move |connection| read(connection, &asked, head)).await?;
        let mut stages = Vec::with_capacity(stack.stages.len());
        for (place, stage) in read.stages.into_iter().enumerate() {
            stages.push(self.stage_view(&stack, place, stage, problem.as_deref()).await);
        }
        let Source::Git { url, branch } = &stack.source;
        Ok(Street {
            stack: name.to_string(),
            title: stack.title.clone(),
            branch: branch.clone(),
            source: without_password(url),
            trunk: known.head.map(|(head, subject)| Trunk {
                sha: head.to_string(),
                subject,
                fetched_at: known.fetched_at.map(|at| at.to_string()).unwrap_or_default(),
            }),
            trunk_problem: known.problem,
            problem,
            lock: read.lock,
            hold: read.hold,
            stages,
            recent: read.recent,
        })
    }

    async fn stage_view(&self, stack: &Stack, place: usize, read: StageRead, problem: Option<&str>) -> StageView {
        let stage = &stack.stages[place];
        let offer = gate::offer(stack, place, &read.facts);
        let broken = problem.map(|problem| {
            Refusal::BadStack { stack: stack.name.to_string(), why: first_line(problem) }.to_string()
        });
        let why_not = broken
            .or_else(|| gate::closed(&read.facts).map(|refusal| refusal.to_string()))
            .or_else(|| offer.as_ref().err().map(ToString::to_string));
        let next = match offer {
            Ok(offer) => Some(self.next(stack, &read.facts, offer).await),
            Err(_) => None,
        };
        StageView {
            name: stage.name.to_string(),
            button: stage.button.clone(),
            place: place + 1,
            hosts: stage.hosts.iter().map(|host| host.name().to_owned()).collect(),
            current: read.facts.current,
            next,
            why_not,
            hold: read.facts.stage_hold,
            last: read.last,
            usual_ms: read.usual_ms,
        }
    }

    async fn next(&self, stack: &Stack, facts: &Facts, offer: Offer) -> Next {
        let old = offer.old.as_ref().map(|old| &old.sha);
        let log = self.branches.log(stack, old, &offer.sha).await;
        Next {
            again: facts.current.as_ref().is_some_and(|current| current.sha == offer.sha.as_str()),
            diff: diff_url(stack.diff.as_deref(), old, &offer.sha),
            seen: offer.seen,
            plan_hash: offer.plan_hash,
            sha: offer.sha.to_string(),
            commits: log.commits.clone(),
            commit_count: log.count,
        }
    }
}

fn read(connection: &Connection, stack: &Stack, head: Option<Revision>) -> Answer<Read> {
    let name = stack.name.as_str();
    let of_stack = Filter { stack: Some(name.to_owned()), ..Filter::default() };
    let mut stages = Vec::with_capacity(stack.stages.len());
    for (place, stage) in stack.stages.iter().enumerate() {
        let of_stage = Filter { stage: Some(stage.name.to_string()), ..of_stack.clone() };
        stages.push(StageRead {
            facts: Facts::read(connection, stack, place, head.clone())?,
            last: pushes::list(connection, &of_stage, 1)?.pop(),
            usual_ms: pushes::usual_ms(connection, name, stage.name.as_str(), USUAL)?,
        });
    }
    Ok(Read {
        lock: pushes::lock_holder(connection, name)?,
        hold: holds::get(connection, &holds::scope(&stack.name, None))?,
        recent: pushes::list(connection, &of_stack, RECENT)?,
        stages,
    })
}

/// The address of the difference between two revisions; none without a template that is http(s), or without an old one.
pub(super) fn diff_url(template: Option<&str>, old: Option<&Revision>, new: &Revision) -> Option<String> {
    let template = template?;
    if !template.starts_with("https://") && !template.starts_with("http://") {
        return None;
    }
    let with_old = match (template.contains("{old_sha}"), old) {
        (true, None) => return None,
        (true, Some(old)) => template.replace("{old_sha}", &percent_encoded(old.as_str())),
        (false, _) => template.to_owned(),
    };
    Some(with_old.replace("{sha}", &percent_encoded(new.as_str())))
}

fn percent_encoded(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// An address as it may be shown: `https://name:password@host/` keeps its password to itself.
fn without_password(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let host_ends = rest.find('/').unwrap_or(rest.len());
            match rest[..host_ends].rsplit_once('@') {
                Some((_, host)) => format!("{scheme}://{host}{}", &rest[host_ends..]),
                None => url.to_owned(),
            }
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(digit: &str) -> Revision {
        digit.repeat(40).parse().unwrap()
    }

    #[test]
    fn a_diff_link_is_an_http_address_with_both_revisions_or_nothing() {
        let (a, b) = (revision("a"), revision("b"));
        let full = "https://example.com/compare/{old_sha}...{sha}";
        let filled = format!("https://example.com/compare/{a}...{b}");
        assert_eq!(diff_url(Some(full), Some(&a), &b), Some(filled));
        assert_eq!(diff_url(Some(full), None, &b), None);
        assert_eq!(diff_url(Some("https://x/{sha}"), None, &b), Some(format!("https://x/{b}")));
        assert_eq!(diff_url(Some("javascript:alert('{sha}')"), Some(&a), &b), None);
        assert_eq!(diff_url(None, Some(&a), &b), None);
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        for (url, shown) in [
            ("https://mary:secret@example.com/web.git", "https://example.com/web.git"),
            ("https://example.com/a@b.git", "https://example.com/a@b.git"),
            ("/srv/git/web.git", "/srv/git/web.git"),
            ("git@example.com:web.git", "git@example.com:web.git"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
