//! Prints. It must never let anything from outside through that a terminal obeys, and never panic when the reader of a
//! pipe has gone, nor draw over what it has printed: all is whole lines, in a pipe as on a terminal. Called by the commands.

use crate::client::terminal::{self, Colours};
use std::io::{IsTerminal, Write};

/// Prints a line; ends the program quietly when nobody reads any more (`| head`).
pub fn line(text: &str) {
    raw(&format!("{}\n", terminal::clean(text, Colours::LeftOut)));
}

/// Prints text that is ours or clean already, as it is.
pub fn raw(text: &str) {
    let mut out = std::io::stdout().lock();
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}

/// Says what is wrong, or worth knowing, on standard error, as it is; that nobody reads it stops nothing.
pub fn aside(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Whether colours are shown here.
pub fn colours() -> Colours {
    match std::io::stdout().is_terminal() {
        true => Colours::Shown,
        false => Colours::LeftOut,
    }
}
