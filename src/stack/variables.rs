//! The variables that commands may use, and how each reaches a shell. It must never hold a value.
//! Called by `shell` (compiling scripts) and `plan` (naming the environment).

use std::collections::{BTreeMap, BTreeSet};

/// The built-in variables with the names of their environment variables.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("stack", "PUSH_STACK"),
    ("stage", "PUSH_STAGE"),
    ("push", "PUSH_ID"),
    ("build", "PUSH_BUILD"),
    ("sha", "PUSH_SHA"),
    ("old_sha", "PUSH_OLD_SHA"),
    ("old_build", "PUSH_OLD_BUILD"),
    ("ref", "PUSH_REF"),
    ("who", "PUSH_WHO"),
    ("reason", "PUSH_REASON"),
    ("host", "PUSH_HOST"),
    ("url", "PUSH_URL"),
];

/// Built-in variables whose values may hold any printable text (TRUST section 5: *free*). Own variables are free, too.
const FREE: &[&str] = &["ref", "reason"];

/// Built-in variables that people outside of the stack file fill in: who pushes, the reason given, the name of a branch.
const FROM_PEOPLE: &[&str] = &["who", "reason", "ref"];

/// The environment variable of one of the stack's own variables: `PUSH_VAR_NAME`.
pub fn own_env(name: &str) -> String {
    format!("PUSH_VAR_{}", name.to_ascii_uppercase())
}

/// The environment variable of a secret: `PUSH_SECRET_NAME`.
pub fn secret_env(name: &str) -> String {
    format!("{SECRET_ENV}{}", name.to_ascii_uppercase())
}

/// How the environment variable of every secret begins.
pub const SECRET_ENV: &str = "PUSH_SECRET_";

/// What a value may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing that a shell could read as more than a word.
    Plain,
    /// Any printable text.
    Free,
}

/// A variable that a script may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub env: String,
    pub kind: Kind,
    /// Whether people outside of the stack file fill it in.
    pub from_people: bool,
}

/// Where a script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A build command: there is no host yet.
    Build,
    /// A command of a stage.
    Stage,
}

/// The names that a script knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    pub place: Place,
    pub own: &'a BTreeSet<String>,
    pub secrets: &'a BTreeSet<String>,
    /// The values of the stack's own, where the file gave good ones.
    pub vars: &'a BTreeMap<String, String>,
}

impl Scope<'_> {
    /// Finds a variable by the name between its braces.
    pub fn find(&self, name: &str) -> Option<Variable> {
        if let Some((_, env)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            let kind = if FREE.contains(&name) { Kind::Free } else { Kind::Plain };
            return Some(Variable { env: (*env).to_owned(), kind, from_people: FROM_PEOPLE.contains(&name) });
        }
        let env = match self.secrets.contains(name) {
            true => Some(secret_env(name)),
            false => self.own.contains(name).then(|| own_env(name)),
        };
        env.map(|env| Variable { env, kind: Kind::Free, from_people: false })
    }

    /// All names, for "did you mean".
    pub fn names(&self) -> impl Iterator<Item = &str> {
        BUILT_IN.iter().map(|(name, _)| *name).chain(self.own.iter().chain(self.secrets).map(String::as_str))
    }
}
