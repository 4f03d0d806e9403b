//! Is history as it was written (promise 20)? The audit's chain and the heads that were announced; every row against its seal in
//! the audit, and every seal against its row; every ended push against its journal and its audit row, every push that runs against
//! the journal that it was folded from; every build against its manifest, and that against its files. It must never change anything,
//! and needs no desk: it reads beside a server that runs.

pub(crate) mod files;
mod running;

use crate::ledger::integrity::{self, SealedPush};
use crate::ledger::{Ledger, LedgerError, audit, outbox, seal, shape};
use crate::stack::PushNumber;
use std::collections::BTreeSet;
use std::path::Path;

/// Digits of a head that are enough to tell it from others: announcements carry as many.
pub const HEAD_DIGITS: usize = 12;

/// What was looked at, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows of the audit.
    pub audit_rows: usize,
    /// The hash of its newest row: announcements carry its first 12 digits.
    pub audit_head: String,
    /// Things in the ledger that are as they were sealed.
    pub sealed: usize,
    /// Pushes that ended, each with its journal.
    pub pushes: usize,
    /// Builds whose manifest and files are here.
    pub builds: usize,
    /// Builds whose files were left out, as the ledger says.
    pub pruned: usize,
    /// What is not as it was written, one sentence each.
    pub problems: Vec<String>,
}

/// Everything that the ledger says, read at one moment.
struct LedgerSnapshot {
    report: Report,
    pushes: Vec<SealedPush>,
    running: Vec<running::Running>,
    builds: Vec<integrity::BuildRoot>,
    /// The builds that a push names.
    pushed: BTreeSet<(String, String)>,
    /// The numbers of all pushes.
    numbers: BTreeSet<i64>,
}

/// Looks at everything. `heads` are heads of the audit that someone has noted elsewhere: they must be in it.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn verify(data: &Path, ledger: &Ledger, heads: &[String]) -> Result<Report, LedgerError> {
    // First what lies there: what comes meanwhile is in the ledger that is read afterwards.
    let place = data.to_owned();
    let there = tokio::task::spawn_blocking(move || files::there(&place)).await.map_err(|_| LedgerError::Closed)?;
    let heads = heads.to_vec();
    let said = ledger.read(move |connection| read(connection, &heads)).await?;
    let data = data.to_owned();
    tokio::task::spawn_blocking(move || look(&data, said, there)).await.map_err(|_| LedgerError::Closed)
}

/// Holds the files against what the ledger says.
fn look(data: &Path, said: LedgerSnapshot, there: files::There) -> Report {
    let LedgerSnapshot { mut report, pushes, running, builds, pushed, numbers } = said;
    for push in &pushes {
        if let Err(why) = files::journal(data, push) {
            report.problems.push(format!("push {}: {why}", push.id));
        }
    }
    for push in &running {
        for why in running::differences(data, push) {
            report.problems.push(format!("push {}, which runs: {why}", push.number));
        }
    }
    for build in &builds {
        match (files::build(data, build), &build.pruned_at) {
            (Ok(true), _) => report.builds += 1,
            (Ok(false), Some(_)) => report.pruned += 1,
            (Ok(false), None) => report.problems.push(format!(
                "build {} of {}: its files are missing, and the ledger does not record that they were left out",
                build.id, build.stack
            )),
            (Err(why), _) => report.problems.push(format!("build {} of {}: {why}", build.id, build.stack)),
        }
    }
    let known = |number: &i64| numbers.contains(number);
    for number in there.pushes.iter().filter(|number| !known(number)) {
        report.problems.push(format!("push {number}: its files are here, but the ledger has no such push"));
    }
    let named: BTreeSet<(String, String)> = builds.into_iter().map(|build| (build.stack, build.id)).collect();
    for (stack, id) in there.builds.difference(&named).filter(|build| !pushed.contains(*build)) {
        report.problems.push(format!("build {id} of {stack}: its files are here, but the ledger has no such build"));
    }
    report.problems.extend(there.problems);
    report
}

fn read(connection: &rusqlite::Connection, noted: &[String]) -> Result<LedgerSnapshot, LedgerError> {
    // One transaction: a push that ends meanwhile is not half seen.
    let tx = connection.unchecked_transaction()?;
    let mut report = Report { audit_head: audit::head(&tx)?, ..Report::default() };
    if let Some(row) = audit::verify(&tx)? {
        report
            .problems
            .push(format!("row {row} of the audit is not what was written, or the row before it is missing"));
    }
    let hashes = audit::hashes(&tx)?;
    report.audit_rows = hashes.len();
    let heads: BTreeSet<String> = hashes.iter().map(|hash| hash.chars().take(HEAD_DIGITS).collect()).collect();
    for announced in outbox::heads(&tx)? {
        match announced {
            Ok((_, head)) if heads.contains(&head) => {}
            Ok((key, head)) => report
                .problems
                .push(format!("{key} was announced with the audit's head {head}, which is no longer in it")),
            Err((id, why)) => report.problems.push(format!("announcement {id} cannot be read: {why}")),
        }
    }
    for head in noted.iter().filter(|head| !hashes.iter().any(|hash| hash.starts_with(head.as_str()))) {
        report.problems.push(format!(
            "the audit does not have the head {head} that was noted: rows were removed, or the whole chain was rewritten"
        ));
    }
    report.problems.extend(shape::differences(&tx)?);
    report.problems.extend(shape::derived(&tx)?);
    let (whole, wrong) = seal::compare(&tx)?;
    report.sealed = whole;
    report.problems.extend(wrong);
    let pushes = integrity::sealed_pushes(&tx)?;
    report.pushes = pushes.len();
    report.problems.extend(ends(&tx, &pushes)?);
    let mut running = Vec::new();
    for id in integrity::running(&tx)? {
        let number = PushNumber::new(id).map_err(|bad| LedgerError::Corrupt(bad.to_string()));
        match number.and_then(|number| running::Running::of(&tx, number)) {
            Ok(push) => running.push(push),
            Err(why) => report.problems.push(format!("push {id}: {why}")),
        }
    }
    let numbers = integrity::numbers(&tx)?.into_iter().collect();
    Ok(LedgerSnapshot {
        report,
        pushes,
        running,
        builds: integrity::build_roots(&tx)?,
        pushed: integrity::pushed_builds(&tx)?,
        numbers,
    })
}

/// The pushes that ended against the rows of the audit that say so, and these against the pushes.
fn ends(tx: &rusqlite::Connection, pushes: &[SealedPush]) -> Result<Vec<String>, LedgerError> {
    let mut written = audit::details(tx, "push ended")?;
    let mut wrong = Vec::new();
    for push in pushes {
        let audit_text = format!(
            "push {} of {} to {} {}, journal {}",
            push.id, push.stack, push.stage, push.state, push.journal_hash
        );
        if !written.remove(&audit_text) {
            wrong.push(format!("push {}: the audit does not say that it {}, with this journal", push.id, push.state));
        }
    }
    let lost = written.into_iter().map(|audit_text| {
        let words: String = audit_text.split(", journal ").next().unwrap_or_default().to_owned();
        format!("the audit says: {words}; the ledger does not")
    });
    wrong.extend(lost);
    Ok(wrong)
}
