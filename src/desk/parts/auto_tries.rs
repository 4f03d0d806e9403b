//! What came of the last try to push a stage by itself, where it was refused for a reason that the facts do not show: a full disk, a source that
//! does not answer. Kept in memory: after a restart it is tried again. It must never grow beyond the stages that there are.

use crate::stack::{StackName, StageName};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After a refusal that the facts do not show it is tried again so much later, and not at each event.
pub(crate) const TRY_AGAIN: Duration = Duration::from_secs(30);

/// The tries of all stages. Std mutexes: never held across an await.
#[derive(Default)]
pub(crate) struct AutoTries {
    refused: Mutex<HashMap<(StackName, StageName), Refused>>,
    busy: Mutex<HashSet<StackName>>,
}

#[derive(Clone)]
struct Refused {
    seen: String,
    why: String,
    at: Instant,
}

impl AutoTries {
    /// Notes why a try was refused; `seen` is what it was to push.
    pub fn refused(&self, of: (&StackName, &StageName), seen: &str, why: String) {
        let refused = Refused { seen: seen.to_owned(), why, at: Instant::now() };
        self.all().insert((of.0.clone(), of.1.clone()), refused);
    }

    /// Why the last try of this was refused, and how long ago that was.
    pub fn last(&self, of: (&StackName, &StageName), seen: &str) -> Option<(String, Duration)> {
        let last = self.all().get(&(of.0.clone(), of.1.clone())).cloned();
        last.filter(|last| last.seen == seen).map(|last| (last.why, last.at.elapsed()))
    }

    /// Forgets what is of other stages than these, and of one that could be pushed.
    pub fn keep_only(&self, known: impl Fn(&StackName, &StageName) -> bool) {
        self.all().retain(|(stack, stage), _| known(stack, stage));
    }

    /// Whether nobody acts for a stack yet; from now on someone does.
    pub fn begins(&self, stack: &StackName) -> bool {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(stack.clone())
    }

    /// Who acted for a stack is done.
    pub fn ends(&self, stack: &StackName) {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(stack);
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<(StackName, StageName), Refused>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
