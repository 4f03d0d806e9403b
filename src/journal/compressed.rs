//! A journal that was compressed some time after its end: one gzip member for each piece of it, so that it opens anywhere as quickly as
//! at its start, and one without content whose header says where the members begin. `zcat` reads it as any other file of gzip. It must
//! never give a byte that was not in the journal: each member has its checksum, and what does not fit is an error.
//!
//! Gzip, and not zstd: what reads and writes it is in the tree already (flate2 over miniz_oxide, all Rust), it is on every machine as
//! `zcat`, and journals become a tenth either way.

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of the journal in one member; the last one may have fewer. A member is read as a whole, in less than a millisecond.
pub(super) const PIECE: usize = 128 << 10;
/// Members of one file: their sizes stand in one header, which has 16 bits for its length. That is a journal of 2 GiB.
const MOST_PIECES: u64 = 16_000;
/// A member of gzip with an extra field (RFC 1952), without a time, made on Unix.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3];
/// The index within the extra field: the journal's length and the size of a piece, then the size of each member.
const INDEX: [u8; 2] = *b"PB";
/// The last part of the extra field: how long the member is that holds the index.
const BEGIN: [u8; 4] = *b"PE\x04\x00";
/// No content: an empty block, its checksum, its length.
const EMPTY: [u8; 10] = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Bytes at the end of the file by which the index is found: the last part of the extra field, and what follows.
const END: usize = BEGIN.len() + 4 + EMPTY.len();

/// A compressed journal, open.
#[derive(Debug)]
pub(super) struct Compressed {
    file: File,
    /// How long the journal was.
    length: u64,
    /// Where each member begins, and behind them where the index does.
    begins: Vec<u64>,
    /// The piece that was read last: who reads a little at a time reads it again.
    last: Mutex<Option<(usize, Arc<Vec<u8>>)>>,
}

impl Compressed {
    /// Opens it.
    ///
    /// # Errors
    /// What the system said; [`io::ErrorKind::InvalidData`] when it is not one, or not whole.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let whole = file.metadata()?.len();
        let damaged = || damaged(&format!("{} has no index at its end", path.display()));
        let mut end = [0; END];
        file.read_exact_at(&mut end, whole.checked_sub(END as u64).ok_or_else(damaged)?)?;
        let (begin, empty) = end.split_at(BEGIN.len() + 4);
        let length = begin.strip_prefix(&BEGIN).and_then(number).ok_or_else(damaged)?;
        let index = whole.checked_sub(length).filter(|_| empty == EMPTY && length < 1 << 17).ok_or_else(damaged)?;
        let mut member = vec![0; usize::try_from(length).map_err(|_| damaged())?];
        file.read_exact_at(&mut member, index)?;
        let (length, begins) = read_index(&member, index).ok_or_else(damaged)?;
        Ok(Self { file, length, begins, last: Mutex::default() })
    }

    /// How long the journal was.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// How long the file is.
    pub fn stored(&self) -> io::Result<u64> {
        self.file.metadata().map(|meta| meta.len())
    }

    /// How many pieces it has.
    pub fn pieces(&self) -> usize {
        self.begins.len() - 1
    }

    /// Reads bytes of the journal from a place on, as `read_at` of a file does.
    pub fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        if offset >= self.length || bytes.is_empty() {
            return Ok(0);
        }
        let at = usize::try_from(offset / PIECE as u64).map_err(io::Error::other)?;
        let piece = self.piece(at)?;
        let from = usize::try_from(offset % PIECE as u64).map_err(io::Error::other)?;
        let taken = bytes.len().min(piece.len() - from);
        bytes[..taken].copy_from_slice(&piece[from..from + taken]);
        Ok(taken)
    }

    /// One piece of the journal.
    pub fn piece(&self, at: usize) -> io::Result<Arc<Vec<u8>>> {
        if let Some((last, piece)) = &*self.last.lock().unwrap_or_else(PoisonError::into_inner)
            && *last == at
        {
            return Ok(Arc::clone(piece));
        }
        let size = usize::try_from(self.begins[at + 1] - self.begins[at]).map_err(io::Error::other)?;
        let mut member = vec![0; size];
        self.file.read_exact_at(&mut member, self.begins[at])?;
        let want = (self.length - at as u64 * PIECE as u64).min(PIECE as u64);
        let mut piece = Vec::with_capacity(PIECE);
        // One more than there may be: the decoder looks at its checksum only where it comes to the end.
        GzDecoder::new(&member[..]).take(PIECE as u64 + 1).read_to_end(&mut piece)?;
        if piece.len() as u64 != want {
            return Err(damaged(&format!("piece {at} of a compressed journal has {} bytes, not {want}", piece.len())));
        }
        let piece = Arc::new(piece);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, Arc::clone(&piece)));
        Ok(piece)
    }

    /// The file, for what is the same of every file.
    pub fn file(&self) -> &File {
        &self.file
    }
}

