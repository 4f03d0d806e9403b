//! What a token lets a program do: verbs, each on everything, a stack, or one of its stages. Pure; it must never allow what no
//! scope of the token names. Called by the command line and the web, where tokens are made, and by the routes for each request.

use crate::stack::name::{BadName, StackName, StageName};
use std::fmt;
use std::str::FromStr;

/// A token has at most so many scopes.
const MOST: usize = 50;

/// What a scope lets one do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Read: stacks, stages, plans, pushes and their output.
    See,
    /// Push, resume, catch up; pause, cancel and confirm a push; check hosts.
    Push,
    /// Roll back.
    Rollback,
    /// Approve what another person wants to push, and mark builds.
    Approve,
    /// Hold, and release a hold.
    Hold,
    /// Publish builds, and withdraw them.
    Publish,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::See, Self::Push, Self::Rollback, Self::Approve, Self::Hold, Self::Publish];

    /// The word in a scope.
    pub const fn word(self) -> &'static str {
        match self {
            Self::See => "see",
            Self::Push => "push",
            Self::Rollback => "rollback",
            Self::Approve => "approve",
            Self::Hold => "hold",
            Self::Publish => "publish",
        }
    }

    /// What follows "may not" in a sentence.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::See => "see",
            Self::Push => "push to",
            Self::Rollback => "roll back",
            Self::Approve => "approve pushes to",
            Self::Hold => "hold",
            Self::Publish => "publish builds of",
        }
    }
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// All stacks.
    Everything,
    /// A stack with all its stages.
    Stack(StackName),
    /// A stage.
    Stage(StackName, StageName),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("all stacks"),
            Self::Stack(stack) => write!(f, "{stack}"),
            Self::Stage(stack, stage) => write!(f, "{stack}/{stage}"),
        }
    }
}

/// A verb and where it holds: `see`, `publish:web`, `push:web/qa`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    verb: Verb,
    on: Target,
}

/// The scopes of a token, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

/// Why a text is no list of scopes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadScope {
    /// Nothing is named, or too much.
    #[error("a token needs 1 to {MOST} scopes, separated by commas: publish:web,push:web/qa,see")]
    Count,
    /// No such verb.
    #[error("{0:?} is none of see, push, rollback, approve, hold, publish")]
    Verb(String),
    /// A name that no stack or stage can have.
    #[error(transparent)]
    Name(#[from] BadName),
}

impl FromStr for Scope {
    type Err = BadScope;

    fn from_str(text: &str) -> Result<Self, BadScope> {
        let (word, place) = text.split_once(':').map_or((text, None), |(word, place)| (word, Some(place)));
        let verb = Verb::ALL.into_iter().find(|verb| verb.word() == word);
        let verb = verb.ok_or_else(|| BadScope::Verb(word.chars().take(40).collect()))?;
        let on = match place.map(|place| place.split_once('/').ok_or(place)) {
            None => Target::Everything,
            Some(Err(stack)) => Target::Stack(stack.parse()?),
            Some(Ok((stack, stage))) => Target::Stage(stack.parse()?, stage.parse()?),
        };
        Ok(Self { verb, on })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.on {
            Target::Everything => f.write_str(self.verb.word()),
            place @ (Target::Stack(_) | Target::Stage(..)) => write!(f, "{}:{place}", self.verb.word()),
        }
    }
}

impl Scope {
    /// What it lets one do.
    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// Where.
    pub fn on(&self) -> &Target {
        &self.on
    }

    fn allows(&self, verb: Verb, target: &Target) -> bool {
        let covers = match (&self.on, target) {
            (Target::Everything, _) => true,
            (Target::Stack(own), Target::Stack(stack) | Target::Stage(stack, _)) => own == stack,
            (own @ Target::Stage(..), target @ Target::Stage(..)) => own == target,
            (Target::Stack(_), Target::Everything) | (Target::Stage(..), Target::Everything | Target::Stack(_)) => {
                false
            }
        };
        self.verb == verb && covers
    }
}

impl FromStr for Scopes {
    type Err = BadScope;

    fn from_str(text: &str) -> Result<Self, BadScope> {
        let mut scopes = Vec::new();
        for part in text.split([',', ' ']).filter(|part| !part.is_empty()) {
            let scope = part.parse()?;
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        match scopes.len() {
            1..=MOST => Ok(Self(scopes)),
            _ => Err(BadScope::Count),
        }
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scopes: Vec<String> = self.0.iter().map(Scope::to_string).collect();
        f.write_str(&scopes.join(","))
    }
}

impl Scopes {
    /// Whether one of them is about this, or about a part of it: then it is no secret that it is there.
    pub fn name(&self, target: &Target) -> bool {
        self.0.iter().any(|scope| match (&scope.on, target) {
            (Target::Everything, _) | (_, Target::Everything) => true,
            (Target::Stack(own) | Target::Stage(own, _), Target::Stack(stack)) => own == stack,
            (Target::Stack(own), Target::Stage(stack, _)) => own == stack,
            (own @ Target::Stage(..), target @ Target::Stage(..)) => own == target,
        })
    }

    /// Whether one of them allows this there.
    pub fn allow(&self, verb: Verb, target: &Target) -> bool {
        self.0.iter().any(|scope| scope.allows(verb, target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        match text {
            "" => Target::Everything,
            place => format!("see:{place}").parse::<Scope>().unwrap().on,
        }
    }

    #[test]
    fn a_scope_reaches_down_and_never_up_or_beside() {
        for (scopes, verb, on, may) in [
            ("see", Verb::See, "", true),
            ("see", Verb::See, "web/qa", true),
            ("see", Verb::Push, "web/qa", false),
            ("see:web", Verb::See, "", false),
            ("see:web", Verb::See, "web", true),
            ("see:web", Verb::See, "web/qa", true),
            ("see:web", Verb::See, "webb", false),
            ("push:web/qa", Verb::Push, "web/qa", true),
            ("push:web/qa", Verb::Push, "web", false),
            ("push:web/qa", Verb::Push, "web/prod", false),
            ("push:web/qa", Verb::See, "web/qa", false),
            ("push:web/qa", Verb::Rollback, "web/qa", false),
            ("publish:web,push:web/qa,see", Verb::Publish, "web", true),
            ("publish:web,push:web/qa,see", Verb::Publish, "api", false),
        ] {
            assert_eq!(scopes.parse::<Scopes>().unwrap().allow(verb, &target(on)), may, "{scopes}: {verb:?} {on:?}");
        }
    }

    #[test]
    fn scopes_are_written_as_they_are_read_and_what_is_none_is_refused() {
        for (text, written) in [("see", "see"), (" push:web/qa, see ,see", "push:web/qa,see")] {
            assert_eq!(text.parse::<Scopes>().unwrap().to_string(), written);
        }
        for text in ["", " , ", "sea", "see:", "see:web/", "see:/qa", "see:web/qa/x", "SEE", "see:We b", "push:../x"] {
            assert!(text.parse::<Scopes>().is_err(), "{text:?}");
        }
        let many: Vec<String> = (0..51).map(|n| format!("see:s{n}")).collect();
        assert_eq!(many.join(",").parse::<Scopes>(), Err(BadScope::Count));
    }
}
