//! What a place is to which the audit is sent: it takes rows in order, and says how many. It must never know the ledger: what is next, and
//! what becomes of it, is for who asks it.

use crate::ledger::audit::rows::AuditRow;
use std::future::Future;
use std::io;
use std::pin::Pin;

/// Somewhere that the audit is sent to.
pub(super) trait Target: Send {
    /// Its name in the ledger and in notices.
    fn name(&self) -> &'static str;

    /// The last row that it has by its own account, number and hash, where it can say so and did not just say it.
    fn has(&mut self) -> io::Result<Option<(i64, String)>>;

    /// What it says is not known any more.
    fn look_again(&mut self);

    /// Hands rows over, in order: how many it took, and why not all.
    fn send<'a>(&'a mut self, rows: &'a [AuditRow]) -> Pin<Box<dyn Future<Output = Handed> + Send + 'a>>;
}

/// How many rows were taken, and why no more.
pub(super) struct Handed {
    pub rows: usize,
    pub trouble: Option<io::Error>,
}

impl Handed {
    /// That all were taken, or none.
    pub(super) fn of(rows: usize, done: io::Result<()>) -> Self {
        match done {
            Ok(()) => Self { rows, trouble: None },
            Err(error) => Self { rows: 0, trouble: Some(error) },
        }
    }
}
