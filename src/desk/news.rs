//! What is announced while nothing is pushed, in the transaction that did it. It must never be told what the ledger does not hold. Called by
//! what people do about approvals, builds and holds, and by what is turned off.

use crate::desk::parts::notify_targets::NotifyTargets;
use crate::ledger::outbox::{self, StageNews};
use crate::ledger::{LedgerResult, audit, seal};
use crate::time::At;
use rusqlite::Transaction;

/// Has something told on each channel; the address is completed, and the audit's head added.
///
/// # Errors
/// What SQLite said.
pub(crate) fn tell(tx: &Transaction<'_>, targets: &NotifyTargets, at: At, news: StageNews) -> LedgerResult<()> {
    // What is told is sealed first, so that nobody can change it behind the head that people were told.
    seal::seal(tx)?;
    let head = audit::head(tx)?;
    let news = StageNews {
        at: at.to_string(),
        url: format!("{}{}", targets.url(), news.url),
        audit_head: head.chars().take(12).collect(),
        ..news
    };
    outbox::write_news(tx, &news, &targets.of(news.about()), at)
}
