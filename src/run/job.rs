//! What never changes in a push: what it was assigned, where its files are, and the handles on the journal, on orders, secrets and
//! connections. It must never hold what the push learns: that is `progress`. Everything that works on a command is given it.

use super::orders::Orders;
use super::recorder::Recorder;
use super::secrets::Secrets;
use crate::isolation;
use crate::journal::PushDir;
use crate::plan::{self, Assignment, Plan, PlannedCommand};
use crate::remote::masters::Masters;
use crate::stack::Host;
use std::path::PathBuf;
use std::time::Instant;
use tokio::sync::OnceCell;

/// One push, as it was assigned, and the means to run it.
pub struct Job {
    /// What is to be done.
    pub assignment: Assignment,
    /// The server's data.
    pub data: PathBuf,
    /// Where the source is checked out; empty in a push that makes no build.
    pub checkout: PathBuf,
    /// The journal.
    pub recorder: Recorder,
    /// What people order.
    pub orders: Orders,
    /// What commands get that nobody may see.
    pub secrets: Secrets,
    /// Connections to hosts.
    pub masters: Masters,
    /// When the runner began.
    pub began: Instant,
    /// Whether this machine can isolate commands, once that was tried.
    isolation: OnceCell<Result<(), String>>,
}

impl Job {
    /// Gathers it; the push begins now.
    pub fn new(
        data: PathBuf,
        push: &PushDir,
        assignment: Assignment,
        masters: Masters,
        secrets: Secrets,
        recorder: Recorder,
        orders: Orders,
    ) -> Self {
        let checkout = push.dir().join("checkout");
        Self {
            assignment,
            data,
            checkout,
            recorder,
            orders,
            secrets,
            masters,
            began: Instant::now(),
            isolation: OnceCell::new(),
        }
    }

    /// Whether this machine can isolate a committer's command; tried once in a push.
    ///
    /// # Errors
    /// Why not, and what to do.
    pub async fn can_isolate(&self) -> Result<(), String> {
        let ready = || isolation::ready(&self.assignment.isolation, &self.data);
        self.isolation.get_or_init(ready).await.clone()
    }

    /// A directory of the push beside its checkout.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.checkout.with_file_name(name)
    }

    /// The plan that is walked.
    pub fn plan(&self) -> &Plan {
        &self.assignment.plan
    }

    /// All commands of the plan; their numbers are their places.
    pub fn commands(&self) -> &[PlannedCommand] {
        &self.assignment.plan.commands
    }

    /// The hosts of the plan, as it was approved.
    pub fn hosts(&self) -> &[Host] {
        &self.assignment.plan.hosts
    }

    /// What a command is called.
    pub fn title(&self, command: &PlannedCommand) -> String {
        command.title(&plan::values_of(&self.assignment, command.part, None))
    }
}
