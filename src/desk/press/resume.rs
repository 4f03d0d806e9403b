//! The push that resumes an earlier one. It must never decide what is left of it.

use crate::desk::Desk;
use crate::desk::decide::press::Press;
use crate::desk::decide::request::Request;
use crate::desk::reason::Reason;
use crate::desk::refusal::{Decision, Refusal};
use crate::ledger::pushes::{self};
use crate::stack::{PushNumber, Who};

impl Desk {
    /// Goes on with a push that did not end well: a new push that does what is left of it. A push that is paused goes on
    /// itself, and its own number comes back.
    ///
    /// # Errors
    /// Why it was refused; then nothing was pushed.
    pub async fn resume(
        &self,
        of: PushNumber,
        who: &Who,
        reason: Option<Reason>,
        plan_hash: Option<String>,
        nonce: Option<String>,
    ) -> Decision<PushNumber> {
        let who = who.clone();
        self.to_the_end("the resume", |desk| async move {
            let row = desk.ledger.read(move |connection| pushes::get(connection, of)).await?;
            let Some(row) = row else { return Err(Refusal::Unknown { what: format!("push {of}") }) };
            if row.ended_at.is_none() {
                // Whether it is paused its runner knows; the ledger may be behind.
                match desk.unpause(of, &who).await {
                    Ok(()) => return Ok(of),
                    Err(refusal) if row.paused.is_some() => return Err(refusal),
                    // It runs, and why it cannot be resumed is said below.
                    Err(_) => {}
                }
            }
            let press = Press {
                stack: row.stack,
                stage: row.stage,
                who,
                seen: row.build,
                plan_hash,
                reason,
                override_why: None,
                marks_bad: false,
                nonce,
            };
            desk.press_for(press, Request::Resume(of)).await
        })
        .await
    }
}
