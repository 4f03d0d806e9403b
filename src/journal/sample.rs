//! Records of a made-up push, for unit tests of this room and those that write journals.

use super::{Event, HostResult};

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
    Event::HostEnded { command, host: Some(host.to_owned()), result, code: None, why: None, duration_ms: 1 }
}
