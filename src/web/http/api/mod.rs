//! What all calls of the API have in common: what one takes and answers, and the OpenAPI document that is made of it. It must
//! never know a call by name. Used by the handlers below `/api/`, and by the route table.

pub(in crate::web) mod answering;
pub(in crate::web) mod call;
pub(in crate::web) mod document;
mod etag;
mod idempotency;
pub(in crate::web) mod links;
pub(in crate::web) mod statuses;
