//! What other programs say when they fail, and what we advise: one table for each program, pure. Those of the programs of sources lie
//! beside them (`source::advice`). The words that a person
//! reads begin with the program's own telling line; our cause and cure are chosen by that line, never guessed. It must never
//! read anything, and never hide what the program said. Called by whoever ran the program.

mod case;
pub mod curl;
pub mod host;
pub mod irc;
pub mod ours;
pub mod rsync;
pub mod smtp;
pub mod sqlite;
pub mod ssh;
pub mod tls;

pub use case::{Advice, Case, LONGEST};

/// What a program is known to say, with its name as the docs say it.
pub type Table = (&'static str, &'static [Case]);

/// The tables of this room: what `docs/operating.md` lists, with those of sources.
pub const TABLES: &[Table] = &[
    ("Pushbutton (push)", ours::pushes::CASES),
    ("Pushbutton (host)", ours::hosts::CASES),
    ("Pushbutton (release)", ours::releases::CASES),
    ("Pushbutton (build, source)", ours::builds::CASES),
    ("Pushbutton (server)", ours::server::CASES),
    ("ssh", ssh::CASES),
    ("login shell", ssh::SHELL),
    ("rsync", rsync::CASES),
    ("host", host::CASES),
    ("curl", curl::CASES),
    ("TLS", tls::CASES),
    ("SMTP", smtp::CASES),
    ("IRC", irc::CASES),
    ("SQLite", sqlite::CASES),
];

/// The same words where the stack is known: a command that they tell someone to type has its argument.
pub fn of_stack(words: &str, stack: &str) -> String {
    words.replace(" STACK`", &format!(" {stack}`"))
}
