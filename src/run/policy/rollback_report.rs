//! What is true on the hosts of a rollback that did not go well, from what its commands ended with there: on how many the build is
//! back, where it is back and something failed after it, and which were not changed. It must never say more of a host than its records
//! do. Called by the walk; a push that goes back by itself says it in `rollback.rs`.

use crate::journal::Ended;
use crate::plan::{Kind, Property, Standing};
use crate::run::job::Job;
use crate::run::outcome::End;
use crate::run::progress::Progress;
use crate::stack::Host;
use std::collections::BTreeMap;

/// Hosts that one sentence names; the rest is on the page.
const NAMED: usize = 5;

/// Says in `end` what is true on each host, before why the rollback did not go well.
pub fn say_what_is_true(job: &Job, progress: &Progress, end: &mut End) {
    let went_badly = match end.state {
        Ended::Failed | Ended::Degraded | Ended::Cancelled => true,
        Ended::Succeeded | Ended::RolledBack | Ended::Interrupted => false,
    };
    if job.plan().kind != Kind::Rollback || !went_badly {
        return;
    }
    let of = |host| (host, progress.holding.standing(host), failed_after(job, progress, host));
    let words = words(job.plan().sha.short(), &job.hosts().iter().map(of).collect::<Vec<_>>());
    end.why = Some([Some(words), end.why.take()].into_iter().flatten().collect::<Vec<_>>().join("; "));
}

/// What failed on a host, as the end of a sentence.
fn failed_after(job: &Job, progress: &Progress, host: &Host) -> Option<String> {
    let number = progress.failures.of(host.name())?.command?;
    let command = job.commands().get(usize::try_from(number).ok()?.checked_sub(1)?)?;
    Some(if command.form.has(Property::IsHealthCheck) {
        "its health check failed after it".to_owned()
    } else {
        format!("command {number} failed after it")
    })
}

/// `3f2c1ab is back on all 3 hosts, with a failure on qa2 (the link is back; its health check failed after it)`.
fn words(sha: &str, hosts: &[(&Host, Standing, Option<String>)]) -> String {
    let total = hosts.len();
    let with = |standing: Standing| hosts.iter().filter(move |of| of.1 == standing);
    let back = with(Standing::Holds).count();
    let names = |list: Vec<&str>| {
        let more = list.len().saturating_sub(NAMED);
        let named = list.into_iter().take(NAMED).map(str::to_owned);
        named.chain((more > 0).then(|| format!("{more} more"))).collect::<Vec<_>>().join(", ")
    };
    if with(Standing::Untouched).count() == total {
        return match total {
            1 => "its host was not changed, and runs what it ran before".to_owned(),
            _ => format!("none of {total} hosts was changed: all run what they ran before"),
        };
    }
    let mut words = match (back, total) {
        (0, _) => format!("{sha} is back on no host"),
        (1, 1) => format!("{sha} is back on its host"),
        (back, total) if back == total => format!("{sha} is back on all {total} hosts"),
        (back, total) => format!("{sha} is back on {back} of {total} hosts"),
    };
    let mut after: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (host, _, why) in with(Standing::Holds) {
        if let Some(why) = why {
            after.entry(why).or_default().push(host.name());
        }
    }
    for (why, list) in after {
        words.push_str(&format!(", with a failure on {} (the link is back; {why})", names(list)));
    }
    let rest = [
        (Standing::Untouched, "not changed"),
        (Standing::InDoubt, "in doubt what runs"),
        (Standing::Back, "back at what it ran before this rollback"),
    ];
    for (standing, what) in rest {
        let list: Vec<&str> = with(standing).map(|of| of.0.name()).collect();
        if !list.is_empty() {
            words.push_str(&format!("; {what} on {}", names(list)));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use Standing::{Holds, InDoubt, Untouched};

    #[test]
    fn what_is_true_on_the_hosts_of_a_rollback_that_failed_is_said_of_each() {
        let said = |list: &[(&str, Standing, Option<&str>)]| {
            let hosts: Vec<Host> = list.iter().map(|of| of.0.parse().unwrap()).collect();
            let of: Vec<_> = hosts.iter().zip(list).map(|(host, of)| (host, of.1, of.2.map(str::to_owned))).collect();
            words("3f2c1ab", &of)
        };
        let check = Some("its health check failed after it");
        type Case<'a> = (&'a [(&'a str, Standing, Option<&'a str>)], &'a str);
        let table: &[Case<'_>] = &[
            (
                &[("a", Holds, None), ("b", Holds, check), ("c", Holds, check)],
                "3f2c1ab is back on all 3 hosts, with a failure on b, c (the link is back; its health check failed after it)",
            ),
            (
                &[("a", Holds, check), ("b", Untouched, None), ("c", InDoubt, check)],
                "3f2c1ab is back on 1 of 3 hosts, with a failure on a (the link is back; its health check failed after it); not \
                 changed on b; in doubt what runs on c",
            ),
            (&[("a", InDoubt, None)], "3f2c1ab is back on no host; in doubt what runs on a"),
            (
                &[("a", Untouched, None), ("b", Untouched, None)],
                "none of 2 hosts was changed: all run what they ran before",
            ),
            (&[("a", Holds, None)], "3f2c1ab is back on its host"),
        ];
        for (list, wanted) in table {
            assert_eq!(said(list), *wanted);
        }
    }
}
