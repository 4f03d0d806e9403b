//! What one caller may: a person by the rights of the server's file, a program by its scopes within the rights of its owner, the command
//! line of the push host everything. Pure, and the one place that says so for router, gate, pages and API. It must never let anyone do
//! anything to what they may not see.

use super::grantee::{Group, Member};
use super::rights::Rights;
use super::scope::{Scopes, Target, Verb};
use super::who::Who;
use crate::stack::name::{StackName, StageName};
use std::sync::Arc;

/// A caller with the rights of this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    rights: Arc<Rights>,
    subject: Subject,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    PushHost(Who),
    Person(Member),
    Program { name: Who, owner: Member, scopes: Scopes },
}

impl Access {
    /// Who has the push host has everything.
    pub fn of_push_host(rights: Arc<Rights>, who: Who) -> Self {
        Self { rights, subject: Subject::PushHost(who) }
    }

    /// A person.
    pub fn of_person(rights: Arc<Rights>, person: Member) -> Self {
        Self { rights, subject: Subject::Person(person) }
    }

    /// A program of a person, as the history names it.
    pub fn of_program(rights: Arc<Rights>, name: Who, owner: Member, scopes: Scopes) -> Self {
        Self { rights, subject: Subject::Program { name, owner, scopes } }
    }

    /// Whether it was judged by these very rights.
    pub fn is_of(&self, rights: &Arc<Rights>) -> bool {
        Arc::ptr_eq(&self.rights, rights)
    }

    /// Whether they were judged as a member of these very groups, or their owner was.
    pub fn is_of_groups(&self, groups: &[Group]) -> bool {
        match &self.subject {
            Subject::PushHost(_) => true,
            Subject::Person(person) | Subject::Program { owner: person, .. } => person.groups == groups,
        }
    }

    /// Whether nothing is hidden from them: no list has to be filtered.
    pub fn sees_all(&self) -> bool {
        match &self.subject {
            Subject::PushHost(_) => true,
            Subject::Person(_) => self.rights.are_open(),
            Subject::Program { scopes, .. } => self.rights.are_open() && scopes.allow(Verb::See, &Target::Everything),
        }
    }

    /// Whether they may see a stage.
    pub fn sees(&self, stack: &StackName, stage: &StageName) -> bool {
        self.stage(Verb::See, stack, stage)
    }

    /// Whether they may do this to a stage.
    pub fn stage(&self, verb: Verb, stack: &StackName, stage: &StageName) -> bool {
        self.may(verb, &Target::Stage(stack.clone(), stage.clone()))
    }

    /// Whether they may do this to a stack with these stages. It is seen, and its hosts are looked at, by who may that on one of its
    /// stages; what is done to it as a whole is done to all of them.
    pub fn stack(&self, verb: Verb, stack: &StackName, stages: &[StageName]) -> bool {
        let whole = || self.may(verb, &Target::Stack(stack.clone()));
        match verb {
            Verb::See | Verb::Push if !stages.is_empty() => stages.iter().any(|stage| self.stage(verb, stack, stage)),
            Verb::Hold | Verb::Rollback | Verb::Approve => {
                whole() && stages.iter().all(|stage| self.stage(verb, stack, stage))
            }
            Verb::See | Verb::Push | Verb::Publish => whole(),
        }
    }

    /// Whether they may do this to the whole server.
    pub fn server(&self, verb: Verb) -> bool {
        self.may(verb, &Target::Everything)
    }

    /// Whether they are an administrator. No program is.
    pub fn admin(&self) -> bool {
        match &self.subject {
            Subject::PushHost(_) => true,
            Subject::Person(person) => self.rights.admin(person),
            Subject::Program { .. } => false,
        }
    }

    /// Why they may not do this to a stage, if so: what a closed button says, and a refused request.
    ///
    /// # Errors
    /// Who could.
    pub fn must(&self, verb: Verb, stack: &StackName, stage: &StageName) -> Result<(), NoRight> {
        match self.stage(verb, stack, stage) {
            true => Ok(()),
            false => Err(self.no_right(verb, Target::Stage(stack.clone(), stage.clone()))),
        }
    }

