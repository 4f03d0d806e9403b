//! The versions that can be chosen for a first stage, by page and by API; what a press of one would do is the plan's page. It
//! must never change anything. Called by the routes.

use crate::desk::view::Versions;
use crate::stack::{StackName, StageName, Verb};
use crate::web::app::App;
use crate::web::http::api::call::{Call, Chapter, Takes, json};
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use crate::web::view::frame::Section;
use crate::web::view::page;
use crate::web::view::page::frame;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path};

/// `GET /stacks/{stack}/stages/{stage}/versions`
pub async fn page(app: Data<App>, caller: Caller, place: Path<(String, String)>) -> Reply {
    let versions = versions(&app, &caller, &place).await?;
    let frame = frame(&app, Some(&caller), Section::Stacks).await;
    Ok(page::page(StatusCode::OK, app.pages.versions(&frame, &versions)?))
}

/// `GET /api/v1/stacks/{stack}/stages/{stage}/versions`
pub static VERSIONS: Call = Call {
    handler: || web::to(listed),
    name: "list_versions",
    chapter: Chapter::Stacks,
    summary: "The versions that can be chosen for the first stage",
    query: None,
    takes: Takes::Nothing,
    gives: &[json::<Versions>(200, "The versions, by branch")],
    refuses: &[409],
};

async fn listed(app: Data<App>, caller: Caller, place: Path<(String, String)>) -> Reply {
    Ok(HttpResponse::Ok().json(versions(&app, &caller, &place).await?))
}

async fn versions(app: &App, caller: &Caller, (stack, stage): &(String, String)) -> Result<Versions, Problem> {
    let (stack, stage): (StackName, StageName) = (named("stack", stack)?, named("stage", stage)?);
    let no_right = caller.access.must_on_stack(Verb::Publish, &stack, &app.desk.stages_of(&stack)).err();
    let versions = app.desk.versions(&stack, &stage).await?;
    Ok(Versions { no_right: no_right.map(|no| no.to_string()), ..versions })
}
