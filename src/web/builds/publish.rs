//! Builds that are published from outside: a tar comes in, as long as the server's file allows, and lies on the disk before
//! anything of it is looked at. It must never hold one in memory, nor unpack anything itself. Called by the routes.

use super::artifact::{self, ArtifactBody};
use super::take::{self, BuildQuery, TakenBody};
use crate::desk::view::MarkView;
use crate::desk::{PublishedBuild, Reason};
use crate::ledger::history::Edge;
use crate::stack::{BuildId, StackName};
use crate::web::app::App;
use crate::web::http::action::see;
use crate::web::http::api::call::{Call, Chapter, Takes, json, nothing, query};
use crate::web::http::api::links;
use crate::web::http::body::{Body, sends_json};
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::paging::{edge, limit};
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use actix_web::web::{self, Data, Form, Path, Payload, Query};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a build is withdrawn.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhyWithdrawn {
    /// Why.
    reason: Option<String>,
}

/// The published builds of a stack.
#[derive(Debug, JsonSchema, Serialize)]
struct BuildsBody {
    /// Newest first.
    builds: Vec<PublishedBuild>,
    /// Older ones are before this, if there are any.
    next: Option<i64>,
    /// What people say of all builds of the stack.
    marks: Vec<MarkView>,
}

/// Which builds.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct BuildsQuery {
    /// What an answer before said as `next`.
    before: Option<String>,
    /// How many at a time, from 1 to 200; 200 otherwise.
    limit: Option<String>,
}

/// Builds in one answer, at most.
const BUILDS: usize = 200;

/// `POST /api/v1/stacks/{stack}/builds?sha=…&ref=…&title=…&fewer=yes` with a tar; or with a JSON body that says where it lies.
pub static PUBLISH: Call = Call {
    handler: || web::to(publish),
    name: "publish",
    chapter: Chapter::Builds,
    summary: "Publish a build: a plain tar of its files",
    query: query::<BuildQuery>(),
    takes: Takes::File("application/octet-stream"),
    gives: &[json::<TakenBody>(201, "The build that was published"), json::<TakenBody>(200, "It was there already")],
    refuses: &[429],
};

async fn publish(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    stack: Path<String>,
    said: Query<BuildQuery>,
    body: Payload,
) -> Result<HttpResponse, actix_web::Error> {
    let stack: StackName = named("stack", &stack)?;
    // A tar may call itself anything, also JSON: the revision in the address says that it is one.
    if said.names_no_revision() && sends_json(&request) {
        let Body(named) = Body::<ArtifactBody>::from_request(&request, &mut body.into_inner()).await?;
        return Ok(artifact::publish(&app, &caller, stack, named).await?);
    }
    let what = take::allowed(&app, &caller, stack, said.into_inner().into())?;
    let _turn = take::turn(&app)?;
    let tar = tempfile::tempfile_in(app.desk.config().data.join("incoming")).map_err(Problem::broken)?;
    let tar = take::written(body, tar, app.desk.config().limits.upload_mib << 20).await?;
    Ok(take::taken(&app, what, tar).await?)
}

/// `GET /api/v1/stacks/{stack}/builds`
pub static LISTED: Call = Call {
    handler: || web::to(listed),
    name: "list_builds",
    chapter: Chapter::Builds,
    summary: "The published builds of a stack, newest first",
    query: query::<BuildsQuery>(),
    takes: Takes::Nothing,
    gives: &[json::<BuildsBody>(200, "The builds")],
    refuses: &[],
};

async fn listed(
    app: Data<App>,
    _: Caller,
    request: HttpRequest,
    stack: Path<String>,
    query: Query<BuildsQuery>,
) -> Reply {
    let stack: StackName = named("stack", &stack)?;
    let before = match edge(query.before.as_deref(), None)? {
        Some(Edge::Before(place)) => Some(place),
        Some(Edge::After(_)) | None => None,
    };
    let most = limit(query.limit.as_deref(), BUILDS, BUILDS)?;
    let found = app.desk.published_before(&stack, before, most + 1).await?;
    let next = found.get(most).and_then(|_| found.get(most - 1)).map(|(place, _)| *place);
    let builds = found.into_iter().take(most).map(|(_, build)| build).collect();
    let marks = app.desk.marks(&stack).await?;
    let mut answer = HttpResponse::Ok();
    if let Some(link) = links::next(&request, "before", next) {
        answer.insert_header(link);
    }
    Ok(answer.json(BuildsBody { builds, next, marks }))
}

/// `DELETE /api/v1/stacks/{stack}/builds/{build}?reason=…`
pub static WITHDRAW: Call = Call {
    handler: || web::to(withdraw),
    name: "withdraw_build",
    chapter: Chapter::Builds,
    summary: "Withdraw a build that nobody pushed",
    query: query::<WhyWithdrawn>(),
    takes: Takes::Nothing,
    gives: &[nothing(204, "It is withdrawn")],
    refuses: &[],
};

async fn withdraw(app: Data<App>, caller: Caller, place: Path<(String, String)>, said: Query<WhyWithdrawn>) -> Reply {
    withdrawn(&app, &caller, &place, said.reason.as_deref()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /stacks/{stack}/builds/{build}/withdraw`
pub async fn withdraw_by_form(
    app: Data<App>,
    caller: Caller,
    place: Path<(String, String)>,
    form: InTime<Form<WhyWithdrawn>>,
) -> Reply {
    withdrawn(&app, &caller, &place, form.0.reason.as_deref()).await?;
    Ok(see(format!("/stacks/{}", place.0)))
}

async fn withdrawn(
    app: &Data<App>,
    caller: &Caller,
    (stack, build): &(String, String),
    reason: Option<&str>,
) -> Result<(), Problem> {
    let (stack, build): (StackName, BuildId) = (named("stack", stack)?, named("build", build)?);
    Ok(app.desk.withdraw(&stack, &build, &caller.who, Reason::parse(reason)?).await?)
}
