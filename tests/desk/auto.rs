//! Stages that are pushed automatically, over a real ledger: what passes goes out once, what goes wrong turns it off and is announced once, and a
//! person turns it on again.

use super::*;
use pushbutton::desk::NewStatus;
use pushbutton::desk::view::AutoView;
use pushbutton::ledger::deliveries;
use pushbutton::ledger::statuses::CommitState;
use pushbutton::ledger::visible::Visible;

/// A bench whose stages say these lines besides.
async fn bench(qa: &str, prod: &str) -> Bench {
    let bench = Bench::new().await;
    change(&bench, "", qa, "", prod).await;
    bench
}

/// Changes what the file says of both stages, and waits until the desk has read it.
async fn change(bench: &Bench, old_qa: &str, qa: &str, old_prod: &str, prod: &str) {
    let file = bench.at().join("stacks/web.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace(&format!("name = \"qa\"\n{old_qa}"), &format!("name = \"qa\"\n{qa}"));
    let text = text.replace(&format!("name = \"prod\"\n{old_prod}"), &format!("name = \"prod\"\n{prod}"));
    std::fs::write(&file, text).unwrap();
    let wanted = [qa, prod].map(|lines| lines.contains("auto = true"));
    until("the file", async || {
        let stages = bench.stack_view().await.stages;
        (wanted == [stages[0].auto.is_some(), stages[1].auto.is_some()]).then_some(())
    })
    .await;
}

fn auto_of_web() -> Who {
    Who::auto(&web())
}

impl Bench {
    async fn auto(&self, stage: usize) -> AutoView {
        Box::pin(self.stack_view()).await.stages.swap_remove(stage).auto.unwrap()
    }

    /// Waits until the page says so of a stage.
    async fn says(&self, stage: usize, words: &str) -> AutoView {
        let said = async || {
            Some(self.auto(stage).await).filter(|auto| auto.why.as_ref().is_some_and(|why| why.contains(words)))
        };
        until(words, said).await
    }

    /// Waits for the push of this number, which nobody started.
    async fn by_itself(&self, number: i64) -> PushNumber {
        let push = PushNumber::new(number).unwrap();
        let row = until("the push", async || {
            self.desk.ledger().read(move |connection| pushes::get(connection, push)).await.unwrap()
        })
        .await;
        assert_eq!(row.who, "auto (stack web)");
        push
    }

    async fn status(&self, sha: &str, context: &str, state: CommitState) -> bool {
        let new = NewStatus {
            sha: sha.parse().unwrap(),
            context: context.to_owned(),
            state,
            description: None,
            url: None,
            as_of: None,
        };
        self.desk.tell_status(&web(), "ci", new).await.unwrap()
    }

    async fn count(&self) -> i64 {
        let count = |connection: &rusqlite::Connection| {
            Ok(connection.query_row("SELECT count(*) FROM pushes", [], |row| row.get(0))?)
        };
        self.desk.ledger().read(count).await.unwrap()
    }

    /// What was announced while nothing was pushed.
    async fn news(&self) -> Vec<String> {
        let list =
            |connection: &rusqlite::Connection| deliveries::list(connection, None, None, None, 50, &Visible::default());
        let listed = self.desk.ledger().read(list).await.unwrap();
        let of_stage = listed.into_iter().rev().filter(|one| one.row.push.is_none());
        of_stage.map(|one| one.row.event.rsplit_once('-').unwrap().0.to_owned()).collect()
    }

    async fn audited(&self, what: &'static str) -> Vec<String> {
        self.desk.ledger().read(move |connection| audit::in_order(connection, what)).await.unwrap()
    }

    async fn switch(&self, stage: &str, on: bool) -> Decision<()> {
        self.desk.switch_auto(&web(), &stage.parse().unwrap(), on, &who("mary"), said_why("it is mended")).await
    }

