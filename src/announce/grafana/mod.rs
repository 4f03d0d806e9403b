//! Grafana: an annotation for each push, from its start; at its end it becomes a region. It must never annotate a push twice: an annotation
//! with its tag is looked for first.

use crate::address::encoded;
use crate::announce::channel::{Begin, Trouble};
use crate::announce::peer::Peer;
use crate::announce::record::{self, Record, mark_of, number_in};
use crate::announce::words;
use crate::config::{self, ChannelConfig, ChannelKind};
use crate::ledger::outbox::Announcement;
use crate::time::At;
use hyper::Method;
use serde_json::{Map, Value, json};

/// The address of annotations.
const PATH: &str = "/api/annotations";

/// A Grafana.
#[derive(Clone)]
pub(super) struct Grafana {
    peer: Peer,
    dashboard: Option<String>,
    tags: Vec<String>,
    url: String,
}

impl Grafana {
    /// As the table says, with its token.
    pub(super) fn new(channel: &ChannelConfig, config: &config::Grafana) -> Result<Self, String> {
        let token = config.password.read().map_err(|why| format!("{why}: {}", why.cure()))?.ok_or("it has no token")?;
        let (dashboard, tags) = (config.dashboard.clone(), config.tags.clone());
        let peer = Peer::with_token(channel.table(), &config.url, &token, "application/json")?;
        Ok(Self { peer, dashboard, tags, url: config.url.trim_end_matches('/').to_owned() })
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

    /// Asks for annotations, and makes none: a test would stand in everybody's graphs.
    pub(super) async fn trial(&self) -> Result<String, String> {
        self.peer.get(&format!("{PATH}?limit=1&type=annotation")).await.map_err(Trouble::why)?;
        Ok(format!("{} accepts the token; no annotation was made", self.peer.server()))
    }

    /// The number of the annotation of a push that is there.
    async fn found(&self, push: &Announcement) -> Result<Option<u64>, Trouble> {
        let (mark, pressed) = (mark_of(push), millis(&push.push.pressed_at));
        // A day around it, so that Grafana need not look through all that it has.
        let day = 86_400_000;
        let path = format!(
            "{PATH}?type=annotation&limit=10&tags={}&from={}&to={}",
            encoded(&mark),
            pressed - day,
            At::now().millis().max(pressed) + day
        );
        let found = self.peer.get(&path).await?;
        let annotations = found.as_array().map(Vec::as_slice).unwrap_or_default();
        let is_it = |one: &&Value| one["tags"].as_array().is_some_and(|tags| tags.iter().any(|tag| *tag == mark));
        Ok(annotations.iter().find(is_it).and_then(|one| one["id"].as_u64()))
    }

    /// All that an annotation says of a push.
    fn body(&self, push: &Announcement, ended: bool) -> Value {
        let (start, end) = (push.push.started_at.as_deref().unwrap_or(&push.push.pressed_at), &push.push.ended_at);
        let mut body = Map::new();
        body.insert("time".to_owned(), millis(start).into());
        if let (true, Some(end)) = (ended, end) {
            body.insert("timeEnd".to_owned(), millis(end).into());
        }
        if let Some(dashboard) = &self.dashboard {
            body.insert("dashboardUID".to_owned(), dashboard.clone().into());
        }
        let state = push.push.state.word();
        let ours = ["pushbutton", push.push.stack.as_str(), push.push.stage.as_str(), state, &mark_of(push)];
        let tags: Vec<&str> = ours.into_iter().chain(self.tags.iter().map(String::as_str)).collect();
        body.insert("tags".to_owned(), json!(tags));
        // Grafana shows HTML in it, and cleans it; our words have none.
        body.insert("text".to_owned(), json!(plain(&words::line_of_push(push))));
        Value::Object(body)
    }

    fn words(&self, id: u64) -> String {
        format!("annotation {id}: {}", self.url)
    }

    async fn make(&self, push: &Announcement, ended: bool) -> Result<u64, Trouble> {
        let made = self.peer.send(Method::POST, PATH, &self.body(push, ended)).await?;
        let no_id = || Trouble::Broken(format!("{} did not say which annotation it made", self.peer.server()));
        made["id"].as_u64().ok_or_else(no_id)
    }
}

impl Record for Grafana {
    const KIND: ChannelKind = ChannelKind::Grafana;

    async fn begin(&self, push: &Announcement) -> Result<String, Trouble> {
        let id = match self.found(push).await? {
            Some(id) => id,
            None => self.make(push, false).await?,
        };
        Ok(self.words(id))
    }

    async fn end(&self, push: &Announcement, begun: Option<&str>) -> Result<String, Trouble> {
        let id = match number_in(begun, "annotation") {
            Some(id) => Some(id),
            None => self.found(push).await?,
        };
        let Some(id) = id else { return Ok(self.words(self.make(push, true).await?)) };
        let mut body = self.body(push, true);
        // A dashboard cannot be changed.
        body.as_object_mut().map(|body| body.remove("dashboardUID"));
        self.peer.send(Method::PATCH, &format!("{PATH}/{id}"), &body).await?;
        Ok(self.words(id))
    }
}

/// Text in what shows HTML.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn millis(at: &str) -> i64 {
    at.parse::<At>().map(At::millis).unwrap_or_default()
}
