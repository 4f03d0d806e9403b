//! Stages that are pushed automatically: looked at when something has happened, and when a time has come that one of them waits for; then turned
//! off, asked for, or pushed like by a person. The decision is `decide::auto`, taken again in the transaction that acts. It must never ask the
//! ledger again and again while nothing happens.

use crate::desk::Desk;
use crate::desk::auto_switch;
use crate::desk::decide::auto::{self, AutoStep};
use crate::desk::decide::facts::Facts;
use crate::desk::decide::offer;
use crate::desk::decide::press::Press;
use crate::desk::parts::auto_tries::TRY_AGAIN;
use crate::desk::refusal::Decision;
use crate::ledger::LedgerError;
use crate::stack::{Stack, StageName, Who};
use crate::time::At;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Events that come together are looked at together.
const GATHERED: Duration = Duration::from_millis(200);
/// The clock may be set, and a machine may sleep, while a stage waits for a time: it is looked at that often at least.
const LOOK_AT_THE_CLOCK: Duration = Duration::from_secs(30);

/// What one look at a stage found.
struct Found {
    stage: StageName,
    step: AutoStep,
    /// What its button offers, and the hash of the plan.
    offered: Option<(String, String)>,
}

impl Desk {
    /// Looks at the stages that are pushed automatically whenever something has happened.
    pub(crate) async fn keep_pushing(self: &Arc<Self>) {
        let mut changes = self.changes();
        loop {
            changes.borrow_and_update();
            let next = self.look_at_autos().await;
            let wait = next.map(|next| {
                let ms = u64::try_from(next.millis_since(At::now())).unwrap_or_default();
                Duration::from_millis(ms.max(1)).min(LOOK_AT_THE_CLOCK)
            });
            tokio::select! {
                () = self.stop.cancelled() => return,
                changed = changes.changed() => if changed.is_err() { return },
                () = sleep(wait.unwrap_or_default()), if wait.is_some() => {}
            }
            tokio::select! { () = self.stop.cancelled() => return, () = sleep(GATHERED) => {} }
        }
    }

