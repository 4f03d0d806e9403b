//! As whom a command on the push host runs: `as`. A committer's code is kept apart from the server; an operator's own program is not, so
//! nothing that was committed can be what runs. Pure.

use crate::diagnostic::Mistake;
use crate::stack::reader::{Reader, Value};
use crate::stack::script::Script;
use serde::{Deserialize, Serialize};

/// As whom a command on the push host runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunsAs {
    /// Isolated, in the build's directory.
    #[default]
    Committer,
    /// As the server's user, in an empty directory: a program of this machine, with its keys.
    Operator,
}

impl RunsAs {
    /// Whether a plan says nothing of it.
    pub fn is_committer(&self) -> bool {
        *self == Self::Committer
    }

    /// Reads `as` of a command with this script.
    pub(in crate::stack) fn read(reader: &mut Reader<'_>, value: Option<&Value<'_>>, script: Option<&Script>) -> Self {
        let Some(value) = value else { return Self::Committer };
        let Some(word) = reader.text(value) else { return Self::Committer };
        if word.value != "operator" {
            let mistake = Mistake::new(word.at, "`as` takes one word only: `operator`");
            reader.refuse(mistake.cure("as = \"operator\"; without it a command runs isolated, in the build"));
            return Self::Committer;
        }
        if script.is_some_and(|script| !script.text.trim_start().starts_with('/')) {
            let title = "an operator's command begins with the absolute path of its program";
            let cure = "what was committed must not be what runs: { local = \"/usr/local/bin/balancer out {host}\", as = \"operator\" }";
            reader.refuse(Mistake::new(value.span(), title).cure(cure));
        }
        Self::Operator
    }
}
