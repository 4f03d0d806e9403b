//! Whether the numbers of this server fit what its hosts have seen. Each host refuses a push that is older than the newest it
//! saw; after a loss of the data directory, or with an older copy of it, every push would be. Pages say so before anybody
//! presses, and a person can let the numbers go on above. It must never do that by itself: the other numbers may be those of
//! another Pushbutton that pushes there too.

use super::{Case, Decision, Desk, Refusal, one_line, runner};
use crate::journal::PushDir;
use crate::ledger::{Answer, audit, press};
use crate::remote::fence;
use crate::stack::{Host, PushNumber, Stack, StackName, Who};
use crate::time::At;
use futures::StreamExt;
use rusqlite::Connection;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Hosts that are asked at once.
const AT_ONCE: usize = 10;
/// A host that has answered is asked again after this time: another Pushbutton may have begun to push there.
const ASK_EVERY: Duration = Duration::from_secs(600);
/// Hosts that are named.
const NAMED: usize = 3;

/// The newest push that each host of a stack has seen, by its name, and when it said so.
type ByHost = BTreeMap<String, (i64, Instant)>;

/// What hosts have seen, by stack. A std mutex: never held across an await.
#[derive(Debug, Default)]
pub(super) struct SeenPushes(Mutex<HashMap<StackName, ByHost>>);

impl SeenPushes {
    fn of(&self) -> MutexGuard<'_, HashMap<StackName, ByHost>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hosts of a stack that have seen this push or a newer one, with the newest.
    fn from(&self, stack: &StackName, next: i64) -> BTreeMap<String, i64> {
        let known = self.of();
        let hosts = known.get(stack).into_iter().flatten();
        hosts.filter(|(_, (seen, _))| *seen >= next).map(|(host, (seen, _))| (host.clone(), *seen)).collect()
    }
}

/// Hosts that have seen newer pushes of a stack than this server knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
    fn new(hosts: &BTreeMap<String, i64>, next: i64, known: i64) -> Option<Self> {
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
                "This server's data directory is an older copy, put back from a backup; or another Pushbutton pushes there too"
            }
        };
        let why = format!(
            "{who} {has} seen push {seen} of this stack, and the next push of this server would be {next}: hosts refuse what is \
             older than what they saw. {because}"
        );
        Some(Self { hosts: hosts.keys().cloned().collect(), seen, next, why })
    }
}

impl Desk {
    /// The hosts of a stack that would refuse the next push; none when all that are known would take it.
    pub(super) fn seen_newer(&self, connection: &Connection, stack: &StackName) -> Answer<Option<SeenNewer>> {
        let next = press::next_number(connection, self.floor.load(Ordering::SeqCst))?;
        let hosts = self.seen_pushes.from(stack, next);
        if hosts.is_empty() {
            return Ok(None);
        }
        let known = press::count(connection, stack)?;
        Ok(SeenNewer::new(&hosts, next, known))
    }

    async fn newer_than_ours(&self, stack: &StackName) -> Answer<Option<SeenNewer>> {
        let (desk, name) = (self.me.clone(), stack.clone());
        let read = self.ledger.read(move |connection| match desk.upgrade() {
            Some(desk) => desk.seen_newer(connection, &name),
            None => Ok(None),
        });
        read.await
    }

    /// Refuses a press that hosts are known to refuse.
    pub(super) async fn numbers_fit(&self, stack: &StackName) -> Decision<()> {
        match self.newer_than_ours(stack).await? {
            Some(newer) => Err(Refusal::Nothing { case: Case::SeenNewer, why: newer.why }),
            None => Ok(()),
        }
    }

    /// Asks the hosts of a stack which push they saw last; those that have answered lately only when `anew`. Hosts that are
    /// not connected are left out.
    pub(super) async fn ask_seen(&self, stack: &Stack, anew: bool) {
        let hosts: BTreeSet<Host> = stack.stages.iter().flat_map(|stage| stage.hosts.iter().cloned()).collect();
        let mut asked = Vec::new();
        for host in &hosts {
            if anew || !self.has_said_lately(&stack.name, host) {
                asked.push(self.ask_one(host.clone(), host.lock_of(&stack.name)));
            }
        }
        let said: Vec<Option<(String, i64)>> = futures::stream::iter(asked).buffered(AT_ONCE).collect().await;
        let mut known = self.seen_pushes.of();
        let known = known.entry(stack.name.clone()).or_default();
        known.retain(|name, _| hosts.iter().any(|host| host.name() == name));
        known.extend(said.into_iter().flatten().map(|(host, seen)| (host, (seen, Instant::now()))));
    }

    fn has_said_lately(&self, stack: &StackName, host: &Host) -> bool {
        let known = self.seen_pushes.of();
        let known = known.get(stack).and_then(|hosts| hosts.get(host.name()));
        known.is_some_and(|(_, at)| at.elapsed() < ASK_EVERY)
    }

    async fn ask_one(&self, host: Host, lock: String) -> Option<(String, i64)> {
        let on = self.warm.connection(&host).await?;
        Some((host.name().to_owned(), fence::newest_push(&on, &lock).await?))
    }

    /// Has the hosts of a stack asked again for their newest push.
    pub(super) fn forget_seen(&self, stack: &StackName) {
        self.seen_pushes.of().remove(stack);
    }

    /// Lets the numbers of pushes go on above all that the hosts of a stack have seen, and gives the next number.
    ///
    /// # Errors
    /// When there is no such stack or reason, no host has seen more, or the number cannot be kept.
    pub async fn number_above(&self, name: &StackName, who: &Who, reason: Option<String>) -> Decision<i64> {
        let reason = reason.map(|reason| one_line("reason", &reason)).transpose()?.filter(|reason| !reason.is_empty());
        let Some(reason) = reason else {
            let why = "say why this Pushbutton is right and the only one that pushes there".to_owned();
            return Err(Refusal::BadRequest { case: Case::NumberReason, why });
        };
        let (stack, _) = self.shelved(name)?;
        // A desk that keeps no hosts connected has not heard of them yet.
        self.check_hosts(name, &[]).await?;
        self.ask_seen(&stack, true).await;
        let Some(newer) = self.newer_than_ours(name).await? else {
            let why = format!("no host of {name} that answers has seen a newer push than this server's next");
            return Err(Refusal::Nothing { case: Case::NumbersFit, why });
        };
        // An empty directory of a push is what keeps its number from being given: also after a restart.
        let seen = PushNumber::new(newer.seen).map_err(Refusal::corrupt)?;
        let dir = PushDir::of(&self.config.data, seen);
        let made = super::follow::blocking(move || {
            runner::make_dir(&dir)?;
            dir.dir().parent().map_or(Ok(()), runner::sync_dir)
        });
        made.await.map_err(|error| Refusal::Unable { case: Case::NotKept, why: error.to_string() })?;
        self.floor.fetch_max(newer.seen, Ordering::SeqCst);
        let (person, deed) = (who.to_string(), format!("{name}: numbers go on above push {}: {reason}", newer.seen));
        self.ledger.write(move |tx| audit::note(tx, At::now(), &person, "number above", &deed)).await?;
        self.changed();
        Ok(newer.seen + 1)
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
