//! Makes the index of a long push when it ends, so that its first reader finds it. It must never be in anybody's way: one at
//! a time, and what is missed is made at the first opening, as it is for pushes that ended before there were indexes. Runs
//! as long as the server does.

use super::lines::{LONG, Past};
use crate::ledger::history::{self, Filter};
use crate::stack::PushNumber;
use crate::web::app::App;
use tokio::sync::broadcast::error::RecvError;

/// Pushes that are looked at when a server begins: those that ended while none was there, or just before it went.
const LATELY: usize = 10;

/// Makes what is missing, then waits for ends.
pub async fn ahead(app: &App) {
    let mut ends = app.desk.ends();
    let lately = app.desk.ledger().read(|connection| history::list(connection, &Filter::default(), LATELY)).await;
    // Without an answer they wait for their first readers.
    for row in lately.unwrap_or_default().into_iter().filter(|row| row.ended_at.is_some()) {
        if !app.desk.index_path(row.id).exists() {
            make(app, row.id).await;
        }
    }
    loop {
        match ends.recv().await {
            Ok(push) => make(app, push).await,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

async fn make(app: &App, push: PushNumber) {
    if app.desk.journal_end(push).await.is_none_or(|end| end.borrow().len < LONG) {
        return;
    }
    // What went wrong is in the log; its first reader tries again.
    Past::of(app, push).await.ok();
}
