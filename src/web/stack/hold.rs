//! Holds, by the forms of the pages and by the API: set, with an end or without, and released. It must never lose what a
//! person typed: a form that cannot be taken comes back as it was, with what is wrong. Called by the routes.

use super::hold_view::HoldForm;
use crate::desk::{BadUntil, Case, NeedsReason, Reason, Refusal, Until};
use crate::stack::{StackName, StageName};
use crate::time::At;
use crate::web::app::App;
use crate::web::http::action::{Why, see};
use crate::web::http::api::call::{Call, Chapter, nothing, takes};
use crate::web::http::body::{Body, Fields, Kind};
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use crate::web::view::frame::Section;
use crate::web::view::page::{frame, page};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Form, Path};
use jiff::civil::DateTime;
use jiff::tz::Offset;
use schemars::JsonSchema;
use serde::Deserialize;

/// What a hold carries in the API.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct Hold {
    /// Why: required.
    pub reason: Option<String>,
    /// When it is over: RFC 3339, or a length such as `2h`; none stands until someone releases it.
    pub until: Option<String>,
}

impl Fields for Hold {
    const FIELDS: &'static [(&'static str, Kind)] = &[("reason", Kind::Text), ("until", Kind::Text)];
    const NEEDED: Option<(&'static [&'static str], &'static str)> = Some((&["reason"], NeedsReason::Hold.why()));
    const EXAMPLE: &'static str = r#"{"reason": "the fair is on", "until": "2h"}"#;
}

/// What the form of a page carries.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Filled {
    reason: Option<String>,
    /// Nothing, a length, `tomorrow` or `at`.
    until: Option<String>,
    /// The time that was chosen with `at`: `2026-11-22T16:00`, in the zone.
    at: Option<String>,
    /// How many minutes the reader's zone was ahead of UTC at that time; without a script it is UTC, and the page says so.
    zone: Option<String>,
}

impl Filled {
    /// The end that was chosen.
    ///
    /// # Errors
    /// What is wrong with it.
    fn end(&self, now: At) -> Result<Option<Until>, Problem> {
        match self.until.as_deref().unwrap_or_default().trim() {
            "" => Ok(None),
            "tomorrow" => {
                let today = self.zone()?.to_datetime(now.timestamp());
                let nine = today.date().tomorrow().map_err(|bad| Problem::bad_request(bad.to_string()))?.at(9, 0, 0, 0);
                self.instant(nine).map(Some)
            }
            "at" => {
                let text = self.at.as_deref().unwrap_or_default().trim();
                let chosen = text.parse::<DateTime>().map_err(|_| match text {
                    "" => Problem::bad_request("choose the time when the hold ends"),
                    _ => {
                        let text: String = text.chars().take(40).collect();
                        Problem::bad_request(format!(
                            "{text:?} is not a time: choose a day and an hour, 2026-11-22T16:00"
                        ))
                    }
                })?;
                self.instant(chosen).map(Some)
            }
            length => end(length).map(Some),
        }
    }

    fn instant(&self, chosen: DateTime) -> Result<Until, Problem> {
        let at = self.zone()?.to_timestamp(chosen).map_err(|bad| Problem::bad_request(bad.to_string()))?;
        Ok(Until::At(At::from_millis(at.as_millisecond())))
    }

    fn zone(&self) -> Result<Offset, Problem> {
        let text = self.zone.as_deref().unwrap_or_default();
        let minutes = if text.is_empty() { Ok(0) } else { text.parse::<i32>() };
        let offset = minutes.ok().and_then(|minutes| Offset::from_seconds(minutes.checked_mul(60)?).ok());
        offset.ok_or_else(|| Problem::bad_request("the form has no valid time zone"))
    }
}

fn end(text: &str) -> Result<Until, Problem> {
    let refused = |bad: BadUntil| Problem::from(Refusal::BadRequest { case: Case::HoldEnd, why: bad.to_string() });
    text.parse().map_err(refused)
}

