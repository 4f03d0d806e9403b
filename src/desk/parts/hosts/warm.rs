//! The warm fleet: one connection to each host of the stacks in use, checked again and again, so that a press finds its hosts
//! connected and the page says before it which are not. Someone looks at these stacks, so the pauses between tries stay short,
//! and one ends early when a push has reached the host or a person asks. It must never make a page or a push wait, never change
//! anything on a host, and never end what runs over a connection: the masters belong to nobody.

mod keep;
pub(crate) mod pause;
pub(crate) mod standing;

use super::lateness::Lateness;
use crate::advice::of_stack;
use crate::desk::view::{NotReady, Readiness, StackFiles};
use crate::remote::masters::{Connection, Failure, Masters};
use crate::stack::{Host, StackName};
use crate::time::At;
use standing::Standing;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// A stack is in use for so long after someone asked for its page, or a push of it ended.
const IN_USE: Duration = Duration::from_secs(10 * 60);
/// So long before a stack goes out of use, pages are told to look again: one that is still open keeps it in use.
const LAST_CALL: Duration = Duration::from_secs(30);
/// A person who asks again within this time gets the answer that there is: each refused key counts against us.
const ANSWERED_FOR: Duration = Duration::from_secs(5);

/// Which stacks are in use, and how their hosts are. A std mutex: never held across an await.
pub(crate) struct Warm {
    masters: Result<Masters, String>,
    pub(crate) most: usize,
    every: Duration,
    state: Mutex<State>,
    pub(crate) nudge: Notify,
    clock: Lateness,
}

#[derive(Default)]
struct State {
    /// When each stack was last asked for.
    asked: HashMap<StackName, Instant>,
    /// The stacks whose hosts are kept: those in use, as far as there is room.
    kept: BTreeSet<StackName>,
    hosts: HashMap<Host, WarmHost>,
    /// What a person must fix on hosts that were looked at because someone asked, and when.
    looks: HashMap<Host, (Instant, Result<(), String>)>,
}

/// How a person wants a host looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Over the connection that is there.
    Now,
    /// Over a new one.
    Anew,
}

/// One host that is kept.
struct WarmHost {
    standing: Standing,
    checked_at: Option<At>,
    /// The next try is not to wait.
    at_once: Arc<Notify>,
    stop: CancellationToken,
}

/// What pages can tell from each other.
#[derive(PartialEq, Eq)]
pub(crate) struct WarmSummary {
    kept: BTreeSet<StackName>,
    /// How many stacks go out of use soon: a page that still shows one is to say so.
    fading: usize,
    hosts: BTreeMap<Host, (bool, Option<NotReady>)>,
}

impl Warm {
    /// Nothing is in use at first. Sockets lie under `dir`; `operator` is the operator's ssh configuration.
    pub fn new(dir: &Path, operator: Option<std::path::PathBuf>, most: usize, every: Duration) -> Self {
        let masters = Masters::new(dir, operator).map_err(|error| format!("ssh cannot be used: {error}"));
        let clock = Lateness::new(Instant::now());
        Self { masters, most, every, state: Mutex::default(), nudge: Notify::new(), clock }
    }

    /// How much time we have lost ourselves.
    fn lost(&self) -> Duration {
        self.clock.lost(Instant::now())
    }

    /// The hosts that are kept and not ready, and why.
    pub fn troubled(&self) -> BTreeMap<Host, NotReady> {
        let (state, lost) = (self.state(), self.lost());
        let troubled = |(host, kept): (&Host, &WarmHost)| Some((host.clone(), kept.standing.not_ready(host, lost)?));
        state.hosts.iter().filter_map(troubled).collect()
    }

