//! GitHub: a deployment for each push, with a status for each step of it, and a commit status. It must never make a second deployment of one
//! push: one whose payload names it is looked for first.

use crate::address::{encoded, encoded_path};
use crate::announce::channel::{Begin, Trouble};
use crate::announce::peer::Peer;
use crate::announce::record::{self, Record, mark_of, number_in};
use crate::announce::{clean, words};
use crate::config::{self, ChannelConfig, ChannelKind};
use crate::journal::{Ended, PushState};
use crate::ledger::outbox::Announcement;
use hyper::Method;
use serde_json::{Value, json};

/// Bytes of a description: GitHub refuses a longer one.
const DESCRIPTION: usize = 140;
/// How many deployments of a revision to an environment are looked through.
const MOST_LOOKED: usize = 100;

/// A repository on GitHub.
#[derive(Clone)]
pub(super) struct Github {
    peer: Peer,
    repository: String,
    environment: String,
    statuses: bool,
}

impl Github {
    /// As the table says, with its token.
    pub(super) fn new(channel: &ChannelConfig, config: &config::Github) -> Result<Self, String> {
        let token = config.password.read().map_err(|why| format!("{why}: {}", why.cure()))?.ok_or("it has no token")?;
        Ok(Self {
            peer: Peer::with_token(channel.table(), &config.api, &token, "application/vnd.github+json")?,
            repository: config.repository.clone(),
            environment: config.environment.clone(),
            statuses: config.statuses,
        })
    }

    /// What begins the channel.
    pub(super) fn ready(self, channel: &ChannelConfig) -> Begin {
        record::ready(channel.name.clone(), self)
    }

    /// Connects, and says nothing.
    pub(super) async fn look(&self) -> Result<String, String> {
        self.peer.reach().await?;
        Ok(format!("{} can be reached", self.peer.server()))
    }

    /// Asks for deployments, and makes none: a test would stand at a commit.
    pub(super) async fn trial(&self) -> Result<String, String> {
        self.peer.get(&self.path("deployments?per_page=1")).await.map_err(Trouble::why)?;
        Ok(format!("{} accepts the token for {}; no deployment was made", self.peer.server(), self.repository))
    }

    fn path(&self, rest: &str) -> String {
        format!("/repos/{}/{rest}", encoded_path(&self.repository))
    }

    fn environment(&self, push: &Announcement) -> String {
        let (stack, stage) = (push.push.stack.as_str(), push.push.stage.as_str());
        self.environment.replace("{stack}", stack).replace("{stage}", stage)
    }

    /// The deployment of a push: the one that is there, or a new one.
    async fn deployment(&self, push: &Announcement) -> Result<u64, Trouble> {
        let (environment, mark) = (self.environment(push), mark_of(push));
        let query = format!(
            "deployments?sha={}&environment={}&task=deploy&per_page={MOST_LOOKED}",
            encoded(&push.push.sha),
            encoded(&environment)
        );
        let found = self.peer.get(&self.path(&query)).await?;
        let deployments = found.as_array().map(Vec::as_slice).unwrap_or_default();
        let is_it = |one: &&Value| one["payload"]["pushbutton"] == mark;
        if let Some(id) = deployments.iter().find(is_it).and_then(|one| one["id"].as_u64()) {
            return Ok(id);
        }
        let body = json!({
            "ref": push.push.sha,
            "task": "deploy",
            // Neither merges anything nor waits for checks: the push runs already.
            "auto_merge": false,
            "required_contexts": [],
            "payload": { "pushbutton": mark },
            "environment": environment,
            "description": description(push),
        });
        let made = self.peer.send(Method::POST, &self.path("deployments"), &body).await?;
        let no_id = || Trouble::Broken(format!("{} did not say which deployment it made", self.peer.server()));
        made["id"].as_u64().ok_or_else(no_id)
    }

    /// Gives a deployment its state, unless it has it.
    async fn set(&self, id: u64, push: &Announcement, state: &str) -> Result<(), Trouble> {
        let path = self.path(&format!("deployments/{id}/statuses"));
        let latest = self.peer.get(&format!("{path}?per_page=1")).await?;
        if latest[0]["state"] == state {
            return Ok(());
        }
        let body = json!({
            "state": state,
            "log_url": push.url,
            "description": description(push),
            "environment": self.environment(push),
            "auto_inactive": true,
        });
        self.peer.send(Method::POST, &path, &body).await?;
        Ok(())
    }

    /// Gives the commit its status for this stage, unless it has it.
    async fn set_commit(&self, push: &Announcement, state: &str) -> Result<(), Trouble> {
        if !self.statuses {
            return Ok(());
        }
        let (sha, context) = (encoded(&push.push.sha), format!("pushbutton/{}", self.environment(push)));
        let latest = self.peer.get(&self.path(&format!("commits/{sha}/statuses?per_page={MOST_LOOKED}"))).await?;
        let statuses = latest.as_array().map(Vec::as_slice).unwrap_or_default();
        // Newest first: the first one of the context is in force.
        let in_force = statuses.iter().find(|status| status["context"] == context);
        if in_force.is_some_and(|status| status["state"] == state && status["target_url"] == push.url) {
            return Ok(());
        }
        let body =
            json!({ "state": state, "target_url": push.url, "description": description(push), "context": context });
        self.peer.send(Method::POST, &self.path(&format!("statuses/{sha}")), &body).await?;
        Ok(())
    }

    fn words(&self, id: u64, push: &Announcement) -> String {
        format!("deployment {id} to {} of {}", self.environment(push), self.repository)
    }
}

impl Record for Github {
    const KIND: ChannelKind = ChannelKind::Github;

    async fn begin(&self, push: &Announcement) -> Result<String, Trouble> {
        must_be_of_git(push)?;
        let id = self.deployment(push).await?;
        self.set(id, push, "in_progress").await?;
        self.set_commit(push, "pending").await?;
        Ok(self.words(id, push))
    }

    async fn end(&self, push: &Announcement, begun: Option<&str>) -> Result<String, Trouble> {
        must_be_of_git(push)?;
        let id = match number_in(begun, "deployment") {
            Some(id) => id,
            None => self.deployment(push).await?,
        };
        let (of_deployment, of_commit) = states(push.push.state);
        self.set(id, push, of_deployment).await?;
        self.set_commit(push, of_commit).await?;
        Ok(self.words(id, push))
    }
}

/// The state of a deployment, and that of the commit.
fn states(state: PushState) -> (&'static str, &'static str) {
    match state {
        PushState::Running => ("in_progress", "pending"),
        PushState::Ended(Ended::Succeeded) => ("success", "success"),
        PushState::Ended(Ended::Failed | Ended::Degraded) => ("failure", "failure"),
        // What was live before is live again, or still.
        PushState::Ended(Ended::RolledBack | Ended::Cancelled) => ("inactive", "failure"),
        PushState::Ended(Ended::Interrupted) => ("error", "error"),
    }
}

/// GitHub knows commits of git alone.
fn must_be_of_git(push: &Announcement) -> Result<(), Trouble> {
    let sha = &push.push.sha;
    match matches!(sha.len(), 40 | 64) && sha.bytes().all(|b| b.is_ascii_hexdigit()) {
        true => Ok(()),
        false => {
            Err(Trouble::Never(format!("{} is not a commit of git, and GitHub knows no other", clean::short(sha, 64))))
        }
    }
}

fn description(push: &Announcement) -> String {
    clean::cut(&words::title_of_push(push), DESCRIPTION)
}
