use super::*;
use crate::remote::release::{Current, Live};

fn live(build: &str, root: &str, sha: &str) -> Live {
    Live { current: Current::Ours(build.to_owned()), root: root.to_owned(), sha: sha.to_owned() }
}

#[test]
fn a_host_that_cannot_get_rid_of_old_releases_says_how_many_and_whose_they_are() {
    let (root, said) =
        ("9f".to_owned(), HostAnswer { host: "web1".to_owned(), dir: "/srv/web".to_owned(), seen: None });
    let left = |build: &str, path: &str, owner: &str| UnremovedRelease {
        build: build.to_owned(),
        path: path.to_owned(),
        owner: owner.to_owned(),
    };
    let cache = |build: &str| left(build, "cache/", "www-data");
    let verified: BTreeMap<String, String> = ["d-4", "e-5", "f-6"].map(|name| (name.to_owned(), root.clone())).into();
    let words = |left: Vec<UnremovedRelease>, keep| {
        let seen = ReleaseFolder { left, verified: verified.clone(), ..ReleaseFolder::default() };
        kept(&said, &seen, keep).map(|kept| format!("{} instead of {}: {}", kept.releases, kept.keep, kept.why))
    };
    let three = vec![cache("a-1"), cache("b-2"), cache("c-3")];
    let expected = "6 instead of 2: cache/ in 3 of them belongs to www-data";
    assert_eq!(words(three.clone(), Some(2)).as_deref(), Some(expected));
    let mixed =
        vec![cache("a-1"), left("b-2", ".", "root"), left("c-3", "", "cannot remove 'x': Operation not permitted")];
    let expected = "6 instead of 2: one of them: cannot remove 'x': Operation not permitted; one of them belongs to root; \
                    cache/ in one of them belongs to www-data";
    assert_eq!(words(mixed, Some(2)).as_deref(), Some(expected));
    assert_eq!(words(three.clone(), Some(6)), None, "no more than it is to keep");
    assert_eq!(words(Vec::new(), Some(1)), None, "what is live or was live before stays whatever `keep` says");
    assert_eq!(words(three, None), None, "a stage that brings no release keeps none");
}

#[test]
fn a_host_is_divergent_since_it_was_first_seen_so_and_stays_so_while_it_cannot_be_asked() {
    let (sha, root) = ("5".repeat(40), "9f".repeat(32));
    let expected = |build: &str| Expected {
        stage: "prod".parse().unwrap(),
        push: PushNumber::new(14).unwrap(),
        build: OldBuild { id: build.parse().unwrap(), sha: sha.parse().unwrap(), root: root.parse().unwrap() },
        dirs: vec!["/srv/web".to_owned()],
        keep: BTreeMap::new(),
        hosts: Vec::new(),
    };
    let said = |host: &str, live: Option<Live>| HostAnswer {
        host: host.to_owned(),
        dir: "/srv/web".to_owned(),
        seen: live.map(|live| ReleaseFolder { live, ..ReleaseFolder::default() }),
    };
    let at = |minute: i64| At::from_seconds(60 * minute);
    let shown = |found: &StageDrift| -> Vec<String> {
        found.divergent.iter().map(|d| format!("{} {} {} {}", d.host, d.runs, d.instead, d.since)).collect()
    };
    let right = || Some(live("b-14", &root, &sha));
    let old = || Some(live("a-12", &root, &sha));

    let first = compare(&expected("b-14"), &[said("web1", right()), said("web2", old())], None, at(1));
    assert_eq!(shown(&first), ["web2 a-12 b-14 1970-01-01T00:01:00.000Z"]);
    let second = compare(&expected("b-14"), &[said("web1", None), said("web2", old())], Some(&first), at(2));
    assert_eq!(shown(&second), shown(&first), "since then, and nothing is known against web1");
    let silent = compare(&expected("b-14"), &[said("web1", right()), said("web2", None)], Some(&second), at(3));
    assert_eq!(shown(&silent), shown(&first), "nobody said that it was fixed");
    let other =
        compare(&expected("b-14"), &[said("web1", right()), said("web2", Some(Live::default()))], Some(&silent), at(4));
    assert_eq!(shown(&other), ["web2 nothing b-14 1970-01-01T00:04:00.000Z"]);
    let fixed = compare(&expected("b-14"), &[said("web1", right()), said("web2", right())], Some(&other), at(5));
    assert!(fixed.divergent.is_empty() && fixed.at == at(5) && fixed.push.get() == 14);
    let pushed = compare(&expected("c-15"), &[said("web1", old()), said("web2", None)], Some(&first), at(6));
    assert_eq!(shown(&pushed), ["web1 a-12 c-15 1970-01-01T00:06:00.000Z"], "what was differs before a push is over");
}

