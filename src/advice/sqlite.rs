//! What SQLite says when it cannot go on with a file, and what to do about it. Called by the ledger, which names the file.

use super::{Advice, Case};

/// What the ledger's file can suffer.
pub const CASES: &[Case] = &[
    Case {
        marks: &["database disk image is malformed", "malformed database schema", "database corruption"],
        cause: "the file is damaged",
        cure: "move the data directory away, and restore the last backup: mkdir -m 700 DATA && tar -xpf BACKUP -C DATA && \
               pushbutton verify",
        again: false,
    },
    Case {
        marks: &["file is not a database", "file is encrypted"],
        cause: "it was overwritten with something else",
        cure: "move the data directory away, and restore the last backup: mkdir -m 700 DATA && tar -xpf BACKUP -C DATA && \
               pushbutton verify",
        again: false,
    },
    Case {
        marks: &["database or disk is full"],
        cause: "its disk is full, or a quota is used up",
        cure: "free space there (`df -h` and `df -i` show how much there is); nothing that was written before is lost",
        again: true,
    },
    Case {
        marks: &["attempt to write a readonly database"],
        cause: "it cannot be written to",
        cure: "it and its directory must belong to the user who runs the server, on a file system that is mounted read-write",
        again: false,
    },
    Case {
        marks: &["unable to open database file", "access permission denied", "authorization denied"],
        cause: "it, or the files that SQLite keeps next to it, cannot be opened",
        cure: "its directory must exist, and belong with all its files to the user who runs the server",
        again: false,
    },
    Case {
        marks: &["database is locked", "database table is locked", "database schema is locked", "locking protocol"],
        cause: "another program has locked it",
        cure: "end that program (`fuser -v` with the file's name shows it); only one server may have it open, and it must be \
               on a local disk",
        again: true,
    },
    Case {
        marks: &["disk i/o error"],
        cause: "its disk failed, or the file was deleted while it was open",
        cure: "check `dmesg` and the disk; when it works again, restart the server",
        again: true,
    },
    Case {
        marks: &["no such table", "no such column", "has no column named"],
        cause: "it is not a ledger of this version",
        cure: "start the pushbutton version that made it, or restore the last backup",
        again: false,
    },
];

/// What is to be done about what SQLite said; none when that was about a question, not about the file.
pub fn advice(said: &str) -> Option<Advice> {
    let advice = Advice::of(said, CASES, &[]);
    advice.case.is_some().then_some(advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    #[test]
    fn every_way_in_which_sqlite_loses_its_file_has_a_cure() {
        for (code, cause) in [
            (ffi::SQLITE_CORRUPT, "the file is damaged"),
            (ffi::SQLITE_NOTADB, "it was overwritten with something else"),
            (ffi::SQLITE_FULL, "its disk is full, or a quota is used up"),
            (ffi::SQLITE_READONLY, "it cannot be written to"),
            (ffi::SQLITE_CANTOPEN, "it, or the files that SQLite keeps next to it, cannot be opened"),
            (ffi::SQLITE_PERM, "it, or the files that SQLite keeps next to it, cannot be opened"),
            (ffi::SQLITE_BUSY, "another program has locked it"),
            (ffi::SQLITE_LOCKED, "another program has locked it"),
            (ffi::SQLITE_PROTOCOL, "another program has locked it"),
            (ffi::SQLITE_IOERR, "its disk failed, or the file was deleted while it was open"),
        ] {
            // SQLite's own words for the code, as they are linked in.
            let said = ffi::code_to_str(code);
            let said = rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some(said.to_owned())).to_string();
            let found = advice(&said).unwrap_or_else(|| panic!("{said} has no case"));
            assert_eq!(found.case.map(|case| case.cause), Some(cause), "{said}");
        }
    }

    #[test]
    fn a_question_that_sqlite_refuses_is_not_a_trouble_of_the_file() {
        for said in ["UNIQUE constraint failed: pushes.id", "near \"FROM\": syntax error", "interrupted"] {
            assert_eq!(advice(said), None, "{said}");
        }
    }
}
