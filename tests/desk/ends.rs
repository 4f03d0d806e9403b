//! How pushes end, whoever dies, and what a desk that comes back finds.

use super::*;
use pushbutton::journal::PushState;

#[tokio::test]
async fn an_end_is_shown_only_when_the_ledger_has_it() {
    let bench = Bench::new().await;
    let push = bench.press("qa").await;
    let mut journal = bench.journal(push).await;
    let mut watch = bench.desk.journal_end(push).await.unwrap();
    let mut events = good_push(&bench.assignment(push));
    let end = events.pop().unwrap();
    for event in events {
        journal.add(At::now(), event).unwrap();
    }
    journal.flush().unwrap();
    let before_end = journal.cursor().offset;
    tokio::time::timeout(DEADLINE, watch.wait_for(|end| end.len == before_end)).await.unwrap().unwrap();
    journal.add(At::now(), end).unwrap();
    journal.flush().unwrap();
    let whole = journal.cursor().offset;
    let mut last = *watch.borrow_and_update();
    while !last.ended {
        assert_eq!(last.len, before_end);
        tokio::time::timeout(DEADLINE, watch.changed()).await.unwrap().unwrap();
        last = *watch.borrow_and_update();
    }
    assert_eq!(last.len, whole);
    assert!(bench.row(push).await.ended_at.is_some());
    assert_eq!(bench.journal_end(push).await, JournalEnd { len: whole, ended: true }, "for who comes later, too");
    assert!(bench.desk.journal_end(PushNumber::new(99).unwrap()).await.is_none());
    bench.let_go(push).await;
}

