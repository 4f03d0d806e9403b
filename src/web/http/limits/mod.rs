//! What one address, one person or one connection may take: connections, requests, time for a body. It must never count a person by
//! anything that a stranger can choose.

pub(crate) mod body_timeout;
pub(crate) mod client_address;
pub(crate) mod connections;
pub(crate) mod rate;
