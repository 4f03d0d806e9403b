use super::*;
use crate::desk::push::sample;
use crate::ledger::pushes::{self, PushRow};
use crate::plan::{PlannedCommand, PlannedForm};
use crate::stack::{PushNumber, parse};
use proptest::prelude::*;

/// What a resume would do where no build is marked.
fn offer(earlier: &Earlier) -> Result<Offer, Refusal> {
    super::offer(earlier, &Facts::default())
}

const HOSTS: [&str; 3] = ["web1", "web2", "web3"];

/// A push to qa that makes a build, restarts on three hosts and tells the push host.
fn plan() -> Plan {
    let text = "source = { git = \"/srv/git\", branch = \"main\" }\nbuild = [\"make\"]\n[hosts]\n\
                all = [\"web1\", \"web2\", \"web3\"]\n[[stage]]\nname = \"qa\"\nhosts = \"all\"\n\
                commands = [{ run = \"restart\" }, \"./tell\"]\n";
    let stack = parse("web".parse().unwrap(), "stacks/web.toml", text).unwrap();
    let artifact = crate::plan::Artifact::Revision(sample::sha());
    let target = crate::plan::Target { artifact, branch: "main".to_owned(), old: None };
    crate::plan::plan(&stack, &"qa".parse().unwrap(), target).unwrap()
}

fn row(state: &str, root: Option<String>) -> PushRow {
    let mut ledger = sample::ledger();
    sample::pressed(&mut ledger, 1);
    let row = pushes::get(&ledger, sample::number(1)).unwrap().unwrap();
    PushRow { state: PushState::parse(state).unwrap(), root, ..row }
}

fn result(command: i64, host: &str, result: Option<&str>) -> ResultRow {
    ResultRow {
        command,
        host: host.to_owned(),
        result: result.map(|word| HostResult::parse(word).unwrap()),
        code: None,
        why: None,
        started_at: String::new(),
        duration_ms: None,
    }
}

fn frozen() -> Option<String> {
    Some("9f".repeat(32))
}

fn done(command: &PlannedCommand) -> Vec<&str> {
    command.done_on.iter().map(String::as_str).collect()
}

#[test]
fn a_host_that_ran_something_else_in_the_end_is_brought_and_flipped_again() {
    let mut plan = plan();
    let release = crate::stack::Release {
        dir: "/srv/web".to_owned(),
        keep: 5,
        shared: Vec::new(),
        fan_out: crate::stack::FanOut::Direct,
        compress: false,
    };
    plan.commands[3].form = PlannedForm::Release(release);
    let asks = PlannedForm::ReadBack { dirs: vec!["/srv/web".to_owned()] };
    plan.commands.push(PlannedCommand { form: asks, ..plan.commands[3].clone() });
    let ok = |command| HOSTS.map(|host| result(command, host, Some("ok"))).to_vec();
    let last = [result(6, "web1", Some("ok")), result(6, "web2", Some("failed")), result(6, "web3", None)];
    let results = [ok(4), vec![result(5, "", Some("ok"))], last.to_vec()].concat();
    let offered =
        offer(&Earlier { row: row("failed", frozen()), plan, results, deferred_finally: vec![], newer: None }).unwrap();
    let commands: Vec<_> = offered.plan.commands[3..].iter().map(done).collect();
    assert_eq!(commands, [vec!["web1"], vec![""], vec![]], "and all of them are asked again");
}

#[test]
fn what_is_ok_is_done_and_everything_else_runs_again() {
    let results = vec![
        result(1, "", Some("ok")),
        result(2, "", Some("ok")),
        result(3, "", Some("ok")),
        result(4, "web1", Some("ok")),
        result(4, "web2", Some("failed")),
        result(4, "web3", Some("unknown")),
    ];
    let earlier =
        Earlier { row: row("failed", frozen()), plan: plan(), results, deferred_finally: vec![], newer: None };
    let offered = offer(&earlier).unwrap();
    let commands: Vec<_> = offered.plan.commands.iter().map(done).collect();
    assert_eq!(commands, [vec![""], vec![""], vec![""], vec!["web1"], vec![]]);
    assert_eq!(offered.plan.kind, Kind::Resume { of: PushNumber::new(1).unwrap() });
    assert!(matches!(offered.plan.build, BuildFrom::Existing { .. }), "the very build");
    assert_eq!(offered.plan.hosts, earlier.plan.hosts, "the very hosts");

    // A resume that was cancelled before it came to command 4 has no results of it, but knows what was done.
    let again = Earlier { plan: offered.plan, results: vec![], ..earlier };
    assert_eq!(done(&offer(&again).unwrap().plan.commands[3]), ["web1"]);
}

