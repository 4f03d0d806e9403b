//! Cancelling a push, by page and by API. It must never lose a cancel when the browser goes.

use crate::desk::Reason;
use crate::stack::PushNumber;
use crate::web::app::App;
use crate::web::http::action::{Why, see};
use crate::web::http::api::call::{Call, Chapter, json, takes};
use crate::web::http::body::Body;
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::push::api::OrderTaken;
use crate::web::push::known::PushDetails;
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::web::{self, Data, Form, Path};
use serde::Deserialize;
use std::time::{Duration, Instant};

/// How long a browser is kept waiting for the end of a cancelled push: longer than hosts are given to end (TERM, 5 s, KILL).
const PATIENCE: Duration = Duration::from_secs(12);

/// What the form of a cancel carries.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Cancelled {
    /// Why.
    pub reason: Option<String>,
    /// `back`: the person wants to roll back afterwards.
    pub then: Option<String>,
}

/// `POST /pushes/{id}/cancel`
pub async fn cancel(app: Data<App>, caller: Caller, id: Path<String>, form: InTime<Form<Cancelled>>) -> Reply {
    let Cancelled { reason, then } = form.0.into_inner();
    let push = cancel_push(&app, &caller, &id, Why { reason }).await?;
    match then.as_deref() {
        Some("back") => where_to_roll_back(&app, push).await,
        _ => Ok(see(format!("/pushes/{push}"))),
    }
}

/// Leads to the page that rolls the push's stage back: as soon as the push has ended, so that its button can be pressed.
async fn where_to_roll_back(app: &Data<App>, push: PushNumber) -> Reply {
    let mut changes = app.desk.changes();
    let patience = Instant::now() + PATIENCE;
    loop {
        changes.mark_unchanged();
        let row = PushDetails::of(app.desk.ledger(), push).await?.row;
        let left = patience.saturating_duration_since(Instant::now());
        if !row.state.is_running() || left.is_zero() {
            return Ok(see(format!("/stacks/{}/stages/{}/rollback", row.stack, row.stage)));
        }
        let _ = tokio::time::timeout(left, changes.changed()).await;
    }
}

/// Cancels a push for the caller.
///
/// # Errors
/// Why it could not be cancelled.
pub async fn cancel_push(app: &Data<App>, caller: &Caller, id: &str, given: Why) -> Result<PushNumber, Problem> {
    let id: PushNumber = named("push", id)?;
    app.desk.cancel(id, &caller.who, Reason::parse(given.reason.as_deref())?).await?;
    Ok(id)
}

/// `POST /api/v1/pushes/{id}/cancel`
pub static CANCEL: Call = Call {
    handler: || web::to(cancel_by_api),
    name: "cancel",
    chapter: Chapter::Pushes,
    summary: "Cancel a push",
    query: None,
    takes: takes::<Why>(),
    gives: &[json::<OrderTaken>(202, "It is being cancelled")],
    refuses: &[],
};

async fn cancel_by_api(app: Data<App>, caller: Caller, id: Path<String>, Body(given): Body<Why>) -> Reply {
    let id = cancel_push(&app, &caller, &id, given).await?;
    Ok(HttpResponse::Accepted().json(OrderTaken { id }))
}
