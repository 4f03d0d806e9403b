use super::*;
use crate::desk::decide::offer;
use crate::desk::push::sample;
use crate::ledger::approvals::{Approval, ApprovalRequest, ApprovalState};
use crate::ledger::autos::AutoSwitch;
use crate::ledger::current::Current;
use crate::ledger::holds::Hold;
use crate::ledger::pushes;
use crate::ledger::statuses::{CommitState, CommitStatus};
use crate::stack::parse;
use proptest::prelude::*;

const FILE: &str = r#"
source = { git = "/srv/git/web", branch = "main" }
[hosts]
all = ["web1", "web2"]
[[stage]]
name = "qa"
hosts = "all"
needs = ["ci/test", "ci/lint"]
auto = true
commands = ["true"]
[[stage]]
name = "prod"
hosts = "all"
auto = true
auto_after = "15m"
auto_window = "Mon-Thu 09:00-16:00 Europe/Prague"
commands = ["true"]
[[stage]]
name = "canary"
hosts = "all"
auto = true
approval = 1
commands = ["true"]
"#;

/// A Monday: 10:00 in Prague.
const NOW: &str = "2026-11-30T09:00:00.000Z";

fn stack() -> Stack {
    parse("web".parse().unwrap(), "stacks/web.toml", FILE).unwrap()
}

fn at(text: &str) -> At {
    text.parse().unwrap()
}

fn runs(build: &str, since: &str) -> Current {
    Current {
        sha: sample::sha().to_string(),
        build: build.to_owned(),
        root: "9f".repeat(32),
        files: 3,
        subject: String::new(),
        pushed_at: since.to_owned(),
        who: "mary".to_owned(),
        push: sample::number(1),
        hosts_ok: 2,
        hosts_total: 2,
        as_of: None,
    }
}

fn told(context: &str, state: CommitState) -> CommitStatus {
    CommitStatus {
        sha: sample::sha().to_string(),
        context: context.to_owned(),
        state,
        description: Some("2 of 512".to_owned()),
        url: Some("https://ci.example.com/7".to_owned()),
        who: "ci".to_owned(),
        at: NOW.to_owned(),
        as_of: None,
    }
}

/// A push of the stage before, or of the stage itself.
fn push(number: i64, kind: PushKind, state: PushState) -> PushRow {
    let mut ledger = sample::ledger();
    sample::pressed(&mut ledger, number);
    let row = pushes::lock_holder(&ledger, &"web".parse().unwrap()).unwrap().unwrap();
    PushRow { kind, state, ..row }
}

fn hold(scope: &str) -> Hold {
    let text = |text: &str| text.to_owned();
    Hold { scope: text(scope), who: text("joe"), reason: text("the fair"), at: text(NOW), push: None, until: None }
}

/// Everything is well: the first stage has a green commit, the second a build that has run for an hour.
fn well() -> Facts {
    Facts {
        head: Some(sample::sha()),
        statuses: vec![told("ci/test", CommitState::Success), told("ci/lint", CommitState::Success)],
        before: Some(runs("51d0c3e-1", "2026-11-30T08:00:00.000Z")),
        auto: Some(AutoFacts::default()),
        ..Facts::default()
    }
}

fn auto(change: impl FnOnce(&mut AutoFacts)) -> Facts {
    let mut facts = well();
    change(facts.auto.as_mut().unwrap());
    facts
}

fn stepped(place: usize, facts: &Facts, now: At) -> AutoStep {
    let stack = stack();
    let offer = offer::offer(&stack, place, facts);
    step((&stack, place, stack.stages[place].auto.as_ref().unwrap()), None, facts, offer.as_ref(), now)
}

fn words(step: AutoStep) -> String {
    match step {
        AutoStep::Wait(Wait { why, until: None }) => why,
        AutoStep::Wait(Wait { why, until: Some(until) }) => format!("{why} [{until}]"),
        AutoStep::TurnOff(Cause { who, why }) => format!("OFF by {who}: {why}"),
        AutoStep::AskApproval => "ASK".to_owned(),
        AutoStep::Push => "PUSH".to_owned(),
    }
}

