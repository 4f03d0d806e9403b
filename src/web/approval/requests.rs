//! The approval of a push, by page and by API: asked for, given, declined, withdrawn; and who may push without. It must never decide whether
//! a push may go out: the desk does.

use crate::desk::{NeedsReason, Press, Reason, Verdict};
use crate::stack::{StackName, StageName};
use crate::web::app::App;
use crate::web::http::action::{see, version};
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
use std::time::Instant;

/// What a request for approval carries: what was seen, as a push does.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct AskBody {
    /// What was seen on the button.
    #[serde(default)]
    seen: String,
    /// The version that was chosen.
    sha: Option<String>,
    /// The hash of the plan that was seen.
    plan_hash: Option<String>,
    /// Why.
    reason: Option<String>,
}

impl Fields for AskBody {
    const FIELDS: &'static [(&'static str, Kind)] =
        &[("seen", Kind::Text), ("sha", Kind::Text), ("plan_hash", Kind::Text), ("reason", Kind::Text)];
    const NEEDED: Option<(&'static [&'static str], &'static str)> = Some((
        &["seen", "sha"],
        "a request for approval needs the version to deploy: `seen` as GET …/plan shows it, or `sha` for another version than the newest",
    ));
    const EXAMPLE: &'static str = r#"{"seen": "51d0c3e04f9b7a2f6c8d1e3a5b7c9d0e1f2a3b4c"}"#;
}

/// What an answer to a request carries.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct AnswerBody {
    /// The hash of the plan that was looked at.
    #[serde(default)]
    plan_hash: String,
    /// A remark; a decline needs one.
    reason: Option<String>,
}

impl Fields for AnswerBody {
    const FIELDS: &'static [(&'static str, Kind)] = &[("plan_hash", Kind::Text), ("reason", Kind::Text)];
    const NEEDED: Option<(&'static [&'static str], &'static str)> =
        Some((&["plan_hash"], "an answer is about one plan: its `plan_hash`, as GET …/plan shows it"));
    const EXAMPLE: &'static str =
        r#"{"plan_hash": "9f2c41d07be29f2c41d07be29f2c41d07be29f2c41d07be29f2c41d07be29f2c", "reason": "looks good"}"#;
}

/// What takes a request back.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct WithdrawBody {
    /// The hash of its plan.
    #[serde(default)]
    plan_hash: String,
}

impl Fields for WithdrawBody {
    const FIELDS: &'static [(&'static str, Kind)] = &[("plan_hash", Kind::Text)];
    const NEEDED: Option<(&'static [&'static str], &'static str)> =
        Some((&["plan_hash"], "a request is for one plan: its `plan_hash`, as GET …/plan shows it"));
    const EXAMPLE: &'static str =
        r#"{"plan_hash": "9f2c41d07be29f2c41d07be29f2c41d07be29f2c41d07be29f2c41d07be29f2c"}"#;
}

/// A form of a plan's page; which fields it has depends on its button.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Filled {
    #[serde(default)]
    seen: String,
    sha: Option<String>,
    #[serde(default)]
    plan_hash: String,
    reason: Option<String>,
}

type Place = Path<(String, String)>;

/// A request that was made.
#[derive(Debug, JsonSchema, Serialize)]
struct AskedBody {
    /// Its number.
    request: i64,
    /// Where it is approved.
    url: String,
}

/// `POST /stacks/{stack}/stages/{stage}/approval`
pub async fn ask_by_form(app: Data<App>, caller: Caller, place: Place, form: InTime<Form<Filled>>) -> Reply {
    let Filled { seen, sha, plan_hash, reason } = form.0.into_inner();
    let back = plan_page(&place, sha.as_deref())?;
    ask(&app, &caller, &place, AskBody { seen, sha, plan_hash: Some(plan_hash), reason }).await?;
    Ok(see(back))
}

/// `POST /api/v1/stacks/{stack}/stages/{stage}/approval`
pub static ASK: Call = Call {
    handler: || web::to(ask_by_api),
    name: "ask_approval",
    chapter: Chapter::Stacks,
    summary: "Ask others to approve a plan",
    query: None,
    takes: takes::<AskBody>(),
    gives: &[json::<AskedBody>(201, "The request that was made")],
    refuses: &[429],
};

async fn ask_by_api(app: Data<App>, caller: Caller, place: Place, Body(asked): Body<AskBody>) -> Reply {
    let sha = asked.sha.clone();
    let id = ask(&app, &caller, &place, asked).await?;
    let url = format!("{}{}", app.desk.config().url, plan_page(&place, sha.as_deref())?);
    Ok(HttpResponse::Created().json(AskedBody { request: id, url }))
}

async fn ask(app: &App, caller: &Caller, (stack, stage): &(String, String), asked: AskBody) -> Result<i64, Problem> {
    let (stack, stage): (StackName, StageName) = (named("stack", stack)?, named("stage", stage)?);
    let version = version(app, &stack, asked.sha.as_deref()).await?;
    let too_often = |wait| Problem::too_often("you asked for approval", wait);
    app.budgets.tries.take(caller.who.as_str(), Instant::now()).map_err(too_often)?;
    let press = Press {
        stack,
        stage,
        who: caller.who.clone(),
        seen: asked.seen.trim().to_owned(),
        plan_hash: asked.plan_hash.filter(|hash| !hash.is_empty()),
        reason: Reason::parse(asked.reason.as_deref())?,
        override_why: None,
        marks_bad: false,
        nonce: None,
    };
    Ok(app.desk.ask_approval(press, version.as_ref()).await?)
}

