//! The newest push that each host has seen, asked of the hosts; and the numbers of this server, put above it by a person. It must
//! never do that by itself.

use super::runner;
use crate::desk::Desk;
use crate::desk::cases::Case;
use crate::desk::parts::durable::sync_dir;
use crate::desk::parts::hosts::numbers::SeenNewer;
use crate::desk::parts::hosts::warm::Look;
use crate::desk::reason::Reason;
use crate::desk::refusal::{Decision, Refusal};
use crate::journal::PushDir;
use crate::ledger::{LedgerResult, press};
use crate::remote::fence;
use crate::stack::{Host, PushNumber, Stack, StackName, Who};
use futures::StreamExt;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Hosts that are asked at once.
const AT_ONCE: usize = 10;

/// A host that has answered is asked again after this time: another Pushbutton may have begun to push there.
const ASK_EVERY: Duration = Duration::from_secs(600);

impl Desk {
    /// The hosts of a stack that would refuse the next push; none when all that are known would take it.
    pub(crate) fn seen_newer(&self, connection: &Connection, stack: &StackName) -> LedgerResult<Option<SeenNewer>> {
        let next = press::next_number(connection, self.floor.load(Ordering::SeqCst))?;
        let hosts = self.seen_pushes.from(stack, next);
        if hosts.is_empty() {
            return Ok(None);
        }
        let known = press::count(connection, stack)?;
        Ok(SeenNewer::new(&hosts, next, known))
    }

    async fn newer_than_ours(&self, stack: &StackName) -> LedgerResult<Option<SeenNewer>> {
        let (desk, name) = (self.me.clone(), stack.clone());
        let read = self.ledger.read(move |connection| match desk.upgrade() {
            Some(desk) => desk.seen_newer(connection, &name),
            None => Ok(None),
        });
        read.await
    }

    /// Refuses a press that hosts are known to refuse.
    pub(crate) async fn numbers_fit(&self, stack: &StackName) -> Decision<()> {
        match self.newer_than_ours(stack).await? {
            Some(newer) => Err(Refusal::Nothing { case: Case::SeenNewer, why: newer.why }),
            None => Ok(()),
        }
    }

    /// Asks the hosts of a stack which push they saw last; those that have answered lately only when `anew`. Hosts that are
    /// not connected are left out.
    pub(crate) async fn ask_seen(&self, stack: &Stack, anew: bool) {
        let hosts: BTreeSet<Host> = stack.stages.iter().flat_map(|stage| stage.hosts.iter().cloned()).collect();
        let mut asked = Vec::new();
        for host in &hosts {
            if anew || !self.has_said_lately(&stack.name, host) {
                asked.push(self.ask_one(host.clone(), host.lock_of(&stack.name)));
            }
        }
        let said: Vec<Option<(String, i64)>> = futures::stream::iter(asked).buffered(AT_ONCE).collect().await;
        let mut known = self.seen_pushes.of();
        let known = known.entry(stack.name.clone()).or_default();
        known.retain(|name, _| hosts.iter().any(|host| host.name() == name));
        known.extend(said.into_iter().flatten().map(|(host, seen)| (host, (seen, Instant::now()))));
    }

    fn has_said_lately(&self, stack: &StackName, host: &Host) -> bool {
        let known = self.seen_pushes.of();
        let known = known.get(stack).and_then(|hosts| hosts.get(host.name()));
        known.is_some_and(|(_, at)| at.elapsed() < ASK_EVERY)
    }

    async fn ask_one(&self, host: Host, lock: String) -> Option<(String, i64)> {
        let on = self.warm.connection(&host).await?;
        Some((host.name().to_owned(), fence::newest_push(&on, &lock).await?))
    }

    /// Has the hosts of a stack asked again for their newest push.
    pub(crate) fn forget_seen(&self, stack: &StackName) {
        self.seen_pushes.of().remove(stack);
    }

    /// Lets the numbers of pushes go on above all that the hosts of a stack have seen, and gives the next number.
    ///
    /// # Errors
    /// When there is no such stack, no host has seen more, or the number cannot be kept.
    pub async fn number_above(&self, name: &StackName, who: &Who, reason: Reason) -> Decision<i64> {
        let (name, who) = (name.clone(), who.clone());
        self.to_the_end("the numbers", |desk| async move { desk.raise_numbers(&name, &who, reason).await }).await
    }

    async fn raise_numbers(&self, name: &StackName, who: &Who, reason: Reason) -> Decision<i64> {
        let (stack, _) = self.loaded(name)?;
        // A desk that keeps no hosts connected has not heard of them yet.
        self.look_at_hosts(name, &[], Look::Now).await?;
        self.ask_seen(&stack, true).await;
        let Some(newer) = self.newer_than_ours(name).await? else {
            let why = format!("no host of {name} that answers has seen a newer push than this server's next");
            return Err(Refusal::Nothing { case: Case::NumbersFit, why });
        };
        // An empty directory of a push is what keeps its number from being given: also after a restart.
        let seen = PushNumber::new(newer.seen).map_err(Refusal::corrupt)?;
        let dir = PushDir::of(&self.config.data, seen);
        let made = crate::supervise::blocking(move || {
            runner::make_dir(&dir)?;
            dir.dir().parent().map_or(Ok(()), sync_dir)
        });
        made.await.map_err(|error| Refusal::Unable { case: Case::NotKept, why: error.to_string() })?;
        self.floor.fetch_max(newer.seen, Ordering::SeqCst);
        let audit_text = format!("{name}: numbers continue above push {}: {reason}", newer.seen);
        self.note(who, "number above", name.as_str(), audit_text).await;
        self.changed();
        Ok(newer.seen + 1)
    }
}