#[test]
fn it_is_pushed_when_all_is_well_and_says_why_it_waits_otherwise() {
    let off = |why: Option<&str>| AutoSwitch {
        on: false,
        who: "mary".to_owned(),
        at: "2026-11-30T08:15:00.000Z".to_owned(),
        why: why.map(str::to_owned),
        push: None,
    };
    let on_since = |push: i64| AutoSwitch { on: true, push: Some(sample::number(push)), ..off(None) };
    let succeeded = PushState::Ended(Ended::Succeeded);
    let ended = |number, ended| push(number, PushKind::Push, PushState::Ended(ended));
    let request = |approvals: Vec<Approval>| ApprovalRequest {
        id: 1,
        stack: "web".parse().unwrap(),
        stage: "canary".parse().unwrap(),
        plan_hash: offer::offer(&stack(), 2, &well()).unwrap().plan_hash,
        plan: String::new(),
        seen: "51d0c3e-1".to_owned(),
        sha: sample::sha().to_string(),
        version: None,
        who: Who::auto(&"web".parse().unwrap()),
        reason: None,
        at: NOW.to_owned(),
        ends_at: NOW.to_owned(),
        over: false,
        state: ApprovalState::Open,
        closed_by: None,
        closed_at: None,
        closed_why: None,
        push: None,
        given: approvals,
    };
    let given = Approval { who: "joe".parse().unwrap(), at: NOW.to_owned(), reason: None, by_push_host: false };
    let (qa, prod, canary) = (0, 1, 2);
    for (place, facts, wanted) in [
        (qa, well(), "PUSH"),
        (prod, well(), "PUSH"),
        (qa, Facts { head: None, ..well() }, "main of web has not been fetched yet, so there is nothing to push"),
        (qa, Facts { statuses: Vec::new(), ..well() }, "waits for ci/test, ci/lint (0 of 2 green)"),
        (
            qa,
            Facts {
                statuses: vec![told("ci/test", CommitState::Pending), told("ci/lint", CommitState::Success)],
                ..well()
            },
            "waits for ci/test (1 of 2 green)",
        ),
        (
            qa,
            Facts {
                statuses: vec![told("ci/test", CommitState::Pending), told("ci/lint", CommitState::Failure)],
                ..well()
            },
            "ci/lint failed for 51d0c3e: 2 of 512 (https://ci.example.com/7)",
        ),
        (
            qa,
            Facts {
                statuses: vec![CommitStatus { sha: "a".repeat(40), ..told("ci/test", CommitState::Success) }],
                ..well()
            },
            "waits for ci/test, ci/lint (0 of 2 green)",
        ),
        (qa, Facts { current: Some(runs("51d0c3e-9", NOW)), ..well() }, "waits for a new commit on main"),
        (prod, Facts { current: Some(runs("51d0c3e-1", NOW)), ..well() }, "waits for a new build on qa"),
        (
            qa,
            auto(|auto| auto.pushed_before = Some((sample::number(7), PushState::Ended(Ended::Failed)))),
            "waits for something new: 51d0c3e was pushed to qa before (push 7, failed)",
        ),
        (
            prod,
            auto(|auto| auto.pushed_before = Some((sample::number(7), succeeded))),
            "waits for something new: 51d0c3e-1 was pushed to prod before (push 7, succeeded)",
        ),
        (prod, Facts { before: None, ..well() }, "qa has never been pushed, so prod has nothing to take"),
        (prod, auto(|auto| auto.last_before = Some(ended(5, Ended::Succeeded))), "PUSH"),
        (
            prod,
            auto(|auto| auto.last_before = Some(ended(5, Ended::Failed))),
            "waits for qa: its last push (5) is failed",
        ),
        (
            prod,
            auto(|auto| auto.last_before = Some(push(5, PushKind::Rollback, succeeded))),
            "waits for a new build on qa: its last push (5) is a rollback",
        ),
        (
            prod,
            Facts { before: Some(runs("51d0c3e-1", "2026-11-30T08:50:00.000Z")), ..well() },
            "waits until Mon 09:05 UTC (15 min after qa) [2026-11-30T09:05:00.000Z]",
        ),
        (canary, well(), "ASK"),
        (
            canary,
            Facts { approvals: vec![request(Vec::new())], ..well() },
            "auto (stack web) has asked for an approval of this push to canary: it waits for someone else who may approve",
        ),
        (canary, Facts { approvals: vec![request(vec![given])], ..well() }, "PUSH"),
        (
            canary,
            Facts {
                approvals: vec![ApprovalRequest {
                    state: ApprovalState::Declined,
                    closed_by: Some("joe".parse().unwrap()),
                    closed_why: Some("no".to_owned()),
                    ..request(Vec::new())
                }],
                ..well()
            },
            "the push that auto (stack web) asked for was declined by joe: no",
        ),
        // Someone else pushes; nothing is turned off by that.
        (
            qa,
            Facts { lock: Some(push(8, PushKind::Push, PushState::Running)), ..well() },
            "someone pushes at this moment: mary to qa (push 8)",
        ),
        (qa, Facts { newest: Some(push(8, PushKind::Push, PushState::Running)), ..well() }, "PUSH"),
        // What went wrong turns it off, until a person turns it on behind it.
        (qa, Facts { newest: Some(ended(8, Ended::Failed)), ..well() }, "OFF by mary: push 8 failed"),
        (qa, Facts { newest: Some(ended(8, Ended::Degraded)), ..well() }, "OFF by mary: push 8 was degraded"),
        (qa, Facts { newest: Some(ended(8, Ended::Cancelled)), ..well() }, "OFF by mary: push 8 was cancelled"),
        (qa, Facts { newest: Some(ended(8, Ended::RolledBack)), ..well() }, "OFF by mary: push 8 was rolled back"),
        (qa, Facts { newest: Some(ended(8, Ended::Interrupted)), ..well() }, "OFF by mary: push 8 was interrupted"),
        (
            qa,
            Facts { newest: Some(push(8, PushKind::Rollback, PushState::Running)), ..well() },
            "OFF by mary: push 8 is a rollback",
        ),
        (qa, Facts { stack_hold: Some(hold("web")), ..well() }, "OFF by joe: web is held by joe: the fair"),
        (qa, Facts { stage_hold: Some(hold("web/qa")), ..well() }, "OFF by joe: web/qa is held by joe: the fair"),
        (qa, Facts { newest: Some(ended(8, Ended::Failed)), ..auto(|auto| auto.switch = Some(on_since(8))) }, "PUSH"),
        (
            qa,
            Facts { newest: Some(ended(9, Ended::Failed)), ..auto(|auto| auto.switch = Some(on_since(8))) },
            "OFF by mary: push 9 failed",
        ),
        (
            qa,
            auto(|auto| auto.switch = Some(off(Some("push 8 failed")))),
            "off since Mon 08:15 UTC by mary because push 8 failed",
        ),
        (qa, auto(|auto| auto.switch = Some(off(None))), "off since Mon 08:15 UTC by mary"),
    ] {
        assert_eq!(words(stepped(place, &facts, at(NOW))), wanted, "{facts:?}");
    }
    for (now, wanted) in [
        ("2026-11-30T14:59:59.999Z", "PUSH"),
        ("2026-11-30T15:00:00.000Z", "waits for Tue 09:00 Europe/Prague (window) [2026-12-01T08:00:00.000Z]"),
        ("2026-12-04T09:00:00.000Z", "waits for Mon 09:00 Europe/Prague (window) [2026-12-07T08:00:00.000Z]"),
        // A clock that was put back never makes it early.
        ("2026-11-30T07:00:00.000Z", "waits until Mon 08:15 UTC (15 min after qa) [2026-11-30T08:15:00.000Z]"),
    ] {
        assert_eq!(words(stepped(1, &well(), at(now))), wanted, "{now}");
    }
    let stack = stack();
    let rule = stack.stages[0].auto.as_ref().unwrap();
    let broken =
        step((&stack, 0, rule), Some("error: no"), &well(), offer::offer(&stack, 0, &well()).as_ref(), at(NOW));
    assert_eq!(words(broken), "stacks/web.toml has errors, so web cannot be pushed: no");
}

