//! Bringing a ledger to the schema of this binary: step by step, all in one transaction, after a copy of the file as it was has
//! been written beside it. It must never change a ledger of a schema that it does not know, and never leave one halfway: who
//! is killed in the middle finds it as it was. Called by [`crate::ledger::Ledger::open`] alone, under the data directory's lock.

use crate::ledger::{LedgerError, LedgerResult, audit, proofs, push_hosts, seal};
use crate::time::At;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The schema that this binary writes, one more than there are steps; a ledger of a higher one is refused. `schema.sql` is this one.
pub(in crate::ledger) const SCHEMA: i64 = STEPS.len() as i64 + 1;

/// What leads from each schema to the next one, the first from 1 to 2. A step is never changed once a release has it. A column
/// that it adds to a table with seals may be null and has no default: rows that are sealed keep their seals only so.
const STEPS: [&str; 1] = [
    // To 2, not in a release yet, and the only one that seals rows anew.
    // How long a push has waited for a person; when a build was pruned; who gave a link; how a command had ended on a host that
    // left; who approved a push, marks of builds, statuses of commits, which stages are pushed automatically, announcements of what is no push; from where people sign in, and with what, and what their provider said; from where things are
    // done; the hosts and the proof of each push, and seals (all below); tables by names that say
    // what is in them. The triggers are made anew, since SQLite
    // writes a new name into them in its own way.
    "ALTER TABLE pushes ADD COLUMN waits_since TEXT;
     ALTER TABLE pushes ADD COLUMN waited_ms INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE pushes ADD COLUMN proof TEXT;
     ALTER TABLE builds ADD COLUMN pruned_at TEXT;
     ALTER TABLE links ADD COLUMN host TEXT;
     ALTER TABLE results ADD COLUMN before_drop TEXT;
     ALTER TABLE tokens ADD COLUMN name TEXT;
     ALTER TABLE tokens ADD COLUMN scopes TEXT;
     ALTER TABLE tokens ADD COLUMN seen_at TEXT;
     ALTER TABLE users ADD COLUMN totp TEXT;
     ALTER TABLE users ADD COLUMN totp_step INTEGER;
     ALTER TABLE users ADD COLUMN recovery TEXT;
     ALTER TABLE sessions ADD COLUMN address TEXT;
     ALTER TABLE sessions ADD COLUMN browser TEXT;
     ALTER TABLE sessions ADD COLUMN groups TEXT;
     ALTER TABLE sessions ADD COLUMN provider TEXT;
     ALTER TABLE sessions ADD COLUMN checked_at TEXT;
     ALTER TABLE questions ADD COLUMN another INTEGER;
     ALTER TABLE pushes ADD COLUMN approved_by TEXT;
     ALTER TABLE pushes ADD COLUMN override_why TEXT;
     CREATE TABLE measurements (
       push          INTEGER NOT NULL REFERENCES pushes (id),
       place         INTEGER NOT NULL,
       command       INTEGER NOT NULL,
       at            TEXT NOT NULL,
       value         REAL,
       max           REAL,
       min           REAL,
       before        INTEGER NOT NULL,
       PRIMARY KEY (push, place)
     ) STRICT;
     CREATE TRIGGER measurements_never_go BEFORE DELETE ON measurements
BEGIN SELECT RAISE(ABORT, 'a push is kept forever'); END;
     CREATE TABLE approval_requests (
       id            INTEGER PRIMARY KEY,
       stack         TEXT NOT NULL,
       stage         TEXT NOT NULL,
       plan_hash     TEXT NOT NULL,
       plan          TEXT NOT NULL,
       seen          TEXT NOT NULL,
       sha           TEXT NOT NULL,
       version       TEXT,
       who           TEXT NOT NULL,
       reason        TEXT,
       at            TEXT NOT NULL,
       ends_at       TEXT NOT NULL,
       state         TEXT NOT NULL,
       closed_by     TEXT,
       closed_at     TEXT,
       closed_why    TEXT,
       push          INTEGER REFERENCES pushes (id)
     ) STRICT;
     CREATE INDEX approval_requests_of_stage ON approval_requests (stack, stage, id);
     CREATE INDEX approval_requests_open ON approval_requests (stack, stage, plan_hash) WHERE state = 'open';
     CREATE TRIGGER approval_requests_closed_never_change BEFORE UPDATE ON approval_requests WHEN OLD.state <> 'open'
BEGIN SELECT RAISE(ABORT, 'a request that is closed never changes'); END;
     CREATE TRIGGER approval_requests_never_go BEFORE DELETE ON approval_requests
BEGIN SELECT RAISE(ABORT, 'a request for approval is kept for ever'); END;
     CREATE TABLE approvals (
       request       INTEGER NOT NULL REFERENCES approval_requests (id),
       person        TEXT NOT NULL,
       who           TEXT NOT NULL,
       at            TEXT NOT NULL,
       reason        TEXT,
       place         TEXT,
       PRIMARY KEY (request, person)
     ) STRICT;
     CREATE TRIGGER approvals_never_change BEFORE UPDATE ON approvals
BEGIN SELECT RAISE(ABORT, 'an approval never changes'); END;
     CREATE TRIGGER approvals_never_go BEFORE DELETE ON approvals
BEGIN SELECT RAISE(ABORT, 'an approval is kept for ever'); END;
     ALTER TABLE audit ADD COLUMN place TEXT;
     ALTER TABLE audit ADD COLUMN object TEXT;
     CREATE INDEX audit_read ON audit (id) WHERE what <> 'seal';
     CREATE INDEX audit_by_who ON audit (who, id) WHERE what <> 'seal';
     CREATE INDEX audit_by_what ON audit (what, id) WHERE what <> 'seal';
     CREATE TABLE audit_sent (
       target        TEXT PRIMARY KEY,
       number        INTEGER NOT NULL
     ) STRICT;
     CREATE TABLE marks (
       stack         TEXT NOT NULL,
       build         TEXT NOT NULL,
       stage         TEXT NOT NULL,
       who           TEXT NOT NULL,
       at            TEXT NOT NULL,
       reason        TEXT,
       PRIMARY KEY (stack, build, stage)
     ) STRICT;
     CREATE TABLE commit_statuses (
       stack         TEXT NOT NULL,
       sha           TEXT NOT NULL,
       context       TEXT NOT NULL,
       state         TEXT NOT NULL,
       description   TEXT,
       url           TEXT,
       who           TEXT NOT NULL,
       at            TEXT NOT NULL,
       as_of         TEXT,
       PRIMARY KEY (stack, sha, context)
     ) STRICT;
     CREATE INDEX commit_statuses_by_time ON commit_statuses (stack, at);
     CREATE TABLE auto_switches (
       stack         TEXT NOT NULL,
       stage         TEXT NOT NULL,
       is_on         INTEGER NOT NULL,
       who           TEXT NOT NULL,
       at            TEXT NOT NULL,
       why           TEXT,
       push          INTEGER REFERENCES pushes (id),
       PRIMARY KEY (stack, stage)
     ) STRICT;
     CREATE INDEX pushes_by_sha ON pushes (stack, stage, sha, id);
     CREATE TABLE accounts (
       who           TEXT PRIMARY KEY,
       groups        TEXT NOT NULL,
       confirmed_at  TEXT NOT NULL
     ) STRICT;
     CREATE TABLE chat_codes (
       hash          TEXT PRIMARY KEY,
       who           TEXT NOT NULL,
       expires_at    TEXT NOT NULL
     ) STRICT;
     CREATE TABLE chat_accounts (
       place         TEXT NOT NULL,
       id            TEXT NOT NULL,
       who           TEXT NOT NULL,
       at            TEXT NOT NULL,
       PRIMARY KEY (place, id)
     ) STRICT;
     CREATE TABLE known (
       who           TEXT NOT NULL,
       place         TEXT NOT NULL,
       seen_at       TEXT NOT NULL,
       PRIMARY KEY (who, place)
     ) STRICT;
     CREATE TABLE answers (
       who           TEXT NOT NULL,
       key           TEXT NOT NULL,
       request       TEXT NOT NULL,
       life          TEXT NOT NULL,
       at            TEXT NOT NULL,
       status        INTEGER,
       location      TEXT,
       body          TEXT NOT NULL,
       PRIMARY KEY (who, key)
     ) STRICT;
     CREATE TABLE push_hosts (
       push          INTEGER NOT NULL REFERENCES pushes (id),
       place         INTEGER NOT NULL,
       host          TEXT NOT NULL,
       PRIMARY KEY (push, place)
     ) STRICT;
     CREATE TRIGGER push_hosts_never_change BEFORE UPDATE ON push_hosts
BEGIN SELECT RAISE(ABORT, 'the hosts of a push never change'); END;
     CREATE TRIGGER push_hosts_never_go BEFORE DELETE ON push_hosts
BEGIN SELECT RAISE(ABORT, 'a push is kept for ever'); END;
     ALTER TABLE doubts RENAME TO unresolved_pushes;
     ALTER TABLE wholes RENAME TO completed_stages;
     DROP TRIGGER tallies_begin;
     DROP TRIGGER tallies_move;
     ALTER TABLE tallies RENAME TO outbox_counts;
     ALTER TABLE outbox RENAME TO outbox_before;
     CREATE TABLE outbox (
       id            INTEGER PRIMARY KEY,
       push          INTEGER REFERENCES pushes (id),
       event         TEXT NOT NULL,
       channel       TEXT NOT NULL,
       payload       TEXT NOT NULL,
       state         TEXT NOT NULL DEFAULT 'waiting',
       tries         INTEGER NOT NULL DEFAULT 0,
       next_at       TEXT NOT NULL,
       told_at       TEXT,
       told          TEXT,
       problem       TEXT,
       UNIQUE (push, event, channel)
     ) STRICT;
     INSERT INTO outbox SELECT id, push, event, channel, payload, state, tries, next_at, told_at, told, problem FROM outbox_before;
     DROP TABLE outbox_before;
     CREATE INDEX outbox_waiting ON outbox (next_at) WHERE state = 'waiting';
     CREATE INDEX outbox_of_channel ON outbox (channel, id);
     CREATE INDEX outbox_in_state ON outbox (state, channel, id);
     CREATE INDEX outbox_by_state ON outbox (state, id);
     CREATE INDEX outbox_told ON outbox (channel, told_at);
     CREATE TRIGGER outbox_counts_begin AFTER INSERT ON outbox
BEGIN
  INSERT INTO outbox_counts (channel, state, announcements) VALUES (NEW.channel, NEW.state, 1)
  ON CONFLICT (channel, state) DO UPDATE SET announcements = announcements + 1;
END;
     CREATE TRIGGER outbox_counts_move AFTER UPDATE OF state ON outbox WHEN OLD.state <> NEW.state
BEGIN
  UPDATE outbox_counts SET announcements = announcements - 1 WHERE channel = OLD.channel AND state = OLD.state;
  INSERT INTO outbox_counts (channel, state, announcements) VALUES (NEW.channel, NEW.state, 1)
  ON CONFLICT (channel, state) DO UPDATE SET announcements = announcements + 1;
END;",
];
/// The first schema that has the hosts and the proof of each push; those of before are taken from the plans on the way to it.
const FIRST_WITH_HOSTS: i64 = 2;
/// The first schema whose changes are sealed as they are made; what was written before is sealed on the way to it.
const FIRST_SEALED: i64 = 2;

