//! The state of a push, folded from its events by one pure function; an illegal step is an error.
//! It must never read anything, not even the clock.

use super::{Connecting, Ended, Event, HostResult, Record};
use crate::plan::{Proof, Sign, Standing};
use std::collections::{BTreeMap, BTreeSet};

/// A step that no push can take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {n}: {what}")]
pub struct Illegal {
    /// The record.
    pub n: u64,
    /// What is wrong with it.
    pub what: String,
}

/// What is known of a push after some of its records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The hosts of the frozen list, by name.
    pub hosts: Vec<String>,
    /// How many commands the plan has.
    pub command_count: u32,
    /// The commands that began: how each ended, and on which hosts (`None` is the push host).
    pub commands: BTreeMap<u32, CommandState>,
    /// How many lines of output there were.
    pub lines: u64,
    /// The hosts that have left.
    pub dropped: BTreeSet<String>,
    /// Whether it went back to what was live before.
    pub rolled_back: bool,
    /// The command and the number of the question that waits for its answer.
    pub question: Option<(u32, u32)>,
    /// The number of the last question.
    asked: u32,
    /// The hosts on which a command left processes that would not end.
    unruly: BTreeSet<String>,
    /// Whether the build was made.
    made: bool,
    /// How far the connections to its hosts are; none in journals of older runners.
    pub connecting: Option<Connecting>,
    /// How it ended.
    pub ended: Option<Ended>,
    started: bool,
    /// The commands that run only when something goes wrong.
    conditional: BTreeSet<u32>,
    /// The commands that say whether a host holds the build.
    proof: Proof,
}

/// What is known of one command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandState {
    /// How it ended; none while it runs.
    pub result: Option<HostResult>,
    /// Where it began (`None` is the push host), and what became of it there.
    pub hosts: BTreeMap<Option<String>, HostState>,
    /// On how many hosts it was to work.
    wanted: u32,
}

/// What became of a command on a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostState {
    /// How it ended there; none while it runs.
    pub ended: Option<HostResult>,
    /// Whether the host has left the push for it.
    pub dropped: bool,
}

impl HostState {
    /// The one answer to how a command ended on a host, for pages, ledger and logs; none while it runs. That a host has left
    /// says nothing of what runs there: what nobody knows stays unknown.
    pub fn result(self) -> Option<HostResult> {
        match self.ended {
            Some(result) if self.dropped && result != HostResult::Unknown => Some(HostResult::Dropped),
            ended => ended,
        }
    }
}

impl State {
    /// Takes the next record.
    ///
    /// # Errors
    /// When no push can get there from here.
    pub fn apply(&mut self, record: &Record) -> Result<(), Illegal> {
        let illegal = |what: &str| Err(Illegal { n: record.n, what: what.to_owned() });
        if self.ended.is_some() {
            return illegal("the push has ended before");
        }
        let begins = matches!(record.event, Event::PushStarted { .. });
        // A push whose runner never began has an end as its only record.
        let never_began = matches!(record.event, Event::PushEnded { state: Ended::Interrupted, .. });
        if begins == self.started && !never_began {
            return illegal(if begins { "the push has started before" } else { "the push has not started" });
        }
        match &record.event {
            Event::PushStarted { hosts, commands, conditional: spare, flips, proof, .. } => {
                self.started = true;
                self.hosts.clone_from(hosts);
                self.command_count = u32::try_from(commands.len()).unwrap_or(u32::MAX);
                self.conditional = spare.iter().copied().collect();
                self.proof = match proof {
                    Some(proof) => Proof::clone(proof),
                    None => Proof { brought: flips.clone(), ..Proof::default() },
                };
            }
            Event::Connecting(_) | Event::Connected(_) => {
                if !self.commands.is_empty() || matches!(self.connecting, Some(Connecting::Done(_))) {
                    return illegal("the hosts are connected, or a command has begun before");
                }
                self.connecting = Connecting::of(&record.event);
            }
            Event::CommandStarted { command, hosts, .. } => {
                let again = self.conditional.contains(command);
                let begun = self.commands.get(command);
                // Only what takes hosts out may begin again, and only for more hosts.
                let in_order = begun.is_none_or(|state| again && state.result.is_some() && *hosts > state.wanted);
                if *command == 0 || *command > self.command_count || !in_order {
                    return illegal("the command is not in the plan, or has begun before");
                }
                let state = self.commands.entry(*command).or_default();
                (state.result, state.wanted) = (None, *hosts);
            }
            Event::HostStarted { command, host } => match self.running(*command) {
                Some(state) if !state.hosts.contains_key(host) => {
                    state.hosts.insert(host.clone(), HostState::default());
                }
                _ => return illegal("the command does not run, or has begun on this host before"),
            },
            Event::HostEnded { command, host, result, left, .. } => match self.running(*command) {
                // A host on which nothing ran ends without a beginning.
                Some(state) if state.hosts.get(host).is_none_or(|at| at.ended.is_none()) => {
                    state.hosts.insert(host.clone(), HostState { ended: Some(*result), dropped: false });
                    self.unruly.extend(host.clone().filter(|_| left.is_some()));
                }
                _ => return illegal("the command does not run, or has ended on this host before"),
            },
            Event::Asked { command, ask, .. } => {
                if self.question.is_some() || *ask <= self.asked || self.running(*command).is_none() {
                    return illegal("another question is open, it was asked before, or the command does not run");
                }
                (self.question, self.asked) = (Some((*command, *ask)), *ask);
            }
            Event::Answered { command, ask, .. } => {
                if self.question != Some((*command, *ask)) {
                    return illegal("this was not asked");
                }
                self.question = None;
            }
            Event::CommandEnded { command, .. } if self.question.is_some_and(|(asks, _)| asks == *command) => {
                return illegal("the command waits for an answer still");
            }
            Event::CommandEnded { command, result, .. } => match self.running(*command) {
                Some(state) if state.hosts.values().all(|at| at.ended.is_some()) => state.result = Some(*result),
                _ => return illegal("the command does not run, or runs on a host still"),
            },
            Event::HostDropped { command, host } => {
                let at = self.commands.get_mut(command).and_then(|state| state.hosts.get_mut(&Some(host.clone())));
                match at {
                    Some(at) if at.ended.is_some_and(|how| how != HostResult::Ok) && !self.dropped.contains(host) => {
                        at.dropped = true;
                        self.dropped.insert(host.clone());
                    }
                    _ => return illegal("the host has not failed the command, or has left before"),
                }
            }
            Event::UndoStarted { .. } if self.rolled_back => return illegal("the push goes back already"),
            Event::UndoStarted { .. } => self.rolled_back = true,
            Event::Line { .. } => self.lines += 1,
            Event::BuildMade { command, .. } if self.made || self.running(*command).is_none() => {
                return illegal("the build was made before, or the command does not run");
            }
            Event::BuildMade { .. } => self.made = true,
            Event::Measured { command, .. } if self.running(*command).is_none() => {
                return illegal("the command does not run");
            }
            Event::Measured { .. } | Event::Link { .. } | Event::Paused { .. } | Event::Resumed { .. } => {}
            Event::PushEnded { state, .. } => {
                self.question = None;
                self.ended = Some(*state);
                self.cut_off();
            }
        }
        Ok(())
    }

