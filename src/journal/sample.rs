//! Records of a made-up push, for unit tests of this room and those that write journals.

use super::{Ended, Event, HostResult, Stream};
use proptest::prelude::*;

pub(crate) fn started(hosts: &[&str], commands: usize) -> Event {
    Event::PushStarted {
        push: "1".parse().unwrap(),
        stack: "web".parse().unwrap(),
        stage: "qa".parse().unwrap(),
        who: "mary".parse().unwrap(),
        build: "b-1".parse().unwrap(),
        sha: "a".repeat(40).parse().unwrap(),
        pid: 1,
        pid_start: 1,
        boot: "b".into(),
        plan_hash: "h".into(),
        hosts: hosts.iter().map(|h| (*h).to_owned()).collect(),
        commands: vec!["c".into(); commands],
        conditional: Vec::new(),
        flips: Vec::new(),
        proof: None,
    }
}

pub(crate) fn command_started(command: u32) -> Event {
    Event::CommandStarted { command, title: "c".into(), hosts: 2 }
}

pub(crate) fn host_started(command: u32, host: &str) -> Event {
    Event::HostStarted { command, host: Some(host.to_owned()) }
}

pub(crate) fn host_ended(command: u32, host: &str, result: HostResult) -> Event {
    Event::HostEnded { command, host: Some(host.to_owned()), result, code: None, why: None, left: None, duration_ms: 1 }
}

/// The same beginning, of a plan one of whose commands runs only when something goes wrong.
pub(crate) fn with_conditional(mut started: Event, command: u32) -> Event {
    if let Event::PushStarted { conditional: spare, .. } = &mut started {
        spare.push(command);
    }
    started
}

pub(crate) fn command_ended(command: u32, result: HostResult) -> Event {
    Event::CommandEnded { command, result, ok: 0, not_ok: 0, duration_ms: 0, skew_ms: None }
}

pub(crate) fn rollback_started() -> Event {
    let (build, sha) = ("a-1".parse().unwrap(), "b".repeat(40).parse().unwrap());
    Event::UndoStarted { build, sha, hosts: vec!["a".to_owned()], why: "command 1 failed".to_owned() }
}

pub(crate) fn line(text: &str) -> Event {
    Event::Line { command: 1, host: Some("web001".to_owned()), stream: Stream::Out, line: 0, text: text.to_owned() }
}

pub(crate) fn ended() -> Event {
    Event::PushEnded {
        state: Ended::Interrupted,
        why: None,
        who: None,
        hosts_ok: 0,
        hosts_total: 0,
        unknown: vec![],
        duration_ms: 1,
        sha256: String::new(),
    }
}

/// One step of a made-up push; what is not legal just then does not happen.
pub(crate) fn any_step() -> impl Strategy<Value = Event> {
    let results = [
        HostResult::Ok,
        HostResult::Failed,
        HostResult::TimedOut,
        HostResult::Unreachable,
        HostResult::Cancelled,
        HostResult::Skipped,
        HostResult::Unknown,
    ];
    let ends =
        [Ended::Succeeded, Ended::Degraded, Ended::Failed, Ended::Cancelled, Ended::RolledBack, Ended::Interrupted];
    let host = prop::sample::select(vec!["a", "b", "c", "d"]);
    let step = (0..16_u32, 1..4_u32, host, prop::sample::select(results.to_vec()), prop::sample::select(ends.to_vec()));
    step.prop_map(|(what, command, host, result, end)| match what {
        0..=1 => command_started(command),
        2..=4 => host_started(command, host),
        5..=8 => host_ended(command, host, result),
        11 => Event::HostDropped { command, host: host.to_owned() },
        12 => rollback_started(),
        14..=15 => {
            Event::Line { command, host: Some(host.to_owned()), stream: Stream::Err, line: 0, text: "x".to_owned() }
        }
        9..=10 => Event::CommandEnded { command, result, ok: 0, not_ok: 0, duration_ms: 0, skew_ms: None },
        _ => {
            let Event::PushEnded { why, who, unknown, sha256, .. } = ended() else { unreachable!() };
            Event::PushEnded { state: end, why, who, hosts_ok: 0, hosts_total: 4, unknown, duration_ms: 1, sha256 }
        }
    })
}
