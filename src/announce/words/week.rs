//! What a week brought: the weekly mail. Its line is for channels that are never given one: a `match` has to have it.

use super::facts::Facts;
use super::{clean, html, large, mail, short_sha};
use crate::ledger::outbox::{BadPush, Week, WeekOfStage};
use crate::size::counted;
use crate::time::At;

/// `The week up to Mon 30 Nov 2026: 34 pushes of 3 stacks · PAGE`.
pub(super) fn line(week: &Week) -> String {
    clean::irc_line(&headline(week), &[week.url.as_str()])
}

/// The words of a mail.
pub(super) fn letter(week: &Week) -> mail::MailWords {
    let facts = facts(week);
    mail::MailWords {
        subject: clean::cut(&format!("[push] {}", facts.headline.trim_end_matches('.')), mail::SUBJECT_BYTES),
        text: mail::text(&facts),
        html: html::page(&facts),
    }
}

fn headline(week: &Week) -> String {
    let pushes: u64 = week.stages.iter().map(|of| of.pushes).sum();
    let mut stacks: Vec<_> = week.stages.iter().map(|of| &of.stack).collect();
    stacks.dedup();
    let day = week
        .to
        .parse::<At>()
        .map_or_else(|_| clean::short(&week.week, 20), |at| at.timestamp().strftime("%a %-d %b %Y").to_string());
    match pushes {
        0 => format!("The week up to {day}: nothing was pushed."),
        _ => format!("The week up to {day}: {} of {}.", counted(pushes, "push"), counted(stacks.len() as u64, "stack")),
    }
}

fn facts(week: &Week) -> Facts {
    let sum = |of: fn(&WeekOfStage) -> u64| week.stages.iter().map(of).sum::<u64>();
    let minute = |text: &str| {
        let at = text.parse::<At>().ok();
        at.map_or_else(|| clean::short(text, 30), |at| at.timestamp().strftime("%Y-%m-%d %H:%M UTC").to_string())
    };
    let bad = sum(|of| of.pushes) - sum(|of| of.succeeded);
    let rows = vec![
        ("From", minute(&week.from)),
        ("To", minute(&week.to)),
        ("Succeeded", sum(|of| of.succeeded).to_string()),
        ("Did not", bad.to_string()),
        ("Rollbacks", sum(|of| of.rollbacks).to_string()),
        ("Commits", sum(|of| of.commits).to_string()),
    ];
    let link = clean::link(&week.url).map(|address| ("These pushes".to_owned(), address.to_owned()));
    Facts {
        headline: headline(week),
        bad: false,
        then: None,
        rows,
        bad_hosts: week.bad.iter().map(bad_push).collect(),
        more_hosts: (week.more_bad > 0).then(|| format!("and {} more", week.more_bad)),
        commits_title: if week.stages.is_empty() { String::new() } else { "What went out, by stack".to_owned() },
        commits: week.stages.iter().map(stage).collect(),
        more_commits: None,
        links: link.into_iter().collect(),
        audit_head: clean::short(&week.audit_head, 64),
    }
}

/// Stack, what was pushed to a stage of it, and by whom.
fn stage(of: &WeekOfStage) -> (String, String, String) {
    let stage = large(&clean::short(of.stage.as_str(), 40));
    let bad = of.pushes - of.succeeded;
    let mut parts = vec![counted(of.pushes, "push"), counted(of.commits, "commit")];
    parts.extend((bad > 0).then(|| format!("{bad} did not succeed")));
    parts.extend((of.rollbacks > 0).then(|| counted(of.rollbacks, "rollback")));
    parts.extend(of.sha.as_deref().map(|sha| format!("last {}", short_sha(sha))));
    let who: Vec<String> = of.who.iter().map(|(who, count)| format!("{} {count}", clean::short(who, 40))).collect();
    (clean::short(of.stack.as_str(), 40), format!("{stage}: {}", parts.join(", ")), who.join(", "))
}

/// `web to Prod, push 214 by mary: failed`, and why.
fn bad_push(bad: &BadPush) -> (String, String) {
    let (stack, stage) = (clean::short(bad.stack.as_str(), 40), large(&clean::short(bad.stage.as_str(), 40)));
    let (who, state) = (clean::short(&bad.who, 40), clean::short(&bad.state, 20));
    let why = bad.why.as_deref().map(|why| clean::short(why, 300)).unwrap_or_default();
    (format!("{stack} to {stage}, push {} by {who}: {state}", bad.push), why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_is_told_by_stage_and_what_others_wrote_is_text() {
        let stage = |stack: &str, stage: &str, pushes, succeeded| WeekOfStage {
            stack: stack.parse().unwrap(),
            stage: stage.parse().unwrap(),
            pushes,
            succeeded,
            rollbacks: 1,
            commits: 14,
            sha: Some("3f2c1ab".repeat(6)),
            who: vec![("mary".to_owned(), 3), ("<b>joe</b>".to_owned(), 1)],
        };
        let week = Week {
            week: "2026-11-30".to_owned(),
            key: "weekly-2026-11-30".to_owned(),
            from: "2026-11-23T08:00:00.000Z".to_owned(),
            to: "2026-11-30T08:00:00.000Z".to_owned(),
            stages: vec![stage("api", "prod", 1, 1), stage("web", "prod", 4, 3), stage("web", "qa", 9, 9)],
            bad: vec![BadPush {
                push: "214".parse().unwrap(),
                stack: "web".parse().unwrap(),
                stage: "prod".parse().unwrap(),
                who: "<b>joe</b>".to_owned(),
                state: "failed".to_owned(),
                why: Some("<script>alert(1)</script>\u{202e}".to_owned()),
            }],
            more_bad: 2,
            at: "2026-11-30T08:00:01.000Z".to_owned(),
            url: "https://push.example.com/pushes?since=2026-11-23&until=2026-11-30".to_owned(),
            audit_head: "0123456789ab".to_owned(),
        };
        let letter = letter(&week);
        assert_eq!(letter.subject, "[push] The week up to Mon 30 Nov 2026: 14 pushes of 2 stacks");
        insta::assert_snapshot!(letter.text);
        for words in ["&lt;b&gt;joe&lt;", "&lt;script&gt;alert(1)&lt;", "⟨U+202E⟩", "What went out, by stack"] {
            assert!(letter.html.contains(words), "{words}: {}", letter.html);
        }
        assert!(!letter.html.contains("<b>joe") && !letter.html.contains("<script>"));
        let none = Week { stages: Vec::new(), bad: Vec::new(), more_bad: 0, ..week };
        assert!(super::letter(&none).subject.ends_with("nothing was pushed"));
        assert!(line(&none).contains("nothing was pushed. · https://push.example.com/"), "{}", line(&none));
    }
}
