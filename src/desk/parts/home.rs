//! Where this data directory belongs: the machine that it was made on. A copy on another machine, or one that was unpacked
//! from a backup, says so on every page until a person has looked: two servers must never push from one history. It must
//! never keep anybody from pushing by itself: the machine that is gone cannot be asked.

use crate::desk::parts::durable::write_whole;
use crate::reading;
use crate::time::At;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The file within the data directory: the machine's id, its name and what became of it, a tab between them.
const FILE: &str = "machine";
/// In the place of the id: no machine's own, as in a backup.
const NOBODYS: &str = "-";

/// Why this directory may not be the only one; none when it is at home.
#[derive(Debug, Default)]
pub(crate) struct Home(pub(crate) Mutex<Option<String>>);

impl Home {
    /// Looks whose directory it is. One that says nothing is ours from now on.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(data: &Path) -> io::Result<Self> {
        let (id, name) = this_machine();
        let said = match reading::text(file_in(data), reading::NOTE) {
            Ok(said) => said,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                write(data, &id, &name)?;
                return Ok(Self::default());
            }
            Err(error) => return Err(error),
        };
        let copied = copied(&said, &id);
        if let Some(copied) = &copied {
            tracing::warn!(
                "{copied}: only one of the two may push; when that one is stopped for good, run `pushbutton take-over`"
            );
        }
        Ok(Self(Mutex::new(copied)))
    }
}

/// What a backup holds in place of the file.
pub(crate) fn of_backup(now: At) -> String {
    format!("{NOBODYS}\t{}\tbacked up at {now}\n", this_machine().1)
}

fn file_in(data: &Path) -> PathBuf {
    data.join(FILE)
}

/// The id and the name of this machine; an id is missing in many containers, and then nothing is said of moves.
pub(crate) fn this_machine() -> (String, String) {
    let read = |path: &str| reading::text(path, reading::NOTE).unwrap_or_default().trim().to_owned();
    (read("/etc/machine-id"), read("/proc/sys/kernel/hostname"))
}

pub(crate) fn write(data: &Path, id: &str, name: &str) -> io::Result<()> {
    write_whole(&file_in(data), &format!("{id}\t{name}\t\n"))
}

/// What the file says, where it is not this machine's.
pub(crate) fn copied(said: &str, id: &str) -> Option<String> {
    let mut fields = said.trim_end_matches('\n').split('\t');
    let (its, name, what) = (fields.next()?, fields.next()?, fields.next().unwrap_or_default());
    let name = name.escape_debug();
    match its {
        NOBODYS => Some(format!("this data directory belongs to {name}, {}", what.escape_debug())),
        its if its.is_empty() || id.is_empty() || its == id => None,
        _ => Some(format!("this data directory was copied from the machine {name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_known_by_its_machine_and_a_backup_whatever_the_machine() {
        for (said, id, copied_from) in [
            ("a1\tbuild1\t\n", "a1", None),
            ("a1\tbuild1\t\n", "b2", Some("this data directory was copied from the machine build1")),
            ("a1\tbuild1\t\n", "", None),
            ("\tbuild1\t\n", "b2", None),
            ("-\tbuild1\tbacked up at noon\n", "a1", Some("this data directory belongs to build1, backed up at noon")),
            ("-\tbuild1\tbacked up at noon\n", "", Some("this data directory belongs to build1, backed up at noon")),
            ("", "a1", None),
            ("nonsense", "a1", None),
        ] {
            assert_eq!(copied(said, id).as_deref(), copied_from, "{said:?} on {id:?}");
        }
        let data = tempfile::tempdir().unwrap();
        assert_eq!(*Home::open(data.path()).unwrap().0.lock().unwrap(), None, "a new one is ours");
        assert_eq!(*Home::open(data.path()).unwrap().0.lock().unwrap(), None, "and stays ours");
        std::fs::write(file_in(data.path()), of_backup(At::from_millis(0))).unwrap();
        let copied = Home::open(data.path()).unwrap().0.lock().unwrap().clone().unwrap();
        assert!(copied.ends_with("backed up at 1970-01-01T00:00:00.000Z"), "{copied}");
    }
}
