//! What is left of a push, for its page, and the push that resumes it. It must never decide what is left.

use crate::desk::Desk;
use crate::desk::decide::earlier::ended::Earlier;
use crate::desk::decide::facts::Facts;
use crate::desk::decide::gate;
use crate::desk::decide::gate::Asked;
use crate::desk::decide::press::Press;
use crate::desk::decide::resume::offer;
use crate::desk::refusal::{Decision, Refusal};
use crate::desk::view::{Remaining, RemainingCommand};
use crate::ledger::pushes::{self, PushRow};
use crate::plan::{Part, PlannedCommand};
use crate::stack::{PushNumber, StackName, StageName, Who};

impl Desk {
    /// Goes on with a push that did not end well: a new push that does what is left of it. A push that is paused goes on
    /// itself, and its own number comes back.
    ///
    /// # Errors
    /// Why it was refused; then nothing was pushed.
    pub async fn resume(
        &self,
        of: PushNumber,
        who: &Who,
        reason: Option<String>,
        plan_hash: Option<String>,
        nonce: Option<String>,
    ) -> Decision<PushNumber> {
        let row = self.ledger.read(move |connection| pushes::get(connection, of.get())).await?;
        let Some(row) = row else { return Err(Refusal::Unknown { what: format!("push {of}") }) };
        if row.ended_at.is_none() {
            // Whether it is paused its runner knows; the ledger may be behind.
            match self.unpause(of, who).await {
                Ok(()) => return Ok(of),
                Err(refusal) if row.paused.is_some() => return Err(refusal),
                // It runs, and why it cannot be resumed is said below.
                Err(_) => {}
            }
        }
        let corrupt = |bad: crate::stack::BadName| Refusal::corrupt(bad);
        let press = Press {
            stack: row.stack.parse().map_err(corrupt)?,
            stage: row.stage.parse().map_err(corrupt)?,
            who: who.clone(),
            seen: row.build,
            plan_hash,
            reason,
            nonce,
        };
        self.press_for(press, crate::desk::decide::request::Request::Resume(of)).await
    }

    /// What is left of a push that did not end well; none when there is nothing to resume.
    ///
    /// # Errors
    /// When the ledger does not answer.
    pub async fn remaining(&self, of: PushNumber) -> Decision<Option<Remaining>> {
        let Some(earlier) = self.ledger.read(move |connection| Earlier::read(connection, of)).await? else {
            return Ok(None);
        };
        let Ok(offer) = offer(&earlier) else { return Ok(None) };
        let values = offer.plan.values();
        let hosts = &offer.plan.hosts;
        let left = |(number, command): (usize, &PlannedCommand)| {
            let meant: Vec<_> = hosts.iter().filter(|host| command.is_meant_for(host)).collect();
            let (all, left) = match command.per_host() {
                true => (meant.len(), meant.iter().filter(|host| !command.is_done_on(Some(host))).count()),
                false => (0, usize::from(!command.is_done_on(None))),
            };
            let owed_by = command.owed.as_ref().map(|owed| owed.push.get());
            (left > 0).then(|| RemainingCommand {
                command: number,
                title: command.title(&values),
                hosts: all,
                left,
                owed_by,
            })
        };
        // Numbered as in the push whose page it is on: what is owed comes before them.
        let before = earlier.plan.commands.iter().filter(|command| command.part == Part::Owed).count();
        let (owed, own) = offer.plan.commands.split_at(earlier.owed.len());
        let numbered = (1..).zip(owed).chain((before + 1..).zip(own));
        let commands = numbered.filter(|(_, command)| !command.part.is_spare()).filter_map(left).collect();
        let why_not = self.why_not_resumed(&earlier.row).await?;
        self.recent_plans.remember(&offer.plan_hash, &offer.plan);
        Ok(Some(Remaining { plan_hash: offer.plan_hash, commands, why_not }))
    }

    async fn why_not_resumed(&self, row: &PushRow) -> Decision<Option<String>> {
        let (Ok(name), Ok(stage)) = (row.stack.parse::<StackName>(), row.stage.parse::<StageName>()) else {
            return Ok(Some(format!("{} is no stack of this server", row.stack)));
        };
        let (stack, problem) = match self.loaded(&name) {
            Ok(shelved) => shelved,
            Err(refusal) => return Ok(Some(refusal.to_string())),
        };
        let Some(place) = stack.stages.iter().position(|known| known.name == stage) else {
            let broken = problem.map(|problem| gate::broken(&name, &problem).to_string());
            return Ok(Some(broken.unwrap_or_else(|| format!("{name} has no stage {stage} any more"))));
        };
        let facts = self.ledger.read(move |connection| Facts::read(connection, &stack, place, None)).await?;
        Ok(gate::closed(Asked::Resume, &name, problem.as_deref(), &facts).map(|refusal| refusal.to_string()))
    }
}
