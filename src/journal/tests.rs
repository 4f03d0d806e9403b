use super::sample::*;
use super::*;
use crate::time::At;
use proptest::prelude::*;
use std::os::unix::fs::FileExt;

fn a_push() -> (tempfile::TempDir, PushDir) {
    let dir = tempfile::tempdir().unwrap();
    let push = PushDir::at(dir.path());
    (dir, push)
}

/// The writer of a journal that has its first record.
fn begun(push: &PushDir) -> Writer {
    let mut writer = Writer::create(push).unwrap();
    writer.add(At::from_millis(0), started(&["web001"], 2)).unwrap();
    writer
}

fn read_all(push: &PushDir, most: usize) -> Vec<StoredRecord> {
    let reader = Reader::open(&push.journal()).unwrap();
    let (mut cursor, mut all) = (Cursor::default(), vec![]);
    loop {
        let batch = reader.read_from(cursor, most).unwrap();
        if batch.records.is_empty() {
            return all;
        }
        cursor = batch.cursor(cursor);
        all.extend(batch.records);
    }
}

#[test]
fn the_wire_form_of_a_line_is_the_designs() {
    let at = At::from_millis(1_795_255_200_123);
    let event =
        Event::Line { command: 2, host: Some("web003".into()), stream: Stream::Out, line: 5, text: "…".into() };
    let text = serde_json::to_string(&Record { n: 17, at, event }).unwrap();
    assert_eq!(
        text,
        r#"{"n":17,"at":"2026-11-21T10:00:00.123Z","kind":"line","command":2,"host":"web003","stream":"out","line":5,"text":"…"}"#
    );
}

#[test]
fn an_end_holds_the_hash_of_all_before_it() {
    use sha2::{Digest, Sha256};
    let (_dir, push) = a_push();
    let mut writer = begun(&push);
    writer.add(At::now(), line("a")).unwrap();
    writer.flush().unwrap();
    let before = std::fs::read(push.journal()).unwrap();
    writer.add(At::now(), ended()).unwrap();
    writer.flush().unwrap();
    let Some(StoredRecord { record: Record { event: Event::PushEnded { sha256, .. }, .. }, .. }) =
        read_all(&push, 64).pop()
    else {
        panic!("no end")
    };
    assert_eq!(sha256, write::hex(&Sha256::digest(before)));
    assert!(writer.add(At::now(), line("late")).is_err(), "nothing follows an end");
}

