//! The facts of a decision, read in one go and once: what the stage runs, what is held, who pushes. It must never decide anything.

use super::earlier::ended::Earlier;
use super::earlier::last_push::{self, ended_badly};
use crate::journal::PushState;
use crate::ledger::approvals::{self, ApprovalRequest};
use crate::ledger::autos::{self, AutoSwitch};
use crate::ledger::current::{self, Current};
use crate::ledger::good_builds::{self, GoodBuild};
use crate::ledger::holds::{self, Hold};
use crate::ledger::marks::{self, Mark};
use crate::ledger::published::{self, Published};
use crate::ledger::pushes::{self, PushRow};
use crate::ledger::statuses::{self, CommitStatus};
use crate::ledger::{LedgerResult, accounts};
use crate::plan::{Artifact, PlannedCommand};
use crate::stack::{Access, Member, PushNumber, Revision, Rights, Stack, Target, Verb, Who};
use crate::time::At;
use rusqlite::Connection;
use std::sync::Arc;

/// Good builds that are looked through for where a rollback would go, and that can be chosen from; nobody rolls back further.
pub(crate) const OFFERED: usize = 20;

/// What is known when a decision about one stage is taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// The push that holds the stack's lock.
    pub lock: Option<PushRow>,
    /// The hold on the stack.
    pub stack_hold: Option<Hold>,
    /// The hold on the stage.
    pub stage_hold: Option<Hold>,
    /// Who asked for the approval of a push to it, the newest first; none where a push needs none.
    pub approvals: Vec<ApprovalRequest>,
    /// The marks of the stack's builds.
    pub marks: Vec<Mark>,
    /// What was told of the commits that could go out; none where the stage needs none.
    pub statuses: Vec<CommitStatus>,
    /// What decides whether the stage is pushed automatically; none where only people push it.
    pub auto: Option<AutoFacts>,
    /// What the stage runs.
    pub current: Option<Current>,
    /// What the stage before runs; none for the first stage.
    pub before: Option<Current>,
    /// The branch that the build of the stage before was made from.
    pub before_branch: Option<String>,
    /// The head of the branch as it was last fetched; of use to the first stage alone.
    pub head: Option<Revision>,
    /// The builds that succeeded on the stage, the one that came last first: what it runs, and where a rollback would go.
    pub good: Vec<GoodBuild>,
    /// The newest published build that the first stage may push.
    pub published: Option<Published>,
    /// The last push to the stage and how many hosts it had, where a command lists them.
    pub last: Option<(PushNumber, i64)>,
    /// The newest push to the stage, whatever it was.
    pub newest: Option<PushRow>,
    /// The last push to the stage that was no catch-up which ended well.
    pub last_push: Option<PushRow>,
    /// The same with its plan and what became of it, if it ended badly.
    pub unfinished: Option<Earlier>,
    /// The `finally` that the last push to the stage owes, since its runner died.
    pub deferred_finally: Vec<PlannedCommand>,
}

/// What is known when it is decided whether a stage is pushed automatically.
#[derive(Clone, Debug, Default)]
pub(crate) struct AutoFacts {
    /// How it was turned on or off last.
    pub switch: Option<AutoSwitch>,
    /// The last push to the stage before that was no catch-up which ended well.
    pub last_before: Option<PushRow>,
    /// The last push of what the button offers to this stage.
    pub pushed_before: Option<(PushNumber, PushState)>,
}

