//! What the desk holds, each part with a lock of its own, and how its small files are written. It must never know the desk.
//! restart.

pub(crate) mod auto_tries;
pub(crate) mod boards;
pub mod channels;
pub(crate) mod durable;
pub(crate) mod home;
pub(crate) mod hosts;
pub mod journals;
pub(crate) mod notify_targets;
pub(crate) mod recent_plans;
pub(crate) mod rights_file;
pub(crate) mod room;
pub(crate) mod runner_lock;
pub(crate) mod sources;
pub mod uploads;
