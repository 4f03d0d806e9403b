//! What closes a button and what ends a push: broken files, holds, cancels.

use super::*;

#[tokio::test]
async fn a_broken_stack_file_closes_its_stack_and_keeps_the_last_good_one_on_the_page() {
    let bench = Bench::new().await;
    let file = bench.at().join("stacks/web.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(bench.at().join("stacks/api.toml"), &good).unwrap();
    for (broken, problem) in
        [(format!("{good}\nbutto = 1\n"), "butto"), (good[..good.len() / 2].to_owned(), "web.toml")]
    {
        let seen = bench.seen("qa").await;
        std::fs::write(&file, broken).unwrap();
        let refused = bench.desk.press(press_of("qa", &seen)).await.unwrap_err();
        assert!(matches!(&refused, Refusal::BadStack { stack, .. } if stack == "web"), "{refused}");
        let street = bench.stack_view().await;
        assert!(street.problem.as_ref().unwrap().contains(problem), "{street:?}");
        assert_eq!(street.stages.len(), 2);
        assert!(street.stages[0].why_not.as_ref().unwrap().contains("stacks/web.toml has errors"));
        let api = bench.desk.stack_view(&"api".parse().unwrap()).await.unwrap();
        assert_eq!(api.problem, None, "other stacks are not closed");
    }
    std::fs::remove_file(&file).unwrap();
    until("the file to be missed", async || {
        bench.stack_view().await.problem.filter(|problem| problem.contains("is missing")).map(|_| ())
    })
    .await;
    std::fs::write(&file, good).unwrap();
    until("the good file", async || bench.stack_view().await.problem.is_none().then_some(())).await;
    bench.press("qa").await;
}

#[tokio::test]
async fn a_hold_closes_the_button_with_its_reason_and_only_a_person_lifts_it() {
    let bench = Bench::new().await;
    let (mary, qa): (Who, StageName) = (who("mary"), "qa".parse().unwrap());
    let hold = async |stage: Option<&StageName>, reason: &str| -> Decision<()> {
        let reason = Reason::needed(Some(reason), NeedsReason::Hold)?;
        bench.desk.hold(&web(), stage, &mary, reason, None).await
    };
    assert!(matches!(hold(None, "  ").await, Err(Refusal::BadRequest { .. })));
    assert!(matches!(hold(None, &"x".repeat(1001)).await, Err(Refusal::BadRequest { .. })));
    assert!(matches!(hold(Some(&"qaa".parse().unwrap()), "x").await, Err(Refusal::Unknown { .. })));
    hold(Some(&qa), "demo at noon").await.unwrap();
    assert!(matches!(hold(Some(&qa), "again").await, Err(Refusal::Held { .. })));
    let refused = bench.desk.press(press_of("qa", &bench.seen("qa").await)).await.unwrap_err();
    assert_eq!(refused.to_string(), "web/qa is held by mary: demo at noon");
    let street = bench.stack_view().await;
    assert_eq!(street.stages[0].why_not.as_deref(), Some("web/qa is held by mary: demo at noon"));
    assert!(street.hold.is_none() && street.stages[1].hold.is_none());
    let bench = bench.restart().await;
    let kept = bench.desk.ledger().read(|connection| holds::get(connection, "web/qa", At::now())).await.unwrap();
    assert_eq!(kept.unwrap().reason, "demo at noon");
    bench.desk.release_hold(&web(), Some(&qa), &who("joe"), None).await.unwrap();
    assert!(matches!(bench.desk.release_hold(&web(), Some(&qa), &mary, None).await, Err(Refusal::Nothing { .. })));
}

#[tokio::test]
async fn a_hold_is_over_at_its_end_for_every_press_and_that_is_written_down_once() {
    let mut bench = Bench::new().await;
    let (kate, qa): (Who, StageName) = (who("kate"), "qa".parse().unwrap());
    let hold = async |bench: &Bench, stage: Option<&StageName>, length: &str| -> Decision<At> {
        let (why, length) = (said_why("the database is being moved").unwrap(), length.parse().unwrap());
        bench.desk.hold(&web(), stage, &kate, why, Some(length)).await?;
        let street = bench.stack_view().await;
        let hold = if stage.is_some() { street.stages[0].hold.clone() } else { street.hold };
        Ok(hold.unwrap().until.unwrap().parse().unwrap())
    };
    let told = async |bench: &Bench| -> Vec<String> {
        let told = bench.desk.ledger().read(|connection| {
            let mut ask = connection.prepare("SELECT who || ': ' || detail FROM audit WHERE what = 'hold ended'")?;
            let rows = ask.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        });
        told.await.unwrap()
    };
    for bad in ["0s", "31d", "2026-01-01T00:00Z"] {
        assert!(matches!(hold(&bench, None, bad).await, Err(Refusal::BadRequest { .. })), "{bad}");
    }

    // It ends while the server is away.
    let end = hold(&bench, None, "1s").await.unwrap();
    let temp = bench.close().await;
    until("the end", async || (At::now() >= end).then_some(())).await;
    let (desk, stop, background) = open(temp.0.path(), temp.0.path().join("runner")).await;
    bench = Bench { temp, desk, stop, background };
    assert!(bench.stack_view().await.hold.is_none());
    bench = bench.restart().await;
    let first = told(&bench).await;
    assert_eq!(first.len(), 1, "{first:?}");
    assert!(first[0].starts_with("pushbutton: web, held by kate since "), "{first:?}");
    assert!(first[0].ends_with(&format!(" until {end}: the database is being moved")), "{first:?}");

    // It ends while someone presses, again and again.
    let seen = until("the fetch", async || Some(bench.stack_view().await.stages[0].next.clone()?.seen)).await;
    let end = hold(&bench, Some(&qa), "1s").await.unwrap();
    let push = loop {
        let before = At::now();
        match bench.desk.press(press_of("qa", &seen)).await {
            Ok(push) => break push,
            Err(Refusal::Held { until, .. }) => {
                assert!(before < end, "refused at its end");
                assert_eq!(until.as_deref(), Some(end.to_string().as_str()));
            }
            Err(other) => panic!("{other}"),
        }
    };
    assert!(bench.row(push).await.pressed_at >= end.to_string(), "pressed before the end");
    until("the end is written down", async || Some(told(&bench).await).filter(|told| told.len() == 2)).await;
    bench.play_well(push).await;
    assert_eq!(told(&bench).await.len(), 2);
}

#[tokio::test]
async fn a_cancel_is_told_to_the_runner_and_stays_in_the_audit() {
    let bench = Bench::new().await;
    let push = bench.press("qa").await;
    bench.runner_is_up(push).await;
    let socket = tokio::net::UnixListener::bind(bench.dir(push).control()).unwrap();
    let runner = tokio::spawn(async move {
        let (stream, _) = socket.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut order = String::new();
        stream.read_line(&mut order).await.unwrap();
        stream.write_all(b"ok\n").await.unwrap();
        order
    });
    bench.desk.cancel(push, &who("joe"), said_why("wrong branch")).await.unwrap();
    assert_eq!(runner.await.unwrap(), "{\"what\":\"cancel\",\"who\":\"joe\",\"reason\":\"wrong branch\"}\n");
    let noted = bench.desk.ledger().read(|connection| {
        let sql = "SELECT who || ': ' || detail FROM audit WHERE what = 'cancel'";
        connection.query_row(sql, [], |row| row.get::<_, String>(0)).map_err(LedgerError::from)
    });
    assert_eq!(noted.await.unwrap(), "joe: push 1: wrong branch");

    bench.let_go(push).await;
    bench.ended(push).await;
    let late = bench.desk.cancel(push, &who("joe"), None).await.unwrap_err();
    let why = "push 1 has ended already: interrupted".to_owned();
    assert_eq!(late, Refusal::Nothing { case: Case::Ended, why });
    let never = bench.desk.cancel(PushNumber::new(9).unwrap(), &who("joe"), None).await.unwrap_err();
    assert_eq!(never, Refusal::Unknown { what: "push 9".to_owned() });
}

#[tokio::test]
async fn a_runner_that_does_not_answer_a_cancel_is_told_by_a_signal() {
    let bench = Bench::new().await;
    let push = bench.press("qa").await;
    let mut journal = bench.journal(push).await;
    let process = std::fs::read_to_string(bench.dir(push).dir().join("pid")).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.trim())).unwrap();
    let mut first = started(&bench.assignment(push));
    if let Event::PushStarted { pid, pid_start, boot, .. } = &mut first {
        *pid = process.trim().parse().unwrap();
        *pid_start = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().parse().unwrap();
        *boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim().to_owned();
    }
    journal.add(At::now(), first).unwrap();
    journal.flush().unwrap();
    bench.desk.cancel(push, &who("joe"), None).await.unwrap();
    assert_eq!(bench.ended(push).await.state, Ended::Interrupted, "the played runner knows no TERM");
}

#[tokio::test]
async fn a_branch_that_cannot_be_fetched_is_shown_with_its_age_and_can_still_be_pushed_on() {
    let bench = Bench::new().await;
    let push = bench.press("qa").await;
    bench.play_well(push).await;
    std::fs::rename(bench.at().join("repository"), bench.at().join("moved")).unwrap();
    let street = until("the failed fetch", async || {
        Some(bench.stack_view().await).filter(|street| street.trunk_problem.is_some())
    })
    .await;
    assert!(!street.trunk.unwrap().fetched_at.is_empty());
    bench.press("prod").await;
}
