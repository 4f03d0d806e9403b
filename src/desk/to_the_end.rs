//! Orders are carried out whole: in a task of the desk's own, since who waits for an answer may go in the middle; and then they are in
//! the audit. First the order, then its line: no ledger that does not answer keeps anybody from stopping a push, and no line says what
//! was not done. It must never begin an order twice. Every order goes through it.

use super::Desk;
use super::refusal::{Decision, Refusal};
use crate::ledger::audit;
use crate::ledger::audit::place::carried;
use crate::stack::Who;
use crate::time::At;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

/// How long a ledger that does not answer may keep someone waiting for the line of what was done.
const LEDGER_LIMIT: Duration = Duration::from_secs(1);
/// How often the audit is tried again when the ledger does not take it…
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// … more and more seldom, up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl Desk {
    /// Carries an order out to its end, whether or not someone still waits for it; `what` names it.
    ///
    /// # Errors
    /// Why it was refused, or that the server is stopping.
    pub(crate) async fn to_the_end<T, Carried>(
        &self,
        what: &'static str,
        order: impl FnOnce(Arc<Self>) -> Carried,
    ) -> Decision<T>
    where
        T: Send + 'static,
        Carried: Future<Output = Decision<T>> + Send + 'static,
    {
        let Some(desk) = self.me.upgrade() else { return Err(Refusal::stopping()) };
        // On the desk's own runtime: the thread of a request may end before.
        let carried_out = self.runtime.spawn(carried(order(desk)));
        carried_out.await.unwrap_or_else(|error| Err(Refusal::broke(what, &error)))
    }

    /// Writes into the audit what was done outside the ledger: before this returns, unless the ledger does not take it, and then as
    /// soon as it does. What the ledger itself holds is written together with its line, in one transaction.
    pub async fn note(&self, who: &Who, what: &'static str, object: &str, text: String) {
        let Some(desk) = self.me.upgrade() else { return };
        let (at, who, object) = (At::now(), who.clone(), object.to_owned());
        let (noted, known) = oneshot::channel();
        self.spawn(carried(async move {
            let mut wait = FIRST_WAIT;
            loop {
                let (name, object, words) = (who.clone(), object.clone(), text.clone());
                let written = desk.ledger.write(move |tx| audit::note(tx, at, name.as_str(), what, &object, &words));
                let Err(error) = written.await else { break };
                tracing::error!(%who, what, text, %error, "what was done is not in the audit yet, and is tried again");
                tokio::select! { () = desk.stop.cancelled() => return, () = sleep(wait) => {} }
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            // Whoever waited may have gone on.
            let _ = noted.send(());
        }));
        let _ = timeout(LEDGER_LIMIT, known).await;
    }
}
