//! A second pair of eyes: a push to a stage that asks for approval, and everything that must not let it out.

use super::*;
use pushbutton::desk::Verdict;
use pushbutton::desk::view::{ApprovalStanding, ApprovalView};
use pushbutton::ledger::deliveries;
use pushbutton::ledger::tokens::Token;
use pushbutton::ledger::visible::Visible;

/// What a stage of the file says besides.
async fn with(bench: &Bench, lines: &str) {
    let file = bench.at().join("stacks/web.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("name = \"prod\"\n", &format!("name = \"prod\"\n{lines}\n"))).unwrap();
    until("the file", async || {
        let at = bench.stack_view().await.stages.swap_remove(1);
        at.approval.map(|_| ())
    })
    .await;
}

/// A build on qa, and prod that asks for approval.
async fn waiting_bench(lines: &str) -> Bench {
    let bench = Bench::new().await;
    let push = bench.press("qa").await;
    bench.play_well(push).await;
    with(&bench, lines).await;
    bench
}

impl Bench {
    async fn approval(&self) -> ApprovalView {
        Box::pin(self.stack_view()).await.stages.swap_remove(1).approval.unwrap()
    }

    async fn why_not(&self) -> Option<String> {
        let stack = self.stack_view().await.stages.swap_remove(1).why_not;
        let prod = "prod".parse().unwrap();
        let plan = Box::pin(self.desk.plan(&web(), &prod, None)).await.unwrap().why_not;
        assert_eq!(stack, plan, "the stack's page and the plan's say the same");
        stack
    }

    async fn press_as(&self, who: &Who) -> Press {
        let seen = Box::pin(self.seen("prod")).await;
        Press { who: who.clone(), ..press_of("prod", &seen) }
    }

    async fn ask(&self, who: &Who) -> Decision<i64> {
        let press = Press { reason: said_why("the fair"), ..self.press_as(who).await };
        // On the heap: a test that does many of these has one stack for all of them.
        Box::pin(self.desk.ask_approval(press, None)).await
    }

    /// Answers the request that stands.
    async fn verdict(&self, who: &Who) -> Verdict {
        let plan_hash = self.approval().await.request.unwrap().plan_hash;
        Verdict { stack: web(), stage: "prod".parse().unwrap(), who: who.clone(), plan_hash, reason: None }
    }

    async fn approve(&self, who: &Who) -> Decision<()> {
        let verdict = self.verdict(who).await;
        Box::pin(self.desk.approve(verdict)).await
    }

    async fn push_as(&self, who: &Who) -> Decision<PushNumber> {
        let press = self.press_as(who).await;
        Box::pin(self.desk.press(press)).await
    }

    /// What was announced while nothing was pushed, oldest first.
    async fn told(&self) -> Vec<String> {
        let listed = self
            .desk
            .ledger()
            .read(|connection| deliveries::list(connection, None, None, None, 50, &Visible::default()))
            .await
            .unwrap();
        let of_stage = listed.into_iter().rev().filter(|one| one.row.push.is_none());
        of_stage
            .inspect(|one| {
                assert_eq!(
                    (one.stack.as_ref().unwrap().as_str(), one.stage.as_ref().unwrap().as_str()),
                    ("web", "prod")
                )
            })
            .map(|one| one.row.event)
            .collect()
    }

    async fn audit(&self, what: &'static str) -> Vec<String> {
        self.desk.ledger().read(move |connection| audit::in_order(connection, what)).await.unwrap()
    }
}

fn case<T: std::fmt::Debug>(decision: Decision<T>) -> Case {
    decision.unwrap_err().case()
}

