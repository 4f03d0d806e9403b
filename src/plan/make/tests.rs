use super::super::{Assignment, values};
use super::*;
use crate::stack::{Host, PushNumber, parse};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const SHA: &str = "3f2c1ab0000000000000000000000000000000aa";
const OLD_SHA: &str = "9d8e7f60000000000000000000000000000000bb";

fn web() -> Stack {
    parse("web".parse().unwrap(), "stacks/web.toml", include_str!("../../../stacks/web.toml")).unwrap()
}

fn revision() -> Target {
    Target { artifact: Artifact::Revision(SHA.parse().unwrap()), branch: "main".to_owned(), old: None }
}

fn build() -> Target {
    let artifact = Artifact::Build {
        id: "3f2c1ab-7".parse().unwrap(),
        root: "a".repeat(64).parse().unwrap(),
        sha: SHA.parse().unwrap(),
    };
    let old = OldBuild {
        id: "9d8e7f6-3".parse().unwrap(),
        sha: OLD_SHA.parse().unwrap(),
        root: "b".repeat(64).parse().unwrap(),
    };
    Target { artifact, branch: "main".to_owned(), old: Some(old) }
}

fn stage(name: &str) -> StageName {
    name.parse().unwrap()
}

fn assignment(plan: Plan, reason: Option<&str>) -> Assignment {
    Assignment {
        push: PushNumber::new(214).unwrap(),
        who: "mary".parse().unwrap(),
        reason: reason.map(str::to_owned),
        approved_by: None,
        override_why: None,
        url: "https://push.example.com/pushes/214".to_owned(),
        build: "3f2c1ab-7".parse().unwrap(),
        plan_hash: plan.hash(),
        plan,
        held: Vec::new(),
        ssh_config: None,
        lease_s: 30,
        grace_s: 5,
        source_most: crate::size::Most::default(),
        isolation: crate::isolation::Settings::default(),
    }
}

#[test]
fn the_first_stage_makes_the_build_and_then_brings_it() {
    let plan = plan(&web(), &stage("qa"), revision()).unwrap();
    assert_eq!(
        plan.titles(&plan.values()),
        [
            "check out 3f2c1ab of main",
            "build: npm ci",
            "build: npm run build",
            "pack and hash the build",
            "rsync assets/ → /srv/web/assets/3f2c1ab0000000000000000000000000000000aa/",
            "release /srv/web",
            "activate /srv/web",
            "reload Apache",
            "Verify what every host runs",
        ]
    );
    assert!(matches!(&plan.build, BuildFrom::Made { ship: Some(ship), .. } if ship == "dist"));
    assert_eq!(plan.commands.iter().filter(|command| command.form.per_host()).count(), 5);
    assert_eq!(plan.vars, BTreeMap::from([("PUSH_VAR_CDN".to_owned(), "https://cdn.example.com".to_owned())]));
}

#[test]
fn a_later_stage_takes_exactly_the_build_it_is_given() {
    let plan = plan(&web(), &stage("prod"), build()).unwrap();
    assert_eq!(
        plan.titles(&plan.values()),
        [
            "rsync assets/ → /srv/web/assets/3f2c1ab0000000000000000000000000000000aa/",
            "release /srv/web",
            "activate /srv/web",
            "reload Apache",
            "./warm-cdn.sh https://cdn.example.com 3f2c1ab0000000000000000000000000000000aa",
            "check http://{host}/health",
            "Verify what every host runs",
        ]
    );
    assert!(matches!(&plan.build, BuildFrom::Existing { id, .. } if id.as_str() == "3f2c1ab-7"));
    assert_eq!(plan.hosts.len(), 41);
}

