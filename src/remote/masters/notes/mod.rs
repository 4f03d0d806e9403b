//! What server and runners remember of a host, in small files beside its socket, so that each of them knows it. It must never be
//! the only place of what a push must know: a note that is lost costs a question. Used by the masters' parts.

pub(super) mod doubt;
pub(super) mod last_contact;
pub(super) mod missed;
