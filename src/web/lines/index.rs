//! What the journal of a push that has ended holds, without its text: where each line lies, which host and command said
//! it, which lines are errors, how the steps went. Built by one pass over the file. It must never hold a line's text, nor
//! call a line an error that the page of a running push would not (`static/fold.js` goes by the same rule).

use super::read::{Light, lines_of};
use crate::journal::{Event, HostResult, Record, Stream};
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;

/// A place in the file is kept for each so many lines: reading any line reads at most so many before it.
pub const STRIDE: u64 = 64;
/// Lines kept as possible errors of one command on one host; as many as the page of a running push keeps.
const SUSPECTS: usize = 200;
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
struct Run {
    first: u64,
    command: u32,
    /// Place in the list of hosts.
    host: u32,
}

/// The index of one journal.
#[derive(Debug, Default)]
pub struct Index {
    /// How many lines there are; they are numbered from 1.
    pub lines: u64,
    /// What is not a line and not about a single host, in order: how the push and its steps went.
    pub records: Vec<Record>,
    /// The lines that are errors, in order, never touching each other.
    pub errors: Vec<Span>,
    /// Where the records of the lines 1, 1 + [`STRIDE`], … begin.
    offsets: Vec<u64>,
    runs: Vec<Run>,
    /// Names; the push host has none.
    hosts: Vec<Option<String>>,
}

/// Which lines are asked for; nothing set asks for all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Any of these hosts; `-` is the push host.
    pub hosts: Vec<String>,
    /// Any of these commands, by their places in the plan.
    pub commands: Vec<u32>,
    /// Errors alone.
    pub errors: bool,
}

impl Index {
    /// Reads a journal up to `end`, once.
    ///
    /// # Errors
    /// What the system said.
    pub fn build(file: &File, end: u64) -> io::Result<Self> {
        let mut building = Building::default();
        lines_of(file, 0, end, |offset, line| building.take(offset, line))?;
        Ok(building.done())
    }

    /// About how many bytes it takes.
    pub fn weight(&self) -> usize {
        let records = self.records.len() * 512;
        size_of_val(&*self.offsets) + size_of_val(&*self.runs) + size_of_val(&*self.errors) + records
    }

    /// A line at or before this one, and where its record begins.
    pub fn near(&self, line: u64) -> (u64, u64) {
        let stride = line.saturating_sub(1) / STRIDE;
        let offset = usize::try_from(stride).ok().and_then(|at| self.offsets.get(at)).copied().unwrap_or_default();
        (stride * STRIDE + 1, offset)
    }

    /// The lines from `span.first` to `span.last` that are wanted, in order, never touching each other.
    pub fn passing(&self, wanted: &Wanted, span: Span) -> Vec<Span> {
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

impl Wanted {
    fn takes_host(&self, host: Option<&str>) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|wanted| wanted == host.unwrap_or("-"))
    }

    fn takes_command(&self, command: u32) -> bool {
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

/// What may turn out to be errors of one command on one host.
struct Suspect {
    /// Its newest lines on standard error.
    err: VecDeque<u64>,
    /// Its last line.
    last: u64,
}

#[derive(Default)]
struct Building {
    index: Index,
    places: HashMap<Option<String>, u32>,
    suspects: HashMap<(u32, u32), Suspect>,
    errors: Vec<u64>,
}

impl Building {
    fn take(&mut self, offset: u64, line: &[u8]) {
        match serde_json::from_slice::<Light<'_>>(line) {
            Ok(light) if light.is_line() => self.line(offset, &light),
            _ => {
                if let Ok(record) = serde_json::from_slice::<Record>(line) {
                    self.state(record);
                }
            }
        }
    }

    fn line(&mut self, offset: u64, light: &Light<'_>) {
        let index = &mut self.index;
        index.lines += 1;
        let number = index.lines;
        if (number - 1).is_multiple_of(STRIDE) {
            index.offsets.push(offset);
        }
        let host = self.place(light.host);
        let run = Run { first: number, command: light.command, host };
        if self.index.runs.last().is_none_or(|last| (last.command, last.host) != (run.command, run.host)) {
            self.index.runs.push(run);
        }
        let fresh = || Suspect { err: VecDeque::new(), last: number };
        let suspect = self.suspects.entry((light.command, host)).or_insert_with(fresh);
        suspect.last = number;
        if light.stream == Some(Stream::Err) {
            suspect.err.push_back(number);
            if suspect.err.len() > SUSPECTS {
                suspect.err.pop_front();
            }
        }
    }

    fn place(&mut self, host: Option<&str>) -> u32 {
        // The same host as in the line before, nearly always.
        if let Some(last) = self.index.runs.last()
            && self.index.hosts[last.host as usize].as_deref() == host
        {
            return last.host;
        }
        let hosts = &mut self.index.hosts;
        *self.places.entry(host.map(str::to_owned)).or_insert_with_key(|name| {
            hosts.push(name.clone());
            u32::try_from(hosts.len() - 1).unwrap_or(u32::MAX)
        })
    }

    fn state(&mut self, record: Record) {
        match &record.event {
            Event::HostEnded { command, host, result, .. } => {
                let place = self.place(host.as_deref());
                let suspect = self.suspects.remove(&(*command, place));
                if let (Some(suspect), true) = (suspect, is_bad(*result)) {
                    match suspect.err.is_empty() {
                        true => self.errors.push(suspect.last),
                        false => self.errors.extend(suspect.err),
                    }
                }
            }
            Event::HostStarted { .. } | Event::HostDropped { .. } => {}
            _ => self.index.records.push(record),
        }
    }

    fn done(mut self) -> Index {
        self.errors.sort_unstable();
        for line in self.errors {
            join(&mut self.index.errors, Span { first: line, last: line });
        }
        self.index
    }
}

/// Whether a command's end makes its standard error an error.
fn is_bad(result: HostResult) -> bool {
    matches!(result, HostResult::Failed | HostResult::TimedOut | HostResult::Unreachable | HostResult::Unknown)
}
