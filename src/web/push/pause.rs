//! Pausing a push, and letting it go on, by page and by API. They must never answer before the runner has obeyed. Called by
//! the routes.

use super::known::PushDetails;
use crate::desk::Reason;
use crate::desk::view::PausedBody;
use crate::journal::PushState;
use crate::stack::PushNumber;
use crate::web::app::App;
use crate::web::http::action::{Why, see};
use crate::web::http::api::call::{Call, Chapter, Takes, json, takes};
use crate::web::http::body::Body;
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::web::{self, Data, Form, Path};
use schemars::JsonSchema;
use serde::Serialize;

/// A push as it is after an order.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct PushNow<'a> {
    /// Its number.
    id: PushNumber,
    /// The address of its page.
    url: String,
    /// How it is.
    state: PushState,
    /// Who paused it, while it is paused.
    paused: Option<PausedBody<'a>>,
}

/// `POST /pushes/{id}/pause`
pub async fn pause(app: Data<App>, caller: Caller, id: Path<String>, form: InTime<Form<Why>>) -> Reply {
    let push = pause_push(&app, &caller, &id, form.0.into_inner()).await?;
    Ok(see(format!("/pushes/{push}")))
}

/// `POST /pushes/{id}/unpause`
pub async fn unpause(app: Data<App>, caller: Caller, id: Path<String>) -> Reply {
    let push = unpause_push(&app, &caller, &id).await?;
    Ok(see(format!("/pushes/{push}")))
}

/// `POST /api/v1/pushes/{id}/pause`
pub static PAUSE: Call = Call {
    handler: || web::to(pause_by_api),
    name: "pause",
    chapter: Chapter::Pushes,
    summary: "Pause a push",
    query: None,
    takes: takes::<Why>(),
    gives: &[json::<PushNow>(200, "It is paused")],
    refuses: &[],
};

async fn pause_by_api(app: Data<App>, caller: Caller, id: Path<String>, Body(given): Body<Why>) -> Reply {
    let push = pause_push(&app, &caller, &id, given).await?;
    as_it_is(&app, push).await
}

/// `POST /api/v1/pushes/{id}/unpause`
pub static UNPAUSE: Call = Call {
    handler: || web::to(unpause_by_api),
    name: "unpause",
    chapter: Chapter::Pushes,
    summary: "Continue a paused push",
    query: None,
    takes: Takes::Nothing,
    gives: &[json::<PushNow>(200, "It continues")],
    refuses: &[],
};

async fn unpause_by_api(app: Data<App>, caller: Caller, id: Path<String>) -> Reply {
    let push = unpause_push(&app, &caller, &id).await?;
    as_it_is(&app, push).await
}

/// The answer to an order: the push as it is now.
///
/// # Errors
/// When the ledger does not answer.
pub(crate) async fn as_it_is(app: &App, push: PushNumber) -> Reply {
    let row = PushDetails::of(app.desk.ledger(), push).await?.row;
    let url = format!("{}/pushes/{push}", app.desk.config().url);
    let paused = row.paused.as_ref().map(PausedBody::from);
    Ok(HttpResponse::Ok().json(PushNow { id: push, url, state: row.state, paused }))
}

async fn pause_push(app: &Data<App>, caller: &Caller, id: &str, given: Why) -> Result<PushNumber, Problem> {
    let id: PushNumber = named("push", id)?;
    app.desk.pause(id, &caller.who, Reason::parse(given.reason.as_deref())?).await?;
    Ok(id)
}

async fn unpause_push(app: &Data<App>, caller: &Caller, id: &str) -> Result<PushNumber, Problem> {
    let id: PushNumber = named("push", id)?;
    app.desk.unpause(id, &caller.who).await?;
    Ok(id)
}