    /// Plays a push that fails.
    async fn play_badly(&self, push: PushNumber) -> PushRow {
        let mut journal = self.journal(push).await;
        let mut events = good_push(&self.assignment(push));
        events.truncate(2);
        events.push(Event::CommandEnded {
            command: 1,
            result: HostResult::Failed,
            ok: 0,
            not_ok: 1,
            duration_ms: 9,
            skew_ms: None,
        });
        events.push(Event::PushEnded {
            state: Ended::Failed,
            why: Some("it broke".to_owned()),
            who: None,
            hosts_ok: 0,
            hosts_total: 1,
            unknown: Vec::new(),
            duration_ms: 10,
            sha256: String::new(),
        });
        events.into_iter().for_each(|event| journal.add(At::now(), event).unwrap());
        journal.flush().unwrap();
        self.let_go(push).await;
        self.ended(push).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_green_commit_goes_through_all_stages_by_itself_and_a_rollback_or_a_failure_ends_that() {
    let bench = bench("auto = true\nneeds = [\"ci/test\"]\n", "auto = true\n").await;
    bench.says(0, "waits for ci/test (0 of 1 green)").await;
    bench.says(1, "qa has never been pushed").await;
    // The gate is the same for people.
    let sha = bench.seen("qa").await;
    let refused = bench.desk.press(press_of("qa", &sha)).await.unwrap_err();
    assert_eq!(
        (refused.case(), refused.to_string().as_str()),
        (Case::StatusWaits, "waiting for ci/test (0 of 1 green)")
    );
    assert!(bench.status(&sha, "ci/test", CommitState::Pending).await);
    assert!(!bench.status(&sha, "ci/test", CommitState::Pending).await, "it is known");
    assert!(bench.status(&sha, "ci/test", CommitState::Failure).await);
    bench.says(0, "ci/test failed for").await;
    assert_eq!(bench.desk.press(press_of("qa", &sha)).await.unwrap_err().case(), Case::StatusFailed);

    assert!(bench.status(&sha, "ci/test", CommitState::Success).await);
    let first = bench.by_itself(1).await;
    bench.says(1, "someone pushes at this moment: auto (stack web) to qa (push 1)").await;
    let build = bench.play_well(first).await.build;
    let second = bench.by_itself(2).await;
    assert_eq!((bench.row(second).await.stage.as_str(), bench.row(second).await.build), ("prod", build));
    bench.play_well(second).await;
    bench.says(0, "waits for a new commit on main").await;
    bench.says(1, "waits for a new build on qa").await;

    // Nothing goes out twice for one event, also after a restart.
    let bench = bench.restart().await;
    bench.says(0, "waits for a new commit on main").await;
    assert_eq!(bench.count().await, 2);

    // The newest commit, and only when its statuses are green; a failure turns the stage off.
    bench.commit("second").await;
    let sha = bench.commit("third").await;
    bench.says(0, "waits for ci/test (0 of 1 green)").await;
    bench.status(&sha, "ci/test", CommitState::Success).await;
    let third = bench.by_itself(3).await;
    assert_eq!(bench.row(third).await.sha, sha);
    bench.play_badly(third).await;
    let off = bench.says(0, "by auto (stack web) because push 3 failed").await;
    assert!(!off.on);
    assert_eq!(bench.news().await, ["auto-off-web"], "it is announced once");
    bench.says(1, "waits for a new build on qa").await;

    // Off over a restart; a person turns it on, and the build that failed is not pushed again.
    let bench = bench.restart().await;
    assert!(!bench.auto(0).await.on);
    bench.switch("qa", true).await.unwrap();
    bench.switch("qa", true).await.unwrap();
    let on = bench.says(0, "was pushed to qa before (push 3, failed)").await;
    assert!(on.on);
    let sha = bench.commit("fourth").await;
    bench.status(&sha, "ci/test", CommitState::Success).await;
    let fourth = bench.by_itself(4).await;
    bench.play_well(fourth).await;
    let fifth = bench.by_itself(5).await;
    bench.play_well(fifth).await;

    // A rollback turns it off at its beginning, and what was rolled back from does not come again by itself.
    let back = Press { reason: said_why("odd graphs"), ..press_of("prod", "") };
    let first_build = bench.row(PushNumber::new(2).unwrap()).await.build;
    let dir = bench.at().join("data/builds/web").join(&first_build);
    std::fs::create_dir_all(dir.join("tree")).unwrap();
    std::fs::write(dir.join("manifest"), "").unwrap();
    let push = bench.desk.roll_back(back, None, pushbutton::desk::Questions::LeftOut).await.unwrap();
    bench.says(1, "by mary because push 6 is a rollback").await;
    bench.play_well(push).await;
    bench.switch("prod", true).await.unwrap();
    bench.says(1, "was pushed to prod before (push 5, succeeded)").await;
    assert_eq!(bench.count().await, 6);
    assert_eq!(bench.news().await, ["auto-off-web", "auto-off-web"]);

    let off = [
        "web/qa is not pushed automatically any more: push 3 failed",
        "web/prod is not pushed automatically any more: push 6 is a rollback",
    ];
    assert_eq!(bench.audited("auto off").await, off);
    let on =
        ["web/qa is pushed automatically again: it is mended", "web/prod is pushed automatically again: it is mended"];
    assert_eq!(bench.audited("auto on").await, on);
    assert_eq!(bench.audited("status").await.len(), 5);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_turns_all_of_its_stages_off_at_once_and_a_person_turns_each_on_when_it_is_released() {
    let bench = bench("auto = true\nneeds = [\"ci/test\"]\n", "auto = true\n").await;
    bench.says(0, "waits for ci/test").await;
    let why = said_why("the fair").unwrap();
    bench.desk.hold(&web(), None, &who("joe"), why, None).await.unwrap();
    for stage in [0, 1] {
        let off = bench.auto(stage).await;
        assert!(!off.on && off.why.unwrap().ends_with("by joe because web is held by joe: the fair"));
    }
    assert_eq!(bench.news().await, ["auto-off-web"], "one announcement for both");
    assert_eq!(bench.switch("qa", true).await.unwrap_err().case(), Case::Held);
    bench.desk.release_hold(&web(), None, &who("joe"), None).await.unwrap();
    assert!(!bench.auto(0).await.on, "nobody but a person turns it on");
    bench.switch("qa", true).await.unwrap();
    bench.says(0, "waits for ci/test").await;
    assert!(!bench.auto(1).await.on);

    // A person turns it off, and it stays off while everything is well.
    bench.switch("qa", false).await.unwrap();
    let sha = bench.seen("qa").await;
    bench.status(&sha, "ci/test", CommitState::Success).await;
    bench.says(0, "by mary because it is mended").await;
    assert_eq!(bench.count().await, 0);
    assert_eq!(bench.news().await.len(), 1, "what people do is in the audit alone");
    change(&bench, "auto = true\n", "", "auto = true\n", "").await;
    assert_eq!(bench.switch("qa", true).await.unwrap_err().case(), Case::NoAuto);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_needs_approval_asks_for_it_once_and_goes_out_when_someone_gives_it() {
    let bench = bench("", "auto = true\napproval = 1\nauto_after = \"1s\"\n").await;
    let push = bench.press("qa").await;
    bench.play_well(push).await;
    bench.says(1, "auto (stack web) has asked for an approval").await;
    let request = bench.stack_view().await.stages.swap_remove(1).approval.unwrap().request.unwrap();
    assert_eq!(request.who, auto_of_web().to_string());
    assert_eq!(bench.news().await, ["approval-1"]);
    let verdict = pushbutton::desk::Verdict {
        stack: web(),
        stage: "prod".parse().unwrap(),
        who: who("joe"),
        plan_hash: request.plan_hash,
        reason: None,
    };
    bench.desk.approve(verdict).await.unwrap();
    let push = bench.by_itself(2).await;
    assert_eq!(bench.row(push).await.approved_by.as_deref(), Some("joe"));
    bench.play_well(push).await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_press_in_its_name_what_it_would_not_push() {
    let bench = bench("auto = true\nauto_window = \"Mon 00:00-00:01 UTC\"\n", "").await;
    let waits = bench.auto(0).await;
    // One minute a week this test says nothing.
    if waits.why.as_ref().is_some_and(|why| why.contains("(window)")) {
        assert!(waits.until.is_some());
        let seen = bench.seen("qa").await;
        let press = Press { who: auto_of_web(), ..press_of("qa", &seen) };
        let refused = bench.desk.press(press).await.unwrap_err();
        assert!(refused.to_string().ends_with("(window); nothing was pushed"), "{refused}");
        assert_eq!(bench.count().await, 0);
    }
    bench.close().await;
}