fn state() -> impl Strategy<Value = PushState> {
    let ends =
        [Ended::Succeeded, Ended::Degraded, Ended::Failed, Ended::Cancelled, Ended::RolledBack, Ended::Interrupted];
    prop_oneof![Just(PushState::Running), proptest::sample::select(ends.to_vec()).prop_map(PushState::Ended)]
}

prop_compose! {
    fn some_facts()(
        statuses in proptest::collection::vec(
            (proptest::sample::select(vec!["ci/test", "ci/lint", "other"]), proptest::sample::select(CommitState::ALL.to_vec())), 0..4),
        newest in proptest::option::of((1_i64..9, state(), any::<bool>())),
        last_before in proptest::option::of((1_i64..9, state(), any::<bool>())),
        switch in proptest::option::of((any::<bool>(), proptest::option::of(1_i64..9))),
        since in 0_i64..10_000,
        flags in (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()),
    ) -> Facts {
        let kind = |rollback| if rollback { PushKind::Rollback } else { PushKind::Push };
        let (locked, stack_held, stage_held, has_it, had_it) = flags;
        Facts {
            statuses: statuses.into_iter().map(|(context, state)| told(context, state)).collect(),
            newest: newest.map(|(number, state, rollback)| push(number, kind(rollback), state)),
            lock: locked.then(|| push(9, PushKind::Push, PushState::Running)),
            stack_hold: stack_held.then(|| hold("web")),
            stage_hold: stage_held.then(|| hold("web/qa")),
            current: has_it.then(|| runs("51d0c3e-1", NOW)),
            before: Some(runs("51d0c3e-1", &At::from_millis(at("2026-11-30T00:00:00Z").millis() + since * 60_000).to_string())),
            auto: Some(AutoFacts {
                switch: switch.map(|(on, push)| AutoSwitch {
                    on, who: "mary".to_owned(), at: NOW.to_owned(), why: None, push: push.map(sample::number),
                }),
                last_before: last_before.map(|(number, state, rollback)| push(number, kind(rollback), state)),
                pushed_before: had_it.then(|| (sample::number(3), PushState::Ended(Ended::Succeeded))),
            }),
            ..well()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn it_never_pushes_outside_its_hours_nor_what_is_not_green_nor_when_it_is_off(
        facts in some_facts(), minutes in 0_i64..20_000, place in 0_usize..2,
    ) {
        let now = At::from_millis(at("2026-11-30T00:00:00Z").millis() + minutes * 60_000);
        let stack = stack();
        let (stage, auto) = (&stack.stages[place], facts.auto.clone().unwrap());
        if stepped(place, &facts, now) == AutoStep::Push {
            let green = |need: &String| {
                facts.statuses.iter().find(|told| told.context == *need).is_some_and(|told| told.state == CommitState::Success)
            };
            prop_assert!(stage.needs.statuses.iter().all(green));
            prop_assert!(stage.auto.as_ref().unwrap().is_open(now));
            prop_assert!(facts.lock.is_none() && facts.stack_hold.is_none() && facts.stage_hold.is_none());
            prop_assert!(auto.switch.as_ref().is_none_or(|switch| switch.on));
            prop_assert!(auto.pushed_before.is_none() && facts.current.is_none());
            let counted = auto.switch.and_then(|switch| switch.push);
            if let Some(newest) = facts.newest.filter(|newest| counted.is_none_or(|counted| newest.id > counted)) {
                prop_assert!(newest.kind == PushKind::Push);
                prop_assert!(newest.state.is_running() || newest.state == Ended::Succeeded);
            }
            if place == 1 {
                let since = at(&facts.before.unwrap().pushed_at).millis();
                prop_assert!(now.millis() - since >= 15 * 60_000);
                if let Some(last) = auto.last_before {
                    prop_assert!(last.state == Ended::Succeeded && last.kind == PushKind::Push);
                }
            }
        }
    }
}
