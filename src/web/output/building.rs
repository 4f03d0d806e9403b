//! Making the index of a journal: one pass over its records. How a command ended on a host is read from the one fold ([`State`]). It
//! must never call a line an error that the page of a running
//! push would not (`static/live/fold.js` goes by the same rule), nor read more of a record than it needs: most of the time of a
//! first opening is spent here. Called by the index.

use super::index::{End, Index, Run, STRIDE, Span, Voice, join};
use super::read::{Light, records};
use super::same::{OwnName, blank};
use crate::journal::state::HostState;
use crate::journal::{Event, HostResult, JournalFile, Record, State, Stream};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};
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
    /// What the records say, but for the lines.
    state: State,
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
            });
            speaking.len() - 1
        })
    }

    /// Takes a record of how the push goes. One that may not follow, from an older writer, is passed over as everywhere.
    fn state(&mut self, record: Record) {
        if self.state.apply(&record).is_err() {
            return;
        }
        match &record.event {
            Event::HostStarted { command, host } => {
                let place = self.place(host.as_deref());
                self.voice(*command, place);
            }
            Event::HostEnded { command, host, .. } => {
                let place = self.place(host.as_deref());
                let at = self.voice(*command, place);
                self.ended(at, End::of(self.state.host(*command, host.as_deref())));
            }
            Event::HostDropped { .. } => {}
            Event::PushStarted { .. }
            | Event::Connecting(_)
            | Event::Connected(_)
            | Event::CommandStarted { .. }
            | Event::Line { .. }
            | Event::BuildMade { .. }
            | Event::Asked { .. }
            | Event::Answered { .. }
            | Event::Link { .. }
            | Event::Measured { .. }
            | Event::CommandEnded { .. }
            | Event::UndoStarted { .. }
            | Event::Paused { .. }
            | Event::Resumed { .. }
            | Event::PushEnded { .. } => self.index.records.push(record),
        }
    }

    fn ended(&mut self, at: usize, end: End) {
        let voice = &mut self.speaking[at];
        let (err, last) = (std::mem::take(&mut voice.err), voice.last.take());
        if matches!(end, End::Failed | End::Unknown) {
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
        let (state, hosts) = (&self.state, &self.index.hosts);
        let voices = self.speaking.into_iter().map(|voice| {
            let mut said = [0; 16];
            said.copy_from_slice(&voice.said.finalize()[..16]);
            let Speaking { command, host, first, lines, .. } = voice;
            let name = hosts[host as usize].clone();
            // Where only lines are, nothing has begun.
            let begun = state.commands.get(&command).and_then(|command| command.hosts.get(&name));
            Voice { command, host, first, lines, said, end: begun.map_or(End::Skipped, |at| End::of(*at)) }
        });
        self.index.voices = voices.collect();
        self.index
    }
}

impl End {
    /// Of what is known of a command on a host that it has begun on: what runs where a journal stops is unknown.
    fn of(at: HostState) -> Self {
        match at.result() {
            Some(HostResult::Ok) => Self::Ok,
            Some(HostResult::Failed | HostResult::TimedOut | HostResult::Unreachable) => Self::Failed,
            Some(HostResult::Cancelled) => Self::Cancelled,
            Some(HostResult::Skipped | HostResult::Dropped) => Self::Skipped,
            Some(HostResult::Unknown) | None => Self::Unknown,
        }
    }
}

impl Index {
    /// Reads a journal up to `end`, once.
    ///
    /// # Errors
    /// What the system said; `Interrupted` when it is not wanted any more.
    pub fn build(file: &JournalFile, end: u64, gone: &CancellationToken) -> io::Result<Self> {
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
