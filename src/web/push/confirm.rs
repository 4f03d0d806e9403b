//! Answers to what a push asks, from its page and the API. They must never be given without the caller's name. Called by
//! the routes.

use crate::desk::{Answered, Reason};
use crate::stack::PushNumber;
use crate::web::app::App;
use crate::web::http::action::see;
use crate::web::http::api::call::{Call, Chapter, json, takes};
use crate::web::http::body::{Body, Fields, Kind};
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::push::api::OrderTaken;
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::web::{self, Data, Form, Path};
use schemars::JsonSchema;
use serde::Deserialize;

/// What an answer carries.
#[derive(Clone, Debug, JsonSchema, Deserialize)]
pub struct ConfirmBody {
    /// Whether the push goes on.
    answer: YesOrNo,
    /// Which question of the push, from 1; the open one when not given.
    question: Option<u32>,
    /// Why, if they say so.
    reason: Option<String>,
}

impl Fields for ConfirmBody {
    const FIELDS: &'static [(&'static str, Kind)] =
        &[("answer", Kind::Text), ("question", Kind::Number), ("reason", Kind::Text)];
    const NEEDED: Option<(&'static [&'static str], &'static str)> =
        Some((&["answer"], "a push that asks is answered yes or no"));
    const EXAMPLE: &'static str = r#"{"answer": "yes"}"#;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Deserialize)]
#[serde(rename_all = "snake_case")]
enum YesOrNo {
    Yes,
    No,
}

/// `POST /pushes/{id}/confirm`
pub async fn by_form(app: Data<App>, caller: Caller, id: Path<String>, form: InTime<Form<ConfirmBody>>) -> Reply {
    let push = confirm(&app, &caller, &id, form.0.into_inner()).await?;
    Ok(see(format!("/pushes/{push}")))
}

/// `POST /api/v1/pushes/{id}/confirm`
pub static CONFIRM: Call = Call {
    handler: || web::to(by_api),
    name: "confirm",
    chapter: Chapter::Pushes,
    summary: "Answer the question of a push",
    query: None,
    takes: takes::<ConfirmBody>(),
    gives: &[json::<OrderTaken>(202, "The answer was taken")],
    refuses: &[],
};

async fn by_api(app: Data<App>, caller: Caller, id: Path<String>, Body(given): Body<ConfirmBody>) -> Reply {
    let id = confirm(&app, &caller, &id, given).await?;
    Ok(HttpResponse::Accepted().json(OrderTaken { id }))
}

async fn confirm(app: &Data<App>, caller: &Caller, id: &str, given: ConfirmBody) -> Result<PushNumber, Problem> {
    let id: PushNumber = named("push", id)?;
    let yes = given.answer == YesOrNo::Yes;
    let answered = Answered { yes, question: given.question, reason: Reason::parse(given.reason.as_deref())? };
    app.desk.confirm(id, &caller.who, answered).await?;
    Ok(id)
}
