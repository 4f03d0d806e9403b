//! Compressing a journal that nothing will be added to. It must never take the journal as it was written away before its compressed form
//! is durable and was seen to give the very same bytes: whoever is killed anywhere in between leaves a journal that is whole. Called by
//! the desk, which knows which pushes are over.

use super::PushDir;
use super::compressed::{self, Compressed};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// A journal of so few bytes takes one block of a disk, compressed or not.
const BLOCK: u64 = 4096;

/// Whether a journal of so many bytes takes less of a disk once it is compressed.
pub fn is_worth_it(bytes: u64) -> bool {
    bytes > BLOCK
}

/// What became of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// It is compressed now.
    Done {
        /// Its bytes.
        from: u64,
        /// Those that it takes now.
        to: u64,
    },
    /// It was compressed already, or has so few bytes that nothing would be gained, or so many that one file does not take them, or
    /// there is none.
    Nothing,
}

/// Compresses the journal of a push that has ended; `each` is called after each piece of work, and may break it off with an error. The
/// caller holds the lock of the runner.
///
/// # Errors
/// What the system said, or `each`; then the journal is there as it was. [`ErrorKind::InvalidData`] when what was written did not read back.
pub fn compress(push: &PushDir, mut each: impl FnMut() -> io::Result<()>) -> io::Result<Compression> {
    let (written, compressed) = (push.journal(), push.compressed());
    let draft = compressed.with_extension("gz.new");
    let journal = match File::open(&written) {
        // A draft beside it is of nobody.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Compression::Nothing),
        file => file?,
    };
    let from = journal.metadata()?.len();
    // Whoever was killed between the last two steps left both.
    let there = Compressed::open(&compressed).and_then(|file| same(&journal, &file, &mut each));
    if !there.unwrap_or(false) {
        if !is_worth_it(from) {
            return Ok(Compression::Nothing);
        }
        match write(&journal, &draft, &mut each) {
            Ok(()) => {}
            Err(error) => {
                // On a full disk the space is for the pushes.
                let _ = fs::remove_file(&draft);
                return if error.kind() == ErrorKind::FileTooLarge { Ok(Compression::Nothing) } else { Err(error) };
            }
        }
        fs::rename(&draft, &compressed)?;
    }
    sync_dir(push.dir())?;
    let to = fs::metadata(&compressed)?.len();
    fs::remove_file(&written)?;
    sync_dir(push.dir())?;
    Ok(Compression::Done { from, to })
}

/// Writes the draft, makes it durable, and looks that it gives the very same bytes.
fn write(journal: &File, draft: &Path, each: &mut impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft)?;
    let mut out = BufWriter::new(file);
    compressed::write(journal, &mut out, &mut *each)?;
    out.flush()?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    // As old as the journal: what lists the directory sees when the push was.
    file.set_modified(journal.metadata()?.modified()?)?;
    file.sync_all()?;
    match same(journal, &Compressed::open(draft)?, each)? {
        true => Ok(()),
        false => Err(io::Error::new(ErrorKind::InvalidData, "what was written does not read back as the journal")),
    }
}

/// Whether the compressed form gives the bytes of the journal, all of them.
fn same(journal: &File, compressed: &Compressed, each: &mut impl FnMut() -> io::Result<()>) -> io::Result<bool> {
    if journal.metadata()?.len() != compressed.length() {
        return Ok(false);
    }
    let mut begin = 0;
    for at in 0..compressed.pieces() {
        let piece = compressed.piece(at)?;
        let mut bytes = vec![0; piece.len()];
        journal.read_exact_at(&mut bytes, begin)?;
        if bytes != *piece {
            return Ok(false);
        }
        begin += piece.len() as u64;
        each()?;
    }
    Ok(true)
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests;
