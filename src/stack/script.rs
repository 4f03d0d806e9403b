//! Shell text with variables. `{sha}` is short for a reference to an environment variable, so the text that a shell
//! reads is constant and a value can never be code (TRUST section 5). It must never put a value into a script.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A checked piece of shell text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// What the shell reads: constant text in which each variable is `"$PUSH_SHA"` or, within double quotes, `${PUSH_SHA}`.
    pub text: String,
    /// The same as its author wrote it, cut at its variables, for showing.
    pub pieces: Vec<Piece>,
}

/// A part of a script as its author wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// Plain text.
    Text(String),
    /// A variable, by the name of its environment variable: `PUSH_SHA`.
    Var(String),
}

impl Script {
    /// The script with its values in place, for eyes only: never run this.
    pub fn show(&self, values: &BTreeMap<String, String>) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Var(name) => values.get(name).map_or("…", String::as_str),
            })
            .collect()
    }

    /// Whether the script names `{host}`, and so runs once per host.
    pub fn names_host(&self) -> bool {
        self.pieces.iter().any(|piece| *piece == Piece::Var("PUSH_HOST".to_owned()))
    }
}
