//! Uploads that can be resumed, as they lie under `uploads/` of the data directory: what is said of a build, and its tar as far as it came. They
//! outlive the server. It must never keep one for ever, nor more of a stack than [`MOST`], nor let two requests write to one. Asked by `web`.

use crate::journal::write::hex;
use crate::reading;
use crate::stack::{Revision, StackName, Who};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Uploads of one stack that have begun and not ended.
pub const MOST: usize = 8;
/// One to which nothing was added for so long goes.
pub const OLDEST: Duration = Duration::from_secs(24 * 3600);
/// Of 128 random bits.
const DIGITS: usize = 32;

/// What is said of a build that is uploaded piece by piece.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The stack.
    pub stack: StackName,
    /// Who began it, who alone goes on.
    pub who: Who,
    /// The revision that the build was made from.
    pub sha: Revision,
    /// Its branch; may be empty.
    pub branch: String,
    /// What it is; may be empty.
    pub title: String,
    /// Whether far fewer files than before are right.
    pub fewer: bool,
}

/// One that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is of.
    pub upload: Upload,
    /// How many bytes of it are here.
    pub length: u64,
    /// When the last of them came.
    pub touched: SystemTime,
}

/// The uploads of a server. Clones share which are being written.
#[derive(Clone, Debug)]
pub struct Uploads {
    dir: PathBuf,
    /// A std mutex: never held across an await.
    busy: Arc<Mutex<HashSet<String>>>,
}

/// The right to write to one upload, as long as it lives.
#[derive(Debug)]
pub struct Claim {
    id: String,
    busy: Arc<Mutex<HashSet<String>>>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl Uploads {
    /// Those that lie in a directory, which is made with the first one.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, busy: Arc::default() }
    }

    /// Begins one; its id. None where its stack has too many.
    ///
    /// # Errors
    /// What the disk said.
    pub fn begin(&self, upload: &Upload) -> io::Result<Option<String>> {
        fs::DirBuilder::new().recursive(true).create(&self.dir)?;
        fs::set_permissions(&self.dir, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        self.sweep(SystemTime::now())?;
        let mut open = 0;
        for id in self.ids()? {
            open += usize::from(self.get(&id)?.is_some_and(|other| other.upload.stack == upload.stack));
        }
        if open >= MOST {
            return Ok(None);
        }
        let mut bits = [0; DIGITS / 2];
        getrandom::fill(&mut bits).map_err(io::Error::other)?;
        let id = hex(&bits);
        self.create(&id, "tar")?.sync_all()?;
        let mut said = self.create(&id, "json")?;
        said.write_all(serde_json::to_string(upload)?.as_bytes())?;
        said.sync_all()?;
        Ok(Some(id))
    }

    fn create(&self, id: &str, ending: &str) -> io::Result<File> {
        File::options().write(true).create_new(true).mode(0o600).open(self.path(id, ending))
    }

    /// One by its id; none where there is no such one.
    ///
    /// # Errors
    /// What the disk said.
    pub fn get(&self, id: &str) -> io::Result<Option<Found>> {
        if id.len() != DIGITS || !id.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return Ok(None);
        }
        let there = || -> io::Result<Found> {
            let said = reading::text(self.path(id, "json"), reading::NOTE)?;
            let tar = fs::metadata(self.path(id, "tar"))?;
            Ok(Found { upload: serde_json::from_str(&said)?, length: tar.len(), touched: tar.modified()? })
        };
        match there() {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Claims one for writing; none where another request writes to it.
    pub fn claim(&self, id: &str) -> Option<Claim> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.insert(id.to_owned()).then(|| Claim { id: id.to_owned(), busy: Arc::clone(&self.busy) })
    }

    /// Its tar, to be added to, or to be read from its beginning.
    ///
    /// # Errors
    /// What the disk said.
    pub fn open(&self, claim: &Claim) -> io::Result<File> {
        File::options().read(true).append(true).open(self.path(&claim.id, "tar"))
    }

    /// Removes one.
    ///
    /// # Errors
    /// What the disk said.
    pub fn remove(&self, claim: &Claim) -> io::Result<()> {
        self.remove_files(&claim.id)
    }

    fn remove_files(&self, id: &str) -> io::Result<()> {
        for ending in ["json", "tar"] {
            match fs::remove_file(self.path(id, ending)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes those to which nothing was added for long; how many there were.
    ///
    /// # Errors
    /// What the disk said.
    pub fn sweep(&self, now: SystemTime) -> io::Result<usize> {
        let mut gone = 0;
        for id in self.ids()? {
            let Some(claim) = self.claim(&id) else { continue };
            let touched = match fs::metadata(self.path(&id, "tar")).or_else(|_| fs::metadata(self.path(&id, "json"))) {
                Ok(meta) => meta.modified()?,
                Err(_) => continue,
            };
            if now.duration_since(touched).is_ok_and(|age| age >= OLDEST) {
                self.remove(&claim)?;
                gone += 1;
            }
        }
        Ok(gone)
    }

    /// All ids, each once.
    fn ids(&self) -> io::Result<HashSet<String>> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(HashSet::new()),
            Err(error) => return Err(error),
        };
        let id = |entry: io::Result<fs::DirEntry>| {
            let name = entry?.file_name().to_string_lossy().into_owned();
            Ok(name.split_once('.').map(|(id, _)| id.to_owned()))
        };
        Ok(entries.map(id).collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    fn path(&self, id: &str, ending: &str) -> PathBuf {
        self.dir.join(format!("{id}.{ending}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_has_a_few_uploads_at_a_time_and_none_that_is_old() {
        let dir = tempfile::tempdir().unwrap();
        let uploads = Uploads::new(dir.path().join("uploads"));
        let upload = |stack: &str| Upload {
            stack: stack.parse().unwrap(),
            who: "mary".parse().unwrap(),
            sha: "1".repeat(40).parse().unwrap(),
            branch: String::new(),
            title: String::new(),
            fewer: false,
        };
        let ids: Vec<String> = (0..MOST).map(|_| uploads.begin(&upload("web")).unwrap().unwrap()).collect();
        assert_eq!(uploads.begin(&upload("web")).unwrap(), None);
        assert!(uploads.begin(&upload("api")).unwrap().is_some(), "another stack has its own");
        let claim = uploads.claim(&ids[0]).unwrap();
        assert!(uploads.claim(&ids[0]).is_none(), "one request at a time");
        uploads.open(&claim).unwrap().write_all(b"abc").unwrap();
        // As after a restart.
        let uploads = Uploads::new(dir.path().join("uploads"));
        let found = uploads.get(&ids[0]).unwrap().unwrap();
        assert_eq!((found.upload, found.length), (upload("web"), 3));
        for none in ["", "..", "../pushbutton", &"0".repeat(32), &ids[0][1..]] {
            assert_eq!(uploads.get(none).unwrap(), None, "{none}");
        }
        assert_eq!(uploads.sweep(SystemTime::now()).unwrap(), 0);
        assert_eq!(uploads.sweep(SystemTime::now() + OLDEST).unwrap(), MOST + 1);
        assert_eq!(fs::read_dir(dir.path().join("uploads")).unwrap().count(), 0);
    }
}