#[test]
fn a_command_is_shown_as_typed_whatever_its_name() {
    let text = include_str!("../../../stacks/web.toml");
    let text =
        text.replace("\"sudo apachectl graceful\"", "\"\"\"\ncd /srv/web\n\n  sudo apachectl\tgraceful {sha}\n\"\"\"");
    let web = parse("web".parse().unwrap(), "stacks/web.toml", &text).unwrap();
    let plan = plan(&web, &stage("prod"), build()).unwrap();
    let values = plan.values();
    assert_eq!(plan.commands[3].title(&values), "reload Apache");
    let graceful = format!(">   sudo apachectl graceful {SHA}");
    assert_eq!(plan.commands[3].typed(&values), ["$ cd /srv/web", "> ", &graceful]);
    assert_eq!(plan.commands[1].typed(&values), ["$ release /srv/web"]);
}

#[test]
fn a_later_stage_never_makes_a_build() {
    let error = plan(&web(), &stage("prod"), revision()).unwrap_err();
    assert_eq!(error.to_string(), "prod takes the build of princess; only the first stage makes one from a revision");
    let error = plan(&web(), &stage("staging"), build()).unwrap_err();
    assert_eq!(error.to_string(), "web has no stage staging");
}

#[test]
fn a_build_that_exists_can_go_back_onto_the_first_stage() {
    let plan = plan(&web(), &stage("qa"), build()).unwrap();
    assert_eq!(plan.commands.len(), 5);
}

#[test]
fn every_host_is_asked_what_it_runs_behind_the_work_where_anything_was_activated() {
    let text = |commands: &str| {
        format!(
            "source = {{ git = \"x\", branch = \"main\" }}\n[[stage]]\nname = \"qa\"\nhosts = [\"h[1-250]\"]\nchunk = 3\n\
             max_failed = 7\nfinally = [\"./unmute\"]\ncommands = [{commands}]\n"
        )
    };
    let planned = |commands: &str| {
        let stack = parse("web".parse().unwrap(), "stacks/web.toml", &text(commands)).unwrap();
        plan(&stack, &stage("qa"), build()).unwrap().commands
    };
    let two = "{ release = \"/b\" }, { release = \"/a\" }, { activate = \"/b\" }, { activate = \"/a\" }, \"./tell\"";
    let commands = planned(two);
    let (asks, last) = (&commands[5], &commands[6]);
    assert_eq!(asks.form, PlannedForm::ReadBack { dirs: vec!["/a".to_owned(), "/b".to_owned()] });
    assert_eq!((asks.part, asks.chunk, asks.policy.max_failed), (Part::Main, ASKED_AT_ONCE, 7));
    assert_eq!(last.part, Part::Finally);
    assert_eq!(asks.typed(&BTreeMap::new()), ["$ ask what runs in /a, /b"]);
    assert_eq!(planned("{ release = \"/a\" }, \"./tell\"").len(), 3, "nothing is live that could be asked for");
}

#[test]
fn a_command_gets_all_that_is_known_as_environment() {
    let plan = plan(&web(), &stage("prod"), build()).unwrap();
    let host: Host = "deploy@web-spare.example.com:2222".parse().unwrap();
    let found = values(&assignment(plan, Some("$(touch pwned)")), Some(&host));
    let wanted = [
        ("PUSH_BUILD", "3f2c1ab-7"),
        ("PUSH_HOST", "web-spare.example.com"),
        ("PUSH_ID", "214"),
        ("PUSH_OLD_BUILD", "9d8e7f6-3"),
        ("PUSH_OLD_SHA", OLD_SHA),
        ("PUSH_REASON", "$(touch pwned)"),
        ("PUSH_REF", "main"),
        ("PUSH_SHA", SHA),
        ("PUSH_STACK", "web"),
        ("PUSH_STAGE", "prod"),
        ("PUSH_URL", "https://push.example.com/pushes/214"),
        ("PUSH_VAR_CDN", "https://cdn.example.com"),
        ("PUSH_WHO", "mary"),
    ];
    assert_eq!(found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(), wanted);
}

