//! What a person asks of a stack's hosts: to be looked at now, to be connected anew. It must never change anything on a host,
//! nor end what runs there. Called by pages, API and command line.

use crate::desk::Desk;
use crate::desk::parts::hosts::warm::Look;
use crate::desk::refusal::{Decision, Refusal};
use crate::stack::{Host, StackName};
use futures::StreamExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// Hosts that are looked at at once; how many handshakes that makes is counted where they are made.
const AT_ONCE: usize = 50;

/// How a host is, at this moment.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct HostNow {
    /// Its name.
    pub host: String,
    /// Whether its login shell answers.
    pub ready: bool,
    /// Why it does not.
    pub why: Option<String>,
}

/// How many hosts are kept connected, by how they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WarmHosts {
    /// They answered lately: a push would find them ready.
    pub ready: usize,
    /// Their first try has not ended.
    pub connecting: usize,
    /// They do not answer.
    pub not_ready: usize,
}

impl Desk {
    /// How the hosts are that are kept connected.
    pub fn warm_hosts(&self) -> WarmHosts {
        let (total, ready) = self.warm.counts();
        let not_ready = self.warm.troubled().len();
        WarmHosts { ready, connecting: total.saturating_sub(ready + not_ready), not_ready }
    }

    /// Asks hosts of a stack, all when none are named, whether they answer.
    ///
    /// # Errors
    /// When there is no such stack or host.
    pub async fn check_hosts(&self, stack: &StackName, names: &[String]) -> Decision<Vec<HostNow>> {
        let (stack, names) = (stack.clone(), names.to_vec());
        self.to_the_end("the look", |desk| async move { desk.look_at_hosts(&stack, &names, Look::Now).await }).await
    }

    /// Connects to hosts of a stack, all when none are named, over new sessions of their `sshd`s. What runs over the old ones
    /// finishes.
    ///
    /// # Errors
    /// When there is no such stack or host.
    pub async fn reconnect_hosts(&self, stack: &StackName, names: &[String]) -> Decision<Vec<HostNow>> {
        let (stack, names) = (stack.clone(), names.to_vec());
        self.to_the_end("connecting", |desk| async move { desk.look_at_hosts(&stack, &names, Look::Anew).await }).await
    }

    /// Begins to ask all hosts of a stack, and waits some time for the answers.
    ///
    /// # Errors
    /// When there is no such stack.
    pub async fn check_hosts_for(&self, stack: &StackName, patience: Duration) -> Decision<()> {
        self.hosts_of(stack, &[])?;
        let Some(desk) = self.me.upgrade() else { return Ok(()) };
        let (done, all_asked) = tokio::sync::oneshot::channel();
        let stack = stack.clone();
        self.spawn(async move {
            tokio::select! { () = desk.stop.cancelled() => {}, _ = desk.look_at_hosts(&stack, &[], Look::Now) => {} }
            // Nobody waits any more: the page is told all the same.
            let _ = done.send(());
        });
        let _ = tokio::time::timeout(patience, all_asked).await;
        Ok(())
    }

    pub(crate) async fn look_at_hosts(&self, stack: &StackName, names: &[String], how: Look) -> Decision<Vec<HostNow>> {
        let hosts = self.hosts_of(stack, names)?;
        self.in_use(stack);
        let looks = hosts.into_iter().map(|host| async move {
            let why = self.warm.look(&host, how).await.err();
            HostNow { host: host.name().to_owned(), ready: why.is_none(), why }
        });
        Ok(futures::stream::iter(looks).buffered(AT_ONCE).collect().await)
    }

    fn hosts_of(&self, name: &StackName, names: &[String]) -> Decision<BTreeSet<Host>> {
        let (stack, _) = self.loaded(name)?;
        let all: BTreeSet<Host> = stack.stages.iter().flat_map(|stage| stage.hosts.iter().cloned()).collect();
        if names.is_empty() {
            return Ok(all);
        }
        let found = names.iter().map(|named| {
            let is_meant = |host: &&Host| host.name() == named || host.to_string() == *named;
            let unknown = || Refusal::Unknown { what: format!("host {named} of {name}") };
            all.iter().find(is_meant).cloned().ok_or_else(unknown)
        });
        found.collect()
    }
}