#[test]
fn what_a_way_back_has_undone_is_done_no_more() {
    let text = "source = { git = \"/srv/git\", branch = \"main\" }\n[[stage]]\nname = \"qa\"\nhosts = [\"web[1-3]\"]\n\
                on_failure = \"rollback\"\ncommands = [{ run = \"restart\" }, \"./tell\", { run = \"warm\" }]\n";
    let stack = parse("web".parse().unwrap(), "stacks/web.toml", text).unwrap();
    let build = |id: &str, digit: &str| crate::plan::OldBuild {
        id: id.parse().unwrap(),
        sha: digit.repeat(40).parse().unwrap(),
        root: digit.repeat(64).parse().unwrap(),
    };
    let new = build("new-2", "2");
    let artifact = crate::plan::Artifact::Build { id: new.id, root: new.root, sha: new.sha };
    let target = crate::plan::Target { artifact, branch: "main".to_owned(), old: Some(build("old-1", "1")) };
    let plan = crate::plan::plan(&stack, &"qa".parse().unwrap(), target).unwrap();
    assert_eq!(plan.commands.len(), 6, "three of the work, three of the rollback");
    let mut results: Vec<ResultRow> = HOSTS.iter().map(|host| result(1, host, Some("ok"))).collect();
    results.extend([result(2, "", Some("ok")), result(3, "web1", Some("failed"))]);
    let done_on = |results: Vec<ResultRow>| {
        let earlier = Earlier {
            row: row("failed", frozen()),
            plan: plan.clone(),
            results,
            newer: None,
            deferred_finally: vec![],
        };
        let offered = offer(&earlier).unwrap().plan.commands;
        offered.iter().map(|command| done(command).into_iter().map(str::to_owned).collect()).collect::<Vec<Vec<_>>>()
    };
    let none: &[&str] = &[];
    assert_eq!(done_on(results.clone()), [&HOSTS[..], &[""], none, none, none, none]);
    // web1 went back, nobody knows whether web2 did, and web3 was never begun on.
    results.extend([result(4, "web1", Some("ok")), result(4, "web2", None)]);
    assert_eq!(done_on(results), [&["web3"][..], none, none, none, none, none]);
}

#[test]
fn a_build_that_was_not_frozen_is_made_from_the_start() {
    let results = vec![result(1, "", Some("ok")), result(2, "", Some("failed"))];
    let earlier = Earlier { row: row("failed", None), plan: plan(), results, deferred_finally: vec![], newer: None };
    let offered = offer(&earlier).unwrap();
    assert!(offered.plan.commands.iter().all(|command| command.done_on.is_empty()));
    assert!(matches!(offered.plan.build, BuildFrom::Made { .. }) && offered.root.is_none());
}

#[test]
fn only_a_bad_end_with_nothing_behind_it_can_be_resumed() {
    for (state, newer, words) in [
        ("failed", None, "ok"),
        ("cancelled", None, "ok"),
        ("interrupted", None, "ok"),
        ("degraded", None, "ok"),
        ("running", None, "push 1 is still running"),
        ("succeeded", None, "push 1 succeeded: nothing is left to do"),
        ("rolled back", None, "push 1 was rolled back: none of it is left on any host"),
        ("failed", PushNumber::new(3).ok(), "push 3 came after push 1, so there is nothing to resume"),
    ] {
        let earlier =
            Earlier { row: row(state, frozen()), plan: plan(), results: vec![], deferred_finally: vec![], newer };
        let said = offer(&earlier).map_or_else(|refusal| refusal.to_string(), |_| "ok".to_owned());
        assert_eq!(said, words, "{state}");
    }
}

proptest! {
    #[test]
    fn every_host_is_either_done_or_run_once_a_command(results in proptest::collection::vec(0..4_usize, 3)) {
        let words = [Some("ok"), Some("failed"), None, Some("unknown")];
        let rows = HOSTS.iter().zip(&results).map(|(host, at)| result(4, host, words[*at])).collect();
        let earlier = Earlier { row: row("interrupted", frozen()), plan: plan(), results: rows, deferred_finally: vec![], newer: None };
        let offered = offer(&earlier).unwrap();
        for (host, at) in earlier.plan.hosts.iter().zip(&results) {
            prop_assert_eq!(offered.plan.commands[3].is_done_on(Some(host)), *at == 0);
        }
    }
}