    /// How many hosts are kept, and how many of them are ready.
    pub fn counts(&self) -> (usize, usize) {
        let (state, lost) = (self.state(), self.lost());
        (state.hosts.len(), state.hosts.values().filter(|kept| kept.standing.is_ready(lost)).count())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What opens connections; why there is nothing that does.
    pub fn masters(&self) -> Result<&Masters, &str> {
        self.masters.as_ref().map_err(String::as_str)
    }

    /// Says that a stack is in use.
    pub fn in_use(&self, stack: &StackName) {
        let new = self.state().asked.insert(stack.clone(), Instant::now()).is_none();
        if new {
            self.nudge.notify_one();
        }
    }

    /// Whether someone has asked for a stack lately.
    pub fn is_in_use(&self, stack: &StackName) -> bool {
        self.state().asked.get(stack).is_some_and(|at| at.elapsed() < IN_USE)
    }

    /// The stacks whose hosts are kept now.
    pub fn kept(&self) -> BTreeSet<StackName> {
        self.state().kept.clone()
    }

    /// How many hosts of a stage are ready; `None` when its stack is not in use.
    pub fn readiness(&self, stack: &StackName, hosts: &[Host]) -> Option<Readiness> {
        let (state, lost) = (self.state(), self.lost());
        state.kept.contains(stack).then(|| {
            let kept: Vec<(&Host, &WarmHost)> =
                hosts.iter().filter_map(|host| Some((host, state.hosts.get(host)?))).collect();
            Readiness {
                ready: kept.iter().filter(|(_, kept)| kept.standing.is_ready(lost)).count(),
                total: hosts.len(),
                not_ready: kept
                    .iter()
                    .filter_map(|(host, kept)| kept.standing.not_ready(host, lost))
                    .map(|not| NotReady { why: of_stack(&not.why, stack.as_str()), ..not })
                    .collect(),
                checked_at: kept.iter().filter_map(|(_, kept)| kept.checked_at).max().map(|at| at.to_string()),
            }
        })
    }

    /// Whether each of these hosts has been tried to the end at least once.
    pub fn all_tried(&self, hosts: &[Host]) -> bool {
        let state = self.state();
        hosts.iter().all(|host| state.hosts.get(host).is_some_and(|kept| kept.standing != Standing::Connecting))
    }

    /// A connection to a host that is ready; none to others, so that nobody waits for them.
    pub async fn connection(&self, host: &Host) -> Option<Connection> {
        let lost = self.lost();
        let ready = self.state().hosts.get(host).is_some_and(|kept| kept.standing.is_ready(lost));
        match &self.masters {
            Ok(masters) if ready => masters.try_connect(host).await.ok(),
            Ok(_) | Err(_) => None,
        }
    }

    /// Decides which stacks are kept, and which hosts are new among theirs; lets go of hosts that no stack needs.
    pub(crate) fn decide(
        &self,
        stack_files: &StackFiles,
        stop: &CancellationToken,
    ) -> Vec<(Host, Arc<Notify>, CancellationToken)> {
        let mut state = self.state();
        state.asked.retain(|_, at| at.elapsed() < IN_USE + LAST_CALL);
        let stacks = stack_files.stacks.iter().filter_map(|loaded| loaded.stack.as_ref());
        let mut used: Vec<_> = stacks.filter_map(|stack| state.asked.get(&stack.name).map(|at| (*at, stack))).collect();
        used.sort_by_key(|(at, stack)| (std::cmp::Reverse(*at), stack.name.clone()));
        let hosts_of = used.iter().map(|(_, stack)| {
            (stack.name.clone(), stack.stages.iter().flat_map(|stage| stage.hosts.iter().cloned()).collect())
        });
        let (kept, hosts) = within(self.most, hosts_of);
        state.kept = kept;
        state.hosts.retain(|host, kept| {
            let keep = hosts.contains(host);
            if !keep {
                kept.stop.cancel();
            }
            keep
        });
        let standing = match &self.masters {
            Ok(_) => Standing::Connecting,
            Err(why) => Standing::Failed(why.clone(), At::now()),
        };
        let mut new = Vec::new();
        for host in hosts {
            if !state.hosts.contains_key(&host) {
                let token = stop.child_token();
                let at_once = Arc::new(Notify::new());
                let kept = WarmHost {
                    standing: standing.clone(),
                    checked_at: None,
                    at_once: Arc::clone(&at_once),
                    stop: token.clone(),
                };
                state.hosts.insert(host.clone(), kept);
                new.push((host, at_once, token));
            }
        }
        new
    }

    /// What pages show of it all: when this differs, they are told.
    pub(crate) fn shown(&self) -> WarmSummary {
        let (state, lost) = (self.state(), self.lost());
        let fading = state.asked.values().filter(|at| at.elapsed() >= IN_USE).count();
        let hosts = state
            .hosts
            .iter()
            .map(|(host, kept)| (host.clone(), (kept.standing.is_ready(lost), kept.standing.not_ready(host, lost))));
        WarmSummary { kept: state.kept.clone(), fading, hosts: hosts.collect() }
    }

    /// Remembers how a try ended.
    fn note(&self, host: &Host, tried: &Result<(), Failure>) {
        let (now, lost) = (At::now(), self.lost());
        let mut state = self.state();
        let Some(kept) = state.hosts.get_mut(host) else { return };
        kept.checked_at = Some(now);
        let before = std::mem::replace(&mut kept.standing, Standing::Answered(Instant::now(), now, lost));
        if let Err(failure) = tried {
            let since = match before {
                Standing::Failed(_, since) | Standing::Answered(_, since, _) => since,
                Standing::Connecting => now,
            };
            kept.standing = Standing::Failed(failure.words.clone(), since);
        }
        drop(state);
        self.nudge.notify_one();
    }

    /// Looks at a host because a person asks, whether or not it is kept.
    pub async fn look(&self, host: &Host, how: Look) -> Result<(), String> {
        let masters = self.masters.as_ref().map_err(Clone::clone)?;
        let lately = self.state().looks.get(host).filter(|(at, _)| at.elapsed() < ANSWERED_FOR).cloned();
        if let (Some((_, answer)), Look::Now) = (lately, how) {
            return answer;
        }
        let tried = match how {
            Look::Now => masters.try_connect(host).await,
            Look::Anew => masters.reconnect(host).await,
        };
        let tried = tried.map(drop);
        let answer = tried.as_ref().copied().map_err(|failure| failure.words.clone());
        {
            let mut state = self.state();
            state.looks.retain(|_, (at, _)| at.elapsed() < ANSWERED_FOR);
            if tried.as_ref().is_err_and(|failure| !failure.again) {
                state.looks.insert(host.clone(), (Instant::now(), answer.clone()));
            }
            // Whoever keeps it begins to count anew: it was just heard.
            if let (Some(kept), Ok(())) = (state.hosts.get(host), &answer) {
                kept.at_once.notify_one();
            }
        }
        self.note(host, &tried);
        answer
    }
}

/// The stacks, most wanted first, whose hosts fit into `most`, with these hosts. One that does not fit is left out whole:
/// half a stage would look like trouble.
fn within(
    most: usize,
    stacks: impl Iterator<Item = (StackName, BTreeSet<Host>)>,
) -> (BTreeSet<StackName>, BTreeSet<Host>) {
    let (mut kept, mut hosts) = (BTreeSet::new(), BTreeSet::new());
    for (stack, of_stack) in stacks {
        if hosts.union(&of_stack).count() <= most {
            hosts.extend(of_stack);
            kept.insert(stack);
        }
    }
    (kept, hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(names: &[&str]) -> BTreeSet<Host> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn the_stacks_that_were_asked_for_last_are_kept_as_far_as_there_is_room() {
        let stacks = [
            ("web", hosts(&["a", "b"])),
            ("big", hosts(&["c", "d", "e"])),
            ("api", hosts(&["b", "c"])),
            ("search", hosts(&["d"])),
        ];
        let kept = |most| {
            let (kept, hosts) = within(most, stacks.iter().map(|(name, hosts)| (name.parse().unwrap(), hosts.clone())));
            (kept.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "), hosts.len())
        };
        assert_eq!(kept(0), (String::new(), 0));
        assert_eq!(kept(2), ("web".to_owned(), 2));
        assert_eq!(kept(3), ("api web".to_owned(), 3), "hosts that two stacks share count once");
        assert_eq!(kept(4), ("api search web".to_owned(), 4));
        assert_eq!(kept(5), ("api big search web".to_owned(), 5));
    }
}
