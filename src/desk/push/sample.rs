//! A made-up push for the unit tests of this room: `web` to `qa`, two hosts, push 1 by mary.

use crate::journal::{Cursor, Ended, Event, HostResult, Record, StoredRecord, Stream};
use crate::ledger::press::{self, NewPush};
use crate::ledger::pushes::Commit;
use crate::plan::{Assignment, BuildFrom, Kind, Plan, PlannedCommand, Proof};
use crate::stack::{BuildId, PushNumber, Revision, Source};
use crate::time::At;
use rusqlite::Connection;

pub(crate) const HOSTS: [&str; 2] = ["web1", "web2"];

pub(crate) fn ledger() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.pragma_update(None, "foreign_keys", "ON").unwrap();
    connection.execute_batch(crate::ledger::schema::SQL).unwrap();
    crate::ledger::seal::watch(&connection).unwrap();
    connection
}

pub(crate) fn sha() -> Revision {
    "51d0c3e".repeat(6)[..40].parse().unwrap()
}

pub(crate) fn number(number: i64) -> PushNumber {
    PushNumber::new(number).unwrap()
}

pub(crate) fn assignment(push: i64) -> Assignment {
    let push = number(push);
    Assignment {
        push,
        who: "mary".parse().unwrap(),
        reason: None,
        approved_by: None,
        override_why: None,
        url: format!("http://push/pushes/{push}"),
        build: BuildId::of(&sha(), push),
        plan_hash: "0".repeat(64),
        plan: Plan {
            format: 1,
            stack: "web".parse().unwrap(),
            stage: "qa".parse().unwrap(),
            kind: Kind::Push,
            stack_hash: "0".repeat(64),
            sha: sha(),
            branch: "main".to_owned(),
            build: BuildFrom::Made {
                source: Source::Git {
                    url: "/srv/git/web".to_owned(),
                    branch: "main".to_owned(),
                    submodules: false,
                    lfs: false,
                    login: None,
                },
                ship: None,
                shrink: 50,
                network: false,
                cache: Vec::new(),
            },
            old: None,
            keep_on_hosts: Vec::new(),
            hosts: HOSTS.map(|host| host.parse().unwrap()).to_vec(),
            vars: std::collections::BTreeMap::new(),
            secrets: std::collections::BTreeMap::new(),
            policy: crate::stack::Policy::default(),
            commands: Vec::new(),
        },
        held: Vec::new(),
        ssh_config: None,
        lease_s: 30,
        grace_s: 5,
        source_most: crate::size::Most::default(),
        isolation: crate::isolation::Settings::default(),
    }
}

/// Takes a press into the ledger as the desk does.
pub(crate) fn pressed(connection: &mut Connection, push: i64) {
    pressed_with(connection, push, Vec::new());
}

/// The same, of a plan with these commands.
pub(crate) fn pressed_with(connection: &mut Connection, push: i64, commands: Vec<PlannedCommand>) {
    let mut assignment = assignment(push);
    assignment.plan.commands = commands;
    let text = serde_json::to_string(&assignment).unwrap();
    let commit = Commit {
        sha: sha().to_string(),
        author: "Mary".to_owned(),
        email: "mary@example.com".to_owned(),
        at: "2026-11-21T09:00:00.000Z".to_owned(),
        subject: "Make it orange".to_owned(),
    };
    let tx = connection.transaction().unwrap();
    press::insert(
        &tx,
        &NewPush {
            assignment: &assignment,
            text: &text,
            root: None,
            nonce: None,
            diff: Some("https://example.com/diff"),
            button: "Push to qa",
            commits: &[commit],
            commit_count: 7,
            at: "2026-11-21T10:00:00.000Z",
        },
    )
    .unwrap();
    assert!(press::lock(&tx, &assignment.plan.stack, assignment.push).unwrap());
    tx.commit().unwrap();
}

/// The events of a push that goes well: a build, then one command on both hosts, with three lines.
pub(crate) fn good_push() -> Vec<Event> {
    let mut events = vec![started(), command_started(1, 0), host_started(1, None), line(1, None, "npm ci")];
    events.push(Event::BuildMade {
        command: 1,
        build: BuildId::of(&sha(), number(1)),
        root: "9f".repeat(32).parse().unwrap(),
        files: 2841,
        bytes: 77_000,
    });
    events.extend([host_ended(1, None, HostResult::Ok), command_ended(1, HostResult::Ok, 1), command_started(2, 2)]);
    for host in HOSTS {
        events.extend([host_started(2, Some(host)), line(2, Some(host), "restarted")]);
        events.push(host_ended(2, Some(host), HostResult::Ok));
    }
    events.extend([command_ended(2, HostResult::Ok, 2), ended(Ended::Succeeded, 2, &[])]);
    events
}

pub(crate) fn started() -> Event {
    Event::PushStarted {
        push: number(1),
        stack: "web".parse().unwrap(),
        stage: "qa".parse().unwrap(),
        who: "mary".parse().unwrap(),
        build: BuildId::of(&sha(), number(1)),
        sha: sha(),
        pid: 4127,
        pid_start: 99,
        boot: "boot".to_owned(),
        plan_hash: "0".repeat(64),
        hosts: HOSTS.map(str::to_owned).to_vec(),
        commands: vec!["build".to_owned(), "restart".to_owned()],
        conditional: Vec::new(),
        flips: Vec::new(),
        proof: None,
    }
}

/// The same beginning, of a plan where these commands say whether a host holds the build.
pub(crate) fn with_proof(mut started: Event, says: Proof) -> Event {
    if let Event::PushStarted { proof, .. } = &mut started {
        *proof = Some(Box::new(says));
    }
    started
}

pub(crate) fn command_started(command: u32, hosts: u32) -> Event {
    Event::CommandStarted { command, title: format!("command {command}"), hosts }
}

pub(crate) fn host_started(command: u32, host: Option<&str>) -> Event {
    Event::HostStarted { command, host: host.map(str::to_owned) }
}

pub(crate) fn line(command: u32, host: Option<&str>, text: &str) -> Event {
    let host = host.map(str::to_owned);
    Event::Line { command, host, stream: Stream::Out, line: 0, text: text.to_owned() }
}

pub(crate) fn host_ended(command: u32, host: Option<&str>, result: HostResult) -> Event {
    let (code, why) = match result {
        HostResult::Ok => (Some(0), None),
        _ => (Some(3), Some("it exited with 3".to_owned())),
    };
    Event::HostEnded { command, host: host.map(str::to_owned), result, code, why, left: None, duration_ms: 40 }
}

pub(crate) fn command_ended(command: u32, result: HostResult, ok: u32) -> Event {
    Event::CommandEnded { command, result, ok, not_ok: 0, duration_ms: 50, skew_ms: None }
}

pub(crate) fn ended(state: Ended, hosts_ok: u32, unknown: &[&str]) -> Event {
    Event::PushEnded {
        state,
        why: (state != Ended::Succeeded).then(|| "web2 failed".to_owned()),
        who: None,
        hosts_ok,
        hosts_total: 2,
        unknown: unknown.iter().map(|host| (*host).to_owned()).collect(),
        duration_ms: 1234,
        sha256: "ab".repeat(32),
    }
}

/// The records of these events behind `from`, as a reader gives them; each is taken to be 100 bytes long.
pub(crate) fn records(from: Cursor, events: Vec<Event>) -> Vec<StoredRecord> {
    (1..)
        .zip(events)
        .map(|(step, event)| StoredRecord {
            record: Record { n: from.n + step, at: At::from_millis(1_795_255_200_000), event },
            end: from.offset + 100 * step,
        })
        .collect()
}