#[test]
fn what_there_is_none_of_is_empty_and_the_push_host_has_no_host() {
    let plan = plan(&web(), &stage("qa"), revision()).unwrap();
    let found = values(&assignment(plan, None), None);
    for name in ["PUSH_OLD_SHA", "PUSH_OLD_BUILD", "PUSH_REASON"] {
        assert_eq!(found[name], "", "{name}");
    }
    assert!(!found.contains_key("PUSH_HOST"));
}

#[test]
fn every_built_in_variable_has_a_value() {
    let plan = plan(&web(), &stage("qa"), revision()).unwrap();
    let found = values(&assignment(plan, None), Some(&"a".parse().unwrap()));
    for (name, env) in crate::stack::variables::BUILT_IN {
        assert!(found.contains_key(*env), "{{{name}}} is {env}, which nobody sets");
    }
}

#[test]
fn the_hash_is_the_same_for_the_same_plan_and_another_for_any_change() {
    let plan = plan(&web(), &stage("prod"), build()).unwrap();
    assert_eq!(plan.hash(), plan.clone().hash());
    let read_back: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(read_back, plan);
    assert_eq!(read_back.hash(), plan.hash());
    let mut seen = BTreeSet::from([plan.hash()]);
    let changes: [fn(&mut Plan); 7] = [
        |plan| plan.stack_hash.push('x'),
        |plan| plan.branch.push('x'),
        |plan| plan.old = None,
        |plan| drop(plan.hosts.pop()),
        |plan| plan.hosts.swap(0, 1),
        |plan| plan.commands[0].timeout_s += 1,
        |plan| drop(plan.vars.insert("PUSH_VAR_X".to_owned(), String::new())),
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut changed = plan.clone();
        change(&mut changed);
        assert!(seen.insert(changed.hash()), "change {number} left the hash as it was");
    }
}

