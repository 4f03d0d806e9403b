//! The journal: the append-only record of a push, and the truth about it. One JSON object a line, in order of `n`.
//! It must never decide anything: who writes is the runner (and the server, for a runner that died), everybody else reads.

pub mod event;

pub use event::{Ended, Event, HostResult, Record, Stream};
