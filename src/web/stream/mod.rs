//! What changes, as it changes: server-sent events, and the one stream that all tabs of a browser share. It must never wait for a
//! viewer who does not read.

pub(super) mod event_mux;
pub(super) mod events;
pub(super) mod live;
