//! What every request that changes something does alike: budget, idempotency key, reason, to its end even when the browser
//! goes. It must never do anything twice for one click. Called by the handlers, after the guard has seen to it that the form
//! came from a page of ours.

use super::body::{Fields, Kind};
use super::problem::Problem;
use crate::desk::Decision;
use crate::stack::{PushNumber, Revision, StackName};
use crate::web::app::App;
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use serde::Deserialize;
use std::future::Future;
use std::time::Instant;

/// A reason is one line of so many characters at most (TRUST section 5, *Text*).
const LONGEST_REASON: usize = 1000;

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

/// A version that somebody names, by the whole revision or a beginning that only one has.
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

/// Lets a decision come to its end even when the browser goes in the middle, which drops the handler: a push that is in
/// the ledger must get its runner.
pub(crate) async fn to_the_end<T: Send + 'static>(
    decision: impl Future<Output = Decision<T>> + Send + 'static,
) -> Result<T, Problem> {
    Ok(tokio::spawn(decision).await.map_err(Problem::broken)??)
}

/// What a person wrote, as one line without control characters; none when there is nothing.
pub(crate) fn one_line(text: Option<String>) -> Result<Option<String>, Problem> {
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
