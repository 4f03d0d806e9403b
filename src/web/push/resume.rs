//! Resuming a push that did not succeed, or that waits, by page and by API. It must never decide what is left to do.

use super::pause::{PushNow, as_it_is};
use crate::desk::Reason;
use crate::stack::PushNumber;
use crate::web::app::App;
use crate::web::http::action::{key, see};
use crate::web::http::api::call::{Call, Chapter, json, takes};
use crate::web::http::body::{Body, Fields, Kind};
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::push::api::{PushMade, made};
use crate::web::session::caller::Caller;
use actix_web::web::{self, Data, Form, Path};
use schemars::JsonSchema;
use serde::Deserialize;

/// What a resume carries.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct ResumeForm {
    /// Why, if they say so.
    pub reason: Option<String>,
    /// The hash of the plan that was seen.
    pub plan_hash: Option<String>,
    /// The press's idempotency key.
    pub nonce: Option<String>,
}

impl Fields for ResumeForm {
    const FIELDS: &'static [(&'static str, Kind)] =
        &[("reason", Kind::Text), ("plan_hash", Kind::Text), ("nonce", Kind::Text)];
    const NEEDED: Option<(&'static [&'static str], &'static str)> = None;
    const EXAMPLE: &'static str = r#"{"reason": "the disk has room again"}"#;
}

/// `POST /pushes/{id}/resume`
pub async fn resume(app: Data<App>, caller: Caller, id: Path<String>, body: InTime<Form<ResumeForm>>) -> Reply {
    let push = resume_push(&app, &caller, &id, body.0.into_inner()).await?;
    Ok(see(format!("/pushes/{push}")))
}

/// `POST /api/v1/pushes/{id}/resume`
pub static RESUME: Call = Call {
    handler: || web::to(resume_by_api),
    name: "resume",
    chapter: Chapter::Pushes,
    summary: "Run what a push has not done",
    query: None,
    takes: takes::<ResumeForm>(),
    gives: &[
        json::<PushMade>(201, "The push that was started"),
        json::<PushNow>(200, "The push was paused, and continues"),
    ],
    refuses: &[429],
};

async fn resume_by_api(app: Data<App>, caller: Caller, id: Path<String>, Body(given): Body<ResumeForm>) -> Reply {
    let push = resume_push(&app, &caller, &id, given).await?;
    match id.parse() == Ok(push) {
        // It was paused, and goes on: nothing was made.
        true => as_it_is(&app, push).await,
        false => made(&app, push).await,
    }
}

async fn resume_push(app: &Data<App>, caller: &Caller, id: &str, given: ResumeForm) -> Result<PushNumber, Problem> {
    let id: PushNumber = named("push", id)?;
    let nonce = key(given.nonce, format_args!("{}/{id}/resume", caller.who));
    let plan_hash = given.plan_hash.filter(|hash| !hash.is_empty());
    let reason = Reason::parse(given.reason.as_deref())?;
    let resumed = async { Ok(app.desk.resume(id, &caller.who, reason, plan_hash, nonce).await?) };
    app.budgets.rollbacks.spend(caller.who.as_str(), "you resumed", resumed).await
}
