//! What a webhook is sent, by format: an event with all that is known, or a message as a chat takes it. Pure. It must never let what a person
//! or a commit said be more than text: a mention, a link, a format.

use crate::announce::words::{Trial, line_of, moment};
use crate::config::WebhookFormat;
use crate::ledger::outbox::Announced;
use crate::time::At;
use serde_json::{Value, json};

/// Characters of a message that Discord takes.
const DISCORD: usize = 2_000;

/// The media type.
pub fn content_type(format: WebhookFormat) -> &'static str {
    match format {
        WebhookFormat::Cloudevents => "application/cloudevents+json; charset=utf-8",
        WebhookFormat::Slack | WebhookFormat::Teams | WebhookFormat::Discord | WebhookFormat::GoogleChat => {
            "application/json; charset=utf-8"
        }
    }
}

/// The body; `source` is the address of the pages.
pub fn of(format: WebhookFormat, announced: &Announced, source: &str, now: At) -> String {
    let line = line_of(announced, now);
    let url = match announced {
        Announced::Push(announcement) => &announcement.url,
        Announced::Stage(news) => &news.url,
        Announced::Week(week) => &week.url,
    };
    message(format, &line, url, || event(announced, source, &line)).to_string()
}

/// The body of a message that announces nothing.
pub fn of_trial(format: WebhookFormat, trial: &Trial, source: &str) -> String {
    let line = trial.line();
    let event = || {
        json!({
            "specversion": "1.0",
            "id": trial.key(),
            "source": source,
            "type": "pushbutton.test",
            "time": trial.at.to_string(),
            "datacontenttype": "application/json",
            "text": line,
            "data": { "who": trial.who, "url": trial.url },
        })
    };
    message(format, &line, &trial.url, event).to_string()
}

/// A line of text as each of them takes it; programs get the whole event.
fn message(format: WebhookFormat, line: &str, url: &str, event: impl FnOnce() -> Value) -> Value {
    match format {
        WebhookFormat::Cloudevents => event(),
        WebhookFormat::Slack => json!({ "text": escaped(line), "unfurl_links": false }),
        WebhookFormat::Teams => card(line, url),
        WebhookFormat::Discord => {
            let text: String = plain(line).chars().take(DISCORD).collect();
            json!({ "content": text, "allowed_mentions": { "parse": [] }, "flags": 4 })
        }
        WebhookFormat::GoogleChat => json!({ "text": escaped(line) }),
    }
}

/// An event of CloudEvents 1.0 in its JSON format.
fn event(announced: &Announced, source: &str, line: &str) -> Value {
    let (of, name, time, subject, data) = match announced {
        Announced::Push(announcement) => {
            let push = &announcement.push;
            let time = moment(announced).map(|at| at.to_string());
            let subject = format!("{}/{}", push.stack, push.stage);
            ("push", announcement.event.name().to_owned(), time, subject, serde_json::to_value(announcement))
        }
        Announced::Stage(news) => {
            let name = serde_json::to_value(news.news).ok().and_then(|name| name.as_str().map(str::to_owned));
            let subject = match &news.stage {
                Some(stage) => format!("{}/{stage}", news.stack),
                None => news.stack.to_string(),
            };
            ("stage", name.unwrap_or_default(), Some(news.at.clone()), subject, serde_json::to_value(news))
        }
        Announced::Week(of) => {
            ("week", "over".to_owned(), Some(of.at.clone()), of.week.clone(), serde_json::to_value(of))
        }
    };
    json!({
        "specversion": "1.0",
        "id": announced.key(),
        "source": source,
        "type": format!("pushbutton.{of}.{name}"),
        "subject": subject,
        "time": time,
        "datacontenttype": "application/json",
        "text": line,
        "data": data.unwrap_or_default(),
    })
}

/// A message of Teams: one adaptive card.
fn card(line: &str, url: &str) -> Value {
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [{ "type": "TextBlock", "text": plain(line), "wrap": true }],
                "actions": [{ "type": "Action.OpenUrl", "title": "Open", "url": url }],
            },
        }],
    })
}

