//! What the journal of a push that has ended holds, without its text: where each line lies, which host and command said
//! it, which lines are errors, which hosts said the same, how the steps went. It must never hold a line's text. Made by
//! `building`, kept on disk by `kept`, asked by everything else here.

use crate::journal::Record;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashMap;

/// A place in the file is kept for each so many lines: reading any line reads at most so many before it.
pub const STRIDE: u64 = 64;
/// With more changes of step than this, short ones next to each other become one.
const MOST_STEPS: usize = 2_000;
/// What a short one is: less than a block of the page.
const SHORT: u64 = 256;

/// Lines `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first line's number.
    pub first: u64,
    /// The last line's number.
    pub last: u64,
}

/// Neighbouring lines of one command and one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first line's number.
    pub first: u64,
    /// Which command.
    pub command: u32,
    /// Place in the list of hosts.
    pub host: u32,
}

/// What one host said to one command, as far as it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voice {
    /// Which command.
    pub command: u32,
    /// Place in the list of hosts.
    pub host: u32,
    /// Its first line; none when it said nothing.
    pub first: Option<u64>,
    /// How many lines.
    pub lines: u64,
    /// Of all it said, by the rule of `same`: two that are equal said the same.
    pub said: [u8; 16],
    /// How the command ended there.
    pub end: End,
}

/// How a command ended on a host, as far as hosts are told apart by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It failed, ran out of time, or the host was not reached.
    Failed,
    /// Nobody knows.
    Unknown,
    /// Someone cancelled it.
    Cancelled,
    /// It never began, or the host was dropped.
    Skipped,
    /// It ended well.
    Ok,
}

/// The index of one journal.
#[derive(Debug, Default, PartialEq)]
pub struct Index {
    /// How many lines there are; they are numbered from 1.
    pub lines: u64,
    /// What is not a line and not about a single host, in order: how the push and its steps went.
    pub records: Vec<Record>,
    /// The lines that are errors, in order, never touching each other.
    pub errors: Vec<Span>,
    /// Where the records of the lines 1, 1 + [`STRIDE`], … begin.
    pub(super) offsets: Vec<u64>,
    pub(super) runs: Vec<Run>,
    /// Names; the push host has none.
    pub(super) hosts: Vec<Option<String>>,
    /// In the order in which their commands began there.
    pub(super) voices: Vec<Voice>,
}

/// Which lines are asked for; nothing set asks for all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineFilter {
    /// Any of these hosts; `-` is the push host.
    pub hosts: Vec<String>,
    /// Any of these commands, by their places in the plan.
    pub commands: Vec<u32>,
    /// Errors alone.
    pub errors: bool,
}

impl Index {
    /// About how many bytes it takes.
    pub fn weight(&self) -> usize {
        let records = self.records.len() * 512;
        let voices = size_of_val(&*self.voices);
        size_of_val(&*self.offsets) + size_of_val(&*self.runs) + size_of_val(&*self.errors) + voices + records
    }

    /// A line at or before this one, and where its record begins.
    pub fn near(&self, line: u64) -> (u64, u64) {
        let stride = line.saturating_sub(1) / STRIDE;
        let offset = usize::try_from(stride).ok().and_then(|at| self.offsets.get(at)).copied().unwrap_or_default();
        (stride * STRIDE + 1, offset)
    }

    /// The lines from `span.first` to `span.last` that are wanted, in order, never touching each other.
    pub fn passing(&self, wanted: &LineFilter, span: Span) -> Vec<Span> {
        let span = Span { first: span.first.max(1), last: span.last.min(self.lines) };
        let hosts: Vec<bool> = self.hosts.iter().map(|host| wanted.takes_host(host.as_deref())).collect();
        let takes = |run: &Run| hosts[run.host as usize] && wanted.takes_command(run.command);
        let mut passing = Vec::new();
        let begin = self.runs.partition_point(|run| run.first <= span.first).saturating_sub(1);
        for (at, run) in self.runs.iter().enumerate().skip(begin).take_while(|(_, run)| run.first <= span.last) {
            let last = self.runs.get(at + 1).map_or(self.lines, |next| next.first - 1);
            if takes(run) {
                join(&mut passing, Span { first: run.first.max(span.first), last: last.min(span.last) });
            }
        }
        passing.retain(|part| part.first <= part.last);
        if wanted.errors { both(&passing, &self.errors) } else { passing }
    }

    /// The name of a host; none for the push host.
    pub fn host(&self, place: u32) -> Option<&str> {
        self.hosts[place as usize].as_deref()
    }

    /// How many errors each host said to each command, by command and the host's place.
    pub fn errors_of(&self) -> HashMap<(u32, u32), u64> {
        let mut counts = HashMap::new();
        for span in &self.errors {
            let begin = self.runs.partition_point(|run| run.first <= span.first).saturating_sub(1);
            for (at, run) in self.runs.iter().enumerate().skip(begin).take_while(|(_, run)| run.first <= span.last) {
                let last = self.runs.get(at + 1).map_or(self.lines, |next| next.first - 1);
                *counts.entry((run.command, run.host)).or_default() +=
                    last.min(span.last) + 1 - run.first.max(span.first);
            }
        }
        counts
    }

    /// Whether a line is an error.
    pub fn is_error(&self, line: u64) -> bool {
        let at = self.errors.partition_point(|span| span.last < line);
        self.errors.get(at).is_some_and(|span| span.first <= line)
    }

    /// Where the lines of each step begin: the first line and the command. Where many hosts are at different steps at
    /// once the command is 0: several, side by side.
    pub fn steps(&self) -> Vec<(u64, u32)> {
        let mut steps: Vec<(u64, u32)> = Vec::new();
        for run in &self.runs {
            if steps.last().is_none_or(|(_, command)| *command != run.command) {
                steps.push((run.first, run.command));
            }
        }
        if steps.len() <= MOST_STEPS {
            return steps;
        }
        let length = |at: usize| steps.get(at + 1).map_or(self.lines + 1, |next| next.0) - steps[at].0;
        let short = |at: usize| at < steps.len() && length(at) < SHORT;
        let mut coarse = Vec::new();
        let mut at = 0;
        while at < steps.len() {
            let mut behind = at + 1;
            while short(at) && short(behind) {
                behind += 1;
            }
            coarse.push(if behind == at + 1 { steps[at] } else { (steps[at].0, 0) });
            at = behind;
        }
        coarse
    }
}

impl LineFilter {
    /// Whether a host is asked for; none is the push host.
    pub fn takes_host(&self, host: Option<&str>) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|wanted| wanted == host.unwrap_or("-"))
    }

    /// Whether a command is asked for.
    pub fn takes_command(&self, command: u32) -> bool {
        self.commands.is_empty() || self.commands.contains(&command)
    }
}

/// Puts a span behind the others, which end before it.
pub fn join(spans: &mut Vec<Span>, next: Span) {
    match spans.last_mut() {
        Some(last) if last.last + 1 >= next.first => last.last = last.last.max(next.last),
        _ => spans.push(next),
    }
}

/// What is in both lists.
fn both(one: &[Span], other: &[Span]) -> Vec<Span> {
    let (mut a, mut b, mut both) = (0, 0, Vec::new());
    while let (Some(left), Some(right)) = (one.get(a), other.get(b)) {
        let common = Span { first: left.first.max(right.first), last: left.last.min(right.last) };
        if common.first <= common.last {
            both.push(common);
        }
        if left.last < right.last { a += 1 } else { b += 1 }
    }
    both
}