fn program(name: &str, owner: &str) -> Who {
    Who::of_token(name, &who(owner)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_waits_for_the_approval_of_another_and_one_approval_is_one_push() {
    let bench = waiting_bench("approval = 1").await;
    let (mary, joe) = (who("mary"), who("joe"));
    assert_eq!(bench.approval().await.state, ApprovalStanding::NotAsked);
    let refused = bench.push_as(&mary).await.unwrap_err();
    assert_eq!(refused.case(), Case::NeedsApproval);
    assert_eq!(Some(refused.to_string()), bench.why_not().await, "the page says what a push gets");
    assert_eq!(refused.hint(), Some("pushbutton ask-approval web prod".to_owned()));

    bench.ask(&mary).await.unwrap();
    let view = bench.approval().await;
    let request = view.request.unwrap();
    assert_eq!(
        (view.state, request.who.as_str(), request.reason.as_deref()),
        (ApprovalStanding::Waiting, "mary", Some("the fair"))
    );
    assert_eq!(case(bench.push_as(&mary).await), Case::ApprovalWaits);
    assert_eq!(case(bench.ask(&joe).await), Case::AskedAlready);
    assert_eq!(case(bench.approve(&mary).await), Case::OwnApproval, "nobody approves what they asked for");

    bench.approve(&joe).await.unwrap();
    assert_eq!(bench.approval().await.state, ApprovalStanding::Approved);
    assert_eq!(bench.why_not().await, None);
    assert_eq!(case(bench.push_as(&joe).await), Case::OwnApproval, "nobody pushes by their own approval");
    let push = bench.push_as(&mary).await.unwrap();
    let row = bench.play_well(push).await;
    assert_eq!((row.approved_by.as_deref(), row.override_why), (Some("joe"), None));
    assert_eq!(bench.assignment(push).approved_by.as_deref(), Some("joe"));

    // The stage runs it now: what would be pushed again is another plan, which nobody approved.
    assert_eq!(case(bench.push_as(&mary).await), Case::NeedsApproval);
    let presses = bench.audit("press").await;
    assert!(presses.last().unwrap().ends_with(", approved by joe"), "{presses:?}");
    assert_eq!((bench.audit("ask approval").await.len(), bench.audit("approve").await.len()), (1, 1));
    assert_eq!(bench.told().await, ["approval-1-asked", "approval-1-given-1"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_its_owner_and_two_approvals_take_two_persons() {
    let bench = waiting_bench("approval = 2").await;
    let (ci, cd) = (program("ci", "mary"), program("cd", "joe"));
    bench.ask(&ci).await.unwrap();
    assert_eq!(case(bench.approve(&who("mary")).await), Case::OwnApproval, "her program asked");
    assert_eq!(case(bench.approve(&program("other", "mary")).await), Case::OwnApproval);
    bench.approve(&who("joe")).await.unwrap();
    bench.approve(&cd).await.unwrap();
    assert_eq!(bench.approval().await.request.unwrap().approved_by.len(), 1, "who says it twice has said it once");
    assert_eq!(case(bench.push_as(&ci).await), Case::ApprovalWaits);
    bench.approve(&who("kate")).await.unwrap();
    assert_eq!(case(bench.push_as(&cd).await), Case::OwnApproval, "without joe's there is one of two");
    bench.approve(&who("eve")).await.unwrap();
    let push = bench.push_as(&cd).await.unwrap();
    assert_eq!(bench.row(push).await.approved_by.as_deref(), Some("kate, eve"), "his own does not count");
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_void_when_anything_in_the_plan_has_moved_and_the_page_says_what() {
    let bench = waiting_bench("approval = 1").await;
    let (mary, joe) = (who("mary"), who("joe"));
    let old = bench.seen("prod").await;
    bench.ask(&mary).await.unwrap();
    let shown = bench.verdict(&joe).await;
    bench.approve(&joe).await.unwrap();

    bench.commit("second").await;
    let second = bench.press("qa").await;
    bench.play_well(second).await;
    let new = bench.seen("prod").await;
    let view = bench.approval().await;
    let what = format!("qa now runs {new} instead of {old}");
    assert_eq!((view.state, view.why.as_deref()), (ApprovalStanding::Moved, Some(what.as_str())));
    let refused = bench.push_as(&mary).await.unwrap_err();
    assert_eq!(refused.case(), Case::ApprovalVoid);
    assert!(refused.to_string().starts_with(&what), "{refused}");
    assert_eq!(case(bench.desk.approve(shown).await), Case::ApprovalVoid, "who has the old page open is told");

    bench.ask(&mary).await.unwrap();
    bench.approve(&joe).await.unwrap();
    let file = bench.at().join("stacks/web.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("web[1-2].example.com", "web[1-3].example.com")).unwrap();
    let what = "web3.example.com was added to the hosts of prod";
    let why = until("the file", async || bench.approval().await.why).await;
    assert_eq!(why, what);
    assert_eq!(case(bench.push_as(&mary).await), Case::ApprovalVoid);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_expires_with_its_approval() {
    let bench = waiting_bench("approval = 1\napproval_expires = \"3s\"").await;
    let (mary, joe) = (who("mary"), who("joe"));
    bench.ask(&mary).await.unwrap();
    let verdict = bench.verdict(&joe).await;
    bench.desk.approve(verdict.clone()).await.unwrap();
    until("its end", async || (bench.approval().await.state == ApprovalStanding::Expired).then_some(())).await;
    assert_eq!(case(bench.push_as(&mary).await), Case::ApprovalExpired);
    assert_eq!(case(bench.desk.approve(Verdict { who: who("kate"), ..verdict }).await), Case::ApprovalExpired);
    bench.ask(&mary).await.unwrap();
    assert_eq!(
        bench.approval().await.state,
        ApprovalStanding::Waiting,
        "and is asked for anew, without the old approval"
    );
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_declined_or_withdrawn_is_over_and_told() {
    let bench = waiting_bench("approval = 1").await;
    let (mary, joe) = (who("mary"), who("joe"));
    bench.ask(&mary).await.unwrap();
    let no = said_why("not during the fair").unwrap();
    assert_eq!(case(bench.desk.decline(bench.verdict(&mary).await, no.clone()).await), Case::OwnApproval);
    assert_eq!(case(bench.desk.withdraw_request(bench.verdict(&joe).await).await), Case::OwnApproval);
    let verdict = bench.verdict(&joe).await;
    bench.desk.decline(verdict.clone(), no).await.unwrap();
    let view = bench.approval().await;
    assert_eq!((view.state, view.why.as_deref()), (ApprovalStanding::Declined, Some("not during the fair")));
    let refused = bench.push_as(&mary).await.unwrap_err();
    assert_eq!(refused.to_string(), "the push that mary asked for was declined by joe: not during the fair");
    assert_eq!(case(bench.desk.approve(verdict).await), Case::NotAsked, "a closed request takes no approval");
    bench.ask(&mary).await.unwrap();
    bench.desk.withdraw_request(bench.verdict(&mary).await).await.unwrap();
    assert_eq!(bench.approval().await.state, ApprovalStanding::NotAsked);
    assert_eq!((bench.audit("decline").await.len(), bench.audit("withdraw approval request").await.len()), (1, 1));
    assert_eq!(bench.told().await, ["approval-1-asked", "approval-1-declined", "approval-2-asked"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_pushes_and_many_approvals_at_once_one_push_takes_the_approval() {
    let bench = waiting_bench("approval = 1").await;
    bench.ask(&who("mary")).await.unwrap();
    let mut approvals = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (desk, verdict) = (Arc::clone(&bench.desk), bench.verdict(&who(&format!("person{number}"))).await);
        approvals.spawn(async move { desk.approve(verdict).await });
    }
    assert!(approvals.join_all().await.into_iter().all(|given| given.is_ok()));
    assert_eq!(bench.approval().await.request.unwrap().approved_by.len(), 8);
    let mut presses = tokio::task::JoinSet::new();
    for name in ["mary", "ann", "bob", "carl"] {
        let (desk, press) = (Arc::clone(&bench.desk), bench.press_as(&who(name)).await);
        presses.spawn(async move { desk.press(press).await });
    }
    let taken: Vec<_> = presses.join_all().await.into_iter().filter_map(Result::ok).collect();
    assert_eq!(taken.len(), 1);
    bench.play_well(taken[0]).await;
    assert_eq!(case(bench.push_as(&who("mary")).await), Case::NeedsApproval, "it is used up");
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_and_its_approval_outlive_the_server() {
    let bench = waiting_bench("approval = 1").await;
    bench.ask(&who("mary")).await.unwrap();
    let bench = bench.restart().await;
    bench.approve(&who("joe")).await.unwrap();
    let bench = bench.restart().await;
    let push = bench.push_as(&who("mary")).await.unwrap();
    assert_eq!(bench.play_well(push).await.approved_by.as_deref(), Some("joe"));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_without_approval_says_why_and_a_rollback_and_a_resume_need_none() {
    let bench = waiting_bench("approval = 1").await;
    let mary = who("mary");
    bench.ask(&mary).await.unwrap();
    let press = Press { override_why: said_why("the site is down"), ..bench.press_as(&mary).await };
    let first = bench.desk.press(press).await.unwrap();
    let row = bench.play_well(first).await;
    assert_eq!((row.approved_by, row.override_why.as_deref()), (None, Some("the site is down")));
    assert_eq!(bench.audit("override approval").await, ["push 2 of web to prod: the site is down"]);
    assert!(bench.audit("press").await[1].ends_with(", WITHOUT approval: the site is down"));
    assert_eq!(bench.approval().await.state, ApprovalStanding::NotAsked, "the request was for that push");

    // Where nothing is to be overridden, nobody is told that something was.
    let press = Press { override_why: said_why("x"), ..press_of("qa", &bench.seen("qa").await) };
    assert_eq!(case(bench.desk.press(press).await), Case::NoApproval);

    let press = Press { override_why: said_why("again"), ..bench.press_as(&mary).await };
    let died = bench.desk.press(press).await.unwrap();
    let mut journal = bench.journal(died).await;
    journal.add(At::now(), started(&bench.assignment(died))).unwrap();
    journal.flush().unwrap();
    bench.let_go(died).await;
    assert_eq!(bench.ended(died).await.state, Ended::Interrupted);
    let left = bench.desk.remaining(died).await.unwrap().unwrap();
    assert_eq!(left.why_not, None, "what was allowed to begin is finished");
    let none = pushbutton::desk::Questions::LeftOut;
    let back = Press { reason: said_why("odd graphs"), ..press_of("prod", "") };
    let refused = bench.desk.roll_back(back, None, none).await.map_err(|refusal| refusal.case());
    assert!(!matches!(refused, Err(Case::NeedsApproval)), "a rollback must be quick");
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_is_approved_by_its_own_plan() {
    let bench = Bench::new().await;
    let first = bench.seen("qa").await;
    bench.commit("second").await;
    let file = bench.at().join("stacks/web.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("name = \"qa\"\n", "name = \"qa\"\napproval = 1\n")).unwrap();
    let version: pushbutton::stack::Revision = first.parse().unwrap();
    let qa: StageName = "qa".parse().unwrap();
    let plan = until("the file", async || {
        let plan = bench.desk.plan(&web(), &qa, Some(&version)).await.unwrap();
        plan.approval.is_some().then_some(plan)
    })
    .await;
    bench.desk.ask_approval(press_of("qa", ""), Some(&version)).await.unwrap();
    let verdict = Verdict { stack: web(), stage: qa, who: who("joe"), plan_hash: plan.plan_hash, reason: None };
    let stage = bench.stack_view().await.stages.swap_remove(0).approval.unwrap();
    assert_eq!(
        (stage.state, stage.others.len()),
        (ApprovalStanding::NotAsked, 1),
        "it stands beside what the button offers"
    );
    bench.desk.approve(verdict).await.unwrap();
    assert_eq!(case(bench.desk.press(press_of("qa", &bench.seen("qa").await)).await), Case::NeedsApproval);
    let push = bench.desk.press_version(press_of("qa", ""), &version).await.unwrap();
    assert_eq!(bench.play_well(push).await.approved_by.as_deref(), Some("joe"));
    bench.close().await;
}

#[test]
fn a_token_of_ones_own_is_oneself() {
    let (token, _) = Token::new(&who("mary"), "ci", "push:web/prod", "1h", At::now()).unwrap();
    assert_eq!(token.who().unwrap().person(), "mary");
}
