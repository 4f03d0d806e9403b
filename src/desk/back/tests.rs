use super::*;
use crate::desk::sample;
use crate::ledger::current::Current;
use crate::ledger::pushes;

fn good(build: &str, push: i64) -> Good {
    Good {
        build: build.to_owned(),
        sha: sample::sha().to_string(),
        root: "9f".repeat(32),
        branch: "main".to_owned(),
        subject: String::new(),
        files: 3,
        push,
        who: "mary".to_owned(),
        pushed_at: String::new(),
    }
}

fn runs(build: &str) -> Facts {
    let current = Current {
        sha: sample::sha().to_string(),
        build: build.to_owned(),
        root: "9f".repeat(32),
        files: 3,
        subject: String::new(),
        pushed_at: String::new(),
        who: "mary".to_owned(),
        push: 1,
        hosts_ok: 2,
        hosts_total: 2,
    };
    Facts { current: Some(current), ..Facts::default() }
}

/// Builds `c-3`, `b-2`, `a-1` have succeeded, in this order.
fn past(bad: Option<PushRow>) -> Past {
    Past { good: vec![good("c-3", 3), good("b-2", 2), good("a-1", 1)], bad }
}

fn row() -> PushRow {
    let mut ledger = sample::ledger();
    sample::pressed(&mut ledger, 1);
    pushes::get(&ledger, 1).unwrap().unwrap()
}

#[test]
fn the_way_back_leads_to_what_was_good_before_and_never_forwards_again() {
    for (bad, current, to) in [
        (None, "c-3", Some("b-2")),
        (None, "b-2", Some("a-1")),
        (None, "a-1", None),
        (Some(row()), "c-3", Some("c-3")),
        (Some(row()), "b-2", Some("b-2")),
    ] {
        let found = past(bad.clone()).last_good(&runs(current)).map(|good| good.build.clone());
        assert_eq!(found.as_deref(), to, "from {current}, bad: {}", bad.is_some());
    }
    assert_eq!(past(None).last_good(&Facts::default()), None, "a stage that runs nothing");
}

#[test]
fn only_what_succeeded_there_and_is_not_there_now_can_come_back() {
    let text = "source = { git = \"/srv/git\", branch = \"main\" }\n[hosts]\nall = [\"web1\"]\n\
                [[stage]]\nname = \"qa\"\nhosts = \"all\"\ncommands = [\"true\"]\n";
    let stack = crate::stack::parse("web".parse().unwrap(), "stacks/web.toml", text).unwrap();
    let said = |past: &Past, to: &str| {
        let to = Some(to.parse().unwrap());
        offer(&stack, 0, &runs("c-3"), past, to.as_ref()).map(|offer| offer.seen).map_err(|refusal| refusal.to_string())
    };
    assert_eq!(said(&past(None), "a-1"), Ok("a-1".to_owned()));
    assert_eq!(said(&past(Some(row())), "c-3"), Ok("c-3".to_owned()), "half of another build is there");
    assert_eq!(said(&past(None), "c-3"), Err("qa runs c-3 already, so there is nothing to roll back".to_owned()));
    assert!(said(&past(None), "x-9").unwrap_err().contains("x-9 is not one of the last 20 that succeeded on qa"));

    let offered = offer(&stack, 0, &runs("c-3"), &past(None), None).unwrap();
    assert_eq!(
        (offered.plan.kind, offered.plan.commands.len()),
        (crate::plan::Kind::Rollback, 1),
        "a rollback never builds"
    );
    let forwards = Target {
        goods: Goods::Build {
            id: "b-2".parse().unwrap(),
            root: offered.root.clone().unwrap(),
            sha: offered.sha.clone(),
        },
        branch: "main".to_owned(),
        old: offered.old.clone(),
    };
    let forwards = plan::plan(&stack, &"qa".parse().unwrap(), forwards).unwrap();
    assert_ne!(forwards.hash(), offered.plan_hash, "nobody accepts a rollback by the hash of a push");
}
