use crate::desk::decide::facts::Facts;
use crate::desk::decide::outside::Outside;
use crate::desk::decide::press::Press;
use crate::desk::decide::questions::Questions;
use crate::desk::decide::request::Request;
use crate::desk::parts::hosts::drift::Drifts;
use crate::desk::parts::notify_targets::NotifyTargets;
use crate::desk::push::fold::fold;
use crate::desk::push::sample;
use crate::journal::{Cursor, Ended, Event, State};
use crate::stack::{Stack, parse};
use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

thread_local! {
    static ASKED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Keeps each question with the values in it.
fn note(event: TraceEvent<'_>) {
    if let TraceEvent::Stmt(question, _) = event {
        ASKED.with_borrow_mut(|asked| asked.extend(question.expanded_sql()));
    }
}

fn pushed(ledger: &mut Connection, push: i64, events: Vec<Event>) {
    sample::pressed(ledger, push);
    let targets = NotifyTargets::all();
    let records = sample::records(Cursor::default(), events);
    let tx = ledger.transaction().unwrap();
    fold(&tx, sample::number(push), Cursor::default(), &records, &mut State::default(), &targets).unwrap();
    tx.commit().unwrap();
}

fn stack() -> Stack {
    let text = "source = { git = \"/srv/git/web\", branch = \"main\" }\n[hosts]\nall = [\"web1\", \"web2\"]\n[[stage]]\nname = \"qa\"\n\
                hosts = \"all\"\ncommands = [\"true\"]\n";
    parse("web".parse().unwrap(), "stacks/web.toml", text).unwrap()
}

#[test]
fn one_request_asks_the_ledger_nothing_twice() {
    let mut ledger = sample::ledger();
    pushed(&mut ledger, 1, sample::good_push());
    let mut bad = vec![sample::started(), sample::command_started(2, 2), sample::host_started(2, Some("web1"))];
    bad.push(sample::ended(Ended::Failed, 0, &[]));
    pushed(&mut ledger, 2, bad);
    ledger.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note)).unwrap();
    let (stack, drifts) = (stack(), Drifts::new(Duration::from_secs(60)));
    let outside = Outside { data: Path::new("/nowhere"), drifts: &drifts };
    let press = Press {
        stack: stack.name.clone(),
        stage: stack.stages[0].name.clone(),
        who: "mary".parse().unwrap(),
        seen: sample::sha().to_string(),
        plan_hash: None,
        reason: None,
        override_why: None,
        marks_bad: false,
        nonce: None,
    };
    let questions = Questions::LeftOut;
    for (request, fewest) in [
        (Request::Next, 5),
        (Request::Rollback { to: None, questions }, 8),
        (Request::Resume(sample::number(2)), 5),
        (Request::Resume(sample::number(1)), 8),
        (Request::CatchUp { hosts: vec!["web1".to_owned()], questions }, 6),
    ] {
        ASKED.take();
        let facts = Facts::read(&ledger, &stack, 0, Some(sample::sha()), &std::sync::Arc::default()).unwrap();
        // Allowed or not: what is looked at is what was asked.
        let _ = request.decide((&outside, &ledger), &stack, 0, &facts, &press, None).unwrap();
        let (asked, mut seen) = (ASKED.take(), BTreeSet::new());
        assert!(asked.len() >= fewest, "{request:?} asked {asked:#?}");
        let twice: Vec<&String> = asked.iter().filter(|question| !seen.insert(*question)).collect();
        assert!(twice.is_empty(), "{request:?} asked twice: {twice:#?}");
    }
}
