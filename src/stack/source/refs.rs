//! Which branches a stage may push: `refs` of the stack and of a stage. It must never look at the world: whether a branch is there, its
//! source says. Called by `parse`, and by whoever asks what a stage may push.

use super::kind::Source;
use crate::diagnostic::{Mistake, shown};
use crate::stack::reader::Reader;
use crate::stack::values::{self, Refused};
use serde::{Deserialize, Serialize};
use std::fmt;
use toml::de::DeTable;

/// The branches that a stage may push: names, in which `*` stands for any letters but `/`, and `**` for any at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Refs(Vec<String>);

impl Refs {
    /// One branch and no other.
    pub fn only(branch: &str) -> Self {
        Self(vec![branch.to_owned()])
    }

    /// Whether a branch is among them.
    pub fn allow(&self, branch: &str) -> bool {
        self.0.iter().any(|pattern| matches(pattern.as_bytes(), branch.as_bytes()))
    }
}

impl fmt::Display for Refs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

/// Whether a name is one that a pattern stands for. `reach[n]` says whether the pattern so far ends behind the first `n`
/// bytes of the name, so the work is the product of both lengths whatever the pattern is.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let mut reach = vec![false; name.len() + 1];
    reach[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let stars = pattern[at..].iter().take_while(|byte| **byte == b'*').count();
        match stars {
            0 => {
                for end in (0..=name.len()).rev() {
                    reach[end] = end > 0 && reach[end - 1] && name[end - 1] == pattern[at];
                }
                at += 1;
            }
            stars => {
                for end in 1..=name.len() {
                    reach[end] |= reach[end - 1] && (stars > 1 || name[end - 1] != b'/');
                }
                at += stars;
            }
        }
    }
    reach[name.len()]
}

/// Whether a text can be the name of a branch.
pub fn is_branch(text: &str) -> bool {
    values::branch(text).is_ok()
}

/// Reads `refs` of the stack or of a stage.
pub(in crate::stack) fn read_refs(
    reader: &mut Reader<'_>,
    table: &DeTable<'_>,
    source: Option<&Source>,
) -> Option<Refs> {
    let (key, value) = table.get_key_value("refs")?;
    if let Some(source) = source.filter(|source| !source.has_branches()) {
        let title = format!("`refs` needs branches, and {} has none", shown(source.address().unwrap_or_default()));
        reader.refuse(Mistake::new(key.span(), title).cure("take it out"));
        return None;
    }
    let texts = reader.texts(value)?;
    if texts.is_empty() {
        let cure = "name branches: refs = [\"main\", \"release/*\"]";
        reader.refuse(Mistake::new(value.span(), "`refs` allows no branch at all").cure(cure));
        return None;
    }
    let patterns = texts.iter().map(|text| reader.parsed_text(text, pattern)).collect::<Vec<_>>();
    patterns.into_iter().collect::<Option<Vec<_>>>().map(Refs)
}

/// A branch in which stars may stand for letters.
fn pattern(text: &str) -> Result<String, Refused> {
    match values::branch(&text.replace('*', "x")) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(Refused {
            title: format!("`{}` is not the name of a branch, nor a pattern for some", shown(text)),
            at: None,
            cures: vec![
                "write names; * matches any characters but /, ** any at all: \"main\", \"release/*\"".to_owned(),
            ],
        }),
    }
}

impl crate::stack::Stack {
    /// Whether the stage at `place` may push what was made from a branch.
    pub fn allows(&self, place: usize, branch: &str) -> bool {
        self.refs_of(place).is_none_or(|refs| refs.allow(branch))
    }

    /// The branches that the stage at `place` may push; none: all that come to it. The first stage of a git stack pushes
    /// its own branch, unless `refs` says more.
    pub fn refs_of(&self, place: usize) -> Option<Refs> {
        let said = self.stages.get(place).and_then(|stage| stage.refs.clone());
        said.or_else(|| self.source.own_branch().filter(|_| place == 0).map(Refs::only))
    }
}
