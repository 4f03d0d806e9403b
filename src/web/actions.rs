//! What the forms of the pages do: press and cancel. They must never do anything twice for one click (the
//! nonce), nor half when the browser goes in the middle. Called by the routes, after the gate has seen to it that the
//! form came from a page of ours; the API calls the same functions.

use super::App;
use super::asking::Caller;
use super::body::{Fields, Kind};
use super::in_time::InTime;
use super::problem::{Problem, Reply};
use super::screens::{Known, named};
use crate::desk::{Decision, Press};
use crate::stack::{PushNumber, Revision, StackName, StageName};
use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Form, Path};
use serde::Deserialize;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A reason is one line of so many characters at most (TRUST section 5, *Text*).
const LONGEST_REASON: usize = 1000;
/// How long a browser is kept waiting for the end of a cancelled push: longer than hosts are given to end (TERM, 5 s, KILL).
const PATIENCE: Duration = Duration::from_secs(12);

/// What a press carries.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Pressed {
    /// What was seen on the button.
    #[serde(default)]
    pub seen: String,
    /// The version that is to go out instead of the newest one, when one was chosen.
    pub sha: Option<String>,
    /// The hash of the plan that was seen.
    pub plan_hash: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The press's idempotency key.
    pub nonce: Option<String>,
}

impl Fields for Pressed {
    const FIELDS: &'static [(&'static str, Kind)] = &[
        ("seen", Kind::Text),
        ("sha", Kind::Text),
        ("plan_hash", Kind::Text),
        ("reason", Kind::Text),
        ("nonce", Kind::Text),
    ];
    const NEEDED: Option<(&'static [&'static str], &'static str)> = Some((
        &["seen", "sha"],
        "a push names what goes out: `seen` as GET …/plan says it, or `sha` for another version than the newest",
    ));
    const EXAMPLE: &'static str = r#"{"seen": "51d0c3e04f9b7a2f6c8d1e3a5b7c9d0e1f2a3b4c"}"#;
}

/// A reason, where one may be given.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Reason {
    /// Why.
    pub reason: Option<String>,
}

impl Fields for Reason {
    const FIELDS: &'static [(&'static str, Kind)] = &[("reason", Kind::Text)];
    const NEEDED: Option<(&'static [&'static str], &'static str)> = None;
    const EXAMPLE: &'static str = r#"{"reason": "the graphs look odd"}"#;
}

/// `POST /stacks/{stack}/stages/{stage}/push`
pub async fn push(app: Data<App>, caller: Caller, place: Path<(String, String)>, form: InTime<Form<Pressed>>) -> Reply {
    let push = press(&app, &caller, &place, form.0.into_inner()).await?;
    Ok(see(format!("/pushes/{push}")))
}

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
    let push = cancel_push(&app, &caller, &id, Reason { reason }).await?;
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
        let row = Known::of(app.desk.ledger(), push).await?.row;
        let left = patience.saturating_duration_since(Instant::now());
        if row.state != "running" || left.is_zero() {
            let (stack, stage): (StackName, StageName) = (named("stack", &row.stack)?, named("stage", &row.stage)?);
            return Ok(see(format!("/stacks/{stack}/stages/{stage}/rollback")));
        }
        let _ = tokio::time::timeout(left, changes.changed()).await;
    }
}

/// Only after the names in it were parsed: nothing from outside gets into the header.
pub(super) fn see(address: String) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, address)).finish()
}

