//! What the server's file says of rights: who may do what, everywhere, on a stack or on a stage. Pure; where it is silent, everybody who
//! signs in may, and nobody is an administrator. It must never let a wider rule count where a narrower one speaks.
//! Built by the configuration, asked through [`super::caller::Access`].

use super::grantee::{BadGrantee, Grantee, Group, Member};
use super::scope::{BadScope, Scope, Target, Verb};
use super::who::Who;
use crate::stack::name::{StackName, StageName};
use std::collections::{BTreeMap, BTreeSet};

/// Who may what. Nothing said: everybody who signs in may everything but administrate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    groups: BTreeMap<Group, BTreeSet<Who>>,
    rules: Vec<Rule>,
    admins: Vec<Grantee>,
}

/// One line of `[rights]`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    verb: Verb,
    on: Place,
    to: Vec<Grantee>,
}

/// Where a rule holds, the widest first: of all that are about a stage, the last one counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Everything,
    Stack(StackName),
    StageOfAll(StageName),
    Stage(StackName, StageName),
}

impl Place {
    fn covers(&self, target: &Target) -> bool {
        match (self, target) {
            (Self::Everything, _) => true,
            (Self::Stack(own), Target::Stack(stack) | Target::Stage(stack, _)) => own == stack,
            (Self::StageOfAll(own), Target::Stage(_, stage)) => own == stage,
            (Self::Stage(stack, stage), Target::Stage(its, at)) => stack == its && stage == at,
            (Self::Stack(_) | Self::StageOfAll(_) | Self::Stage(..), Target::Everything)
            | (Self::StageOfAll(_) | Self::Stage(..), Target::Stack(_)) => false,
        }
    }
}

