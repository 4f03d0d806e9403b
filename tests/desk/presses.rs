//! What a press takes, and what it is refused for.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn of_64_simultaneous_presses_one_is_accepted_and_63_are_told_who_holds_the_lock() {
    let bench = Bench::new().await;
    let seen = bench.seen("qa").await;
    let mut presses = tokio::task::JoinSet::new();
    for number in 0..64 {
        let (desk, mut press) = (Arc::clone(&bench.desk), press_of("qa", &seen));
        press.who = who(&format!("person{number}"));
        presses.spawn(async move { (press.who.clone(), desk.press(press).await) });
    }
    let (mut winners, mut holders) = (Vec::new(), Vec::new());
    for (who, decision) in presses.join_all().await {
        match decision {
            Ok(push) => winners.push((who.to_string(), push)),
            Err(Refusal::Locked { who, stack, stage, push, .. }) => {
                assert_eq!((stack.as_str(), stage.as_str()), ("web", "qa"));
                holders.push((who, push));
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(holders.len(), 63);
    assert!(holders.iter().all(|holder| *holder == winners[0]));
    assert_eq!(bench.row(PushNumber::new(1).unwrap()).await.who, winners[0].0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_that_is_sent_many_times_is_one_push() {
    let bench = Bench::new().await;
    let mut press = press_of("qa", &bench.seen("qa").await);
    press.nonce = Some("a form's own".to_owned());
    let mut presses = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (desk, press) = (Arc::clone(&bench.desk), press.clone());
        presses.spawn(async move { desk.press(press).await.unwrap() });
    }
    let pushes = presses.join_all().await;
    assert!(pushes.iter().all(|push| push.get() == 1), "{pushes:?}");
    bench.play_well(pushes[0]).await;
    assert_eq!(bench.desk.press(press.clone()).await.unwrap().get(), 1, "also long after it has ended");
    press.who = who("joe");
    assert!(matches!(bench.desk.press(press).await, Err(Refusal::BadRequest { .. })), "a nonce is one person's");
}

#[tokio::test]
async fn what_moved_since_the_page_was_drawn_is_not_pushed() {
    let bench = Bench::new().await;
    let old = bench.seen("qa").await;
    let new = bench.commit("second").await;
    let refused = bench.desk.press(press_of("qa", &old)).await.unwrap_err();
    let what = format!("main is now at {} instead of {}", &new[..7], &old[..7]);
    assert_eq!(refused, Refusal::Moved { what, now: Some(new.clone()) });

    let street = bench.stack_view().await;
    let mut press = press_of("qa", &new);
    press.plan_hash = Some(street.stages[0].next.as_ref().unwrap().plan_hash.clone());
    let file = bench.at().join("stacks/web.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("qa1.example.com", "qa2.example.com")).unwrap();
    let refused = bench.desk.press(press).await.unwrap_err();
    let what = "qa2.example.com was added to the hosts of qa, and qa1.example.com was taken from the hosts of qa";
    assert_eq!(refused, Refusal::Moved { what: what.to_owned(), now: Some(new) });
    assert!(bench.stack_view().await.recent.is_empty());
}

#[tokio::test]
async fn a_later_stage_takes_exactly_the_build_that_the_stage_before_runs() {
    let bench = Bench::new().await;
    let street = bench.stack_view().await;
    assert!(street.stages[1].next.is_none());
    let why_not = street.stages[1].why_not.clone().unwrap();
    assert_eq!(why_not, "qa has never been pushed, so prod has nothing to take");
    let refused = bench.desk.press(press_of("prod", "anything")).await.unwrap_err();
    assert_eq!(refused, Refusal::Nothing { case: Case::StageBefore, why: why_not });

    let first = bench.press("qa").await;
    let first_build = bench.assignment(first).build.to_string();
    assert_eq!(bench.play_well(first).await.state, Ended::Succeeded);
    bench.commit("second").await;
    assert_eq!(bench.seen("prod").await, first_build, "commits made since do not exist");
    let second = bench.press("qa").await;
    let row = bench.play_well(second).await;
    assert_eq!(row.old_build.as_deref(), Some(first_build.as_str()));
    let second_build = row.build;

    let refused = bench.desk.press(press_of("prod", &first_build)).await.unwrap_err();
    let what = format!("qa now runs {second_build} instead of {first_build}");
    assert_eq!(refused, Refusal::Moved { what, now: Some(second_build.clone()) });
    let third = bench.press("prod").await;
    let row = bench.play_well(third).await;
    assert_eq!((row.build.as_str(), row.state.word(), row.hosts_ok), (second_build.as_str(), "succeeded", 2));

    let street = bench.stack_view().await;
    let (qa, prod) = (street.stages[0].current.as_ref().unwrap(), street.stages[1].current.as_ref().unwrap());
    assert_eq!((&qa.build, &qa.root), (&prod.build, &prod.root));
    assert_eq!(prod.subject, "second");
    assert_eq!(street.recent.iter().map(|row| row.id.get()).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(street.stages[0].typical_ms.len(), 2);
    assert!(street.stages[0].next.as_ref().unwrap().again);
}

#[tokio::test]
async fn what_would_go_out_is_listed_with_its_diff_link() {
    let bench = Bench::new().await;
    let first = bench.press("qa").await;
    bench.play_well(first).await;
    let old = bench.row(first).await.sha;
    bench.commit("second").await;
    let new = bench.commit("third").await;
    let street = bench.stack_view().await;
    let next = street.stages[0].next.as_ref().unwrap();
    let subjects: Vec<_> = next.commits.iter().map(|commit| commit.subject.as_str()).collect();
    assert_eq!((subjects, next.commit_count, next.again), (vec!["third", "second"], 2, false));
    assert_eq!(next.diff, Some(format!("https://example.com/compare/{old}...{new}")));

    let push = bench.press("qa").await;
    let listed = bench.desk.ledger().read(move |connection| pushes::commits(connection, push)).await.unwrap();
    assert_eq!(listed, next.commits, "the push brings what was shown");
}