/// Writes the compressed form of a journal, piece by piece; `each` is called after each of them, and may break it off with an error.
///
/// # Errors
/// What the system said; [`io::ErrorKind::FileTooLarge`] when the journal is longer than one index can say.
pub(super) fn write(from: &File, to: &mut impl Write, mut each: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let length = from.metadata()?.len();
    let pieces = length.div_ceil(PIECE as u64);
    if pieces > MOST_PIECES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut sizes = Vec::new();
    for at in 0..pieces {
        let begin = at * PIECE as u64;
        let mut piece = vec![0; usize::try_from((length - begin).min(PIECE as u64)).map_err(io::Error::other)?];
        from.read_exact_at(&mut piece, begin)?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&piece)?;
        let member = encoder.finish()?;
        sizes.extend_from_slice(&u32::try_from(member.len()).map_err(io::Error::other)?.to_le_bytes());
        to.write_all(&member)?;
        each()?;
    }
    to.write_all(&index_member(length, &sizes)?)
}

fn index_member(length: u64, sizes: &[u8]) -> io::Result<Vec<u8>> {
    let index = [&length.to_le_bytes()[..], &(PIECE as u32).to_le_bytes(), sizes].concat();
    let size = |bytes: usize| u16::try_from(bytes).map_err(io::Error::other);
    let extra = 4 + index.len() + BEGIN.len() + 4;
    let member = HEADER.len() + 2 + extra + EMPTY.len();
    let member = u32::try_from(member).map_err(io::Error::other)?.to_le_bytes();
    let parts: [&[u8]; 8] = [
        &HEADER,
        &size(extra)?.to_le_bytes(),
        &INDEX,
        &size(index.len())?.to_le_bytes(),
        &index,
        &BEGIN,
        &member,
        &EMPTY,
    ];
    Ok(parts.concat())
}

/// The journal's length, and where its members begin; none of what is no index of a file whose members end at `end`.
fn read_index(member: &[u8], end: u64) -> Option<(u64, Vec<u64>)> {
    let extra = member.strip_prefix(&HEADER)?.strip_suffix(&EMPTY)?;
    let (size, extra) = extra.split_first_chunk()?;
    let index = extra.strip_prefix(&INDEX).filter(|_| usize::from(u16::from_le_bytes(*size)) == extra.len())?;
    let (size, index) = index.split_first_chunk()?;
    let index = index.get(..usize::from(u16::from_le_bytes(*size)))?;
    let (length, index) = index.split_first_chunk()?;
    let (piece, sizes) = index.split_first_chunk()?;
    let length = u64::from_le_bytes(*length);
    let mut begins = vec![0_u64];
    for size in sizes.chunks(4) {
        begins.push(begins.last()? + number(size)?);
    }
    let fits = u32::from_le_bytes(*piece) as usize == PIECE
        && begins.len() as u64 == length.div_ceil(PIECE as u64) + 1
        && *begins.last()? == end;
    fits.then_some((length, begins))
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from(u32::from_le_bytes(bytes.try_into().ok()?)))
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a compressed journal is damaged: {what}"))
}

#[cfg(test)]
mod tests;
