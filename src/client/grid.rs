//! The hosts of a push as a terminal shows them while it runs: a mark each, the step, how long it has taken and how long it may take. Pure.
//! It must never be wider than the terminal, let anything through that a terminal obeys, nor say more of a host than the journal does.

use super::terminal::{Colours, clean};
use crate::journal::{Event, HostResult, Record};
use crate::time::{At, duration_words};
use std::collections::BTreeMap;

/// Lines of hosts that are shown at most; more are counted.
const MOST_LINES: usize = 8;

/// How a host stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Waits,
    Runs,
    Ok,
    Bad,
    Unknown,
}

impl Mark {
    fn sign(self) -> char {
        match self {
            Self::Waits => '·',
            Self::Runs => '▸',
            Self::Ok => '✓',
            Self::Bad => '✗',
            Self::Unknown => '?',
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Waits => "waiting",
            Self::Runs => "running",
            Self::Ok => "ok",
            Self::Bad => "not ok",
            Self::Unknown => "unknown",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Waits => "2",
            Self::Runs => "36",
            Self::Ok => "32",
            Self::Bad => "31",
            Self::Unknown => "35",
        }
    }
}

/// What is known of a push that is followed.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    hosts: Vec<String>,
    marks: BTreeMap<String, Mark>,
    steps: usize,
    step: Option<(u32, String)>,
    started: Option<At>,
    waits: Option<&'static str>,
    typical_ms: Option<i64>,
    ended: bool,
}

impl Grid {
    /// Nothing yet; `typical_ms` is how long such pushes usually take.
    pub fn new(typical_ms: Option<i64>) -> Self {
        Self { typical_ms, ..Self::default() }
    }

    /// Takes the next record.
    pub fn take(&mut self, record: &Record) {
        match &record.event {
            Event::PushStarted { hosts, commands, .. } => {
                self.hosts.clone_from(hosts);
                self.marks = hosts.iter().map(|host| (host.clone(), Mark::Waits)).collect();
                (self.steps, self.started) = (commands.len(), Some(record.at));
            }
            Event::CommandStarted { command, title, hosts } => {
                self.step = Some((*command, title.clone()));
                // What works on the push host alone says nothing of the hosts.
                if *hosts > 0 {
                    self.marks.values_mut().filter(|mark| **mark == Mark::Ok).for_each(|mark| *mark = Mark::Waits);
                }
            }
            Event::HostStarted { host: Some(host), .. } => self.mark(host, Mark::Runs),
            Event::HostEnded { host: Some(host), result, .. } => match result {
                HostResult::Ok => self.mark(host, Mark::Ok),
                HostResult::Skipped => self.mark(host, Mark::Waits),
                HostResult::Unknown => self.mark(host, Mark::Unknown),
                HostResult::Failed
                | HostResult::TimedOut
                | HostResult::Unreachable
                | HostResult::Cancelled
                | HostResult::Dropped => self.mark(host, Mark::Bad),
            },
            Event::HostDropped { host, .. } => self.mark(host, Mark::Bad),
            Event::Asked { .. } => self.waits = Some("waits for an answer"),
            Event::Paused { .. } => self.waits = Some("paused"),
            Event::Answered { .. } | Event::Resumed { .. } => self.waits = None,
            Event::PushEnded { .. } => self.ended = true,
            Event::HostStarted { host: None, .. }
            | Event::HostEnded { host: None, .. }
            | Event::Connecting(_)
            | Event::Connected(_)
            | Event::Line { .. }
            | Event::BuildMade { .. }
            | Event::Link { .. }
            | Event::Measured { .. }
            | Event::CommandEnded { .. }
            | Event::UndoStarted { .. } => {}
        }
    }

    /// What went wrong on a host stays seen, whatever follows there.
    fn mark(&mut self, host: &str, mark: Mark) {
        if let Some(before) = self.marks.get_mut(host)
            && *before < Mark::Bad
        {
            *before = mark;
        }
    }