#[test]
fn a_stack_is_asked_in_its_turn_and_at_once_when_a_push_has_ended_but_never_twice_at_once() {
    let drifts = Drifts::new(Duration::from_secs(3600));
    let web: StackName = "web".parse().unwrap();
    let kept: BTreeSet<StackName> = [web.clone()].into();
    assert!(drifts.due(&kept, |_| false).is_empty(), "its hosts are not connected yet");
    assert_eq!(drifts.due(&kept, |_| true), std::slice::from_ref(&web));
    drifts.ask_again(&web);
    assert!(drifts.due(&kept, |_| true).is_empty(), "it is being asked");
    assert!(!drifts.take(&web, None));
    assert_eq!(drifts.due(&kept, |_| true), std::slice::from_ref(&web), "a push has ended meanwhile");
    drifts.take(&web, Some(BTreeMap::new()));
    assert!(drifts.due(&kept, |_| true).is_empty(), "not yet again");
    assert!(drifts.due(&BTreeSet::new(), |_| true).is_empty());
    assert!(drifts.stacks().is_empty(), "what is out of use is forgotten");
}

#[test]
fn what_a_host_said_before_a_push_changed_it_is_told_no_more_also_while_it_cannot_be_asked() {
    let drifts = Drifts::new(Duration::from_secs(3600));
    let (web, prod): (StackName, StageName) = ("web".parse().unwrap(), "prod".parse().unwrap());
    let differs = |host: &str| Drift {
        host: host.to_owned(),
        dir: "/srv/web".to_owned(),
        runs: "b-14".to_owned(),
        instead: "a-12".to_owned(),
        since: At::from_seconds(60).to_string(),
    };
    let found = StageDrift {
        push: PushNumber::new(12).unwrap(),
        at: At::from_seconds(60),
        divergent: vec![differs("web1"), differs("web2")],
        right: ["web3".to_owned()].into(),
        kept: Vec::new(),
        held: BTreeMap::new(),
    };
    drifts.ask_again(&web);
    drifts.take(&web, Some([(prod.clone(), found)].into()));
    // A rollback flips two of them, and fails behind that.
    drifts.forget(&web, &prod, &["web1".to_owned(), "web3".to_owned()].into());
    let known = drifts.answers(&web, &prod, PushNumber::new(12).unwrap()).unwrap();
    assert_eq!((known.divergent, known.right.len()), (vec![differs("web2")], 0));
    let silent = |host: &str| HostAnswer { host: host.to_owned(), dir: "/srv/web".to_owned(), seen: None };
    let expected = Expected {
        stage: prod.clone(),
        push: PushNumber::new(12).unwrap(),
        build: OldBuild {
            id: "a-12".parse().unwrap(),
            sha: "5".repeat(40).parse().unwrap(),
            root: "9f".repeat(32).parse().unwrap(),
        },
        dirs: vec!["/srv/web".to_owned()],
        keep: BTreeMap::new(),
        hosts: Vec::new(),
    };
    let before = drifts.stacks()[&web].stages[&prod].clone();
    let asked = compare(&expected, &[silent("web1"), silent("web2")], Some(&before), At::from_seconds(120));
    assert_eq!(asked.divergent, [differs("web2")]);
}
