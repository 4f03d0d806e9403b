//! Builds that are published from outside: a tar comes in, as long as the server's file allows, and lies on the disk before
//! anything of it is looked at. It must never hold one in memory, nor unpack anything itself. Called by the routes.

use super::artifact::{self, ArtifactBody};
use super::take::{self, BuildQuery};
use crate::desk::Reason;
use crate::stack::{BuildId, StackName};
use crate::web::app::App;
use crate::web::http::action::see;
use crate::web::http::body::{Body, sends_json};
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use actix_web::web::{Data, Form, Path, Payload, Query};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::json;

/// Why a build is withdrawn.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhyWithdrawn {
    reason: Option<String>,
}

/// `POST /api/v1/stacks/{stack}/builds?sha=…&ref=…&title=…&fewer=yes` with a tar; or with a JSON body that says where it lies.
pub async fn publish(
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
pub async fn listed(app: Data<App>, _: Caller, stack: Path<String>) -> Reply {
    let stack: StackName = named("stack", &stack)?;
    let (builds, marks) = (app.desk.published(&stack).await?, app.desk.marks(&stack).await?);
    Ok(HttpResponse::Ok().json(json!({ "builds": builds, "marks": marks })))
}

/// `DELETE /api/v1/stacks/{stack}/builds/{build}?reason=…`
pub async fn withdraw(
    app: Data<App>,
    caller: Caller,
    place: Path<(String, String)>,
    said: Query<WhyWithdrawn>,
) -> Reply {
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
