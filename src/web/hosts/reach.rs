//! Looking at a stack's hosts now, and connecting to them anew, by page and by API. It must never keep a browser waiting for a
//! host that does not answer. Called by the routes.

use crate::desk::HostNow;
use crate::stack::StackName;
use crate::web::app::App;
use crate::web::http::action::see;
use crate::web::http::api::call::{Call, Chapter, json, takes};
use crate::web::http::body::{Body, Fields, Kind};
use crate::web::http::path::named;
use crate::web::http::problem::Reply;
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::web::{self, Data, Path};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long the page waits for the answers; who answers later is shown on it as soon as they do.
const PATIENCE: Duration = Duration::from_secs(3);

/// Which hosts.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct Which {
    /// By name; all of the stack when none are named.
    #[serde(default)]
    hosts: Vec<String>,
}

impl Fields for Which {
    const FIELDS: &'static [(&'static str, Kind)] = &[("hosts", Kind::Texts)];
    const NEEDED: Option<(&'static [&'static str], &'static str)> = None;
    const EXAMPLE: &'static str = r#"{"hosts": ["web1"]}"#;
}

/// How hosts are.
#[derive(Debug, JsonSchema, Serialize)]
struct HostsBody {
    /// Each that was asked.
    hosts: Vec<HostNow>,
}

/// `POST /stacks/{stack}/hosts/check`
pub async fn check(app: Data<App>, _: Caller, stack: Path<String>) -> Reply {
    let stack: StackName = named("stack", &stack)?;
    app.desk.check_hosts_for(&stack, PATIENCE).await?;
    Ok(see(format!("/stacks/{stack}")))
}

/// `POST /api/v1/stacks/{stack}/hosts/check`
pub static CHECK: Call = Call {
    handler: || web::to(check_by_api),
    name: "check_hosts",
    chapter: Chapter::Hosts,
    summary: "Ask hosts whether they answer now",
    query: None,
    takes: takes::<Which>(),
    gives: &[json::<HostsBody>(200, "How they are")],
    refuses: &[],
};

async fn check_by_api(app: Data<App>, _: Caller, stack: Path<String>, Body(which): Body<Which>) -> Reply {
    let stack: StackName = named("stack", &stack)?;
    let hosts = app.desk.check_hosts(&stack, &which.hosts).await?;
    Ok(HttpResponse::Ok().json(HostsBody { hosts }))
}

/// `POST /api/v1/stacks/{stack}/hosts/reconnect`
pub static RECONNECT: Call = Call {
    handler: || web::to(reconnect_by_api),
    name: "reconnect_hosts",
    chapter: Chapter::Hosts,
    summary: "Make new connections to hosts",
    query: None,
    takes: takes::<Which>(),
    gives: &[json::<HostsBody>(200, "How they are")],
    refuses: &[],
};

async fn reconnect_by_api(app: Data<App>, caller: Caller, stack: Path<String>, Body(which): Body<Which>) -> Reply {
    let stack: StackName = named("stack", &stack)?;
    tracing::info!(stack = %stack, who = %caller.who, "hosts are reconnected");
    let hosts = app.desk.reconnect_hosts(&stack, &which.hosts).await?;
    Ok(HttpResponse::Ok().json(HostsBody { hosts }))
}