    /// The lines to be drawn now, none wider than the terminal; none before the push has begun, and after its end.
    pub fn lines(&self, now: At, rows: usize, columns: usize, colours: Colours) -> Vec<String> {
        if self.ended || self.started.is_none() {
            return Vec::new();
        }
        // The last column stays free: some terminals begin a new line when it is written to.
        let width = columns.saturating_sub(1);
        let mut lines = vec![cut(&clean(&self.head(now), Colours::LeftOut), width)];
        lines.extend(self.cells(rows, width, colours));
        lines.push(cut(&self.counts(), width));
        lines
    }

    fn head(&self, now: At) -> String {
        let step = match &self.step {
            Some((number, title)) => format!("step {number} of {}: {title}", self.steps),
            None => "connecting".to_owned(),
        };
        let took = now.millis_since(self.started.unwrap_or(now)).max(0);
        let left = match (self.waits, self.typical_ms) {
            (Some(waits), _) => format!(", {waits}"),
            (None, Some(usual)) if usual > took => format!(", about {} left", duration_words(usual - took)),
            (None, Some(usual)) => format!(", usually {}", duration_words(usual)),
            (None, None) => String::new(),
        };
        // What matters most stands first, where a narrow terminal cuts last.
        format!("── {}{left} · {step}", duration_words(took))
    }

    fn counts(&self) -> String {
        let all = [Mark::Ok, Mark::Runs, Mark::Waits, Mark::Bad, Mark::Unknown];
        let count = |mark: Mark| self.marks.values().filter(|its| **its == mark).count();
        let parts = all.into_iter().filter(|mark| count(*mark) > 0);
        let parts: Vec<String> = parts.map(|mark| format!("{} {} {}", mark.sign(), count(mark), mark.word())).collect();
        format!("   {}", parts.join("  "))
    }

    /// The hosts by name where they fit, else by their marks alone, in the order of the plan.
    fn cells(&self, rows: usize, width: usize, colours: Colours) -> Vec<String> {
        let most = MOST_LINES.min(rows / 3).max(1);
        let room = width.saturating_sub(3);
        let names: Vec<String> = self.hosts.iter().map(|host| clean(host, Colours::LeftOut)).collect();
        let longest = names.iter().map(|name| columns_of(name)).max().unwrap_or(0);
        let with_names = room / (longest + 4);
        let by_name = with_names > 0 && self.hosts.len().div_ceil(with_names) <= most;
        let each_line = if by_name { with_names } else { room.max(1) };
        let fitting = each_line * most;
        let hosts: Vec<_> = self.hosts.iter().zip(&names).collect();
        let mut lines: Vec<String> = hosts[..hosts.len().min(fitting)]
            .chunks(each_line)
            .map(|line| {
                let cells = line.iter().map(|(host, name)| {
                    let mark = self.marks.get(*host).copied().unwrap_or(Mark::Waits);
                    let sign = painted(mark, colours);
                    let pad = " ".repeat((longest + 2).saturating_sub(columns_of(name)));
                    if by_name { format!("{sign} {name}{pad}") } else { sign }
                });
                format!("   {}", cells.collect::<String>()).trim_end().to_owned()
            })
            .collect();
        if hosts.len() > fitting {
            lines.push(cut(&format!("   and {} more", hosts.len() - fitting), width));
        }
        lines
    }
}

fn painted(mark: Mark, colours: Colours) -> String {
    match colours {
        Colours::Shown => format!("\u{1b}[{}m{}\u{1b}[0m", mark.colour(), mark.sign()),
        Colours::LeftOut => mark.sign().to_string(),
    }
}

/// How many columns a text takes at most: what lies behind the alphabets of Europe and the Near East may take two.
fn columns_of(text: &str) -> usize {
    text.chars().map(wide).sum()
}

fn wide(c: char) -> usize {
    match c {
        '\u{0}'..='\u{10ff}' | '─'..='╿' | '✓' | '✗' | '▸' | '…' | '“' | '”' | '→' => 1,
        '\u{1100}'..='\u{10ffff}' => 2,
    }
}

/// As much of a text as fits.
fn cut(text: &str, width: usize) -> String {
    if columns_of(text) <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let fits = |c: &char| {
        let fits = wide(*c) <= left;
        left = left.saturating_sub(wide(*c));
        fits
    };
    text.chars().take_while(fits).chain(['…']).take(width).collect()
}

#[cfg(test)]
mod tests;
