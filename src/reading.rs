//! Files read as a whole, each with a limit: whoever wrote one, and however long it has become, it never fills the memory. The one door;
//! a test looks for others (`tests/reads.rs`), and `ARCHITECTURE.md` lists what is read from where. It must never cut what it reads: what is
//! longer is an error that says so.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Notes of a line or two: ours, the kernel's.
pub const NOTE: u64 = 64 << 10;
/// What people write by hand: stack files, the server's file.
pub const BY_HAND: u64 = 1 << 20;
/// Lists that grow with what is pushed: commits, `known_hosts`.
pub const LIST: u64 = 16 << 20;
/// The plan of a push: its commands for thousands of hosts.
pub const PLAN: u64 = 64 << 20;
/// The manifest of a build: a million files with long names.
pub const MANIFEST: u64 = 512 << 20;

/// A file as text.
///
/// # Errors
/// When it cannot be read, is longer than `most` bytes, or is not UTF-8.
pub fn text(path: impl AsRef<Path>, most: u64) -> io::Result<String> {
    let bytes = bytes(path, most)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// A file's bytes.
///
/// # Errors
/// When it cannot be read, or is longer than `most` bytes.
pub fn bytes(path: impl AsRef<Path>, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {} KiB", most >> 10))),
        false => Ok(bytes),
    }
}

/// A file as text, read beside the tasks of this thread.
///
/// # Errors
/// As [`text`].
pub async fn text_beside(path: &Path, most: u64) -> io::Result<String> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || text(path, most)).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_longer_than_it_may_be_is_refused_and_not_cut() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("note");
        std::fs::write(&path, "x".repeat(4096)).unwrap();
        assert_eq!(text(&path, 4096).unwrap().len(), 4096);
        let error = text(&path, 4095).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (io::ErrorKind::FileTooLarge, "it is longer than 3 KiB")
        );
        // Without an end, as a device is.
        assert_eq!(bytes("/dev/zero", NOTE).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        std::fs::write(&path, [0xff]).unwrap();
        assert_eq!(text(&path, NOTE).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(text(dir.path().join("none"), NOTE).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