/// `POST /stacks/{stack}/stages/{stage}/approve`
pub async fn approve_by_form(app: Data<App>, caller: Caller, place: Place, form: InTime<Form<Filled>>) -> Reply {
    let Filled { sha, plan_hash, reason, .. } = form.0.into_inner();
    let back = plan_page(&place, sha.as_deref())?;
    app.desk.approve(verdict(&caller, &place, AnswerBody { plan_hash, reason })?).await?;
    Ok(see(back))
}

/// `POST /api/v1/stacks/{stack}/stages/{stage}/approval/approve`
pub static APPROVE: Call = Call {
    handler: || web::to(approve_by_api),
    name: "approve",
    chapter: Chapter::Stacks,
    summary: "Approve the plan that someone else asked for",
    query: None,
    takes: takes::<AnswerBody>(),
    gives: &[nothing(204, "It is approved")],
    refuses: &[],
};

async fn approve_by_api(app: Data<App>, caller: Caller, place: Place, Body(answer): Body<AnswerBody>) -> Reply {
    app.desk.approve(verdict(&caller, &place, answer)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /stacks/{stack}/stages/{stage}/decline`
pub async fn decline_by_form(app: Data<App>, caller: Caller, place: Place, form: InTime<Form<Filled>>) -> Reply {
    let Filled { sha, plan_hash, reason, .. } = form.0.into_inner();
    let back = plan_page(&place, sha.as_deref())?;
    decline(&app, &caller, &place, AnswerBody { plan_hash, reason }).await?;
    Ok(see(back))
}

/// `POST /api/v1/stacks/{stack}/stages/{stage}/approval/decline`
pub static DECLINE: Call = Call {
    handler: || web::to(decline_by_api),
    name: "decline",
    chapter: Chapter::Stacks,
    summary: "Decline the plan that someone else asked for",
    query: None,
    takes: takes::<AnswerBody>(),
    gives: &[nothing(204, "It is declined")],
    refuses: &[],
};

async fn decline_by_api(app: Data<App>, caller: Caller, place: Place, Body(answer): Body<AnswerBody>) -> Reply {
    decline(&app, &caller, &place, answer).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn decline(app: &App, caller: &Caller, place: &Place, answer: AnswerBody) -> Result<(), Problem> {
    let why = Reason::needed(answer.reason.as_deref(), NeedsReason::Decline)?;
    Ok(app.desk.decline(verdict(caller, place, answer)?, why).await?)
}

/// `POST /stacks/{stack}/stages/{stage}/withdraw`
pub async fn withdraw_by_form(app: Data<App>, caller: Caller, place: Place, form: InTime<Form<Filled>>) -> Reply {
    let Filled { sha, plan_hash, .. } = form.0.into_inner();
    let back = plan_page(&place, sha.as_deref())?;
    app.desk.withdraw_request(verdict(&caller, &place, AnswerBody { plan_hash, reason: None })?).await?;
    Ok(see(back))
}

/// `DELETE /api/v1/stacks/{stack}/stages/{stage}/approval`
pub static WITHDRAW: Call = Call {
    handler: || web::to(withdraw_by_api),
    name: "withdraw_request",
    chapter: Chapter::Stacks,
    summary: "Withdraw a request for approval of one's own",
    query: None,
    takes: takes::<WithdrawBody>(),
    gives: &[nothing(204, "It is withdrawn")],
    refuses: &[],
};

async fn withdraw_by_api(app: Data<App>, caller: Caller, place: Place, Body(given): Body<WithdrawBody>) -> Reply {
    let answer = AnswerBody { plan_hash: given.plan_hash, reason: None };
    app.desk.withdraw_request(verdict(&caller, &place, answer)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn verdict(caller: &Caller, (stack, stage): &(String, String), answer: AnswerBody) -> Result<Verdict, Problem> {
    Ok(Verdict {
        stack: named("stack", stack)?,
        stage: named("stage", stage)?,
        who: caller.who.clone(),
        plan_hash: answer.plan_hash,
        reason: Reason::parse(answer.reason.as_deref())?,
    })
}

/// The page of the plan that this is about.
fn plan_page((stack, stage): &(String, String), sha: Option<&str>) -> Result<String, Problem> {
    let (stack, stage): (StackName, StageName) = (named("stack", stack)?, named("stage", stage)?);
    let page = format!("/stacks/{stack}/stages/{stage}/plan");
    match sha.map(str::trim).filter(|sha| !sha.is_empty()) {
        None => Ok(page),
        Some(sha) if sha.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') => {
            Ok(format!("{page}?sha={sha}"))
        }
        Some(_) => Err(Problem::bad_request("`sha` must be a revision")),
    }
}

/// Why a push goes out without the approval that it needs, if an admin says so: with a reason, always.
///
/// # Errors
/// When the caller is none, or says no reason.
pub(in crate::web) fn override_why(caller: &Caller, given: Option<&str>) -> Result<Option<Reason>, Problem> {
    let Some(text) = given else { return Ok(None) };
    if !caller.access.admin() {
        let no = Problem::admins_only(&caller.who, &caller.access.who_is_admin());
        return Err(no.with_cure("ask for the approval on the stage's plan; a rollback needs none"));
    }
    Ok(Some(Reason::needed(Some(text), NeedsReason::Override)?))
}
