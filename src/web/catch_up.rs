//! Bringing hosts that were left behind to the build of their stage, by page and by API. It must never bring another build, nor
//! other hosts than were named or shown. Called by the routes.

use super::App;
use super::actions::{key, one_line, see, to_the_end, within_budget};
use super::api::made;
use super::asking::Caller;
use super::in_time::InTime;
use super::problem::{Problem, Reply};
use super::screens::named;
use crate::desk::Press;
use crate::stack::{PushNumber, StackName, StageName};
use actix_web::HttpResponse;
use actix_web::web::{Data, Form, Json, Path, Query};
use serde::Deserialize;
use std::sync::Arc;

/// What a form carries.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Shown {
    /// The hosts that were shown, a blank between.
    hosts: Option<String>,
    seen: Option<String>,
    plan_hash: Option<String>,
    nonce: Option<String>,
}

/// What a call of the API carries.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Wanted {
    /// The hosts; those that are behind when none are named.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The build that was seen.
    pub seen: Option<String>,
    /// The hash of the plan that was seen.
    pub plan_hash: Option<String>,
    /// Why, if they say so.
    pub reason: Option<String>,
    /// The press's idempotency key.
    pub nonce: Option<String>,
}

/// The hosts that are asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Which {
    /// Names with commas between; those that are behind when there are none.
    hosts: Option<String>,
}

/// `GET /api/v1/stacks/{stack}/stages/{stage}/catch-up`
pub async fn shown(app: Data<App>, _: Caller, place: Path<(String, String)>, query: Query<Which>) -> Reply {
    let (stack, stage): (StackName, StageName) = (named("stack", &place.0)?, named("stage", &place.1)?);
    let hosts = listed(query.into_inner().hosts.as_deref(), ',');
    Ok(HttpResponse::Ok().json(app.desk.left_behind(&stack, &stage, hosts).await?))
}

/// `POST /stacks/{stack}/stages/{stage}/catch-up`
pub async fn catch_up(
    app: Data<App>,
    caller: Caller,
    place: Path<(String, String)>,
    form: InTime<Form<Shown>>,
) -> Reply {
    let Shown { hosts, seen, plan_hash, nonce } = form.0.into_inner();
    let hosts = listed(hosts.as_deref(), ' ');
    let push = press(&app, &caller, &place, Wanted { hosts, seen, plan_hash, nonce, reason: None }).await?;
    Ok(see(format!("/pushes/{push}")))
}

/// `POST /api/v1/stacks/{stack}/stages/{stage}/catch-up`
pub async fn catch_up_by_api(
    app: Data<App>,
    caller: Caller,
    place: Path<(String, String)>,
    body: Option<InTime<Json<Wanted>>>,
) -> Reply {
    let wanted = body.map(|body| body.0.into_inner()).unwrap_or_default();
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
    wanted: Wanted,
) -> Result<PushNumber, Problem> {
    let (stack, stage): (StackName, StageName) = (named("stack", stack)?, named("stage", stage)?);
    let press = Press {
        nonce: key(wanted.nonce, format_args!("{}/{stack}/{stage}/catch-up", caller.who)),
        stack,
        stage,
        who: caller.who.clone(),
        seen: wanted.seen.unwrap_or_default().trim().to_owned(),
        plan_hash: wanted.plan_hash.filter(|hash| !hash.is_empty()),
        reason: one_line(wanted.reason)?,
    };
    let desk = Arc::clone(&app.desk);
    let pushed = to_the_end(async move { desk.catch_up(press, wanted.hosts).await });
    within_budget(app, caller, pushed).await
}