/// Makes a new ledger, or brings an older one to [`SCHEMA`].
///
/// # Errors
/// When it is newer, when no copy can be kept, or what SQLite said; then it is as it was.
pub(in crate::ledger) fn migrate(connection: &mut Connection, path: &Path) -> LedgerResult<()> {
    let found = version(connection)?;
    be_known(found, path)?;
    match found {
        0 => make(connection),
        SCHEMA => Ok(()),
        older => {
            let copy = copy_of(path, older);
            keep_copy(connection, &copy).map_err(|error| LedgerError::Unusable {
                path: path.to_owned(),
                why: format!(
                    "it is of schema {older}, and before it is brought to schema {SCHEMA} a copy is kept as {}, which cannot be \
                     written: {error}; nothing was changed",
                    copy.display()
                ),
            })?;
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            step_up(&tx, older)?;
            tx.commit()?;
            tracing::info!(from = older, to = SCHEMA, copy = %copy.display(), "the ledger has a new schema");
            Ok(())
        }
    }
}

fn make(connection: &mut Connection) -> LedgerResult<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Someone may have made it since.
    if version(&tx)? == 0 {
        tx.execute_batch(super::SQL)?;
        tx.pragma_update(None, "user_version", SCHEMA)?;
    }
    Ok(tx.commit()?)
}

