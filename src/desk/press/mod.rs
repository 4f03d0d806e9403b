//! What people start: a push of any kind, and a build that is published. It must never start anything that the ledger does not
//! have.

pub(crate) mod accept;
pub(crate) mod approval;
pub(crate) mod auto;
pub(crate) mod catch_up;
mod commits_file;
pub(crate) mod marks;
pub(crate) mod named;
pub(crate) mod publish;
pub(crate) mod redeliver;
pub(crate) mod resume;
pub(crate) mod status;
pub(crate) mod version;
mod week;

#[cfg(test)]
mod tests;
