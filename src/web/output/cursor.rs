//! Reading a journal's bytes from any cursor on: whole records, exactly as they lie in it. A cursor is the offset
//! behind a record. It must never read past the end that the desk allows, nor keep a file open between two reads, so
//! that a viewer costs no descriptor. Called by the stream, the raw log and the page of a push, off the async threads.

use crate::journal::{JournalFile, Record};
use std::io;
use std::path::Path;

/// Whether `cursor` lies behind a whole record of the file, or at its start.
///
/// # Errors
/// What the system said, but for a missing file, which has no records.
pub fn ends_a_record(path: &Path, cursor: u64) -> io::Result<bool> {
    let Some(before) = cursor.checked_sub(1) else { return Ok(true) };
    let file = match JournalFile::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file?,
    };
    let mut byte = [0];
    Ok(file.read_at(&mut byte, before)? == 1 && byte[0] == b'\n')
}

/// Whole records from `cursor` on, line ends included: at most `most` bytes of them, but at least one record. `end` is
/// the offset behind the last record that may be read, and more than `cursor`.
///
/// # Errors
/// What the system said; `InvalidData` when no record ends before `end`.
pub fn read_records(path: &Path, cursor: u64, end: u64, most: usize) -> io::Result<Vec<u8>> {
    let file = JournalFile::open(path)?;
    let all = usize::try_from(end.saturating_sub(cursor)).map_err(io::Error::other)?;
    let mut want = most.min(all);
    loop {
        let mut bytes = vec![0; want];
        file.read_exact_at(&mut bytes, cursor)?;
        let mut ends = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1);
        // A record longer than `most` goes alone.
        let taken = if want <= most { ends.next_back() } else { ends.next() };
        match taken {
            Some(length) => {
                bytes.truncate(length);
                return Ok(bytes);
            }
            None if want == all => {
                let why = format!("no record ends between {cursor} and {end}");
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
            None => want = want.saturating_mul(2).min(all),
        }
    }
}

/// The records from the start on, before the first that `ends` them: all of them if none does, but of about `most` bytes only.
///
/// # Errors
/// What the system said, but for a missing file, which has no records.
pub fn first_records(path: &Path, end: u64, most: u64, ends: impl Fn(&Record) -> bool) -> io::Result<Vec<Record>> {
    const PIECE: usize = 16 * 1024;
    let (mut records, mut at) = (Vec::new(), 0);
    while at < end.min(most) {
        let bytes = match read_records(path, at, end, PIECE) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            bytes => bytes?,
        };
        at += bytes.len() as u64;
        for line in bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            let Ok(record) = serde_json::from_slice::<Record>(line) else { return Ok(records) };
            if ends(&record) {
                return Ok(records);
            }
            records.push(record);
        }
    }
    Ok(records)
}

/// The last records before `end`, in order: at most `lines` of them, and of about `bytes` bytes.
///
/// # Errors
/// What the system said, but for a missing file, which has no records.
pub fn last_records(path: &Path, end: u64, lines: usize, bytes: u64) -> io::Result<Vec<Record>> {
    let start = end.saturating_sub(bytes);
    let file = match JournalFile::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let mut text = vec![0; usize::try_from(end - start).map_err(io::Error::other)?];
    file.read_exact_at(&mut text, start)?;
    // The first line is cut off unless the read began at the file's start.
    let whole = if start == 0 { 0 } else { text.iter().position(|b| *b == b'\n').map_or(text.len(), |at| at + 1) };
    let mut records: Vec<Record> = text[whole..]
        .split(|b| *b == b'\n')
        .rev()
        .filter(|line| !line.is_empty())
        .map_while(|line| serde_json::from_slice(line).ok())
        .take(lines)
        .collect();
    records.reverse();
    Ok(records)
}
