//! Bringing hosts that were left behind to the build of their stage, by page and by API. It must never bring another build, nor
//! other hosts than were named or shown. Called by the routes.

use crate::desk::view::CatchUp;
use crate::desk::{Press, Reason};
use crate::stack::{PushNumber, StackName, StageName};
use crate::web::app::App;
use crate::web::http::action::{key, see, within_budget};
use crate::web::http::api::call::{Call, Chapter, Takes, json, query, takes};
use crate::web::http::body::{Body, Fields, Kind};
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::push::api::{PushMade, made};
use crate::web::push::rollback::questions;
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::web::{self, Data, Form, Path, Query};
use schemars::JsonSchema;
use serde::Deserialize;

/// What a form carries.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct CatchUpForm {
    /// The hosts that were shown, a blank between.
    hosts: Option<String>,
    seen: Option<String>,
    plan_hash: Option<String>,
    plan_hash_asking: Option<String>,
    #[serde(default)]
    ask: bool,
    nonce: Option<String>,
}

/// What a call of the API carries.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct CatchUpBody {
    /// The hosts; those that are behind when none are named.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The build that was seen.
    pub seen: Option<String>,
    /// The hash of the plan that was seen.
    pub plan_hash: Option<String>,
    /// Whether the questions of the stage are asked; nobody is otherwise.
    #[serde(default)]
    pub ask: bool,
    /// Why, if they say so.
    pub reason: Option<String>,
    /// The press's idempotency key.
    pub nonce: Option<String>,
}

impl Fields for CatchUpBody {
    const FIELDS: &'static [(&'static str, Kind)] = &[
        ("hosts", Kind::Texts),
        ("seen", Kind::Text),
        ("plan_hash", Kind::Text),
        ("ask", Kind::Flag),
        ("reason", Kind::Text),
        ("nonce", Kind::Text),
    ];
    const NEEDED: Option<(&'static [&'static str], &'static str)> = None;
    const EXAMPLE: &'static str = r#"{"hosts": ["web2"], "seen": "51d0c3e-14"}"#;
}

/// The hosts that are asked for.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct Which {
    /// Names with commas between; those that are behind when there are none.
    hosts: Option<String>,
    /// With the plan that asks the stage's questions.
    #[serde(default)]
    ask: bool,
}

/// `GET /api/v1/stacks/{stack}/stages/{stage}/catch-up`
pub static SHOWN: Call = Call {
    handler: || web::to(shown),
    name: "show_catch_up",
    chapter: Chapter::Stacks,
    summary: "What a catch-up would do",
    query: query::<Which>(),
    takes: Takes::Nothing,
    gives: &[json::<CatchUp>(200, "The hosts, and what would be done on them")],
    refuses: &[409],
};

async fn shown(app: Data<App>, _: Caller, place: Path<(String, String)>, query: Query<Which>) -> Reply {
    let (stack, stage): (StackName, StageName) = (named("stack", &place.0)?, named("stage", &place.1)?);
    let Which { hosts, ask } = query.into_inner();
    let mut behind = app.desk.left_behind(&stack, &stage, listed(hosts.as_deref(), ',')).await?;
    if ask {
        behind.plan_hash.clone_from(&behind.plan_hash_asking);
    }
    Ok(HttpResponse::Ok().json(behind))
}

/// `POST /stacks/{stack}/stages/{stage}/catch-up`
pub async fn catch_up(
    app: Data<App>,
    caller: Caller,
    place: Path<(String, String)>,
    form: InTime<Form<CatchUpForm>>,
) -> Reply {
    let CatchUpForm { hosts, seen, plan_hash, plan_hash_asking, ask, nonce } = form.0.into_inner();
    let hosts = listed(hosts.as_deref(), ' ');
    let plan_hash = plan_hash_asking.filter(|_| ask).or(plan_hash);
    let push = press(&app, &caller, &place, CatchUpBody { hosts, seen, plan_hash, ask, nonce, reason: None }).await?;
    Ok(see(format!("/pushes/{push}")))
}

/// `POST /api/v1/stacks/{stack}/stages/{stage}/catch-up`
pub static CATCH_UP: Call = Call {
    handler: || web::to(catch_up_by_api),
    name: "catch_up",
    chapter: Chapter::Stacks,
    summary: "Deploy the build of the stage to hosts that are behind",
    query: None,
    takes: takes::<CatchUpBody>(),
    gives: &[json::<PushMade>(201, "The push that was started")],
    refuses: &[429],
};

async fn catch_up_by_api(
    app: Data<App>,
    caller: Caller,
    place: Path<(String, String)>,
    Body(wanted): Body<CatchUpBody>,
) -> Reply {
    let push = press(&app, &caller, &place, wanted).await?;
    made(&app, push).await
}

fn listed(hosts: Option<&str>, between: char) -> Vec<String> {
    let names = hosts.unwrap_or_default().split(between).map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

async fn press(
    app: &Data<App>,
    caller: &Caller,
    (stack, stage): &(String, String),
    wanted: CatchUpBody,
) -> Result<PushNumber, Problem> {
    let (stack, stage): (StackName, StageName) = (named("stack", stack)?, named("stage", stage)?);
    let press = Press {
        nonce: key(wanted.nonce, format_args!("{}/{stack}/{stage}/catch-up", caller.who)),
        stack,
        stage,
        who: caller.who.clone(),
        seen: wanted.seen.unwrap_or_default().trim().to_owned(),
        plan_hash: wanted.plan_hash.filter(|hash| !hash.is_empty()),
        reason: Reason::parse(wanted.reason.as_deref())?,
        override_why: None,
        marks_bad: false,
    };
    let pushed = async { Ok(app.desk.catch_up(press, wanted.hosts, questions(wanted.ask)).await?) };
    within_budget(app, caller, pushed).await
}
