//! A made-up past for the pages about it: months of pushes of two stacks, and what was announced.

use super::made_up::at;
use pushbutton::journal::Ended;
use pushbutton::ledger::deliveries::{ChannelState, ListedAnnouncement};
use pushbutton::ledger::outbox::{DeliveryState, OutboxRow};
use pushbutton::ledger::stats::{StatRow, WaitRow};
use pushbutton::plan::PushKind;
use pushbutton::web::pages::{AnnouncementsPage, Span, StatsPage, ToldFilter};

const HOUR: i64 = 3600;

/// Eight weeks' worth of pushes and more, each third day a failure.
pub fn stats(weeks: &str) -> StatsPage {
    let span = Span::named(weeks).unwrap();
    let (from, to) = span.bounds(at(0));
    let all = (0..400).map(|n: i64| {
        let state = match n {
            n if n % 13 == 3 => Ended::Failed,
            n if n % 41 == 5 => Ended::Cancelled,
            _ => Ended::Succeeded,
        };
        StatRow {
            stack: if n % 3 == 0 { "api" } else { "web" }.parse().unwrap(),
            who: ["mary", "tomas", "jin", "kate"][usize::try_from(n).unwrap() % 4].to_owned(),
            kind: if n % 50 == 7 { PushKind::Rollback } else { PushKind::Push },
            state: state.into(),
            pressed_at: at((400 - n) * 5 * HOUR).to_string(),
            duration_ms: 60_000 + n * 37 % 90_000 + if n % 3 == 0 { 0 } else { 30_000 },
        }
    });
    let (before, pushes): (Vec<StatRow>, Vec<StatRow>) = all.partition(|row| row.pressed_at < from.to_string());
    let waits = pushes.iter().map(|row| {
        let ended: pushbutton::time::At = row.pressed_at.parse().unwrap();
        let committed = pushbutton::time::At::from_millis(ended.millis() - row.duration_ms * 90);
        WaitRow { stack: row.stack.clone(), committed_at: committed.to_string(), ended_at: ended.to_string() }
    });
    assert!(pushes.iter().all(|row| row.pressed_at < to.to_string()));
    StatsPage {
        span,
        stage: Some("prod".to_owned()),
        stages: vec!["prod".to_owned(), "princess".to_owned(), "qa".to_owned()],
        waits: waits.collect(),
        first_timers: 1,
        pushes,
        before,
    }
}

/// Before the first push.
pub fn no_stats() -> StatsPage {
    StatsPage {
        span: Span::default(),
        stage: None,
        stages: Vec::new(),
        pushes: Vec::new(),
        before: Vec::new(),
        waits: Vec::new(),
        first_timers: 0,
    }
}

pub fn announcements(filter: ToldFilter) -> AnnouncementsPage {
    let row = |id: i64, channel: &str, state: &str, words: Option<&str>, problem: Option<&str>| ListedAnnouncement {
        row: OutboxRow {
            id,
            push: Some(super::made_up::number(4120 + id - 6)),
            event: if id % 2 == 0 { "ended" } else { "started" }.to_owned(),
            channel: channel.parse().unwrap(),
            state: DeliveryState::parse(state).unwrap(),
            tries: 3,
            next_at: at(-40).to_string(),
            told_at: (state == "told").then(|| at(id * 60).to_string()),
            told: words.map(str::to_owned),
            problem: problem.map(str::to_owned),
        },
        stack: Some("web".parse().unwrap()),
        stage: Some("prod".parse().unwrap()),
        made_at: at(id * 60).to_string(),
    };
    let line = "web PROD mary pushed 4 commits in 1m 24s: 8f31c2e to 51d0c3e <b>evil</b>\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041} https://push.example.com/pushes/4126";
    AnnouncementsPage {
        channels: vec![
            ChannelState {
                channel: "irc".parse().unwrap(),
                delivered: 1204,
                waiting: 0,
                waiting_tried: 0,
                given_up: 0,
                last_delivered: Some(at(60).to_string()),
            },
            ChannelState {
                channel: "email".parse().unwrap(),
                delivered: 1190,
                waiting: 3,
                waiting_tried: 1,
                given_up: 2,
                last_delivered: Some(at(8000).to_string()),
            },
        ],
        rows: vec![
            row(12, "irc", "told", Some(line), None),
            row(11, "email", "waiting", None, Some("mail.example.com: connection refused")),
            row(8, "email", "given up", None, Some("550 no such address: pushes@example.com")),
            row(7, "irc", "told", Some("web PROD mary pushes 8f31c2e to 51d0c3e"), None),
        ],
        may_send: [11, 8].into(),
        filter,
        older: Some(7),
        newer: Some(12),
    }
}
