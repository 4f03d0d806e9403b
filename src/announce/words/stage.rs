//! What is told of a stage while nothing is pushed: a push that waits for approval, and what became of that.

use super::facts::Facts;
use super::{clean, html, large, late_by, mail, short_sha};
use crate::ledger::outbox::{StageEvent, StageNews};
use crate::time::At;

/// `[web] mary asks for approval to push 3f2c1ab → 9d8e7f6 to PROD until 16:00 UTC: the fair · PAGE`;
/// `[web] joe approved 9d8e7f6 for PROD, which mary asked for · PAGE`; `[web] joe DECLINED …`.
pub(super) fn line(news: &StageNews, now: At) -> String {
    let stage = stage_of(news).to_uppercase();
    let late = late_by(&news.at, now).map(|ago| format!(" ({ago})")).unwrap_or_default();
    let head = format!("[{}]{late} {}", clean::short(news.stack.as_str(), 40), happened(news, &stage));
    clean::irc_line(&format!("{head}{}", why(news, 150)), &[news.url.as_str()])
}

/// The words of a mail.
pub(super) fn letter(news: &StageNews) -> mail::MailWords {
    let (stack, stage) = (clean::short(news.stack.as_str(), 40), large(&stage_of(news)));
    let mark = match news.news {
        StageEvent::ApprovalAsked => "APPROVAL NEEDED",
        StageEvent::Approved => "approved",
        StageEvent::Declined => "DECLINED",
        StageEvent::MarkedGood => "build is good",
        StageEvent::MarkedBad => "BAD BUILD",
        StageEvent::Unmarked => "mark taken away",
        StageEvent::AutoOff => "auto is OFF",
    };
    let name = if stage.is_empty() { stack.clone() } else { format!("{stack} {stage}") };
    let (sha, who) = (short_sha(&news.sha), clean::short(&news.who, 40));
    let subject = match news.news {
        StageEvent::AutoOff => format!("[push] {mark} {stack}: {}", why_not(news)),
        StageEvent::ApprovalAsked
        | StageEvent::Approved
        | StageEvent::Declined
        | StageEvent::MarkedGood
        | StageEvent::MarkedBad
        | StageEvent::Unmarked => format!("[push] {mark} {name}: {sha} by {who}"),
    };
    let facts = facts(news, &if stage.is_empty() { stack.clone() } else { format!("{stage} ({stack})") });
    mail::MailWords {
        subject: clean::cut(&subject, mail::SUBJECT_BYTES),
        text: mail::text(&facts),
        html: html::page(&facts),
    }
}

fn facts(news: &StageNews, stage: &str) -> Facts {
    let value = |text: &str| clean::short(text, 500);
    let at = |text: &str| text.parse::<At>().ok().map(|at| at.timestamp().strftime("%Y-%m-%d %H:%M UTC").to_string());
    let given =
        |name: &'static str, text: Option<String>| text.filter(|text| !text.is_empty()).map(|text| (name, text));
    let rows = [
        given("Who", Some(value(&news.who))),
        given("When", at(&news.at)),
        given("Asked by", news.asker.as_deref().map(value)),
        given("Stack", Some(value(news.stack.as_str()))),
        given("Stage", Some(stage_of(news))),
        given("Build", news.build.as_deref().map(value)),
        given("From", news.old_sha.as_deref().map(value)),
        given("To", Some(value(&news.sha))),
        given("Stages", (news.stages.len() > 1).then(|| stages_of(news))),
        given("Reason", news.reason.as_deref().map(value)),
        given("Until", news.until.as_deref().and_then(at)),
    ];
    let link = clean::link(&news.url).map(|address| ("The page".to_owned(), address.to_owned()));
    Facts {
        headline: format!("{}.", happened(news, stage)),
        bad: matches!(news.news, StageEvent::Declined | StageEvent::MarkedBad | StageEvent::AutoOff),
        then: None,
        rows: rows.into_iter().flatten().collect(),
        bad_hosts: Vec::new(),
        more_hosts: None,
        commits_title: String::new(),
        commits: Vec::new(),
        more_commits: None,
        links: link.into_iter().collect(),
        audit_head: clean::short(&news.audit_head, 64),
    }
}

fn happened(news: &StageNews, stage: &str) -> String {
    let who = clean::short(&news.who, 40);
    let sha = short_sha(&news.sha);
    let build = news.build.as_deref().map(|build| clean::short(build, 64)).unwrap_or_default();
    let from_to = match news.old_sha.as_deref() {
        Some(old) if old != news.sha => format!("{} → {sha}", short_sha(old)),
        _ => sha.clone(),
    };
    let asker = news.asker.as_deref().map(|asker| clean::short(asker, 40)).unwrap_or_default();
    match news.news {
        StageEvent::ApprovalAsked => {
            let until = news.until.as_deref().and_then(|until| until.parse::<At>().ok());
            let until = until.map(|at| at.timestamp().strftime(" until %H:%M UTC").to_string()).unwrap_or_default();
            format!("{who} asks for approval to push {from_to} to {stage}{until}")
        }
        StageEvent::Approved => format!("{who} approved the push of {from_to} to {stage}, which {asker} asked for"),
        StageEvent::Declined => format!("{who} DECLINED the push of {from_to} to {stage}, which {asker} asked for"),
        StageEvent::MarkedGood => format!("{who} marked build {build} as good on {stage}"),
        StageEvent::MarkedBad => format!("{who} marked build {build} as BAD"),
        StageEvent::Unmarked if stage_of(news).is_empty() => format!("{who} took it back that build {build} is bad"),
        StageEvent::Unmarked => format!("{who} took it back that build {build} is good on {stage}"),
        StageEvent::AutoOff => format!("auto is OFF for {}", stages_of(news).to_uppercase()),
    }
}

/// The stages that are told of together: `qa, prod`.
fn stages_of(news: &StageNews) -> String {
    let names: Vec<String> = news.stages.iter().map(|stage| clean::short(stage.as_str(), 40)).collect();
    names.join(", ")
}

fn why_not(news: &StageNews) -> String {
    news.reason.as_deref().map(|why| clean::short(why, 150)).unwrap_or_default()
}

fn stage_of(news: &StageNews) -> String {
    news.stage.as_ref().map(|stage| clean::short(stage.as_str(), 40)).unwrap_or_default()
}

fn why(news: &StageNews, bytes: usize) -> String {
    let why = news.reason.as_deref().map(|why| clean::short(why, bytes)).filter(|why| !why.is_empty());
    why.map(|why| format!(": {why}")).unwrap_or_default()
}
