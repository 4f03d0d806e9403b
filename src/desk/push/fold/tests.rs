use super::*;
use crate::desk::push::sample;
use crate::desk::push::sample::number;
use crate::journal::HostResult;
use crate::ledger::holding;
use crate::plan::{Part, PlannedCommand, PlannedForm, Proof, Standing};
use crate::stack::{Policy, Script};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

const START: Cursor = Cursor { offset: 0, n: 0 };

fn targets() -> NotifyTargets {
    NotifyTargets::all()
}

/// What a fold made of records that follow others.
fn folded(connection: &mut Connection, before: &[StoredRecord], records: &[StoredRecord]) -> Folded {
    let (mut from, mut state) = (START, State::default());
    for read in before {
        state.apply(&read.record).unwrap();
        from = Cursor { offset: read.end, n: read.record.n };
    }
    let tx = connection.transaction().unwrap();
    let folded = fold(&tx, number(1), from, records, &mut state, &targets()).unwrap();
    tx.commit().unwrap();
    folded
}

/// Everything that a fold may touch, as text; but for the seals, which are made at some time or other, and the heads that come of
/// them.
fn dump(connection: &Connection) -> String {
    let mut text = String::new();
    for table in ["pushes", "commands", "results", "builds", "current", "locks", "holds", "fold", "outbox", "audit"] {
        let what = match table {
            "audit" => "at, who, what, detail FROM audit WHERE what <> 'seal'",
            "outbox" => "id, push, event, channel, json_remove(payload, '$.audit_head') FROM outbox",
            table => &format!("* FROM {table}"),
        };
        let mut ask = connection.prepare(&format!("SELECT {what}")).unwrap();
        let columns = ask.column_count();
        let mut rows = ask.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<_> = (0..columns)
                .map(|at| match row.get_ref(at).unwrap() {
                    ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                    other => format!("{other:?}"),
                })
                .collect();
            text.push_str(&format!("{table}: {}\n", values.join(" ")));
        }
    }
    text
}

