//! Marks of builds, by page and by API: good for a stage, or bad. It must never decide what a mark stops: the desk does.

use crate::desk::{Marking, NeedsReason, Reason};
use crate::web::app::App;
use crate::web::http::action::{Why, see};
use crate::web::http::api::call::{Call, Chapter, nothing, takes};
use crate::web::http::body::{Body, Fields, Kind};
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::web::{self, Data, Form, Path};
use schemars::JsonSchema;
use serde::Deserialize;

/// Why a build is bad.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct WhyBad {
    reason: Option<String>,
}

impl Fields for WhyBad {
    const FIELDS: &'static [(&'static str, Kind)] = &[("reason", Kind::Text)];
    const NEEDED: Option<(&'static [&'static str], &'static str)> = Some((&["reason"], NeedsReason::MarkBad.why()));
    const EXAMPLE: &'static str = r#"{"reason": "it loses orders"}"#;
}

/// Why a mark does not hold any more.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct WhyUnmarked {
    reason: Option<String>,
}

impl Fields for WhyUnmarked {
    const FIELDS: &'static [(&'static str, Kind)] = &[("reason", Kind::Text)];
    const NEEDED: Option<(&'static [&'static str], &'static str)> = Some((&["reason"], NeedsReason::Unmark.why()));
    const EXAMPLE: &'static str = r#"{"reason": "it was the database"}"#;
}

/// A build, by its stack.
type OfStack = Path<(String, String)>;
/// A build on a stage.
type OnStage = Path<(String, String, String)>;

/// `PUT /api/v1/stacks/{stack}/builds/{build}/bad`
pub static BAD: Call = Call {
    handler: || web::to(bad_by_api),
    name: "mark_bad",
    chapter: Chapter::Builds,
    summary: "Mark a build as bad: it is refused everywhere",
    query: None,
    takes: takes::<WhyBad>(),
    gives: &[nothing(204, "It is so")],
    refuses: &[],
};

async fn bad_by_api(app: Data<App>, caller: Caller, place: OfStack, Body(given): Body<WhyBad>) -> Reply {
    bad(&app, &caller, &place, Why { reason: given.reason }).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /api/v1/stacks/{stack}/builds/{build}/bad`
pub static NOT_BAD: Call = Call {
    handler: || web::to(not_bad_by_api),
    name: "unmark_bad",
    chapter: Chapter::Builds,
    summary: "Take the mark of a bad build back",
    query: None,
    takes: takes::<WhyUnmarked>(),
    gives: &[nothing(204, "It is so")],
    refuses: &[],
};

async fn not_bad_by_api(app: Data<App>, caller: Caller, place: OfStack, Body(given): Body<WhyUnmarked>) -> Reply {
    not_bad(&app, &caller, &place, Why { reason: given.reason }).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `PUT /api/v1/stacks/{stack}/stages/{stage}/builds/{build}/good`
pub static GOOD: Call = Call {
    handler: || web::to(good_by_api),
    name: "mark_good",
    chapter: Chapter::Builds,
    summary: "Mark a build as good on a stage",
    query: None,
    takes: takes::<Why>(),
    gives: &[nothing(204, "It is so")],
    refuses: &[],
};

async fn good_by_api(app: Data<App>, caller: Caller, place: OnStage, Body(given): Body<Why>) -> Reply {
    good(&app, &caller, &place, given).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /api/v1/stacks/{stack}/stages/{stage}/builds/{build}/good`
pub static NOT_GOOD: Call = Call {
    handler: || web::to(not_good_by_api),
    name: "unmark_good",
    chapter: Chapter::Builds,
    summary: "Take the mark of a good build back",
    query: None,
    takes: takes::<WhyUnmarked>(),
    gives: &[nothing(204, "It is so")],
    refuses: &[],
};

async fn not_good_by_api(app: Data<App>, caller: Caller, place: OnStage, Body(given): Body<WhyUnmarked>) -> Reply {
    not_good(&app, &caller, &place, Why { reason: given.reason }).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /stacks/{stack}/builds/{build}/bad`
pub async fn bad_by_form(app: Data<App>, caller: Caller, place: OfStack, form: InTime<Form<Why>>) -> Reply {
    let back = bad(&app, &caller, &place, form.0.into_inner()).await?;
    Ok(see(back))
}

/// `POST /stacks/{stack}/builds/{build}/not-bad`
pub async fn not_bad_by_form(app: Data<App>, caller: Caller, place: OfStack, form: InTime<Form<Why>>) -> Reply {
    let back = not_bad(&app, &caller, &place, form.0.into_inner()).await?;
    Ok(see(back))
}

/// `POST /stacks/{stack}/stages/{stage}/builds/{build}/good`
pub async fn good_by_form(app: Data<App>, caller: Caller, place: OnStage, form: InTime<Form<Why>>) -> Reply {
    let back = good(&app, &caller, &place, form.0.into_inner()).await?;
    Ok(see(back))
}

/// `POST /stacks/{stack}/stages/{stage}/builds/{build}/not-good`
pub async fn not_good_by_form(app: Data<App>, caller: Caller, place: OnStage, form: InTime<Form<Why>>) -> Reply {
    let back = not_good(&app, &caller, &place, form.0.into_inner()).await?;
    Ok(see(back))
}

async fn bad(app: &App, caller: &Caller, place: &OfStack, given: Why) -> Result<String, Problem> {
    let why = Reason::needed(given.reason.as_deref(), NeedsReason::MarkBad)?;
    let marking = Marking { reason: Some(why), ..of_stack(caller, place)? };
    let back = page_of(&marking);
    app.desk.mark(marking).await?;
    Ok(back)
}

async fn not_bad(app: &App, caller: &Caller, place: &OfStack, given: Why) -> Result<String, Problem> {
    let why = Reason::needed(given.reason.as_deref(), NeedsReason::Unmark)?;
    let marking = Marking { reason: Some(why), ..of_stack(caller, place)? };
    let back = page_of(&marking);
    app.desk.unmark(marking).await?;
    Ok(back)
}

async fn good(app: &App, caller: &Caller, place: &OnStage, given: Why) -> Result<String, Problem> {
    let marking = Marking { reason: Reason::parse(given.reason.as_deref())?, ..on_stage(caller, place)? };
    let back = page_of(&marking);
    app.desk.mark(marking).await?;
    Ok(back)
}

async fn not_good(app: &App, caller: &Caller, place: &OnStage, given: Why) -> Result<String, Problem> {
    let why = Reason::needed(given.reason.as_deref(), NeedsReason::Unmark)?;
    let marking = Marking { reason: Some(why), ..on_stage(caller, place)? };
    let back = page_of(&marking);
    app.desk.unmark(marking).await?;
    Ok(back)
}

fn of_stack(caller: &Caller, (stack, build): &(String, String)) -> Result<Marking, Problem> {
    let (stack, build) = (named("stack", stack)?, named("build", build)?);
    Ok(Marking { stack, build, stage: None, who: caller.who.clone(), reason: None })
}

fn on_stage(caller: &Caller, (stack, stage, build): &(String, String, String)) -> Result<Marking, Problem> {
    let (stack, stage, build) = (named("stack", stack)?, named("stage", stage)?, named("build", build)?);
    Ok(Marking { stack, build, stage: Some(stage), who: caller.who.clone(), reason: None })
}

fn page_of(marking: &Marking) -> String {
    format!("/stacks/{}", marking.stack)
}
