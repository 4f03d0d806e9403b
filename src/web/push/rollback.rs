//! Rolling a stage back, by page and by API. It must never put anything back without
//! having shown what goes with it: the page before the press. Called by the routes.

use crate::desk::view::RollbackView;
use crate::desk::{NeedsReason, Press, Questions, Reason};
use crate::stack::{BuildId, PushNumber, StackName, StageName};
use crate::web::app::App;
use crate::web::http::action::{key, see};
use crate::web::http::api::call::{Call, Chapter, Takes, json, query, takes};
use crate::web::http::body::{Body, Fields, Kind};
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::push::api::{PushMade, made};
use crate::web::session::caller::Caller;
use crate::web::view::frame::Section;
use crate::web::view::page::{frame, page};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Form, Path, Query};
use schemars::JsonSchema;
use serde::Deserialize;

/// What a rollback carries.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct Back {
    /// The build that comes back; the last good one when it is not named.
    pub to: Option<String>,
    /// Why: required.
    pub reason: Option<String>,
    /// The hash of the plan that was seen.
    pub plan_hash: Option<String>,
    /// The hash of the same plan with the stage's questions, which a page shows beside it.
    pub plan_hash_asking: Option<String>,
    /// Whether the questions of the stage are asked; nobody is otherwise.
    #[serde(default)]
    pub ask: bool,
    /// Whether the build that is replaced is marked as bad, for the same reason.
    #[serde(default)]
    pub mark_bad: bool,
    /// The press's idempotency key.
    pub nonce: Option<String>,
}

impl Fields for Back {
    const FIELDS: &'static [(&'static str, Kind)] = &[
        ("to", Kind::Text),
        ("reason", Kind::Text),
        ("plan_hash", Kind::Text),
        ("plan_hash_asking", Kind::Text),
        ("ask", Kind::Flag),
        ("mark_bad", Kind::Flag),
        ("nonce", Kind::Text),
    ];
    const NEEDED: Option<(&'static [&'static str], &'static str)> = Some((&["reason"], NeedsReason::Rollback.why()));
    const EXAMPLE: &'static str = r#"{"reason": "the shop is grey"}"#;
}

/// Where a rollback is to go.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct To {
    /// The build that comes back; the last good one when it is not named.
    to: Option<String>,
    /// With the plan that asks the stage's questions.
    #[serde(default)]
    ask: bool,
}

/// Whether the questions of a stage are asked.
pub(crate) fn questions(ask: bool) -> Questions {
    if ask { Questions::Asked } else { Questions::LeftOut }
}

/// `GET /stacks/{stack}/stages/{stage}/rollback`
pub async fn form(app: Data<App>, caller: Caller, place: Path<(String, String)>, query: Query<To>) -> Reply {
    let back = rollback_view(&app, &caller, &place, query.into_inner()).await?;
    let frame = frame(&app, Some(&caller), Section::Stacks).await;
    Ok(page(StatusCode::OK, app.pages.back(&frame, &back)?))
}

/// `GET /api/v1/stacks/{stack}/stages/{stage}/rollback`
pub static SHOWN: Call = Call {
    handler: || web::to(shown),
    name: "show_rollback",
    chapter: Chapter::Stacks,
    summary: "What a rollback would do",
    query: query::<To>(),
    takes: Takes::Nothing,
    gives: &[json::<RollbackView>(200, "The build that comes back, the plan, and on which hosts it is ready")],
    refuses: &[409],
};

async fn shown(app: Data<App>, caller: Caller, place: Path<(String, String)>, query: Query<To>) -> Reply {
    Ok(HttpResponse::Ok().json(rollback_view(&app, &caller, &place, query.into_inner()).await?))
}

/// `POST /stacks/{stack}/stages/{stage}/rollback`
pub async fn roll_back(
    app: Data<App>,
    caller: Caller,
    place: Path<(String, String)>,
    body: InTime<Form<Back>>,
) -> Reply {
    let push = press_back(&app, &caller, &place, body.0.into_inner()).await?;
    Ok(see(format!("/pushes/{push}")))
}

/// `POST /api/v1/stacks/{stack}/stages/{stage}/rollback`
pub static ROLL_BACK: Call = Call {
    handler: || web::to(roll_back_by_api),
    name: "roll_back",
    chapter: Chapter::Stacks,
    summary: "Roll back",
    query: None,
    takes: takes::<Back>(),
    gives: &[json::<PushMade>(201, "The push that was started")],
    refuses: &[429],
};

async fn roll_back_by_api(
    app: Data<App>,
    caller: Caller,
    place: Path<(String, String)>,
    Body(given): Body<Back>,
) -> Reply {
    let push = press_back(&app, &caller, &place, given).await?;
    made(&app, push).await
}

/// The build that someone names, by its id or a beginning that only one has.
async fn build(
    app: &App,
    stack: &StackName,
    stage: &StageName,
    to: Option<String>,
) -> Result<Option<BuildId>, Problem> {
    match to.as_deref().map(str::trim).filter(|to| !to.is_empty()) {
        Some(to) => Ok(Some(app.desk.build_of(stack, stage, to).await?)),
        None => Ok(None),
    }
}

async fn rollback_view(
    app: &Data<App>,
    caller: &Caller,
    (stack, stage): &(String, String),
    to: To,
) -> Result<RollbackView, Problem> {
    let (stack, stage): (StackName, StageName) = (named("stack", stack)?, named("stage", stage)?);
    let ask = to.ask;
    let to = build(app, &stack, &stage, to.to).await?;
    let mut back = app.desk.rollback_view(&stack, &stage, to, questions(ask)).await?;
    if ask {
        // What is shown is what is pressed, by a program that knows of one hash.
        back.plan_hash.clone_from(&back.plan_hash_asking);
    }
    Ok(back.limited_to(&caller.access, &stack, &stage))
}

async fn press_back(
    app: &Data<App>,
    caller: &Caller,
    (stack, stage): &(String, String),
    given: Back,
) -> Result<PushNumber, Problem> {
    let (stack, stage): (StackName, StageName) = (named("stack", stack)?, named("stage", stage)?);
    let to = build(app, &stack, &stage, given.to).await?;
    let shown = given.plan_hash_asking.filter(|_| given.ask).or(given.plan_hash);
    let press = Press {
        nonce: key(given.nonce, format_args!("{}/{stack}/{stage}/back", caller.who)),
        stack,
        stage,
        who: caller.who.clone(),
        seen: String::new(),
        plan_hash: shown.filter(|hash| !hash.is_empty()),
        reason: Reason::parse(given.reason.as_deref())?,
        override_why: None,
        marks_bad: given.mark_bad,
    };
    let rolled_back = async { Ok(app.desk.roll_back(press, to, questions(given.ask)).await?) };
    app.budgets.rollbacks.spend(caller.who.as_str(), "you rolled back", rolled_back).await
}
