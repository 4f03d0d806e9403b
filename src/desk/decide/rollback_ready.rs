//! Whether a rollback is ready: which hosts hold the verified release that a rollback would put back, as the last probe saw it. It
//! must never ask a host itself: a page does not wait. Called by the pages of a rollback and of a stack.

use crate::desk::parts::hosts::drift::HeldReleases;
use crate::desk::view::{NotHeld, RollbackReadiness};
use crate::plan::Plan;
use crate::stack::Host;
use std::collections::BTreeMap;

/// How ready the hosts of a rollback's plan are; none when it brings no release anywhere.
pub(crate) fn readiness(
    plan: &Plan,
    root: &str,
    build: &str,
    held: Option<&HeldReleases>,
) -> Option<RollbackReadiness> {
    let releases = plan.commands.iter().filter_map(|command| command.form.release());
    let dirs: Vec<&String> = releases.map(|release| &release.dir).collect();
    if dirs.is_empty() {
        return None;
    }
    let nothing = BTreeMap::new();
    let missing = |host: &Host| {
        dirs.iter().find_map(|dir| {
            let place = (host.name().to_owned(), (*dir).clone());
            let why = match held.map_or(&nothing, |held| &held.releases).get(&place) {
                None => "it has not reported yet what it has",
                Some(releases) => match releases.get(build) {
                    Some(found) if found == root => return None,
                    Some(_) => "changed since, will be uploaded again",
                    None => "not there, will be uploaded",
                },
            };
            Some(NotHeld { host: host.name().to_owned(), why: why.to_owned() })
        })
    };
    let not_ready: Vec<NotHeld> = plan.hosts.iter().filter_map(missing).collect();
    let total = plan.hosts.len();
    let asked_at = held.map(|held| held.at.to_string());
    Some(RollbackReadiness { ready: total - not_ready.len(), total, not_ready, asked_at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Artifact, Target, plan};
    use crate::stack::parse;
    use crate::time::At;

    #[test]
    fn undo_is_ready_where_the_very_release_lies_verified() {
        let planned = |command: &str| {
            let text = format!(
                "source = {{ git = \"x\", branch = \"main\" }}\n[[stage]]\nname = \"qa\"\nhosts = [\"web[1-4]\"]\n\
                 commands = [{command}]\n"
            );
            let stack = parse("web".parse().unwrap(), "stacks/web.toml", &text).unwrap();
            let artifact = Artifact::Revision("5".repeat(40).parse().unwrap());
            let target = Target { artifact, branch: "main".to_owned(), old: None };
            plan(&stack, &"qa".parse().unwrap(), target).unwrap()
        };
        assert_eq!(readiness(&planned("\"./tell\""), "9f", "a-1", None), None, "it brings no release");
        let plan = planned("{ release = \"/srv/web\" }");
        let place = |host: &str| (host.to_owned(), "/srv/web".to_owned());
        let one = |root: &str| BTreeMap::from([("a-1".to_owned(), root.to_owned())]);
        let releases =
            BTreeMap::from([(place("web1"), one("9f")), (place("web2"), one("8e")), (place("web3"), BTreeMap::new())]);
        let held = HeldReleases { at: At::from_seconds(60), releases };
        let ready = readiness(&plan, "9f", "a-1", Some(&held)).unwrap();
        let words: Vec<String> = ready.not_ready.iter().map(|not| format!("{} {}", not.host, not.why)).collect();
        assert_eq!((ready.ready, ready.total), (1, 4));
        assert_eq!(
            words,
            [
                "web2 changed since, will be uploaded again",
                "web3 not there, will be uploaded",
                "web4 it has not reported yet what it has"
            ]
        );
    }
}