#[tokio::test]
async fn a_runner_that_dies_leaves_its_push_interrupted_and_its_stack_held() {
    let bench = Bench::new().await;
    let push = bench.press("qa").await;
    let mut journal = bench.journal(push).await;
    let command = Event::CommandStarted { command: 1, title: "all of it".to_owned(), hosts: 1 };
    let host = Event::HostStarted { command: 1, host: Some("qa1.example.com".to_owned()) };
    for event in [started(&bench.assignment(push)), command, host, line("half way")] {
        journal.add(At::now(), event).unwrap();
    }
    journal.flush().unwrap();
    let torn = br#"{"n":5,"at":"2026-11-"#;
    let mut file = std::fs::OpenOptions::new().append(true).open(bench.dir(push).journal()).unwrap();
    file.write_all(torn).unwrap();
    bench.let_go(push).await;

    let row = bench.ended(push).await;
    assert_eq!((row.state.word(), row.lines), ("interrupted", 1));
    let why = "the runner ended in the middle of the push; the state of qa1.example.com is unknown";
    assert_eq!(row.why.as_deref(), Some(why));
    assert_eq!(std::fs::read(bench.dir(push).torn()).unwrap(), torn);
    let last = std::fs::read_to_string(bench.dir(push).journal()).unwrap();
    assert!(last.lines().last().unwrap().contains(r#""kind":"push_ended","state":"interrupted""#), "{last}");

    let refused = bench.desk.press(press_of("qa", &bench.seen("qa").await)).await.unwrap_err();
    let Refusal::Held { scope, who: by, reason, .. } = refused else { panic!("{refused}") };
    assert_eq!((scope.as_str(), by.as_str()), ("web", "pushbutton"));
    assert!(reason.contains("the state of qa1.example.com is unknown"), "{reason}");
    let silent = bench.desk.release_hold(&web(), None, &who("joe"), None).await.unwrap_err();
    assert!(
        matches!(&silent, Refusal::BadRequest { case: Case::ReleaseReason, why } if why.contains("say why it is safe to release")),
        "{silent}"
    );
    bench.desk.release_hold(&web(), None, &who("joe"), said_why("looked at it")).await.unwrap();
    bench.press("qa").await;
    let told = bench.desk.ledger().read(move |connection| outbox::of_push(connection, push)).await.unwrap();
    assert_eq!(told.iter().map(|row| row.event.as_str()).collect::<Vec<_>>(), ["started", "ended"]);
    assert_eq!(bench.desk.ledger().read(audit::verify).await.unwrap(), None);
}

#[tokio::test]
async fn a_push_whose_runner_cannot_be_started_is_interrupted_and_nothing_ran() {
    let bench = Bench::new().await;
    std::fs::remove_file(bench.at().join("runner")).unwrap();
    let push = bench.press("qa").await;
    let row = bench.ended(push).await;
    assert_eq!((row.state.word(), row.started_at), ("interrupted", None));
    assert!(row.why.unwrap().starts_with("the runner could not be started, so nothing ran"));
    let hold = bench.stack_view().await.hold.unwrap();
    assert!(hold.reason.contains("before anything ran"), "{}", hold.reason);
}

#[tokio::test]
async fn a_server_that_comes_back_follows_the_running_push_to_its_end() {
    let bench = Bench::new().await;
    let push = bench.press("qa").await;
    let mut journal = bench.journal(push).await;
    let mut events = good_push(&bench.assignment(push));
    let rest = events.split_off(3);
    for event in events {
        journal.add(At::now(), event).unwrap();
    }
    journal.flush().unwrap();
    let temp = bench.close().await;
    journal.add(At::now(), line("nobody is there")).unwrap();
    journal.flush().unwrap();
    let (desk, stop, background) = open(temp.0.path(), temp.0.path().join("runner")).await;
    let bench = Bench { temp, desk, stop, background };
    assert_eq!(bench.row(push).await.state, PushState::Running);
    assert_eq!(bench.journal_end(push).await, JournalEnd { len: journal.cursor().offset, ended: false });
    let refused = bench.desk.press(press_of("qa", &"a".repeat(40))).await.unwrap_err();
    assert!(
        matches!(&refused, Refusal::Locked { push, .. } if push.get() == 1)
            || matches!(refused, Refusal::Nothing { .. }),
        "{refused}"
    );
    for event in rest {
        journal.add(At::now(), event).unwrap();
    }
    journal.flush().unwrap();
    let row = bench.ended(push).await;
    assert_eq!((row.state.word(), row.lines), ("succeeded", 2));
    bench.let_go(push).await;
}

#[tokio::test]
async fn a_runner_that_died_while_no_server_was_there_is_found_dead() {
    let bench = Bench::new().await;
    let dead = bench.press("qa").await;
    let mut journal = bench.journal(dead).await;
    journal.add(At::now(), started(&bench.assignment(dead))).unwrap();
    journal.flush().unwrap();
    let dir = bench.dir(dead);
    let temp = bench.close().await;
    tokio::fs::write(dir.dir().join("go"), "\n").await.unwrap();
    let lock = std::fs::OpenOptions::new().write(true).open(dir.lock()).unwrap();
    until("the runner's end", async || lock.try_lock().ok()).await;
    drop(lock);
    let (desk, stop, background) = open(temp.0.path(), temp.0.path().join("runner")).await;
    let bench = Bench { temp, desk, stop, background };
    let row = bench.row(dead).await;
    assert_eq!(row.state, Ended::Interrupted, "it is settled before the desk is open");
    assert_eq!(row.why.as_deref(), Some("the runner ended before it started, so nothing ran"));
    assert!(bench.journal_end(dead).await.ended);
}

#[tokio::test]
async fn a_push_that_a_restored_ledger_does_not_know_is_taken_in_from_its_directory() {
    let bench = Bench::new().await;
    let push = bench.press("qa").await;
    let whole = bench.play_well(push).await;
    let temp = bench.close().await;
    for name in ["pushbutton.db", "pushbutton.db-wal", "pushbutton.db-shm"] {
        let _ = std::fs::remove_file(temp.0.path().join("data").join(name));
    }
    let (desk, stop, background) = open(temp.0.path(), temp.0.path().join("runner")).await;
    let bench = Bench { temp, desk, stop, background };
    let row = bench.row(push).await;
    assert_eq!((&row.build, &row.state, row.lines), (&whole.build, &whole.state, whole.lines));
    assert_eq!(bench.stack_view().await.stages[0].current.as_ref().unwrap().build, whole.build);
    let bench = bench.restart().await;
    until("the fetch", async || bench.stack_view().await.trunk).await;
    assert_eq!(bench.press("qa").await.get(), 2);
}

#[tokio::test]
async fn a_second_desk_on_the_same_data_is_refused_and_told_who_has_it() {
    let bench = Bench::new().await;
    let refused = Desk::open_with(config(bench.at()), PathBuf::from("/bin/true")).await.err().unwrap();
    let DeskError::Taken { who, .. } = &refused else { panic!("{refused}") };
    assert!(who.starts_with(&format!("pid {} since ", std::process::id())), "{who}");
    let bench = bench.restart().await;
    assert_eq!(std::fs::metadata(bench.at().join("data")).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_record_that_the_ledger_cannot_take_interrupts_its_push_when_the_runner_ends_and_keeps_no_server_from_starting()
 {
    let mut bench = Bench::new().await;
    let ends_itself = [true, false];
    for own_end in ends_itself {
        let push = bench.press("qa").await;
        let mut journal = bench.journal(push).await;
        let mut events = good_push(&bench.assignment(push));
        let end = events.pop().unwrap();
        // The journal takes it. But the ledger, which counts from one, has a second link already that nobody gave.
        let url = "https://tickets.example.com/OPS-7".to_owned();
        bench.spoil("INSERT INTO links (push, place, title, url) VALUES (?1, 2, 'OPS-6', '')", push);
        let link = Event::Link { command: 1, title: "OPS-7".to_owned(), url, host: None };
        events.extend([link, line("it goes on")]);
        let bad = events.len() - 1;
        for event in events {
            journal.add(At::now(), event).unwrap();
        }
        journal.flush().unwrap();
        let shown = journal.cursor().offset;
        until("viewers see all", async || (bench.journal_end(push).await.len == shown).then_some(())).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(bench.row(push).await.state, PushState::Running, "its runner works");
        if own_end {
            journal.add(At::now(), end).unwrap();
            journal.flush().unwrap();
        } else {
            drop(journal);
            bench = bench.restart().await;
        }
        bench.let_go(push).await;
        let row = bench.ended(push).await;
        let why = row.why.unwrap();
        assert_eq!(row.state, Ended::Interrupted, "{why}");
        assert!(why.starts_with(&format!("record {bad} of its log does not go into the history: ")), "{why}");
        let last = if own_end { "succeeded" } else { "interrupted" };
        assert!(why.ends_with(&format!("Its log is whole, and ends with \u{201c}{last}\u{201d}")), "{why}");
        // The ledger has the end a moment before.
        until("viewers are told", async || bench.journal_end(push).await.ended.then_some(())).await;
        let refused = bench.desk.press(press_of("qa", &bench.seen("qa").await)).await.unwrap_err();
        assert!(matches!(refused, Refusal::Held { .. }), "{refused}");
        bench.desk.release_hold(&web(), None, &who("joe"), said_why("looked at it")).await.unwrap();
    }
    assert_eq!(bench.desk.ledger().read(audit::verify).await.unwrap(), None);
}
