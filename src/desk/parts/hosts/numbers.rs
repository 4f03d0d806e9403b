//! Whether the numbers of this server fit what its hosts have seen. Each host refuses a push that is older than the newest it
//! saw; after a loss of the data directory, or with an older copy of it, every push would be. Pages say so before anybody
//! presses, and a person can let the numbers go on above. It must never do that by itself: the other numbers may be those of
//! another Pushbutton that pushes there too.

use crate::stack::StackName;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Hosts that are named.
const NAMED: usize = 3;

/// The newest push that each host of a stack has seen, by its name, and when it said so.
type ByHost = BTreeMap<String, (i64, Instant)>;

/// What hosts have seen, by stack. A std mutex: never held across an await.
#[derive(Debug, Default)]
pub(crate) struct SeenPushes(Mutex<HashMap<StackName, ByHost>>);

impl SeenPushes {
    pub(crate) fn of(&self) -> MutexGuard<'_, HashMap<StackName, ByHost>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hosts of a stack that have seen this push or a newer one, with the newest.
    pub(crate) fn from(&self, stack: &StackName, next: i64) -> BTreeMap<String, i64> {
        let known = self.of();
        let hosts = known.get(stack).into_iter().flatten();
        hosts.filter(|(_, (seen, _))| *seen >= next).map(|(host, (seen, _))| (host.clone(), *seen)).collect()
    }
}

/// Hosts that have seen newer pushes of a stack than this server knows.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct SeenNewer {
    /// The hosts.
    pub hosts: Vec<String>,
    /// The newest push that one of them saw.
    pub seen: i64,
    /// The number that the next push of this server would have.
    pub next: i64,
    /// What that means and why it may be so, in words for a person.
    pub why: String,
}

impl SeenNewer {
    pub(crate) fn new(hosts: &BTreeMap<String, i64>, next: i64, known: i64) -> Option<Self> {
        let seen = *hosts.values().max()?;
        let named: Vec<&str> = hosts.keys().take(NAMED).map(String::as_str).collect();
        let more = hosts.len() - named.len();
        let who = if more > 0 { format!("{} and {more} more", named.join(", ")) } else { named.join(", ") };
        let has = if hosts.len() == 1 { "has" } else { "have" };
        let because = match known {
            0 => {
                "This server's history holds no push of it: its data directory is new, or was lost; or another Pushbutton \
                  pushes there too"
            }
            _ => {
                "This server's data directory is an older copy, restored from a backup; or another Pushbutton pushes there too"
            }
        };
        let why = format!(
            "{who} {has} seen push {seen} of this stack, and the next push of this server would be {next}: hosts refuse pushes \
             with lower numbers than they have seen. {because}"
        );
        Some(Self { hosts: hosts.keys().cloned().collect(), seen, next, why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_that_saw_the_next_number_or_more_would_refuse_it_and_why_is_said() {
        let seen = SeenPushes::default();
        let web: StackName = "web".parse().unwrap();
        let hosts = [("web1", 214), ("web2", 7), ("web3", 8), ("web4", 0), ("web5", 9), ("web6", 10)];
        let hosts = hosts.map(|(host, push)| (host.to_owned(), (push, Instant::now())));
        seen.of().insert(web.clone(), hosts.into());
        let names = |next| seen.from(&web, next).into_keys().collect::<Vec<_>>().join(" ");
        assert_eq!(names(8), "web1 web3 web5 web6");
        assert_eq!((names(215).as_str(), names(214).as_str()), ("", "web1"));
        let newer = |next, known| SeenNewer::new(&seen.from(&web, next), next, known);
        assert_eq!(newer(215, 0), None);
        let lost = newer(8, 0).unwrap();
        assert_eq!((lost.seen, lost.hosts.len()), (214, 4));
        assert!(
            lost.why.starts_with("web1, web3, web5 and 1 more have seen push 214 of this stack, and the next"),
            "{lost:?}"
        );
        assert!(lost.why.contains("is new, or was lost; or another Pushbutton"), "{lost:?}");
        let older = newer(214, 3).unwrap();
        assert!(older.why.starts_with("web1 has seen push 214") && older.why.contains("an older copy"), "{older:?}");
    }
}
