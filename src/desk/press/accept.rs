//! A press: decided and written down in one transaction, durable before it is answered; then the runner is started. It
//! must never start anything that the ledger does not have, and never leave a press without its end.

use crate::desk::Desk;
use crate::desk::auto_switch;
use crate::desk::cases::Case;
use crate::desk::decide::approval::Approved;
use crate::desk::decide::facts::Facts;
use crate::desk::decide::gate;
use crate::desk::decide::offer::Offer;
use crate::desk::decide::press::Press;
use crate::desk::decide::questions::Questions;
use crate::desk::decide::request::Request;
use crate::desk::parts::sources::branches::Log;
use crate::desk::press::marks::Marking;
use crate::desk::press::{approval, commits_file, marks};
use crate::desk::push::follow::Follower;
use crate::desk::push::runner;
use crate::desk::push::runner::Runner;
use crate::desk::reason::{NeedsReason, because};
use crate::desk::refusal::{Decision, Refusal};
use crate::journal::PushDir;
use crate::ledger::holding::{self, OnHost};
use crate::ledger::press::{self, NewPush};
use crate::ledger::pushes::Commit;
use crate::ledger::{LedgerError, LedgerResult, audit, pushes};
use crate::plan::{self, Assignment, BuildFrom, Kind};
use crate::stack::{BuildId, Host, PushNumber, Revision, Stack};
use crate::supervise::blocking;
use crate::time::At;
use rusqlite::Transaction;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Inodes that a press needs under `data` (TRUST section 2).
const FREE_INODES: u64 = 10_000;
/// How often a press looks again when the world moves between its look at git and its transaction.
const LOOKS: usize = 3;

/// How the transaction ended.
enum Outcome {
    /// The push, its assignment, and what its commands may read of its commits.
    Taken(PushNumber, String, String),
    Replayed(PushNumber),
    Refused(Refusal),
    /// What would go out is not what git was asked about: ask again.
    Stale,
}

impl Desk {
    /// Presses a button.
    ///
    /// # Errors
    /// Why it was refused; then nothing was pushed.
    pub async fn press(&self, press: Press) -> Decision<PushNumber> {
        self.to_the_end("the push", |desk| desk.press_for(press, Request::Next)).await
    }

    /// Puts an earlier build that succeeded on the stage back: `to`, or the last good one whose content is not what runs. `seen` of the press is not
    /// looked at, since the build is named; its reason is required.
    ///
    /// # Errors
    /// Why it was refused; then nothing was pushed.
    pub async fn roll_back(&self, press: Press, to: Option<BuildId>, questions: Questions) -> Decision<PushNumber> {
        self.to_the_end("the rollback", |desk| desk.press_for(press, Request::Rollback { to, questions })).await
    }

    /// A press, whatever it asks for. Called within [`Desk::to_the_end`]: a press must not be left without its runner.
    ///
    /// # Errors
    /// Why it was refused; then nothing was pushed.
    pub(crate) async fn press_for(self: Arc<Self>, press: Press, request: Request) -> Decision<PushNumber> {
        if matches!(request, Request::Rollback { .. }) && press.reason.is_none() {
            return Err(NeedsReason::Rollback.missing());
        }
        if let Some(push) = self.replayed(&press).await? {
            return Ok(push);
        }
        let (stack, place) = self.pressed_stack(&press, &request).await?;
        self.has_space()?;
        self.numbers_fit(&stack.name).await?;
        let head = match request.takes_head(place) {
            true => {
                self.branches.look_again(&stack).await?;
                Some(self.branches.head(&stack).await?)
            }
            false => None,
        };
        let (press, request) = (Arc::new(press), Arc::new(request));
        for _ in 0..LOOKS {
            match self.try_press(&stack, place, head.clone(), &press, &request).await? {
                Outcome::Taken(push, text, commits) => {
                    self.begin(push, text, commits).await;
                    return Ok(push);
                }
                Outcome::Replayed(push) => return Ok(push),
                Outcome::Refused(refusal) => return Err(refusal),
                Outcome::Stale => {}
            }
        }
        let why = format!("what {} would push changes faster than it can be checked", press.stage);
        Err(Refusal::Nothing { case: Case::KeepsMoving, why })
    }

