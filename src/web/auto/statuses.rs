//! Statuses of commits by the API: told by who tests them, and shown. It must never take what a page cannot show as text and link.

use crate::address::is_of_the_web;
use crate::desk::NewStatus;
use crate::desk::view::StatusView;
use crate::ledger::statuses::CommitState;
use crate::stack::needs::is_context;
use crate::stack::{Revision, StackName};
use crate::web::app::App;
use crate::web::http::action::version;
use crate::web::http::api::call::{Call, Chapter, Takes, json, takes};
use crate::web::http::body::{Body, Fields, Kind};
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::web::{self, Data, Path};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// The most characters of a description: a line beside a name.
pub(in crate::web) const LONGEST_DESCRIPTION: usize = 200;
/// The longest address of a status, in bytes.
pub(in crate::web) const LONGEST_URL: usize = 2_000;

/// A status that is told.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct ToldStatus {
    /// What was looked at: `ci/test`.
    #[serde(default)]
    context: String,
    /// `pending`, `success`, `failure` or `error`.
    #[serde(default)]
    state: String,
    /// Where more is said of it: http or https.
    url: Option<String>,
    /// In a few words.
    description: Option<String>,
}

impl Fields for ToldStatus {
    const FIELDS: &'static [(&'static str, Kind)] =
        &[("context", Kind::Text), ("state", Kind::Text), ("url", Kind::Text), ("description", Kind::Text)];
    const NEEDED: Option<(&'static [&'static str], &'static str)> =
        Some((&["context"], "a status says what was looked at, as `needs` in the stack file names it"));
    const EXAMPLE: &'static str = r#"{"context": "ci/test", "state": "success", "url": "https://ci.example.com/7"}"#;
}

/// What became of a status.
#[derive(Debug, JsonSchema, Serialize)]
struct ToldBody {
    /// The revision.
    sha: Revision,
    /// What was looked at.
    context: String,
    /// What came of it.
    state: CommitState,
    /// Whether that was news.
    new: bool,
}

/// `POST /api/v1/stacks/{stack}/commits/{sha}/status`
pub static TELL: Call = Call {
    handler: || web::to(tell),
    name: "tell_status",
    chapter: Chapter::Stacks,
    summary: "Tell a status of a commit, as a build server does; `needs` in the stack file waits for it",
    query: None,
    takes: takes::<ToldStatus>(),
    gives: &[json::<ToldBody>(201, "It is written down"), json::<ToldBody>(200, "That was known already")],
    refuses: &[429],
};

async fn tell(app: Data<App>, caller: Caller, place: Path<(String, String)>, Body(told): Body<ToldStatus>) -> Reply {
    let stack: StackName = named("stack", &place.0)?;
    let who = caller.who.as_str();
    app.budgets.statuses.take(who, Instant::now()).map_err(|wait| Problem::too_often("you told statuses", wait))?;
    let sha: Revision = place.1.to_ascii_lowercase().parse().map_err(|bad| Problem::bad_request(format!("{bad}")))?;
    let new = told.taken(sha.clone())?;
    let (context, state) = (new.context.clone(), new.state);
    let new = app.desk.tell_status(&stack, who, new).await?;
    let body = ToldBody { sha, context, state, new };
    Ok(if new { HttpResponse::Created().json(body) } else { HttpResponse::Ok().json(body) })
}

