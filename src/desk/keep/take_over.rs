//! Taking over a data directory that was made on another machine, by a person. It must never happen by itself.

use crate::desk::Desk;
use crate::desk::cases::Case;
use crate::desk::parts::home::{this_machine, write};
use crate::desk::reason::{Reason, because};
use crate::desk::refusal::{Decision, Refusal};
use crate::stack::Who;
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
    pub async fn take_over(&self, who: &Who, reason: Option<Reason>) -> Decision<()> {
        let who = who.clone();
        self.to_the_end("taking over", |desk| async move { desk.take_data_over(&who, reason).await }).await
    }

    async fn take_data_over(&self, who: &Who, reason: Option<Reason>) -> Decision<()> {
        let no_copy = || {
            let why = "this data directory is no copy, or was taken over already".to_owned();
            Refusal::Nothing { case: Case::NoCopy, why }
        };
        self.copied_from().ok_or_else(no_copy)?;
        let data = self.config.data.clone();
        let written = crate::supervise::blocking(move || {
            let (id, name) = this_machine();
            write(&data, &id, &name)
        });
        written.await.map_err(|error| Refusal::Unable { case: Case::NotKept, why: error.to_string() })?;
        // Someone else may have taken it over meanwhile: once is enough, and so is one line.
        let copied = self.home.0.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(no_copy)?;
        let because = because(reason.as_ref());
        self.note(who, "take over", "data", format!("{copied}; that server no longer pushes{because}")).await;
        self.changed();
        Ok(())
    }
}
