//! Taking over a data directory that was made on another machine, by a person. It must never happen by itself.

use crate::desk::Desk;
use crate::desk::cases::Case;
use crate::desk::parts::home::{this_machine, write};
use crate::desk::reason::one_line;
use crate::desk::refusal::{Decision, Refusal};
use crate::ledger::audit;
use crate::stack::Who;
use crate::time::At;
use std::sync::PoisonError;

impl Desk {
    /// Whose data directory this is, when it is a copy that nobody has taken over yet.
    pub fn copied_from(&self) -> Option<String> {
        self.home.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a copied data directory over: a person says that the server that it is of does not push any more.
    ///
    /// # Errors
    /// When it is no copy, or that cannot be kept.
    pub async fn take_over(&self, who: &Who, reason: Option<String>) -> Decision<()> {
        let reason = reason.map(|reason| one_line("reason", &reason)).transpose()?.filter(|reason| !reason.is_empty());
        let Some(copied) = self.copied_from() else {
            let why = "this data directory is no copy, or was taken over already".to_owned();
            return Err(Refusal::Nothing { case: Case::NoCopy, why });
        };
        let because = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let (person, audit_text) = (who.to_string(), format!("{copied}; that server does not push any more{because}"));
        self.ledger.write(move |tx| audit::note(tx, At::now(), &person, "take over", &audit_text)).await?;
        let data = self.config.data.clone();
        let written = crate::supervise::blocking(move || {
            let (id, name) = this_machine();
            write(&data, &id, &name)
        });
        written.await.map_err(|error| Refusal::Unable { case: Case::NotKept, why: error.to_string() })?;
        *self.home.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.changed();
        Ok(())
    }
}
