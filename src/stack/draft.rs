//! A command, and the limits of a table, as the file writes them: what depends on the stage (a percentage of its hosts, its own
//! defaults) is open until a stage settles it. Each limit is looked for at the command, then its stage, then the stack, then here.
//! It must never read the file, nor know a form by name. Called by all that read
//! commands.

use super::commands::fan_out::FanOutDraft;
use super::form::Width;
use super::hosts::groups::Entry;
use super::values::{Chunk, Share};
use super::{Command, Form, OnFailure, Policy, Question, RunsAs, Watch};
use std::ops::Range;
use std::time::Duration;

/// How many hosts at once, when nobody says anything (DESIGN section 1).
const CHUNK: usize = 10;
/// After which time a command is ended, when nobody says anything (DESIGN section 3).
pub(super) const TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// How long it waits between two tries, when nobody says anything: a service that restarts takes seconds.
const EVERY: Duration = Duration::from_secs(1);
/// One host in so many may leave when nobody says anything: what a fleet can miss on an ordinary day.
const DROPPED_OF: usize = 10;

/// A command whose limits may still come from its stage.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub form: Form,
    pub name: Option<String>,
    pub limits: Limits,
    pub quiet: bool,
    /// What is asked before its batches grow.
    pub confirm: Option<Question>,
    /// What is watched before its batches grow.
    pub watch: Option<Box<Watch>>,
    pub runs_as: RunsAs,
    /// The list of a roll; references are followed once all lists are known.
    pub inside: Vec<Entry<Draft>>,
    pub at: Range<usize>,
}

impl Draft {
    /// The command on a stage with `hosts` hosts, whose own limits are `stage`.
    pub fn settle(self, stage: &Limits, hosts: usize) -> Command {
        let form = self.form.with_list(|| settle(self.inside, stage, hosts));
        let (confirm, watch, runs_as) = (self.confirm, self.watch, self.runs_as);
        Command { confirm, watch, runs_as, ..self.limits.settle(form, self.name, self.quiet, stage, hosts) }
    }
}

/// What one table says of limits; what it leaves open comes from further out.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    pub chunk: Option<Chunk>,
    pub timeout: Option<Duration>,
    pub tries: Option<u32>,
    pub every: Option<Duration>,
    pub max_failed: Option<Share>,
    pub on_failure: Option<OnFailure>,
    pub max_dropped: Option<Share>,
    pub spread: FanOutDraft,
}

impl Limits {
    /// What is said here, and what is left open from `outer`.
    pub fn within(self, outer: &Self) -> Self {
        Self {
            chunk: self.chunk.or_else(|| outer.chunk.clone()),
            timeout: self.timeout.or(outer.timeout),
            tries: self.tries.or(outer.tries),
            every: self.every.or(outer.every),
            max_failed: self.max_failed.or(outer.max_failed),
            on_failure: self.on_failure.or(outer.on_failure),
            max_dropped: self.max_dropped.or(outer.max_dropped),
            spread: self.spread.within(&outer.spread),
        }
    }

    /// What becomes of a push whose hosts fail, on a stage with `hosts` hosts.
    pub fn policy(&self, hosts: usize) -> Policy {
        let on_failure = self.on_failure.unwrap_or_default();
        let max_dropped = max_dropped(on_failure, self.max_dropped, hosts);
        Policy { max_failed: self.max_failed.map_or(0, |share| share.of(hosts)), on_failure, max_dropped }
    }

    /// The command of a form on a stage with `hosts` hosts, whose own limits are `stage`.
    pub fn settle(self, mut form: Form, name: Option<String>, quiet: bool, stage: &Self, hosts: usize) -> Command {
        let own = form.kind().patience();
        let tries = self.tries.or(own.tries).or(stage.tries).unwrap_or(1);
        let timeout = self.timeout.or(own.timeout).or(stage.timeout).unwrap_or(TIMEOUT);
        let own_chunk = self.chunk.is_some();
        let limits = self.within(stage);
        form.spread(limits.spread.fan_out(), limits.spread.compress());
        let wide = match form.width() {
            Width::All => true,
            Width::AllUnlessItSays => !own_chunk,
            Width::Chunk => false,
        };
        let (grow, chunk) = match &limits.chunk {
            _ if wide => (Vec::new(), hosts.max(1)),
            None => (Vec::new(), CHUNK),
            Some(chunk) => {
                (chunk.first.iter().map(|share| share.of(hosts).max(1)).collect(), chunk.rest.of(hosts).max(1))
            }
        };
        let every = limits.every.unwrap_or(EVERY);
        // What nobody has confirmed is never gone past.
        let policy = if form.asks_a_person() { Policy::default() } else { limits.policy(hosts) };
        Command {
            form,
            name,
            grow,
            chunk,
            timeout,
            tries,
            every,
            policy,
            quiet,
            confirm: None,
            watch: None,
            runs_as: RunsAs::Committer,
        }
    }
}

/// The commands of a roll on a stage with `hosts` hosts.
fn settle(inside: Vec<Entry<Draft>>, stage: &Limits, hosts: usize) -> Vec<Command> {
    items(&inside).cloned().map(|inner| inner.settle(stage, hosts)).collect()
}

/// The commands of an unfolded roll.
pub(super) fn items(inside: &[Entry<Draft>]) -> impl Iterator<Item = &Draft> {
    inside.iter().filter_map(|entry| match entry {
        Entry::Item(draft) => Some(draft),
        Entry::Reference { .. } => None,
    })
}

/// How many of `hosts` may leave: what the file says, or a tenth of them and at least one; never the last one.
fn max_dropped(on_failure: OnFailure, said: Option<Share>, hosts: usize) -> usize {
    match on_failure {
        OnFailure::Drop => {
            let most = said.map_or((hosts / DROPPED_OF).max(1), |share| share.of(hosts));
            most.min(hosts.saturating_sub(1))
        }
        OnFailure::Stop | OnFailure::Continue | OnFailure::Rollback => 0,
    }
}
