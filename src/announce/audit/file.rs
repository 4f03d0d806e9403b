//! The file of the audit: the rows as an export writes them, appended. It must never write a row twice, or a part of one that stays: the file
//! itself says how far it is, and what a kill or a full disk left of a line goes first. A file that was moved away begins anew.

use super::target::{Handed, Target};
use crate::ledger::audit::rows::AuditRow;
use crate::supervise::blocking;
use std::fs;
use std::future::Future;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;

/// What is read of the end of the file: longer than a row.
const TAIL: u64 = 1 << 20;

/// The file.
pub(super) struct File {
    path: PathBuf,
    /// Which file it was when its end was read: device and number.
    known: Option<(u64, u64)>,
}

impl File {
    /// It is opened anew for each batch, so that whoever rotates it need not tell us.
    pub fn new(path: PathBuf) -> Self {
        Self { path, known: None }
    }
}

impl Target for File {
    fn name(&self) -> &'static str {
        "file"
    }

    fn has(&mut self) -> io::Result<Option<(i64, String)>> {
        let file = match fs::metadata(&self.path) {
            Ok(meta) => (meta.dev(), meta.ino()),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if self.known == Some(file) {
            return Ok(None);
        }
        let last = mended(&self.path)?;
        self.known = Some(file);
        Ok(last)
    }

    fn look_again(&mut self) {
        self.known = None;
    }

    fn send<'a>(&'a mut self, rows: &'a [AuditRow]) -> Pin<Box<dyn Future<Output = Handed> + Send + 'a>> {
        Box::pin(async move {
            let line = |row: &AuditRow| serde_json::to_string(row).map(|line| line + "\n");
            let text: Result<String, serde_json::Error> = rows.iter().map(line).collect();
            let path = self.path.clone();
            let done = match text {
                Ok(text) => blocking(move || append(&path, &text)).await,
                Err(error) => Err(error.into()),
            };
            Handed::of(rows.len(), done)
        })
    }
}

/// The last row in the file, number and hash; what stands behind the last end of a line is taken off.
fn mended(path: &Path) -> io::Result<Option<(i64, String)>> {
    let mut file = fs::File::options().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    (&mut file).take(TAIL).read_to_end(&mut tail)?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole < tail.len() {
        file.set_len(from + whole as u64)?;
    }
    let lines = tail[..whole].split(|byte| *byte == b'\n').rev();
    Ok(lines.filter_map(|line| serde_json::from_slice::<AuditRow>(line).ok()).map(|row| (row.number, row.hash)).next())
}

/// Appends, durably, or leaves the file as it was.
fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::File::options().append(true).create(true).mode(0o600).open(path)?;
    let before = file.metadata()?.len();
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
    if written.is_err() {
        file.set_len(before)?;
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_end_goes_and_the_last_whole_row_counts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let row = |number| {
            let text = |text: &str| text.to_owned();
            let row = AuditRow {
                number,
                at: text("2026-11-21T10:00:00.123Z"),
                who: text("mary"),
                from: None,
                action: text("hold"),
                object: None,
                detail: text("x"),
                previous: text(""),
                hash: text(""),
            };
            serde_json::to_string(&row).unwrap()
        };
        for (text, last, kept) in [
            (String::new(), None, 0),
            (format!("{}\n{}\n", row(3), row(5)), Some(5), 2),
            (format!("{}\n{}\n{}", row(3), row(5), &row(6)[..40]), Some(5), 2),
            (format!("{}\n{}", row(3), row(5)), Some(3), 1),
            (row(3)[..20].to_owned(), None, 0),
        ] {
            fs::write(&path, &text).unwrap();
            assert_eq!(mended(&path).unwrap().map(|(number, _)| number), last, "{text}");
            assert_eq!(fs::read(&path).unwrap().iter().filter(|byte| **byte == b'\n').count(), kept);
            append(&path, "more\n").unwrap();
            assert!(fs::read_to_string(&path).unwrap().ends_with("more\n"));
        }
    }
}