    /// Why they may not do this to a stack with these stages, if so.
    ///
    /// # Errors
    /// Who could.
    pub fn must_on_stack(&self, verb: Verb, stack: &StackName, stages: &[StageName]) -> Result<(), NoRight> {
        if self.stack(verb, stack, stages) {
            return Ok(());
        }
        let target = Target::Stack(stack.clone());
        // The stage that closes it says who could better than the stack does.
        let closing = stages.iter().find(|stage| self.may(verb, &target) && !self.stage(verb, stack, stage));
        Err(self.no_right(verb, closing.map_or(target, |stage| Target::Stage(stack.clone(), stage.clone()))))
    }

    /// Why they may not do this to the whole server, if so.
    ///
    /// # Errors
    /// Who could.
    pub fn must_on_server(&self, verb: Verb) -> Result<(), NoRight> {
        match self.server(verb) {
            true => Ok(()),
            false => Err(self.no_right(verb, Target::Everything)),
        }
    }

    fn no_right(&self, verb: Verb, target: Target) -> NoRight {
        let can = match self.rights.who_may(verb, &target).as_str() {
            "nobody" => "nobody".to_owned(),
            who => format!("only {who}"),
        };
        NoRight { who: self.who(), verb, target, can }
    }

    fn who(&self) -> Who {
        match &self.subject {
            Subject::PushHost(who) => who.clone(),
            Subject::Person(person) => person.who.clone(),
            Subject::Program { name, .. } => name.clone(),
        }
    }

    /// What the scopes of a program let it do, were there no rights; none for anybody else.
    pub fn by_scopes(&self) -> Option<(&Scopes, Self)> {
        match &self.subject {
            Subject::PushHost(_) | Subject::Person(_) => None,
            Subject::Program { name, owner, scopes } => {
                let open = Self::of_program(Arc::default(), name.clone(), owner.clone(), scopes.clone());
                Some((scopes, open))
            }
        }
    }

    /// Who the administrators are.
    pub fn who_is_admin(&self) -> String {
        self.rights.who_is_admin()
    }

    /// Whether it is no secret to them that a stack with these stages is there.
    pub fn knows_stack(&self, stack: &StackName, stages: &[StageName]) -> bool {
        match &self.subject {
            Subject::PushHost(_) | Subject::Person(_) => self.stack(Verb::See, stack, stages),
            Subject::Program { owner, scopes, .. } => {
                scopes.name(&Target::Stack(stack.clone()))
                    && Self::of_person(Arc::clone(&self.rights), owner.clone()).stack(Verb::See, stack, stages)
            }
        }
    }

    /// Whether it is no secret to them that a stage is there.
    pub fn knows_stage(&self, stack: &StackName, stage: &StageName) -> bool {
        let target = Target::Stage(stack.clone(), stage.clone());
        match &self.subject {
            Subject::PushHost(_) => true,
            Subject::Person(person) => self.rights.allow(person, Verb::See, &target),
            Subject::Program { owner, scopes, .. } => {
                scopes.name(&target) && self.rights.allow(owner, Verb::See, &target)
            }
        }
    }
}

impl Access {
    fn may(&self, verb: Verb, target: &Target) -> bool {
        match &self.subject {
            Subject::PushHost(_) => true,
            Subject::Person(person) => self.person_may(person, verb, target),
            Subject::Program { name, owner, scopes } => {
                scopes.allow(verb, target)
                    && (self.person_may(owner, verb, target) || self.rights.name_program(name, verb, target))
            }
        }
    }

    fn person_may(&self, person: &Member, verb: Verb, target: &Target) -> bool {
        self.rights.allow(person, verb, target) && (verb == Verb::See || self.rights.allow(person, Verb::See, target))
    }
}

/// Why somebody may not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{who} may not {} {target}: {can} may", verb.phrase())]
pub struct NoRight {
    /// Who.
    pub who: Who,
    /// What they wanted.
    pub verb: Verb,
    /// Where.
    pub target: Target,
    /// Who could, as a part of a sentence: `only joe and nina (@web)`.
    pub can: String,
}
