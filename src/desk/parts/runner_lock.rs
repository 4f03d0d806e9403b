//! The lock of a push's runner: who holds it *is* the runner, or keeps one from beginning. It must never be held longer than a file of the push
//! is changed.

use crate::journal::PushDir;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;

/// Takes the runner's lock; none when the runner lives. As long as the file is kept, no runner can begin.
///
/// # Errors
/// What the system said.
pub(crate) fn take_lock(dir: &PushDir) -> io::Result<Option<File>> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(dir.lock())?;
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
    fn a_lock_that_is_held_is_not_taken() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PushDir::at(temp.path());
        let held = take_lock(&dir).unwrap().unwrap();
        assert!(take_lock(&dir).unwrap().is_none());
        drop(held);
        assert!(take_lock(&dir).unwrap().is_some());
    }
}
