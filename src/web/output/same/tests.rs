//! The rule by its examples, which `static/same/same.js` is held to as well (`tests/lines.rs`), and the groups against a plain
//! comparison of what was said.

use super::*;
use crate::web::output::lines::tests::{Said, indexed, journal, said, wanted};
use proptest::prelude::*;

#[derive(serde::Deserialize)]
struct Example {
    host: String,
    stream: Stream,
    text: String,
    blank: String,
}

#[test]
fn what_is_compared_of_a_line_is_what_the_page_of_a_short_push_compares() {
    let examples: Vec<Example> = serde_json::from_str(include_str!("examples.json")).unwrap();
    for Example { host, stream, text, blank: expected } in examples {
        let own = (!host.is_empty()).then(|| OwnName::of(&host));
        assert_eq!(blank(Some(stream), &text, own.as_ref()), expected, "{host}: {text}");
    }
}

/// What each host said to each command, compared line by line.
fn plainly(said: &[Said], failed: &[(u32, Option<&str>)], wanted: &LineFilter) -> Vec<(u32, Vec<Vec<String>>)> {
    let mut commands: Vec<(u32, Vec<Vec<String>>)> = Vec::new();
    for command in 1..=3 {
        let mut spoke: Vec<(&str, Vec<Cow<'_, str>>)> = Vec::new();
        for (_, host, _, text) in said.iter().filter(|(of, ..)| *of == command) {
            let host = host.unwrap_or("-");
            match spoke.iter_mut().find(|(name, _)| *name == host) {
                Some((_, words)) => words.push(without_colours(text)),
                None => spoke.push((host, vec![without_colours(text)])),
            }
        }
        // The records between the lines, and those of hosts that failed, name more of them.
        let late = said.iter().enumerate().any(|(line, (of, ..))| line % 7 == 3 && *of == command);
        let failed: Vec<&str> =
            failed.iter().filter(|(of, _)| *of == command).map(|(_, host)| host.unwrap_or("-")).collect();
        for host in failed.iter().copied().chain(late.then_some("late")) {
            if !spoke.iter().any(|(name, _)| *name == host) {
                spoke.push((host, Vec::new()));
            }
        }
        spoke.retain(|(host, _)| wanted.takes_host((*host != "-").then_some(*host)) && wanted.takes_command(command));
        let mut groups: Vec<Vec<String>> = Vec::new();
        let mut keys: Vec<(bool, bool, &[Cow<'_, str>])> = Vec::new();
        for (host, words) in &spoke {
            let key = (*host == "-", failed.contains(host) && *host != "-", &words[..]);
            // A host that was begun and never ended is unknown, and only `late` is.
            match keys.iter().position(|other| *other == key).filter(|_| *host != "late") {
                Some(at) => groups[at].push((*host).to_owned()),
                None => {
                    keys.push(key);
                    groups.push(vec![(*host).to_owned()]);
                }
            }
        }
        groups.iter_mut().for_each(|group| group.sort());
        groups.sort();
        if !groups.is_empty() {
            commands.push((command, groups));
        }
    }
    commands
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn hosts_are_in_one_group_exactly_when_they_said_the_same_and_ended_alike(said in said(), wanted in wanted()) {
        let failed = [(1, Some("web1")), (2, None), (3, Some("db"))];
        let (_, index) = indexed(&journal(&said, &failed));
        let wanted = LineFilter { errors: false, ..wanted };
        let found = same(&index, &wanted, 1);
        prop_assert_eq!(found.next, None);
        let told: Vec<(u32, Vec<Vec<String>>)> = found.steps.iter().map(|step| {
            let hosts = |group: &Group<'_>| {
                let mut hosts: Vec<String> = group.hosts.iter().map(|host| (*host).to_owned()).collect();
                hosts.sort();
                hosts
            };
            let mut groups: Vec<_> = step.groups.iter().map(hosts).collect();
            groups.sort();
            (step.command, groups)
        }).collect();
        prop_assert_eq!(told, plainly(&said, &failed, &wanted));
        // Each counts the lines of the host that stands first, which a page then asks for.
        for step in &found.steps {
            for group in &step.groups {
                let first = LineFilter { hosts: vec![group.hosts[0].to_owned()], commands: vec![step.command], errors: false };
                let spans = index.passing(&first, crate::web::output::index::Span { first: 1, last: u64::MAX });
                prop_assert_eq!(group.lines, spans.iter().map(|span| span.last - span.first + 1).sum::<u64>());
            }
        }
    }
}

#[test]
fn failed_ones_come_first_then_the_fewest_and_errors_alone_leave_the_others_out() {
    let text = |text: &str| text.to_owned();
    let said: Vec<Said> = vec![
        (1, Some("web1"), "out", text("well, web1")),
        (1, Some("db"), "out", text("odd")),
        (1, Some("web2"), "out", text("well, web2")),
        (1, Some("web3"), "err", text("broken")),
        (1, Some("web3"), "out", text("and on")),
        (2, None, "out", text("here")),
    ];
    let (_, index) = indexed(&journal(&said, &[(1, Some("web3"))]));
    let groups = |wanted: LineFilter| serde_json::to_value(same(&index, &wanted, 1)).unwrap();
    let expected = serde_json::json!({ "next": null, "steps": [
        { "command": 1, "groups": [
            { "end": "failed", "lines": 2, "hosts": ["web3"] },
            { "end": "unknown", "lines": 0, "hosts": ["late"] },
            { "end": "skipped", "lines": 1, "hosts": ["db"] },
            { "end": "skipped", "lines": 1, "hosts": ["web1", "web2"] },
        ] },
        { "command": 2, "groups": [{ "end": null, "lines": 1, "hosts": ["-"] }] },
    ] });
    assert_eq!(groups(LineFilter::default()), expected);
    let errors = serde_json::json!({ "next": null, "steps": [
        { "command": 1, "groups": [{ "end": "failed", "lines": 1, "hosts": ["web3"] }] },
    ] });
    assert_eq!(groups(LineFilter { errors: true, ..LineFilter::default() }), errors);
    assert_eq!(same(&index, &LineFilter::default(), 2).steps.len(), 1);
    assert_eq!(same(&index, &LineFilter::default(), 3).steps, []);
}
