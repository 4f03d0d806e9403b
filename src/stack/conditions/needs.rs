//! `needs` of a stage: what must be so of a version before it may go out there: that someone has marked its build as good on the stage before,
//! and that its commit has these statuses, green. It must never say who may tell a status: the rights of the server do. Called by `parse`;
//! the desk decides by it.

use crate::diagnostic::{Mistake, shown};
use crate::stack::reader::{Reader, Value};
use crate::stack::values::{Refused, refused};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::de::{DeTable, DeValue};

/// The word for a mark on the stage before.
const APPROVED: &str = "approved";
/// The most statuses that a stage can wait for.
const MOST: usize = 20;
/// The longest name of a status, in bytes; forges have some that are a sentence.
pub const LONGEST_CONTEXT: usize = 200;

/// What a stage asks of what is pushed to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// A build that someone has marked as good on the stage before.
    pub approved: bool,
    /// Statuses of the commit that must be green, by their contexts, in the file's order, none twice.
    pub statuses: Vec<String>,
}

/// How a commit is, by one context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommitState {
    /// It is being found out.
    Pending,
    /// It is well.
    Success,
    /// It is not.
    Failure,
    /// That could not be found out.
    Error,
}

/// A word that is no state of a commit.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no state of a commit")]
pub struct NoCommitState(String);

impl CommitState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Success, Self::Failure, Self::Error];

    /// Its word, in the ledger and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
        }
    }

    /// The state of a word.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(word: &str) -> Result<Self, NoCommitState> {
        Self::ALL.into_iter().find(|state| state.word() == word).ok_or_else(|| NoCommitState(word.to_owned()))
    }
}

/// Whether this can be the name of a status: one line, with no space at its ends.
pub fn is_context(text: &str) -> bool {
    (1..=LONGEST_CONTEXT).contains(&text.len()) && text.trim() == text && !text.chars().any(char::is_control)
}

/// Reads `needs`, a word or a list; `place` is the stage's, from 0.
pub(in crate::stack) fn read(reader: &mut Reader<'_>, table: &DeTable<'_>, place: usize) -> Needs {
    let Some(value) = table.get("needs") else { return Needs::default() };
    let values: Vec<&Value<'_>> = match value.get_ref() {
        DeValue::Array(list) => list.iter().collect(),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Table(_) => vec![value],
    };
    if values.is_empty() || values.len() > MOST {
        let title = format!("`needs` names 1 to {MOST} things, and this has {}", values.len());
        reader.refuse(Mistake::new(value.span(), title).cure("write needs = [\"ci/test\"], or take it out"));
    }
    let mut needs = Needs::default();
    for value in values {
        let Some(need) = reader.parsed(value, context) else { continue };
        let twice = match need.as_str() {
            APPROVED if place == 0 => {
                let title = "the first stage takes its version from the source, and so no build that was marked before";
                let cure = "put \"approved\" into `needs` of a later stage; statuses of commits may stand here";
                reader.refuse(Mistake::new(value.span(), title).cure(cure));
                false
            }
            APPROVED => std::mem::replace(&mut needs.approved, true),
            _ if needs.statuses.contains(&need) => true,
            _ => {
                needs.statuses.push(need.clone());
                false
            }
        };
        if twice {
            let title = format!("`{}` is listed twice", shown(&need));
            reader.refuse(Mistake::new(value.span(), title).cure("take one of them out"));
        }
    }
    needs
}

fn context(text: &str) -> Result<String, Refused> {
    if text != APPROVED && text.to_lowercase().starts_with("approv") {
        let cure = "write \"approved\" for builds that are marked as good on the stage before";
        return Err(refused(format!("needs `{}` is not known", shown(text)), cure));
    }
    match is_context(text) {
        true => Ok(text.to_owned()),
        false => Err(refused(
            format!("`{}` cannot be the name of a status", shown(text)),
            "write \"approved\", or a status of the commit as it is told, such as \"ci/test\": one line of at most 200 bytes",
        )),
    }
}
