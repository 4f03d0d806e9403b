//! The page of a plan: what a push would do, before it is done. It must never change anything.

use crate::desk::view::NoRights;
use crate::stack::{StackName, StageName};
use crate::web::app::App;
use crate::web::http::action::{self};
use crate::web::http::path::named;
use crate::web::http::problem::Reply;
use crate::web::session::caller::Caller;
use crate::web::view::frame::Section;
use crate::web::view::page::{frame, page};
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Query};
use serde::Deserialize;

/// Which version a plan is about; the newest when it is not named.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct VersionQuery {
    sha: Option<String>,
}

/// `GET /stacks/{stack}/stages/{stage}/plan`, with `?sha=` of another version
pub async fn plan(app: Data<App>, caller: Caller, place: Path<(String, String)>, query: Query<VersionQuery>) -> Reply {
    let (stack, stage): (StackName, StageName) = (named("stack", &place.0)?, named("stage", &place.1)?);
    let version = action::version(&app, &stack, query.sha.as_deref()).await?;
    let plan = app.desk.plan(&stack, &stage, version.as_ref()).await?.limited_to(&caller.access, &stack, &stage);
    let no_right = NoRights::on_stage(&caller.access, &stack, &stage);
    app.desk.in_use(&stack);
    let frame = frame(&app, Some(&caller), Section::Stacks).await;
    Ok(page(StatusCode::OK, app.pages.plan(&frame, &plan, (&no_right, caller.access.admin()))?))
}
