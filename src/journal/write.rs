//! Writing a journal: whole records, one `O_APPEND` write a batch. The writer folds what it writes, and must never take a record
//! that may not follow ([`State::apply`]), never skip a number, and never call a record durable before `fdatasync` has said so. One
//! writer at a time: who holds `runner.lock`.

use super::read::CHUNK;
use super::{Cursor, Event, Illegal, JournalFile, PushDir, Reader, Record, State};
use crate::time::At;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;

/// The writer of one journal.
#[derive(Debug)]
pub struct Writer {
    file: File,
    cursor: Cursor,
    state: State,
    hash: Sha256,
    batch: Vec<u8>,
}

impl Writer {
    /// Makes the journal of a push that has none.
    ///
    /// # Errors
    /// What the system said; [`io::ErrorKind::AlreadyExists`] when there is one with records in it.
    pub fn create(push: &PushDir) -> io::Result<Self> {
        let file = open(push)?;
        match file.metadata()?.len() {
            0 => Ok(Self::at(file, Cursor::default(), State::default(), Sha256::new())),
            _ => Err(io::ErrorKind::AlreadyExists.into()),
        }
    }

    /// Takes up the journal of a dead writer: its torn tail, if any, moves to `journal.torn`. The caller holds the lock, and is
    /// given the first record that may not follow, if an older writer has left one: it stays where it is, and is passed over.
    ///
    /// # Errors
    /// What the system said.
    pub fn take_up(push: &PushDir) -> io::Result<(Self, Option<Illegal>)> {
        let file = open(push)?;
        let reader = Reader::open(&push.journal())?;
        let (mut cursor, mut state, mut hash) = (Cursor::default(), State::default(), Sha256::new());
        let bytes = JournalFile::open(&push.journal())?;
        let mut illegal = None;
        loop {
            let batch = reader.read_from(cursor, CHUNK)?;
            for read in &batch.records {
                let taken = state.apply(&read.record);
                illegal = illegal.or(taken.err());
            }
            let next = batch.cursor(cursor);
            hash_range(&bytes, cursor.offset, next.offset, &mut hash)?;
            cursor = next;
            if batch.torn || batch.records.is_empty() || state.ended.is_some() {
                break;
            }
        }
        cut_tail(push, &file, cursor.offset)?;
        Ok((Self::at(file, cursor, state, hash), illegal))
    }

    fn at(file: File, cursor: Cursor, state: State, hash: Sha256) -> Self {
        Self { file, cursor, state, hash, batch: Vec::new() }
    }

    /// What is known of the push by all records, those that are not yet flushed included.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Where the journal ends now, what is not yet flushed included.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// How many bytes wait to be flushed.
    pub fn unwritten(&self) -> usize {
        self.batch.len()
    }

    /// Numbers an event and adds it to the batch; nothing is on the disk before [`Writer::flush`]. A line gets its line
    /// number here, and `push_ended` the hash of all before it.
    ///
    /// # Errors
    /// When it may not follow; then nothing of it is kept.
    pub fn add(&mut self, at: At, mut event: Event) -> Result<(), Illegal> {
        if let Event::Line { line, .. } = &mut event {
            *line = self.state.lines + 1;
        }
        if let Event::PushEnded { sha256, .. } = &mut event {
            *sha256 = hex(&self.hash.clone().finalize());
        }
        let record = Record { n: self.cursor.n + 1, at, event };
        self.state.apply(&record)?;
        let start = self.batch.len();
        serde_json::to_writer(&mut self.batch, &record).expect("a record is JSON, and memory takes it");
        self.batch.push(b'\n');
        self.hash.update(&self.batch[start..]);
        self.cursor = Cursor { offset: self.cursor.offset + (self.batch.len() - start) as u64, n: record.n };
        Ok(())
    }

    /// Writes the batch. After an error, what was written is known, and the next call goes on behind it.
    ///
    /// # Errors
    /// What the system said, such as a full disk.
    pub fn flush(&mut self) -> io::Result<()> {
        while !self.batch.is_empty() {
            match self.file.write(&self.batch) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => drop(self.batch.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// A second handle on the file, to sync from another thread.
    ///
    /// # Errors
    /// What the system said.
    pub fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Makes everything that was flushed durable. An error here is final: the disk can no longer be trusted.
    ///
    /// # Errors
    /// What the system said.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

fn open(push: &PushDir) -> io::Result<File> {
    // What was compressed has its end: a second journal beside it would hide it.
    if !push.journal().exists() && push.compressed().exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(push.journal())
}

/// Hashes a part of a journal, piece by piece.
///
/// # Errors
/// What the system said.
pub fn hash_range(file: &JournalFile, from: u64, to: u64, hash: &mut Sha256) -> io::Result<()> {
    let mut bytes = vec![0; CHUNK];
    let mut offset = from;
    while offset < to {
        let want = usize::try_from(to - offset).map_or(CHUNK, |left| left.min(CHUNK));
        file.read_exact_at(&mut bytes[..want], offset)?;
        hash.update(&bytes[..want]);
        offset += want as u64;
    }
    Ok(())
}

fn cut_tail(push: &PushDir, file: &File, end: u64) -> io::Result<()> {
    if file.metadata()?.len() > end {
        let mut torn = OpenOptions::new().append(true).create(true).mode(0o600).open(push.torn())?;
        let mut tail = File::open(push.journal())?;
        tail.seek(SeekFrom::Start(end))?;
        io::copy(&mut tail, &mut torn)?;
        torn.sync_all()?;
        file.set_len(end)?;
        file.sync_all()?;
    }
    Ok(())
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