fn count(connection: &Connection, table: &str) -> i64 {
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn a_journal_of_a_good_push_becomes_its_rows() {
    let mut ledger = sample::ledger();
    sample::pressed(&mut ledger, 1);
    let records = sample::records(START, sample::good_push());
    assert_eq!(folded(&mut ledger, &[], &records), Folded::Ended);

    let row = pushes::get(&ledger, sample::number(1)).unwrap().unwrap();
    assert_eq!((row.state.word(), row.lines, row.hosts_ok, row.hosts_total), ("succeeded", 3, 2, 2));
    assert_eq!(row.root, Some("9f".repeat(32)));
    assert_eq!(row.duration_ms, Some(1234));
    assert!(row.started_at.is_some() && row.ended_at.is_some());
    let ok = Some(HostResult::Ok);
    let commands = pushes::commands(&ledger, sample::number(1)).unwrap();
    let ends: Vec<_> = commands.iter().map(|c| (c.title.as_str(), c.result, c.ok, c.hosts)).collect();
    assert_eq!(ends, [("command 1", ok, 1, 0), ("command 2", ok, 2, 2)]);
    let results = pushes::results(&ledger, sample::number(1)).unwrap();
    let ends: Vec<_> = results.iter().map(|r| (r.command, r.host.as_str(), r.result, r.code)).collect();
    assert_eq!(ends, [(1, "", ok, Some(0)), (2, "web1", ok, Some(0)), (2, "web2", ok, Some(0))]);

    let current = current::get(&ledger, &"web".parse().unwrap(), &"qa".parse().unwrap()).unwrap().unwrap();
    assert_eq!((current.files, current.push.get(), current.subject.as_str()), (2841, 1, "Make it orange"));
    assert_eq!((count(&ledger, "locks"), count(&ledger, "holds")), (0, 0));
    assert_eq!(audit::verify(&ledger).unwrap(), None);
    let told = outbox::of_push(&ledger, sample::number(1)).unwrap();
    let told: Vec<_> = told.iter().map(|row| (row.event.as_str(), row.channel.to_string())).collect();
    let expected =
        ["started", "ended"].map(|event| ["irc", "email", "webhook"].map(|channel| (event, channel.to_owned())));
    assert_eq!(told, expected.concat());
}

#[test]
fn folding_again_from_an_old_place_changes_nothing() {
    let records = sample::records(START, sample::good_push());
    for cut in 1..=records.len() {
        let mut ledger = sample::ledger();
        sample::pressed(&mut ledger, 1);
        folded(&mut ledger, &[], &records[..cut]);
        let before = dump(&ledger);
        // The server died behind the commit, and its follower starts where it believed to be.
        assert_eq!(folded(&mut ledger, &[], &records), Folded::Already);
        assert_eq!(dump(&ledger), before, "cut at {cut}");
    }
}

#[test]
fn however_the_records_are_cut_into_folds_the_ledger_is_the_same() {
    let records = sample::records(START, sample::good_push());
    let mut whole = sample::ledger();
    sample::pressed(&mut whole, 1);
    folded(&mut whole, &[], &records);
    for cut in 1..records.len() {
        let mut parts = sample::ledger();
        sample::pressed(&mut parts, 1);
        assert_eq!(folded(&mut parts, &[], &records[..cut]), Folded::Open);
        assert_eq!(folded(&mut parts, &records[..cut], &records[cut..]), Folded::Ended);
        assert_eq!(dump(&parts), dump(&whole), "cut at {cut}");
    }
}

#[test]
fn a_failed_push_names_its_bad_hosts_and_puts_nothing_on_its_stage() {
    let mut ledger = sample::ledger();
    sample::pressed(&mut ledger, 1);
    let mut events = vec![sample::started(), sample::command_started(1, 2)];
    events.push(sample::host_started(1, Some("web1")));
    events.push(sample::host_ended(1, Some("web1"), HostResult::Ok));
    // Nothing ran there, so it ends without a beginning.
    events.push(sample::host_ended(1, Some("web2"), HostResult::Unreachable));
    events.extend([sample::command_ended(1, HostResult::Failed, 1), sample::ended(Ended::Failed, 0, &[])]);
    folded(&mut ledger, &[], &sample::records(START, events));
    let row = pushes::get(&ledger, sample::number(1)).unwrap().unwrap();
    assert_eq!((row.state.word(), row.why.as_deref()), ("failed", Some("web2 failed")));
    let payload: String = ledger
        .query_row("SELECT payload FROM outbox WHERE event = 'ended' AND channel = 'irc'", [], |row| row.get(0))
        .unwrap();
    let told: Announcement = serde_json::from_str(&payload).unwrap();
    assert_eq!(told.bad_hosts.len(), 1);
    assert_eq!((told.bad_hosts[0].host.as_str(), told.bad_hosts[0].result.word()), ("web2", "unreachable"));
    assert_eq!((told.button.as_str(), told.commit_count, told.commits.len()), ("Push to qa", 7, 1));
    assert_eq!(told.url, "http://push/pushes/1");
    assert_eq!(told.audit_head, audit::head(&ledger).unwrap()[..12]);
    assert_eq!((count(&ledger, "current"), count(&ledger, "locks"), count(&ledger, "holds")), (0, 0, 0));
}

#[test]
fn a_host_that_was_not_reached_and_has_left_is_one_that_nothing_changed() {
    let mut ledger = sample::ledger();
    let run = |command: &str| PlannedCommand {
        part: Part::Main,
        form: PlannedForm::Run(Script { text: command.to_owned(), pieces: Vec::new() }),
        name: None,
        grow: Vec::new(),
        chunk: 10,
        timeout_s: 60,
        tries: 1,
        every_s: 0,
        policy: Policy::default(),
        quiet: false,
        confirm: None,
        watch: None,
        runs_as: crate::stack::RunsAs::Committer,
        roll: None,
        done_on: Vec::new(),
        deferred: None,
    };
    sample::pressed_with(&mut ledger, 1, vec![run("make"), run("restart")]);
    let proof = Proof { brought: vec![1, 2], ..Proof::default() };
    let mut events = vec![sample::with_proof(sample::started(), proof), sample::command_started(1, 2)];
    events.push(sample::host_ended(1, Some("web1"), HostResult::Ok));
    events.push(sample::host_ended(1, Some("web2"), HostResult::Unreachable));
    events.push(Event::HostDropped { command: 1, host: "web2".to_owned() });
    events.extend([sample::command_ended(1, HostResult::Failed, 1), sample::command_started(2, 1)]);
    events.push(sample::host_ended(2, Some("web1"), HostResult::Ok));
    events.extend([sample::command_ended(2, HostResult::Ok, 1), sample::ended(Ended::Degraded, 1, &[])]);
    folded(&mut ledger, &[], &sample::records(START, events));
    let results = pushes::results(&ledger, number(1)).unwrap();
    let dropped = results.iter().find(|row| row.host == "web2").unwrap();
    assert_eq!(dropped.result, Some(HostResult::Dropped), "what people are told of it");
    let left = holding::left_with(&ledger, number(1)).unwrap();
    let left: Vec<_> = left.iter().map(|left| (left.host.as_str(), left.standing)).collect();
    assert_eq!(left, [("web1", Standing::Holds), ("web2", Standing::Untouched)]);
}

#[test]
fn what_was_open_when_a_push_was_interrupted_is_unknown_and_its_stack_is_held() {
    let mut ledger = sample::ledger();
    sample::pressed(&mut ledger, 1);
    let events = vec![
        sample::started(),
        sample::command_started(1, 2),
        sample::host_started(1, Some("web1")),
        sample::ended(Ended::Interrupted, 0, &["web1"]),
    ];
    folded(&mut ledger, &[], &sample::records(START, events));
    let results = pushes::results(&ledger, sample::number(1)).unwrap();
    assert_eq!(results[0].result, Some(HostResult::Unknown));
    assert_eq!(
        pushes::commands(&ledger, sample::number(1)).unwrap()[1].result,
        None,
        "a command that never began has no result"
    );
    let hold = holds::get(&ledger, "web", At::now()).unwrap().unwrap();
    assert_eq!((hold.who.as_str(), hold.push), (SERVER, Some(sample::number(1))));
    assert_eq!(
        hold.reason,
        "push 1 to qa was interrupted, and the state of web1 is unknown; check it, then resume the push, roll back, or release the hold"
    );
}

#[test]
fn a_hold_of_a_person_stays_when_a_push_adds_its_own() {
    let mut ledger = sample::ledger();
    sample::pressed(&mut ledger, 1);
    let tx = ledger.transaction().unwrap();
    let at = "2026-11-21T10:00:00.000Z".to_owned();
    let (scope, who, reason) = ("web".to_owned(), "mary".to_owned(), "lunch".to_owned());
    let mary = Hold { scope, who, reason, at, push: None, until: None };
    holds::set(&tx, &mary).unwrap();
    tx.commit().unwrap();
    folded(&mut ledger, &[], &sample::records(START, vec![sample::ended(Ended::Interrupted, 0, &[])]));
    let hold = holds::get(&ledger, "web", At::now()).unwrap().unwrap();
    assert_eq!(hold.who, "mary");
    assert!(hold.reason.starts_with("lunch; push 1 to qa was interrupted before anything ran"), "{}", hold.reason);
}

#[test]
fn a_push_that_ended_never_changes() {
    let mut ledger = sample::ledger();
    sample::pressed(&mut ledger, 1);
    folded(&mut ledger, &[], &sample::records(START, sample::good_push()));
    for sql in [
        "UPDATE pushes SET state = 'failed'",
        "UPDATE pushes SET who = 'joe'",
        "DELETE FROM pushes",
        "UPDATE results SET result = 'failed'",
        "DELETE FROM results",
        "UPDATE commands SET title = 'x'",
        "UPDATE commits SET subject = 'x'",
        "DELETE FROM commits",
    ] {
        assert!(ledger.execute(sql, []).is_err(), "{sql}");
    }
}