#[test]
fn a_torn_tail_is_cut_and_kept_aside_and_the_numbers_go_on() {
    for tail in [&b"{\"n\":4,\"at\":\"2026"[..], b"\0\0\0\0\n", b"{\"n\":9}\n", b"garbage\nmore"] {
        let (_dir, push) = a_push();
        let mut writer = begun(&push);
        for text in ["one", "two"] {
            writer.add(At::now(), line(text)).unwrap();
        }
        writer.flush().unwrap();
        let whole = std::fs::read(push.journal()).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(push.journal()).unwrap();
        file.write_all_at(tail, whole.len() as u64).unwrap();

        let (mut writer, illegal) = Writer::take_up(&push).unwrap();
        assert_eq!(illegal, None);
        writer.add(At::now(), line("three")).unwrap();
        writer.flush().unwrap();

        assert_eq!(std::fs::read(push.torn()).unwrap(), tail);
        let texts: Vec<(u64, u64)> = read_all(&push, 4096)
            .into_iter()
            .skip(1)
            .map(|read| match read.record.event {
                Event::Line { line, .. } => (read.record.n, line),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(texts, [(2, 1), (3, 2), (4, 3)]);
    }
}

#[test]
fn a_record_that_may_not_follow_is_refused_and_nothing_of_it_is_kept() {
    let (_dir, push) = a_push();
    let mut writer = begun(&push);
    let before = (writer.cursor(), writer.state().clone());
    let refused = writer.add(At::now(), host_started(1, "web001")).unwrap_err();
    assert_eq!(refused.to_string(), "record 2: the command does not run, or has begun on this host before");
    assert_eq!((writer.cursor(), writer.state().clone()), before);
    writer.add(At::now(), command_started(1)).unwrap();
    writer.add(At::now(), host_started(1, "web001")).unwrap();
    writer.flush().unwrap();
    assert_eq!(read_all(&push, 4096).len(), 3);
    // One that an older writer has left stays where it is, and is passed over.
    let illegal = Record { n: 4, at: At::now(), event: host_started(2, "web001") };
    let file = std::fs::OpenOptions::new().append(true).open(push.journal()).unwrap();
    std::io::Write::write_all(&mut &file, format!("{}\n", serde_json::to_string(&illegal).unwrap()).as_bytes())
        .unwrap();
    let (mut writer, found) = Writer::take_up(&push).unwrap();
    assert_eq!((found.unwrap().n, writer.state().unknown_hosts()), (4, vec!["web001".to_owned()]));
    let end = writer.state().interrupted("it died".to_owned(), 1, 5);
    writer.add(At::now(), end).unwrap();
    writer.flush().unwrap();
    assert_eq!(read_all(&push, 4096).len(), 5);
}

#[test]
fn a_journal_that_has_records_is_not_made_again() {
    let (_dir, push) = a_push();
    begun(&push).flush().unwrap();
    assert_eq!(Writer::create(&push).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
}

proptest! {
    #[test]
    fn reading_on_from_any_record_gives_exactly_the_rest(texts in prop::collection::vec(".{0,300}", 1..20), most in 1usize..2000) {
        let (_dir, push) = a_push();
        let mut writer = begun(&push);
        for text in &texts {
            writer.add(At::from_millis(0), line(text)).unwrap();
        }
        writer.flush().unwrap();
        let all = read_all(&push, most);
        prop_assert_eq!(all.len(), 1 + texts.len());
        let reader = Reader::open(&push.journal()).unwrap();
        for (place, read) in all.iter().enumerate() {
            let from = Cursor { offset: read.end, n: read.record.n };
            let rest = reader.read_from(from, 1 << 20).unwrap();
            prop_assert_eq!(&rest.records[..], &all[place + 1..]);
            prop_assert!(!rest.torn);
        }
    }
}

fn play(events: Vec<Event>) -> Result<State, state::Illegal> {
    let mut state = State::default();
    for (place, event) in events.into_iter().enumerate() {
        state.apply(&Record { n: place as u64 + 1, at: At::from_millis(0), event })?;
    }
    Ok(state)
}

#[test]
fn a_push_that_stops_in_the_middle_knows_which_hosts_nobody_knows() {
    let state = play(vec![
        started(&["a", "b", "c"], 2),
        command_started(1),
        host_started(1, "a"),
        host_started(1, "b"),
        host_ended(1, "a", HostResult::Ok),
    ])
    .unwrap();
    assert_eq!(state.unknown_hosts(), ["b"]);
    assert_eq!(state.holding(), 0, "nothing says that a host holds the build");
}

#[test]
fn a_host_where_processes_would_not_end_is_still_unknown_when_the_runner_dies_later() {
    let mut ended = host_ended(1, "a", HostResult::TimedOut);
    if let Event::HostEnded { left, .. } = &mut ended {
        *left = std::num::NonZeroU32::new(2);
    }
    let ends = |event| {
        let begun = [started(&["a", "b"], 2), command_started(1), host_started(1, "a"), host_started(1, "b")];
        let state = play(begun.into_iter().chain([host_ended(1, "b", HostResult::Ok), event]).collect());
        state.unwrap().unknown_hosts()
    };
    assert_eq!(ends(ended), ["a"]);
    assert_eq!(ends(host_ended(1, "a", HostResult::TimedOut)), [""; 0]);
}

#[test]
fn the_hosts_that_hold_the_build_are_counted_also_behind_a_bad_end_and_in_journals_that_say_only_which_commands_flip() {
    let flips = |event: Event, proof: Option<crate::plan::Proof>| match event {
        Event::PushStarted {
            push,
            stack,
            stage,
            who,
            build,
            sha,
            pid,
            pid_start,
            boot,
            plan_hash,
            hosts,
            commands,
            ..
        } => {
            let (spare, flips, proof) = (vec![3], vec![2], proof.map(Box::new));
            Event::PushStarted {
                push,
                stack,
                stage,
                who,
                build,
                sha,
                pid,
                pid_start,
                boot,
                plan_hash,
                hosts,
                commands,
                conditional: spare,
                flips,
                proof,
            }
        }
        other => other,
    };
    let holding = |proof: Option<crate::plan::Proof>, more: Vec<Event>| {
        let mut events = vec![flips(started(&["a", "b", "c"], 3), proof), command_started(2)];
        for (host, result) in [("a", HostResult::Ok), ("b", HostResult::Ok), ("c", HostResult::Failed)] {
            events.extend([host_started(2, host), host_ended(2, host, result)]);
        }
        events.push(Event::CommandEnded {
            command: 2,
            result: HostResult::Failed,
            ok: 2,
            not_ok: 1,
            duration_ms: 1,
            skew_ms: None,
        });
        events.extend(more);
        play(events).unwrap().holding()
    };
    assert_eq!(holding(None, Vec::new()), 2, "an older runner's journal");
    let proof = crate::plan::Proof { brought: vec![2], back: vec![3], ..Default::default() };
    assert_eq!(holding(Some(proof.clone()), Vec::new()), 2);
    let put_back = vec![command_started(3), host_started(3, "a"), host_ended(3, "a", HostResult::Ok)];
    assert_eq!(holding(Some(proof), put_back), 1, "what was live before is back on a");
}

#[test]
fn illegal_steps_are_errors() {
    let command_ended =
        Event::CommandEnded { command: 1, result: HostResult::Ok, ok: 0, not_ok: 0, duration_ms: 0, skew_ms: None };
    let table: Vec<(&str, Vec<Event>)> = vec![
        ("before the start", vec![command_started(1)]),
        ("started twice", vec![started(&["a"], 1), started(&["a"], 1)]),
        ("not in the plan", vec![started(&["a"], 1), command_started(2)]),
        ("begun twice", vec![started(&["a"], 1), command_started(1), command_started(1)]),
        ("host before its command", vec![started(&["a"], 1), host_started(1, "a")]),
        (
            "host ended twice",
            vec![
                started(&["a"], 1),
                command_started(1),
                host_ended(1, "a", HostResult::Ok),
                host_ended(1, "a", HostResult::Ok),
            ],
        ),
        ("ended while a host runs", vec![started(&["a"], 1), command_started(1), host_started(1, "a"), command_ended]),
        ("after the end", vec![started(&["a"], 1), ended(), command_started(1)]),
        ("connecting before the start", vec![Event::Connecting(connections(0))]),
        (
            "connecting when it is connected",
            vec![started(&["a"], 1), Event::Connected(connections(1)), Event::Connecting(connections(1))],
        ),
        ("a build that no command makes", vec![started(&["a"], 1), made(1)]),
        ("a build twice", vec![started(&["a"], 1), command_started(1), made(1), made(1)]),
        ("connected after a command", vec![started(&["a"], 1), command_started(1), Event::Connected(connections(1))]),
    ];
    for (name, events) in table {
        assert!(play(events).is_err(), "{name}");
    }
    assert!(play(vec![ended()]).is_ok(), "a runner that never began");
}

fn made(command: u32) -> Event {
    Event::BuildMade {
        command,
        build: "b-1".parse().unwrap(),
        root: "ab".repeat(32).parse().unwrap(),
        files: 1,
        bytes: 1,
    }
}

fn connections(connected: u32) -> Connections {
    Connections { hosts: 2, connected, waits_for: vec!["a".to_owned()], duration_ms: 3200, ..Connections::default() }
}

#[test]
fn connecting_is_in_the_journal_and_a_journal_of_an_older_runner_says_nothing_of_it() {
    let at = At::from_millis(1_795_255_200_123);
    let text = serde_json::to_string(&Record { n: 2, at, event: Event::Connecting(connections(1)) }).unwrap();
    assert_eq!(
        text,
        r#"{"n":2,"at":"2026-11-21T10:00:00.123Z","kind":"connecting","hosts":2,"connected":1,"waits_for":["a"],"duration_ms":3200}"#
    );
    let read: Record = serde_json::from_str(&text).unwrap();
    assert_eq!(Connecting::of(&read.event), Some(Connecting::UnderWay(connections(1))));
    let begun = |events: Vec<Event>| play([vec![started(&["a", "b"], 1)], events, vec![command_started(1)]].concat());
    let all = vec![0, 1].into_iter().map(connections).map(Event::Connecting);
    let all: Vec<Event> = all.chain([Event::Connected(connections(2))]).collect();
    assert_eq!(begun(all).unwrap().connecting, Some(Connecting::Done(connections(2))));
    assert_eq!(begun(Vec::new()).unwrap().connecting, None, "an older runner's journal");
}

/// Two commands on a host each that fails the first and leaves by the second, as `a` and then as `b`.
fn hosts_that_leave(first: HostResult, again: u32) -> Vec<Event> {
    let mut events = vec![with_conditional(started(&["a", "b", "c"], 2), 2), command_started(1)];
    events.extend(["a", "b"].map(|host| host_ended(1, host, first)));
    events.extend([host_ended(1, "c", HostResult::Ok), command_ended(1, HostResult::Failed)]);
    for (host, hosts) in [("a", 1), ("b", again)] {
        events.push(Event::CommandStarted { command: 2, title: "drop: out".into(), hosts });
        events.extend([host_ended(2, host, HostResult::Ok), command_ended(2, HostResult::Ok)]);
        events.push(Event::HostDropped { command: 1, host: host.to_owned() });
    }
    events
}

#[test]
fn a_list_that_takes_hosts_out_begins_again_for_more_hosts_only() {
    let state = play(hosts_that_leave(HostResult::Failed, 2)).unwrap();
    assert_eq!(state.dropped.iter().collect::<Vec<_>>(), ["a", "b"]);
    let lost = play(hosts_that_leave(HostResult::Unknown, 2)).unwrap();
    assert_eq!(lost.unknown_hosts(), ["a", "b"], "that they have left says nothing of what runs there");
    assert!(play(hosts_that_leave(HostResult::Failed, 1)).is_err(), "not for the same hosts");
    assert!(play(hosts_that_leave(HostResult::Ok, 2)).is_err(), "a host that is well does not leave");
    let mut undone = hosts_that_leave(HostResult::Failed, 2);
    undone.push(rollback_started());
    assert!(play(undone.clone()).unwrap().rolled_back);
    undone.push(rollback_started());
    assert!(play(undone).is_err(), "a rollback never begins twice");
}

#[test]
fn a_question_is_answered_once_before_its_command_ends() {
    let asked = |ask| Event::Asked {
        command: 1,
        ask,
        question: "Fine?".into(),
        ends_at: "2026-11-21T10:00:00Z".parse().unwrap(),
        another: false,
    };
    let answered = |ask| Event::Answered { command: 1, ask, answer: Answer::Yes, who: None, reason: None };
    let ended =
        Event::CommandEnded { command: 1, result: HostResult::Ok, ok: 1, not_ok: 0, duration_ms: 0, skew_ms: None };
    let after = |more: Vec<Event>| play([vec![started(&[], 2), command_started(1)], more].concat());
    assert_eq!(after(vec![asked(1)]).unwrap().question, Some((1, 1)));
    assert_eq!(after(vec![asked(1), answered(1), asked(2), answered(2), ended.clone()]).unwrap().question, None);
    let again = vec![asked(1), answered(1), asked(1)];
    for illegal in
        [vec![answered(1)], vec![asked(1), answered(2)], vec![asked(1), asked(2)], vec![asked(1), ended], again]
    {
        assert!(after(illegal.clone()).is_err(), "{illegal:?}");
    }
}

proptest! {
    #[test]
    fn what_a_writer_stores_is_what_the_fold_takes_and_a_refused_record_changes_nothing(steps in prop::collection::vec(any_step(), 0..60)) {
        let (_dir, push) = a_push();
        let mut writer = Writer::create(&push).unwrap();
        let (mut state, mut taken) = (State::default(), Vec::new());
        for event in std::iter::once(with_conditional(started(&["a", "b", "c", "d"], 3), 3)).chain(steps) {
            let before = state.clone();
            let legal = state.apply(&Record { n: taken.len() as u64 + 1, at: At::from_millis(0), event: event.clone() });
            prop_assert!(legal.is_ok() || state == before);
            prop_assert_eq!(writer.add(At::from_millis(0), event.clone()), legal.clone());
            taken.extend(legal.is_ok().then_some(event));
        }
        writer.flush().unwrap();
        prop_assert_eq!(writer.state(), &state);
        let (again, illegal) = Writer::take_up(&push).unwrap();
        prop_assert_eq!((again.state(), again.cursor(), illegal), (&state, writer.cursor(), None));
        // But for the hash of an end and the numbers of lines, what was read is what was written.
        let kept: Vec<Event> = read_all(&push, 4096).into_iter().map(|read| read.record.event).collect();
        let plain = |event: &Event| match event {
            Event::PushEnded { state, .. } => format!("{state:?}"),
            Event::Line { command, host, text, .. } => format!("{command} {host:?} {text}"),
            event => format!("{event:?}"),
        };
        prop_assert!(kept.iter().map(plain).eq(taken.iter().map(plain)));
        // A push that is cut off anywhere can be ended, and each host that nobody knows is named in its end.
        if state.ended.is_none() {
            let mut again = again;
            let unknown = state.unknown_hosts();
            let end = state.interrupted("it died".to_owned(), 4, 1);
            let names_them = matches!(&end, Event::PushEnded { unknown: named, .. } if *named == unknown);
            prop_assert!(names_them);
            prop_assert_eq!(again.add(At::from_millis(0), end), Ok(()));
        }
    }
}
