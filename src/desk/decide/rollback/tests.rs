use super::*;
use crate::desk::push::sample;
use crate::ledger::current::Current;
use crate::ledger::pushes;

fn good(build: &str, push: i64) -> GoodBuild {
    GoodBuild {
        build: build.to_owned(),
        sha: sample::sha().to_string(),
        root: "9f".repeat(32),
        branch: "main".to_owned(),
        subject: String::new(),
        files: 3,
        push: sample::number(push),
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
        push: sample::number(1),
        hosts_ok: 2,
        hosts_total: 2,
        as_of: None,
    };
    Facts { current: Some(current), ..Facts::default() }
}

/// Builds `c-3`, `b-2`, `a-1` have succeeded, in this order, with these contents; `runs` is what each host has.
fn past(bad: Option<PushRow>, roots: [&str; 3], runs: &[Option<(&str, &str)>]) -> Past {
    let named = [("c-3", 3), ("b-2", 2), ("a-1", 1)];
    let good = named.iter().zip(roots).map(|((id, push), root)| GoodBuild { root: root.repeat(32), ..good(id, *push) });
    let on = |(id, root): (&str, &str)| crate::ledger::holding::OnHost { id: id.to_owned(), root: root.repeat(32) };
    let hosts: Vec<String> = (1..=runs.len()).map(|n| format!("web{n}")).collect();
    let ledger = hosts.iter().cloned().zip(runs.iter().map(|run| run.map(on))).collect();
    let runs = Runs::new(&hosts, ledger, None, None, |_| None, None);
    let here = named.iter().map(|(id, _)| (*id).to_owned()).collect();
    Past { good: good.collect(), here, marked: BTreeSet::new(), bad, runs, desired: None }
}

fn with_root(build: &str, root: &str) -> Facts {
    let mut facts = runs(build);
    facts.current.as_mut().unwrap().root = root.repeat(32);
    facts
}

fn row() -> PushRow {
    let mut ledger = sample::ledger();
    sample::pressed(&mut ledger, 1);
    PushRow { build: "d-4".to_owned(), ..pushes::get(&ledger, sample::number(1)).unwrap().unwrap() }
}

#[test]
fn the_way_back_leads_to_the_last_good_build_whose_content_is_not_what_runs() {
    const ALL: [&str; 3] = ["cc", "bb", "aa"];
    let (c, b, a) = (Some(("c-3", "cc")), Some(("b-2", "bb")), Some(("a-1", "aa")));
    let half = Some(("d-4", "dd"));
    for (what, bad, roots, current, hosts, to) in [
        ("as the ledger says", None, ALL, ("c-3", "cc"), vec![c, c], Some("b-2")),
        ("never forwards again", None, ALL, ("b-2", "bb"), vec![b, b], Some("a-1")),
        ("nothing is before it", None, ALL, ("a-1", "aa"), vec![a, a], None),
        ("nobody knows the hosts", None, ALL, ("c-3", "cc"), vec![], Some("b-2")),
        ("two builds of one content", None, ["cc", "cc", "aa"], ("c-3", "cc"), vec![c, c], Some("a-1")),
        ("three builds of one content", None, ["cc", "cc", "cc"], ("c-3", "cc"), vec![c, c], None),
        ("a bad push is half there", Some(row()), ALL, ("c-3", "cc"), vec![half, c], Some("c-3")),
        ("a bad push left a host in doubt", Some(row()), ALL, ("c-3", "cc"), vec![None, c], Some("c-3")),
        ("a hand healed a bad push, and more", Some(row()), ALL, ("c-3", "cc"), vec![b, b], Some("a-1")),
        ("a bad push was healed since", Some(row()), ALL, ("c-3", "cc"), vec![c, c], Some("b-2")),
        ("a hand put all hosts back", None, ALL, ("c-3", "cc"), vec![b, b], Some("a-1")),
        ("a hand put one host back", None, ALL, ("c-3", "cc"), vec![b, c], Some("b-2")),
    ] {
        let past = past(bad, roots, &hosts);
        let found = past.last_good(&with_root(current.0, current.1)).map(|good| good.build.clone());
        assert_eq!(found.as_deref(), to, "{what}");
    }
    assert_eq!(past(None, ALL, &[]).last_good(&Facts::default()), None, "a stage that runs nothing");
    let mut gone = past(None, ALL, &[c, c]);
    gone.here.remove("b-2");
    let found = gone.last_good(&with_root("c-3", "cc")).map(|good| good.build.as_str());
    assert_eq!(found, Some("a-1"), "whose bytes are gone is not offered");
}

