//! Looking at a stack's hosts now, and connecting to them anew, by page and by API. It must never keep a browser waiting for a
//! host that does not answer. Called by the routes.

use super::App;
use super::actions::{see, to_the_end};
use super::asking::Caller;
use super::in_time::InTime;
use super::problem::Reply;
use super::screens::named;
use crate::stack::StackName;
use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

/// How long the page waits for the answers; who answers later is shown on it as soon as they do.
const PATIENCE: Duration = Duration::from_secs(3);

/// Which hosts.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Which {
    /// By name; all of the stack when none are named.
    #[serde(default)]
    hosts: Vec<String>,
}

/// `POST /stacks/{stack}/hosts/check`
pub async fn check(app: Data<App>, _: Caller, stack: Path<String>) -> Reply {
    let stack: StackName = named("stack", &stack)?;
    app.desk.check_hosts_for(&stack, PATIENCE).await?;
    Ok(see(format!("/stacks/{stack}")))
}

/// `POST /api/v1/stacks/{stack}/hosts/check`
pub async fn check_by_api(app: Data<App>, _: Caller, stack: Path<String>, body: Option<InTime<Json<Which>>>) -> Reply {
    let (stack, hosts) = asked(&stack, body)?;
    let hosts = to_the_end(async move { app.desk.check_hosts(&stack, &hosts).await }).await?;
    Ok(HttpResponse::Ok().json(json!({ "hosts": hosts })))
}

/// `POST /api/v1/stacks/{stack}/hosts/reconnect`
pub async fn reconnect_by_api(
    app: Data<App>,
    caller: Caller,
    stack: Path<String>,
    body: Option<InTime<Json<Which>>>,
) -> Reply {
    let (stack, hosts) = asked(&stack, body)?;
    tracing::info!(stack = %stack, who = %caller.who, "hosts are connected anew");
    let hosts = to_the_end(async move { app.desk.reconnect_hosts(&stack, &hosts).await }).await?;
    Ok(HttpResponse::Ok().json(json!({ "hosts": hosts })))
}

fn asked(stack: &str, body: Option<InTime<Json<Which>>>) -> Result<(StackName, Vec<String>), super::problem::Problem> {
    let hosts = body.map(|body| body.0.into_inner().hosts).unwrap_or_default();
    Ok((named("stack", stack)?, hosts))
}
