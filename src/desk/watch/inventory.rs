//! The lists of hosts that commands give, asked in the background and at each push. It must never make a page wait.

use crate::desk::Desk;
use crate::desk::parts::hosts::inventories::{ask, of};
use crate::desk::refusal::Decision;
use crate::stack::{Inventory, Stack, StackName, StageName};
use crate::supervise::unbroken;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// How often it is looked which commands are due.
const LOOK: Duration = Duration::from_secs(1);

impl Desk {
    /// Asks what is due, until the desk stops.
    pub(crate) async fn keep_listing(self: &Arc<Self>) {
        loop {
            let mut all: BTreeMap<Inventory, bool> = BTreeMap::new();
            for stack in self.stack_files().stacks.iter().filter_map(|loaded| loaded.stack.as_ref()) {
                let used = self.warm.is_in_use(&stack.name);
                for inventory in of(stack) {
                    *all.entry(inventory.clone()).or_default() |= used;
                }
            }
            for inventory in self.inventories.due(&all) {
                let (desk, stop) = (Arc::clone(self), self.stop.clone());
                self.spawn(async move {
                    // Letting go of it ends the command with all that it started.
                    tokio::select! { () = stop.cancelled() => {}, () = desk.ask_inventory(inventory) => {} }
                });
            }
            tokio::select! { () = self.stop.cancelled() => return, () = tokio::time::sleep(LOOK) => {} }
        }
    }

    /// Asks the commands that a stage needs, now: what is pushed to is what they say at the press.
    pub(crate) async fn list_stage(&self, stack: &Stack, stage: &StageName) {
        let inventories = stack.stage(stage).map(|stage| stage.inventories.clone()).unwrap_or_default();
        futures::future::join_all(inventories.into_iter().map(|inventory| self.ask_inventory(inventory))).await;
    }

    /// Asks all commands of a stack, for a desk that does nothing by itself.
    pub(crate) async fn list_stack(&self, stack: &StackName) -> Decision<()> {
        let (stack, _) = self.loaded(stack)?;
        let inventories = of(&stack).into_iter().cloned();
        futures::future::join_all(inventories.map(|inventory| self.ask_inventory(inventory))).await;
        Ok(())
    }

    async fn ask_inventory(&self, inventory: Inventory) {
        let answer = unbroken("ask a command for hosts", ask(&self.config.stacks, &inventory)).await;
        let answer =
            answer.unwrap_or_else(|| Err("Pushbutton failed while it asked (a bug); see the server's log".to_owned()));
        if let Err(why) = &answer {
            tracing::warn!(command = inventory.command, why, "a command that lists hosts gave no good answer");
        }
        self.inventories.done(&inventory);
        let mut stack_folder = self.stack_folder.lock().unwrap_or_else(PoisonError::into_inner);
        if stack_folder.answered(inventory, answer) {
            self.stack_files.send_replace(stack_folder.stack_files());
            drop(stack_folder);
            self.changed();
        }
    }
}
