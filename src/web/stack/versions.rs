//! The versions that can be chosen for a first stage, by page and by API; what a press of one would do is the plan's page. It
//! must never change anything. Called by the routes.

use crate::desk::MOST_SKIPPED;
use crate::desk::view::Versions;
use crate::source::ListFrom;
use crate::stack::{StackName, StageName, Verb};
use crate::web::app::App;
use crate::web::http::api::call::{Call, Chapter, Takes, json, query};
use crate::web::http::api::links;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use crate::web::view::frame::Section;
use crate::web::view::page;
use crate::web::view::page::frame;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Deserialize;

/// Which part of the list.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct VersionsQuery {
    /// The version that was the newest when the first page was read, as `next` says it.
    from: Option<String>,
    /// How many are left out from there on.
    skip: Option<usize>,
}

/// `GET /stacks/{stack}/stages/{stage}/versions`
pub async fn page(app: Data<App>, caller: Caller, place: Path<(String, String)>, query: Query<VersionsQuery>) -> Reply {
    let versions = versions(&app, &caller, &place, &query).await?;
    let frame = frame(&app, Some(&caller), Section::Stacks).await;
    Ok(page::page(StatusCode::OK, app.pages.versions(&frame, &versions)?))
}

/// `GET /api/v1/stacks/{stack}/stages/{stage}/versions`
pub static VERSIONS: Call = Call {
    handler: || web::to(listed),
    name: "list_versions",
    chapter: Chapter::Stacks,
    summary: "The versions that can be chosen for the first stage",
    query: query::<VersionsQuery>(),
    takes: Takes::Nothing,
    gives: &[json::<Versions>(200, "The versions, by branch")],
    refuses: &[409],
};

async fn listed(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    place: Path<(String, String)>,
    query: Query<VersionsQuery>,
) -> Reply {
    let versions = versions(&app, &caller, &place, &query).await?;
    let mut answer = HttpResponse::Ok();
    if let Some(next) = &versions.next {
        answer.insert_header(links::next_of(&request, &[("from", &next.from), ("skip", &next.skip.to_string())]));
    }
    Ok(answer.json(versions))
}

async fn versions(
    app: &App,
    caller: &Caller,
    (stack, stage): &(String, String),
    query: &VersionsQuery,
) -> Result<Versions, Problem> {
    let (stack, stage): (StackName, StageName) = (named("stack", stack)?, named("stage", stage)?);
    let from = query.from.as_deref().filter(|from| !from.is_empty());
    let from = from.map(|from| named("version", from)).transpose()?;
    let skip = query.skip.unwrap_or(0);
    if skip > MOST_SKIPPED {
        return Err(Problem::bad_request(format!("`skip` is at most {MOST_SKIPPED}")));
    }
    let no_right = caller.access.must_on_stack(Verb::Publish, &stack, &app.desk.stages_of(&stack)).err();
    let versions = app.desk.versions(&stack, &stage, ListFrom { from, skip }).await?;
    Ok(Versions { no_right: no_right.map(|no| no.to_string()), ..versions })
}