/// What is wrong with a line of `[groups]` or `[rights]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRight {
    /// The key is no verb with a place.
    #[error("{0}")]
    Key(#[from] BadScope),
    /// Publishing is of a whole stack.
    #[error("builds are published for a stack, not for a stage: write publish:{0}")]
    Publish(StackName),
    /// Administrators are for the whole server.
    #[error("`admin` is for the whole server: it takes no stack")]
    Admin,
    /// One who is named cannot be anybody.
    #[error("{0}")]
    Grantee(#[from] BadGrantee),
    /// Members of a group are persons.
    #[error("a group holds persons, and `{0}` is none")]
    Member(String),
    /// A group that nobody knows.
    #[error("[groups] does not have {0}")]
    NoGroup(Group),
}

/// The key of the administrators.
const ADMIN: &str = "admin";
/// In the place of a stack's name: every stack.
const EVERY_STACK: &str = "*/";

impl Rights {
    /// Adds a group and its persons.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn add_group(&mut self, name: &str, members: &[String]) -> Result<(), BadRight> {
        let person = |name: &String| name.parse::<Who>().map_err(|_| BadRight::Member(name.chars().take(60).collect()));
        let members = members.iter().map(person).collect::<Result<_, _>>()?;
        self.groups.insert(name.parse()?, members);
        Ok(())
    }

    /// Adds a line of `[rights]`: `push`, `push:web`, `push:web/prod`, `push:*/prod`, `admin`. With `only_own` groups that the file
    /// does not have are refused: nobody else brings any.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn add_rule(&mut self, key: &str, to: &[String], only_own: bool) -> Result<(), BadRight> {
        let to: Vec<Grantee> = to.iter().map(|one| one.parse()).collect::<Result<_, _>>()?;
        let known = |group: &&Group| only_own && !self.groups.contains_key(*group);
        if let Some(group) = to.iter().filter_map(Grantee::group).find(known) {
            return Err(BadRight::NoGroup(group.clone()));
        }
        if key == ADMIN {
            self.admins = to;
            return Ok(());
        }
        if key.split(':').next() == Some(ADMIN) {
            return Err(BadRight::Admin);
        }
        let (verb, on) = match key.split_once(':') {
            Some((verb, place)) if place.starts_with(EVERY_STACK) => {
                let stage = place[EVERY_STACK.len()..].parse::<StageName>().map_err(BadScope::from)?;
                (verb.parse::<Scope>()?.verb(), Place::StageOfAll(stage))
            }
            Some(_) | None => {
                let scope: Scope = key.parse()?;
                let place = match scope.on() {
                    Target::Everything => Place::Everything,
                    Target::Stack(stack) => Place::Stack(stack.clone()),
                    Target::Stage(stack, _) if scope.verb() == Verb::Publish => {
                        return Err(BadRight::Publish(stack.clone()));
                    }
                    Target::Stage(stack, stage) => Place::Stage(stack.clone(), stage.clone()),
                };
                (scope.verb(), place)
            }
        };
        self.rules.push(Rule { verb, on, to });
        self.rules.sort_by(|a, b| a.on.cmp(&b.on));
        Ok(())
    }

    /// Whether nothing is limited.
    pub fn are_open(&self) -> bool {
        self.rules.is_empty()
    }

    /// The stacks and stages that rules name, each with its key, for who looks whether they are there.
    pub fn named(&self) -> impl Iterator<Item = (String, &StackName, Option<&StageName>)> {
        self.rules.iter().filter_map(|rule| {
            let verb = rule.verb.word();
            match &rule.on {
                Place::Stack(stack) => Some((format!("{verb}:{stack}"), stack, None)),
                Place::Stage(stack, stage) => Some((format!("{verb}:{stack}/{stage}"), stack, Some(stage))),
                Place::Everything | Place::StageOfAll(_) => None,
            }
        })
    }

    /// Whether a person may this there, by the narrowest rule that speaks of it.
    pub fn allow(&self, member: &Member, verb: Verb, target: &Target) -> bool {
        self.rule(verb, target).is_none_or(|to| self.among(member, to))
    }

    /// Whether a rule names this very program, apart from what its owner may.
    pub fn name_program(&self, program: &Who, verb: Verb, target: &Target) -> bool {
        self.rule(verb, target)
            .is_some_and(|to| to.iter().any(|one| matches!(one, Grantee::One(who) if who == program)))
    }

    /// Whether a person is an administrator.
    pub fn admin(&self, member: &Member) -> bool {
        self.among(member, &self.admins)
    }

    /// Who may this there, as a closed button says it: `only joe and nina (@release)`.
    pub fn who_may(&self, verb: Verb, target: &Target) -> String {
        self.words(self.rule(verb, target).unwrap_or(&[Grantee::Everyone]))
    }

    /// Who the administrators are, in the same words.
    pub fn who_is_admin(&self) -> String {
        self.words(&self.admins)
    }

    fn rule(&self, verb: Verb, target: &Target) -> Option<&[Grantee]> {
        self.rules.iter().rev().find(|rule| rule.verb == verb && rule.on.covers(target)).map(|rule| &*rule.to)
    }

    fn among(&self, member: &Member, to: &[Grantee]) -> bool {
        to.iter().any(|one| match one {
            Grantee::Everyone => true,
            Grantee::One(who) => *who == member.who,
            Grantee::Group(group) => {
                member.groups.contains(group) || self.groups.get(group).is_some_and(|all| all.contains(&member.who))
            }
        })
    }

    fn words(&self, to: &[Grantee]) -> String {
        let one = |one: &Grantee| match one {
            Grantee::Everyone => "everyone who signs in".to_owned(),
            Grantee::One(who) => who.to_string(),
            Grantee::Group(group) => match self.groups.get(group) {
                Some(members) if !members.is_empty() => {
                    let names: Vec<&str> = members.iter().map(Who::as_str).collect();
                    format!("{} (@{group})", listed(&names))
                }
                Some(_) | None => format!("members of @{group}"),
            },
        };
        let all: Vec<String> = to.iter().map(one).collect();
        match all.is_empty() {
            true => "nobody".to_owned(),
            false => listed(&all.iter().map(String::as_str).collect::<Vec<_>>()),
        }
    }
}

/// So many names are said; whoever looks for one to ask needs no more.
const NAMED: usize = 6;

fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [few @ .., last] if names.len() <= NAMED => format!("{} and {last}", few.join(", ")),
        many => format!("{} and {} more", many[..NAMED].join(", "), many.len() - NAMED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(lines: &[(&str, &[&str])]) -> Rights {
        let mut rights = Rights::default();
        let owned = |to: &[&str]| to.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        rights.add_group("web", &owned(&["joe", "nina"])).unwrap();
        for (key, to) in lines {
            rights.add_rule(key, &owned(to), true).unwrap();
        }
        rights
    }

    fn member(name: &str, groups: &[&str]) -> Member {
        Member { who: name.parse().unwrap(), groups: groups.iter().map(|group| group.parse().unwrap()).collect() }
    }

    fn stage(text: &str) -> Target {
        let (stack, stage) = text.split_once('/').unwrap();
        Target::Stage(stack.parse().unwrap(), stage.parse().unwrap())
    }

    #[test]
    fn the_narrowest_rule_that_speaks_of_it_counts_and_silence_lets_everybody() {
        let given = rights(&[
            ("push:api/prod", &["*"][..]),
            ("push:web", &["@web"]),
            ("push:*/prod", &["zoe"]),
            ("rollback", &[]),
        ]);
        for (who, verb, on, may) in [
            ("joe", Verb::Push, "web/qa", true),
            ("mary", Verb::Push, "web/qa", false),
            ("mary", Verb::Push, "api/qa", true),
            ("joe", Verb::Push, "web/prod", false),
            ("zoe", Verb::Push, "web/prod", true),
            ("zoe", Verb::Push, "web/qa", false),
            ("mary", Verb::Push, "api/prod", true),
            ("joe", Verb::Rollback, "web/qa", false),
            ("mary", Verb::Hold, "web/qa", true),
            ("mary", Verb::See, "web/prod", true),
        ] {
            assert_eq!(given.allow(&member(who, &[]), verb, &stage(on)), may, "{who} {verb:?} {on}");
        }
        assert!(!given.admin(&member("joe", &[])) && !Rights::default().admin(&member("joe", &[])));
    }

    #[test]
    fn a_group_of_the_provider_counts_as_one_of_the_file() {
        let mut given = Rights::default();
        given.add_rule("push", &["@web".to_owned()], false).unwrap();
        given.add_rule("admin", &["@web".to_owned()], false).unwrap();
        for (groups, may) in [(&["web"][..], true), (&["webb", "ops"], false), (&[], false)] {
            assert_eq!(given.allow(&member("mary", groups), Verb::Push, &stage("web/qa")), may);
            assert_eq!(given.admin(&member("mary", groups)), may);
        }
    }

    #[test]
    fn what_is_no_right_is_refused_with_what_to_write() {
        let told = |key: &str, to: &[&str]| {
            let to: Vec<String> = to.iter().map(|one| (*one).to_owned()).collect();
            rights(&[]).add_rule(key, &to, true).expect_err(key).to_string()
        };
        let all: Vec<String> = [
            told("pusch:web", &[]),
            told("push:", &[]),
            told("push:*/", &[]),
            told("push:web/qa/x", &[]),
            told("publish:web/qa", &[]),
            told("admin:web", &[]),
            told("push", &["@nobody"]),
            told("push", &["mary; rm"]),
            told("push", &["@"]),
        ]
        .into();
        insta::assert_snapshot!(all.join("\n"));
        assert!(
            rights(&[]).add_group("@x", &["mary".to_owned()]).is_err()
                && rights(&[]).add_group("x", &["a b".to_owned()]).is_err()
        );
    }

    #[test]
    fn a_closed_button_names_who_can() {
        let given =
            rights(&[("push:web", &["@web", "ci (token of mary)"][..]), ("rollback", &[]), ("admin", &["joe"])]);
        assert_eq!(given.who_may(Verb::Push, &stage("web/qa")), "joe and nina (@web) and ci (token of mary)");
        assert_eq!(given.who_may(Verb::Rollback, &stage("web/qa")), "nobody");
        assert_eq!(given.who_may(Verb::See, &stage("web/qa")), "everyone who signs in");
        assert_eq!(given.who_is_admin(), "joe");
    }
}
