//! Doubts about a connection: something failed on its host. What an `sshd` session was given when it began (PATH, groups, limits,
//! whatever PAM says) stays as it was, so the stack's next push opens a new one, which sees what a person has fixed meanwhile.
//! A doubt must never end what runs over the old one, nor go before the new one answers. Called by the masters.

use crate::stack::StackName;
use std::path::{Path, PathBuf};

/// Something failed on the host in a push of this stack.
pub fn note(socket: &Path, stack: &StackName) {
    // Not written down, the old session is used once more, as it was without the failure.
    let _ = std::fs::write(file(socket, stack), "");
}

/// Whether a push of this stack is to have a new session.
pub fn is_noted(socket: &Path, stack: &StackName) -> bool {
    file(socket, stack).exists()
}

/// It has one.
pub fn forget(socket: &Path, stack: &StackName) {
    let _ = std::fs::remove_file(file(socket, stack));
}

fn file(socket: &Path, stack: &StackName) -> PathBuf {
    socket.with_extension(format!("doubt-{stack}"))
}
