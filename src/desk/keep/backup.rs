//! A copy of what cannot be had again: the ledger as it is at one moment, every push's plan and journal, and the builds
//! that stages run now. It must never hold up a server that runs, and never give a half-written copy its final name.
//!
//! The ledger is copied first: a journal may then be ahead of it, which the next start folds in, but never behind. A push
//! that runs meanwhile is *interrupted* after a restore. Numbers go on behind a gap, so that no host takes a new push for
//! one that it has seen before (the fences of TRUST section 4).

use super::copying::copying;
use crate::desk::parts::home;
use crate::journal::PushDir;
use crate::ledger::{self, Ledger, LedgerError, audit, integrity};
use crate::process::Program;
use crate::source::build::BuildDir;
use crate::stack::{PushNumber, Who};
use crate::supervise::blocking;
use crate::time::At;
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Pushes between a backup and the loss of the machine, at most.
const GAP: i64 = 1000;
/// Hundreds of gigabytes of journals and builds.
const COPY_LIMIT: Duration = Duration::from_secs(6 * 3600);
/// GNU tar's word for a file that grew while it was read: a journal of a push that runs.
const GREW: i32 = 1;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Pushes, each with plan and journal.
    pub pushes: usize,
    /// Builds that a stage runs.
    pub builds: usize,
    /// The file's size.
    pub bytes: u64,
}

/// Why there is no backup; nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The ledger cannot be copied.
    #[error("the ledger cannot be copied: {0}")]
    Ledger(#[from] LedgerError),
    /// `tar` did not do it.
    #[error("tar could not write the backup: {0}")]
    Tar(String),
}

/// Writes the backup to `file`, which must not exist. Readable by us alone: it holds everything that was ever said. The audit says
/// that `who` made it, in the ledger and in the copy.
///
/// # Errors
/// What went wrong; then the file is not there.
pub async fn backup(data: &Path, ledger: &Ledger, file: &Path, who: &Who) -> Result<Backup, BackupError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| BackupError::File { path, source }
    };
    let file = &std::path::absolute(file).map_err(at(file))?;
    if file.exists() {
        return Err(at(file)(io::ErrorKind::AlreadyExists.into()));
    }
    let dir = file.parent().unwrap_or(Path::new("/"));
    let (name, audit_text) = (who.to_string(), format!("to {}", file.display()));
    ledger.write(move |tx| audit::note(tx, At::now(), &name, "backup", "ledger", &audit_text)).await?;
    let place = data.to_owned();
    // What is listed below is there until it is copied.
    let _copying = blocking(move || copying(&place)).await.map_err(at(data))?;
    let room = tempfile::Builder::new().prefix(".pushbutton-backup-").tempdir_in(dir).map_err(at(dir))?;
    let copy = room.path().join("pushbutton.db");
    let copied = ledger.read(move |connection| {
        ledger::copy_to(connection, &copy, |tx| {
            // A restored copy misses them for a reason that `verify` knows.
            integrity::prune_but_current(tx, At::now())?;
            Ok((integrity::numbers(tx)?, integrity::current_builds(tx)?))
        })
    });
    let (known, running) = copied.await?;

    let mut names: Vec<PathBuf> = Vec::new();
    let highest = known.last().copied().unwrap_or(0);
    let floor = room.path().join("pushes").join((highest + GAP).to_string());
    std::fs::create_dir_all(&floor).map_err(at(&floor))?;
    let mut pushes = 0;
    for number in known.into_iter().filter_map(|number| PushNumber::new(number).ok()) {
        let dir = PushDir::of(data, number);
        let here = [dir.plan(), dir.journal(), dir.compressed(), dir.torn()];
        names.extend(here.into_iter().filter(|path| path.exists()));
        pushes += 1;
    }
    let mut builds = 0;
    for (stack, build) in running {
        let (Ok(stack), Ok(build)) = (stack.parse(), build.parse()) else { continue };
        let dir = BuildDir::of(data, &stack, &build);
        if dir.tree().exists() {
            names.push(dir.0);
            builds += 1;
        }
    }
    let names = names.iter().filter_map(|path| path.strip_prefix(data).ok());
    let list: Vec<u8> = names.flat_map(|name| [name.as_os_str().as_encoded_bytes(), b"\0"].concat()).collect();
    let listed = room.path().join("list");
    std::fs::write(&listed, list).map_err(at(&listed))?;
    let machine = room.path().join("machine");
    std::fs::write(&machine, home::of_backup(At::now())).map_err(at(&machine))?;
    let partial = room.path().join("backup.tar");
    File::options().write(true).create_new(true).mode(0o600).open(&partial).map_err(at(&partial))?;
    tar(data, room.path(), &partial, &listed).await?;
    let (from, to) = (partial.clone(), file.clone());
    let bytes = blocking(move || {
        let written = File::open(&from)?;
        written.sync_all()?;
        // Beside each other, so that it is there whole or not at all; never over a file that has come meanwhile.
        std::fs::hard_link(&from, &to)?;
        File::open(to.parent().unwrap_or(Path::new("/")))?.sync_all()?;
        Ok(written.metadata()?.len())
    });
    Ok(Backup { pushes, builds, bytes: bytes.await.map_err(at(file))? })
}

async fn tar(data: &Path, room: &Path, to: &Path, listed: &Path) -> Result<(), BackupError> {
    let program = Program::new("tar").arg("--create").arg("--file").arg(to).arg("--directory").arg(room);
    let program = program.args(["pushbutton.db", "machine", "pushes", "--directory"]).arg(data);
    let program = program.args(["--null", "--verbatim-files-from", "--files-from"]).arg(listed);
    let output = program.output(COPY_LIMIT).await.map_err(|error| BackupError::Tar(error.to_string()))?;
    match output.status.code() {
        Some(0 | GREW) => Ok(()),
        _ => Err(BackupError::Tar(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}
