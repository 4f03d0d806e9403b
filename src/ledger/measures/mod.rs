//! What `/metrics` asks of the ledger, one file a subject. It must never read all of history again for one more answer: what has
//! ended is read once, and what waits or runs is little.

pub mod ended;
pub mod waiting;
pub mod week;
