//! Marks of builds: set and taken away by people, each with its line in the audit, in one transaction. It must never touch a build's files,
//! nor stop a push that runs.

use crate::desk::Desk;
use crate::desk::cases::Case;
use crate::desk::news::tell;
use crate::desk::parts::notify_targets::NotifyTargets;
use crate::desk::reason::{Reason, because};
use crate::desk::refusal::{Decision, Refusal};
use crate::ledger::outbox::{StageEvent, StageNews};
use crate::ledger::{LedgerResult, audit, marks};
use crate::stack::{BuildId, StackName, StageName, Who};
use crate::time::At;
use rusqlite::Transaction;

/// Which build, and the stage that it is good for; none where it is bad.
#[derive(Clone, Debug)]
pub struct Marking {
    /// The stack.
    pub stack: StackName,
    /// The build.
    pub build: BuildId,
    /// The stage.
    pub stage: Option<StageName>,
    /// Who says it.
    pub who: Who,
    /// Why.
    pub reason: Option<Reason>,
}

impl Marking {
    fn words(&self) -> String {
        match &self.stage {
            Some(stage) => format!("build {} of {}, good on {stage}", self.build, self.stack),
            None => format!("build {} of {}, bad", self.build, self.stack),
        }
    }
}

impl Desk {
    /// Marks a build: as good for a stage that it has run on, or as bad.
    ///
    /// # Errors
    /// When there is no such build or stage, or it has never run there.
    pub async fn mark(&self, marking: Marking) -> Decision<()> {
        if let Some(stage) = &marking.stage {
            self.stage_of(&marking.stack, stage)?;
        } else {
            self.loaded(&marking.stack)?;
        }
        self.to_the_end("the mark", |desk| async move {
            let targets = desk.notify_targets.clone();
            desk.ledger.write(move |tx| mark(tx, &targets, &marking)).await??;
            desk.changed();
            Ok(())
        })
        .await
    }

    /// Takes a mark away.
    ///
    /// # Errors
    /// When the build has no such mark.
    pub async fn unmark(&self, marking: Marking) -> Decision<()> {
        self.to_the_end("the mark", |desk| async move {
            let targets = desk.notify_targets.clone();
            let unmarked = desk.ledger.write(move |tx| {
                let at = At::now();
                if !marks::remove(tx, &marking.stack, &marking.build, marking.stage.as_ref())? {
                    let why = format!("nobody has marked {}", marking.words());
                    return Ok(Err(Refusal::Nothing { case: Case::NotMarked, why }));
                }
                let sha = marks::sha_of(tx, &marking.stack, &marking.build)?.unwrap_or_default();
                note(tx, &targets, &marking, (StageEvent::Unmarked, &sha), at)?;
                Ok(Ok(()))
            });
            unmarked.await??;
            desk.changed();
            Ok(())
        })
        .await
    }
}

fn mark(tx: &Transaction<'_>, targets: &NotifyTargets, marking: &Marking) -> LedgerResult<Decision<()>> {
    let (stack, build) = (&marking.stack, &marking.build);
    let Some(sha) = marks::sha_of(tx, stack, build)? else {
        return Ok(Err(Refusal::Unknown { what: format!("build {build} of {stack}") }));
    };
    if let Some(stage) = &marking.stage
        && !marks::ran_on(tx, stack, stage, build)?
    {
        let why = format!(
            "build {build} has never been pushed to {stage} successfully, so nobody can have accepted it there"
        );
        return Ok(Err(Refusal::Nothing { case: Case::NeverRanThere, why }));
    }
    put(tx, targets, marking, &sha, At::now())?;
    Ok(Ok(()))
}

/// Marks a build within another transaction; who says what is said already changes nothing.
///
/// # Errors
/// What SQLite said.
pub(super) fn put(
    tx: &Transaction<'_>,
    targets: &NotifyTargets,
    marking: &Marking,
    sha: &str,
    at: At,
) -> LedgerResult<()> {
    let of = (marking.build.as_str(), marking.stage.as_ref());
    let by = (&marking.who, marking.reason.as_ref().map(Reason::as_str));
    if !marks::set(tx, &marking.stack, of, by, at)? {
        return Ok(());
    }
    let event = if marking.stage.is_some() { StageEvent::MarkedGood } else { StageEvent::MarkedBad };
    note(tx, targets, marking, (event, sha), at)
}

fn note(
    tx: &Transaction<'_>,
    targets: &NotifyTargets,
    marking: &Marking,
    (event, sha): (StageEvent, &str),
    at: At,
) -> LedgerResult<()> {
    let what = if event == StageEvent::Unmarked { "unmark" } else { "mark" };
    let detail = format!("{}{}", marking.words(), because(marking.reason.as_ref()));
    let object =
        marking.stage.as_ref().map_or_else(|| marking.stack.to_string(), |stage| format!("{}/{stage}", marking.stack));
    audit::note(tx, at, marking.who.as_str(), what, &object, &detail)?;
    let news = StageNews {
        news: event,
        key: format!("{what}-{}-{}", marking.build, at.millis()),
        stack: marking.stack.clone(),
        stage: marking.stage.clone(),
        who: marking.who.to_string(),
        stages: Vec::new(),
        asker: None,
        sha: sha.to_owned(),
        old_sha: None,
        build: Some(marking.build.to_string()),
        reason: marking.reason.as_ref().map(ToString::to_string),
        until: None,
        at: String::new(),
        url: format!("/stacks/{}", marking.stack),
        audit_head: String::new(),
    };
    tell(tx, targets, at, news)
}
