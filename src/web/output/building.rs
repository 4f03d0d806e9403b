//! Making the index of a journal: one pass over its records. It must never call a line an error that the page of a running
//! push would not (`static/live/fold.js` goes by the same rule), nor read more of a record than it needs: most of the time of a
//! first opening is spent here. Called by the index.

use super::index::{End, Index, Run, STRIDE, Span, Voice, join};
use super::read::{Light, records};
use super::same::{OwnName, blank};
use crate::journal::{Event, HostResult, Record, Stream};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use tokio_util::sync::CancellationToken;

/// Lines kept as possible errors of one command on one host; as many as the page of a running push keeps.
const SUSPECTS: usize = 200;
/// Stands between two lines of what is compared: no byte of any text.
const BETWEEN: [u8; 1] = [0xff];

/// An index that is being made.
#[derive(Default)]
pub struct Building {
    index: Index,
    /// Places of hosts, by name.
    places: HashMap<String, u32>,
    /// The place of the push host, once it is known.
    push_host: Option<u32>,
    /// What a host is called in its own output, by the host's place.
    own: Vec<Option<OwnName>>,
    /// Places of voices, by command and the host's place.
    voices: HashMap<(u32, u32), usize>,
    speaking: Vec<Speaking>,
    errors: Vec<u64>,
}

/// A voice that may still speak.
struct Speaking {
    command: u32,
    host: u32,
    first: Option<u64>,
    lines: u64,
    said: Sha256,
    /// What may turn out to be errors: its newest lines on standard error.
    err: VecDeque<u64>,
    /// Its last line since its command began; none when it has said nothing.
    last: Option<u64>,
    /// None when it has begun and not ended.
    end: Option<End>,
}

impl Building {
    /// Takes the record that begins at `offset`.
    pub fn take(&mut self, offset: u64, record: &[u8]) {
        match Light::of(record) {
            Some(light) if light.is_line() => self.line(offset, &light),
            _ => {
                if let Ok(record) = serde_json::from_slice::<Record>(record) {
                    self.state(record);
                }
            }
        }
    }

    fn line(&mut self, offset: u64, light: &Light<'_>) {
        self.index.lines += 1;
        let number = self.index.lines;
        if (number - 1).is_multiple_of(STRIDE) {
            self.index.offsets.push(offset);
        }
        let host = self.place(light.host);
        let run = Run { first: number, command: light.command, host };
        if self.index.runs.last().is_none_or(|last| (last.command, last.host) != (run.command, run.host)) {
            self.index.runs.push(run);
        }
        let at = self.voice(light.command, host);
        let (voice, own) = (&mut self.speaking[at], self.own[host as usize].as_ref());
        voice.said.update(blank(light.stream, &light.text, own).as_bytes());
        voice.said.update(BETWEEN);
        voice.lines += 1;
        voice.first = voice.first.or(Some(number));
        voice.last = Some(number);
        if light.stream == Some(Stream::Err) {
            voice.err.push_back(number);
            if voice.err.len() > SUSPECTS {
                voice.err.pop_front();
            }
        }
    }

    /// The place of a host in the list, which it has from now on.
    fn place(&mut self, host: Option<&str>) -> u32 {
        let known = match host {
            Some(name) => self.places.get(name).copied(),
            None => self.push_host,
        };
        if let Some(place) = known {
            return place;
        }
        let place = u32::try_from(self.index.hosts.len()).unwrap_or(u32::MAX);
        match host {
            Some(name) => drop(self.places.insert(name.to_owned(), place)),
            None => self.push_host = Some(place),
        }
        self.index.hosts.push(host.map(str::to_owned));
        self.own.push(host.map(OwnName::of));
        place
    }

    /// The place of a voice in the list, which it has from now on.
    fn voice(&mut self, command: u32, host: u32) -> usize {
        let speaking = &mut self.speaking;
        *self.voices.entry((command, host)).or_insert_with(|| {
            speaking.push(Speaking {
                command,
                host,
                first: None,
                lines: 0,
                said: Sha256::new(),
                err: VecDeque::new(),
                last: None,
                end: Some(End::Skipped),
            });
            speaking.len() - 1
        })
    }

    fn state(&mut self, record: Record) {
        match &record.event {
            Event::HostStarted { command, host } => {
                let place = self.place(host.as_deref());
                let at = self.voice(*command, place);
                self.speaking[at].end = None;
            }
            Event::HostEnded { command, host, result, .. } => {
                let place = self.place(host.as_deref());
                let at = self.voice(*command, place);
                self.ended(at, *result);
            }
            Event::HostDropped { command, host } => {
                let place = self.place(Some(host));
                if let Some(at) = self.voices.get(&(*command, place)) {
                    let end = &mut self.speaking[*at].end;
                    // What nobody knows stays unknown.
                    *end = end.filter(|end| *end == End::Unknown).or(Some(End::Skipped));
                }
            }
            Event::PushStarted { .. }
            | Event::Connecting(_)
            | Event::Connected(_)
            | Event::CommandStarted { .. }
            | Event::Line { .. }
            | Event::BuildMade { .. }
            | Event::Asked { .. }
            | Event::Answered { .. }
            | Event::Link { .. }
            | Event::CommandEnded { .. }
            | Event::UndoStarted { .. }
            | Event::Paused { .. }
            | Event::Resumed { .. }
            | Event::PushEnded { .. } => self.index.records.push(record),
        }
    }

    fn ended(&mut self, at: usize, result: HostResult) {
        let voice = &mut self.speaking[at];
        voice.end = Some(End::of(result));
        let (err, last) = (std::mem::take(&mut voice.err), voice.last.take());
        if matches!(End::of(result), End::Failed | End::Unknown) {
            match err.is_empty() {
                true => self.errors.extend(last),
                false => self.errors.extend(err),
            }
        }
    }

    /// The index of all that was taken.
    pub fn done(mut self) -> Index {
        self.errors.sort_unstable();
        for line in self.errors {
            join(&mut self.index.errors, Span { first: line, last: line });
        }
        let voices = self.speaking.into_iter().map(|voice| {
            let mut said = [0; 16];
            said.copy_from_slice(&voice.said.finalize()[..16]);
            let Speaking { command, host, first, lines, end, .. } = voice;
            Voice { command, host, first, lines, said, end: end.unwrap_or(End::Unknown) }
        });
        self.index.voices = voices.collect();
        self.index
    }
}

impl End {
    fn of(result: HostResult) -> Self {
        match result {
            HostResult::Ok => Self::Ok,
            HostResult::Failed | HostResult::TimedOut | HostResult::Unreachable => Self::Failed,
            HostResult::Cancelled => Self::Cancelled,
            HostResult::Skipped | HostResult::Dropped => Self::Skipped,
            HostResult::Unknown => Self::Unknown,
        }
    }
}

impl Index {
    /// Reads a journal up to `end`, once.
    ///
    /// # Errors
    /// What the system said; `Interrupted` when it is not wanted any more.
    pub fn build(file: &File, end: u64, gone: &CancellationToken) -> io::Result<Self> {
        let mut building = Building::default();
        records(file, 0, end, |offset, record| {
            building.take(offset, record);
            match gone.is_cancelled() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        match gone.is_cancelled() {
            true => Err(io::ErrorKind::Interrupted.into()),
            false => Ok(building.done()),
        }
    }
}

#[cfg(test)]
mod tests;
