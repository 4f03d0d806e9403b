//! Sending an announcement again, by page and by API. It must never send it itself: its channel does, when its turn comes.

use crate::stack::{Access, StackName, StageName, Verb};
use crate::web::app::App;
use crate::web::http::action::see;
use crate::web::http::api::call::{Call, Chapter, Takes, json};
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::web::{self, Data, Form, Path};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// An announcement that is sent again.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct SentAgain {
    /// Its number.
    id: i64,
    /// Where it goes: `irc`, `slack-web`, `irc:#web`.
    channel: String,
    /// The key that tells a repetition; the same as the first time.
    key: String,
}

/// What the form carries.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct From {
    /// The push on whose page the button is.
    push: Option<String>,
}

/// `POST /api/v1/announcements/{announcement}/redeliver`
pub static REDELIVER: Call = Call {
    handler: || web::to(by_api),
    name: "redeliver",
    chapter: Chapter::Server,
    summary: "Send an announcement again, under the same key",
    query: None,
    takes: Takes::Nothing,
    gives: &[json::<SentAgain>(202, "It waits for its channel, and is sent at once")],
    refuses: &[],
};

async fn by_api(app: Data<App>, caller: Caller, id: Path<String>) -> Reply {
    Ok(HttpResponse::Accepted().json(redeliver(&app, &caller, &id).await?))
}

/// `POST /announcements/{announcement}/redeliver`
pub async fn by_form(app: Data<App>, caller: Caller, id: Path<String>, form: InTime<Form<From>>) -> Reply {
    redeliver(&app, &caller, &id).await?;
    let push = form.0.into_inner().push.and_then(|push| push.parse::<u64>().ok());
    Ok(see(push.map_or_else(|| "/announcements".to_owned(), |push| format!("/pushes/{push}"))))
}

async fn redeliver(app: &App, caller: &Caller, id: &str) -> Result<SentAgain, Problem> {
    let id: i64 = named("announcement", id)?;
    let too_often = |wait| Problem::too_often("you sent announcements again", wait);
    app.budgets.tries.take(caller.who.as_str(), Instant::now()).map_err(too_often)?;
    let sent = app.desk.redeliver(id, &caller.who).await?;
    Ok(SentAgain { id, channel: sent.to.to_string(), key: sent.key })
}

/// Whether a reader may send again what is about this.
pub(super) fn may(app: &App, access: &Access, stack: Option<&StackName>, stage: Option<&StageName>) -> bool {
    match (stack, stage) {
        (Some(stack), Some(stage)) => access.must(Verb::Push, stack, stage).is_ok(),
        (Some(stack), None) => access.must_on_stack(Verb::Push, stack, &app.desk.stages_of(stack)).is_ok(),
        (None, _) => access.must_on_server(Verb::Push).is_ok(),
    }
}