impl Facts {
    /// Reads everything but the head from the ledger, as it is now: a hold that is over by the clock is over.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn read(
        connection: &Connection,
        stack: &Stack,
        place: usize,
        head: Option<Revision>,
        rights: &Arc<Rights>,
    ) -> LedgerResult<Self> {
        // In this reading and not before it: a press right behind the end of a hold is never refused.
        let now = At::now();
        let (name, stage) = (&stack.name, &stack.stages[place].name);
        let (before, before_branch) = match place.checked_sub(1) {
            Some(before) => {
                let before = &stack.stages[before].name;
                (current::get(connection, name, before)?, current::branch(connection, name, before)?)
            }
            None => (None, None),
        };
        let published = match place == 0 && stack.source.is_published() {
            true => published::newest(connection, name, |branch| stack.allows(0, branch))?,
            false => None,
        };
        let last = match stack.stages[place].inventories.is_empty() {
            true => None,
            false => pushes::last_hosts(connection, name, stage)?,
        };
        let good = good_builds::list(connection, name, stage, OFFERED)?;
        let (newest, last_push) = last_push::last(connection, name, stage)?;
        let unfinished = match last_push.as_ref().filter(|row| ended_badly(row.state)) {
            Some(row) => Some(Earlier::of(connection, row.clone())?),
            None => None,
        };
        let auto = match &stack.stages[place].auto {
            Some(_) => Some(AutoFacts {
                switch: autos::get(connection, name, stage)?,
                last_before: match place.checked_sub(1) {
                    Some(before) => last_push::last(connection, name, &stack.stages[before].name)?.1,
                    None => None,
                },
                pushed_before: match (&before, &published, head.as_ref().filter(|_| place == 0)) {
                    (Some(Current { build, .. }), ..) | (None, Some(Published { build, .. }), _) => {
                        pushes::last_of_build(connection, name, stage, build)?
                    }
                    (None, None, Some(head)) => pushes::last_of_revision(connection, name, stage, head)?,
                    (None, None, None) => None,
                },
            }),
            None => None,
        };
        let approvals = match stack.stages[place].approval {
            Some(_) => that_count(connection, approvals::of_stage(connection, name, stage, now)?, rights)?,
            None => Vec::new(),
        };
        let mut facts = Self {
            approvals,
            auto,
            statuses: Vec::new(),
            marks: marks::of_stack(connection, name)?,
            published,
            last,
            deferred_finally: unfinished.as_ref().map(|last| last.deferred_finally.clone()).unwrap_or_default(),
            newest,
            last_push,
            unfinished,
            good,
            lock: pushes::lock_holder(connection, name)?,
            stack_hold: holds::get(connection, &holds::scope(name, None), now)?,
            stage_hold: holds::get(connection, &holds::scope(name, Some(stage)), now)?,
            current: current::get(connection, name, stage)?,
            before,
            before_branch,
            head,
        };
        let goes = [
            facts.head.as_ref().map(Revision::as_str),
            facts.published.as_ref().map(|published| published.sha.as_str()),
            facts.before.as_ref().map(|before| before.sha.as_str()),
        ];
        let goes: Vec<String> = goes.into_iter().flatten().map(str::to_owned).collect();
        facts.read_statuses(connection, stack, place, &goes)?;
        Ok(facts)
    }

    /// Reads what was told of a version that was chosen instead of what the button offers.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn read_chosen(
        &mut self,
        connection: &Connection,
        stack: &Stack,
        place: usize,
        chosen: &Artifact,
    ) -> LedgerResult<()> {
        let (Artifact::Revision(sha) | Artifact::Build { sha, .. }) = chosen;
        self.read_statuses(connection, stack, place, &[sha.to_string()])
    }

    fn read_statuses(
        &mut self,
        connection: &Connection,
        stack: &Stack,
        place: usize,
        shas: &[String],
    ) -> LedgerResult<()> {
        let shas: Vec<&str> = shas.iter().map(String::as_str).collect();
        if !stack.stages[place].needs.statuses.is_empty() {
            self.statuses = statuses::of_commits(connection, &stack.name, &shas)?;
        }
        Ok(())
    }
}

/// The requests with the approvals of those who may still approve there: whoever lost the right since has not given one.
fn that_count(
    connection: &Connection,
    mut requests: Vec<ApprovalRequest>,
    rights: &Arc<Rights>,
) -> LedgerResult<Vec<ApprovalRequest>> {
    for request in &mut requests {
        let given = std::mem::take(&mut request.given);
        for one in given {
            if one.by_push_host || may_approve(connection, &one.who, request, rights)? {
                request.given.push(one);
            }
        }
    }
    Ok(requests)
}

/// A program approves by a right of its owner's, or by one of its own; what its token may was asked when it did.
fn may_approve(
    connection: &Connection,
    who: &Who,
    request: &ApprovalRequest,
    rights: &Arc<Rights>,
) -> LedgerResult<bool> {
    let target = Target::Stage(request.stack.clone(), request.stage.clone());
    let Ok(person) = who.person().parse::<Who>() else { return Ok(false) };
    let known = accounts::find(connection, &person)?;
    let groups = known.into_iter().flat_map(|account| account.groups).filter_map(|group| group.parse().ok());
    let person = Member { who: person, groups: groups.collect() };
    Ok(rights.name_program(who, Verb::Approve, &target)
        || Access::of_person(Arc::clone(rights), person).stage(Verb::Approve, &request.stack, &request.stage))
}