    /// A repeat is answered before anything is asked, so that it gets the same answer whatever has changed.
    async fn replayed(&self, press: &Press) -> Decision<Option<PushNumber>> {
        let press = press.clone();
        let found = self.ledger.read(move |connection| replay(connection, &press)).await?;
        found.transpose()
    }

    pub(crate) async fn pressed_stack(
        self: &Arc<Self>,
        press: &Press,
        request: &Request,
    ) -> Decision<(Arc<Stack>, usize)> {
        let desk = Arc::clone(self);
        // What was edited a moment ago counts; it panics only when the runtime ends.
        let _ = tokio::task::spawn_blocking(move || desk.refresh_stack_files()).await;
        if !matches!(request, Request::Resume(_)) {
            let (stack, _) = self.loaded(&press.stack)?;
            self.list_stage(&stack, &press.stage).await;
        }
        let (stack, problem) = self.loaded(&press.stack)?;
        if let Some(problem) = problem {
            return Err(gate::broken(&press.stack, &problem));
        }
        match stack.stages.iter().position(|stage| stage.name == press.stage) {
            Some(place) => Ok((stack, place)),
            None => Err(Refusal::Unknown { what: format!("stage {} of {}", press.stage, press.stack) }),
        }
    }

    /// A press needs room for its build and its journal.
    pub(crate) fn has_space(&self) -> Decision<()> {
        let data = self.config.data.display();
        let unable = |why: String| Err(Refusal::Unable { case: Case::DiskFull, why });
        let space = match nix::sys::statvfs::statvfs(&self.config.data) {
            Ok(space) => space,
            Err(error) => {
                let why = format!("the disk under {data} cannot be asked for its free space: {error}");
                return Err(Refusal::Unable { case: Case::NotKept, why });
            }
        };
        let free_mib = space.blocks_available().saturating_mul(space.fragment_size()) >> 20;
        let needed = self.config.limits.free_mib;
        if free_mib < needed {
            return unable(format!(
                "the disk under {data} has {free_mib} MiB free, a push needs {needed}; free space there"
            ));
        }
        // Some file systems count no inodes at all.
        if space.files() > 0 && space.files_available() < FREE_INODES {
            let free = space.files_available();
            return unable(format!(
                "the disk under {data} has {free} inodes free, a push needs {FREE_INODES}; delete files there"
            ));
        }
        Ok(())
    }

    /// Asks git for the commits, then decides and writes in one transaction.
    async fn try_press(
        &self,
        stack: &Arc<Stack>,
        place: usize,
        head: Option<Revision>,
        press: &Arc<Press>,
        request: &Arc<Request>,
    ) -> Decision<Outcome> {
        let (read_stack, read_head, asked) = (Arc::clone(stack), head.clone(), Arc::clone(request));
        let desk = self.me.clone();
        let look = move |connection: &rusqlite::Connection| {
            let Some(desk) = desk.upgrade() else { return Err(LedgerError::Closed) };
            let facts = Facts::read(connection, &read_stack, place, read_head, &desk.rights())?;
            asked.offer((&desk.outside(), connection), &read_stack, place, &facts)
        };
        let going = match self.ledger.read(look).await? {
            Ok(offer) => commit_range(&offer),
            Err(_) => (None, None),
        };
        let log = match &going {
            (from, Some(to)) => self.branches.log(stack, from.as_ref(), to).await,
            (_, None) => Arc::default(),
        };
        let all = match &going {
            (from, Some(to)) => self.all_commits(stack, from.as_ref(), to, &log).await,
            (_, None) => Vec::new(),
        };
        let shown = press.plan_hash.as_ref().and_then(|hash| self.recent_plans.find(hash));
        let (desk, stack, press, request) =
            (self.me.clone(), Arc::clone(stack), Arc::clone(press), Arc::clone(request));
        let outcome = self.ledger.write(move |tx| {
            let Some(desk) = desk.upgrade() else { return Err(LedgerError::Closed) };
            if let Some(replayed) = replay(tx, &press)? {
                return Ok(replayed.map_or_else(Outcome::Refused, Outcome::Replayed));
            }
            let facts = request.facts(tx, &stack, place, head, &desk.rights())?;
            auto_switch::turn_off_now(tx, &desk.notify_targets, (&stack, place), &facts)?;
            match request.decide((&desk.outside(), tx), &stack, place, &facts, &press, shown.as_deref())? {
                Ok((offer, _)) if self::commit_range(&offer) != going => Ok(Outcome::Stale),
                Ok((offer, approved)) => desk.take_in(tx, (&stack, place), &press, (&offer, &approved), (&log, &all)),
                Err(refusal) => Ok(Outcome::Refused(refusal)),
            }
        });
        Ok(outcome.await?)
    }