    /// What runs when the push ends is unknown from now on.
    fn cut_off(&mut self) {
        for command in self.commands.values_mut() {
            command.result = command.result.or(Some(HostResult::Unknown));
            for at in command.hosts.values_mut() {
                at.ended = at.ended.or(Some(HostResult::Unknown));
            }
        }
    }

    /// What became of a command on a host (`None` is the push host); as one that runs there where it has not begun.
    pub fn host(&self, command: u32, host: Option<&str>) -> HostState {
        let state = self.commands.get(&command).and_then(|state| state.hosts.get(&host.map(str::to_owned)));
        state.copied().unwrap_or_default()
    }

    fn running(&mut self, command: u32) -> Option<&mut CommandState> {
        self.commands.get_mut(&command).filter(|state| state.result.is_none())
    }

    /// The hosts on which something runs, or may run, by the records so far: nobody knows how it ends there.
    pub fn unknown_hosts(&self) -> Vec<String> {
        let open = |at: &HostState| at.ended.is_none_or(|how| how == HostResult::Unknown);
        let places = self.commands.values().flat_map(|state| &state.hosts).filter(|(_, at)| open(at));
        let names: BTreeSet<String> =
            places.filter_map(|(host, _)| host.clone()).chain(self.unruly.iter().cloned()).collect();
        names.into_iter().collect()
    }

    /// The end of a push that is cut off here. It follows whatever was recorded before, but an end.
    pub fn interrupted(&self, why: String, hosts_total: u32, duration_ms: u64) -> Event {
        Event::PushEnded {
            state: Ended::Interrupted,
            why: Some(why),
            who: None,
            hosts_ok: self.holding().min(hosts_total),
            hosts_total,
            unknown: self.unknown_hosts(),
            duration_ms,
            sha256: String::new(),
        }
    }

    /// How many hosts hold the build of the push, as far as is known.
    pub fn holding(&self) -> u32 {
        let holds = |host: &&String| self.proof.standing(host, |number| self.sign(number, host)) == Standing::Holds;
        u32::try_from(self.hosts.iter().filter(holds).count()).unwrap_or(u32::MAX)
    }

    /// What became of a command on a host, or on the push host where it works there alone.
    fn sign(&self, number: u32, host: &str) -> Sign {
        let Some(command) = self.commands.get(&number) else { return Sign::Nothing };
        let found = command.hosts.get(&Some(host.to_owned())).or_else(|| command.hosts.get(&None));
        found.map_or(Sign::Nothing, |at| at.ended.map_or(Sign::Unknown, HostResult::sign))
    }
}
