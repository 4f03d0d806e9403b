//! An announcement that someone sends again: one that was given up, or one that a channel has lost. In one transaction with its line in the
//! audit. It must never make a new announcement, nor send anything itself.

use crate::desk::Desk;
use crate::desk::cases::Case;
use crate::desk::refusal::{Decision, Refusal};
use crate::ledger::audit;
use crate::ledger::outbox::again::{self, Sent};
use crate::stack::Who;
use crate::time::At;

impl Desk {
    /// Has an announcement sent again, under the same key; one that still waits is tried at once.
    ///
    /// # Errors
    /// When there is no such announcement, or its channel is not in the server's file any more.
    pub async fn redeliver(&self, id: i64, who: &Who) -> Decision<Sent> {
        let who = who.clone();
        self.to_the_end("the announcement", move |desk| async move {
            let config = desk.config.clone();
            let sent = desk.ledger.write(move |tx| {
                let Some(sent) = again::get(tx, id)? else {
                    return Ok(Err(Refusal::Unknown { what: format!("announcement {id}") }));
                };
                if config.channel(&sent.to.channel).is_none() {
                    let why = format!("config.toml has no channel `{}` any more", sent.to.channel);
                    return Ok(Err(Refusal::Nothing { case: Case::NoChannel, why }));
                }
                let at = At::now();
                again::send(tx, id, at)?;
                let object = match (&sent.stack, &sent.stage) {
                    (Some(stack), Some(stage)) => format!("{stack}/{stage}"),
                    (Some(stack), None) => stack.to_string(),
                    (None, _) => "server".to_owned(),
                };
                let detail =
                    format!("announcement {id} ({}) to {}, which was {}", sent.key, sent.to, sent.state.word());
                audit::note(tx, at, who.as_str(), "redeliver", &object, &detail)?;
                Ok(Ok(sent))
            });
            let sent = sent.await??;
            desk.changed();
            Ok(sent)
        })
        .await
    }
}
