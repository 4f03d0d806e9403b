//! What a push owes whose runner died: its `finally`. It never runs by itself; the next push to the stage runs it
//! first, with the values of the push that did not run it, on the hosts that this one had touched.

use super::{Assignment, Part, PlannedCommand, values};
use crate::stack::{BuildId, Host, PushNumber};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Whose `finally` a command is, and what it is run with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeferredFinally {
    /// The push whose runner died.
    pub push: PushNumber,
    /// Its build: commands on the push host run in it.
    pub build: BuildId,
    /// The environment of its commands.
    pub values: BTreeMap<String, String>,
    /// The hosts that it had touched, by name.
    pub on: Vec<String>,
}

/// The `finally` of a push whose runner died, as commands of the push that comes next; `on` are the hosts that it had
/// touched.
pub fn deferred_finally(earlier: &Assignment, on: &[String]) -> Vec<PlannedCommand> {
    let mut values = values(earlier, None);
    values.insert("PUSH_RESULT".to_owned(), "interrupted".to_owned());
    let deferred = DeferredFinally { push: earlier.push, build: earlier.build.clone(), values, on: on.to_vec() };
    let finally = earlier.plan.commands.iter().filter(|command| command.part == Part::Finally);
    finally
        .filter(|command| !command.form.per_host() || !on.is_empty())
        .map(|command| PlannedCommand {
            part: Part::DeferredFinally,
            deferred: Some(Box::new(deferred.clone())),
            done_on: Vec::new(),
            ..command.clone()
        })
        .collect()
}

impl PlannedCommand {
    /// Whether it is to run on this host: a deferred command on the hosts that were touched, everything else on all.
    pub fn is_meant_for(&self, host: &Host) -> bool {
        self.deferred.as_ref().is_none_or(|deferred| deferred.on.iter().any(|name| name == host.name()))
    }

    /// The values of the push itself, or those of the push that did not run the command.
    pub fn own_values<'a>(&self, values: &'a BTreeMap<String, String>) -> Cow<'a, BTreeMap<String, String>> {
        match &self.deferred {
            None => Cow::Borrowed(values),
            Some(deferred) => {
                let mut own = deferred.values.clone();
                own.extend(values.get_key_value("PUSH_HOST").map(|(name, host)| (name.clone(), host.clone())));
                Cow::Owned(own)
            }
        }
    }
}
