//! Files of the data directory that are there, whole, also after a power cut. It must never write in place. Called by whoever keeps
//! something beside the ledger.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Writes a file that only the server may read, in the place of an earlier one: whole and durable, or not at all.
///
/// # Errors
/// What the system said.
pub(crate) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes a directory's entries durable.
///
/// # Errors
/// What the system said.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
