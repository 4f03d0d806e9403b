//! The probe: asks the hosts of the stacks in use what they run. It must never change anything on a host, nor make a page wait.

use crate::desk::Desk;
use crate::desk::parts::hosts::drift::{Expected, HostAnswer, StageDrift, compare, keep};
use crate::ledger::{LedgerResult, desired, pushes};
use crate::remote::release::{self, ReleaseFolder};
use crate::stack::{Host, Stack, StackName, StageName};
use crate::supervise::unbroken;
use crate::time::At;
use futures::StreamExt;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Hosts of a stack that are asked at once.
const AT_ONCE: usize = 10;

/// What the hosts of a stack's stages are to run; `None` while a push of it runs, which changes just that.
fn expected(connection: &Connection, stack: &Stack) -> LedgerResult<Option<Vec<Expected>>> {
    if pushes::lock_holder(connection, &stack.name)?.is_some() {
        return Ok(None);
    }
    let mut all = Vec::new();
    for stage in &stack.stages {
        let dirs = stage.activates();
        let Some(desired) = desired::get(connection, &stack.name, &stage.name)? else { continue };
        if !dirs.is_empty() {
            let (name, hosts) = (stage.name.clone(), stage.hosts.clone());
            all.push(Expected {
                stage: name,
                push: desired.newest,
                build: desired.build,
                dirs,
                keep: keep(stage),
                hosts,
            });
        }
    }
    Ok(Some(all))
}

impl Desk {
    /// Begins the probes that are due, each as a task of its own.
    pub(crate) fn probe_what_is_due(&self) {
        let stack_files = self.stack_files();
        let stack = |name: &StackName| stack_files.stacks.iter().find(|loaded| loaded.name == *name)?.stack.clone();
        let is_settled = |name: &StackName| {
            stack(name).is_some_and(|stack| stack.stages.iter().all(|stage| self.warm.all_tried(&stage.hosts)))
        };
        for name in self.drifts.due(&self.warm.kept(), is_settled) {
            if let (Some(desk), Some(stack)) = (self.me.upgrade(), stack(&name)) {
                self.spawn(async move {
                    // At the pace of the probe; who has answered lately is left alone.
                    let seen = unbroken("ask hosts for their newest push", desk.ask_seen(&stack, false));
                    tokio::select! { () = desk.stop.cancelled() => {}, _ = seen => {} }
                    let found =
                        tokio::select! { () = desk.stop.cancelled() => None, found = unbroken("ask hosts what they run", desk.probe(stack)) => found.flatten() };
                    if desk.drifts.take(&name, found) {
                        desk.changed();
                    }
                });
            }
        }
    }

    /// Asks the hosts of a stack what they run; nothing when a push came in between.
    async fn probe(&self, stack: Arc<Stack>) -> Option<BTreeMap<StageName, StageDrift>> {
        let before = self.expected(&stack).await?;
        let mut found = BTreeMap::new();
        for stage in &before {
            let asked = stage.hosts.iter().cloned().map(|host| self.ask(host, stage.dirs.clone()));
            let said: Vec<Vec<HostAnswer>> = futures::stream::iter(asked).buffered(AT_ONCE).collect().await;
            let said = said.concat();
            let known =
                self.drifts.stacks().get(&stack.name).and_then(|probed| probed.stages.get(&stage.stage).cloned());
            found.insert(stage.stage.clone(), compare(stage, &said, known.as_ref(), At::now()));
        }
        // What was said while a push went over the hosts says nothing about what they run now.
        (self.expected(&stack).await? == before).then_some(found)
    }

    async fn ask(&self, host: Host, dirs: Vec<String>) -> Vec<HostAnswer> {
        let seen = match self.warm.connection(&host).await {
            Some(on) => release::look(&on, &dirs).await.ok(),
            None => None,
        };
        let seen: Vec<Option<ReleaseFolder>> = match seen {
            Some(seen) => seen.into_iter().map(Some).collect(),
            None => vec![None; dirs.len()],
        };
        let said = |(dir, seen)| HostAnswer { host: host.name().to_owned(), dir, seen };
        dirs.into_iter().zip(seen).map(said).collect()
    }

    async fn expected(&self, stack: &Arc<Stack>) -> Option<Vec<Expected>> {
        let asked = Arc::clone(stack);
        match self.ledger.read(move |connection| expected(connection, &asked)).await {
            Ok(expected) => expected,
            Err(error) => {
                tracing::warn!(stack = %stack.name, error = %error, "hosts are not asked what they run");
                None
            }
        }
    }
}