/// Presses a button for the caller.
///
/// # Errors
/// Why nothing was pushed.
pub async fn press(
    app: &Data<App>,
    caller: &Caller,
    (stack, stage): &(String, String),
    pressed: Pressed,
) -> Result<PushNumber, Problem> {
    let (stack, stage): (StackName, StageName) = (named("stack", stack)?, named("stage", stage)?);
    let version = version(app, &stack, pressed.sha.as_deref()).await?;
    // By the API it was refused already, with an example.
    if version.is_none() && pressed.seen.trim().is_empty() {
        return Err(Problem::missing(
            "the form does not say what was seen on the button: load its page anew, and press there",
        ));
    }
    let nonce = key(pressed.nonce, format_args!("{}/{stack}/{stage}", caller.who));
    let press = Press {
        stack,
        stage,
        who: caller.who.clone(),
        seen: pressed.seen.trim().to_owned(),
        plan_hash: pressed.plan_hash.filter(|hash| !hash.is_empty()),
        reason: one_line(pressed.reason)?,
        nonce,
    };
    let desk = Arc::clone(&app.desk);
    let pushed = to_the_end(async move {
        match version {
            None => desk.press(press).await,
            Some(version) => desk.press_version(press, &version).await,
        }
    });
    within_budget(app, caller, pushed).await
}

/// A push of the caller, which counts when it is accepted.
///
/// # Errors
/// When they have pushed too often, or why nothing was pushed.
pub(super) async fn within_budget(
    app: &App,
    caller: &Caller,
    push: impl Future<Output = Result<PushNumber, Problem>>,
) -> Result<PushNumber, Problem> {
    let (who, budgets) = (caller.who.as_str(), &app.budgets);
    let too_often = |wait| Problem::too_often("you tried to push", wait);
    budgets.tries.take(who, Instant::now()).map_err(too_often)?;
    budgets.pushes.spend(who, "you pushed", push).await
}

/// A version that somebody names, by the whole revision or a beginning that only one has.
///
/// # Errors
/// When it is none, or may be several.
pub(super) async fn version(app: &App, stack: &StackName, text: Option<&str>) -> Result<Option<Revision>, Problem> {
    match text.map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => Ok(Some(app.desk.revision_of(stack, text).await?)),
        None => Ok(None),
    }
}

/// A press's idempotency key. One page holds the same nonce in all its forms, so the key is the nonce for this person and
/// this button.
pub(super) fn key(nonce: Option<String>, of: std::fmt::Arguments<'_>) -> Option<String> {
    let nonce = nonce.filter(|nonce| !nonce.is_empty())?;
    Some(format!("{of}/{}", nonce.chars().take(64).collect::<String>()))
}

/// Cancels a push for the caller.
///
/// # Errors
/// Why it could not be cancelled.
pub async fn cancel_push(app: &Data<App>, caller: &Caller, id: &str, given: Reason) -> Result<PushNumber, Problem> {
    let id: PushNumber = named("push", id)?;
    let (app, who, reason) = (app.clone(), caller.who.clone(), one_line(given.reason)?);
    to_the_end(async move { app.desk.cancel(id, &who, reason).await }).await?;
    Ok(id)
}

/// Lets a decision come to its end even when the browser goes in the middle, which drops the handler: a push that is in
/// the ledger must get its runner.
pub(super) async fn to_the_end<T: Send + 'static>(
    decision: impl Future<Output = Decision<T>> + Send + 'static,
) -> Result<T, Problem> {
    Ok(tokio::spawn(decision).await.map_err(Problem::broken)??)
}

/// What a person wrote, as one line without control characters; none when there is nothing.
pub(super) fn one_line(text: Option<String>) -> Result<Option<String>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.chars().count() {
        0 => Ok(None),
        1..=LONGEST_REASON => Ok(Some(line)),
        long => Err(Problem::bad_request(format!(
            "the reason is {long} characters long; at most {LONGEST_REASON} are kept"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_clean_line() {
        let line = |text: &str| one_line(Some(text.to_owned()));
        assert_eq!(line(" hot\r\nfix\t\u{1b}[31m \u{85}now "), Ok(Some("hot fix [31m now".to_owned())));
        assert_eq!(line(" \n "), Ok(None));
        assert_eq!(one_line(None), Ok(None));
        assert!(line(&"é".repeat(1000)).is_ok());
        assert!(line(&"é".repeat(1001)).is_err());
    }
}
