//! Jira: an issue for each push, opened at its start with the commits that it brings, and closed with its outcome. It must never open a second
//! issue for one push: one with its label is looked for first. What a person or a commit said is text in a document of nodes, never markup.

use crate::address::{encoded, encoded_path};
use crate::announce::channel::{Begin, Trouble};
use crate::announce::peer::Peer;
use crate::announce::record::{self, Record, mark_of};
use crate::announce::{clean, words};
use crate::config::{self, ChannelConfig, ChannelKind};
use crate::ledger::outbox::Announcement;
use hyper::Method;
use serde_json::{Value, json};

/// Bytes of a summary: Jira takes 255 characters.
const SUMMARY: usize = 240;
/// How many comments of an issue are looked through.
const MOST_LOOKED: usize = 100;

/// A project in Jira.
#[derive(Clone)]
pub(super) struct Jira {
    peer: Peer,
    url: String,
    project: String,
    issue_type: String,
    done: Option<String>,
}

impl Jira {
    /// As the table says, with its token.
    pub(super) fn new(channel: &ChannelConfig, config: &config::Jira) -> Result<Self, String> {
        let token = config.password.read().map_err(|why| format!("{why}: {}", why.cure()))?.ok_or("it has no token")?;
        Ok(Self {
            peer: Peer::with_user(channel.table(), &config.url, (&config.user, &token), "application/json")?,
            url: config.url.trim_end_matches('/').to_owned(),
            project: config.project.clone(),
            issue_type: config.issue_type.clone(),
            done: config.done.clone(),
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

    /// Asks for the project, and opens nothing.
    pub(super) async fn trial(&self) -> Result<String, String> {
        let path = format!("/rest/api/3/project/{}", encoded(&self.project));
        self.peer.get(&path).await.map_err(Trouble::why)?;
        Ok(format!("{} accepts the token for {}; no issue was opened", self.peer.server(), self.project))
    }

    /// The issue of a push that is there.
    async fn found(&self, push: &Announcement) -> Result<Option<String>, Trouble> {
        // A label has no quotes and no space, so it is nothing but text in the question.
        let query = format!("project = \"{}\" AND labels = \"{}\"", self.project, label(push));
        let path = format!("/rest/api/3/search/jql?jql={}&maxResults=1&fields=labels", encoded(&query));
        let found = self.peer.get(&path).await?;
        Ok(found["issues"][0]["key"].as_str().map(str::to_owned))
    }

    async fn open(&self, push: &Announcement) -> Result<String, Trouble> {
        let body = json!({
            "fields": {
                "project": { "key": self.project },
                "issuetype": { "name": self.issue_type },
                "summary": clean::cut(&words::title_of_push(push), SUMMARY),
                "description": document(&words::text_of_push(push), &push.url),
                "labels": ["pushbutton", label(push)],
            },
        });
        let made = self.peer.send(Method::POST, "/rest/api/3/issue", &body).await?;
        let no_key = || Trouble::Broken(format!("{} did not say which issue it opened", self.peer.server()));
        made["key"].as_str().map(str::to_owned).ok_or_else(no_key)
    }

    /// The issue of a push: the one that is there, or a new one.
    async fn issue(&self, push: &Announcement) -> Result<String, Trouble> {
        match self.found(push).await? {
            Some(key) => Ok(key),
            None => self.open(push).await,
        }
    }

    /// Says how it ended, unless that is said already.
    async fn comment(&self, key: &str, push: &Announcement) -> Result<(), Trouble> {
        let path = format!("/rest/api/3/issue/{}/comment", encoded_path(key));
        let found = self.peer.get(&format!("{path}?orderBy=-created&maxResults={MOST_LOOKED}")).await?;
        let comments = found["comments"].as_array().map(Vec::as_slice).unwrap_or_default();
        let body = document(&words::text_of_push(push), &push.url);
        let said = texts(&body);
        if comments.iter().any(|comment| texts(&comment["body"]) == said) {
            return Ok(());
        }
        self.peer.send(Method::POST, &path, &json!({ "body": body })).await?;
        Ok(())
    }

    /// Moves the issue to where the file says, if its workflow lets it go there from where it is.
    async fn close(&self, key: &str) -> Result<Option<String>, Trouble> {
        let Some(done) = &self.done else { return Ok(None) };
        let path = format!("/rest/api/3/issue/{}/transitions", encoded_path(key));
        let offered = self.peer.get(&path).await?;
        let transitions = offered["transitions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_it = |one: &&Value| {
            let named = |name: &Value| name.as_str().is_some_and(|name| name.eq_ignore_ascii_case(done));
            named(&one["name"]) || named(&one["to"]["name"])
        };
        let Some(id) = transitions.iter().find(is_it).and_then(|one| one["id"].as_str()) else {
            return Ok(Some(format!("its workflow offers no {done} from where it is")));
        };
        self.peer.send(Method::POST, &path, &json!({ "transition": { "id": id } })).await?;
        Ok(None)
    }

    fn words(&self, key: &str) -> String {
        format!("issue {key}: {}/browse/{key}", self.url)
    }
}

impl Record for Jira {
    const KIND: ChannelKind = ChannelKind::Jira;

    async fn begin(&self, push: &Announcement) -> Result<String, Trouble> {
        Ok(self.words(&self.issue(push).await?))
    }

    async fn end(&self, push: &Announcement, begun: Option<&str>) -> Result<String, Trouble> {
        let begun =
            begun.and_then(|words| words.strip_prefix("issue ")?.split_once(':')).map(|(key, _)| key.to_owned());
        let key = match begun {
            Some(key) => key,
            None => self.issue(push).await?,
        };
        self.comment(&key, push).await?;
        match self.close(&key).await? {
            None => Ok(self.words(&key)),
            Some(why) => Ok(format!("issue {key} ({why}): {}/browse/{key}", self.url)),
        }
    }
}

/// What finds the issue of a push again: `pushbutton-push.example.com-214`.
fn label(push: &Announcement) -> String {
    let mark = mark_of(push).replace("/pushes/", "-");
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' };
    format!("pushbutton-{}", mark.chars().map(plain).collect::<String>())
}

/// Text as a document of Jira: a paragraph for each line, and a link to the push.
fn document(text: &str, url: &str) -> Value {
    let paragraph = |line: &str| json!({ "type": "paragraph", "content": [{ "type": "text", "text": line }] });
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(paragraph);
    let link = json!({
        "type": "paragraph",
        "content": [{ "type": "text", "text": url, "marks": [{ "type": "link", "attrs": { "href": url } }] }],
    });
    json!({ "type": "doc", "version": 1, "content": lines.chain([link]).collect::<Vec<_>>() })
}

/// All text of a document, in its order.
fn texts(node: &Value) -> String {
    let own = node["text"].as_str().unwrap_or_default().to_owned();
    let inner = node["content"].as_array().into_iter().flatten().map(texts);
    std::iter::once(own).chain(inner).collect()
}