#[test]
fn what_cannot_come_back_or_would_change_nothing_is_refused_with_both_builds() {
    let text = "source = { git = \"/srv/git\", branch = \"main\" }\n[hosts]\nall = [\"web1\", \"web2\"]\n\
                [[stage]]\nname = \"qa\"\nhosts = \"all\"\nbefore = [{ confirm = \"Sure?\" }]\n\
                commands = [{ confirm = \"Calm?\" }, { run = \"true\", chunk = [1, 2], confirm = \"Canary?\" }]\n";
    let stack = crate::stack::parse("web".parse().unwrap(), "stacks/web.toml", text).unwrap();
    let c = Some(("c-3", "cc"));
    let said = |past: &Past, to: Option<&str>| {
        let (to, facts) = (to.map(|to| to.parse().unwrap()), with_root("c-3", "cc"));
        let offered = offer(&stack, 0, &facts, past, to.as_ref(), Questions::LeftOut);
        offered.map(|offer| offer.seen).map_err(|refusal| refusal.to_string())
    };
    let plain = past(None, ["cc", "bb", "aa"], &[c, c]);
    assert_eq!(said(&plain, Some("a-1")), Ok("a-1".to_owned()));
    assert_eq!(said(&plain, Some("c-3")), Err("qa runs c-3 already, so there is nothing to roll back".to_owned()));
    assert!(said(&plain, Some("x-9")).unwrap_err().contains("x-9 is not one of the last 20 that succeeded on qa"));
    let half = past(Some(row()), ["cc", "bb", "aa"], &[Some(("d-4", "dd")), c]);
    assert_eq!(said(&half, Some("c-3")), Ok("c-3".to_owned()), "half of another build is there");
    let equal = past(None, ["cc", "cc", "cc"], &[c, c]);
    let words = "build a-1 has the same content as c-3, which qa runs (content hash cccccccccccc), so there is nothing to roll \
                 back";
    assert_eq!(said(&equal, Some("a-1")), Err(words.to_owned()));
    let none = said(&equal, None).unwrap_err();
    assert!(
        none.contains("b-2, a-1 have the same content as c-3, which it runs (content hash cccccccccccc)"),
        "{none}"
    );
    let mut gone = past(None, ["cc", "bb", "aa"], &[c, c]);
    gone.here.remove("a-1");
    assert!(said(&gone, Some("a-1")).unwrap_err().starts_with("build a-1 is no longer on the push host"));

    let facts = with_root("c-3", "cc");
    let quiet = offer(&stack, 0, &facts, &plain, None, Questions::LeftOut).unwrap();
    assert_eq!(
        (quiet.plan.kind, quiet.plan.commands.len()),
        (crate::plan::Kind::Rollback, 1),
        "it never builds, never asks"
    );
    assert_eq!(quiet.plan.questions(), Vec::<String>::new());
    let asking = offer(&stack, 0, &facts, &plain, None, Questions::Asked).unwrap();
    assert_eq!(asking.plan.questions(), ["Sure?", "Calm?", "Canary?"]);
    assert_ne!(asking.plan_hash, quiet.plan_hash);
    let forwards = Target {
        artifact: Artifact::Build {
            id: "b-2".parse().unwrap(),
            root: quiet.root.clone().unwrap(),
            sha: quiet.sha.clone(),
        },
        branch: "main".to_owned(),
        old: quiet.old.clone(),
    };
    let forwards = plan::plan(&stack, &"qa".parse().unwrap(), forwards).unwrap();
    assert_ne!(forwards.hash(), asking.plan_hash, "nobody accepts a rollback by the hash of a push");
}
