//! The index of a journal on disk, beside it: so that a long push opens at once, today and after a restart. It is a cache:
//! it may be deleted at any time, and it is never believed unless it is whole, of this version, and of this very journal.
//! Called by the handlers.
//!
//! A line that names format and version; the journal's length, and the SHA-256 of its last 4 KiB, which hold the
//! hash of all before it (`push_ended`); the index, numbers in groups of seven bits; the SHA-256 of all that.

use super::index::{End, Index, Run, STRIDE, Span, Voice};
use crate::journal::JournalFile;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What such a file begins with. The number is to be counted up whenever the same journal would give another index.
const FORMAT: &[u8] = b"pushbutton journal index 1\n";
/// Bytes at the journal's end that tell it from every other.
const TAIL: u64 = 4096;
/// Bytes of a SHA-256.
const HASH: usize = 32;
/// A bigger file is none of ours: a journal has at most 1,000,000 lines.
const MOST: u64 = 64 << 20;

/// Reads the index of a journal of that length; none unless it is one to be believed.
pub fn load(path: &Path, journal: &JournalFile, len: u64) -> Option<Index> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    if file.metadata().ok()?.len() > MOST {
        return None;
    }
    file.take(MOST).read_to_end(&mut bytes).ok()?;
    let (written, hash) = bytes.split_at_checked(bytes.len().checked_sub(HASH)?)?;
    let body = written.strip_prefix(&*heading(journal, len).ok()?)?;
    if hash != &Sha256::digest(written)[..] {
        return None;
    }
    Unpacking(body).index().filter(fits)
}

/// Writes the index of a journal of that length, whole or not at all.
///
/// # Errors
/// What the system said.
pub fn store(path: &Path, journal: &JournalFile, len: u64, index: &Index) -> io::Result<()> {
    let mut bytes = heading(journal, len)?;
    Packing(&mut bytes).index(index)?;
    bytes.extend_from_slice(&Sha256::digest(&bytes));
    let new = path.with_extension("index.new");
    // Not synced: what a crash leaves half written is seen by its hash.
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    let stored = io::Write::write_all(&mut file, &bytes).and_then(|()| fs::rename(&new, path));
    if stored.is_err() {
        // On a full disk the space is for the pushes.
        fs::remove_file(&new).ok();
    }
    stored
}

/// What the file of this journal's index begins with.
fn heading(journal: &JournalFile, len: u64) -> io::Result<Vec<u8>> {
    let begin = len.saturating_sub(TAIL);
    let mut tail = vec![0; usize::try_from(len - begin).unwrap_or_default()];
    journal.read_exact_at(&mut tail, begin)?;
    Ok([FORMAT, &len.to_le_bytes(), &Sha256::digest(&tail)].concat())
}

/// Whether its parts fit each other, so that nobody who asks it runs into nothing.
fn fits(index: &Index) -> bool {
    let host = |place: u32| (place as usize) < index.hosts.len();
    index.offsets.len() as u64 == index.lines.div_ceil(STRIDE)
        && index.runs.first().is_none_or(|run| run.first == 1)
        && index.runs.iter().all(|run| host(run.host) && run.first <= index.lines)
        && index.voices.iter().all(|voice| host(voice.host))
}

struct Packing<'a>(&'a mut Vec<u8>);

impl Packing<'_> {
    fn index(&mut self, index: &Index) -> io::Result<()> {
        self.number(index.lines);
        self.count(&index.records);
        for record in &index.records {
            self.bytes(&serde_json::to_vec(record)?);
        }
        self.count(&index.errors);
        let mut last = 0;
        for span in &index.errors {
            self.number(span.first - last);
            self.number(span.last - span.first);
            last = span.last;
        }
        self.count(&index.offsets);
        let mut last = 0;
        for offset in &index.offsets {
            self.number(offset - last);
            last = *offset;
        }
        self.count(&index.hosts);
        for host in &index.hosts {
            // No host is called by no name.
            self.bytes(host.as_deref().unwrap_or_default().as_bytes());
        }
        self.count(&index.runs);
        let mut last = 0;
        for run in &index.runs {
            self.number(run.first - last);
            self.number(run.command.into());
            self.number(run.host.into());
            last = run.first;
        }
        self.count(&index.voices);
        for voice in &index.voices {
            self.number(voice.command.into());
            self.number(voice.host.into());
            self.number(voice.first.unwrap_or_default());
            self.number(voice.lines);
            self.0.extend_from_slice(&voice.said);
            self.number(ENDS.iter().position(|end| *end == voice.end).unwrap_or_default() as u64);
        }
        Ok(())
    }

    fn number(&mut self, mut number: u64) {
        while number > 0x7f {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn count<T>(&mut self, list: &[T]) {
        self.number(list.len() as u64);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes);
        self.0.extend_from_slice(bytes);
    }
}

/// Ends by their numbers on disk.
const ENDS: [End; 5] = [End::Failed, End::Unknown, End::Cancelled, End::Skipped, End::Ok];

/// What is still to be read.
struct Unpacking<'a>(&'a [u8]);

impl<'a> Unpacking<'a> {
    fn index(mut self) -> Option<Index> {
        let mut index = Index { lines: self.number()?, ..Index::default() };
        index.records = self.list(|from| serde_json::from_slice(from.bytes()?).ok())?;
        let mut last = 0_u64;
        index.errors = self.list(|from| {
            let first = last.checked_add(from.number()?)?;
            last = first.checked_add(from.number()?)?;
            Some(Span { first, last })
        })?;
        let mut last = 0_u64;
        index.offsets = self.list(|from| {
            last = last.checked_add(from.number()?)?;
            Some(last)
        })?;
        index.hosts = self.list(|from| {
            let name = std::str::from_utf8(from.bytes()?).ok()?;
            Some((!name.is_empty()).then(|| name.to_owned()))
        })?;
        let mut last = 0_u64;
        index.runs = self.list(|from| {
            last = last.checked_add(from.number()?)?;
            Some(Run { first: last, command: from.small()?, host: from.small()? })
        })?;
        index.voices = self.list(Self::voice)?;
        self.0.is_empty().then_some(index)
    }

    fn voice(&mut self) -> Option<Voice> {
        let (command, host) = (self.small()?, self.small()?);
        let first = Some(self.number()?).filter(|first| *first > 0);
        let lines = self.number()?;
        let said = *self.0.first_chunk()?;
        self.0 = &self.0[said.len()..];
        let end = *ENDS.get(usize::try_from(self.number()?).ok()?)?;
        Some(Voice { command, host, first, lines, said, end })
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..63).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn small(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = usize::try_from(self.number()?).ok()?;
        // Each takes a byte at least: no number makes us take more memory than the file is long, many times over.
        let mut list = Vec::with_capacity(count.min(self.0.len()));
        for _ in 0..count {
            list.push(one(self)?);
        }
        Some(list)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests;
