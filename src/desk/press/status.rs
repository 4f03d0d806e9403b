//! What is told of a commit by who tests it: by a call of the API, or by a forge's webhook. Each that changes something is one transaction with
//! its row in the audit. It must never push anything: that a status came in is an event, and the gate decides.

use crate::desk::Desk;
use crate::desk::cases::Case;
use crate::desk::refusal::{Decision, Refusal};
use crate::ledger::audit;
use crate::ledger::statuses::{self, CommitState, CommitStatus, MOST_CONTEXTS, Told};
use crate::stack::{Revision, Source, StackName};
use crate::time::At;

/// A status that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStatus {
    /// The whole revision.
    pub sha: Revision,
    /// What was looked at: one that [`crate::stack::needs::is_context`] takes.
    pub context: String,
    /// What came of it.
    pub state: CommitState,
    /// In a few words: one line.
    pub description: Option<String>,
    /// Where more is said of it: http or https.
    pub url: Option<String>,
    /// When it was so, where that is said.
    pub as_of: Option<At>,
}

impl Desk {
    /// Takes a status of a commit; whether it was news. `who` is a person, a program or a forge.
    ///
    /// # Errors
    /// When there is no such stack, the commit cannot be one of its, or has too many of them.
    pub async fn tell_status(&self, stack: &StackName, who: &str, new: NewStatus) -> Decision<bool> {
        let (loaded, _) = self.loaded(stack)?;
        let is_numbered = matches!(loaded.source, Source::Svn { .. });
        if !is_numbered && !matches!(new.sha.as_str().len(), 40 | 64) {
            let why = format!("{} is no whole revision: write all of its 40 or 64 digits", new.sha);
            return Err(Refusal::BadRequest { case: Case::Version, why });
        }
        let (name, who) = (stack.clone(), who.to_owned());
        self.to_the_end("the status", |desk| async move {
            let told = desk.ledger.write(move |tx| {
                let at = At::now();
                let NewStatus { sha, context, state, description, url, as_of } = new;
                let status = CommitStatus {
                    sha: sha.to_string(),
                    context,
                    state,
                    description,
                    url,
                    who,
                    at: at.to_string(),
                    as_of: as_of.map(|at| at.to_string()),
                };
                let told = statuses::tell(tx, &name, &status)?;
                if told == Told::New {
                    let detail = format!("{} of {} is {}", status.context, sha.short(), state.word());
                    audit::note(tx, at, &status.who, "status", name.as_str(), &detail)?;
                }
                Ok((told, sha))
            });
            match told.await? {
                (Told::Known, _) => Ok(false),
                (Told::New, _) => {
                    desk.changed();
                    Ok(true)
                }
                (Told::TooMany, sha) => {
                    let why = format!("{} has statuses of {MOST_CONTEXTS} contexts already", sha.short());
                    Err(Refusal::BadRequest { case: Case::TooManyStatuses, why })
                }
            }
        })
        .await
    }
}
