//! What the connection and the server say went wrong, in our words. Pure. Called by the session and by what registers.

use crate::advice::irc::words as advised;
use crate::announce::clean;
use irc::error::Error;

/// What went wrong, and what to do where that is known.
#[expect(clippy::wildcard_enum_match_arm, reason = "the messages and errors of IRC are not ours")]
pub(super) fn words(error: &Error) -> String {
    advised(&match error {
        Error::Io(error) => error.to_string(),
        Error::Tls(error) => error.to_string(),
        Error::PingTimeout => "the server stopped answering".to_owned(),
        error => error.to_string(),
    })
}

/// What the server said, clean, and what to do where that is known.
pub(super) fn cleaned(text: &str) -> String {
    advised(&clean::short(text, 200))
}
