//! The one way to read a journal: as its runner writes it, or compressed some time after its end. Both give the same bytes at the same
//! places, so that no reader knows which it was. It must never hold more than a piece of it. Called by the reader of records, and by
//! whoever reads bytes of a journal from any place on.

use super::compressed::Compressed;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// An open journal.
#[derive(Debug)]
pub struct JournalFile(Form);

#[derive(Debug)]
enum Form {
    Written(File),
    Compressed(Compressed),
}

/// Where the compressed form of a journal is.
pub(super) fn compressed_path(journal: &Path) -> PathBuf {
    journal.with_extension("jsonl.gz")
}

impl JournalFile {
    /// Opens the journal of this path, whichever form it has now.
    ///
    /// # Errors
    /// What the system said; [`io::ErrorKind::InvalidData`] when its compressed form is damaged.
    pub fn open(journal: &Path) -> io::Result<Self> {
        // In this order: the compressed form is there before the other goes.
        match File::open(journal) {
            Ok(file) => Ok(Self(Form::Written(file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match Compressed::open(&compressed_path(journal)) {
                    Ok(file) => Ok(Self(Form::Compressed(file))),
                    // The name that people know.
                    Err(missing) if missing.kind() == io::ErrorKind::NotFound => Err(error),
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// How long the journal of this path is; 0 where there is none.
    ///
    /// # Errors
    /// What the system said, and as [`JournalFile::open`].
    pub fn length_of(journal: &Path) -> io::Result<u64> {
        match Self::open(journal) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            file => file?.end(),
        }
    }

    /// How many bytes the journal has now.
    ///
    /// # Errors
    /// What the system said.
    pub fn end(&self) -> io::Result<u64> {
        match &self.0 {
            Form::Written(file) => file.metadata().map(|meta| meta.len()),
            Form::Compressed(file) => Ok(file.length()),
        }
    }

    /// How many bytes of the disk its compressed form takes; none where it is as it was written.
    ///
    /// # Errors
    /// What the system said.
    pub fn compressed_to(&self) -> io::Result<Option<u64>> {
        match &self.0 {
            Form::Written(_) => Ok(None),
            Form::Compressed(file) => file.stored().map(Some),
        }
    }

    /// Makes everything that was read so far durable.
    ///
    /// # Errors
    /// What the system said.
    pub fn sync(&self) -> io::Result<()> {
        match &self.0 {
            Form::Written(file) => file.sync_data(),
            Form::Compressed(file) => file.file().sync_data(),
        }
    }

    /// Reads some bytes from a place on; 0 at the end.
    ///
    /// # Errors
    /// What the system said.
    pub fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        match &self.0 {
            Form::Written(file) => file.read_at(bytes, offset),
            Form::Compressed(file) => file.read_at(bytes, offset),
        }
    }

    /// Fills all of `bytes` from a place on.
    ///
    /// # Errors
    /// What the system said; [`io::ErrorKind::UnexpectedEof`] when there are fewer.
    pub fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let mut filled = 0;
        while filled < bytes.len() {
            match self.read_at(&mut bytes[filled..], offset + filled as u64) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(more) => filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Its bytes one after the other, from a place on.
    pub fn bytes_from(&self, offset: u64) -> Bytes<'_> {
        Bytes { file: self, at: offset }
    }
}

impl From<File> for JournalFile {
    /// A journal as it was written.
    fn from(file: File) -> Self {
        Self(Form::Written(file))
    }
}

/// The bytes of a journal, one after the other.
#[derive(Debug)]
pub struct Bytes<'a> {
    file: &'a JournalFile,
    at: u64,
}

impl Read for Bytes<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(bytes, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Bytes<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.file.end()?.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
