//! How ssh says that a host, which answers, takes no more sessions on a connection. Pure; it must never take a dead connection for
//! one that is full. Used by the masters' parts and the transfer.

/// Whether this is what ssh says when a host takes no more sessions on a connection.
pub(in crate::remote) fn is_refusal_of_a_session(words: &str) -> bool {
    words.contains("Session open refused by peer")
}

/// Whether the host, which answers, takes no more sessions on this connection: its `sshd` has a `MaxSessions`.
pub(super) fn is_refusal(error: &openssh::Error) -> bool {
    // The master's words, deep inside.
    is_refusal_of_a_session(&format!("{error:?}"))
}
