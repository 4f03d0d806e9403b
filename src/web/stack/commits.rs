//! What a shell script asks in one line: what a stage runs, as plain text; and the commits between two revisions. It must never answer 200
//! where there is nothing: a script would take an empty line for a revision. Called by the routes.

use crate::desk::view::CommitRange;
use crate::desk::{CommitsEnd as End, MOST_SKIPPED};
use crate::stack::{StackName, StageName};
use crate::web::app::App;
use crate::web::http::api::call::{Call, Chapter, Takes, json, media, query};
use crate::web::http::api::links;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use actix_web::web::{self, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// How long a program waits until a source that nobody has looked at lately is fetched.
const FETCHED_WITHIN: Duration = Duration::from_secs(3);

/// What of it is told.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct TextQuery {
    /// `sha`, `build`, `root` or `push`; `sha` otherwise.
    field: Option<String>,
}

/// `GET /api/v1/stacks/{stack}/stages/{stage}/current.txt?field=sha`
pub static CURRENT_TEXT: Call = Call {
    handler: || web::to(current_text),
    name: "get_current_text",
    chapter: Chapter::Stacks,
    summary: "What a stage runs, as one line of plain text",
    query: query::<TextQuery>(),
    takes: Takes::Nothing,
    gives: &[media(200, "The line", &["text/plain"])],
    refuses: &[409],
};

async fn current_text(app: Data<App>, _: Caller, place: Path<(String, String)>, query: Query<TextQuery>) -> Reply {
    let (stack, stage): (StackName, StageName) = (named("stack", &place.0)?, named("stage", &place.1)?);
    let current = app.desk.current(&stack, &stage).await?;
    let text = match query.field.as_deref().unwrap_or("sha") {
        "sha" => current.sha,
        "build" => current.build,
        "root" => current.root,
        "push" => current.push.to_string(),
        other => {
            let other: String = other.chars().take(40).collect();
            return Err(Problem::bad_request(format!("`field` must be one of sha, build, root, push, not {other:?}")));
        }
    };
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(format!("{text}\n")))
}

/// From where to where.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct RangeQuery {
    /// A revision, `current` or `newest`: required.
    since: Option<String>,
    /// The same; `current` otherwise.
    to: Option<String>,
    /// How many are left out at the beginning.
    skip: Option<usize>,
}

/// `GET /api/v1/stacks/{stack}/stages/{stage}/commits?since=SHA&to=current|newest|SHA&skip=100`
pub static LISTED: Call = Call {
    handler: || web::to(listed),
    name: "list_commits",
    chapter: Chapter::Stacks,
    summary: "The commits between two revisions",
    query: query::<RangeQuery>(),
    takes: Takes::Nothing,
    gives: &[json::<CommitRange>(200, "A page of commits, newest first")],
    refuses: &[409],
};

async fn listed(
    app: Data<App>,
    _: Caller,
    request: HttpRequest,
    place: Path<(String, String)>,
    query: Query<RangeQuery>,
) -> Reply {
    let (stack, stage): (StackName, StageName) = (named("stack", &place.0)?, named("stage", &place.1)?);
    let RangeQuery { since, to, skip } = query.into_inner();
    let Some(since) = end(since) else {
        return Err(Problem::missing(
            "`since` is missing in the query: a revision, or `current` for what the stage runs; for example ?since=51d0c3e, or \
             ?since=current&to=newest",
        ));
    };
    let skip = skip.unwrap_or(0);
    if skip > MOST_SKIPPED {
        return Err(Problem::bad_request(format!("`skip` is at most {MOST_SKIPPED}")));
    }
    let to = end(to).unwrap_or(End::Current);
    if [&since, &to].contains(&&End::Newest) {
        app.desk.in_use(&stack);
        app.desk.freshly_fetched(&stack, FETCHED_WITHIN).await;
    }
    let commits = app.desk.commits(&stack, &stage, &since, &to, skip).await?;
    let mut answer = HttpResponse::Ok();
    if let Some(link) = links::next(&request, "skip", commits.next_skip) {
        answer.insert_header(link);
    }
    Ok(answer.json(commits))
}

fn end(text: Option<String>) -> Option<End> {
    match text.as_deref().map(str::trim) {
        None | Some("") => None,
        Some("current") => Some(End::Current),
        Some("newest") => Some(End::Newest),
        Some(named) => Some(End::Named(named.to_owned())),
    }
}