/// Text for Slack and Google Chat: what would be a mention or a link is text. The other marks of their format cannot be escaped: with a
/// joiner of no width before them they begin nothing.
fn escaped(line: &str) -> String {
    let line = line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    marks_after(&line, "*_~`", '\u{2060}')
}

/// Text for those who read Markdown: its marks are escaped.
fn plain(line: &str) -> String {
    marks_after(line, "\\*_~`|<>[]()#@", '\\')
}

/// The text with a character before each of the marks, but for those in addresses.
fn marks_after(line: &str, marks: &str, before: char) -> String {
    let word = |word: &str| {
        if word.starts_with("https://") || word.starts_with("http://") {
            return word.to_owned();
        }
        word.chars().flat_map(|c| marks.contains(c).then_some(before).into_iter().chain([c])).collect()
    };
    line.split(' ').map(word).collect::<Vec<String>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::outbox::{StageEvent, StageNews};

    const EVIL: &str = "<!channel> *now* <https://evil.example|click> @everyone [x](https://evil.example) `rm`";

    fn news() -> Announced {
        Announced::Stage(Box::new(StageNews {
            news: StageEvent::ApprovalAsked,
            key: "approval-7-asked".to_owned(),
            stack: "web".parse().unwrap(),
            stage: Some("prod".parse().unwrap()),
            who: "mary".to_owned(),
            stages: Vec::new(),
            asker: None,
            sha: "51d0c3e".to_owned(),
            build: None,
            old_sha: None,
            reason: Some(EVIL.to_owned()),
            until: None,
            at: "2026-11-21T10:00:00.000Z".to_owned(),
            url: "https://push.example.com/stacks/web/stages/prod/plan".to_owned(),
            audit_head: "0".repeat(12),
        }))
    }

    fn body(format: WebhookFormat) -> Value {
        let now = "2026-11-21T10:00:01.000Z".parse().unwrap();
        serde_json::from_str(&of(format, &news(), "https://push.example.com", now)).unwrap()
    }

    #[test]
    fn an_event_has_what_cloudevents_asks_for_and_all_that_is_known() {
        let event = body(WebhookFormat::Cloudevents);
        for (name, value) in [
            ("specversion", "1.0"),
            ("id", "approval-7-asked"),
            ("source", "https://push.example.com"),
            ("type", "pushbutton.stage.approval_asked"),
            ("subject", "web/prod"),
            ("time", "2026-11-21T10:00:00.000Z"),
            ("datacontenttype", "application/json"),
        ] {
            assert_eq!(event[name], value);
        }
        assert_eq!(event["data"]["reason"], EVIL);
        // Names of attributes: lower-case letters and digits.
        let names = event.as_object().unwrap().keys();
        assert!(names.into_iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())));
    }

    #[test]
    fn what_a_person_said_is_text_in_every_chat() {
        let link = "https://push.example.com/stacks/web/stages/prod/plan";
        for (format, pointer) in [
            (WebhookFormat::Slack, "/text"),
            (WebhookFormat::GoogleChat, "/text"),
            (WebhookFormat::Discord, "/content"),
            (WebhookFormat::Teams, "/attachments/0/content/body/0/text"),
        ] {
            let body = body(format);
            let text = body.pointer(pointer).and_then(Value::as_str).unwrap();
            assert!(text.contains(link), "{format:?}: {text}");
            // What a backslash stands before is itself.
            let text = text
                .split('\\')
                .enumerate()
                .map(|(at, part)| if at == 0 { part } else { &part[1..] })
                .collect::<String>();
            for bad in ["<!channel>", "<https://evil", " *now*", " @everyone", "[x](", " `rm`"] {
                let is_slacks = matches!(format, WebhookFormat::Slack | WebhookFormat::GoogleChat);
                // Those take no Markdown links, and a mention only in angle brackets.
                if !(is_slacks && (bad == " @everyone" || bad == "[x](")) {
                    assert!(!text.contains(bad), "{format:?}, {bad}: {text}");
                }
            }
        }
        assert_eq!(body(WebhookFormat::Discord)["allowed_mentions"], json!({ "parse": [] }));
    }
}