impl ToldStatus {
    fn taken(self, sha: Revision) -> Result<NewStatus, Problem> {
        let wrong = |what: String| Problem::bad_request(format!("{what}; for example {}", Self::EXAMPLE));
        let state = CommitState::parse(&self.state).map_err(|_| match self.state.as_str() {
            "" => Problem::missing(format!("`state` is missing; for example {}", Self::EXAMPLE)),
            _ => wrong("`state` must be `pending`, `success`, `failure` or `error`".to_owned()),
        })?;
        if !is_context(&self.context) {
            return Err(wrong(
                "`context` must be one line of at most 200 bytes, without spaces at its ends".to_owned(),
            ));
        }
        let description = self.description.as_deref().and_then(line);
        if description.as_ref().is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION) {
            return Err(wrong(format!("`description` is at most {LONGEST_DESCRIPTION} characters long")));
        }
        let url = self.url.filter(|url| !url.is_empty());
        if url.as_ref().is_some_and(|url| !is_link(url)) {
            return Err(wrong(format!("`url` must be an address of http or https of at most {LONGEST_URL} bytes")));
        }
        Ok(NewStatus { sha, context: self.context, state, description, url, as_of: None })
    }
}

/// A text as one line, without a password in an address; none where nothing is left.
pub(in crate::web) fn line(text: &str) -> Option<String> {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then(|| crate::address::shown(&line).into_owned())
}

/// Whether a browser may be sent there, and people may read it.
pub(in crate::web) fn is_link(url: &str) -> bool {
    url.len() <= LONGEST_URL
        && is_of_the_web(url)
        && !url.chars().any(|c| c.is_control() || c.is_whitespace())
        && crate::address::shown(url) == url
}

/// The statuses of a commit.
#[derive(Debug, JsonSchema, Serialize)]
struct StatusesBody {
    /// The revision.
    sha: Revision,
    /// By their contexts.
    statuses: Vec<StatusView>,
}

/// `GET /api/v1/stacks/{stack}/commits/{sha}/status`
pub static SHOWN: Call = Call {
    handler: || web::to(shown),
    name: "get_statuses",
    chapter: Chapter::Stacks,
    summary: "What was told of a commit",
    query: None,
    takes: Takes::Nothing,
    gives: &[json::<StatusesBody>(200, "Its statuses")],
    refuses: &[409],
};

async fn shown(app: Data<App>, _: Caller, place: Path<(String, String)>) -> Reply {
    let stack: StackName = named("stack", &place.0)?;
    let Some(sha) = version(&app, &stack, Some(&place.1)).await? else {
        return Err(Problem::unknown(format_args!("a revision of {stack} without a name")));
    };
    let statuses = app.desk.commit_statuses(&stack, &sha).await?;
    Ok(HttpResponse::Ok().json(StatusesBody { sha, statuses }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_taken_as_it_is_or_refused_by_the_field_that_is_wrong() {
        let sha: Revision = "ab".repeat(20).parse().unwrap();
        let told = |context: &str, state: &str, url: &str, description: &str| {
            let given = ToldStatus {
                context: context.to_owned(),
                state: state.to_owned(),
                url: Some(url.to_owned()),
                description: Some(description.to_owned()),
            };
            given.taken(sha.clone()).map_err(|problem| problem.message)
        };
        let taken = told("ci/test", "success", "https://ci.example.com/7?x=1#y", " 512\n tests \u{1b}[31m").unwrap();
        assert_eq!(
            (taken.state, taken.description.as_deref(), taken.url.as_deref()),
            (CommitState::Success, Some("512 tests [31m"), Some("https://ci.example.com/7?x=1#y"))
        );
        assert_eq!(told("ci", "error", "", " ").unwrap().url, None);
        for (context, state, url, description, field) in [
            ("ci", "", "", "", "`state` is missing"),
            ("ci", "green", "", "", "`state` must be"),
            (" ci", "success", "", "", "`context` must be"),
            ("c\ni", "success", "", "", "`context` must be"),
            ("ci", "success", "javascript:alert(1)", "", "`url` must be"),
            ("ci", "success", "https://a b", "", "`url` must be"),
            ("ci", "success", "https://joe:secret@ci.example.com/", "", "`url` must be"),
            ("ci", "success", "", &"x".repeat(201), "`description` is at most"),
        ] {
            let why = told(context, state, url, description).unwrap_err();
            assert!(why.contains(field), "{context} {state} {url}: {why}");
        }
    }
}