    fn take_in(
        &self,
        tx: &Transaction<'_>,
        (stack, place): (&Stack, usize),
        press: &Press,
        (offer, approved): (&Offer, &Approved),
        (log, all): (&Log, &[Commit]),
    ) -> LedgerResult<Outcome> {
        let at = At::now();
        let number = press::next_number(tx, self.floor.load(Ordering::SeqCst))?;
        let push = PushNumber::new(number).map_err(|bad| LedgerError::Corrupt(bad.to_string()))?;
        let on_hosts = holding::of_stage(tx, &stack.name, &press.stage)?;
        let assignment = self.assignment(push, press, (offer, approved), &on_hosts);
        if let Err(bad) = plan::look_at_paths(&assignment) {
            return Ok(Outcome::Refused(Refusal::BadRequest { case: Case::PathValue, why: bad.to_string() }));
        }
        let text = serde_json::to_string(&assignment)?;
        let diff = match commit_range(offer) {
            (Some(from), Some(to)) => stack.diff_url(&from, &to),
            _ => None,
        };
        let at_text = at.to_string();
        let new = NewPush {
            assignment: &assignment,
            text: &text,
            root: offer.root.as_ref().map(crate::stack::Root::as_str),
            nonce: press.nonce.as_deref(),
            diff: diff.as_deref(),
            button: &stack.stages[place].button,
            commits: &log.commits,
            commit_count: log.count,
            at: &at_text,
        };
        press::insert(tx, &new)?;
        if !press::lock(tx, &stack.name, push)? {
            // The gate has looked at this very row in this very transaction.
            return Err(LedgerError::Corrupt(format!("the lock of {} is held by nobody", stack.name)));
        }
        let audit_text = format!("push {push} of {} to {}, build {}", stack.name, press.stage, assignment.build);
        let (what, more) = match offer.plan.kind {
            Kind::Push => ("press", String::new()),
            Kind::Rollback => ("roll back", String::new()),
            Kind::CatchUp => ("catch up", format!(", on {}", named_hosts(&offer.plan.hosts))),
            Kind::Resume { of } => ("resume", format!(", resumes push {of}")),
        };
        let audit_text = format!("{audit_text}{more}{}{}", approved.audit_words(), because(press.reason.as_ref()));
        let object = format!("{}/{}", stack.name, press.stage);
        audit::note(tx, at, press.who.as_str(), what, &object, &audit_text)?;
        approval::take(tx, approved, press, push, at)?;
        if let (Kind::Rollback, true, Some(old)) = (offer.plan.kind, press.marks_bad, &offer.old) {
            let (stack, build, who) = (press.stack.clone(), old.id.clone(), press.who.clone());
            let marking = Marking { stack, build, stage: None, who, reason: press.reason.clone() };
            marks::put(tx, &self.notify_targets, &marking, old.sha.as_str(), at)?;
        }
        let old = offer.old.as_ref().map(|old| &old.sha);
        let commits = commits_file::text(&assignment, old, diff.as_deref(), (all, log.count))?;
        Ok(Outcome::Taken(push, text, commits))
    }