/// `POST /stacks/{stack}/hold`
pub async fn hold_stack(app: Data<App>, caller: Caller, stack: Path<String>, form: InTime<Form<Filled>>) -> Reply {
    by_form(&app, &caller, &stack, None, form.0.into_inner()).await
}

/// `POST /stacks/{stack}/stages/{stage}/hold`
pub async fn hold_stage(
    app: Data<App>,
    caller: Caller,
    place: Path<(String, String)>,
    form: InTime<Form<Filled>>,
) -> Reply {
    let (stack, stage) = place.into_inner();
    by_form(&app, &caller, &stack, Some(&stage), form.0.into_inner()).await
}

async fn by_form(app: &Data<App>, caller: &Caller, stack: &str, stage: Option<&str>, filled: Filled) -> Reply {
    let stack: StackName = named("stack", stack)?;
    let stage: Option<StageName> = stage.map(|stage| named("stage", stage)).transpose()?;
    let set = match filled.end(At::now()) {
        Ok(until) => set(app, caller, &stack, stage.as_ref(), filled.reason.clone(), until).await,
        Err(problem) => Err(problem),
    };
    match set {
        Ok(()) => Ok(see(format!("/stacks/{stack}"))),
        Err(problem) if problem.status == StatusCode::BAD_REQUEST => {
            let shown = HoldForm {
                stack: stack.to_string(),
                stage: stage.map(|stage| stage.to_string()),
                reason: filled.reason.unwrap_or_default(),
                until: filled.until.unwrap_or_default(),
                at: filled.at.unwrap_or_default(),
                problem: problem.message,
            };
            let frame = frame(app, Some(caller), Section::Stacks).await;
            Ok(page(problem.status, app.pages.hold(&frame, &shown)?))
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /stacks/{stack}/release-hold`
pub async fn release_stack(app: Data<App>, caller: Caller, stack: Path<String>, form: InTime<Form<Filled>>) -> Reply {
    release(&app, &caller, &stack, None, form.0.into_inner().reason).await?;
    Ok(see(format!("/stacks/{stack}")))
}

/// `POST /stacks/{stack}/stages/{stage}/release-hold`
pub async fn release_stage(
    app: Data<App>,
    caller: Caller,
    place: Path<(String, String)>,
    form: InTime<Form<Filled>>,
) -> Reply {
    let (stack, stage) = place.into_inner();
    release(&app, &caller, &stack, Some(&stage), form.0.into_inner().reason).await?;
    Ok(see(format!("/stacks/{stack}")))
}

/// `PUT /api/v1/stacks/{stack}/hold`
pub static HOLD_STACK: Call = Call {
    handler: || web::to(hold_stack_by_api),
    name: "hold_stack",
    chapter: Chapter::Stacks,
    summary: "Hold a stack",
    query: None,
    takes: takes::<Hold>(),
    gives: &[nothing(204, "It is held")],
    refuses: &[],
};

async fn hold_stack_by_api(app: Data<App>, caller: Caller, stack: Path<String>, Body(given): Body<Hold>) -> Reply {
    by_api(&app, &caller, &stack, None, given).await
}

/// `PUT /api/v1/stacks/{stack}/stages/{stage}/hold`
pub static HOLD_STAGE: Call = Call {
    handler: || web::to(hold_stage_by_api),
    name: "hold_stage",
    chapter: Chapter::Stacks,
    summary: "Hold a stage",
    query: None,
    takes: takes::<Hold>(),
    gives: &[nothing(204, "It is held")],
    refuses: &[],
};

async fn hold_stage_by_api(
    app: Data<App>,
    caller: Caller,
    place: Path<(String, String)>,
    Body(given): Body<Hold>,
) -> Reply {
    by_api(&app, &caller, &place.0, Some(&place.1), given).await
}

async fn by_api(app: &Data<App>, caller: &Caller, stack: &str, stage: Option<&str>, given: Hold) -> Reply {
    let stack: StackName = named("stack", stack)?;
    let stage: Option<StageName> = stage.map(|stage| named("stage", stage)).transpose()?;
    let until = given.until.as_deref().filter(|until| !until.is_empty()).map(end).transpose()?;
    set(app, caller, &stack, stage.as_ref(), given.reason, until).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /api/v1/stacks/{stack}/hold`
pub static RELEASE_STACK: Call = Call {
    handler: || web::to(release_stack_by_api),
    name: "release_stack",
    chapter: Chapter::Stacks,
    summary: "Release the hold of a stack",
    query: None,
    takes: takes::<Why>(),
    gives: &[nothing(204, "It is released")],
    refuses: &[],
};

async fn release_stack_by_api(app: Data<App>, caller: Caller, stack: Path<String>, Body(given): Body<Why>) -> Reply {
    release(&app, &caller, &stack, None, given.reason).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /api/v1/stacks/{stack}/stages/{stage}/hold`
pub static RELEASE_STAGE: Call = Call {
    handler: || web::to(release_stage_by_api),
    name: "release_stage",
    chapter: Chapter::Stacks,
    summary: "Release the hold of a stage",
    query: None,
    takes: takes::<Why>(),
    gives: &[nothing(204, "It is released")],
    refuses: &[],
};

async fn release_stage_by_api(
    app: Data<App>,
    caller: Caller,
    place: Path<(String, String)>,
    Body(given): Body<Why>,
) -> Reply {
    release(&app, &caller, &place.0, Some(&place.1), given.reason).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn set(
    app: &Data<App>,
    caller: &Caller,
    stack: &StackName,
    stage: Option<&StageName>,
    reason: Option<String>,
    until: Option<Until>,
) -> Result<(), Problem> {
    let reason = Reason::needed(reason.as_deref(), NeedsReason::Hold)?;
    Ok(app.desk.hold(stack, stage, &caller.who, reason, until).await?)
}

async fn release(
    app: &Data<App>,
    caller: &Caller,
    stack: &str,
    stage: Option<&str>,
    reason: Option<String>,
) -> Result<(), Problem> {
    let stack: StackName = named("stack", stack)?;
    let stage: Option<StageName> = stage.map(|stage| named("stage", stage)).transpose()?;
    let reason = Reason::parse(reason.as_deref())?;
    Ok(app.desk.release_hold(&stack, stage.as_ref(), &caller.who, reason).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_an_end_in_the_readers_own_time() {
        let now: At = "2026-11-21T22:30:00Z".parse().unwrap();
        let end = |until: &str, at: &str, zone: &str| {
            let some = |text: &str| Some(text.to_owned());
            Filled { until: some(until), at: some(at), zone: some(zone), ..Filled::default() }.end(now)
        };
        let at = |text: &str| Ok(Some(Until::At(text.parse().unwrap())));
        assert_eq!(end("", "2026-11-22T16:00", ""), Ok(None), "a time that is not chosen is none");
        assert_eq!(end("4h", "", "60"), Ok(Some(Until::For(4 * 3_600_000))));
        assert_eq!(end("tomorrow", "", ""), at("2026-11-22T09:00:00Z"));
        assert_eq!(end("tomorrow", "", "120"), at("2026-11-23T07:00:00Z"), "there it is tomorrow already");
        assert_eq!(end("tomorrow", "", "-480"), at("2026-11-22T17:00:00Z"));
        assert_eq!(end("at", "2026-11-22T16:00", ""), at("2026-11-22T16:00:00Z"));
        assert_eq!(end("at", "2026-11-22T16:00", "330"), at("2026-11-22T10:30:00Z"));
        for (until, chosen, zone) in [("at", "", ""), ("at", "soon", ""), ("later", "", ""), ("tomorrow", "", "x")] {
            assert_eq!(end(until, chosen, zone).unwrap_err().status, StatusCode::BAD_REQUEST, "{until} {chosen}");
        }
        assert!(end("tomorrow", "", "99999999999").is_err() && end("at", "2026-11-22T16:00", "9999").is_err());
    }
}
