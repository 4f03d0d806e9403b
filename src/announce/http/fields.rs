//! The fields of an announcement, by their names. Pure. It must never leave one out: every name of `config`'s list has a value, `null` or empty
//! where there is none.

use super::spans;
use crate::announce::words::{self, Trial};
use crate::journal::{Ended, PushState};
use crate::ledger::outbox::{Announced, Announcement, StageNews};
use crate::stack::name::short;
use crate::time::At;
use serde_json::{Map, Value, json};

/// Of what is announced.
pub(super) fn of(announced: &Announced, source: &str, now: At) -> Map<String, Value> {
    let text = words::line_of(announced, now);
    let moment = words::moment(announced).unwrap_or(now);
    let event = announced.about().map_or("weekly", |about| about.event.word());
    let mut fields = common(&announced.key(), event, &text, moment, source);
    let own = match announced {
        Announced::Push(push) => of_push(push),
        Announced::Stage(news) => of_news(news),
        Announced::Week(week) => object(json!({ "url": week.url })),
    };
    fields.extend(own);
    fields
}

/// Of what announces nothing.
pub(super) fn of_trial(trial: &Trial, source: &str) -> Map<String, Value> {
    let mut fields = common(&trial.key(), "test", &trial.line(), trial.at, source);
    let own = object(json!({
        "title": trial.line(), "who": trial.who, "url": trial.url, "level": "info",
    }));
    fields.extend(own);
    fields
}

/// What all have, and a value for what they have not.
fn common(key: &str, event: &str, text: &str, moment: At, source: &str) -> Map<String, Value> {
    object(json!({
        "key": key, "event": event, "text": text, "title": text, "source": source,
        "at": moment.to_string(), "at_s": moment.millis() / 1000, "at_ms": moment.millis(),
        "stack": "", "stage": "", "push": null, "build": "", "sha": "", "short_sha": "", "old_sha": "", "branch": "",
        "who": "", "reason": "", "result": "", "level": "info", "why": "", "url": "", "diff": "",
        "hosts_ok": null, "hosts_total": null, "commit_count": 0, "commits": [],
        "started_s": null, "started_ms": null, "duration_ms": null,
        "trace_id": spans::trace_id(source, key), "spans": [],
    }))
}

fn of_push(announcement: &Announcement) -> Map<String, Value> {
    let push = &announcement.push;
    let started: Option<At> = push.started_at.as_deref().unwrap_or(&push.pressed_at).parse().ok();
    let result = match push.state {
        PushState::Running => "",
        PushState::Ended(_) => push.state.word(),
    };
    object(json!({
        "title": words::title_of_push(announcement),
        "stack": push.stack, "stage": push.stage, "push": push.id, "build": push.build, "sha": push.sha,
        "short_sha": short(&push.sha), "old_sha": push.old_sha.as_deref().unwrap_or_default(), "branch": push.branch,
        "who": push.who, "reason": push.reason.as_deref().unwrap_or_default(), "result": result,
        "level": level(push.state), "why": push.why.as_deref().unwrap_or_default(), "url": announcement.url,
        "diff": push.diff.as_deref().unwrap_or_default(), "hosts_ok": push.hosts_ok, "hosts_total": push.hosts_total,
        "commit_count": announcement.commit_count, "commits": announcement.commits,
        "started_s": started.map(|at| at.millis() / 1000), "started_ms": started.map(At::millis),
        "duration_ms": push.duration_ms, "trace_id": spans::trace_id(&announcement.url, ""),
    }))
}

fn of_news(news: &StageNews) -> Map<String, Value> {
    object(json!({
        "stack": news.stack, "stage": news.stage.as_ref().map(|stage| stage.as_str()).unwrap_or_default(),
        "build": news.build.as_deref().unwrap_or_default(), "sha": news.sha, "short_sha": short(&news.sha),
        "old_sha": news.old_sha.as_deref().unwrap_or_default(), "who": news.who,
        "reason": news.reason.as_deref().unwrap_or_default(), "url": news.url,
    }))
}

/// How loud an end is, in words that many services have.
fn level(state: PushState) -> &'static str {
    match state {
        PushState::Running => "info",
        PushState::Ended(Ended::Succeeded) => "success",
        PushState::Ended(Ended::Failed | Ended::Interrupted) => "error",
        PushState::Ended(Ended::Degraded | Ended::Cancelled | Ended::RolledBack) => "warning",
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FIELDS;
    use std::collections::BTreeSet;

    #[test]
    fn every_field_of_the_list_has_a_value_and_there_is_no_other() {
        let trial = Trial { who: "mary".to_owned(), at: At::from_millis(0), url: "https://p".to_owned() };
        let fields = of_trial(&trial, "https://p");
        let names: BTreeSet<&str> = fields.keys().map(String::as_str).collect();
        assert_eq!(names, FIELDS.iter().map(|(name, _)| *name).collect());
    }
}