#[test]
fn canonical_json_has_sorted_keys_and_no_blanks() {
    let mut text = String::new();
    let value = serde_json::json!({"b": [1, "x\"y", null, {}], "a": {"d": true, "c": []}});
    write_canonical(&value, &mut text);
    assert_eq!(text, r#"{"a":{"c":[],"d":true},"b":[1,"x\"y",null,{}]}"#);
}

#[test]
fn the_commands_of_a_roll_have_their_own_numbers_and_share_its_batches() {
    let text = "source = { git = \"x\", branch = \"main\" }\n[[stage]]\nname = \"qa\"\nhosts = [\"h[1-6]\"]\ncommands = [\n\
                \"true\",\n{ roll = [\"./lb out {host}\", { run = \"restart\", name = \"restart\" }, \"sleep 1\"], chunk = [1, 2], max_failed = 1, name = \"Rolling\" },\n\
                { confirm = \"Fine?\" },\n{ roll = [{ run = \"b\" }] },\n]\n";
    let stack = parse("web".parse().unwrap(), "stacks/web.toml", text).unwrap();
    let plan = plan(&stack, &stage("qa"), build()).unwrap();
    assert_eq!(
        plan.titles(&plan.values()),
        ["true", "Rolling › ./lb out {host}", "Rolling › restart", "Rolling › sleep 1", "confirm: Fine?", "roll › b"]
    );
    let rolls: Vec<_> = plan.commands.iter().map(|command| command.roll.as_ref().map(|roll| roll.number)).collect();
    assert_eq!(rolls, [None, Some(1), Some(1), Some(1), None, Some(2)]);
    for command in &plan.commands[1..4] {
        assert!(command.per_host(), "each host walks through all of it");
        assert_eq!((&command.grow[..], command.chunk, command.policy.max_failed), (&[1][..], 2, 1));
    }
    assert!(!plan.commands[4].per_host());
}

proptest! {
    #[test]
    fn a_plan_covers_each_host_exactly_once_and_no_chunk_is_too_big(
        hosts in 1usize..200,
        commands in proptest::collection::vec(0usize..5, 1..8),
        percent in 1usize..=100,
    ) {
        const FORMS: [&str; 5] = [
            "\"echo {sha}\"", "\"curl http://{host}/\"", "{ run = \"true\" }", "{ rsync = \"./\", to = \"/srv/x/\" }",
            "{ release = \"/srv/web\" }",
        ];
        let list: Vec<&str> = commands.iter().map(|form| FORMS[*form]).collect();
        let text = format!(
            "source = {{ git = \"x\", branch = \"main\" }}\n[[stage]]\nname = \"qa\"\nchunk = \"{percent}%\"\n\
             hosts = [\"h[1-{hosts}]\"]\ncommands = [{}]\n",
            list.join(", ")
        );
        let stack = parse("web".parse().unwrap(), "stacks/web.toml", &text).unwrap();
        let plan = plan(&stack, &stage("qa"), build()).unwrap();
        let names: BTreeSet<&str> = plan.hosts.iter().map(Host::name).collect();
        prop_assert_eq!((plan.hosts.len(), names.len()), (hosts, hosts));
        prop_assert_eq!(plan.commands.len(), commands.len());
        for (command, form) in plan.commands.iter().zip(&commands) {
            prop_assert_eq!(command.form.per_host(), *form > 0);
            prop_assert!(command.chunk >= 1 && command.chunk <= hosts);
            prop_assert!(command.chunk == 1 || command.chunk * 100 <= hosts * percent);
        }
    }

    #[test]
    fn no_value_changes_what_a_shell_reads(reason in "\\PC{0,60}", branch in "\\PC{1,60}") {
        let stack = web();
        let target = Target { branch, ..build() };
        let plan = plan(&stack, &stage("prod"), target).unwrap();
        let before = serde_json::to_string(&plan.commands).unwrap();
        let found = values(&assignment(plan.clone(), Some(&reason)), None);
        let _ = plan.titles(&found);
        prop_assert_eq!(&serde_json::to_string(&plan.commands).unwrap(), &before);
        prop_assert_eq!(&found["PUSH_REASON"], &reason);
    }
}

/// The stack with its prod stage put under a policy.
fn under(policy: &str) -> Stack {
    let text = include_str!("../../../stacks/web.toml").replace("button   = \"PROD!!!\"", policy);
    parse("web".parse().unwrap(), "stacks/web.toml", &text).unwrap()
}

#[test]
fn a_plan_that_rolls_back_holds_all_of_its_way_back_and_a_rollback_holds_none() {
    let (web, web_as_it_is) = (under("on_failure = \"rollback\""), self::web());
    let forward = plan(&web, &stage("prod"), build()).unwrap();
    let titles = forward.titles(&forward.values());
    let undo: Vec<&str> = titles[7..].iter().map(String::as_str).collect();
    assert_eq!(
        undo,
        [
            "rollback: rsync assets/ → /srv/web/assets/9d8e7f60000000000000000000000000000000bb/",
            "rollback: release /srv/web",
            "rollback: activate /srv/web",
            "rollback: reload Apache",
            "rollback: ./warm-cdn.sh https://cdn.example.com 9d8e7f60000000000000000000000000000000bb",
            "rollback: check http://{host}/health",
            "rollback: Verify what every host runs",
        ]
    );
    assert_eq!(forward.rollback_view().map(|old| old.id.as_str()), Some("9d8e7f6-3"));
    let found = super::super::values_of(&assignment(forward.clone(), None), Part::Rollback, None);
    let values = ["PUSH_SHA", "PUSH_BUILD", "PUSH_OLD_SHA", "PUSH_OLD_BUILD"].map(|name| found[name].as_str());
    assert_eq!(values, [OLD_SHA, "9d8e7f6-3", SHA, "3f2c1ab-7"]);
    assert_ne!(forward.hash(), plan(&web_as_it_is, &stage("prod"), build()).unwrap().hash());

    let first = plan(&web, &stage("prod"), Target { old: None, ..build() }).unwrap();
    let links = |plan: &super::super::Plan| plan.titles(&plan.values()).split_off(7);
    assert!(first.rollback_view().is_none() && first.puts_links_back(), "no build was live before");
    assert_eq!(links(&first), ["rollback: activate /srv/web"], "but each host had something at its link");
    let mut again = build();
    again.old = again.old.map(|old| OldBuild { id: "3f2c1ab-7".parse().unwrap(), ..old });
    let again = plan(&web, &stage("prod"), again).unwrap();
    assert!(again.rollback_view().is_none(), "this very build is live");
    assert_eq!(links(&again), ["rollback: activate /srv/web"]);

    let back = forward.into_rollback();
    assert_eq!((back.commands.len(), back.rollback_view()), (7, None));
    let policies = back.commands.iter().map(|command| command.policy).chain([back.policy]);
    assert!(policies.into_iter().all(|policy| policy == Policy::default()), "what fails in it stops it");
}

#[test]
fn how_hosts_leave_stands_behind_everything_else() {
    let web = under("on_failure = \"drop\"\ndrop = [\"./out {host}\"]\nfinally = [\"./tell\"]");
    let plan = plan(&web, &stage("prod"), build()).unwrap();
    let last: Vec<(Part, String)> =
        plan.commands.iter().zip(plan.titles(&plan.values())).skip(7).map(|(c, title)| (c.part, title)).collect();
    assert_eq!(last, [(Part::Finally, "./tell".to_owned()), (Part::Drop, "drop: ./out {host}".to_owned())]);
    assert_eq!((plan.policy.max_dropped, plan.commands[7].policy), (4, Policy::default()));
}

#[test]
fn a_path_is_shown_with_what_is_known_and_a_value_that_leads_elsewhere_ends_a_push_before_it_begins() {
    let text = include_str!("../../../stacks/web.toml")
        .replace("assets/{sha}/", "{stage}/{ref}/{build}-{push}/{host}/")
        .replace("\"assets/\"", "\"assets/{stage}/\"");
    let web = parse("web".parse().unwrap(), "stacks/web.toml", &text).unwrap();
    let shown = |target: Target, stage_name: &str| {
        let plan = plan(&web, &stage(stage_name), target).unwrap();
        let titles = plan.titles(&plan.values());
        titles.into_iter().find(|title| title.starts_with("rsync ")).unwrap()
    };
    assert_eq!(shown(revision(), "qa"), "rsync assets/qa/ → /srv/web/qa/main/{build}-{push}/{host}/");
    assert_eq!(shown(build(), "prod"), "rsync assets/prod/ → /srv/web/prod/main/3f2c1ab-7-{push}/{host}/");
    let good = assignment(plan(&web, &stage("prod"), build()).unwrap(), None);
    let host = &good.plan.hosts[0];
    assert_eq!(
        good.plan.commands[0].title(&values(&good, Some(host))),
        "rsync assets/prod/ → /srv/web/prod/main/3f2c1ab-7-214/web001.example.com/"
    );
    assert_eq!(super::super::look_at_paths(&good), Ok(()));
    assert_eq!(good.plan.look_at_paths(), Ok(()), "what only the press knows is not judged before");
    let target = Target { branch: "feature/x".to_owned(), ..build() };
    let bad = assignment(plan(&web, &stage("prod"), target).unwrap(), None);
    assert_eq!(bad.plan.look_at_paths(), super::super::look_at_paths(&bad), "known before anybody presses");
    let why = super::super::look_at_paths(&bad).unwrap_err().to_string();
    assert!(
        why.starts_with("{ref} in the path /srv/web/{stage}/{ref}/{build}-{push}/{host}/ is `feature/x`, and must be"),
        "{why}"
    );
    let text = serde_json::to_string(&bad.plan).unwrap();
    assert_eq!(serde_json::from_str::<crate::plan::Plan>(&text).unwrap(), bad.plan);
}
