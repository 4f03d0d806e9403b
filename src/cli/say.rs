//! Prints. It must never let anything from outside through that a terminal obeys, and never panic when the reader of a
//! pipe has gone. What it prints is whole lines; only the grid of a push that is followed on a terminal (`push/screen.rs`) is drawn over. Called by
//! the commands.

use crate::client::terminal::{self, Colours};
use crate::visible;
use std::io::{IsTerminal, Write};

/// The exit code of a program whose reader has gone, as a shell sees it of others (128 + SIGPIPE): 1 would say that history is damaged,
/// or a push failed.
const READER_GONE: i32 = 141;

/// Prints a line; ends the program quietly when nobody reads any more (`| head`).
pub fn line(text: &str) {
    raw(&format!("{}\n", terminal::clean(text, Colours::LeftOut)));
}

/// Prints text that is ours or clean already, as it is.
pub fn raw(text: &str) {
    let mut out = std::io::stdout().lock();
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(READER_GONE);
    }
}

/// Prints JSON; what would hide in it, or be obeyed by a terminal, is written as an escape.
pub fn json(text: &str) {
    raw(&format!("{}\n", visible::json(text.trim_end())));
}

/// Says what is wrong, or worth knowing, on standard error; that nobody reads it stops nothing. Lines stay lines: a caret points at
/// what stands above it.
pub fn aside(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", visible::visible(text));
}

/// Whether colours are shown here: on a terminal, unless `NO_COLOR` says no (no-color.org).
pub fn colours() -> Colours {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match std::io::stdout().is_terminal() && !unwanted {
        true => Colours::Shown,
        false => Colours::LeftOut,
    }
}

/// Lines and columns of the terminal; none where standard output is no terminal, or one that cannot move its cursor.
pub fn terminal() -> Option<(usize, usize)> {
    let out = std::io::stdout();
    if !out.is_terminal() || std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb") {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(out).ok()?;
    // A terminal that does not say how large it is: the size that all had once.
    let or = |size: u16, usual: usize| if size == 0 { usual } else { usize::from(size) };
    Some((or(size.ws_row, 24), or(size.ws_col, 80)))
}

/// An error with its causes, each once: where an error tells its cause itself, it is not told again.
pub fn chain(error: &anyhow::Error) -> String {
    let mut words = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !words.contains(&cause) {
            words.push_str(if words.is_empty() { "" } else { ": " });
            words.push_str(&cause);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_cause_is_told_once() {
        let io = || std::io::Error::other("is a directory");
        let said = anyhow::Error::from(io()).context("cannot read /a/dir: is a directory");
        assert_eq!(chain(&said), "cannot read /a/dir: is a directory");
        let bare: anyhow::Result<()> = Err(io()).context("cannot read /a/dir").context("no server");
        assert_eq!(chain(&bare.unwrap_err()), "no server: cannot read /a/dir: is a directory");
    }
}