/// All steps from a schema on, and what they did, in the audit.
pub(in crate::ledger) fn step_up(tx: &Transaction<'_>, from: i64) -> LedgerResult<()> {
    // Someone may have done it since.
    if version(tx)? != from {
        return Ok(());
    }
    let done = usize::try_from(from - 1).map_err(|_| LedgerError::Corrupt(format!("schema {from}")))?;
    for step in STEPS.iter().skip(done) {
        tx.execute_batch(step)?;
    }
    if from < FIRST_WITH_HOSTS {
        push_hosts::fill(tx)?;
        proofs::fill(tx)?;
    }
    audit::note(
        tx,
        At::now(),
        "pushbutton",
        "migrate",
        "ledger",
        &format!("the ledger from schema {from} to {SCHEMA}"),
    )?;
    if from < FIRST_SEALED {
        seal::seal_all(tx)?;
    }
    Ok(tx.pragma_update(None, "user_version", SCHEMA)?)
}

/// Which schema a ledger has; 0 of an empty file.
pub(in crate::ledger) fn version(connection: &Connection) -> LedgerResult<i64> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Refuses a ledger of a newer pushbutton.
pub(in crate::ledger) fn be_known(schema: i64, path: &Path) -> LedgerResult<()> {
    match schema {
        0..=SCHEMA => Ok(()),
        newer => Err(LedgerError::Unusable {
            path: path.to_owned(),
            why: format!(
                "its schema is version {newer}, this pushbutton knows version {SCHEMA}; start the newer pushbutton"
            ),
        }),
    }
}

