use super::*;
use crate::desk::view::Drift;
use crate::stack::PushNumber;
use crate::time::At;

fn on(id: &str, root: &str) -> OnHost {
    OnHost { id: id.to_owned(), root: root.to_owned() }
}

fn desired(build: &str) -> DesiredState {
    let build = crate::plan::OldBuild {
        id: build.parse().unwrap(),
        sha: "5".repeat(40).parse().unwrap(),
        root: "9f".repeat(32).parse().unwrap(),
    };
    let (hosts, reached) = Default::default();
    DesiredState {
        push: PushNumber::new(2).unwrap(),
        newest: PushNumber::new(2).unwrap(),
        build,
        branch: "main".to_owned(),
        whole: true,
        hosts,
        reached,
    }
}

#[test]
fn what_hosts_said_since_counts_more_than_the_ledger_and_doubt_counts_for_nothing() {
    let hosts = ["web1", "web2", "web3", "web4"].map(str::to_owned);
    let root = "9f".repeat(32);
    let ledger = BTreeMap::from([
        ("web1".to_owned(), Some(on("b-2", &root))),
        ("web2".to_owned(), Some(on("b-2", &root))),
        ("web3".to_owned(), None),
        ("gone".to_owned(), Some(on("a-1", "00"))),
    ]);
    let known = |answers: Option<&Answers>| {
        let root = |build: &str| (build == "a-1").then(|| "00".to_owned());
        Runs::new(&hosts, ledger.clone(), answers, Some(&desired("b-2")), root, Some("then".to_owned()))
    };
    let runs = known(None);
    assert_eq!((runs.count("b-2"), runs.count("a-1"), runs.as_of.as_deref()), (2, 0, Some("then")));
    assert!(!runs.all_run(&root) && runs.one().is_none(), "web3 is in doubt");

    let drift = |host: &str, runs: &str| Drift {
        host: host.to_owned(),
        dir: "/srv/web".to_owned(),
        runs: runs.to_owned(),
        instead: "b-2".to_owned(),
        since: String::new(),
    };
    let right = |hosts: &[&str]| hosts.iter().map(|host| (*host).to_owned()).collect();
    let at = At::from_seconds(60);
    let all_right = Answers { at, right: right(&["web1", "web2", "web3"]), divergent: Vec::new() };
    let runs = known(Some(&all_right));
    assert!(runs.all_run(&root) && runs.count("b-2") == 3 && runs.as_of == Some(at.to_string()), "{runs:?}");

    let by_hand = ["web1", "web2", "web3"].map(|host| drift(host, "a-1")).to_vec();
    let runs = known(Some(&Answers { at, right: right(&[]), divergent: by_hand }));
    assert_eq!((runs.one(), runs.count("b-2")), (Some(&on("a-1", "00")), 0), "someone's hand put all of them back");
    let foreign = vec![drift("web1", "/opt/site")];
    let runs = known(Some(&Answers { at, right: right(&["web2", "web3"]), divergent: foreign }));
    assert!(runs.one().is_none() && runs.count("b-2") == 2);
    assert!(!Runs::default().all_run(&root), "nobody knows");
}
