//! After a loss or a move of the data directory: letting the numbers of pushes go on above what hosts have seen, and taking a
//! copy over, by page and by API. It must never decide whether that may be: the desk does. Called by the routes.

use crate::desk::{NeedsReason, Reason};
use crate::stack::StackName;
use crate::web::app::App;
use crate::web::http::action::{Why, see};
use crate::web::http::api::call::{Call, Chapter, json, nothing, takes};
use crate::web::http::body::{Body, Fields, Kind};
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::web::{self, Data, Form, Path};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why this server is the only one.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct WhyOnly {
    /// Why: required.
    reason: Option<String>,
}

impl Fields for WhyOnly {
    const FIELDS: &'static [(&'static str, Kind)] = &[("reason", Kind::Text)];
    const NEEDED: Option<(&'static [&'static str], &'static str)> = Some((&["reason"], NeedsReason::Numbers.why()));
    const EXAMPLE: &'static str = r#"{"reason": "build1 is gone, this is its successor"}"#;
}

/// Where the numbers of pushes go on.
#[derive(Debug, JsonSchema, Serialize)]
struct NextNumber {
    /// The number of the next push.
    next: i64,
}

/// `POST /stacks/{stack}/numbers`
pub async fn by_form(app: Data<App>, caller: Caller, stack: Path<String>, form: InTime<Form<WhyOnly>>) -> Reply {
    let stack: StackName = named("stack", &stack)?;
    above(&app, &caller, &stack, form.0.into_inner().reason).await?;
    Ok(see(format!("/stacks/{stack}")))
}

/// `POST /api/v1/stacks/{stack}/numbers`
pub static NUMBERS: Call = Call {
    handler: || web::to(by_api),
    name: "continue_numbers",
    chapter: Chapter::Server,
    summary: "Let the numbers of pushes go on above what the hosts of a stack have seen",
    query: None,
    takes: takes::<WhyOnly>(),
    gives: &[json::<NextNumber>(200, "The number of the next push")],
    refuses: &[],
};

async fn by_api(app: Data<App>, caller: Caller, stack: Path<String>, Body(why): Body<WhyOnly>) -> Reply {
    let stack: StackName = named("stack", &stack)?;
    let next = above(&app, &caller, &stack, why.reason).await?;
    Ok(HttpResponse::Ok().json(NextNumber { next }))
}

/// `POST /take-over`
pub async fn take_over_by_form(app: Data<App>, caller: Caller, form: InTime<Form<Why>>) -> Reply {
    take(&app, &caller, form.0.into_inner().reason).await?;
    Ok(see("/".to_owned()))
}

/// `POST /api/v1/take-over`
pub static TAKE_OVER: Call = Call {
    handler: || web::to(take_over_by_api),
    name: "take_over",
    chapter: Chapter::Server,
    summary: "Take over a copied data directory: the server that it was copied from does not push any more",
    query: None,
    takes: takes::<Why>(),
    gives: &[nothing(204, "This server pushes from now on")],
    refuses: &[],
};

async fn take_over_by_api(app: Data<App>, caller: Caller, Body(why): Body<Why>) -> Reply {
    take(&app, &caller, why.reason).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn take(app: &Data<App>, caller: &Caller, reason: Option<String>) -> Result<(), Problem> {
    Ok(app.desk.take_over(&caller.who, Reason::parse(reason.as_deref())?).await?)
}

async fn above(app: &Data<App>, caller: &Caller, stack: &StackName, reason: Option<String>) -> Result<i64, Problem> {
    let reason = Reason::needed(reason.as_deref(), NeedsReason::Numbers)?;
    Ok(app.desk.number_above(stack, &caller.who, reason).await?)
}
