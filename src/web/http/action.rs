//! What every request that changes something does alike: budget, idempotency key, reason. It must never do anything twice for one
//! click; that an order comes to its end even when the browser goes is the desk's. Called by the handlers, after the guard has seen to it that the form
//! came from a page of ours.

use super::body::{Fields, Kind};
use super::problem::Problem;
use crate::stack::{PushNumber, Revision, StackName};
use crate::web::app::App;
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use schemars::JsonSchema;
use serde::Deserialize;
use std::future::Future;
use std::time::Instant;

/// A reason, where one may be given.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct Why {
    /// Why.
    pub reason: Option<String>,
}

impl Fields for Why {
    const FIELDS: &'static [(&'static str, Kind)] = &[("reason", Kind::Text)];
    const NEEDED: Option<(&'static [&'static str], &'static str)> = None;
    const EXAMPLE: &'static str = r#"{"reason": "the graphs look odd"}"#;
}

/// Only after the names in it were parsed: nothing from outside gets into the header.
pub(crate) fn see(address: String) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, address)).finish()
}

/// A push of the caller, which counts when it is accepted.
///
/// # Errors
/// When they have pushed too often, or why nothing was pushed.
pub(crate) async fn within_budget(
    app: &App,
    caller: &Caller,
    push: impl Future<Output = Result<PushNumber, Problem>>,
) -> Result<PushNumber, Problem> {
    let (who, budgets) = (caller.who.as_str(), &app.budgets);
    let too_often = |wait| Problem::too_often("you tried to push", wait);
    budgets.tries.take(who, Instant::now()).map_err(too_often)?;
    budgets.pushes.spend(who, "you pushed", push).await
}

/// A version that someone names, by the whole revision or a beginning that only one has.
///
/// # Errors
/// When it is none, or may be several.
pub(crate) async fn version(app: &App, stack: &StackName, text: Option<&str>) -> Result<Option<Revision>, Problem> {
    match text.map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => Ok(Some(app.desk.revision_of(stack, text).await?)),
        None => Ok(None),
    }
}

/// A press's idempotency key. One page holds the same nonce in all its forms, so the key is the nonce for this person and
/// this button.
pub(crate) fn key(nonce: Option<String>, of: std::fmt::Arguments<'_>) -> Option<String> {
    let nonce = nonce.filter(|nonce| !nonce.is_empty())?;
    Some(format!("{of}/{}", nonce.chars().take(64).collect::<String>()))
}
