//! Is history as it was written (promise 20)? The audit's chain, the heads that were announced, every ended push against
//! its journal and its audit row, every build against its manifest. It must never change anything, and needs no desk: it
//! reads beside a server that runs.

use crate::journal::write::hex;
use crate::journal::{Event, PushDir, Record};
use crate::ledger::sealed::{self, Sealed};
use crate::ledger::{Ledger, LedgerError, audit, outbox};
use crate::source::build::BuildDir;
use crate::source::manifest::Manifest;
use crate::stack::PushNumber;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// What was looked at, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows of the audit.
    pub audit_rows: usize,
    /// The hash of its newest row: announcements carry its first 12 digits.
    pub audit_head: String,
    /// Pushes that ended, each with its journal.
    pub pushes: usize,
    /// Builds whose manifest is here.
    pub builds: usize,
    /// What is not as it was written, one sentence each.
    pub problems: Vec<String>,
}

/// Everything that the ledger says, read at one moment.
struct Said {
    report: Report,
    pushes: Vec<Sealed>,
    builds: Vec<sealed::BuildRoot>,
}

/// Looks at everything.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn verify(data: &Path, ledger: &Ledger) -> Result<Report, LedgerError> {
    let Said { mut report, pushes, builds } = ledger.read(read).await?;
    let data = data.to_owned();
    let looked = tokio::task::spawn_blocking(move || {
        for push in &pushes {
            if let Err(why) = journal(&data, push) {
                report.problems.push(format!("push {}: {why}", push.row.id));
            }
        }
        for build in &builds {
            match manifest(&data, build) {
                Ok(true) => report.builds += 1,
                Ok(false) => {}
                Err(why) => report.problems.push(format!("build {} of {}: {why}", build.id, build.stack)),
            }
        }
        report
    });
    looked.await.map_err(|_| LedgerError::Closed)
}

fn read(connection: &rusqlite::Connection) -> Result<Said, LedgerError> {
    // One transaction: a push that ends meanwhile is not half seen.
    let tx = connection.unchecked_transaction()?;
    let mut report = Report { audit_head: audit::head(&tx)?, ..Report::default() };
    if let Some(row) = audit::verify(&tx)? {
        report
            .problems
            .push(format!("row {row} of the audit is not what was written, or the row before it is missing"));
    }
    let heads: BTreeSet<String> = audit::hashes(&tx)?.into_iter().map(|hash| hash.chars().take(12).collect()).collect();
    report.audit_rows = heads.len();
    for (key, head) in outbox::heads(&tx)? {
        if !heads.contains(&head) {
            report
                .problems
                .push(format!("{key} was announced with the audit's head {head}, which is not in it any more"));
        }
    }
    let pushes = sealed::sealed(&tx)?;
    report.pushes = pushes.len();
    for push in &pushes {
        let row = &push.row;
        let deed =
            format!("push {} of {} to {} {}, journal {}", row.id, row.stack, row.stage, row.state, push.journal_hash);
        if !audit::has(&tx, "push ended", &deed)? {
            report
                .problems
                .push(format!("push {}: the audit does not say that it {}, with this journal", row.id, row.state));
        }
    }
    let builds = sealed::build_roots(&tx)?;
    Ok(Said { report, pushes, builds })
}

/// The journal, byte for byte, against what the ledger says of the push.
fn journal(data: &Path, push: &Sealed) -> Result<(), String> {
    let row = &push.row;
    let number = PushNumber::new(row.id).map_err(|bad| bad.to_string())?;
    let dir = PushDir::of(data, number);
    let said = |path: &Path, error: io::Error| format!("{} cannot be read: {error}", path.display());
    let bytes = std::fs::read(dir.journal()).map_err(|error| said(&dir.journal(), error))?;
    let before = bytes.strip_suffix(b"\n").and_then(|all| all.iter().rposition(|b| *b == b'\n')).map_or(0, |at| at + 1);
    let hash = hex(&Sha256::digest(&bytes[..before]));
    if hash != push.journal_hash {
        return Err(format!(
            "its journal has the hash {}, the ledger says {}",
            short(&hash),
            short(&push.journal_hash)
        ));
    }
    let last: Record =
        serde_json::from_slice(&bytes[before..]).map_err(|error| format!("the journal's last record: {error}"))?;
    let as_text = |value: &Record| serde_json::to_vec(value).map_err(|error| error.to_string());
    let Event::PushEnded { state, why, who, hosts_ok, hosts_total, duration_ms, sha256, .. } = &last.event else {
        return Err("its journal does not end with its end".to_owned());
    };
    let same = sha256 == &push.journal_hash
        && state.word() == row.state
        && *why == row.why
        && who.as_ref().map(crate::stack::Who::as_str) == row.ended_by.as_deref()
        && i64::from(*hosts_ok) == row.hosts_ok
        && i64::from(*hosts_total) == row.hosts_total
        && i64::try_from(*duration_ms).ok() == row.duration_ms
        && Some(last.at.to_string()) == row.ended_at
        && as_text(&last)? == bytes[before..bytes.len() - 1];
    if !same {
        return Err("the end in its journal is not the one in the ledger".to_owned());
    }
    let plan = std::fs::read_to_string(dir.plan());
    match (plan, row.started_at.is_some()) {
        (Ok(plan), _) if plan == push.plan => Ok(()),
        (Ok(_), _) => Err("its plan.json is not the plan in the ledger".to_owned()),
        // A push whose runner could not be started may have none.
        (Err(error), true) => Err(said(&dir.plan(), error)),
        (Err(_), false) => Ok(()),
    }
}

/// Whether the manifest is here, and is the ledger's.
fn manifest(data: &Path, build: &sealed::BuildRoot) -> Result<bool, String> {
    let (stack, id) = (build.stack.parse(), build.id.parse());
    let (Ok(stack), Ok(id)) = (stack, id) else {
        return Err("the ledger gives it a name that no build has".to_owned());
    };
    let text = match std::fs::read_to_string(BuildDir::of(data, &stack, &id).manifest()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error.to_string()),
        Ok(text) => text,
    };
    let root = Manifest::parse(&text).map_err(|bad| bad.to_string())?.root();
    match root.as_str() == build.root {
        true => Ok(true),
        false => Err(format!("its manifest has the root {}, the ledger says {}", root.short(), short(&build.root))),
    }
}

fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}
