//! One lock in the data directory: whoever copies what lies there holds it together with others, whoever takes an old file away holds it alone.
//! It must never keep a push waiting. Held by backups, of whatever process, and by what makes room.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

fn open(data: &Path) -> io::Result<File> {
    let path = data.join("copying.lock");
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Waits until nothing is taken away; nothing is as long as the file is kept. Blocking.
///
/// # Errors
/// What the system said.
pub(super) fn copying(data: &Path) -> io::Result<File> {
    let file = open(data)?;
    file.lock_shared()?;
    Ok(file)
}

/// The lock for taking something away, at once; none while someone copies.
///
/// # Errors
/// What the system said.
pub(super) fn taking_away(data: &Path) -> io::Result<Option<File>> {
    let file = open(data)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_away_while_anybody_copies() {
        let data = tempfile::tempdir().unwrap();
        let both = [copying(data.path()).unwrap(), copying(data.path()).unwrap()];
        assert!(taking_away(data.path()).unwrap().is_none());
        drop(both);
        let alone = taking_away(data.path()).unwrap();
        assert!(alone.is_some() && taking_away(data.path()).unwrap().is_none());
    }
}
