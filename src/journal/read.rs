//! Reading a journal from any record on. It must never hand out a record that is not whole, parsable and next in order.

use super::{JournalFile, LONGEST_RECORD, Record, State};
use std::io;
use std::path::Path;

/// How much of a journal is read at once for what all of it says.
pub(super) const CHUNK: usize = 1 << 20;

/// A place between two records: everything before it has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// The `n` of the record before, 0 at the start.
    pub n: u64,
}

/// A record and where it ends.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRecord {
    /// The record.
    pub record: Record,
    /// The offset behind it, which is its name for viewers.
    pub end: u64,
}

/// Some records in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The records.
    pub records: Vec<StoredRecord>,
    /// Whether the file goes on with something that is not a whole next record: a writer in the middle of a write, or a
    /// torn tail when the writer is dead.
    pub torn: bool,
}

impl Batch {
    /// The place behind the last record, or `from` when there was none.
    pub fn cursor(&self, from: Cursor) -> Cursor {
        self.records.last().map_or(from, |read| Cursor { offset: read.end, n: read.record.n })
    }
}

/// An open journal.
#[derive(Debug)]
pub struct Reader {
    file: JournalFile,
}

impl Reader {
    /// Opens a journal for reading.
    ///
    /// # Errors
    /// What the system said.
    pub fn open(path: &Path) -> io::Result<Self> {
        JournalFile::open(path).map(|file| Self { file })
    }

    /// How many bytes the journal has now.
    ///
    /// # Errors
    /// What the system said.
    pub fn end(&self) -> io::Result<u64> {
        self.file.end()
    }

    /// Makes everything that was read so far durable.
    ///
    /// # Errors
    /// What the system said.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    /// What the records before `to` say. One that may not follow, from an older writer, is passed over.
    ///
    /// # Errors
    /// What the system said; [`io::ErrorKind::UnexpectedEof`] when the journal is shorter, or damaged before `to`.
    pub fn state_at(&self, to: Cursor) -> io::Result<State> {
        let (mut at, mut state) = (Cursor::default(), State::default());
        while at.n < to.n {
            let batch = self.read_from(at, CHUNK)?;
            let known = batch.records.iter().take_while(|read| read.record.n <= to.n);
            for read in known {
                let _ = state.apply(&read.record);
                at = Cursor { offset: read.end, n: read.record.n };
            }
            if batch.records.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(state)
    }

    /// Reads whole records from `from` on: about `most` bytes of them, but at least one when there is one.
    ///
    /// # Errors
    /// What the system said.
    pub fn read_from(&self, from: Cursor, most: usize) -> io::Result<Batch> {
        // No more room than there are bytes, and one to see their end: a follower reads a little, a hundred times a second.
        let there = usize::try_from(self.end()?.saturating_sub(from.offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; most.min(there.saturating_add(1)).max(1)];
        let mut filled = 0;
        let mut at_end = false;
        loop {
            while filled < bytes.len() && !at_end {
                match self.file.read_at(&mut bytes[filled..], from.offset + filled as u64)? {
                    0 => at_end = true,
                    more => filled += more,
                }
            }
            let mut batch = parse(&bytes[..filled], from, at_end);
            // A record longer than `most`: read on until its end is in.
            if batch.records.is_empty() && !batch.torn && !at_end {
                if (bytes.len() as u64) < LONGEST_RECORD {
                    bytes.resize(bytes.len() * 2, 0);
                    continue;
                }
                // None of ours is as long: it is damage, and not to be held in memory.
                batch.torn = true;
            }
            return Ok(batch);
        }
    }
}

fn parse(bytes: &[u8], from: Cursor, at_end: bool) -> Batch {
    let mut batch = Batch::default();
    let (mut start, mut n) = (0, from.n);
    while let Some(length) = bytes[start..].iter().position(|b| *b == b'\n') {
        let line = &bytes[start..start + length];
        match serde_json::from_slice::<Record>(line) {
            Ok(record) if record.n == n + 1 => {
                n = record.n;
                start += length + 1;
                batch.records.push(StoredRecord { record, end: from.offset + start as u64 });
            }
            _ => {
                batch.torn = true;
                return batch;
            }
        }
    }
    batch.torn = at_end && start < bytes.len();
    batch
}