    fn assignment(
        &self,
        push: PushNumber,
        press: &Press,
        (offer, approved): (&Offer, &Approved),
        on_hosts: &BTreeMap<String, Option<OnHost>>,
    ) -> Assignment {
        let has_it = |host: &&Host| match &offer.plan.build {
            BuildFrom::Made { .. } => false,
            BuildFrom::Existing { id, .. } => {
                on_hosts.get(host.name()).and_then(Option::as_ref).is_some_and(|on| on.id == id.as_str())
            }
        };
        Assignment {
            held: offer.plan.hosts.iter().filter(has_it).map(|host| host.name().to_owned()).collect(),
            push,
            who: press.who.clone(),
            reason: press.reason.clone().map(String::from),
            approved_by: approved.by(),
            override_why: approved.override_why().map(ToString::to_string),
            url: format!("{}/pushes/{push}", self.config.url),
            build: match &offer.plan.build {
                BuildFrom::Made { .. } => BuildId::of(&offer.sha, push),
                BuildFrom::Existing { id, .. } => id.clone(),
            },
            plan_hash: offer.plan_hash.clone(),
            plan: offer.plan.clone(),
            ssh_config: self.config.ssh.config.clone(),
            lease_s: self.config.ssh.lease_s,
            grace_s: self.config.ssh.grace_s,
            source_most: self.config.limits.source(),
            isolation: self.config.build.clone(),
        }
    }

    /// Starts the runner of a push that the ledger has, and follows it. What cannot be started ends as interrupted.
    async fn begin(self: &Arc<Self>, push: PushNumber, text: String, commits: String) {
        let (dir, program) = (PushDir::of(&self.config.data, push), self.program.clone());
        let runner = match blocking(move || runner::start(&program, &dir, &text, &commits)).await {
            Ok(ended) => Runner::Ours(ended),
            Err(error) => {
                tracing::error!(push = push.get(), error = %error, "a runner could not be started");
                Runner::NeverStarted(error.to_string())
            }
        };
        tracing::info!(push = push.get(), "a push was pressed");
        match Follower::new(Arc::clone(self), push, runner).await {
            Ok(follower) => follower.keep(),
            // The push goes on without us; the next start finds it.
            Err(error) => tracing::error!(push = push.get(), error = %error, "a push cannot be followed"),
        }
        self.changed();
    }
}

/// The commits that a push is about, as git is asked for them: what it brings, or what a rollback takes back.
pub(crate) fn commit_range(offer: &Offer) -> (Option<Revision>, Option<Revision>) {
    let (old, new) = (offer.old.as_ref().map(|old| old.sha.clone()), offer.sha.clone());
    match offer.plan.kind {
        Kind::Rollback => (Some(new), old),
        Kind::Push | Kind::Resume { .. } => (old, Some(new)),
        // It brings what the stage has.
        Kind::CatchUp => (None, None),
    }
}

/// The hosts of a catch-up for the audit, which keeps them all.
fn named_hosts(hosts: &[Host]) -> String {
    let names: Vec<&str> = hosts.iter().map(Host::name).collect();
    names.join(", ")
}

/// The push that a press is a repeat of.
fn replay(connection: &rusqlite::Connection, press: &Press) -> LedgerResult<Option<Decision<PushNumber>>> {
    let Some(nonce) = &press.nonce else { return Ok(None) };
    let Some(row) = pushes::by_nonce(connection, nonce)? else { return Ok(None) };
    let same = row.stack == press.stack && row.stage == press.stage && row.who == press.who.as_str();
    Ok(Some(match same {
        true => Ok(row.id),
        false => Err(Refusal::BadRequest {
            case: Case::Repeated,
            why: format!("this form was used for push {} already", row.id),
        }),
    }))
}
