//! What is left of a push, for its page. It must never decide what is left, nor start anything.

use crate::desk::Desk;
use crate::desk::decide::earlier::ended::Earlier;
use crate::desk::decide::facts::Facts;
use crate::desk::decide::gate;
use crate::desk::decide::gate::Asked;
use crate::desk::decide::resume::offer;
use crate::desk::refusal::Decision;
use crate::desk::view::{Remaining, RemainingCommand};
use crate::plan::{Part, PlannedCommand};
use crate::stack::PushNumber;

impl Desk {
    /// What is left of a push that did not end well; none when there is nothing to resume.
    ///
    /// # Errors
    /// When the ledger does not answer.
    pub async fn remaining(&self, of: PushNumber) -> Decision<Option<Remaining>> {
        let Some(earlier) = self.ledger.read(move |connection| Earlier::read(connection, of)).await? else {
            return Ok(None);
        };
        let Ok(offer) = offer(&earlier, &Facts::default()) else { return Ok(None) };
        let values = offer.plan.values();
        let hosts = &offer.plan.hosts;
        let left = |(number, command): (usize, &PlannedCommand)| {
            let meant: Vec<_> = hosts.iter().filter(|host| command.is_meant_for(host)).collect();
            let (all, left) = match command.per_host() {
                true => (meant.len(), meant.iter().filter(|host| !command.is_done_on(Some(host))).count()),
                false => (0, usize::from(!command.is_done_on(None))),
            };
            let deferred_from = command.deferred.as_ref().map(|deferred| deferred.push.get());
            (left > 0).then(|| RemainingCommand {
                command: number,
                title: command.title(&values),
                hosts: all,
                left,
                deferred_from,
            })
        };
        // Numbered as in the push whose page it is on: what is owed comes before them.
        let before = earlier.plan.commands.iter().filter(|command| command.part == Part::DeferredFinally).count();
        let (deferred, own) = offer.plan.commands.split_at(earlier.deferred_finally.len());
        let numbered = (1..).zip(deferred).chain((before + 1..).zip(own));
        let commands = numbered.filter(|(_, command)| !command.part.is_conditional()).filter_map(left).collect();
        let why_not = self.why_not_resumed(&earlier).await?;
        self.recent_plans.remember(&offer.plan_hash, &offer.plan);
        Ok(Some(Remaining { plan_hash: offer.plan_hash, commands, why_not }))
    }

    async fn why_not_resumed(&self, earlier: &Earlier) -> Decision<Option<String>> {
        let (name, stage) = (&earlier.row.stack, &earlier.row.stage);
        let (stack, problem) = match self.loaded(name) {
            Ok(loaded) => loaded,
            Err(refusal) => return Ok(Some(refusal.to_string())),
        };
        let Some(place) = stack.stages.iter().position(|known| known.name == *stage) else {
            let broken = problem.map(|problem| gate::broken(name, &problem).to_string());
            return Ok(Some(broken.unwrap_or_else(|| format!("{name} has no stage {stage} any more"))));
        };
        let rights = self.rights();
        let facts = self.ledger.read(move |connection| Facts::read(connection, &stack, place, None, &rights)).await?;
        let closed = gate::closed(Asked::Resume, name, problem.as_deref(), &facts);
        let refused = closed.or_else(|| offer(earlier, &facts).err());
        Ok(refused.map(|refusal| refusal.to_string()))
    }
}