/// Refuses a ledger that is to be migrated first: that is for the server, which holds the data directory.
pub(in crate::ledger) fn be_current(connection: &Connection, path: &Path) -> LedgerResult<()> {
    match version(connection)? {
        0 | SCHEMA => Ok(()),
        older => Err(LedgerError::Unusable {
            path: path.to_owned(),
            why: format!(
                "its schema is version {older}, of an older pushbutton; the server brings it to version {SCHEMA} when it starts, and \
                 keeps a copy as {}: start this version's server (pushbutton serve), then try again",
                copy_of(path, older).display()
            ),
        }),
    }
}

/// Where the ledger as it was is kept.
fn copy_of(path: &Path, schema: i64) -> PathBuf {
    beside(path, &format!(".schema-{schema}"))
}

/// Writes the ledger as it is to a file that is there whole or not at all; one of an earlier try is replaced.
fn keep_copy(connection: &Connection, copy: &Path) -> io::Result<()> {
    let partial = beside(copy, ".partial");
    match std::fs::remove_file(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let name = partial.to_str().ok_or_else(|| io::Error::other("its name is not UTF-8"))?;
    connection.execute("VACUUM INTO ?1", [name]).map_err(io::Error::other)?;
    let file = File::open(&partial)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.sync_all()?;
    std::fs::rename(&partial, copy)?;
    File::open(copy.parent().unwrap_or(Path::new(".")))?.sync_all()
}

pub(in crate::ledger) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