    /// One look at all stages, and what follows begun; when the next one is due, though nothing should happen.
    async fn look_at_autos(self: &Arc<Self>) -> Option<At> {
        let stack_files = self.stack_files();
        let stacks: Vec<(Arc<Stack>, Option<String>)> = stack_files
            .stacks
            .iter()
            .filter_map(|loaded| Some((Arc::clone(loaded.stack.as_ref()?), loaded.problem.clone())))
            .filter(|(stack, _)| stack.stages.iter().any(|stage| stage.auto.is_some()))
            .collect();
        self.auto_tries.keep_only(|stack, stage| {
            stacks.iter().any(|(known, _)| known.name == *stack && known.stage(stage).is_some())
        });
        let mut next = None;
        for (stack, problem) in stacks {
            let found = match self.look_at_auto(&stack, problem).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::error!(stack = %stack.name, %error, "a stack that is pushed automatically cannot be looked at");
                    next = earliest(next, later(TRY_AGAIN));
                    continue;
                }
            };
            for one in found {
                let again = match &one.step {
                    AutoStep::Wait(wait) => wait.until,
                    AutoStep::TurnOff(_) | AutoStep::AskApproval | AutoStep::Push => self.begin_auto(&stack, one),
                };
                next = again.map_or(next, |again| earliest(next, again));
            }
        }
        next
    }

    async fn look_at_auto(&self, stack: &Arc<Stack>, problem: Option<String>) -> Decision<Vec<Found>> {
        let head = self.branches.known(&stack.name).head.map(|(head, _)| head);
        let (asked, desk) = (Arc::clone(stack), self.me.clone());
        let read = move |connection: &rusqlite::Connection| {
            let Some(desk) = desk.upgrade() else { return Err(LedgerError::Closed) };
            let mut found = Vec::new();
            for (place, stage) in asked.stages.iter().enumerate() {
                let Some(rule) = &stage.auto else { continue };
                let head = head.clone().filter(|_| place == 0);
                let facts = Facts::read(connection, &asked, place, head, &desk.rights())?;
                let offer = offer::offer(&asked, place, &facts);
                let step = auto::step((&asked, place, rule), problem.as_deref(), &facts, offer.as_ref(), At::now());
                let offered = offer.ok().map(|offer| (offer.seen, offer.plan_hash));
                found.push(Found { stage: stage.name.clone(), step, offered });
            }
            Ok(found)
        };
        Ok(self.ledger.read(read).await?)
    }

    /// Does what a look found, in a task of its own, one a stack: a source that hangs keeps no other stack waiting. When it is to be looked at
    /// again, where it was refused a moment ago.
    fn begin_auto(self: &Arc<Self>, stack: &Arc<Stack>, found: Found) -> Option<At> {
        let of = (&stack.name, &found.stage);
        let last = found.offered.as_ref().and_then(|(seen, _)| self.auto_tries.last(of, seen));
        if let Some((_, ago)) = last.filter(|(_, ago)| *ago < TRY_AGAIN) {
            return Some(later(TRY_AGAIN.saturating_sub(ago)));
        }
        if !self.auto_tries.begins(&stack.name) {
            // Who acts for the stack now changes something, or is refused; both are looked at then.
            return Some(later(TRY_AGAIN));
        }
        let (desk, stack) = (Arc::clone(self), Arc::clone(stack));
        self.spawn(async move {
            let acted = desk.act(&stack, &found).await;
            if let Err(refusal) = &acted {
                tracing::warn!(stack = %stack.name, stage = %found.stage, %refusal, "a stage could not be pushed automatically");
                let seen = found.offered.as_ref().map_or("", |(seen, _)| seen);
                desk.auto_tries.refused((&stack.name, &found.stage), seen, refusal.to_string());
            }
            desk.auto_tries.ends(&stack.name);
            // Pages say why it waits, and who waited for this task looks again.
            desk.changed();
        });
        None
    }

    async fn act(&self, stack: &Arc<Stack>, found: &Found) -> Decision<()> {
        match (&found.step, &found.offered) {
            (AutoStep::Wait(_), _) => Ok(()),
            (AutoStep::TurnOff(_), _) => self.turn_off_auto(stack, &found.stage).await,
            (AutoStep::AskApproval | AutoStep::Push, None) => Ok(()),
            (AutoStep::AskApproval, Some(offered)) => {
                self.ask_approval(press(stack, &found.stage, offered), None).await.map(|_| ())
            }
            (AutoStep::Push, Some(offered)) => {
                let push = self.press(press(stack, &found.stage, offered)).await?;
                tracing::info!(stack = %stack.name, stage = %found.stage, push = push.get(), "a stage was pushed automatically");
                Ok(())
            }
        }
    }

    async fn turn_off_auto(&self, stack: &Arc<Stack>, stage: &StageName) -> Decision<()> {
        let (_, place) = self.stage_of(&stack.name, stage)?;
        let (stack, targets, rights) = (Arc::clone(stack), self.notify_targets.clone(), self.rights());
        let turned = self.ledger.write(move |tx| {
            let facts = Facts::read(tx, &stack, place, None, &rights)?;
            auto_switch::turn_off_now(tx, &targets, (&stack, place), &facts)
        });
        turned.await?;
        Ok(())
    }
}

/// The press that nobody makes. Its key lets the same go to a stage once, whatever is killed in between.
fn press(stack: &Stack, stage: &StageName, (seen, plan_hash): &(String, String)) -> Press {
    Press {
        stack: stack.name.clone(),
        stage: stage.clone(),
        who: Who::auto(&stack.name),
        seen: seen.clone(),
        plan_hash: Some(plan_hash.clone()),
        reason: None,
        override_why: None,
        marks_bad: false,
        nonce: Some(format!("auto/{}/{stage}/{seen}", stack.name)),
    }
}

fn later(than_now: Duration) -> At {
    At::from_millis(At::now().millis().saturating_add(i64::try_from(than_now.as_millis()).unwrap_or(i64::MAX)))
}

fn earliest(one: Option<At>, other: At) -> Option<At> {
    Some(one.map_or(other, |one| one.min(other)))
}
