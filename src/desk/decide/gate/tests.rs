use super::*;
use crate::desk::decide::offer::offer;
use crate::desk::decide::request::Request;
use crate::desk::push::sample;
use crate::ledger::current::Current;
use crate::ledger::pushes;
use crate::stack::parse;

const FILE: &str = r#"
source = { git = "/srv/git/web", branch = "main" }
[hosts]
all = ["web1", "web2"]
[[stage]]
name = "qa"
hosts = "all"
commands = ["true"]
[[stage]]
name = "prod"
hosts = "all"
commands = ["true"]
"#;

/// What a press of the button gets.
fn decided(place: usize, facts: &Facts, press: &Press) -> Result<Offer, Refusal> {
    let stack = stack();
    match closed(Asked::Next, &stack.name, None, facts) {
        Some(refusal) => Err(refusal),
        None => Request::Next.accept(&stack, place, offer(&stack, place, facts)?, press, None),
    }
}

fn stack() -> Stack {
    parse("web".parse().unwrap(), "stacks/web.toml", FILE).unwrap()
}

fn runs(build: &str) -> Current {
    Current {
        sha: sample::sha().to_string(),
        build: build.to_owned(),
        root: "9f".repeat(32),
        files: 3,
        subject: String::new(),
        pushed_at: String::new(),
        who: "mary".to_owned(),
        push: sample::number(1),
        hosts_ok: 2,
        hosts_total: 2,
        as_of: None,
    }
}

fn hold(scope: &str) -> Hold {
    let text = |text: &str| text.to_owned();
    Hold { scope: text(scope), who: text("joe"), reason: text("demo"), at: text("10:00"), push: None, until: None }
}

fn locked() -> PushRow {
    let mut ledger = sample::ledger();
    sample::pressed(&mut ledger, 1);
    pushes::lock_holder(&ledger, &"web".parse().unwrap()).unwrap().unwrap()
}

fn press(stage: &str, seen: &str) -> Press {
    Press {
        stack: "web".parse().unwrap(),
        stage: stage.parse().unwrap(),
        who: "mary".parse().unwrap(),
        seen: seen.to_owned(),
        plan_hash: None,
        reason: None,
        override_why: None,
        marks_bad: false,
        nonce: None,
    }
}

/// What the gate says, in the words for people; `ok` when the press is accepted.
fn said(place: usize, facts: &Facts, press: &Press) -> String {
    decided(place, facts, press).map_or_else(|refusal| refusal.to_string(), |_| "ok".to_owned())
}

#[test]
fn the_gate_says_who_why_and_what_now() {
    let sha = sample::sha();
    let open = Facts { head: Some(sha.clone()), before: Some(runs("51d0c3e-1")), ..Facts::default() };
    let old = "a".repeat(40);
    let again = "; nothing was pushed";
    for (facts, place, seen, words) in [
        (open.clone(), 0, sha.as_str(), "ok".to_owned()),
        (open.clone(), 1, "51d0c3e-1", "ok".to_owned()),
        (open.clone(), 0, old.as_str(), format!("main is now at 51d0c3e instead of aaaaaaa{again}")),
        (open.clone(), 1, "9c1e2f4-7", format!("qa now runs 51d0c3e-1 instead of 9c1e2f4-7{again}")),
        (
            Facts { stack_hold: Some(hold("web")), ..open.clone() },
            0,
            sha.as_str(),
            "web is held by joe: demo".to_owned(),
        ),
        (
            Facts { stage_hold: Some(hold("web/qa")), ..open.clone() },
            0,
            sha.as_str(),
            "web/qa is held by joe: demo".to_owned(),
        ),
        (
            Facts {
                stack_hold: Some(Hold { until: Some("2026-11-21T16:00:00.000Z".to_owned()), ..hold("web") }),
                ..open.clone()
            },
            0,
            sha.as_str(),
            "web is held by joe until 21 Nov 16:00 UTC: demo".to_owned(),
        ),
        (
            Facts { lock: Some(locked()), ..open.clone() },
            1,
            "51d0c3e-1",
            "mary is pushing web to qa right now (push 1)".to_owned(),
        ),
        (
            Facts { stack_hold: Some(hold("web")), lock: Some(locked()), ..open.clone() },
            0,
            sha.as_str(),
            "web is held by joe: demo".to_owned(),
        ),
        (
            Facts { before: None, ..open.clone() },
            1,
            "51d0c3e-1",
            "qa has never been pushed, so prod has nothing to take".to_owned(),
        ),
        (
            Facts { head: None, ..open.clone() },
            0,
            sha.as_str(),
            "main of web has not been fetched yet, so there is nothing to push".to_owned(),
        ),
    ] {
        let stage = ["qa", "prod"][place];
        assert_eq!(said(place, &facts, &press(stage, seen)), words, "{stage} {seen}");
    }
}

#[test]
fn a_press_is_accepted_only_with_the_plan_that_is_offered() {
    let facts = Facts { head: Some(sample::sha()), ..Facts::default() };
    let offered = offer(&stack(), 0, &facts).unwrap();
    let with_hash = |hash: &str| Press { plan_hash: Some(hash.to_owned()), ..press("qa", &offered.seen) };
    assert_eq!(decided(0, &facts, &with_hash(&offered.plan_hash)), Ok(offered.clone()));
    let refused = decided(0, &facts, &with_hash(&"0".repeat(64))).unwrap_err();
    assert!(matches!(refused, Refusal::Moved { now: Some(now), .. } if now == offered.seen));
}

#[test]
fn a_later_stage_is_offered_exactly_the_build_of_the_stage_before_and_its_root() {
    let facts = Facts {
        head: Some("b".repeat(40).parse().unwrap()),
        before: Some(runs("51d0c3e-1")),
        before_branch: Some("release".to_owned()),
        current: Some(runs("9c1e2f4-7")),
        ..Facts::default()
    };
    let offered = offer(&stack(), 1, &facts).unwrap();
    assert_eq!((offered.seen.as_str(), &offered.sha), ("51d0c3e-1", &sample::sha()));
    assert_eq!(offered.root.unwrap().as_str(), "9f".repeat(32));
    assert_eq!(offered.plan.old.unwrap().id.as_str(), "9c1e2f4-7");
    assert_eq!(offered.plan.branch, "release", "the branch that the build was made from, whatever the file says now");
}

#[test]
fn a_persons_stop_sign_stops_a_resume_and_what_a_bad_push_left_does_not() {
    let by_a_push = Hold { who: SERVER.to_owned(), push: Some(sample::number(1)), ..hold("web") };
    let joined = Hold { push: Some(sample::number(1)), ..hold("web") };
    for (facts, open) in [
        (Facts::default(), true),
        (Facts { stack_hold: Some(by_a_push.clone()), ..Facts::default() }, true),
        (Facts { stack_hold: Some(joined), ..Facts::default() }, false),
        (Facts { stack_hold: Some(hold("web")), ..Facts::default() }, false),
        (Facts { stack_hold: Some(by_a_push), stage_hold: Some(hold("web/qa")), ..Facts::default() }, false),
        (Facts { lock: Some(locked()), ..Facts::default() }, false),
    ] {
        assert_eq!(closed(Asked::Resume, &stack().name, None, &facts).is_none(), open, "{facts:?}");
    }
}
